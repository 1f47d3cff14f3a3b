import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex } from '../../bytes/hex.ts'
import { decodeLatin1, encodeLatin1 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { toyKey } from '../../testing/toy-pki.ts'
import { constructed } from '../der/tag.ts'
import {
  writeBitBytes,
  writeBoolean,
  writeElement,
  writeInteger,
  writeOctets,
  writeOid,
  writeSequence,
  writeTime,
} from '../der/write.ts'
import { signatureAlgorithmOf, writeSignatureAlgorithm } from './algorithm.ts'
import { isSelfIssued, parseCertificate } from './certificate.ts'
import { parseCrl } from './crl.ts'
import { KEY_USAGES, writeExtension } from './extension.ts'
import { writeName } from './name.ts'
import { writeSigned, writeTbsCertificate, writeTbsCrl } from './write.ts'

const signatureAlgorithm = signatureAlgorithmOf('ed25519')
const issuer = writeName({ country: 'DE', organisation: 'Ångström-Klinik', commonName: 'CA' })
const subject = writeName({
  organisation: 'Klinik',
  organisationalUnit: 'CT',
  commonName: 'Raum 2',
  serialNumber: 'SN*1',
})
const signature = new Uint8Array(64).fill(7)
const content = {
  serial: '00a8b1a3a5',
  signatureAlgorithm,
  issuer,
  subject,
  notBefore: new Date('2026-01-02T03:04:05Z'),
  notAfter: new Date('2051-01-01T00:00:00Z'),
  spki: toyKey('holder'),
  extensions: {
    basicConstraints: { isCa: true, pathLength: 3 },
    keyUsage: ['digitalSignature', 'keyCertSign', 'decipherOnly'],
    extendedKeyUsage: { purposes: ['1.3.6.1.5.5.7.3.8', '2.25.1.2'], isCritical: true },
    policies: ['1.2.3.4.5'],
    subjectKeyIdentifier: Uint8Array.of(1, 2, 3),
    authorityKeyIdentifier: Uint8Array.of(4, 5, 6),
  },
} as const
const good = writeSigned(writeTbsCertificate(content), signatureAlgorithm, signature)

/** A certificate put together by hand, so that single parts can be wrong. */
function assemble(parts: {
  version?: Uint8Array
  serial?: Uint8Array
  inner?: Uint8Array
  validity?: Uint8Array
  spki?: Uint8Array
  extensions?: readonly Uint8Array[]
  more?: Uint8Array
}): Uint8Array {
  const { extensions, more } = parts
  const tbs = writeSequence(
    parts.version ?? writeElement(constructed(0), writeInteger(2)),
    parts.serial ?? writeInteger(1),
    parts.inner ?? writeSignatureAlgorithm(signatureAlgorithm),
    issuer,
    parts.validity ?? writeSequence(writeTime(content.notBefore), writeTime(content.notAfter)),
    subject,
    parts.spki ?? content.spki,
    ...(extensions ? [writeElement(constructed(3), writeSequence(...extensions))] : []),
    ...(more ? [more] : []),
  )
  return writeSigned(tbs, signatureAlgorithm, signature)
}

const hasCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

describe('certificate', () => {
  it('reads what the writer wrote', () => {
    const certificate = parseCertificate(good)
    const { extensions, issuer: _issuer, subject: _subject, ...plain } = content
    for (const [name, value] of Object.entries({ ...plain, ...extensions })) {
      assert.deepEqual(certificate[name as keyof typeof certificate], value, name)
    }
    assert.deepEqual(certificate.unknownCritical, [])
    assert.equal(certificate.version, 3)
    assert.deepEqual(certificate.signature, signature)
    assert.deepEqual(certificate.key, { algorithm: 'ed25519', oid: '1.3.101.112', isSupported: true })
  })

  it('reads names in parts and as a line', () => {
    const certificate = parseCertificate(good)
    assert.equal(certificate.issuer.text, 'C=DE, O=Ångström-Klinik, CN=CA')
    assert.equal(certificate.subject.text, 'O=Klinik, OU=CT, CN=Raum 2, serialNumber=SN*1')
    const { commonName, organisation, organisationalUnit, serialNumber, country } = certificate.subject
    assert.deepEqual(
      [commonName, organisation, organisationalUnit, serialNumber, country],
      ['Raum 2', 'Klinik', 'CT', 'SN*1', undefined],
    )
    assert.equal(isSelfIssued(certificate), false)
  })

  it('reads each key usage alone', () => {
    for (const usage of KEY_USAGES) {
      const tbs = writeTbsCertificate({ ...content, extensions: { keyUsage: [usage] } })
      assert.deepEqual(parseCertificate(writeSigned(tbs, signatureAlgorithm, signature)).keyUsage, [usage])
    }
  })

  it('gives the signed part as it stands in the bytes', () => {
    assert.deepEqual(parseCertificate(good).tbs, writeTbsCertificate(content))
  })

  it('lists a critical extension that it does not know, and skips one that is not critical', () => {
    const extensions = [writeExtension('1.2.3', writeInteger(1), true), writeExtension('1.2.4', writeInteger(1))]
    assert.deepEqual(parseCertificate(assemble({ extensions })).unknownCritical, ['1.2.3'])
  })

  it('reads a certificate of version 1', () => {
    const certificate = parseCertificate(assemble({ version: new Uint8Array() }))
    assert.equal(certificate.version, 1)
    assert.equal(certificate.basicConstraints, undefined)
  })

  it('describes keys with which it cannot check signatures', () => {
    const rsa = (modulus: Uint8Array): Uint8Array =>
      writeSequence(
        writeSequence(writeOid('1.2.840.113549.1.1.1'), Uint8Array.of(5, 0)),
        writeBitBytes(writeSequence(writeInteger(modulus), writeInteger(65537))),
      )
    const keyOf = (spki: Uint8Array) => parseCertificate(assemble({ spki })).key
    assert.deepEqual(keyOf(rsa(new Uint8Array(128).fill(0x81))), {
      algorithm: 'rsa',
      oid: '1.2.840.113549.1.1.1',
      bits: 1024,
      isSupported: false,
    })
    assert.equal(keyOf(rsa(Uint8Array.of(1, ...new Uint8Array(255).fill(0x81)))).bits, 2041)
    const p521 = writeSequence(
      writeSequence(writeOid('1.2.840.10045.2.1'), writeOid('1.3.132.0.35')),
      writeBitBytes(new Uint8Array(133)),
    )
    assert.deepEqual([keyOf(p521).algorithm, keyOf(p521).bits], ['other', 521])
    const strange = writeSequence(writeSequence(writeOid('1.2.3.4')), writeBitBytes(new Uint8Array(10)))
    assert.deepEqual(keyOf(strange), { algorithm: 'other', oid: '1.2.3.4', isSupported: false })
  })

  const refused: Record<string, Uint8Array> = {
    nothing: new Uint8Array(),
    'a byte too many': Uint8Array.of(...good, 0),
    'a byte too few': good.subarray(0, -1),
    'version 4': assemble({ version: writeElement(constructed(0), writeInteger(3)) }),
    'two signature algorithms': assemble({ inner: writeSignatureAlgorithm(signatureAlgorithmOf('rsa')) }),
    'one moment of validity': assemble({ validity: writeSequence(writeTime(content.notBefore)) }),
    'three moments of validity': assemble({
      validity: writeSequence(...[1, 2, 3].map(() => writeTime(content.notBefore))),
    }),
    'extensions in version 1': assemble({
      version: new Uint8Array(),
      extensions: [writeExtension('1.2.3', writeInteger(1))],
    }),
    'an extension that comes twice': assemble({
      extensions: [1, 2].map(() => writeExtension('1.2.3', writeInteger(1))),
    }),
    'an empty list of extensions': assemble({ extensions: [] }),
    'a part behind the extensions': assemble({ more: writeInteger(1) }),
    'a serial number of no bytes': assemble({ serial: decodeHex('0200') }),
    'basic constraints that are no sequence': assemble({
      extensions: [writeExtension('2.5.29.19', writeBoolean(true))],
    }),
    'a key usage that is no bit string': assemble({ extensions: [writeExtension('2.5.29.15', writeInteger(1))] }),
    'an extended key usage of nothing': assemble({ extensions: [writeExtension('2.5.29.37', writeSequence())] }),
    'a purpose that is no object identifier': assemble({
      extensions: [writeExtension('2.5.29.37', writeSequence(writeInteger(1)))],
    }),
    'a key identifier that is a sequence': assemble({ extensions: [writeExtension('2.5.29.14', writeSequence())] }),
    'two values in one extension': assemble({
      extensions: [writeSequence(writeOid('1.2.3'), writeOctets(Uint8Array.of(5, 0, 5, 0)))],
    }),
    'an extension with a number for its critical flag': assemble({
      extensions: [writeSequence(writeOid('1.2.3'), writeInteger(1), writeOctets(Uint8Array.of(5, 0)))],
    }),
    'half a megabyte': new Uint8Array(512 * 1024).fill(0x30),
  }
  for (const [name, bytes] of Object.entries(refused)) {
    it(`refuses ${name}`, () => assert.throws(() => parseCertificate(bytes), hasCode('certificate_malformed')))
  }

  it('says where it stopped', () => {
    const damaged = good.slice()
    const at = writeTbsCertificate(content).length + 4
    damaged[at] = 0x31
    assert.throws(
      () => parseCertificate(damaged),
      (error: FormatError) => error.offset === at,
    )
  })
})

describe('revocation list', () => {
  const list = {
    signatureAlgorithm,
    issuer,
    thisUpdate: new Date('2026-01-01T00:00:00Z'),
    nextUpdate: new Date('2050-02-01T00:00:00Z'),
    number: 300,
    authorityKeyIdentifier: Uint8Array.of(9),
    entries: [
      { serial: '01', revokedAt: new Date('2025-05-05T05:05:05Z'), reason: 'unspecified' },
      {
        serial: '00ff',
        revokedAt: new Date('2025-05-06T05:05:05Z'),
        reason: 'keyCompromise',
        invalidSince: new Date('2025-01-01T00:00:00Z'),
      },
      { serial: '7f00', revokedAt: new Date('2025-05-07T05:05:05Z'), reason: 'aACompromise' },
    ],
  } as const
  const write = (change: Partial<typeof list> | { entries: readonly [] } = {}): Uint8Array =>
    writeSigned(writeTbsCrl({ ...list, ...change }), signatureAlgorithm, signature)

  it('reads what the writer wrote', () => {
    const crl = parseCrl(write())
    assert.deepEqual([...crl.entries.values()], list.entries)
    assert.deepEqual([crl.thisUpdate, crl.nextUpdate, crl.number], [list.thisUpdate, list.nextUpdate, '012c'])
    assert.deepEqual(crl.authorityKeyIdentifier, list.authorityKeyIdentifier)
    assert.deepEqual(crl.tbs, writeTbsCrl(list))
    assert.deepEqual(crl.unknownCritical, [])
  })

  it('reads a list of nothing', () => {
    assert.equal(parseCrl(write({ entries: [] })).entries.size, 0)
  })

  it('keeps the entry that names a compromise where a certificate comes twice', () => {
    const [plain, , worse] = list.entries
    for (const entries of [
      [plain, { ...worse, serial: '01' }],
      [{ ...worse, serial: '01' }, plain],
    ]) {
      const crl = parseCrl(writeSigned(writeTbsCrl({ ...list, entries }), signatureAlgorithm, signature))
      assert.equal(crl.entries.get('01')?.reason, 'aACompromise')
    }
  })

  it('refuses a certificate, a cut list, an unknown version and an unknown reason', () => {
    const bytes = write()

    const replace = (from: string, to: string): Uint8Array => encodeLatin1(decodeLatin1(bytes).replace(from, to))
    const wrong = [
      good,
      bytes.subarray(0, -1),
      replace('\x02\x01\x01\x30', '\x02\x01\x02\x30'),
      replace('\x0a\x01\x0a', '\x0a\x01\x07'),
    ]
    for (const one of wrong) assert.throws(() => parseCrl(one), hasCode('crl_malformed'))
  })
})
