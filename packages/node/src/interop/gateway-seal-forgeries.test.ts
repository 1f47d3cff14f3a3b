/**
 * Forgeries around the seal of a gateway: what somebody with a key of another role, another gateway, or no key at all can
 * make of it, and by which check and reason each shows. None is ever authentic, and none ever comes above P2.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { addOverlay, flipPixel, stripAll, swapPatient } from '@fiducial/core/domain/forge/forgeries.ts'
import { formatGatewayStatement, type GatewayStatement } from '@fiducial/core/domain/seal/gateway-statement.ts'
import { formatGatewaySeal, type GatewaySeal, parseGatewaySeal, parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import { signGatewaySeal } from '@fiducial/core/domain/seal/sign.ts'
import { GATEWAY_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { FormatError, KeyError } from '@fiducial/core/errors.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { VerifiedInstance } from '../services/verify-instance.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { createGatewaySite, type GatewaySite } from './gateway-site.ts'
import { complaints, createSealingSite, type SealedImage, type SealingSite } from './sealing-site.ts'
import { subjectNamed } from './signature-subjects.ts'

/** Of each seal, this many bytes are flipped; all of a statement and its signatures with FIDUCIAL_FLIPS=1000000. */
const FLIPS = Number(process.env.FIDUCIAL_FLIPS ?? 1500)

