/** The seals of vectors/seals and vectors/gateway-seals, as any implementation would check them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import type { MarkHeader } from '@fiducial/core/domain/mark/header.ts'
import { deriveImageKey } from '@fiducial/core/domain/mark/keys.ts'
import { parseMarkRecord } from '@fiducial/core/domain/mark/record.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import { readPlane } from '@fiducial/core/domain/mark/tiles/read-plane.ts'
import { openDicomPixels } from '@fiducial/core/domain/pixels/dicom-pixels.ts'
import { compareInstance } from '@fiducial/core/domain/seal/compare.ts'
import { isOfGateway } from '@fiducial/core/domain/seal/image-statement.ts'
import { sealName } from '@fiducial/core/domain/seal/namespace.ts'
import { parseImageSeal, parseSeriesSeal } from '@fiducial/core/domain/seal/seal.ts'
import { type SealCheck, verifyImageSeal, verifySeriesSeal } from '@fiducial/core/domain/seal/verify.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { anchorsFrom, type TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { encodeCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import { parseCertificates, parseCrls } from '@fiducial/core/formats/x509/pem.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { repositoryRoot } from '../testing/peers.ts'

type Json = { [name: string]: JsonValue }
type Edit =
  | { readonly remove: string }
  | { readonly replace: string; readonly value: JsonValue }
  | { readonly swap: readonly [string, string] }

interface Vector {
  readonly name: string
  readonly seal: string
  readonly image?: string
  readonly edits?: readonly Edit[]
  readonly refused?: string
  readonly outcome?: string
  readonly flaws?: readonly string[]
  readonly kind?: string
  readonly changes?: readonly string[]
}

const folderOf = (name: string): string => join(repositoryRoot, 'vectors', name)
const reader =
  (folder: string) =>
  (name: string): Uint8Array =>
    new Uint8Array(readFileSync(join(folderOf(folder), name)))
const anchorsOf = (folder: string): TrustAnchors =>
  anchorsFrom(parseCertificates(reader(folder)('ca.pem')), parseCrls(reader(folder)('crl.pem')))
const vectorsOf = (folder: string): readonly Vector[] =>
  (JSON.parse(new TextDecoder().decode(reader(folder)('vectors.json'))) as { vectors: readonly Vector[] }).vectors
const crypto = nativeCrypto
const HOUR_MS = 3_600_000

/** The object or array that holds what a pointer leads to, and its name there. */
function resolve(value: JsonValue, pointer: string): { readonly parent: Json; readonly name: string } {
  const names = pointer.split('/').slice(1)
  const parent = names.slice(0, -1).reduce<JsonValue>((inner, name) => (inner as Json)[name] as JsonValue, value)
  return { parent: parent as Json, name: names.at(-1) ?? '' }
}

function apply(value: JsonValue, edit: Edit): void {
  if ('swap' in edit) {
    const [a, b] = edit.swap.map((pointer) => resolve(value, pointer)) as [
      ReturnType<typeof resolve>,
      ReturnType<typeof resolve>,
    ]
    const [first, second] = [a.parent[a.name] as JsonValue, b.parent[b.name] as JsonValue]
    a.parent[a.name] = second
    b.parent[b.name] = first
  } else if ('replace' in edit) {
    const { parent, name } = resolve(value, edit.replace)
    parent[name] = edit.value
  } else {
    const { parent, name } = resolve(value, edit.remove)
    if (Array.isArray(parent)) parent.splice(Number(name), 1)
    else delete parent[name]
  }
}

function edited(bytes: Uint8Array, edits: readonly Edit[] = []): Uint8Array {
  if (edits.length === 0) return bytes
  const value = JSON.parse(new TextDecoder().decode(bytes)) as JsonValue
  for (const edit of edits) apply(value, edit)
  return concatBytes(encodeCanonicalJson(value), Uint8Array.of(0x0a))
}

const flawsOf = (checks: readonly SealCheck[]): readonly string[] =>
  checks.flatMap((check) => (check.outcome === 'holds' ? [] : [`${check.subject} ${check.reason}`]))

