import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { encodeUtf8 } from '../../bytes/text.ts'
import { anchorsFrom } from '../../domain/trust/anchors.ts'
import { verifyTimestamp } from '../../domain/trust/timestamp.ts'
import { FormatError } from '../../errors.ts'
import { CA, createToyCrypto, LEAF, sha256, toyCertificate, toyCrl, toySignature } from '../../testing/toy-pki.ts'
import { type DerElement, encodingOf, readChildren, readDer } from '../der/read.ts'
import { constructed, TAG } from '../der/tag.ts'
import { writeElement, writeInteger, writeOctets, writeOid, writeSequence, writeSet } from '../der/write.ts'
import { signatureAlgorithmOf, writeDigestAlgorithm } from '../x509/algorithm.ts'
import type { Certificate } from '../x509/certificate.ts'
import { writeExtension } from '../x509/extension.ts'
import { OID, parseSignedData } from './signed-data.ts'
import {
  type Imprint,
  parseTimestampQuery,
  parseTimestampResponse,
  parseTimestampToken,
  type TimestampInfo,
  TST_INFO,
  writeTimestampInfo,
  writeTimestampQuery,
  writeTimestampResponse,
} from './timestamp.ts'
import { writeSignedAttributes, writeTimestampToken } from './write.ts'

const imprint: Imprint = { name: 'sha256', digest: sha256(encodeUtf8('signature')) }
const time = new Date('2025-06-01T12:00:00.250Z')
const timestamping = { ...LEAF, extendedKeyUsage: { purposes: ['1.3.6.1.5.5.7.3.8'], isCritical: true } }
const root = toyCertificate({ name: 'root' })
const middle = toyCertificate({ name: 'middle', issuer: root, extensions: CA })
const authority = toyCertificate({ name: 'authority', issuer: middle, extensions: timestamping })
const anchors = anchorsFrom([root])
const facts: TimestampInfo = { policy: '1.2.3', imprint, serial: '0102', time, accuracyMs: 1001, nonce: '00ff' }

interface TokenChange {
  readonly facts?: Partial<TimestampInfo>
  readonly signer?: Certificate
  readonly certificates?: readonly Certificate[]
  /** Certificate that the signed attributes name. */
  readonly named?: Certificate
  readonly contentDigest?: Uint8Array
  readonly attributes?: Uint8Array
  /** TSTInfo. */
  readonly info?: Uint8Array
}

/** A token that holds, apart from what is changed. */
function makeToken(change: TokenChange = {}): Uint8Array {
  const { signer = authority, certificates = [signer, middle], named = signer } = change
  const info = change.info ?? writeTimestampInfo({ ...facts, ...change.facts })
  const contentDigest = change.contentDigest ?? sha256(info)
  const attributes = change.attributes ?? writeSignedAttributes(contentDigest, sha256(named.bytes), time)
  const signatureAlgorithm = signatureAlgorithmOf('ed25519')
  return writeTimestampToken({
    info,
    attributes,
    signature: toySignature(signer.spki, signatureAlgorithm, attributes),
    signatureAlgorithm,
    hash: 'sha256',
    signer,
    certificates: certificates.map(({ bytes }) => bytes),
  })
}

const verify = (token: Uint8Array, wanted = imprint, trusted = anchors) =>
  verifyTimestamp(token, wanted, trusted, createToyCrypto())
const hasCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