describe('forgeries around the seal of a gateway', { skip: sharedSkip }, () => {
  const folder = temporaryFolder()
  const { bytes } = subjectNamed('CTImage.dcm')
  let hospital: GatewaySite
  let site: SealingSite
  let ct: SealedImage
  let seal: GatewaySeal
  before(async () => {
    hospital = await createGatewaySite(folder)
    site = hospital.site
    ct = await hospital.receive(bytes)
    seal = parseGatewaySeal(ct.seal)
    assert.equal((await hospital.verify(ct.image, ct.seal)).verdict, 'authentic')
  })

  const told = ({ checks }: VerifiedInstance): readonly string[] => complaints(checks)
  async function refuses(
    image: Uint8Array,
    beside: Uint8Array | undefined,
    ...expected: readonly string[]
  ): Promise<void> {
    const found = await hospital.verify(image, beside)
    assert.equal(found.verdict, 'not_authentic', told(found).join(', '))
    assert.equal(found.level, 'P0')
    for (const complaint of expected)
      assert.ok(told(found).includes(complaint), `${complaint} among ${told(found).join(', ')}`)
  }

  /** The seal over another statement, the signatures as they were. */
  const restated = (change: Partial<GatewayStatement>): Uint8Array => {
    const payload = formatGatewayStatement({ ...seal.statement, ...change })
    return formatGatewaySeal({ ...seal, envelope: { ...seal.envelope, payload } })
  }

  it('shows a gateway’s key that signs as device and person', async () => {
    const { gateway, second } = hospital
    for (const [device, operator] of [
      [gateway, site.operator],
      [gateway, second],
    ] as const) {
      const forged = await site.seal(bytes, { device, operator })
      await refuses(forged.image, forged.seal, 'seal: role_mismatch', 'device_signature: role_mismatch')
      const alone = await site.verify(forged.image)
      assert.ok(told(alone).includes('device_signature: role_mismatch'))
      assert.deepEqual([alone.verdict, alone.level], ['not_authentic', 'P0'])
    }
    const asPerson = await site.seal(bytes, { operator: gateway })
    await refuses(asPerson.image, asPerson.seal, 'seal: role_mismatch', 'operator_signature: role_mismatch')
  })

  it('shows a device’s and a person’s key that seal as a gateway', async () => {
    for (const gateway of [site.device, site.operator]) {
      const forged = await hospital.receive(bytes, { gateway })
      await refuses(forged.image, forged.seal, 'seal: role_mismatch')
    }
  })

  it('hands out no key for another role', async () => {
    const { ring, device } = site
    const isMismatch = (error: unknown): boolean => error instanceof KeyError && error.code === 'key_role_mismatch'
    await assert.rejects(ring.gatewaySigners(device.id), isMismatch)
    await assert.rejects(ring.gatewayMaterial(device.id), isMismatch)
    await assert.rejects(ring.signers(hospital.gateway.id), isMismatch)
    await assert.rejects(ring.material(hospital.gateway.id), isMismatch)
  })

  it('shows the seal of another image', async () => {
    const other = await hospital.receive(subjectNamed('CT_small.dcm').bytes)
    await refuses(ct.image, other.seal, 'content: other_instance')
    await refuses(bytes, other.seal, 'content: other_instance')
  })

  it('shows the seal of another arrival of the same image', async () => {
    const again = await hospital.receive(bytes)
    await refuses(ct.image, again.seal, 'gateway_signature: signature_removed')
    const elsewhere = await hospital.receive(bytes, { gateway: hospital.second })
    await refuses(ct.image, elsewhere.seal, 'gateway_signature: signature_removed')
  })

  it('shows facts of the arrival that were changed', async () => {
    const { received } = seal.statement
    for (const change of [
      { callingAet: 'CT2' },
      { calledAet: null },
      { address: '192.0.2.9:1' },
      { certificate: new Uint8Array(32) },
      { token: 'clinic' },
      { protocol: 'file' },
      { receivedAt: new Date(received.receivedAt.getTime() - 86_400_000) },
    ] as const)
      await refuses(ct.image, restated({ received: { ...received, ...change } }), 'seal: seal_signature_wrong')
  })

  it('shows an order, a technologist or a time that was changed, taken away or made up', async () => {
    const { order, technologist, sealedAt } = seal.statement
    assert.ok(order && technologist)
    for (const change of [
      { order: null },
      { order: { ...order, accessionNumber: 'A-18' } },
      { order: { ...order, source: 'mwl' } },
      { technologist: null },
      { technologist: { ...technologist, name: 'Somebody^Else' } },
      { technologist: { ...technologist, source: 'header' } },
      { sealedAt: new Date(sealedAt.getTime() + 1) },
      { isDemo: true },
    ] as const)
      await refuses(ct.image, restated(change), 'seal: seal_signature_wrong')
  })

  it('shows facts that another gateway of the site signed anew', async () => {
    const signers = hospital.second.keys
    const { certificates } = parseGatewaySeal((await hospital.receive(bytes, { gateway: hospital.second })).seal)
      .statement.gateway
    const statement = {
      ...seal.statement,
      order: null,
      gateway: { id: hospital.second.id, name: 'Back Door', certificates },
    }
    const forged = await signGatewaySeal({ statement, frames: seal.frames, signers, hashes: nativeCrypto.hash })
    await refuses(ct.image, formatGatewaySeal(forged), 'gateway_signature: signer_mismatch')
  })

  it('shows the seal of an acquisition and that of a gateway in one', async () => {
    const captured = await site.seal(bytes)
    // A device has what it makes before any gateway: here it seals what came through one.
    const after = await site.seal(ct.image)
    await refuses(after.image, after.seal, 'other_signatures: time_contradicted')
    // The gateway's seal beside what the device sealed, and the device's beside what the gateway sealed.
    await refuses(captured.image, ct.seal, 'gateway_signature: signature_removed')
    await refuses(ct.image, captured.seal, 'device_signature: signature_removed')
    // The signatures of both in one envelope.
    const { signatures } = parseSeal(captured.seal).envelope
    const envelope = { ...seal.envelope, signatures: [...seal.envelope.signatures, ...signatures] }
    await refuses(ct.image, formatGatewaySeal({ ...seal, envelope }), 'seal: seal_signature_wrong')
    // A gateway that is made to sign over a device's seal makes no capture of it.
    const over = await hospital.verify(captured.image, captured.seal)
    assert.deepEqual([over.verdict, over.level], ['authentic', 'P2'])
  })

  it('shows what was changed since', async () => {
    for (const [forge, complaint] of [
      [flipPixel, 'content: pixels_changed'],
      [swapPatient, 'content: patient_changed'],
      [addOverlay, 'content: overlay_changed'],
    ] as const) {
      await refuses(forge(ct.image), ct.seal, complaint)
      // Before the gateway signed: the file is not the one that came.
      await refuses(forge(bytes), ct.seal, complaint, 'gateway_signature: signature_removed')
      const alone = await hospital.verify(forge(ct.image))
      assert.equal(alone.verdict, 'not_authentic', complaint)
    }
  })

  it('takes the very file that came for what it is, with its seal, and for nothing without', async () => {
    assert.deepEqual(stripAll(ct.image), bytes)
    const bare = await hospital.verify(bytes)
    assert.deepEqual([bare.verdict, bare.level], ['undetermined', 'P0'])
  })

  it('shows a gateway of a site that only has the name', async () => {
    const rogue = await createSealingSite(`${folder}/rogue`)
    const { id } = await rogue.ring.enrolGateway({ name: 'Front Door' })
    const forged = await hospital.receive(flipPixel(bytes), {
      gateway: { id, keys: await rogue.ring.gatewaySigners(id) },
    })
    const found = await hospital.verify(forged.image, forged.seal)
    assert.equal(found.verdict, 'not_authentic')
    assert.equal(found.level, 'P0')
    assert.ok(told(found).includes('seal: signer_impersonated'))
  })

  it('names nobody by a certificate that no signature was checked with', async () => {
    const rogue = await createSealingSite(`${folder}/named`, { site: 'Mercy Hospital' })
    const { id } = await rogue.ring.enrolGateway({ name: 'Front Door' })
    const { dicom } = await rogue.ring.gatewaySigners(id)
    const gateway = { id: hospital.gateway.id, keys: { ...hospital.gateway.keys, dicom } }
    const forged = await hospital.receive(bytes, { gateway })
    const signed = await hospital.verify(forged.image, forged.seal)
    assert.equal(signed.verdict, 'undetermined')
    assert.ok(told(signed).includes('gateway_signature: untrusted_signer'))
    assert.doesNotMatch(signed.sentence, /Mercy/)
    // The file that came needs no signature, and its seal is the gateway's own.
    const { verdict, sentence } = await hospital.verify(bytes, forged.seal)
    assert.equal(verdict, 'authentic')
    assert.match(sentence, /the gateway Front Door of General Hospital/)
  })

  it('shows a gateway that was revoked, and one that was not yet or no longer certified', async () => {
    const { id } = await site.ring.enrolGateway({ name: 'Stolen' })
    const forged = await hospital.receive(bytes, { gateway: { id, keys: await site.ring.gatewaySigners(id) } })
    assert.equal((await hospital.verify(forged.image, forged.seal)).verdict, 'authentic')
    const afterwards = { now: () => new Date(Date.now() + 5 * 365 * 86_400_000) }
    const late = await hospital.verify(forged.image, forged.seal, afterwards)
    assert.deepEqual([late.verdict, late.level], ['undetermined', 'P0'])
    await site.ring.revoke(id, 'keyCompromise')
    const found = await hospital.verify(forged.image, forged.seal, { anchors: site.ring.trust() })
    assert.equal(found.verdict, 'not_authentic')
    assert.ok(told(found).includes('seal: revoked'))
  })

  it(`shows each flipped byte of the seal`, async () => {
    const step = Math.max(1, Math.floor(ct.seal.length / FLIPS))
    let flips = 0
    for (let position = 0; position < ct.seal.length; position += step) {
      const flipped = ct.seal.slice()
      flipped[position] = (flipped[position] as number) ^ (1 << (position % 8))
      const found = await hospital.verify(ct.image, flipped)
      assert.equal(found.verdict, 'not_authentic', `byte ${position}`)
      flips++
    }
    assert.ok(flips >= Math.min(FLIPS, ct.seal.length), `${flips} flips`)
  })

  it('answers for every cut of the seal', async () => {
    for (const cut of [0, 1, 2, 1000, ct.seal.length - 1])
      assert.equal((await hospital.verify(ct.image, ct.seal.subarray(0, cut))).verdict, 'not_authentic')
    assert.throws(() => parseGatewaySeal(ct.seal.subarray(1)), FormatError)
    assert.equal(GATEWAY_POLICY.name, 'gateway')
  })
})
