/**
 * A custody log beside sealing and verifying: what tells apart an image that was stripped from one that nobody knows, a
 * seal with a false date from one that is right, and the first of two seals from the second.
 *
 * The log here is a list that answers as a log does which has verified what it says. That a real one verifies it, is
 * tested with the log.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { equalBytes, joinBytes } from '@fiducial/core/bytes/text.ts'
import { setElements } from '@fiducial/core/domain/forge/edit.ts'
import { stripAll } from '@fiducial/core/domain/forge/forgeries.ts'
import type {
  InstanceQuestion,
  InstanceRecord,
  LogEvidence,
  LoggedSeal,
  QuotedStanding,
} from '@fiducial/core/domain/log/logged-instance.ts'
import { parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import type { Judgement } from '@fiducial/core/domain/verdict/judge.ts'
import { RECORDED_POLICY, SIGNATURES_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import type { QuotedCheckpoint } from '@fiducial/core/formats/tlog/quoted-checkpoint.ts'
import { toyElements } from '@fiducial/core/testing/toy-seal.ts'
import type { InstanceLog } from '../services/ports.ts'
import { sealSeries } from '../services/seal-series.ts'
import type { VerifiedInstance } from '../services/verify-instance.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { complaints, createSealingSite, type SealedImage, type SealingSite, sha256 } from './sealing-site.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const dicom = (...elements: Parameters<typeof toyElements>[0] & object): Uint8Array =>
  joinBytes([...encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: toyElements(elements) })])
const otherPixels = { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(96).fill(1) } as const

interface ListedLog extends InstanceLog {
  readonly asked: InstanceQuestion[]
  add(image: SealedImage): void
  addRecord(record: Omit<InstanceRecord, 'index' | 'at'>): void
}

/** @param facts  what it says about the times of entries and of quoted checkpoints */
function listedLog(facts: Partial<LoggedSeal> & { readonly quoted?: QuotedStanding } = {}): ListedLog {
  const records: (InstanceRecord & { readonly payload?: Uint8Array })[] = []
  const asked: InstanceQuestion[] = []
  const { quoted, ...entry } = facts
  const isSame = (a?: Uint8Array, b?: Uint8Array): boolean => a !== undefined && b !== undefined && equalBytes(a, b)
  return {
    asked,
    add({ seal }) {
      const { envelope, statement } = parseSeal(seal)
      const { file, dataset, pixels, instance, device, sealedAt } = statement
      records.push({
        index: BigInt(records.length),
        type: 'acquired',
        at: sealedAt,
        ...(instance.sopInstanceUid !== null && { sopInstanceUid: instance.sopInstanceUid }),
        digests: { file, dataset, ...(pixels && { frames: pixels.root }) },
        ...(device.certificates.dicom[0] && { deviceCertificate: device.certificates.dicom[0] }),
        statementSha256: sha256(envelope.payload),
        payload: envelope.payload,
      })
    },
    addRecord(record) {
      records.push({ ...record, index: BigInt(records.length), at: new Date() })
    },
    async lookUp(question): Promise<LogEvidence> {
      asked.push(question)
      const { seal, digests, sopInstanceUid } = question
      const found = records.filter(
        (record) =>
          (sopInstanceUid !== undefined && record.sopInstanceUid === sopInstanceUid) ||
          (['file', 'dataset', 'frames'] as const).some((kind) => isSame(record.digests[kind], digests[kind])),
      )
      const own = records.find(({ payload }) => isSame(payload, seal?.payload))
      return {
        state: 'consulted',
        origin: 'example.org/log',
        size: BigInt(records.length),
        isWitnessed: true,
        records: found,
        ...(own && { entry: { index: own.index, inclusion: 'holds', ...entry } }),
        ...(quoted && seal?.checkpoint && { quoted }),
      }
    },
  }
}

