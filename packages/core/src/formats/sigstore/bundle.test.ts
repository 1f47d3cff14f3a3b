import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeBase64 } from '../../bytes/base64.ts'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { sha256, toyKey } from '../../testing/toy-pki.ts'
import { encodeCanonicalJson } from '../json/canonical.ts'
import { type JsonValue, parseJson } from '../json/parse.ts'
import {
  BUNDLE_LIMIT,
  formatSigstoreBundle,
  parseSigstoreBundle,
  readCheckpoint,
  type SigstoreBundle,
} from './bundle.ts'
import { formatRekorEntry } from './rekor-entry.ts'

const root = sha256()
const signature = new Uint8Array(64).fill(7)
const payload = encodeUtf8('{}')
const line = `— example.org/log ${encodeBase64(new Uint8Array(68).fill(3))}\n`
const good: SigstoreBundle = {
  envelope: { payloadType: 'application/vnd.in-toto+json', payload, signatures: [{ keyid: 'k', sig: signature }] },
  hint: 'k',
  logKeyId: sha256(payload),
  index: 3n,
  proof: [root, sha256(root)],
  checkpoint: `example.org/log\n4\n${encodeBase64(root)}\n\n${line}`,
  body: formatRekorEntry({
    payloadSha256: sha256(payload),
    signature,
    keyDetails: 'PKIX_ED25519',
    spki: toyKey('signer'),
  }),
  timestamps: [Uint8Array.of(0x30, 0)],
}
const bytes = formatSigstoreBundle(good)

const hasCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

type Path = readonly (string | number)[]
function changed(path: Path, value: JsonValue | undefined): Uint8Array {
  const whole = parseJson(bytes) as Record<string | number, unknown>
  const parent = path.slice(0, -1).reduce((inner, name) => inner[name] as typeof whole, whole)
  const last = path.at(-1) as string
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return encodeCanonicalJson(whole as JsonValue)
}