describe('timestamp token', () => {
  it('reads what the writer wrote', () => {
    const { info, signer, signedData } = parseTimestampToken(makeToken())
    assert.deepEqual(info, facts)
    assert.equal(signer.hash, 'sha256')
    assert.deepEqual(new Set(signedData.certificates), new Set([authority, middle]))
    assert.deepEqual(signer.attributes?.signingCertificates, [{ hash: 'sha256', digest: sha256(authority.bytes) }])
  })

  it('reads times and accuracies with and without fractions', () => {
    for (const iso of ['2025-06-01T12:00:00.000Z', '2025-06-01T12:00:00.100Z', '2025-06-01T12:00:00.009Z']) {
      for (const accuracyMs of [0, 1, 999, 1000, 60_001]) {
        const { info } = parseTimestampToken(makeToken({ facts: { time: new Date(iso), accuracyMs } }))
        assert.deepEqual([info.time.toISOString(), info.accuracyMs], [iso, accuracyMs])
      }
    }
  })

  it('refuses content that is no timestamp, two signers, none, and bytes behind it', () => {
    const token = makeToken()
    const text = encodeHex(token)
    const otherContent = decodeHex(
      text.replaceAll(encodeHex(writeOid(TST_INFO)), encodeHex(writeOid('1.2.840.113549.1.9.16.1.5'))),
    )
    for (const wrong of [otherContent, Uint8Array.of(...token, 0), new Uint8Array(), token.subarray(5)]) {
      assert.throws(() => parseTimestampToken(wrong), hasCode('timestamp_malformed'))
    }
    for (const wrong of [withSigners(token, () => []), withSigners(token, (signer) => [signer, signer])]) {
      assert.throws(() => parseTimestampToken(wrong), hasCode('timestamp_malformed'))
    }
    assert.ok(parseTimestampToken(withSigners(token, (signer) => [signer])))
  })

  it('refuses an attribute that comes twice or has two values', () => {
    const type = [OID.contentType, writeOid(TST_INFO)] as const
    const digest = [OID.messageDigest, contentDigest()] as const
    assert.ok(parseTimestampToken(makeToken({ attributes: attributesOf(type, digest) })))
    const twice = attributesOf(type, digest, digest)
    const double = writeSet(attribute(...type), attribute(OID.messageDigest, contentDigest(), contentDigest()))
    for (const attributes of [twice, double, writeSet(attribute(OID.messageDigest))]) {
      assert.throws(() => parseTimestampToken(makeToken({ attributes })), hasCode('timestamp_malformed'))
    }
  })

  it('refuses a critical extension that it does not know', () => {
    const parts = readChildren(readDer(writeTimestampInfo(facts))).map(encodingOf)
    const withExtension = (isCritical: boolean): Uint8Array =>
      makeToken({
        info: writeSequence(
          ...parts,
          writeElement(constructed(1), writeExtension('1.2.3', writeInteger(1), isCritical)),
        ),
      })
    assert.deepEqual(parseTimestampToken(withExtension(false)).info, facts)
    assert.throws(() => parseTimestampToken(withExtension(true)), hasCode('timestamp_malformed'))
  })

  it('throws its own code for signed data that is malformed', () => {
    assert.throws(() => parseSignedData(Uint8Array.of(0x30, 0)), hasCode('cms_malformed'))
    assert.throws(() => parseSignedData(writeSequence(writeOid('1.2.840.113549.1.7.1'))), hasCode('cms_malformed'))
  })
})

/** The token with other signers, made of its own. */
function withSigners(token: Uint8Array, change: (signer: Uint8Array) => readonly Uint8Array[]): Uint8Array {
  const [type, explicit] = readChildren(readDer(token))
  const [signedData] = readChildren(explicit as DerElement)
  const parts = readChildren(signedData as DerElement)
  const [signer] = readChildren(parts.at(-1) as DerElement)
  const signers = change(encodingOf(signer as DerElement))
  const changed = writeSequence(...parts.slice(0, -1).map(encodingOf), writeElement(TAG.set, ...signers))
  return writeSequence(encodingOf(type as DerElement), writeElement(constructed(0), changed))
}

