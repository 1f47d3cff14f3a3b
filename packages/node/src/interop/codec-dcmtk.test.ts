/** Frames of every RLE, JPEG and JPEG-LS file of the shared data, against what DCMTK's decoders give. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { isLosslessSyntax } from '@fiducial/core/formats/codec/codec.ts'
import { peer, run, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import {
  assertSameBytes,
  decodeSubject,
  encapsulatedSubjects,
  joinFrames,
  onlyStored,
  readSubject,
  type Subject,
} from './codec-subjects.ts'

const JPEG = '1.2.840.10008.1.2.4.'
const decoders = { rle: peer('dcmdrle'), jpeg: peer('dcmdjpeg'), jpegLs: peer('dcmdjpls') }
const skip = sharedSkip || decoders.rle.skip || decoders.jpeg.skip || decoders.jpegLs.skip

/** The command that decodes a syntax, or undefined where DCMTK has none. */
function commandFor(uid: string): readonly string[] | undefined {
  if (uid === '1.2.840.10008.1.2.5') return [decoders.rle.path]
  if ([`${JPEG}80`, `${JPEG}81`].includes(uid)) return [decoders.jpegLs.path, '+px']
  if ([`${JPEG}57`, `${JPEG}70`].includes(uid)) return [decoders.jpeg.path, '+px', '+cn']
  if ([`${JPEG}50`, `${JPEG}51`, `${JPEG}53`, `${JPEG}55`].includes(uid)) return [decoders.jpeg.path, '+px']
  return undefined
}

/** DCMTK 3.6.7 refuses these: one-bit RLE, JPEG-LS of seven bits, and implicit VR under a JPEG syntax. */
const BEYOND_DCMTK = new Set([
  'liver_rle.dcm',
  'liver_nonbyte_aligned_rle.dcm',
  'JLSL_08_07_0_1F.dcm',
  'SC_rgb_jpeg.dcm',
])

describe('encapsulated files against DCMTK', { skip }, () => {
  const subjects =
    skip === false
      ? encapsulatedSubjects().filter(({ transferSyntaxUid }) => commandFor(transferSyntaxUid) !== undefined)
      : []

  it('finds the files', () => {
    const syntaxes = new Set(subjects.map(({ transferSyntaxUid }) => transferSyntaxUid))
    assert.ok(subjects.length >= 50, `${subjects.length} files`)
    assert.equal(syntaxes.size, 9)
  })

  for (const subject of subjects) {
    it(`decodes ${subject.name} (${subject.transferSyntaxUid}) to the same samples`, async (t) => {
      const frames = await decodeSubject(subject)
      assert.equal(frames.length, subject.numberOfFrames)
      for (const frame of frames) assert.equal(frame.isLossless, isLosslessSyntax(subject.transferSyntaxUid))
      const theirs = await decodeByDcmtk(subject, temporaryFolder(t))
      if (BEYOND_DCMTK.has(subject.name)) {
        assert.equal(theirs, undefined)
        return
      }
      assert.ok(theirs !== undefined, 'DCMTK decodes the file')
      const ours = joinFrames(frames)
      assert.equal(frames[0]?.photometricInterpretation, theirs.shape.photometricInterpretation)
      assert.equal(theirs.shape.planarConfiguration, 0)
      const expected = theirs.native.subarray(0, ours.length)
      assert.ok(theirs.native.length - ours.length <= 1, 'one byte of padding at most')
      // DCMTK leaves the bits above those stored at zero, where we extend the sign.
      const { shape } = subject
      const isExtended = shape.isSigned && shape.bitsStored < shape.bitsAllocated
      assertSameBytes(isExtended ? onlyStored(ours, shape) : ours, isExtended ? onlyStored(expected, shape) : expected)
    })
  }
})

async function decodeByDcmtk({ path, transferSyntaxUid }: Subject, folder: string): Promise<Subject | undefined> {
  const [command, ...options] = commandFor(transferSyntaxUid) as [string, ...string[]]
  const target = join(folder, 'native.dcm')
  const { code } = await run(command, [...options, '+te', path, target])
  return code === 0 ? readSubject(target) : undefined
}
