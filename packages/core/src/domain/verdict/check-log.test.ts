import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import { text } from '../../formats/dicom/values.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import {
  sealedAt,
  toyCrypto,
  toyElements,
  toyFile,
  toySeal,
  toyTimestamp,
  verifyOptions,
} from '../../testing/toy-seal.ts'
import type { ConsultedLog, InstanceRecord, LogEvidence } from '../log/logged-instance.ts'
import { formatSeal, type Seal } from '../seal/seal.ts'
import { Digests } from '../signature/digest.ts'
import { type Belief, believe } from './belief.ts'
import type { Check } from './check.ts'
import { checkLog, checkLogTime, isRecordedAsIs } from './check-log.ts'
import { type Evidence, gatherEvidence } from './evidence.ts'
import { type FileMarks, measureMarks } from './file-marks.ts'

const UID = '2.25.1001'
const OTHER_UID = '2.25.1002'
const other = sha256(encodeUtf8('other'))
const device = sha256(encodeUtf8('the device'))
const stranger = sha256(encodeUtf8('a stranger'))

/** What the log could say about an image: records are made of these parts. */
const consulted = (records: readonly InstanceRecord[], more: Partial<ConsultedLog> = {}): ConsultedLog => ({
  state: 'consulted',
  origin: 'example.org/log',
  size: 1000n,
  isWitnessed: true,
  records,
  ...more,
})

const spell = (checks: readonly Check[]): readonly string[] =>
  checks.map((check) => {
    const where = check.where === undefined ? '' : ` at ${check.where.join(', ')}`
    return `${check.outcome === 'holds' ? 'holds' : `${check.outcome}: ${check.reason}`}${where}`
  })

