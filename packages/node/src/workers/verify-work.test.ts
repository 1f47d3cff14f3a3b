/**
 * What whoever hands over an image may put beside it, and what the site's own log says all the same.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { encodeUtf8, joinBytes } from '@fiducial/core/bytes/text.ts'
import { setElements } from '@fiducial/core/domain/forge/edit.ts'
import { stripAll } from '@fiducial/core/domain/forge/forgeries.ts'
import { formatSeal, parseSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { toyElements } from '@fiducial/core/testing/toy-seal.ts'
import type { VerifyRecord } from '../cli/verify-record.ts'
import type { VerifySettings } from '../cli/work.ts'
import { createSealingSite, type SealedImage, type SealingSite, sha256 } from '../interop/sealing-site.ts'
import { createNoteSigner } from '../keys/log-signer.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { formatReceipt } from '../services/log/receipt.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { logFolder } from '../wiring/log-reader.ts'
import { createSiteLog, openSiteLog } from '../wiring/site-log.ts'
import { openVerifyWork, type VerifyImage } from './verify-work.ts'

const HUGE_BYTES = 3 * 2 ** 40
const dicom = (...elements: Parameters<typeof toyElements>[0] & object): Uint8Array =>
  joinBytes([...encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: toyElements(elements) })])
const otherPixels = { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(96).fill(1) } as const

describe('verify work beside the log of the site', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'image.dcm')
  const sealPath = `${path}.fiducial.json`
  const proofPath = `${path}.tlog-proof`
  let home: string
  let site: SealingSite
  let stranger: SealingSite
  let sealed: SealedImage
  let proof: string
  let settings: VerifySettings
  let verifyImage: VerifyImage

  before(async () => {
    site = await createSealingSite(folder)
    stranger = await createSealingSite(join(folder, 'stranger'), { site: 'Other Clinic' })
    home = join(folder, 'site')
    sealed = await site.seal(dicom())
    await createSiteLog(home, site.ring, { origin: 'hospital.example/log' })
    await using open = await openSiteLog(home)
    await open.site.recorder.recordSeal(parseSeal((await site.seal(dicom(text(0x00080018, 'UI', '2.25.5')))).seal))
    const { index } = await open.site.recorder.recordSeal(parseSeal(sealed.seal))
    await open.site.settle()
    proof = formatReceipt(await open.site.log.prove(index))
    const ownRoots = site.anchors.roots.map(({ bytes }) => Buffer.from(sha256(bytes)).toString('hex'))
    settings = { anchors: site.anchors, policy: ACQUISITION_POLICY, log: { folder: logFolder(home), ownRoots } }
    verifyImage = await openVerifyWork({ kind: 'verify', settings })
  })
  beforeEach(() => {
    for (const old of [path, sealPath, proofPath]) rmSync(old, { recursive: true, force: true })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const verify = async (image: Uint8Array, by: VerifyImage = verifyImage): Promise<VerifyRecord> => {
    writeFileSync(path, image)
    const done = await by({ label: 'image.dcm', path })
    assert.ok('value' in done, 'failure' in done ? `${done.failure.code} ${done.failure.message}` : '')
    return done.value
  }
  const reasons = ({ checks }: VerifyRecord): readonly string[] =>
    checks.flatMap((check) => (check.outcome === 'holds' ? [] : [`${check.subject}: ${check.reason}`]))

  it('finds the sealed image recorded: authentic, P3', async () => {
    writeFileSync(sealPath, sealed.seal)
    const record = await verify(sealed.image)
    assert.deepEqual([record.verdict, record.level, reasons(record)], ['authentic', 'P3', []])
    assert.ok(record.log.state === 'consulted')
    assert.deepEqual([record.log.index, record.log.origin], ['1', 'hospital.example/log'])
  })

  describe('of an image from which everything was stripped', () => {
    const parsed = (): Seal => parseSeal(sealed.seal)
    const resigned = (sig: Uint8Array): Uint8Array => {
      const seal = parsed()
      const [first, ...others] = seal.envelope.signatures
      assert.ok(first)
      return formatSeal({ ...seal, envelope: { ...seal.envelope, signatures: [{ ...first, sig }, ...others] } })
    }
    const beside: Readonly<Record<string, () => void | Promise<void>>> = {
      nothing: () => undefined,
      'a seal of no bytes': () => writeFileSync(sealPath, ''),
      'a seal that is none': () => writeFileSync(sealPath, '{"mediaType":"x"}\n'),
      'a seal of terabytes': () => {
        writeFileSync(sealPath, '{')
        truncateSync(sealPath, HUGE_BYTES)
      },
      'a seal with a signature of no length that signatures have': () =>
        writeFileSync(sealPath, resigned(new Uint8Array(10))),
      'a seal with a long signature': () => writeFileSync(sealPath, resigned(new Uint8Array(60_000))),
      'the seal of a stranger': async () => {
        const again = await stranger.seal(stripAll(sealed.image))
        writeFileSync(sealPath, again.seal)
      },
      'a proof of no bytes': () => writeFileSync(proofPath, ''),
      'a proof that is none': () => writeFileSync(proofPath, 'c2sp.org/tlog-proof@v1\nindex x\n\n'),
      'the right proof': () => writeFileSync(proofPath, proof),
      'a proof of terabytes': () => {
        writeFileSync(proofPath, proof)
        truncateSync(proofPath, HUGE_BYTES)
      },
      'a folder in the place of a proof': () => mkdirSync(proofPath),
      'a link in the place of a proof that leads to itself': () => symlinkSync(proofPath, proofPath),
    }
    for (const [name, put] of Object.entries(beside)) {
      it(`says that it was sealed, with ${name} beside it`, async () => {
        await put()
        const record = await verify(stripAll(sealed.image))
        assert.deepEqual([record.verdict, record.level], ['not_authentic', 'P0'], reasons(record).join())
        assert.ok(reasons(record).includes('log: stripped'), reasons(record).join())
      })
    }

    it('says that another picture is in its place, whatever lies beside it', async () => {
      const forged = setElements(stripAll(sealed.image), otherPixels)
      for (const seal of [undefined, resigned(new Uint8Array(10)), (await stranger.seal(forged)).seal]) {
        if (seal !== undefined) writeFileSync(sealPath, seal)
        assert.ok(reasons(await verify(forged)).includes('log: replaced'))
      }
    })

    it('is not authentic with the seal of another image of the site beside it', async () => {
      const other = await site.seal(dicom(text(0x00080018, 'UI', '2.25.6')))
      writeFileSync(sealPath, other.seal)
      const record = await verify(stripAll(sealed.image))
      assert.deepEqual([record.verdict, record.level], ['not_authentic', 'P0'])
      assert.ok(reasons(record).includes('content: identity_changed'))
    })

    it('names no value of the image in what it says', async () => {
      writeFileSync(sealPath, resigned(new Uint8Array(10)))
      assert.doesNotMatch(JSON.stringify(await verify(stripAll(sealed.image))), /Example|Patient|P-1\b/)
    })
  })

  it('does not call a seal of the site recorded that is not', async () => {
    const again = await site.seal(dicom())
    for (const lie of [undefined, proof, 'junk', proof.replace('index 1', 'index 0')]) {
      writeFileSync(sealPath, again.seal)
      if (lie !== undefined) writeFileSync(proofPath, lie)
      const record = await verify(again.image)
      assert.notEqual(record.level, 'P3')
      assert.notEqual(record.verdict, 'authentic')
    }
  })

  it('passes over odd identifiers, and throws nothing at them', async () => {
    for (const uid of [
      '',
      '2.25.1001x',
      "2.25.1'; DROP TABLE terms; --",
      '../../etc/passwd',
      '9'.repeat(64),
      '\u0000',
      '%00',
      '*',
    ]) {
      const record = await verify(dicom(text(0x00080018, 'UI', uid)))
      assert.equal(record.verdict, 'undetermined')
      assert.equal(record.log.state, 'consulted')
    }
  })

  describe('where the log cannot be asked', () => {
    const at = async (log: string): Promise<VerifyRecord> => {
      writeFileSync(sealPath, sealed.seal)
      const { ownRoots } = settings.log ?? assert.fail()
      return verify(
        sealed.image,
        await openVerifyWork({ kind: 'verify', settings: { ...settings, log: { folder: log, ownRoots } } }),
      )
    }

    it('is undetermined where it is gone, and with a proof beside the image', async () => {
      assert.deepEqual((await at(join(folder, 'nowhere'))).log, { state: 'unavailable', code: 'log_missing' })
      writeFileSync(proofPath, proof)
      const record = await at(join(folder, 'nowhere'))
      assert.deepEqual([record.verdict, record.level], ['undetermined', 'P2'])
    })

    it('is undetermined where the policy beside it is damaged', async () => {
      const broken = join(folder, 'broken')
      mkdirSync(join(broken, '.private'), { recursive: true })
      writeFileSync(join(broken, 'policy'), 'quorum nobody\n')
      const record = await at(broken)
      assert.deepEqual(record.log, { state: 'unavailable', code: 'witness_policy_malformed' })
      assert.equal(record.verdict, 'undetermined')
    })
  })

  describe('with the policy of the log and no log', () => {
    const withPolicy = async (policy: string): Promise<VerifyImage> => {
      const { log: _, ...others } = settings
      return openVerifyWork({ kind: 'verify', settings: { ...others, logPolicies: [encodeUtf8(policy)] } })
    }
    const policyText = (): string => readFileSync(join(logFolder(home), 'policy'), 'utf8')

    it('takes the proof beside the image for its record', async () => {
      writeFileSync(sealPath, sealed.seal)
      writeFileSync(proofPath, proof)
      const record = await verify(sealed.image, await withPolicy(policyText()))
      assert.deepEqual([record.verdict, record.level], ['authentic', 'P3'], reasons(record).join())
      assert.equal(record.log.state, 'proof')
    })

    it('finds the proof of another image wrong', async () => {
      const other = await site.seal(dicom())
      writeFileSync(sealPath, other.seal)
      writeFileSync(proofPath, proof)
      const record = await verify(other.image, await withPolicy(policyText()))
      assert.equal(record.verdict, 'not_authentic')
      assert.ok(reasons(record).includes('log: proof_wrong'))
    })

    it('has nobody to ask without a proof, and believes none of a log that the policy does not name', async () => {
      writeFileSync(sealPath, sealed.seal)
      assert.deepEqual((await verify(sealed.image, await withPolicy(policyText()))).log, { state: 'not_consulted' })
      writeFileSync(proofPath, proof)
      const record = await verify(sealed.image, await withPolicy('quorum none\n'))
      assert.deepEqual([record.log.state, record.level], ['not_consulted', 'P2'])
    })

    it('does not begin with a policy that is none', async () => {
      await assert.rejects(
        withPolicy('log x\n'),
        (error) => error instanceof FormatError && error.code === 'witness_policy_malformed',
      )
    })

    it('asks for the quorum of the policy', async () => {
      const { privateKey } = generateKeyPairSync('ed25519')
      const { key } = createNoteSigner('w.example', 'cosignature-ed25519', privateKey, nativeCrypto.hash)
      const policy = policyText().replace('quorum none', `witness w ${formatVerifierKey(key)}\nquorum w`)
      writeFileSync(sealPath, sealed.seal)
      writeFileSync(proofPath, proof)
      const record = await verify(sealed.image, await withPolicy(policy))
      assert.deepEqual([record.verdict, record.level], ['undetermined', 'P2'])
      assert.ok(reasons(record).includes('log: unwitnessed'))
    })
  })

  it('reads no proof where no log and no policy is at hand', async () => {
    const { log: _, ...others } = settings
    const by = await openVerifyWork({ kind: 'verify', settings: others })
    writeFileSync(sealPath, sealed.seal)
    mkdirSync(proofPath)
    const record = await verify(sealed.image, by)
    assert.deepEqual([record.verdict, record.log], ['authentic', { state: 'not_consulted' }])
  })
})