describe('timestamp query and response', () => {
  const query = { imprint, policy: '1.2.3', nonce: '00d7', wantsCertificate: true }

  it('reads the query that it wrote, with and without its options', () => {
    for (const wanted of [query, { imprint, wantsCertificate: false }]) {
      assert.deepEqual(parseTimestampQuery(writeTimestampQuery(wanted)), wanted)
    }
  })

  it('refuses a query of another version, with a digest that it does not know, or with extensions', () => {
    const part = (...parts: Uint8Array[]): Uint8Array => writeSequence(writeInteger(1), ...parts)
    const digest = writeSequence(writeDigestAlgorithm('sha256'), writeOctets(imprint.digest))
    const unknown = writeSequence(writeSequence(writeOid('1.2.3')), writeOctets(imprint.digest))
    assert.ok(parseTimestampQuery(part(digest)))
    const wrong = [
      writeSequence(writeInteger(2), digest),
      part(unknown),
      part(digest, writeElement(constructed(0), writeSequence())),
      part(),
      part(digest, writeInteger(1), writeInteger(2)),
    ]
    for (const one of wrong) assert.throws(() => parseTimestampQuery(one), hasCode('timestamp_malformed'))
  })

  it('reads a response with a token and one with a refusal', () => {
    const token = makeToken()
    const granted = parseTimestampResponse(writeTimestampResponse({ token }))
    assert.deepEqual(granted, { status: 'granted', failures: [], token })
    const refusal = parseTimestampResponse(
      writeTimestampResponse({ failure: 'unacceptedPolicy', text: 'no\nsuch policy' }),
    )
    assert.deepEqual(refusal, { status: 'rejection', statusText: 'no such policy', failures: ['unacceptedPolicy'] })
  })

  it('refuses a response that grants nothing, or refuses with a token', () => {
    const status = (number: number): Uint8Array => writeSequence(writeInteger(number))
    const wrong = [
      writeSequence(status(0)),
      writeSequence(status(2), makeToken()),
      writeSequence(status(6)),
      writeSequence(),
    ]
    for (const one of wrong) assert.throws(() => parseTimestampResponse(one), hasCode('timestamp_malformed'))
  })
})

