/**
 * Sealed at a gateway and verified: every file of the shared data, on the way that the gateway takes; and what other
 * programs say of the result.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { parseGatewaySeal } from '@fiducial/core/domain/seal/seal.ts'
import { verifyGatewaySeal } from '@fiducial/core/domain/seal/verify.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { encodePae } from '@fiducial/core/formats/dsse/envelope.ts'
import { encodePem } from '@fiducial/core/formats/x509/pem.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { describeImage } from '../services/log/describe-image.ts'
import { peer, run, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { createGatewaySite, type GatewaySite, ORDER } from './gateway-site.ts'
import { complaints, type SealedImage, sha256 } from './sealing-site.ts'
import {
  dcmsign,
  fitsProfiles,
  parse,
  runDcmsign,
  type SignatureSubject,
  SUBJECTS,
  signatureSubjects,
  strip,
  subjectNamed,
} from './signature-subjects.ts'

const openssl = peer('openssl')

/** What is open to everybody who did not see how an image was made, and does not count under the policy of gateways. */
const UNSEEN = [
  'device_signature: signature_absent',
  'operator_signature: signature_absent',
  'time: time_unproven',
  'naming: attribute_missing',
]

describe('sealing every file at a gateway', { skip: sharedSkip }, () => {
  const folder = temporaryFolder()
  let hospital: GatewaySite
  let subjects: readonly SignatureSubject[] = []
  before(async () => {
    hospital = await createGatewaySite(folder)
    subjects = signatureSubjects()
  })

  it('makes every one authentic since it came, at P2, and adds nothing but its own signature', async () => {
    let received = 0
    for (const { name, bytes, file } of subjects) {
      const { image, seal } = await hospital.receive(bytes)
      const found = await hospital.verify(image, seal)
      const told = complaints(found.checks).filter((complaint) => !UNSEEN.includes(complaint))
      assert.deepEqual(told, [], name)
      assert.deepEqual([found.verdict, found.level, found.content], ['authentic', 'P2', 'unchanged'], name)
      assert.match(
        found.sentence,
        /^Unchanged since the gateway Front Door of General Hospital received it from AE CT1, by its own clock on .*\. What happened before that, nobody can show\./,
      )
      const { statement } = parseGatewaySeal(seal)
      const uids = new Set([statement.signatures.gateway?.uid ?? ''])
      // What a compressor chose for a deflated file cannot be repeated.
      if (!file.isDeflated) assert.ok(equalBytes(strip(parse(image), uids), bytes), name)
      assert.ok(equalBytes(statement.original, sha256(bytes)), name)
      assert.ok(equalBytes(statement.file, sha256(image)), name)
      received++
    }
    assert.equal(received, SUBJECTS)
  })

  it('leaves them undetermined for whoever asks who made them', async () => {
    for (const name of ['CTImage.dcm', 'MR_small_RLE.dcm', 'reportsi.dcm']) {
      const { image, seal } = await hospital.receive(subjectNamed(name).bytes)
      const { verdict, level } = await hospital.verify(image, seal, { policy: ACQUISITION_POLICY })
      assert.deepEqual([verdict, level], ['undetermined', 'P2'], name)
    }
  })

  it('knows the file that came by the seal, before it was signed', async () => {
    for (const name of ['CTImage.dcm', 'MR_small_RLE.dcm', 'reportsi.dcm', 'image_dfl.dcm']) {
      const { bytes } = subjectNamed(name)
      const { seal } = await hospital.receive(bytes)
      const found = await hospital.verify(bytes, seal)
      assert.deepEqual([found.verdict, found.level, found.content], ['authentic', 'P2', 'unchanged'], name)
    }
  })

  it('is told of as unchanged where the seal was lost on the way, as DIMSE loses it', async () => {
    const { image } = await hospital.receive(subjectNamed('CTImage.dcm').bytes)
    const found = await hospital.verify(image)
    assert.deepEqual([found.verdict, found.level, found.content], ['undetermined', 'P0', 'unchanged'])
    assert.match(
      found.sentence,
      /^Unchanged since the gateway Front Door of General Hospital signed it\. Its seal file, .* is missing\.$/,
    )
  })

  it('states how the image came, and for which order', async () => {
    const receivedAt = new Date('2026-03-03T10:14:00.123Z')
    const certificate = 'ab'.repeat(32)
    const { seal } = await hospital.receive(subjectNamed('CTImage.dcm').bytes, {
      arrival: {
        receivedAt,
        origin: { protocol: 'dicomweb', callingAet: null, calledAet: null, address: '192.0.2.8:1', peer: certificate },
      },
    })
    const { received, order, technologist } = parseGatewaySeal(seal).statement
    assert.deepEqual(
      { ...received, certificate: received.certificate && encodeHex(received.certificate) },
      {
        protocol: 'dicomweb',
        callingAet: null,
        calledAet: null,
        address: '192.0.2.8:1',
        certificate,
        token: null,
        receivedAt,
      },
    )
    const { technologist: name, ...binding } = ORDER
    assert.deepEqual(order, binding)
    assert.deepEqual(technologist, { name, source: 'mpps' })
  })

  it('leaves out what no statement can say, and takes the technologist from the header where no order names one', async () => {
    const { seal } = await hospital.receive(subjectNamed('MR_small.dcm').bytes, {
      arrival: {
        order: null,
        origin: { protocol: 'dimse', callingAet: 'CT\u001b1', calledAet: '', address: 'a\nb', peer: 'clinic' },
      },
    })
    const { received, order } = parseGatewaySeal(seal).statement
    assert.deepEqual(
      [received.callingAet, received.calledAet, received.address, received.certificate, received.token, order],
      [null, null, null, null, 'clinic', null],
    )
  })

  it('carries a token where an authority is asked', async () => {
    const { authority } = hospital.site.dependencies
    const { image, seal } = await hospital.receive(subjectNamed('CTImage.dcm').bytes, authority && { authority })
    const found = await hospital.verify(image, seal)
    assert.deepEqual(
      found.checks.find(({ subject }) => subject === 'time'),
      { subject: 'time', outcome: 'holds' },
    )
    assert.match(found.sentence, /from AE CT1 on \d+ \w+ \d{4} at \d\d:\d\d UTC\./)
  })

  it('seals nothing that a device or a gateway signed before', async () => {
    const { bytes } = subjectNamed('CTImage.dcm')
    const { image: captured } = await hospital.site.seal(bytes)
    const { image: received } = await hospital.receive(bytes)
    for (const image of [captured, received]) assert.equal(await hospital.prepare(image), undefined)
  })

  it('seals what somebody else signed, who is neither', async () => {
    const { image: signed } = await hospital.site.seal(subjectNamed('CTImage.dcm').bytes)
    const { signatures } = (await hospital.site.verify(signed)).signatures
    const byDevice = signatures.filter(({ signer }) => signer.role === 'device').map(({ uid }) => uid)
    const { image, seal } = await hospital.receive(strip(parse(signed), new Set(byDevice)))
    const found = await hospital.verify(image, seal)
    assert.deepEqual([found.verdict, found.level], ['authentic', 'P2'])
  })

  it('says the same of the pixels where their digest was measured before, and measures many frames itself', async () => {
    for (const name of ['CTImage.dcm', 'MR_small_bigendian.dcm', 'MR_small_RLE.dcm', 'rtdose.dcm', 'reportsi.dcm']) {
      const { bytes } = subjectNamed(name)
      const { crypto, codecs } = hospital.site.dependencies
      const { digests } = await describeImage(memorySource(bytes), { crypto, codecs })
      const known = await hospital.prepare(bytes, { known: { file: sha256(bytes), pixels: digests.pixels } })
      const measured = await hospital.prepare(bytes)
      assert.ok(known && measured)
      assert.deepEqual(known.description.pixels, measured.description.pixels, name)
      assert.deepEqual(known.description.frames, measured.description.frames, name)
      assert.deepEqual(digests.frames?.root, measured.description.pixels?.root, name)
    }
  })

  it('refuses what a strict reader refuses', async () => {
    const { bytes } = subjectNamed('CTImage.dcm')
    for (const damaged of [bytes.subarray(0, 20_000), bytes.subarray(0, 100), new Uint8Array(0)])
      await assert.rejects(hospital.prepare(damaged), FormatError)
  })
})

