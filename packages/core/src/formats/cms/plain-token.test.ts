import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { CA, LEAF, sha256, toyCertificate, toySignature } from '../../testing/toy-pki.ts'
import { signatureAlgorithmOf } from '../x509/algorithm.ts'
import type { Certificate } from '../x509/certificate.ts'
import { formatPlainToken, parsePlainToken } from './plain-token.ts'
import { parseTimestampToken, type TimestampToken, writeTimestampInfo } from './timestamp.ts'
import { writeSignedAttributes, writeTimestampToken } from './write.ts'

const root = toyCertificate({ name: 'root' })
const middle = toyCertificate({ name: 'middle', issuer: root, extensions: CA })
const authority = toyCertificate({ name: 'authority', issuer: middle, extensions: LEAF })
const stranger = toyCertificate({ name: 'stranger' })
const time = new Date('2026-03-03T10:14:00.000Z')
const imprint = { name: 'sha256', digest: sha256(encodeUtf8('signature')) } as const

function makeToken(certificates: readonly Certificate[]): Uint8Array {
  const info = writeTimestampInfo({ policy: '1.2.3', imprint, serial: '0102', time })
  const attributes = writeSignedAttributes(sha256(info), sha256(authority.bytes), time)
  const signatureAlgorithm = signatureAlgorithmOf('ed25519')
  return writeTimestampToken({
    info,
    attributes,
    signature: toySignature(authority.spki, signatureAlgorithm, attributes),
    signatureAlgorithm,
    hash: 'sha256',
    signer: authority,
    certificates: certificates.map(({ bytes }) => bytes),
  })
}

/** The one place where a token holds these bytes, with others of the same length. */
function exchange(token: Uint8Array, from: string, to: string): Uint8Array {
  const text = encodeHex(token)
  assert.equal(text.split(from).length, 2, 'stands there once')
  return decodeHex(text.replace(from, to))
}

/** What the authority signed, and by which certificates it is believed. */
const signedParts = ({ signedData, signer }: TimestampToken): readonly unknown[] => [
  signedData.content,
  signedData.certificates.map(({ bytes }) => bytes),
  signer.attributes?.bytes,
  signer.signature,
  signer.hash,
  signer.signatureAlgorithm,
]

describe('plain token', () => {
  const plain = makeToken([authority, middle])

  it('comes back as it is', () => {
    assert.deepEqual(formatPlainToken(plain), plain)
    assert.deepEqual(parsePlainToken(plain)?.signedData.certificates.length, 2)
    assert.deepEqual(formatPlainToken(makeToken([authority])), makeToken([authority]))
  })

  it('is without the root and without strangers', () => {
    for (const more of [[root], [stranger], [stranger, root]]) {
      const token = makeToken([authority, middle, ...more])
      assert.equal(parsePlainToken(token), undefined)
      assert.deepEqual(formatPlainToken(token), plain)
    }
  })

  it('keeps what is signed', () => {
    const token = makeToken([root, authority, middle])
    const [before, after] = [token, formatPlainToken(token)].map(parseTimestampToken) as [
      TimestampToken,
      TimestampToken,
    ]
    assert.deepEqual(after.signer, before.signer)
    assert.deepEqual(after.info, before.info)
  })

  it('has one version and one list of digests', () => {
    // SignedData version 3 followed by the set of SHA-256; version 1 of the signer, followed by the issuer's name.
    const changes = [
      ['020103310d300b0609608648016503040201', '020104310d300b0609608648016503040201'],
      ['020103310d300b0609608648016503040201', '020103310d300b0609608648016503040203'],
    ] as const
    for (const [from, to] of changes) {
      const token = exchange(plain, from, to)
      assert.equal(parsePlainToken(token), undefined)
      assert.deepEqual(formatPlainToken(token), plain)
    }
  })

  it('shows every changed bit: it is refused, or not plain, or what was signed differs', () => {
    const before = signedParts(parseTimestampToken(plain))
    for (let i = 0; i < plain.length; i++) {
      const token = plain.slice()
      token[i] = (token[i] as number) ^ (1 << (i % 8))
      try {
        const read = parsePlainToken(token)
        if (read !== undefined) assert.notDeepEqual(signedParts(read), before, `offset ${i}`)
      } catch (error) {
        assert.ok(error instanceof FormatError, `offset ${i}`)
      }
    }
  })

  it('is nothing that can be made without the certificate of the authority', () => {
    const malformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'timestamp_malformed'
    assert.throws(() => formatPlainToken(makeToken([middle])), malformed)
    assert.throws(() => parsePlainToken(makeToken([])), malformed)
    assert.throws(() => formatPlainToken(plain.subarray(1)), malformed)
  })
})
