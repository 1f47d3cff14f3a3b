import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Crypto } from '../../bytes/crypto.ts'
import { findElement } from '../../formats/dicom/element.ts'
import { encodeElement, type NewElement } from '../../formats/dicom/encode.ts'
import { EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { at, sq, text, us } from '../../formats/dicom/values.ts'
import { LEAF, toyCertificate, toyCrl, toyKey } from '../../testing/toy-pki.ts'
import {
  anchors,
  site,
  toyCrypto,
  toyElements,
  toyFile,
  toyHolderCertificate,
  toySigner,
  toyTimestamp,
} from '../../testing/toy-seal.ts'
import { personSigner, toyAssemble, toyReparse, toyRequest, toySigned, toyVerify } from '../../testing/toy-signature.ts'
import { NO_ANCHORS } from '../trust/anchors.ts'
import { ROLE_PURPOSES } from '../trust/roles.ts'
import { TAGS } from './read.ts'
import { MAC_PARAMETERS_SEQUENCE } from './signable.ts'
import type { SignatureReport, VerifyOptions } from './verify.ts'

const claimedAt = new Date('2026-03-03T10:14:00.123Z')

type File = Awaited<ReturnType<typeof toySigned>>

function only(file: File, more: Partial<VerifyOptions> = {}): SignatureReport {
  const { signatures, malformed } = toyVerify(file, more)
  assert.deepEqual(malformed, [])
  const [report, second] = signatures
  assert.ok(report && second === undefined)
  return report
}

/** The file with elements in place of its own, as if they had been there when it was signed. */
const altered = (file: File, ...elements: readonly NewElement[]): File =>
  toyReparse(
    toyAssemble(
      file,
      elements.map((element) => ({ tag: element.tag, bytes: encodeElement(element, EXPLICIT_LITTLE) })),
    ),
  )

const holderSigner = (order: Parameters<typeof toyHolderCertificate>[1]) =>
  toySigner(toyHolderCertificate('device', order))

describe('the state of a signature', () => {
  it('is valid where everything holds', async () => {
    const report = only(await toySigned(toyFile()))
    assert.equal(report.state, 'valid')
    assert.deepEqual(report.mac, { outcome: 'holds', by: 'stored' })
    assert.equal(report.signer.role, 'device')
    assert.deepEqual(report.claimedTime, claimedAt)
    assert.deepEqual(report.unsigned, [])
    assert.deepEqual(report.time, { outcome: 'unknown', reason: 'timestamp_absent' })
    assert.equal(report.isWeakHash, false)
  })

  it('is tampered after a signed attribute was changed or taken away', async () => {
    const file = await toySigned(toyFile())
    assert.equal(only(altered(file, text(0x00100020, 'LO', 'P-2'))).state, 'tampered')
    assert.equal(only(toyReparse(toyAssemble(file, [{ tag: 0x00100020, bytes: new Uint8Array(0) }]))).state, 'tampered')
  })

  it('is tampered where the list names what nobody can sign', async () => {
    const file = await toySigned(toyFile())
    const list = findElement(file.dataSet.elements, MAC_PARAMETERS_SEQUENCE)?.items?.[0]
    assert.ok(list)
    for (const tag of [0xfffafffa, 0x00020010, 0x00280000]) {
      const parameters = sq(MAC_PARAMETERS_SEQUENCE, [
        us(TAGS.macId, 0),
        text(TAGS.macTransferSyntax, 'UI', EXPLICIT_LITTLE_ENDIAN),
        text(TAGS.macAlgorithm, 'CS', 'SHA256'),
        at(TAGS.signedElements, ...only(file).signedTags, tag),
      ])
      assert.equal(only(altered(file, parameters)).state, 'tampered')
    }
  })

  it('holds whatever the list names that is not there, and in whatever order', async () => {
    const file = await toySigned(toyFile())
    const parameters = sq(MAC_PARAMETERS_SEQUENCE, [
      us(TAGS.macId, 0),
      text(TAGS.macAlgorithm, 'CS', 'SHA256'),
      at(TAGS.signedElements, 0x00990001, ...only(file).signedTags.toReversed()),
    ])
    assert.equal(only(altered(file, parameters)).state, 'valid')
  })

  it('is of insufficient coverage where a signable attribute is left open, with its concern', async () => {
    const added = altered(await toySigned(toyFile()), text(0x00281056, 'CS', 'SIGMOID'), us(0x60000010, 4))
    const report = only(added)
    assert.equal(report.state, 'insufficient_coverage')
    assert.deepEqual(report.unsigned, [
      { tag: 0x00281056, concern: 'display' },
      { tag: 0x60000010, concern: 'overlay' },
    ])
  })

  it('does not ask for attributes that nobody can sign', async () => {
    const added = altered(await toySigned(toyFile()), { tag: 0x00431001, vr: 'UN', value: Uint8Array.of(1, 2) })
    assert.equal(only(added).state, 'valid')
  })

  it('is unverifiable where a signed attribute has lost its VR, and says which', async () => {
    const file = await toySigned(toyFile())
    const lost = altered(file, { tag: 0x00081070, vr: 'UN', value: new TextEncoder().encode('Mueller^Aenne ') })
    const report = only(lost)
    assert.equal(report.state, 'unverifiable_transcoded')
    assert.deepEqual(report.mac, { outcome: 'unknown', reason: 'vr_lost', where: 0x00081070 })
  })

  it('is of ambiguous encoding where a strict reader refuses the file, whatever the digest says', async () => {
    const file = await toySigned(toyFile())
    const name = file.dataSet.elements.find(({ tag }) => tag === 0x00291010)
    assert.ok(name)
    const once = file.dataSet.source.view(name.start, name.end)
    const twice = new Uint8Array(2 * once.length)
    twice.set(once)
    twice.set(once, once.length)
    const report = only(toyReparse(toyAssemble(file, [{ tag: name.tag, bytes: twice }])))
    assert.equal(report.mac.outcome, 'holds')
    assert.equal(report.state, 'ambiguous_encoding')
  })

  it('does not mind an executable preamble, which is for another check', async () => {
    const bytes = toyAssemble(await toySigned(toyFile()), [])
    bytes.set([0x4d, 0x5a])
    const file = toyReparse(bytes)
    assert.equal(file.findings.length, 1)
    assert.equal(only(file).state, 'valid')
  })

  it('is of an untrusted signer without an anchor, and for a key that the anchor did not certify', async () => {
    assert.equal(only(await toySigned(toyFile()), { anchors: NO_ANCHORS }).state, 'untrusted_signer')
    const rogue = toySigner(
      toyCertificate({ name: 'Rogue', issuer: toyCertificate({ name: 'Other CA' }), extensions: LEAF }),
    )
    assert.equal(only(await toySigned(toyFile(), toyRequest({ signer: rogue }))).state, 'untrusted_signer')
  })

  it('is revoked where a list says so', async () => {
    const certificate = toyHolderCertificate('device', { name: 'Stolen', spki: toyKey('stolen') })
    const crl = toyCrl(site, [
      { serial: certificate.serial, revokedAt: new Date('2026-03-20T00:00:00Z'), reason: 'keyCompromise' },
    ])
    const file = await toySigned(toyFile(), toyRequest({ signer: toySigner(certificate) }))
    assert.equal(only(file).state, 'valid')
    assert.equal(only(file, { anchors: { ...anchors, crls: [crl] } }).state, 'revoked')
  })

  it('is the worst that applies', async () => {
    const certificate = toyHolderCertificate('device', { name: 'Stolen', spki: toyKey('stolen') })
    const crl = toyCrl(site, [
      { serial: certificate.serial, revokedAt: new Date('2026-03-20T00:00:00Z'), reason: 'keyCompromise' },
    ])
    const revoked = { anchors: { ...anchors, crls: [crl] } }
    const file = await toySigned(toyFile(), toyRequest({ signer: toySigner(certificate), tags: [0x00100010] }))
    assert.equal(only(file, revoked).state, 'revoked')
    assert.equal(only(altered(file, text(0x00100010, 'PN', 'B')), revoked).state, 'tampered')
  })

  it('judges each of several signatures on its own', async () => {
    const file = await toySigned(
      toyFile(),
      toyRequest(),
      toyRequest({ uid: '2.25.7002', signer: personSigner, purpose: '1', tags: [0x00100010] }),
    )
    const states = toyVerify(altered(file, text(0x00281050, 'DS', '1'))).signatures.map(({ state, purpose }) => [
      purpose,
      state,
    ])
    assert.deepEqual(states, [
      ['14', 'tampered'],
      ['1', 'insufficient_coverage'],
    ])
  })
})

describe('the role of a signer', () => {
  it('is that of the certificate, not of the purpose', async () => {
    const report = only(await toySigned(toyFile(), toyRequest({ signer: personSigner, purpose: '14' })))
    assert.deepEqual([report.purpose, report.signer.role, report.state], ['14', 'person', 'valid'])
  })

  it('is none for a certificate with two roles', async () => {
    const purposes = [ROLE_PURPOSES.device, ROLE_PURPOSES.person]
    const extensions = { ...LEAF, extendedKeyUsage: { purposes, isCritical: false } }
    const both = toySigner(toyCertificate({ name: 'Both', issuer: site, extensions }))
    assert.equal(only(await toySigned(toyFile(), toyRequest({ signer: both }))).signer.role, 'uncertified')
  })
})

describe('the time of a signature', () => {
  const short = { notBefore: new Date('2026-03-01T00:00:00Z'), notAfter: new Date('2026-03-10T00:00:00Z') }
  const shortLived = holderSigner({ name: 'Short', spki: toyKey('short'), ...short })
  const stampedAt = (time: string) => ({ timestamp: toyTimestamp(new Date(time)) })

  it('is proven by a timestamp, and then outlives the certificate', async () => {
    const file = await toySigned(toyFile(), toyRequest({ signer: shortLived, ...stampedAt('2026-03-03T10:14:05Z') }))
    const report = only(file)
    assert.ok(report.time.outcome === 'holds')
    assert.deepEqual(report.time.time, new Date('2026-03-03T10:14:05Z'))
    assert.equal(report.state, 'valid')
  })

  it('is unproven once the certificate has run out, and the claim is inside', async () => {
    assert.equal(only(await toySigned(toyFile(), toyRequest({ signer: shortLived }))).state, 'time_unproven')
  })

  const OUTSIDE = ['20260228235959.000000+0000', '20260310000001.000000+0000']
  for (const dateTime of OUTSIDE) {
    it(`is refused where the claim lies outside the certificate: ${dateTime}`, async () => {
      const inside = new Date('2026-03-05T00:00:00Z')
      const file = await toySigned(toyFile(), toyRequest({ signer: shortLived, dateTime }))
      assert.notEqual(only(file, { now: inside }).state, 'valid')
      assert.equal(only(file).state, 'untrusted_signer')
    })
  }

  it('is refused where the timestamp lies outside the certificate', async () => {
    const file = await toySigned(toyFile(), toyRequest({ signer: shortLived, ...stampedAt('2026-03-20T00:00:00Z') }))
    assert.equal(only(file).state, 'untrusted_signer')
  })

  it('contradicts itself where the claim is younger than the timestamp', async () => {
    const file = await toySigned(toyFile(), toyRequest(stampedAt('2026-03-02T00:00:00Z')))
    const report = only(file)
    assert.ok(report.time.outcome === 'fails')
    assert.equal(report.time.reason, 'claimed_after_proven')
    assert.equal(report.state, 'tampered')
  })

  it('may differ from the timestamp by a few minutes', async () => {
    assert.equal(only(await toySigned(toyFile(), toyRequest(stampedAt('2026-03-03T10:10:00Z')))).state, 'valid')
    assert.equal(only(await toySigned(toyFile(), toyRequest(stampedAt('2026-03-03T10:08:00Z')))).state, 'tampered')
  })

  it('is unproven where it lies in the future', async () => {
    const now = new Date('2026-03-03T10:00:00Z')
    const report = only(await toySigned(toyFile()), { now })
    assert.deepEqual(report.time, { outcome: 'unknown', reason: 'claimed_in_future' })
    assert.equal(report.state, 'time_unproven')
    // The clocks of two machines differ by less.
    assert.equal(only(await toySigned(toyFile()), { now: new Date('2026-03-03T10:12:00Z') }).state, 'valid')
  })

  it('is that of a certificate as young as the signature, by a clock that is ahead', async () => {
    const young = holderSigner({ name: 'Young', spki: toyKey('young'), notBefore: claimedAt })
    const file = await toySigned(toyFile(), toyRequest({ signer: young }))
    assert.equal(only(file, { now: new Date('2026-03-03T10:12:00Z') }).state, 'valid')
    assert.equal(only(file, { now: new Date('2026-03-03T10:00:00Z') }).state, 'untrusted_signer')
  })

  it('is unproven by a timestamp of something else, or by one that is no token', async () => {
    const other = toyTimestamp(new Date('2026-03-03T10:14:05Z'))
    const wrong = await toySigned(toyFile(), toyRequest({ timestamp: (name) => other(name, new Uint8Array(32)) }))
    const report = only(wrong)
    assert.ok(report.time.outcome === 'fails')
    assert.deepEqual([report.time.reason, report.state], ['imprint_wrong', 'time_unproven'])
    const none = only(await toySigned(toyFile(), toyRequest({ timestamp: async () => Uint8Array.of(0x30, 2, 5, 0) })))
    assert.ok(none.time.outcome === 'fails')
    assert.deepEqual([none.time.reason, none.state], ['malformed', 'time_unproven'])
  })

  it('is nobody knows whose where the authority is a stranger', async () => {
    const stranger = toyCertificate({ name: 'Other CA' })
    const extendedKeyUsage = { purposes: [ROLE_PURPOSES.timestamp], isCritical: true }
    const clock = toyCertificate({ name: 'Clock', issuer: stranger, extensions: { ...LEAF, extendedKeyUsage } })
    const file = await toySigned(
      toyFile(),
      toyRequest({ timestamp: toyTimestamp(new Date('2026-03-03T10:14:05Z'), clock) }),
    )
    const report = only(file)
    assert.deepEqual(report.time, { outcome: 'unknown', reason: 'authority_untrusted' })
    assert.equal(report.state, 'valid')
  })

  it('is not known for a date that is none', async () => {
    const report = only(await toySigned(toyFile(), toyRequest({ dateTime: '2026' })))
    assert.equal(report.claimedTime, undefined)
    assert.equal(report.state, 'valid')
  })
})

describe('the digest of a signature', () => {
  it('holds by normalised padding where DCMTK made it, and says so', async () => {
    const padded = { tag: 0x00100020, vr: 'LO', value: new TextEncoder().encode('P-1   ') }
    const file = await toySigned(toyFile(toyElements([padded])))
    assert.deepEqual(only(file).mac, { outcome: 'holds', by: 'normalised_padding' })
    // Whoever signs the padding as it is stored is understood, too, and more padding is no change.
    const more = altered(file, { ...padded, value: new TextEncoder().encode('P-1     ') })
    assert.deepEqual(only(more).mac, { outcome: 'holds', by: 'normalised_padding' })
  })

  it('is of a weak kind where collisions can be made', async () => {
    const weak = { ...toyRequest(), hash: 'sha1' } as unknown as ReturnType<typeof toyRequest>
    const report = only(await toySigned(toyFile(), weak))
    assert.deepEqual([report.hash, report.isWeakHash, report.state], ['sha1', true, 'valid'])
  })

  const codestream = [Uint8Array.of(0, 0, 0, 0), Uint8Array.of(1, 2)]
  const encapsulated: NewElement = { tag: 0x7fe00010, vr: 'OB', fragments: codestream }
  const compressed = (file: File): File => {
    const bytes = toyAssemble(altered(file, encapsulated), [])
    const at = Buffer.from(bytes).indexOf('1.2.840.10008.1.2.1\0')
    bytes.set(new TextEncoder().encode('1.2.840.10008.1.2.5\0'), at)
    return toyReparse(bytes)
  }
  const samples = Uint8Array.from({ length: 96 }, (_, i) => i)
  const asOw = { vr: 'OW', lengthBytes: 96, frames: () => [samples] }

  it('is decided by decoded samples for a file that was compressed since', async () => {
    const file = compressed(await toySigned(toyFile()))
    assert.deepEqual(only(file).mac, { outcome: 'unknown', reason: 'transcoded', where: 0x7fe00010 })
    assert.deepEqual(only(file, { decodePixels: () => undefined }).mac.outcome, 'unknown')
    assert.deepEqual(only(file, { decodePixels: () => [asOw] }).mac, { outcome: 'holds', by: 'decoded_pixels' })
    const asOb = { ...asOw, vr: 'OB' }
    assert.deepEqual(only(file, { decodePixels: () => [asOb] }).mac, { outcome: 'fails' })
    assert.deepEqual(only(file, { decodePixels: () => [asOb, asOw] }).mac.outcome, 'holds')
  })

  it('asks for decoded samples once, and not at all where nothing is amiss', async () => {
    const requests = [toyRequest(), toyRequest({ uid: '2.25.7002', signer: personSigner })]
    let asked = 0
    const decodePixels = () => {
      asked++
      return [asOw]
    }
    const file = await toySigned(toyFile(), ...requests)
    assert.equal(toyVerify(file, { decodePixels }).signatures.length, 2)
    assert.equal(asked, 0)
    assert.ok(toyVerify(compressed(file), { decodePixels }).signatures.every(({ state }) => state === 'valid'))
    assert.equal(asked, 1)
  })

  it('fails where the port says so', async () => {
    const file = await toySigned(toyFile())
    const deaf: Crypto = { ...toyCrypto, verifyDigest: () => false }
    assert.equal(only(file, { crypto: deaf }).state, 'tampered')
  })
})