describe('Sigstore bundles', () => {
  it('come back as they were', () => {
    assert.deepEqual(parseSigstoreBundle(bytes), good)
    const bare = { ...good, timestamps: [], proof: [], index: 0n }
    assert.deepEqual(parseSigstoreBundle(formatSigstoreBundle(bare)), bare)
  })

  it('have the names and types of the JSON of protocol buffers', () => {
    const { mediaType, verificationMaterial } = parseJson(bytes) as Record<string, Record<string, unknown>>
    assert.equal(mediaType, 'application/vnd.dev.sigstore.bundle.v0.3+json')
    assert.deepEqual(Object.keys(verificationMaterial ?? {}), ['publicKey', 'timestampVerificationData', 'tlogEntries'])
    assert.ok(decodeUtf8(bytes).includes('"logIndex":"3"'))
    assert.ok(decodeUtf8(bytes).includes('"kindVersion":{"kind":"dsse","version":"0.0.2"}'))
  })

  const material = 'verificationMaterial'
  const entry = [material, 'tlogEntries', 0] as const
  const proof = [...entry, 'inclusionProof'] as const
  const refusals: readonly (readonly [string, Path, JsonValue | undefined])[] = [
    ['an older media type', ['mediaType'], 'application/vnd.dev.sigstore.bundle+json;version=0.2'],
    ['no media type', ['mediaType'], undefined],
    ['a message for a statement', ['messageSignature'], {}],
    ['no material', [material], undefined],
    ['a certificate for a key', [material, 'certificate'], { rawBytes: 'AAEC' }],
    ['an empty hint', [material, 'publicKey', 'hint'], ''],
    ['a hint with a space', [material, 'publicKey', 'hint'], 'a b'],
    ['raw bytes beside the hint', [material, 'publicKey', 'rawBytes'], 'AAEC'],
    ['no log entry', [material, 'tlogEntries'], []],
    ['no data for timestamps', [material, 'timestampVerificationData'], undefined],
    ['an empty timestamp', [material, 'timestampVerificationData', 'rfc3161Timestamps', 0, 'signedTimestamp'], ''],
    ['an older kind', [...entry, 'kindVersion', 'version'], '0.0.1'],
    ['another kind', [...entry, 'kindVersion', 'kind'], 'hashedrekord'],
    ['an index as a number', [...entry, 'logIndex'], 3],
    ['a negative index', [...entry, 'logIndex'], '-3'],
    ['an index with a leading zero', [...entry, 'logIndex'], '03'],
    ['an index of 2^63', [...entry, 'logIndex'], '9223372036854775808'],
    ['two indexes', [...entry, 'logIndex'], '2'],
    ['two indexes, the other way round', [...proof, 'logIndex'], '2'],
    ['an ID of 31 bytes', [...entry, 'logId', 'keyId'], encodeBase64(new Uint8Array(31))],
    ['a time that nobody signed', [...entry, 'integratedTime'], '1700000000'],
    ['a promise of inclusion', [...entry, 'inclusionPromise'], { signedEntryTimestamp: 'AAEC' }],
    ['another size than that of the checkpoint', [...proof, 'treeSize'], '5'],
    ['another root than that of the checkpoint', [...proof, 'rootHash'], encodeBase64(sha256(root))],
    ['a hash of 31 bytes', [...proof, 'hashes', 0], encodeBase64(new Uint8Array(31))],
    ['64 hashes', [...proof, 'hashes'], Array(64).fill(encodeBase64(root))],
    ['no signature', ['dsseEnvelope', 'signatures', 0, 'sig'], encodeBase64(new Uint8Array(64))],
    ['base64 for addresses', [...entry, 'canonicalizedBody'], '-_-_'],
  ]
  for (const [name, path, value] of refusals) {
    it(`refuse ${name}`, () =>
      assert.throws(() => parseSigstoreBundle(changed(path, value)), hasCode('bundle_malformed')))
  }

  it('refuse two entries, and two signatures', () => {
    const whole = parseJson(bytes) as { verificationMaterial: { tlogEntries: JsonValue[] } }
    const [one = null] = whole.verificationMaterial.tlogEntries
    assert.throws(
      () => parseSigstoreBundle(changed([material, 'tlogEntries'], [one, one])),
      hasCode('bundle_malformed'),
    )
    const twice = [0, 1].map(() => ({ keyid: 'k', sig: encodeBase64(signature) }))
    assert.throws(
      () => parseSigstoreBundle(changed(['dsseEnvelope', 'signatures'], twice)),
      hasCode('bundle_malformed'),
    )
  })

  it('say which part is malformed', () => {
    const parts: readonly (readonly [Path, JsonValue, string])[] = [
      [['dsseEnvelope', 'signatures'], [], 'envelope_malformed'],
      [['dsseEnvelope', 'payload'], 'x', 'envelope_malformed'],
      [[...entry, 'canonicalizedBody'], 'AAEC', 'entry_malformed'],
      [[...proof, 'checkpoint', 'envelope'], 'x', 'note_malformed'],
      [[...proof, 'checkpoint', 'envelope'], `x\n\n${line}`, 'checkpoint_malformed'],
    ]
    for (const [path, value, code] of parts) {
      assert.throws(() => parseSigstoreBundle(changed(path, value)), hasCode(code), code)
    }
  })

  it('refuse any other spelling, and more bytes than a bundle has', () => {
    const text = decodeUtf8(bytes)
    for (const other of [`${text}\n`, ` ${text}`, text.replace('"hint":"k"', '"hint":"\\u006b"'), '']) {
      assert.throws(() => parseSigstoreBundle(encodeUtf8(other)), hasCode('json_malformed'))
    }
    assert.throws(() => parseSigstoreBundle(new Uint8Array(BUNDLE_LIMIT + 1)), hasCode('json_malformed'))
  })

  it('are not written where nobody would read them', () => {
    assert.throws(() => formatSigstoreBundle({ ...good, hint: '' }), hasCode('bundle_malformed'))
    assert.throws(() => formatSigstoreBundle({ ...good, index: 1n << 63n }), hasCode('bundle_malformed'))
    assert.throws(() => formatSigstoreBundle({ ...good, checkpoint: '' }), hasCode('note_malformed'))
    assert.throws(() => formatSigstoreBundle({ ...good, body: payload }), hasCode('entry_malformed'))
  })

  it('have the checkpoint that they prove inclusion in', () => {
    assert.deepEqual(readCheckpoint(good.checkpoint), { origin: 'example.org/log', size: 4n, root, extensions: [] })
  })

  it('let out FormatError alone, whatever was damaged', () => {
    const random = seeded(11)
    for (let i = 0; i < 6000; i++) {
      const damaged = Uint8Array.from(bytes)
      for (let flips = 0; flips <= random(3); flips++) damaged[random(damaged.length)] = random(256)
      try {
        assert.deepEqual(formatSigstoreBundle(parseSigstoreBundle(damaged)), damaged)
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }
  })
})