describe('sealing and verifying beside a custody log', () => {
  const folder = temporaryFolder()
  const bytes = dicom()
  const checkpoint: QuotedCheckpoint = { origin: 'example.org/log', size: 41n, root: new Uint8Array(32).fill(5) }
  let site: SealingSite
  let sealed: SealedImage
  before(async () => {
    site = await createSealingSite(folder)
    sealed = await site.seal(bytes, { checkpoint: async () => checkpoint })
  })
  const verify = (image: SealedImage, log: InstanceLog): Promise<VerifiedInstance> =>
    site.verify(image.image, image.seal, { log })
  const lines = ({ verdict, level, content }: Judgement): readonly string[] => [verdict, level, content]
  const logOf = (...images: readonly SealedImage[]): ListedLog => {
    const log = listedLog()
    for (const image of images) log.add(image)
    return log
  }

  it('quotes a checkpoint that it takes before it reads the clock', async () => {
    const steps: string[] = []
    const { seal } = await site.seal(bytes, {
      checkpoint: async () => {
        steps.push('checkpoint')
        return checkpoint
      },
      now: () => {
        steps.push('clock')
        return new Date()
      },
    })
    assert.deepEqual(parseSeal(seal).statement.checkpoint, checkpoint)
    assert.deepEqual(steps, ['checkpoint', 'clock'])
  })

  it('quotes none where there is no log, or it has none', async () => {
    assert.equal(parseSeal((await site.seal(bytes)).seal).statement.checkpoint, null)
    const { seal } = await site.seal(bytes, { checkpoint: async () => null })
    assert.equal(parseSeal(seal).statement.checkpoint, null)
  })

  it('seals nothing while the log that is to be quoted cannot be asked', async () => {
    const isUnreachable = (error: unknown): boolean =>
      error instanceof StoreError && error.code === 'service_unreachable'
    const down = async (): Promise<never> => {
      throw new StoreError('service_unreachable', 'no answer')
    }
    await assert.rejects(site.seal(bytes, { checkpoint: down }), isUnreachable)
  })

  it('quotes a checkpoint in the signature of a series', async () => {
    const { seal } = await site.seal(bytes, { isSeries: true })
    const { operator, dependencies } = site
    const { series, seals } = await sealSeries([parseSeal(seal)], {
      ...dependencies,
      operator,
      checkpoint: async () => checkpoint,
    })
    assert.match(new TextDecoder().decode(series), /"mediaType":"application\/vnd\.fiducial\.series\.v1\+json"/)
    assert.deepEqual(parseSeal(seals[0] as Uint8Array).series?.statement.checkpoint, checkpoint)
  })

  it('raises a recorded seal to P3, and says that it is recorded', async () => {
    const found = await verify(sealed, logOf(sealed))
    assert.deepEqual(lines(found), ['authentic', 'P3', 'unchanged'], complaints(found.checks).join())
    assert.match(found.sentence, /It has not been changed since\. The custody log has a record of it\./)
    assert.equal(found.log.state, 'consulted')
    const recorded = await site.verify(sealed.image, sealed.seal, { log: logOf(sealed), policy: RECORDED_POLICY })
    assert.equal(recorded.verdict, 'authentic')
  })

  it('stays at P2 without a list of revoked certificates', async () => {
    const anchors = { ...site.anchors, crls: [] }
    const found = await site.verify(sealed.image, sealed.seal, { log: logOf(sealed), anchors })
    assert.deepEqual(lines(found), ['authentic', 'P2', 'unchanged'])
  })

  it('needs no log under the policy for acquisitions, and one where it is to be recorded', async () => {
    const found = await site.verify(sealed.image, sealed.seal)
    assert.deepEqual(lines(found), ['authentic', 'P2', 'unchanged'])
    assert.deepEqual(found.log, { state: 'not_consulted' })
    assert.equal(
      found.checks.some(({ subject }) => subject === 'log'),
      false,
    )
    const asked = await site.verify(sealed.image, sealed.seal, { policy: RECORDED_POLICY })
    assert.deepEqual(lines(asked), ['undetermined', 'P2', 'unchanged'])
    assert.deepEqual(complaints(asked.checks), ['log: log_not_consulted'])
    assert.match(asked.sentence, /No custody log was asked\./)
  })

  it('asks with what the seal says, and with what the leaf is made of', async () => {
    const log = logOf(sealed)
    const proof = new TextEncoder().encode('c2sp.org/tlog-proof@v1')
    const found = await site.verify(sealed.image, sealed.seal, {
      log: { lookUp: (question) => log.lookUp({ ...question, proof }) },
    })
    assert.equal(found.verdict, 'authentic')
    const { envelope, statement, certificates } = parseSeal(sealed.seal)
    const [question] = log.asked
    const leafName = statement.device.certificates.statement[0] as Uint8Array
    const leaf = certificates.find((certificate) => equalBytes(sha256(certificate.bytes), leafName))
    assert.deepEqual(question, {
      sopInstanceUid: '2.25.1001',
      digests: { file: sha256(sealed.image), dataset: statement.dataset, frames: statement.pixels?.root },
      seal: { payload: envelope.payload, signature: envelope.signatures[0]?.sig, spki: leaf?.spki, checkpoint },
      proof,
    })
    // All of it can go to another thread, and come back.
    assert.deepEqual(structuredClone(question), question)
    assert.deepEqual(structuredClone(found.log), found.log)
  })

  it('asks about a file without a seal with what it measures', async () => {
    const log = logOf()
    const bare = stripAll(sealed.image)
    await site.verify(bare, undefined, { log })
    const { statement } = parseSeal(sealed.seal)
    assert.deepEqual(log.asked, [
      {
        sopInstanceUid: '2.25.1001',
        digests: { file: sha256(bare), dataset: statement.dataset, frames: statement.pixels?.root },
      },
    ])
  })

  it('tells a stripped image from one that nobody knows', async () => {
    const bare = stripAll(sealed.image)
    const alone = await site.verify(bare)
    assert.deepEqual(lines(alone), ['undetermined', 'P0', 'not_shown'])
    const known = await site.verify(bare, undefined, { log: logOf(sealed) })
    assert.deepEqual(lines(known), ['not_authentic', 'P0', 'not_shown'])
    assert.ok(complaints(known.checks).includes('log: stripped'))
    assert.equal(
      known.sentence,
      'Do not rely on this file: the custody log knows that it was sealed, and its seal and signatures were taken away.',
    )
    const unknown = await site.verify(bare, undefined, { log: logOf() })
    assert.deepEqual(lines(unknown), ['undetermined', 'P0', 'not_shown'])
    assert.ok(complaints(unknown.checks).includes('log: unrecorded'))
    assert.equal(
      unknown.sentence,
      'Nobody can show where this picture came from. The custody log does not know it; ask where it came from.',
    )
  })

  it('finds a stripped image not authentic under every policy', async () => {
    const bare = stripAll(sealed.image)
    for (const policy of [RECORDED_POLICY, SIGNATURES_POLICY]) {
      const found = await site.verify(bare, undefined, { log: logOf(sealed), policy })
      assert.equal(found.verdict, 'not_authentic', policy.name)
    }
  })

  it('does not let a stranger’s seal take the place of one that was stripped', async () => {
    const stranger = await createSealingSite(`${folder}/stranger`, { site: 'Other Clinic' })
    const again = await stranger.seal(stripAll(sealed.image))
    const without = await site.verify(again.image, again.seal)
    assert.equal(without.verdict, 'undetermined')
    const found = await verify(again, logOf(sealed))
    assert.equal(found.verdict, 'not_authentic')
    assert.ok(complaints(found.checks).includes('log: stripped'))
  })

  it('leaves an image undetermined whose seal is lost, and whose signatures are there', async () => {
    const found = await site.verify(sealed.image, undefined, { log: logOf(sealed) })
    assert.deepEqual(lines(found), ['undetermined', 'P1', 'unchanged'])
    assert.deepEqual(
      complaints(found.checks).filter((complaint) => complaint.startsWith('log')),
      [],
    )
  })

  it('finds another picture in the place of a stripped one', async () => {
    const forged = setElements(stripAll(sealed.image), otherPixels)
    const found = await site.verify(forged, undefined, { log: logOf(sealed) })
    assert.deepEqual(lines(found), ['not_authentic', 'P0', 'contradicted'])
    assert.deepEqual(
      complaints(found.checks).filter((complaint) => complaint.startsWith('log')),
      ['log: replaced', 'log: stripped'],
    )
    assert.match(found.sentence, /the custody log knows another picture under its identifier/)
  })

  it('knows a picture again under another identifier, and accuses nobody', async () => {
    const renamed = setElements(stripAll(sealed.image), text(0x00080018, 'UI', '2.25.77'))
    const found = await site.verify(renamed, undefined, { log: logOf(sealed) })
    assert.equal(found.verdict, 'undetermined')
    assert.ok(complaints(found.checks).includes('log: other_identifier'))
    assert.match(found.sentence, /knows the same picture under another identifier/)
  })

  it('finds the second of two seals over one instance contradicted, and the first authentic', async () => {
    const second = await site.seal(dicom(otherPixels))
    assert.equal((await site.verify(second.image, second.seal)).verdict, 'authentic')
    const log = logOf(sealed, second)
    const found = await verify(second, log)
    assert.deepEqual(lines(found), ['not_authentic', 'P0', 'contradicted'])
    assert.deepEqual(complaints(found.checks), ['log: replaced'])
    assert.deepEqual(lines(await verify(sealed, log)), ['authentic', 'P3', 'unchanged'])
  })

  it('asks about a second seal with another patient', async () => {
    const second = await site.seal(dicom(text(0x00100020, 'LO', 'P-2')))
    const found = await verify(second, logOf(sealed, second))
    assert.deepEqual(lines(found), ['undetermined', 'P2', 'unchanged'])
    assert.deepEqual(complaints(found.checks), ['log: record_differs'])
    assert.match(found.sentence, /a record of it with other attributes/)
  })

  it('does not believe a seal less because the log knows another one of the same image', async () => {
    const again = await site.seal(bytes)
    const found = await verify(again, logOf(sealed))
    assert.deepEqual(lines(found), ['undetermined', 'P2', 'unchanged'])
    assert.deepEqual(complaints(found.checks), ['log: seal_unrecorded'])
  })

  it('finds a seal back-dated that quotes a checkpoint from after its date', async () => {
    const { sealedAt } = parseSeal(sealed.seal).statement
    const at = (ms: number): Date => new Date(sealedAt.getTime() + ms)
    const log = listedLog({ quoted: { consistency: 'holds', notBefore: at(10 * MINUTE) }, notAfter: at(20 * MINUTE) })
    log.add(sealed)
    const found = await verify(sealed, log)
    assert.deepEqual(lines(found), ['not_authentic', 'P0', 'unchanged'])
    assert.deepEqual(complaints(found.checks), ['time: back_dated'])
    assert.equal(found.sentence, 'Do not rely on this file: it was sealed later than it claims.')
  })

  it('leaves open when a seal was made that came late, though an authority stamped it in time', async () => {
    const { sealedAt } = parseSeal(sealed.seal).statement
    const log = listedLog({ notBefore: new Date(sealedAt.getTime() + 3 * DAY) })
    log.add(sealed)
    const found = await verify(sealed, log)
    assert.deepEqual(lines(found), ['undetermined', 'P2', 'unchanged'])
    assert.deepEqual(complaints(found.checks), ['time: recorded_late'])
    assert.match(found.sentence, /recorded long after the time that it claims/)
  })

  it('finds that a log has two histories', async () => {
    const log = listedLog({ quoted: { consistency: 'fails' } })
    log.add(sealed)
    const found = await verify(sealed, log)
    assert.deepEqual(lines(found), ['not_authentic', 'P0', 'unchanged'])
    assert.deepEqual(complaints(found.checks), ['log: log_forked'])
  })

  it('counts a file that was recorded when it came, and that nobody signed, as P1', async () => {
    const log = listedLog()
    const { digests, sopInstanceUid } = await site
      .verify(bytes, undefined, { log })
      .then(() => log.asked[0] as InstanceQuestion)
    log.addRecord({ type: 'received', digests, ...(sopInstanceUid !== undefined && { sopInstanceUid }) })
    const found = await site.verify(bytes, undefined, { log })
    assert.deepEqual(lines(found), ['undetermined', 'P1', 'unchanged'])
    assert.equal(found.sentence, 'The custody log has a record of exactly this file, but nobody signed it.')
    const changed = await site.verify(setElements(bytes, us(0x00280002, 1), text(0x00100020, 'LO', 'P-9')), undefined, {
      log,
    })
    assert.deepEqual(lines(changed), ['undetermined', 'P0', 'not_shown'])
    assert.ok(complaints(changed.checks).includes('log: record_differs'))
  })

  it('takes a log that cannot be asked, or whose answer is none, for evidence', async () => {
    const errors = [
      new StoreError('service_unreachable', 'no answer'),
      new StoreError('log_corrupted', 'damaged'),
      new FormatError('tlog_proof_malformed', 'no proof'),
    ]
    for (const error of errors) {
      const log: InstanceLog = { lookUp: () => Promise.reject(error) }
      const found = await verify(sealed, log)
      assert.deepEqual(lines(found), ['undetermined', 'P2', 'unchanged'])
      assert.deepEqual(found.log, { state: 'unavailable', code: error.code })
      assert.deepEqual(complaints(found.checks), ['log: log_unavailable'])
    }
    const broken: InstanceLog = { lookUp: () => Promise.reject(new TypeError('a mistake')) }
    await assert.rejects(verify(sealed, broken), TypeError)
  })

  it('shows a change of the image though its seal is recorded', async () => {
    const forged = { ...sealed, image: setElements(sealed.image, otherPixels) }
    const found = await verify(forged, logOf(sealed))
    assert.deepEqual(lines(found), ['not_authentic', 'P0', 'altered'])
    assert.ok(complaints(found.checks).includes('content: pixels_changed'))
    assert.equal(
      found.checks.some(({ subject, outcome }) => subject === 'log' && outcome === 'holds'),
      true,
    )
  })

  it('judges many images at once by one log', async () => {
    const images = await Promise.all(
      Array.from({ length: 8 }, (_, i) => site.seal(dicom(text(0x00080018, 'UI', `2.25.${2000 + i}`)))),
    )
    const log = logOf(...images.slice(0, 4))
    const found = await Promise.all(images.map((image) => verify(image, log)))
    assert.deepEqual(
      found.map(({ verdict }) => verdict),
      [...Array(4).fill('authentic'), ...Array(4).fill('undetermined')],
    )
  })
})