function checkAll(folder: string): void {
  const read = reader(folder)
  const anchors = anchorsOf(folder)
  for (const vector of vectorsOf(folder)) {
    it(vector.name, () => {
      const bytes = edited(read(sealName(vector.seal)), vector.edits)
      if (vector.refused !== undefined) {
        assert.throws(
          () => parseImageSeal(bytes),
          (error) => error instanceof FormatError && error.code === vector.refused,
        )
        return
      }
      const seal = parseImageSeal(bytes)
      const now = new Date(seal.statement.sealedAt.getTime() + HOUR_MS)
      const report = verifyImageSeal(seal, { crypto, anchors, now })
      assert.equal(report.outcome, vector.outcome, JSON.stringify(report.checks))
      assert.deepEqual(flawsOf(report.checks), vector.flaws ?? [])
      if (vector.kind === undefined) return
      const { dataSet, ...file } = parseDicom(memorySource(read(vector.image ?? vector.seal)))
      const digests = new Digests(dataSet, crypto.hash)
      const found = compareInstance(
        seal.statement,
        { ...file, dataSet },
        { hashes: crypto.hash, digests, frames: seal.frames },
      )
      assert.equal(found.kind, vector.kind)
      assert.deepEqual(
        found.changes.map(({ what }) => what),
        vector.changes ?? [],
      )
    })
  }
}

const digestOf = (bytes: Uint8Array): Uint8Array => {
  const hash = crypto.hash('sha256')
  hash.update(bytes)
  return hash.digest()
}

describe('the vectors of seals by gateways', () => {
  const read = reader('gateway-seals')
  checkAll('gateway-seals')

  it('hold for the digest of the very file, and of the one that came', () => {
    for (const name of ['bound.dcm', 'unbound.dcm', 'stamped.dcm', 'beside.dcm']) {
      const { file, original } = parseImageSeal(read(sealName(name))).statement
      assert.deepEqual(file, digestOf(read(name)))
      assert.deepEqual(original, digestOf(read('received.dcm')))
    }
  })
})

describe('the vectors of seals', () => {
  const read = reader('seals')
  const anchors = anchorsOf('seals')
  checkAll('seals')

  it('the seal of the series', () => {
    const seal = parseSeriesSeal(read('2.25.2.series.fiducial.json'))
    const now = new Date(seal.statement.signedAt.getTime() + HOUR_MS)
    const report = verifySeriesSeal(seal, { crypto, anchors, now })
    assert.equal(report.outcome, 'holds', JSON.stringify(report.checks))
    assert.equal(report.statement.count, 3n)
  })

  it('hold for the digest of the very file', () => {
    for (const name of ['ed25519.dcm', 'p-256.dcm', 'series-1.dcm', 'series-2.dcm', 'series-3.dcm']) {
      assert.deepEqual(parseImageSeal(read(sealName(name))).statement.file, digestOf(read(name)))
    }
  })
})

describe('the marked image of the vectors', () => {
  const read = reader('seals')
  const { statement } = parseImageSeal(read(sealName('marked.dcm')))
  const claim = isOfGateway(statement) ? null : statement.mark

  it('carries the mark that its seal claims, under the key that is told', () => {
    assert.ok(claim)
    const markKey = Uint8Array.from({ length: 32 }, (_, i) => i)
    const imageKey = deriveImageKey(crypto.hash, markKey, claim.recordId)
    const pixels = openDicomPixels(parseDicom(memorySource(read('marked.dcm'))))
    assert.equal(claim.planes, pixels.frames)
    for (let plane = 0; plane < pixels.frames; plane++) {
      const [samples] = pixels.read(plane)
      assert.ok(samples)
      const order = { imageKey, plane, sideBytes: 0, publicKey: claim.publicKey }
      const found = readPlane(samples, order, { hash: crypto.hash, crypto, createCoder: createPlainCoder })
      assert.deepEqual([found.outcome, found.signature], ['holds', 'holds'])
      const header: MarkHeader | undefined = found.header
      assert.deepEqual([header?.recordId, header?.plane, header?.planes], [claim.recordId, plane, claim.planes])
      assert.deepEqual(
        [header?.volumeNonce, header?.index, header?.count],
        [claim.volume.nonce, claim.volume.index, claim.volume.count],
      )
    }
  })

  it('has the record of which the seal has the digest', () => {
    const record = read('marked.fmr')
    assert.deepEqual(digestOf(record), claim?.recordDigest)
    assert.deepEqual(parseMarkRecord(record).recordId, claim?.recordId)
  })
})
