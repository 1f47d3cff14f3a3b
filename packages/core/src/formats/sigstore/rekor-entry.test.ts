import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex } from '../../bytes/hex.ts'
import { concatBytes, decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { sha256, toyKey } from '../../testing/toy-pki.ts'
import { toyLatticeKey } from '../../testing/toy-seal.ts'
import { encodeCanonicalJson } from '../json/canonical.ts'
import { type JsonValue, parseJson } from '../json/parse.ts'
import { formatRekorEntry, keyDetailsOf, parseRekorEntry, type RekorEntry } from './rekor-entry.ts'

/** Written by hand after the entries of public logs; digest and signature count up. */
const SPELLED =
  '{"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{"payloadHash":{"algorithm":"SHA2_256","digest":' +
  '"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},"signatures":[{"content":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw' +
  'dHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==","verifier":{"keyDetails":"PKIX_ED25519","publicKey":{"rawBytes":' +
  '"MCowBQYDK2VwAyEAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}}]}}}'

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i)
const entry: RekorEntry = {
  payloadSha256: counting(32),
  signature: counting(64),
  keyDetails: 'PKIX_ED25519',
  spki: concatBytes(decodeHex('302a300506032b6570032100'), counting(32)),
}
const p256 = concatBytes(decodeHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004'), sha256(), sha256())
const curve: RekorEntry = { ...entry, signature: counting(71), keyDetails: 'PKIX_ECDSA_P256_SHA_256', spki: p256 }

const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'entry_malformed'
const refuses = (bytes: Uint8Array): void => assert.throws(() => parseRekorEntry(bytes), isMalformed)

/** The entry with one member changed; a path of names, and what stands there then. */
function changed(path: readonly (string | number)[], value: JsonValue | undefined): Uint8Array {
  const whole = structuredClone(parseJson(SPELLED)) as Record<string | number, unknown>
  const parent = path.slice(0, -1).reduce((inner, name) => inner[name] as typeof whole, whole)
  const last = path.at(-1) as string
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return encodeCanonicalJson(whole as JsonValue)
}

describe('Rekor entries', () => {
  it('have the spelling of public logs', () => assert.equal(decodeUtf8(formatRekorEntry(entry)), SPELLED))

  it('are in canonical JSON', () => {
    for (const one of [entry, curve]) {
      const bytes = formatRekorEntry(one)
      assert.deepEqual(encodeCanonicalJson(parseJson(bytes)), bytes)
    }
  })

  it('come back as they were', () => {
    for (const one of [entry, curve]) assert.deepEqual(parseRekorEntry(formatRekorEntry(one)), one)
  })

  const spec = ['spec', 'dsseV002'] as const
  const signature = [...spec, 'signatures', 0] as const
  const refusals: readonly (readonly [string, readonly (string | number)[], JsonValue | undefined])[] = [
    ['another version', ['apiVersion'], '0.0.1'],
    ['another kind', ['kind'], 'hashedrekord'],
    ['no kind', ['kind'], undefined],
    ['a field that nobody knows', ['integratedTime'], 1],
    ['the name of the newer body', ['spec', 'dsseV003'], {}],
    ['another digest algorithm', [...spec, 'payloadHash', 'algorithm'], 'SHA2_512'],
    ['a digest of 31 bytes', [...spec, 'payloadHash', 'digest'], 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg=='],
    ['no signature', [...spec, 'signatures'], []],
    ['a signature that is no object', [...spec, 'signatures'], ['x']],
    ['an empty signature', [...signature, 'content'], ''],
    ['a short signature', [...signature, 'content'], 'AAEC'],
    ['a certificate for a key', [...signature, 'verifier', 'x509Certificate'], { rawBytes: 'AAEC' }],
    ['another name for the key', [...signature, 'verifier', 'keyDetails'], 'PKIX_ECDSA_P256_SHA_256'],
    ['a key of an unknown name', [...signature, 'verifier', 'keyDetails'], 'ML_DSA_44'],
    ['a key that is none', [...signature, 'verifier', 'publicKey', 'rawBytes'], 'AAEC'],
  ]
  for (const [name, path, value] of refusals) it(`refuse ${name}`, () => refuses(changed(path, value)))

  it('refuse a second signature', () => {
    const [one] = (parseJson(SPELLED) as { spec: { dsseV002: { signatures: JsonValue[] } } }).spec.dsseV002.signatures
    refuses(changed([...spec, 'signatures'], [one as JsonValue, one as JsonValue]))
  })

  it('refuse white space, another order, and what is longer than any entry', () => {
    refuses(encodeUtf8(` ${SPELLED}`))
    refuses(encodeUtf8(SPELLED.replace('"apiVersion":"0.0.2","kind":"dsse"', '"kind":"dsse","apiVersion":"0.0.2"')))
    refuses(encodeUtf8(`${SPELLED}${' '.repeat(4096)}`))
    refuses(new Uint8Array(0))
  })

  it('are not written for other keys or lengths', () => {
    const bad: readonly Partial<RekorEntry>[] = [
      { payloadSha256: counting(31) },
      { signature: counting(63) },
      { signature: counting(65) },
      { keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
      { spki: p256 },
      { spki: toyLatticeKey('x') },
    ]
    for (const part of bad) assert.throws(() => formatRekorEntry({ ...entry, ...part }), isMalformed)
    for (const length of [7, 73])
      assert.throws(() => formatRekorEntry({ ...curve, signature: counting(length) }), isMalformed)
  })

  it('let out their own error alone, whatever was damaged, and never the same value', () => {
    const random = seeded(7)
    const good = formatRekorEntry(entry)
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from(good)
      for (let flips = 0; flips <= random(3); flips++) bytes[random(bytes.length)] = random(256)
      try {
        assert.deepEqual(formatRekorEntry(parseRekorEntry(bytes)), bytes)
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
  })
})

describe('names of keys', () => {
  it('are those of sigstore, for Ed25519 and P-256 alone', () => {
    assert.equal(keyDetailsOf(toyKey('x')), 'PKIX_ED25519')
    assert.equal(keyDetailsOf(p256), 'PKIX_ECDSA_P256_SHA_256')
    assert.equal(keyDetailsOf(toyLatticeKey('x')), undefined)
    assert.equal(keyDetailsOf(new Uint8Array(0)), undefined)
  })
})
