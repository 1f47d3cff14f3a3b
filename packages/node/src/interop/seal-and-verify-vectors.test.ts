/**
 * Vectors: the files of ../shared/vectors/signatures, judged under the policy for images that others signed.
 *
 * Their README tells the right state of each signature; what that means for the file as a whole is told here. It says
 * `valid` of a signature; a file is authentic where such a signature is by a trusted signer and leaves nothing open.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { anchorsFrom } from '@fiducial/core/domain/trust/anchors.ts'
import type { Content } from '@fiducial/core/domain/verdict/judge.ts'
import { SIGNATURES_POLICY, type Verdict } from '@fiducial/core/domain/verdict/policy.ts'
import { parseCertificates } from '@fiducial/core/formats/x509/pem.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type VerifiedInstance, verifyInstance } from '../services/verify-instance.ts'
import { sharedPath, sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'
import { codecs, complaints } from './sealing-site.ts'

const FOLDER = 'vectors/signatures'
/** The certificates of the vectors are good for a while from this week on. */
const NOW = new Date('2026-11-25T12:00:00Z')

interface Vector {
  readonly verdict: Verdict
  readonly content: Content
  /** Of the subjects that the policy asks for. */
  readonly complaints: readonly string[]
}

const authentic: Vector = { verdict: 'authentic', content: 'unchanged', complaints: [] }
const tampered: Vector = {
  verdict: 'not_authentic',
  content: 'altered',
  complaints: ['device_signature: tampered', 'coverage: signature_absent'],
}

const VECTORS: Readonly<Record<string, Vector>> = {
  'signed/ct_none_sha256': authentic,
  'signed/ct_creator': authentic,
  'signed/ct_creator_ts': authentic,
  // The technologist's signature counts among the others, and holds.
  'signed/ct_creator_ts_plus_auth': authentic,
  'signed/ct_rle_creator': authentic,
  'signed/mr_implicit_creator': authentic,
  'signed/mr_be_creator': authentic,
  'signed/mr_small_creator': authentic,
  'signed/us_jpeg_multiframe_creator': authentic,
  'signed/ct_private_unknown_creator': authentic,
  // A valid signature of one finding; nobody signed the report.
  'signed/sr_item_signed': {
    verdict: 'undetermined',
    content: 'not_shown',
    complaints: ['device_signature: signature_absent', 'coverage: signature_absent'],
  },
  'signed/sr_item_then_main': authentic,
  // Valid, and says nothing about the picture.
  'signed/ct_partial_patientname_only': {
    verdict: 'undetermined',
    content: 'not_shown',
    complaints: ['coverage: unsigned_pixels'],
  },
  // Valid by its profile, which asks for no patient and no geometry.
  'signed/ct_creator_minimal': {
    verdict: 'undetermined',
    content: 'not_shown',
    complaints: ['coverage: unsigned_patient', 'coverage: unsigned_attribute'],
  },
  'signed/ct_signed_2025_cert_expired_2026': {
    verdict: 'undetermined',
    content: 'not_shown',
    complaints: ['device_signature: time_unproven'],
  },
  'forged/ct_creator_pixelflip': tampered,
  'forged/ct_creator_patid': tampered,
  'forged/ct_creator_removed': tampered,
  'forged/ct_creator_sigdate': tampered,
  // Without a seal or a log nobody can say that there was a signature.
  'forged/ct_creator_stripped': {
    verdict: 'undetermined',
    content: 'not_shown',
    complaints: ['device_signature: signature_absent', 'coverage: signature_absent'],
  },
  'forged/ct_creator_added_windowcenter': {
    verdict: 'not_authentic',
    content: 'altered',
    complaints: ['coverage: unsigned_display_attribute'],
  },
  'forged/ct_creator_added_overlay6000': {
    verdict: 'not_authentic',
    content: 'altered',
    complaints: ['coverage: unsigned_overlay'],
  },
  'forged/ct_dup_patientid': {
    verdict: 'not_authentic',
    content: 'altered',
    complaints: [
      'encoding: encoding_ambiguous',
      'device_signature: encoding_ambiguous',
      'device_signature: tampered',
      'coverage: signature_absent',
    ],
  },
  // The VR of a private attribute was lost: no program can verify it, and nobody tampered.
  'forged/ct_private_through_implicit_pacs': {
    verdict: 'undetermined',
    content: 'not_shown',
    complaints: ['device_signature: vr_lost', 'coverage: signature_absent'],
  },
}

describe('the signature vectors as files', { skip: sharedSkip }, () => {
  const certificates = (name: string) => parseCertificates(readFileSync(sharedPath(`${FOLDER}/keys/${name}.pem`)))
  const anchors = anchorsFrom([...certificates('root'), ...certificates('int')])
  const verify = (file: string, trusted = anchors): Promise<VerifiedInstance> =>
    verifyInstance(
      { source: memorySource(readFileSync(sharedPath(`${FOLDER}/${file}.dcm`))) },
      { crypto: nativeCrypto, codecs, anchors: trusted, policy: SIGNATURES_POLICY, now: () => NOW },
    )
  const asked = ({ checks }: VerifiedInstance): readonly string[] =>
    complaints(checks.filter(({ subject }) => SIGNATURES_POLICY.requires.includes(subject)))

  for (const [file, { verdict, content, complaints: expected }] of Object.entries(VECTORS)) {
    it(`finds ${file} ${verdict}`, async () => {
      const found = await verify(file)
      assert.deepEqual(asked(found), expected)
      assert.deepEqual([found.verdict, found.content, found.level], [verdict, content, 'P0'])
    })
  }

  it('has an answer for every file of the vectors', () => {
    const names = ['signed', 'forged'].flatMap((folder) =>
      sharedFiles(`${FOLDER}/${folder}`).map(({ name }) => `${folder}/${name.replace(/\.dcm$/, '')}`),
    )
    assert.deepEqual(names.sort(), Object.keys(VECTORS).sort())
  })

  it('knows nobody without an anchor, and names what would settle it', async () => {
    const { verdict, checks, sentence } = await verify('signed/ct_creator', anchorsFrom([]))
    assert.equal(verdict, 'undetermined')
    assert.ok(complaints(checks).includes('device_signature: untrusted_signer'))
    assert.match(sentence, /--trust/)
  })

  it('names who signed, and nobody else', async () => {
    const { sentence } = await verify('signed/ct_creator_ts_plus_auth')
    assert.match(
      sentence,
      /^This image is the one that CT-ROOM-1 of Test Hospital signed on \d+ November 2026 at \d\d:\d\d UTC; Jane Roe signed for it\. It has not been changed since\.$/,
    )
  })
})