describe('checkLog', () => {
  let seal: Seal
  let sealed: Evidence
  let belief: Belief
  let bare: Evidence
  let marks: FileMarks
  before(async () => {
    const file = toyFile()
    seal = await toySeal()
    sealed = gatherEvidence(file, formatSeal(seal), verifyOptions)
    belief = believe(sealed.seal) as Belief
    bare = gatherEvidence(file, undefined, verifyOptions)
    marks = measureMarks(file, bare.signatures, {
      crypto: toyCrypto,
      digests: new Digests(file.dataSet, toyCrypto.hash),
    })
  })

  it('rests on a seal that is believed, and on marks where there is none', () => {
    assert.notEqual(belief, undefined)
    // The toy seal is of the same content, and of a file with signatures that the toy file lacks.
    assert.deepEqual(marks.digests.dataset, belief.statement.dataset)
    assert.deepEqual(marks.digests.frames, belief.statement.pixels?.root)
    assert.notDeepEqual(marks.digests.file, belief.statement.file)
    assert.deepEqual(marks.signers, [])
  })

  /** A record of the sealed image as an acquisition logs it. */
  const acquired = (index: bigint, overrides: Partial<InstanceRecord> = {}): InstanceRecord => {
    const { file, dataset, pixels } = seal.statement
    return {
      index,
      type: 'acquired',
      at: sealedAt,
      sopInstanceUid: UID,
      digests: { file, dataset, ...(pixels && { frames: pixels.root }) },
      deviceCertificate: device,
      ...overrides,
    }
  }
  const digests = (
    overrides: Partial<Record<'file' | 'dataset' | 'frames', Uint8Array>>,
  ): { digests: InstanceRecord['digests'] } => ({ digests: { ...acquired(0n).digests, ...overrides } })
  const otherFrames = () => digests({ file: other, dataset: other, frames: other })
  const otherAttributes = () => digests({ file: other, dataset: other })
  const otherFile = () => digests({ file: other })
  /** Of the file at hand, which has no signatures. */
  const thisFile = () => digests({ file: marks.digests.file as Uint8Array })
  const withoutDigests = { digests: {} }
  const entry = { index: 7n, inclusion: 'holds' } as const

  interface Situation {
    readonly name: string
    /** Default: the seal is there, and believed. */
    readonly isBare?: boolean
    /** Who else signed in the file that has no seal. */
    readonly signers?: readonly Uint8Array[]
    readonly log: () => LogEvidence
    readonly expected: readonly string[]
  }

  const SITUATIONS: readonly Situation[] = [
    {
      name: 'a seal that is recorded',
      log: () => consulted([acquired(7n)], { entry }),
      expected: ['holds at entry 7'],
    },
    {
      name: 'a seal that is recorded, of an image that went on since',
      log: () =>
        consulted(
          [acquired(7n), acquired(8n, { type: 'forwarded' }), acquired(9n, { type: 'transcoded', ...otherFile() })],
          {
            entry,
          },
        ),
      expected: ['holds at entry 7'],
    },
    {
      name: 'a seal by a proof alone',
      log: () => ({ state: 'proof', origin: 'example.org/log', size: 8n, isWitnessed: true, entry }),
      expected: ['holds at entry 7'],
    },
    {
      name: 'a proof that leads nowhere',
      log: () => ({
        state: 'proof',
        origin: 'example.org/log',
        size: 8n,
        isWitnessed: true,
        entry: { ...entry, inclusion: 'fails' },
      }),
      expected: ['fails: proof_wrong at entry 7'],
    },
    {
      name: 'an entry that is not where the log says',
      log: () => consulted([acquired(7n)], { entry: { ...entry, inclusion: 'fails' } }),
      expected: ['fails: proof_wrong at entry 7'],
    },
    {
      name: 'a log without enough witnesses',
      log: () => consulted([acquired(7n)], { entry, isWitnessed: false }),
      expected: ['unknown: unwitnessed'],
    },
    {
      name: 'a proof without enough witnesses',
      log: () => ({ state: 'proof', origin: 'example.org/log', size: 8n, isWitnessed: false, entry }),
      expected: ['unknown: unwitnessed'],
    },
    {
      name: 'a quoted checkpoint of another history',
      log: () => consulted([acquired(7n)], { entry, quoted: { consistency: 'fails' } }),
      expected: ['fails: log_forked'],
    },
    {
      name: 'a quoted checkpoint of another history, and no record',
      log: () => consulted([], { quoted: { consistency: 'fails' } }),
      expected: ['fails: log_forked'],
    },
    {
      name: 'a quoted checkpoint that nobody could look at',
      log: () => consulted([acquired(7n)], { entry, quoted: { consistency: 'unknown' } }),
      expected: ['holds at entry 7'],
    },
    {
      name: 'a seal that is unknown, of an unknown image',
      log: () => consulted([]),
      expected: ['unknown: unrecorded'],
    },
    {
      name: 'a second seal that is not recorded',
      log: () => consulted([acquired(3n, otherFile())]),
      expected: ['unknown: seal_unrecorded at entry 3'],
    },
    {
      name: 'an unrecorded seal over other attributes than are recorded',
      log: () => consulted([acquired(3n, otherAttributes())]),
      expected: ['unknown: record_differs at entry 3'],
    },
    {
      name: 'an unrecorded seal over other samples than are recorded',
      log: () => consulted([acquired(3n, otherFrames()), acquired(4n, { type: 'received', ...otherFrames() })]),
      expected: ['fails: replaced at entry 3, entry 4'],
    },
    {
      name: 'a recorded seal, where other samples were sealed before',
      log: () => consulted([acquired(3n, otherFrames()), acquired(7n)], { entry }),
      expected: ['fails: replaced at entry 3'],
    },
    {
      name: 'a recorded seal, where the image was recorded right and wrong before',
      log: () => consulted([acquired(3n, otherFrames()), acquired(5n), acquired(7n)], { entry }),
      expected: ['fails: replaced at entry 3'],
    },
    {
      name: 'a recorded seal, where other samples were sealed after it',
      log: () => consulted([acquired(7n), acquired(9n, otherFrames())], { entry }),
      expected: ['holds at entry 7'],
    },
    {
      name: 'a recorded seal, where other attributes were sealed before',
      log: () => consulted([acquired(3n, otherAttributes()), acquired(7n)], { entry }),
      expected: ['unknown: record_differs at entry 3'],
    },
    {
      name: 'the seal of a gateway that corrected attributes',
      log: () =>
        consulted(
          [acquired(3n, { type: 'received', ...otherAttributes() }), acquired(7n, { type: 'sealed-at-gateway' })],
          {
            entry,
          },
        ),
      expected: ['holds at entry 7'],
    },
    {
      name: 'the seal of a gateway over other samples than it received',
      log: () =>
        consulted([acquired(3n, { type: 'received', ...otherFrames() }), acquired(7n, { type: 'sealed-at-gateway' })], {
          entry,
        }),
      expected: ['fails: replaced at entry 3'],
    },
    {
      name: 'what others say of the image, which is no description of it',
      log: () => consulted([acquired(3n, { type: 'verified', ...otherFrames() }), acquired(7n)], { entry }),
      expected: ['holds at entry 7'],
    },
    {
      name: 'an image of a drill that was withdrawn',
      log: () => consulted([acquired(7n), acquired(9n, { type: 'drill-withdrawn', ...withoutDigests })], { entry }),
      expected: ['fails: withdrawn at entry 9'],
    },
    {
      name: 'an image whose namesake of another identifier was withdrawn',
      log: () =>
        consulted(
          [acquired(7n), acquired(9n, { type: 'drill-withdrawn', sopInstanceUid: OTHER_UID, ...otherAttributes() })],
          {
            entry,
          },
        ),
      expected: ['holds at entry 7'],
    },
    {
      name: 'an image whose record was erased',
      log: () => consulted([{ index: 9n, type: 'erased', at: sealedAt, sopInstanceUid: UID, digests: {} }]),
      expected: ['unknown: record_erased'],
    },

    { name: 'a bare image that is unknown', isBare: true, log: () => consulted([]), expected: ['unknown: unrecorded'] },
    {
      name: 'a bare image that was sealed',
      isBare: true,
      log: () => consulted([acquired(7n)]),
      expected: ['fails: stripped at entry 7'],
    },
    {
      name: 'a bare image that was sealed at a gateway',
      isBare: true,
      log: () => consulted([acquired(7n, { type: 'sealed-at-gateway' })]),
      expected: ['fails: stripped at entry 7'],
    },
    {
      name: 'a bare image that was sealed, by a log without enough witnesses',
      isBare: true,
      log: () => consulted([acquired(7n)], { isWitnessed: false }),
      expected: ['fails: stripped at entry 7'],
    },
    {
      name: 'a bare image that was sealed and changed since',
      isBare: true,
      log: () => consulted([acquired(7n, otherAttributes())]),
      expected: ['fails: stripped at entry 7'],
    },
    {
      name: 'a bare image in the place of one that was sealed',
      isBare: true,
      log: () => consulted([acquired(7n, otherFrames())]),
      expected: ['fails: replaced at entry 7', 'fails: stripped at entry 7'],
    },
    {
      name: 'a bare image in the place of one that was received',
      isBare: true,
      log: () => consulted([acquired(7n, { type: 'received', ...otherFrames() })]),
      expected: ['fails: replaced at entry 7'],
    },
    {
      name: 'an image that a stranger signed in place of the device',
      isBare: true,
      signers: [stranger],
      log: () => consulted([acquired(7n)]),
      expected: ['fails: stripped at entry 7'],
    },
    {
      name: 'an image with the signature of its device, whose seal is lost, in another file',
      isBare: true,
      signers: [stranger, device],
      log: () => consulted([acquired(7n)]),
      expected: ['unknown: recorded_otherwise at entry 7'],
    },
    {
      name: 'a signed image whose record does not say who signed',
      isBare: true,
      signers: [stranger],
      log: () => {
        const { deviceCertificate: _, ...record } = acquired(7n)
        return consulted([record])
      },
      expected: ['unknown: recorded_otherwise at entry 7'],
    },
    {
      name: 'a file that is recorded as it is',
      isBare: true,
      log: () => consulted([acquired(7n, { type: 'received', ...thisFile() })]),
      expected: ['holds'],
    },
    {
      name: 'the sealed file itself, whose seal is lost',
      isBare: true,
      log: () => consulted([acquired(7n, thisFile())]),
      expected: ['holds'],
    },
    {
      name: 'a file that is recorded as it is, in a log without enough witnesses',
      isBare: true,
      log: () => consulted([acquired(7n, { type: 'received', ...thisFile() })], { isWitnessed: false }),
      expected: ['unknown: unwitnessed'],
    },
    {
      name: 'an image that a gateway sealed beside the file, in the file of an archive',
      isBare: true,
      log: () =>
        consulted([
          acquired(7n, { type: 'received', ...otherFile() }),
          acquired(8n, { type: 'sealed-at-gateway', ...otherFile() }),
        ]),
      expected: ['unknown: recorded_otherwise at entry 7, entry 8'],
    },
    {
      name: 'an image that a gateway sealed beside the file, with other attributes since',
      isBare: true,
      log: () =>
        consulted([
          acquired(7n, { type: 'received', ...otherAttributes() }),
          acquired(8n, { type: 'sealed-at-gateway', ...otherAttributes() }),
        ]),
      expected: ['unknown: record_differs at entry 7, entry 8'],
    },
    {
      name: 'an image that a gateway sealed in the file, in another file without that signature',
      isBare: true,
      log: () =>
        consulted([
          acquired(7n, { type: 'received', ...otherFile() }),
          acquired(8n, { type: 'sealed-at-gateway', ...digests({ file: stranger }) }),
        ]),
      expected: ['fails: stripped at entry 8'],
    },
    {
      name: 'a file that was only looked at',
      isBare: true,
      log: () => consulted([acquired(7n, { type: 'verified', ...thisFile() })]),
      expected: ['unknown: unrecorded'],
    },
    {
      name: 'an image that was received with other attributes',
      isBare: true,
      log: () => consulted([acquired(7n, { type: 'received', ...otherAttributes() })]),
      expected: ['unknown: record_differs at entry 7'],
    },
    {
      name: 'an image that was received in another file',
      isBare: true,
      log: () => consulted([acquired(7n, { type: 'received', ...otherFile() })]),
      expected: ['unknown: recorded_otherwise at entry 7'],
    },
    {
      name: 'an image of which the log kept no digest',
      isBare: true,
      log: () => consulted([acquired(7n, { type: 'received', ...withoutDigests })]),
      expected: ['unknown: recorded_otherwise at entry 7'],
    },
    {
      name: 'one of several files that are recorded for an image',
      isBare: true,
      log: () =>
        consulted([
          acquired(5n, { type: 'received', ...otherFrames() }),
          acquired(7n, { type: 'derived', ...otherFile() }),
        ]),
      expected: ['unknown: recorded_otherwise at entry 5, entry 7'],
    },
    {
      name: 'pixels that are sealed under another identifier',
      isBare: true,
      log: () => consulted([acquired(7n, { sopInstanceUid: OTHER_UID, ...otherAttributes() })]),
      expected: ['unknown: other_identifier at entry 7'],
    },
    {
      name: 'a sealed image that a record names by its bytes alone',
      isBare: true,
      log: () => {
        const { sopInstanceUid: _, ...record } = acquired(7n, otherFile())
        return consulted([record])
      },
      expected: ['fails: stripped at entry 7'],
    },
  ]
  for (const { name, isBare = false, signers, log, expected } of SITUATIONS) {
    it(`judges ${name}`, () => {
      const evidence = isBare ? { ...bare, marks: { ...marks, ...(signers && { signers }) } } : sealed
      assert.deepEqual(spell(checkLog({ ...evidence, log: log() }, isBare ? undefined : belief, false)), expected)
    })
  }

  it('says that no log was asked only where one is asked for', () => {
    assert.deepEqual(checkLog(sealed, belief, false), [])
    assert.deepEqual(spell(checkLog(sealed, belief, true)), ['unknown: log_not_consulted'])
  })

  it('says why a log could not be asked', () => {
    const evidence: Evidence = { ...sealed, log: { state: 'unavailable', code: 'service_unreachable' } }
    assert.deepEqual(spell(checkLog(evidence, belief, false)), ['unknown: log_unavailable at service_unreachable'])
  })

  it('lets nobody accuse the log who is not believed', () => {
    const evidence: Evidence = {
      ...sealed,
      marks,
      log: consulted([acquired(7n)], { entry, quoted: { consistency: 'fails' } }),
    }
    assert.deepEqual(spell(checkLog(evidence, undefined, false)), ['holds at entry 7'])
  })

  it('knows an image again that was compressed with zeros above signed samples', () => {
    const record = acquired(7n, { type: 'received', ...digests({ file: other, dataset: other, frames: other }) })
    const evidence: Evidence = { ...bare, marks, log: consulted([record]) }
    assert.deepEqual(spell(checkLog(evidence, undefined, false)), ['fails: replaced at entry 7'])
    const extended = { ...evidence, marks: { ...marks, zeroExtended: other } }
    assert.deepEqual(spell(checkLog(extended, undefined, false)), ['unknown: record_differs at entry 7'])
  })

  it('does not take a file without a UID for one that the log knows', () => {
    const file = toyFile(toyElements([text(0x00080018, 'UI', ''), text(0x00100020, 'LO', 'P-2')]))
    const means = { crypto: toyCrypto, digests: new Digests(file.dataSet, toyCrypto.hash) }
    const evidence = gatherEvidence(file, undefined, verifyOptions)
    const marked = { ...evidence, marks: measureMarks(file, evidence.signatures, means) }
    const { sopInstanceUid: _, ...nameless } = acquired(8n, otherFrames())
    const log = consulted([acquired(7n), nameless])
    assert.deepEqual(spell(checkLog({ ...marked, log }, undefined, false)), [
      'unknown: other_identifier at entry 7, entry 8',
    ])
  })

  describe('isRecordedAsIs', () => {
    const ask = (record: InstanceRecord, evidence: Partial<Evidence> = { marks }): boolean =>
      isRecordedAsIs({ ...bare, log: consulted([record]), ...evidence })

    it('holds for the same bytes and no others', () => {
      assert.equal(ask(acquired(1n, thisFile()), { marks }), true)
      assert.equal(ask(acquired(1n, { type: 'received', ...thisFile() }), { marks }), true)
      assert.equal(ask(acquired(1n), { marks }), false)
      assert.equal(ask(acquired(1n, withoutDigests), { marks }), false)
    })

    it('does not hold for bytes that were only looked at, that nobody measured, or that a log was not asked about', () => {
      assert.equal(ask(acquired(1n, { type: 'verified', ...thisFile() }), { marks }), false)
      assert.equal(ask(acquired(1n, thisFile()), {}), false)
      assert.equal(ask(acquired(1n, thisFile()), { marks, log: { state: 'unavailable', code: 'log_missing' } }), false)
    })
  })

  describe('checkLogTime', () => {
    const MINUTE = 60_000
    const HOUR = 60 * MINUTE
    const DAY = 24 * HOUR
    const after = (ms: number): Date => new Date(sealedAt.getTime() + ms)
    const quoted = (ms: number, consistency: 'holds' | 'fails' | 'unknown' = 'holds') => ({
      quoted: { consistency, notBefore: after(ms) },
    })
    const entered = (ms: number, inclusion: 'holds' | 'fails' = 'holds') => ({
      entry: { index: 7n, inclusion, notAfter: after(ms + DAY), notBefore: after(ms) },
    })
    const coveredBy = (ms: number) => ({ entry: { index: 7n, inclusion: 'holds', notAfter: after(ms) } }) as const
    const times: readonly (readonly [string, Partial<ConsultedLog>, readonly string[]])[] = [
      ['no times', { entry, quoted: { consistency: 'holds' } }, []],
      ['a checkpoint before the seal, and one soon after', { ...quoted(-HOUR), ...entered(MINUTE) }, []],
      ['a clock that is four minutes behind', quoted(4 * MINUTE), []],
      ['a checkpoint that is ten minutes younger than the seal', quoted(10 * MINUTE), ['fails: back_dated']],
      [
        'a checkpoint that is a year younger',
        { ...quoted(8760 * HOUR), ...entered(8761 * HOUR) },
        ['fails: back_dated'],
      ],
      ['a younger checkpoint that nobody could look at', quoted(10 * MINUTE, 'unknown'), []],
      ['a younger checkpoint that the log never had', quoted(10 * MINUTE, 'fails'), []],
      ['a record of the next day', entered(23 * HOUR), []],
      ['a record of two days later', entered(48 * HOUR), ['unknown: recorded_late at entry 7']],
      ['a late record that does not verify', entered(48 * HOUR, 'fails'), []],
      ['a record that nobody signed for until a year later', coveredBy(8760 * HOUR), []],
      ['a record four minutes before the seal', coveredBy(-4 * MINUTE), []],
      [
        'a record an hour before the seal',
        coveredBy(-HOUR),
        ['fails: time_contradicted at recorded before it was sealed'],
      ],
    ]
    for (const [name, parts, expected] of times) {
      it(`weighs ${name}`, () => {
        assert.deepEqual(spell(checkLogTime(consulted([], parts), belief)), expected)
        if ('entry' in parts && parts.entry !== undefined) {
          const { entry: proven, quoted: cited } = parts
          const proof: LogEvidence = {
            state: 'proof',
            origin: 'example.org/log',
            size: 8n,
            isWitnessed: true,
            entry: proven,
            ...(cited && { quoted: cited }),
          }
          assert.deepEqual(spell(checkLogTime(proof, belief)), expected)
        }
      })
    }

    it('believes no timestamp that is older than the checkpoint under it', () => {
      // The clock of the sealer is right, that of its authority is turned back.
      const back = new Date(sealedAt.getTime() - HOUR)
      const stamped = { ...belief, provenAt: back }
      assert.deepEqual(spell(checkLogTime(consulted([], quoted(-10 * MINUTE)), stamped)), ['fails: back_dated'])
      assert.deepEqual(spell(checkLogTime(consulted([], quoted(-10 * MINUTE)), belief)), [])
    })

    it('says nothing without a seal that is believed, or without a log', () => {
      assert.deepEqual(checkLogTime(consulted([], entered(48 * HOUR)), undefined), [])
      assert.deepEqual(checkLogTime({ state: 'not_consulted' }, belief), [])
      assert.deepEqual(checkLogTime({ state: 'unavailable', code: 'log_missing' }, belief), [])
    })

    it('takes the time of the seal, not of a stamp that came late', async () => {
      const late = await toySeal({ timestamp: toyTimestamp(after(20 * HOUR)) })
      const believed = believe(gatherEvidence(toyFile(), formatSeal(late), verifyOptions).seal) as Belief
      assert.deepEqual(spell(checkLogTime(consulted([], entered(25 * HOUR)), believed)), [
        'unknown: recorded_late at entry 7',
      ])
    })
  })
})