describe('verifying a timestamp', () => {
  it('holds, and says when, by whom and how exactly', () => {
    const result = verify(makeToken())
    assert.ok(result.outcome === 'holds')
    assert.deepEqual([result.time, result.accuracyMs, result.revocation, result.isWeak], [time, 1001, 'unknown', false])
    assert.deepEqual(result.path, [authority, middle, root])
  })

  it('holds with the byte of padding with which DICOM stores it', () => {
    assert.equal(verify(Uint8Array.of(...makeToken(), 0)).outcome, 'holds')
    assert.equal(verify(Uint8Array.of(...makeToken(), 1)).outcome, 'fails')
  })

  it('holds without certificates in it where the anchors have them', () => {
    const token = makeToken({ certificates: [] })
    assert.equal(verify(token, imprint, anchorsFrom([root, middle, authority])).outcome, 'holds')
    assert.deepEqual(verify(token), { outcome: 'unknown', reason: 'authority_certificate_missing', time })
  })

  it('is judged at its own time', () => {
    const old = toyCertificate({
      name: 'old',
      issuer: middle,
      extensions: timestamping,
      notAfter: new Date('2025-06-01T12:00:01Z'),
    })
    assert.equal(verify(makeToken({ signer: old })).outcome, 'holds')
    const older = toyCertificate({
      name: 'older',
      issuer: middle,
      extensions: timestamping,
      notAfter: new Date('2025-06-01T11:59:59Z'),
    })
    const result = verify(makeToken({ signer: older }))
    assert.ok(result.outcome === 'fails' && result.reason === 'authority_outside_validity')
  })

  it('is revoked with its authority', () => {
    const entry = {
      serial: authority.serial,
      revokedAt: new Date('2026-01-01T00:00:00Z'),
      reason: 'keyCompromise',
    } as const
    const result = verify(makeToken(), imprint, anchorsFrom([root], [toyCrl(middle, [entry])]))
    assert.ok(result.outcome === 'fails' && result.reason === 'authority_revoked')
    const later = { ...entry, reason: 'cessationOfOperation' } as const
    assert.equal(verify(makeToken(), imprint, anchorsFrom([root], [toyCrl(middle, [later])])).outcome, 'holds')
  })

  it('is marked weak where the imprint is by SHA-1', () => {
    const old: Imprint = { name: 'sha1', digest: new Uint8Array(20) }
    const result = verify(makeToken({ facts: { imprint: old } }), old)
    assert.ok(result.outcome === 'holds' && result.isWeak)
  })

  const plainLeaf = toyCertificate({ name: 'plain', issuer: middle })
  const other: Imprint = { name: 'sha256', digest: sha256(encodeUtf8('other')) }
  const failures: Record<string, readonly [Uint8Array, string, Imprint?]> = {
    'of another digest': [makeToken(), 'imprint_wrong', other],
    'by another name of the digest': [makeToken(), 'imprint_wrong', { ...imprint, name: 'sha384' }],
    'by a certificate that is not for timestamps': [makeToken({ signer: plainLeaf }), 'authority_not_timestamping'],
    'whose content was changed': [makeToken({ contentDigest: sha256() }), 'digest_wrong'],
    'that names another certificate': [makeToken({ named: plainLeaf }), 'signing_certificate_wrong'],
    'that names no certificate': [
      makeToken({
        attributes: attributesOf([OID.contentType, writeOid(TST_INFO)], [OID.messageDigest, contentDigest()]),
      }),
      'signing_certificate_missing',
    ],
    'whose content has another type': [
      makeToken({
        attributes: attributesOf(
          [OID.contentType, writeOid('1.2.840.113549.1.7.1')],
          [OID.messageDigest, contentDigest()],
        ),
      }),
      'content_type_wrong',
    ],
    'without a digest of the content': [
      makeToken({ attributes: attributesOf([OID.contentType, writeOid(TST_INFO)]) }),
      'digest_wrong',
    ],
    'that is not one': [new Uint8Array(100), 'malformed'],
  }
  for (const [name, [token, reason, wanted]] of Object.entries(failures)) {
    it(`fails for a token ${name}`, () => {
      const result = verify(token, wanted)
      assert.deepEqual([result.outcome, 'reason' in result && result.reason], ['fails', reason])
    })
  }

  it('holds by the serial number of the certificate and by no other', () => {
    const tokenBy = (serial: string) =>
      makeToken({
        attributes: attributesOf(
          [OID.contentType, writeOid(TST_INFO)],
          [OID.messageDigest, contentDigest()],
          [OID.signingCertificateV2, signingCertificate(serial)],
        ),
      })
    assert.equal(verify(tokenBy(authority.serial)).outcome, 'holds')
    const result = verify(tokenBy('0102'))
    assert.ok(result.outcome === 'fails' && result.reason === 'signing_certificate_wrong')
  })

  it('fails without signed attributes', () => {
    const bare = withSigners(makeToken(), (signer) => {
      const parts = readChildren(readDer(signer)).filter(({ tag }) => tag !== constructed(0))
      return [writeSequence(...parts.map(encodingOf))]
    })
    const result = verify(bare)
    assert.ok(result.outcome === 'fails' && result.reason === 'attributes_missing')
  })

  it('is unknown under no anchor', () => {
    const result = verify(makeToken(), imprint, anchorsFrom([]))
    assert.ok(result.outcome === 'unknown' && result.reason === 'authority_untrusted')
    assert.deepEqual(result.time, time)
  })

  it('never gives another time, whatever byte is damaged', () => {
    const token = makeToken()
    for (let at = 0; at < token.length; at++) {
      const damaged = token.slice()
      damaged[at] = (damaged[at] ?? 0) ^ 0x01
      const result = verify(damaged)
      // What is not signed may change: the version, the set of digests, the other certificates.
      if (result.outcome === 'holds') assert.deepEqual(result.time, time, `at ${at}`)
    }
  })
})

function contentDigest(): Uint8Array {
  return writeOctets(sha256(writeTimestampInfo(facts)))
}

function attributesOf(...attributes: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  return writeSet(...attributes.map(([oid, value]) => attribute(oid, value)))
}

function attribute(oid: string, ...values: readonly Uint8Array[]): Uint8Array {
  return writeSequence(writeOid(oid), writeSet(...values))
}

/** SigningCertificateV2 that also gives issuer and serial number. */
function signingCertificate(serial: string): Uint8Array {
  const issuerSerial = writeSequence(writeSequence(), writeInteger(decodeHex(serial)))
  return writeSequence(writeSequence(writeSequence(writeOctets(sha256(authority.bytes)), issuerSerial)))
}
