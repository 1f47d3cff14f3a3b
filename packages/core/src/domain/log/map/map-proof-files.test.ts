import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../../../bytes/text.ts'
import { FormatError } from '../../../errors.ts'
import { encodeCanonicalJson } from '../../../formats/json/canonical.ts'
import type { JsonObject } from '../../../formats/json/parse.ts'
import { seeded } from '../../../testing/seeded.ts'
import { formatInstanceProof, parseInstanceProof } from './instance-proof.ts'
import { formatStudyProof, parseStudyProof, STUDY_PROOF_LIMIT } from './study-proof.ts'
import { hashes } from './testing/plain-map.ts'
import { acquired, archiveOf } from './testing/toy-archive.ts'
import { verifyCompleteness, verifyInstance } from './verify.ts'

const isRefused = (error: unknown): boolean => error instanceof FormatError && error.code === 'map_proof_malformed'

const archive = await archiveOf([
  ...acquired('1', 3),
  ...acquired('2', 1),
  ...Array.from({ length: 9 }, (_, i) => acquired(`3.${i}`, 1)).flat(),
  { type: 'drill-withdrawn', studyInstanceUid: '1', sopInstanceUid: '1.1' },
  { studyInstanceUid: '2', sopInstanceUid: '2.9', digest: null, seriesInstanceUid: null },
])
const { mapRoot } = archive

/** Every kind of proof, as bytes, with its outcome under the true root. */
const files = [
  ...['1', '2', '3.4', '7', '8', '9'].map(async (studyInstanceUid) => ({
    name: `study ${studyInstanceUid}`,
    bytes: formatStudyProof(await archive.proveStudy(studyInstanceUid)),
    format: (bytes: Uint8Array) => formatStudyProof(parseStudyProof(bytes)),
    check: (bytes: Uint8Array) =>
      verifyCompleteness(hashes, { mapRoot, studyInstanceUid, proof: parseStudyProof(bytes) }).outcome,
  })),
  ...(['1 1.0', '1 1.1', '2 2.9', '1 5', '1 6', '1 7', '1 8', '7 7.0'] as const).map(async (name) => {
    const [studyInstanceUid, sopInstanceUid] = name.split(' ') as [string, string]
    return {
      name: `instance ${name}`,
      bytes: formatInstanceProof(await archive.proveInstance(studyInstanceUid, sopInstanceUid)),
      format: (bytes: Uint8Array) => formatInstanceProof(parseInstanceProof(bytes)),
      check: (bytes: Uint8Array) =>
        verifyInstance(hashes, { mapRoot, studyInstanceUid, sopInstanceUid, proof: parseInstanceProof(bytes) }).outcome,
    }
  }),
]
const proofs = await Promise.all(files)

describe('files of proofs', () => {
  it('read as they were written, and show what they did', () => {
    const outcomes = proofs.map(({ bytes, format, check, name }) => {
      assert.deepEqual(format(bytes), bytes, name)
      return check(bytes)
    })
    assert.deepEqual(new Set(outcomes), new Set(['complete', 'recorded', 'absent']))
  })

  it('show nothing, or are refused, with any byte changed', () => {
    let refused = 0
    let flipped = 0
    for (const { bytes, check, name } of proofs) {
      for (let i = 0; i < bytes.length; i++) {
        for (const mask of [0x01, 0x10, 0xff]) {
          flipped += 1
          try {
            assert.equal(check(bytes.with(i, (bytes[i] as number) ^ mask)), 'refused', `${name}, byte ${i}`)
            refused += 1
          } catch (error) {
            assert.ok(isRefused(error), `${name}, byte ${i}: ${error}`)
          }
        }
      }
    }
    // Most changes leave a digest that is spelled well: those have to be seen by their meaning.
    assert.ok(refused > flipped / 20, `${refused} of ${flipped}`)
  })

  it('are refused when cut short, made longer, or spelled otherwise', () => {
    for (const { bytes, check } of proofs) {
      for (let length = 0; length < bytes.length; length += 1 + (length >> 4)) {
        assert.throws(() => check(bytes.subarray(0, length)), isRefused)
      }
      const text = decodeUtf8(bytes)
      for (const other of [
        `${text}\n`,
        ` ${text}`,
        text.slice(0, -1),
        text.replace(':', ': '),
        text.replace('\n', '\r\n'),
      ]) {
        assert.throws(() => check(encodeUtf8(other)), isRefused)
      }
    }
  })

  it('are refused or read when damaged at random, and nothing else happens', () => {
    const random = seeded(1)
    for (const { bytes, check } of proofs) {
      for (let round = 0; round < 120; round++) {
        const damaged = bytes.slice()
        for (let n = 1 + random(6); n > 0; n--) damaged[random(damaged.length)] = 0x20 + random(0x60)
        try {
          check(damaged)
        } catch (error) {
          assert.ok(isRefused(error), String(error))
        }
      }
    }
  })
})

