/**
 * Signers: seals and signatures by keys that are somebody else's, of another role, expired, revoked or exchanged.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Signer } from '@fiducial/core/bytes/crypto.ts'
import { formatSeal, parseSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { SeriesProver } from '@fiducial/core/domain/seal/series.ts'
import { seriesEntry } from '@fiducial/core/domain/seal/series-statement.ts'
import { certificatesOf, type HolderSigners, signSeal, signSeries } from '@fiducial/core/domain/seal/sign.ts'
import type { AcquisitionStatement } from '@fiducial/core/domain/seal/statement.ts'
import { AUTHOR_SIGNATURE, SOURCE_SIGNATURE } from '@fiducial/core/domain/signature/purpose.ts'
import type { SignatureRequest } from '@fiducial/core/domain/signature/sign.ts'
import { anchorsFrom } from '@fiducial/core/domain/trust/anchors.ts'
import { ROLE_PURPOSES } from '@fiducial/core/domain/trust/roles.ts'
import { ACQUISITION_POLICY, SIGNATURES_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { embeddedAuthority } from '../keys/embedded-authority.ts'
import { signerFromPem } from '../keys/file-signer.ts'
import { openKeyRing } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { Sealer } from '../services/ports.ts'
import type { VerifiedInstance, VerifyDependencies } from '../services/verify-instance.ts'
import { type OpensslHolder, openssl, opensslRoot } from '../testing/openssl-ca.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { complaints, createSealingSite, random, type SealedImage, type SealingSite } from './sealing-site.ts'
import { dcmsign, nowAsDateTime, parse, runDcmsign, sign, subjectNamed } from './signature-subjects.ts'

const DAY_MS = 86_400_000
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS)

const told = ({ checks }: VerifiedInstance): readonly string[] => complaints(checks)

describe('who signed', { skip: sharedSkip }, () => {
  const folder = temporaryFolder()
  let site: SealingSite
  let bytes: Uint8Array
  let sealed: SealedImage
  /** Another device and another technologist of the same site. */
  let otherDevice: Sealer
  let otherPerson: Sealer
  before(async () => {
    site = await createSealingSite(folder)
    otherDevice = await site.sealer((await site.ring.enrolDevice({ name: 'Room 3' })).id)
    otherPerson = await site.sealer((await site.ring.enrolPerson({ name: 'Robin Oak' })).id)
    bytes = subjectNamed('CTImage.dcm').bytes
    sealed = await site.seal(bytes)
  })

  const verify = (
    { image, seal }: Pick<SealedImage, 'image'> & Partial<SealedImage>,
    options: Partial<VerifyDependencies> = {},
  ): Promise<VerifiedInstance> => site.verify(image, seal, options)

  /** Asserts a verdict, and that each of the complaints is told. */
  const assertTold = (found: VerifiedInstance, verdict: string, ...expected: readonly string[]): void => {
    const all = told(found)
    for (const complaint of expected) assert.ok(all.includes(complaint), `${complaint} among ${all.join(', ')}`)
    assert.equal(found.verdict, verdict, all.join(', '))
  }

  const request = (signer: Signer, purpose: SignatureRequest['purpose']): SignatureRequest => ({
    signer,
    hash: 'sha256',
    uid: `2.25.${BigInt(`0x${Buffer.from(random(12)).toString('hex')}`)}`,
    dateTime: nowAsDateTime(),
    ...(purpose === undefined ? {} : { purpose }),
  })
  const addSignature = (
    image: Uint8Array,
    signer: Signer,
    purpose?: SignatureRequest['purpose'],
  ): Promise<Uint8Array> => sign(parse(image), [request(signer, purpose)])

  describe('of another site', () => {
    it('is an impostor, where it takes on the names of this one', async () => {
      const rogue = await createSealingSite(join(folder, 'rogue'))
      const forged = await rogue.seal(bytes)
      assert.equal((await rogue.verify(forged.image, forged.seal)).verdict, 'authentic')
      const found = await verify(forged)
      assertTold(found, 'not_authentic', 'device_signature: signer_impersonated', 'seal: signer_impersonated')
      assert.match(found.sentence, /in the name of an authority you trust, but not by its key/)
    })

    it('is somebody unknown', async () => {
      const stranger = await createSealingSite(join(folder, 'stranger'), { site: 'Other Hospital' })
      const found = await verify(await stranger.seal(bytes))
      assertTold(found, 'undetermined', 'device_signature: untrusted_signer', 'seal: untrusted_signer')
      assert.ok(told(found).includes('content: seal_unproven'))
      assert.match(found.sentence, /--trust/)
      assert.doesNotMatch(found.sentence, /Room 2|Kim Lee/)
    })

    it('impersonates one that is known, where it names its key as well', { skip: openssl.skip }, async () => {
      const [trusted, rogue] = [
        await opensslRoot(join(folder, 'a'), { name: 'CA' }),
        await opensslRoot(join(folder, 'b'), { name: 'CA' }),
      ]
      const extensions = ['keyUsage=critical,digitalSignature', `extendedKeyUsage=${ROLE_PURPOSES.device}`]
      const leaf = await rogue.issue({ name: 'Room 2', key: 'rsa-2048', extensions })
      const signer = signerFromPem({
        key: readFileSync(leaf.keyPath, 'utf8'),
        certificate: readFileSync(leaf.certificatePath, 'utf8'),
      })
      const image = await addSignature(bytes, signer, SOURCE_SIGNATURE)
      const anchors = anchorsFrom([trusted.certificate])
      const found = await verify({ image }, { anchors, policy: SIGNATURES_POLICY })
      assertTold(found, 'not_authentic', 'device_signature: signer_impersonated')
      const right = await verify({ image }, { anchors: anchorsFrom([rogue.certificate]), policy: SIGNATURES_POLICY })
      assert.equal(right.verdict, 'authentic')
    })

    it('cannot put a signature beside those of the site unseen', async () => {
      const rogue = await createSealingSite(join(folder, 'rogue-2'), { site: 'Other Hospital' })
      const image = await addSignature(sealed.image, rogue.device.keys.dicom, SOURCE_SIGNATURE)
      const found = await verify({ image, seal: sealed.seal })
      assertTold(found, 'undetermined', 'other_signatures: untrusted_signer')
      assert.equal(found.content, 'unchanged')
      // It was there before: the site sealed the image with it.
      const earlier = await addSignature(bytes, rogue.device.keys.dicom, SOURCE_SIGNATURE)
      const resealed = await site.seal(earlier)
      const whole = await verify(resealed)
      assert.equal(whole.verdict, 'authentic', told(whole).join(', '))
      assert.match(whole.sentence, /Room 2 of General Hospital/)
    })
  })

  describe('of the same site', () => {
    it('may add a signature, and takes nobody’s place by it', async () => {
      const image = await addSignature(sealed.image, otherDevice.keys.dicom, SOURCE_SIGNATURE)
      const both = await addSignature(image, otherPerson.keys.dicom, AUTHOR_SIGNATURE)
      const found = await verify({ image: both, seal: sealed.seal })
      assert.equal(found.verdict, 'authentic', told(found).join(', '))
      assert.match(found.sentence, /Room 2 of General Hospital .*; Kim Lee signed for it/)
    })

    it('does not hide an earlier signature that is broken', async () => {
      const earlier = await addSignature(bytes, otherDevice.keys.dicom, SOURCE_SIGNATURE)
      const broken = earlier.slice()
      const { dataSet } = parse(broken)
      const pixels = dataSet.elements.find(({ tag }) => tag === 0x7fe00010)
      const at = (pixels?.valueStart ?? 0) + 1000
      broken[at] = (broken[at] as number) ^ 1
      const resealed = await site.seal(broken)
      assertTold(await verify(resealed), 'not_authentic', 'other_signatures: tampered')
      const alone = await verify({ image: resealed.image }, { policy: SIGNATURES_POLICY })
      assertTold(alone, 'not_authentic', 'other_signatures: tampered')
    })

    it('cannot act in another role', async () => {
      const swapped = await site.seal(bytes, { device: otherPerson, operator: otherDevice })
      assertTold(
        await verify(swapped),
        'not_authentic',
        'device_signature: role_mismatch',
        'operator_signature: role_mismatch',
        'seal: role_mismatch',
      )
      const image = await addSignature(bytes, otherPerson.keys.dicom, SOURCE_SIGNATURE)
      assertTold(
        await verify({ image }, { policy: SIGNATURES_POLICY }),
        'not_authentic',
        'device_signature: role_mismatch',
      )
      // As author, a person says nothing for the device: that is missing, and nothing is wrong.
      const author = await addSignature(bytes, otherPerson.keys.dicom, AUTHOR_SIGNATURE)
      assertTold(
        await verify({ image: author }, { policy: SIGNATURES_POLICY }),
        'undetermined',
        'device_signature: signature_absent',
      )
    })
  })

  /** The statement of a seal, changed and signed anew by the given holders: what insiders can do. */
  async function resign(
    change: (statement: AcquisitionStatement) => Partial<AcquisitionStatement>,
    signers: { readonly device: HolderSigners; readonly operator: HolderSigners },
    original: SealedImage = sealed,
  ): Promise<SealedImage> {
    const seal = parseSeal(original.seal)
    const { hash } = nativeCrypto
    const named = (part: 'device' | 'operator') => ({
      ...seal.statement[part],
      certificates: certificatesOf(signers[part], hash),
    })
    const statement = {
      ...seal.statement,
      device: { ...seal.statement.device, ...named('device') },
      operator: named('operator'),
    }
    const { authority } = site.dependencies
    const again = await signSeal({
      statement: { ...statement, ...change(statement) },
      frames: seal.frames,
      signers,
      hashes: hash,
      timestamp: (name, digest) => (authority as NonNullable<typeof authority>).timestamp(name, digest),
    })
    return { image: original.image, seal: formatSeal(again) }
  }

  describe('in the file and beside it', () => {
    it('must be one device', async () => {
      const { keys } = site.device
      const mixed = await site.seal(bytes, {
        device: { ...site.device, keys: { ...keys, dicom: otherDevice.keys.dicom } },
      })
      assertTold(await verify(mixed), 'not_authentic', 'device_signature: signer_mismatch')
      const claimed = await resign(() => ({}), {
        device: { ...keys, dicom: otherDevice.keys.dicom },
        operator: site.operator.keys,
      })
      assertTold(await verify(claimed), 'not_authentic', 'device_signature: signer_mismatch')
    })

    it('must be one technologist', async () => {
      const other = { id: otherPerson.id, name: 'Robin Oak' }
      const taken = await resign(({ operator }) => ({ operator: { ...operator, ...other } }), {
        device: site.device.keys,
        operator: otherPerson.keys,
      })
      const found = await verify(taken)
      assertTold(found, 'not_authentic', 'operator_signature: signer_mismatch')
      assert.match(found.sentence, /signed by somebody else than the one who sealed it/)
    })

    it('name one time', async () => {
      const earlier = await resign(({ sealedAt }) => ({ sealedAt: new Date(sealedAt.getTime() - 3_600_000) }), {
        device: site.device.keys,
        operator: site.operator.keys,
      })
      assertTold(await verify(earlier), 'not_authentic', 'time: time_contradicted')
    })

    it('are the same again when signed anew without a change', async () => {
      const again = await resign(() => ({}), { device: site.device.keys, operator: site.operator.keys })
      assert.equal((await verify(again)).verdict, 'authentic')
    })
  })

  describe('with one signature of the seal missing', () => {
    it('is not believed: each of the four', async () => {
      const seal = parseSeal(sealed.seal)
      assert.equal(seal.envelope.signatures.length, 4)
      for (const [i] of seal.envelope.signatures.entries()) {
        const signatures = seal.envelope.signatures.filter((_, k) => k !== i)
        const stripped = formatSeal({ ...seal, envelope: { ...seal.envelope, signatures } })
        const found = await verify({ image: sealed.image, seal: stripped })
        assertTold(found, 'not_authentic', 'seal: seal_signature_missing', 'content: seal_unproven')
      }
    })

    it('is unproven without a timestamp, and believed for nothing but the present', async () => {
      const unstamped = await site.seal(bytes, { isUnstamped: true })
      const found = await verify(unstamped)
      assertTold(found, 'undetermined', 'time: time_unproven', 'seal: time_unproven')
      const seal = parseSeal(sealed.seal)
      const without = formatSeal({ ...seal, timestamps: [] })
      assertTold(await verify({ image: sealed.image, seal: without }), 'undetermined', 'seal: time_unproven')
    })
  })

  describe('whose certificate ends', () => {
    it('stays believed where a timestamp proves that it signed before', async () => {
      const found = await verify(sealed, { now: () => inDays(4 * 365) })
      assert.equal(found.verdict, 'authentic', told(found).join(', '))
    })

    it('is unproven without a timestamp', async () => {
      const unstamped = await site.seal(bytes, { isUnstamped: true })
      const found = await verify(unstamped, { now: () => inDays(4 * 365) })
      assertTold(found, 'undetermined', 'device_signature: time_unproven', 'operator_signature: time_unproven')
      const early = await verify(unstamped, { now: () => inDays(-30) })
      assertTold(early, 'not_authentic', 'device_signature: certificate_outside_validity')
    })

    it('cannot sign afterwards', async () => {
      const { id } = await site.ring.enrolDevice({ name: 'Old Room', validityDays: 10, notBefore: inDays(-30) })
      const late = await site.seal(bytes, { device: await site.sealer(id) })
      const found = await verify(late)
      assertTold(
        found,
        'not_authentic',
        'device_signature: certificate_outside_validity',
        'seal: certificate_outside_validity',
      )
    })
  })

  describe('that is revoked', () => {
    /** A device that seals, is revoked a day later, and seals again. */
    async function revoke(name: string, reason: 'cessationOfOperation' | 'keyCompromise') {
      const { id } = await site.ring.enrolDevice({ name })
      const device = await site.sealer(id)
      const earlier = await site.seal(bytes, { device })
      const tomorrow = await openKeyRing(join(folder, 'site'), { now: () => inDays(1) })
      await tomorrow.revoke(id, reason)
      const later = (): Date => inDays(2)
      const clock = await embeddedAuthority(site.ring, later)
      return {
        anchors: tomorrow.trust(),
        earlier,
        later: await site.seal(bytes, { device, now: later, authority: clock }),
      }
    }

    it('stays believed for what it signed before it was retired, and for nothing after', async () => {
      const { anchors, earlier, later } = await revoke('Retired', 'cessationOfOperation')
      const now = (): Date => inDays(3)
      const before = await verify(earlier, { anchors, now })
      assert.equal(before.verdict, 'authentic', told(before).join(', '))
      assertTold(await verify(later, { anchors, now }), 'not_authentic', 'device_signature: revoked', 'seal: revoked')
    })

    it('is believed for nothing once its key is in other hands', async () => {
      const { anchors, earlier } = await revoke('Stolen', 'keyCompromise')
      const found = await verify(earlier, { anchors, now: () => inDays(3) })
      assertTold(found, 'not_authentic', 'device_signature: revoked', 'revocation: revoked', 'seal: revoked')
      assert.match(found.sentence, /certificate was revoked/)
    })

    it('is good to know of where a policy asks for it', async () => {
      const policy = {
        ...ACQUISITION_POLICY,
        name: 'ours',
        requires: [...ACQUISITION_POLICY.requires, 'revocation' as const],
      }
      assert.equal((await verify(sealed, { policy })).verdict, 'authentic')
      const anchors = { ...site.anchors, crls: [] }
      assertTold(await verify(sealed, { policy, anchors }), 'undetermined', 'revocation: revocation_unknown')
    })
  })

  describe('a series', () => {
    let pending: SealedImage
    let complete: SealedImage
    const signersOf = ({ keys }: Sealer): HolderSigners => ({
      statement: keys.statement,
      postQuantum: keys.postQuantum,
    })
    async function finish(image: SealedImage, by: Sealer, name: string): Promise<SealedImage> {
      const seal = parseSeal(image.seal)
      const { statement } = seal
      const { hash } = nativeCrypto
      const series = await signSeries({
        statement: {
          isDemo: false,
          studyInstanceUid: statement.instance.studyInstanceUid as string,
          seriesInstanceUid: statement.instance.seriesInstanceUid as string,
          operator: { id: by.id, name, certificates: certificatesOf(signersOf(by), hash) },
          signedAt: new Date(),
          checkpoint: null,
        },
        entries: [seriesEntry(statement, hash)],
        signers: signersOf(by),
        hashes: hash,
        timestamp: (digestName, digest) => embedded().timestamp(digestName, digest),
      })
      const attached = new SeriesProver(series, hash).attach(seal)
      return { image: image.image, seal: attached === undefined ? image.seal : formatSeal(attached as Seal) }
    }
    const embedded = () => site.dependencies.authority as NonNullable<typeof site.dependencies.authority>
    before(async () => {
      pending = await site.seal(bytes, { isSeries: true })
      complete = await finish(pending, site.operator, 'Kim Lee')
    })

    it('waits for its technologist, while the device vouches for the content', async () => {
      const found = await verify(pending)
      assertTold(
        found,
        'undetermined',
        'operator_signature: signed_by_operator_in_series',
        'seal: signed_by_operator_in_series',
      )
      assert.deepEqual([found.content, found.level], ['unchanged', 'P0'])
      assert.match(found.sentence, /has not signed its series yet/)
      const forged = pending.image.slice()
      forged[200_000] = (forged[200_000] as number) ^ 1
      assertTold(await verify({ ...pending, image: forged }), 'not_authentic', 'device_signature: tampered')
    })

    it('is authentic once it is signed, with one signature in the file', async () => {
      const found = await verify(complete)
      assert.deepEqual([found.verdict, found.level, told(found)], ['authentic', 'P2', []])
      assert.equal(found.signatures.signatures.length, 1)
      assert.match(found.sentence, /Room 2 of General Hospital .*; Kim Lee signed for it/)
    })

    it('cannot be signed by another than the one it waits for', async () => {
      await assert.rejects(async () => {
        const taken = await finish(pending, otherPerson, 'Robin Oak')
        const found = await verify(taken)
        assert.notEqual(found.verdict, 'authentic')
        throw new TypeError('refused either way')
      }, TypeError)
      const series = parseSeal((await finish(pending, site.operator, 'Kim Lee')).seal).series
      assert.ok(series)
      const seal = parseSeal(pending.seal)
      const moved = formatSeal({ ...seal, series: { ...series, index: series.index + 1n } })
      assertTold(
        await verify({ image: pending.image, seal: moved }),
        'not_authentic',
        'seal: seal_signature_wrong',
        'content: seal_unproven',
      )
    })

    it('lets nobody stand in for the technologist in the file', async () => {
      const image = await addSignature(pending.image, otherPerson.keys.dicom, AUTHOR_SIGNATURE)
      assertTold(
        await verify({ ...pending, image }),
        'undetermined',
        'operator_signature: signed_by_operator_in_series',
      )
      const found = await verify({ ...complete, image })
      assert.equal(found.verdict, 'authentic')
      assert.match(found.sentence, /; Kim Lee signed for it/)
      assert.doesNotMatch(found.sentence, /Robin/)
    })
  })

  describe('a demonstration', () => {
    it('is told by its seal, and by the names of its authority', async () => {
      const demo = await createSealingSite(join(folder, 'demo'), { isDemo: true })
      const told = await demo.seal(bytes, { isDemo: true })
      const hidden = await demo.seal(bytes, { isDemo: false })
      for (const { image, seal } of [told, hidden]) {
        const { verdict, isSynthetic, sentence } = await demo.verify(image, seal)
        assert.deepEqual([verdict, isSynthetic], ['authentic', true])
        assert.match(sentence, /DEMO Room 2 of DEMO General Hospital .* It is labelled as synthetic or DEMO/)
      }
      // Real sites do not believe it.
      assertTold(await verify(hidden), 'undetermined', 'device_signature: untrusted_signer')
    })
  })

  describe('of another make', () => {
    it('is uncertified under the policy for acquisitions, and enough for signatures', {
      skip: openssl.skip,
    }, async () => {
      const root = await opensslRoot(join(folder, 'maker'), { name: 'Maker CA' })
      const leaf = await root.issue({ name: 'Scanner', key: 'rsa-2048' })
      const signer = signerFromPem({
        key: readFileSync(leaf.keyPath, 'utf8'),
        certificate: readFileSync(leaf.certificatePath, 'utf8'),
      })
      const image = await addSignature(bytes, signer, SOURCE_SIGNATURE)
      const anchors = anchorsFrom([root.certificate])
      assertTold(await verify({ image }, { anchors }), 'undetermined', 'device_signature: role_uncertified')
      const found = await verify({ image }, { anchors, policy: SIGNATURES_POLICY })
      assert.equal(found.verdict, 'authentic', told(found).join(', '))
      assert.match(found.sentence, /^This image is the one that Scanner of Test Site signed\. It has not been changed/)
    })

    /** As dcmsign signs with a digest. */
    async function signAndVerify(root: OpensslHolder, leaf: OpensslHolder, digest: string): Promise<VerifiedInstance> {
      const [from, to] = [join(folder, 'plain.dcm'), join(folder, `dcmsign${digest}.dcm`)]
      writeFileSync(from, bytes)
      const { code, stderr } = await runDcmsign('--sign', leaf.keyPath, leaf.certificatePath, digest, from, to)
      assert.equal(code, 0, stderr)
      const anchors = anchorsFrom([root.certificate])
      return verify({ image: new Uint8Array(readFileSync(to)) }, { anchors, policy: SIGNATURES_POLICY })
    }

    it('is open where the digest is weak', { skip: dcmsign.skip || openssl.skip }, async () => {
      const root = await opensslRoot(join(folder, 'weak'), { name: 'Weak CA' })
      const leaf = await root.issue({ name: 'Scanner', key: 'rsa-2048' })
      for (const digest of ['+ms', '+mm', '+mr']) {
        assertTold(await signAndVerify(root, leaf, digest), 'undetermined', 'device_signature: weak_digest')
      }
      assert.equal((await signAndVerify(root, leaf, '+m2')).verdict, 'authentic')
    })

    it('is refused where the key is short', { skip: dcmsign.skip || openssl.skip }, async () => {
      const root = await opensslRoot(join(folder, 'short'), { name: 'Short CA' })
      const leaf = await root.issue({ name: 'Scanner', key: 'rsa-1024' })
      const found = await signAndVerify(root, leaf, '+m2')
      assertTold(found, 'not_authentic', 'device_signature: weak_key')
    })
  })
})
