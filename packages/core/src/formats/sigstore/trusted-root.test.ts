import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeBase64 } from '../../bytes/base64.ts'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { sha256, toyCertificate, toyKey } from '../../testing/toy-pki.ts'
import { toyLatticeKey } from '../../testing/toy-seal.ts'
import { encodeCanonicalJson } from '../json/canonical.ts'
import { type JsonValue, parseJson } from '../json/parse.ts'
import { formatTrustedRoot, parseTrustedRoot, type TrustedRoot } from './trusted-root.ts'

const validFrom = new Date('2026-01-01T00:00:00.000Z')
const good: TrustedRoot = {
  logs: [{ origin: 'hospital.example/log', keyId: sha256(), spki: toyKey('log'), validFrom }],
  authorities: [
    {
      organisation: '',
      commonName: 'Clock, Röntgen',
      certificates: [toyCertificate({ name: 'Clock' }).bytes, toyCertificate({ name: 'Root' }).bytes],
      validFrom,
    },
  ],
}
const bytes = formatTrustedRoot(good)
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

describe('trusted roots', () => {
  it('come back as they were', () => {
    assert.deepEqual(parseTrustedRoot(bytes), good)
    const empty = { logs: [], authorities: [] }
    assert.deepEqual(parseTrustedRoot(formatTrustedRoot(empty)), empty)
  })

  const log = ['tlogs', 0] as const
  const authority = ['timestampAuthorities', 0] as const
  const refusals: readonly (readonly [string, Path, JsonValue | undefined])[] = [
    ['another media type', ['mediaType'], 'application/vnd.dev.sigstore.trustedroot.v0.2+json'],
    ['a certificate authority, whose signers nobody here could check', ['certificateAuthorities'], [{}]],
    ['a certificate log', ['ctlogs'], [{}]],
    ['no list of logs', ['tlogs'], undefined],
    ['a log without a name', [...log, 'baseUrl'], ''],
    ['a log with a space in its name', [...log, 'baseUrl'], 'a b'],
    ['another hash', [...log, 'hashAlgorithm'], 'SHA2_512'],
    ['an ID of 31 bytes', [...log, 'logId', 'keyId'], encodeBase64(new Uint8Array(31))],
    ['an ID of the checkpoint key', [...log, 'checkpointKeyId'], { keyId: encodeBase64(sha256()) }],
    ['a key of another kind', [...log, 'publicKey', 'keyDetails'], 'PKIX_ECDSA_P256_SHA_256'],
    ['a key that is none', [...log, 'publicKey', 'rawBytes'], 'AAEC'],
    [
      'a key of ML-DSA-44 under the name of Ed25519',
      [...log, 'publicKey', 'rawBytes'],
      encodeBase64(toyLatticeKey('x')),
    ],
    ['a start that is no moment', [...log, 'publicKey', 'validFor', 'start'], '2026-01-01'],
    ['an end', [...log, 'publicKey', 'validFor', 'end'], '2027-01-01T00:00:00.000Z'],
    ['an authority without certificates', [...authority, 'certChain', 'certificates'], []],
    ['an authority with an address', [...authority, 'uri'], 'https://tsa.example'],
    ['a name with a control character', [...authority, 'subject', 'commonName'], 'a\u0007'],
    ['a chain of nine', [...authority, 'certChain', 'certificates'], Array(9).fill({ rawBytes: 'AAEC' })],
  ]
  for (const [name, path, value] of refusals) {
    it(`refuse ${name}`, () =>
      assert.throws(() => parseTrustedRoot(changed(path, value)), hasCode('trusted_root_malformed')))
  }

  it('refuse another spelling', () => {
    for (const text of [`${decodeUtf8(bytes)}\n`, '', '[', '{"a":1,"a":1}']) {
      assert.throws(() => parseTrustedRoot(encodeUtf8(text)), hasCode('json_malformed'))
    }
  })

  it('are not written where nobody would read them', () => {
    const [one] = good.logs
    assert.ok(one !== undefined)
    for (const part of [{ origin: '' }, { keyId: new Uint8Array(4) }, { validFrom: new Date(Number.NaN) }]) {
      assert.throws(
        () => formatTrustedRoot({ ...good, logs: [{ ...one, ...part }] }),
        hasCode('trusted_root_malformed'),
      )
    }
  })

  it('let out FormatError alone, whatever was damaged', () => {
    const random = seeded(5)
    for (let i = 0; i < 4000; i++) {
      const damaged = Uint8Array.from(bytes)
      for (let flips = 0; flips <= random(3); flips++) damaged[random(damaged.length)] = random(256)
      try {
        assert.deepEqual(formatTrustedRoot(parseTrustedRoot(damaged)), damaged)
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }
  })
})