describe('parseStudyProof', () => {
  const bytes = proofs[0]?.bytes as Uint8Array
  const edit = (change: (proof: Editable) => void): Uint8Array => {
    const value = JSON.parse(decodeUtf8(bytes)) as Editable
    change(value)
    return encodeUtf8(`${decodeUtf8(encodeCanonicalJson(value as JsonObject))}\n`)
  }
  interface Editable {
    [name: string]: unknown
    map: { size: unknown; root: unknown }
    study: { records: { [name: string]: unknown }[]; salt?: unknown }
  }
  const record = (proof: Editable): { [name: string]: unknown } => proof.study.records[0] as { [name: string]: unknown }

  const refusals: readonly { readonly name: string; readonly change: (proof: Editable) => void }[] = [
    { name: 'another media type', change: (proof) => void Object.assign(proof, { mediaType: 'application/json' }) },
    { name: 'an unknown field', change: (proof) => void Object.assign(proof, { note: '' }) },
    { name: 'a missing field', change: (proof) => void Reflect.deleteProperty(proof, 'blindingKey') },
    { name: 'a study without a salt', change: (proof) => void Reflect.deleteProperty(proof.study, 'salt') },
    { name: 'a size as a number', change: (proof) => void Object.assign(proof.map, { size: 3 }) },
    { name: 'a size of 2^63', change: (proof) => void Object.assign(proof.map, { size: '9223372036854775808' }) },
    { name: 'a size with a leading zero', change: (proof) => void Object.assign(proof.map, { size: '016' }) },
    { name: 'a negative size', change: (proof) => void Object.assign(proof.map, { size: '-1' }) },
    { name: 'a root in capitals', change: (proof) => void Object.assign(proof.map, { root: 'AB'.repeat(32) }) },
    { name: 'records that are no list', change: (proof) => void Object.assign(proof.study, { records: {} }) },
    { name: 'an unknown state', change: (proof) => void Object.assign(record(proof), { state: 'lost' }) },
    { name: 'a state of the prototype', change: (proof) => void Object.assign(record(proof), { state: 'toString' }) },
    { name: 'a digest of zeros', change: (proof) => void Object.assign(record(proof), { digest: '00'.repeat(32) }) },
    { name: 'a short digest', change: (proof) => void Object.assign(record(proof), { digest: '00' }) },
    { name: 'no entries', change: (proof) => void Object.assign(record(proof), { entries: 0 }) },
    { name: 'entries over 32 bits', change: (proof) => void Object.assign(record(proof), { entries: 2 ** 32 }) },
    { name: 'a record without a series', change: (proof) => void Reflect.deleteProperty(record(proof), 'series') },
    { name: 'a path that is none', change: (proof) => void Object.assign(proof, { path: null }) },
  ]
  for (const { name, change } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parseStudyProof(edit(change)), isRefused))
  }

  it('reads what was edited back', () =>
    assert.deepEqual(
      edit(() => undefined),
      bytes,
    ))

  it('refuses text that is no JSON and bytes that are no text', () => {
    for (const text of ['', '\n', 'null\n', '[]\n', '{}\n', '{\n', '"a"\n']) {
      assert.throws(() => parseStudyProof(encodeUtf8(text)), isRefused)
    }
    assert.throws(() => parseStudyProof(Uint8Array.of(0xff, 0x0a)), isRefused)
  })

  it('does not take an instance proof for a study proof, nor the other way round', () => {
    for (const { name, bytes: other } of proofs) {
      assert.throws(() => (name.startsWith('study') ? parseInstanceProof : parseStudyProof)(other), isRefused)
    }
  })

  it('is not asked to read what formatStudyProof refuses to write', async () => {
    const proof = await archive.proveStudy('1')
    const [one] = archive.recordsOf('1')
    const records = new Array(STUDY_PROOF_LIMIT + 1).fill(one)
    const study = proof.study && { ...proof.study, records }
    assert.throws(() => formatStudyProof({ ...proof, study }), RangeError)
  })
})