describe('the seal of a gateway, by the tools of others', { skip: sharedSkip }, () => {
  const folder = temporaryFolder()
  const at = (name: string): string => join(folder, name)
  let hospital: GatewaySite
  let ct: SealedImage
  before(async () => {
    hospital = await createGatewaySite(folder)
    ct = await hospital.receive(subjectNamed('CTImage.dcm').bytes)
  })

  it('holds a signature that dcmsign verifies, in the profile of creators', { skip: dcmsign.skip }, async () => {
    const [root] = hospital.site.anchors.roots
    writeFileSync(at('ca.pem'), encodePem({ label: 'CERTIFICATE', bytes: root?.bytes ?? new Uint8Array(0) }))
    const names = [
      'CTImage.dcm',
      'CT_small.dcm',
      'MR_small_implicit.dcm',
      'MR_small_bigendian.dcm',
      'JPEG2000.dcm',
      'reportsi.dcm',
    ]
    for (const name of names) {
      const { bytes } = subjectNamed(name)
      const { image } = await hospital.receive(bytes)
      writeFileSync(at('image.dcm'), image)
      const flags = fitsProfiles(parse(bytes)) ? ['+rc'] : ['+rg']
      const { code, stdout, stderr } = await runDcmsign('--verify', '+cf', at('ca.pem'), ...flags, at('image.dcm'))
      assert.equal(code, 0, `${name}: ${stdout} ${stderr}`)
    }
  })

  it('has a statement signature that openssl verifies over the pre-authentication encoding', openssl, async () => {
    const { envelope, certificates } = parseGatewaySeal(ct.seal)
    const [signature] = envelope.signatures
    const certificate = certificates.find(({ bytes }) => encodeHex(sha256(bytes)) === signature?.keyid)
    assert.ok(signature && certificate)
    const key = new X509Certificate(certificate.bytes).publicKey
    writeFileSync(at('key.pem'), key.export({ type: 'spki', format: 'pem' }))
    writeFileSync(at('sig'), signature.sig)
    writeFileSync(at('pae'), encodePae(envelope.payloadType, envelope.payload))
    writeFileSync(at('payload'), envelope.payload)
    const verify = (input: string): ReturnType<typeof run> =>
      run(openssl.path, [
        'pkeyutl',
        '-verify',
        '-pubin',
        '-inkey',
        at('key.pem'),
        '-rawin',
        '-in',
        at(input),
        '-sigfile',
        at('sig'),
      ])
    const right = await verify('pae')
    assert.equal(right.code, 0, right.stderr)
    assert.notEqual((await verify('payload')).code, 0)
  })

  it('holds for the native and the portable verifier alike', () => {
    const reports = [nativeCrypto, portableCrypto].map((crypto) =>
      verifyGatewaySeal(parseGatewaySeal(ct.seal), { crypto, anchors: hospital.site.anchors, now: new Date() }),
    )
    for (const report of reports) assert.equal(report.outcome, 'holds')
    assert.deepEqual(reports[0], reports[1])
  })
})
