/**
 * Sealed and verified: every file of the shared data, on the way that the program takes.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { ACQUISITION_POLICY, SIGNATURES_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Tag } from '@fiducial/core/formats/dicom/element.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { complaints, createSealingSite, type SealingSite } from './sealing-site.ts'
import { type SignatureSubject, SUBJECTS, signatureSubjects, subjectNamed } from './signature-subjects.ts'

const [PATIENT_ID, PATIENT_NAME]: readonly Tag[] = [0x00100020, 0x00100010]

describe('sealing and verifying every file', { skip: sharedSkip }, () => {
  const folder = temporaryFolder()
  let site: SealingSite
  let subjects: readonly SignatureSubject[] = []
  before(async () => {
    site = await createSealingSite(folder)
    subjects = signatureSubjects()
  })

  /** Whether the file says whose it is; a name of carets alone names nobody. */
  const isNamed = ({ file: { dataSet } }: SignatureSubject): boolean =>
    [PATIENT_ID, PATIENT_NAME].some((tag) => /[^ ^]/.test(textAt(dataSet, tag as Tag) ?? ''))

  it('makes those authentic that name their patient, and finds nothing else missing in the others', async () => {
    const counts = { authentic: 0, undetermined: 0 }
    for (const subject of subjects) {
      const { image, seal } = await site.seal(subject.bytes)
      const { verdict, level, content, checks, isSynthetic, sentence } = await site.verify(image, seal)
      const told = complaints(checks).filter((complaint) => complaint !== 'naming: attribute_missing')
      assert.deepEqual(told, [], subject.name)
      assert.deepEqual([level, content], ['P2', 'unchanged'], subject.name)
      const missing = checks.find(({ subject: about }) => about === 'naming')?.where ?? []
      if (isNamed(subject)) assert.ok(!missing.some((tag) => tag.startsWith('(0010,')), subject.name)
      assert.equal(verdict, missing.length === 0 ? 'authentic' : 'undetermined', subject.name)
      assert.equal(isSynthetic, textAt(subject.file.dataSet, 0x0008001c) === 'YES', subject.name)
      if (verdict === 'authentic') {
        assert.match(
          sentence,
          /^This image is the one that Room 2 of General Hospital sealed on .*; Kim Lee signed for it\. It has not been changed since\.$/,
        )
      }
      counts[verdict as keyof typeof counts]++
    }
    assert.equal(counts.authentic + counts.undetermined, SUBJECTS)
    assert.ok(counts.authentic >= 200, `${counts.authentic} are authentic`)
  })

  it('is content with what a policy for signatures asks for where there is no seal', async () => {
    for (const name of ['CT_small.dcm', 'MR_small_RLE.dcm', 'examples_ybr_color.dcm', 'MR_small_bigendian.dcm']) {
      const { image } = await site.seal(subjectNamed(name).bytes)
      const policy = SIGNATURES_POLICY
      const { verdict, content, level, sentence } = await site.verify(image, undefined, { policy })
      assert.deepEqual([verdict, content, level], ['authentic', 'unchanged', 'P0'], name)
      assert.match(sentence, /Room 2 of General Hospital signed on/)
      const strict = await site.verify(image)
      assert.equal(strict.verdict, 'undetermined')
      const told = complaints(strict.checks).filter((complaint) => complaint !== 'naming: attribute_missing')
      assert.deepEqual(told, ['seal: seal_absent', 'content: seal_absent'], name)
    }
  })

  it('seals a sealed image again, and both seals hold', async () => {
    const { bytes } = subjectNamed('CTImage.dcm')
    const first = await site.seal(bytes)
    const second = await site.seal(first.image)
    const { verdict, signatures } = await site.verify(second.image, second.seal)
    assert.equal(verdict, 'authentic')
    assert.equal(signatures.signatures.length, 4)
    // The first seal still speaks of the same content; the two later signatures are others that hold.
    const before = await site.verify(second.image, first.seal)
    assert.equal(before.verdict, 'authentic')
  })

  it('answers for every other file with an error of its own, or a verdict that is not authentic', async () => {
    const { bytes } = subjectNamed('CT_small.dcm')
    const { seal } = await site.seal(bytes)
    const texts = [
      new Uint8Array(0),
      new TextEncoder().encode('%PDF-1.4'),
      bytes.subarray(0, 200),
      bytes.subarray(0, 20_000),
    ]
    for (const text of texts) {
      try {
        const { verdict } = await site.verify(text, seal)
        assert.notEqual(verdict, 'authentic')
      } catch (error) {
        assert.ok(error instanceof FormatError)
      }
    }
    await assert.rejects(site.seal(bytes.subarray(0, 20_000)), FormatError)
    await assert.rejects(site.seal(joinBytes([bytes, bytes])), FormatError)
  })

  it('asks a policy for nothing that it does not name', async () => {
    const { image } = await site.seal(subjectNamed('CT_small.dcm').bytes)
    const requires = ACQUISITION_POLICY.requires.filter((subject) => !['seal', 'content', 'naming'].includes(subject))
    const policy = { ...ACQUISITION_POLICY, name: 'ours', requires }
    assert.equal((await site.verify(image, undefined, { policy })).verdict, 'authentic')
    assert.equal((await site.verify(image, undefined, { policy: { ...policy, requires: [] } })).verdict, 'undetermined')
  })
})
