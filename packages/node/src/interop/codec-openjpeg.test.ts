/** Frames of every JPEG 2000 and High-Throughput JPEG 2000 file of the shared data, against OpenJPEG's own program. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { FormatError } from '@fiducial/core/errors.ts'
import { interleavePlanes } from '@fiducial/core/formats/codec/samples.ts'
import { peer, run, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import {
  assertSameBytes,
  codecs,
  decodeSubject,
  encapsulatedSubjects,
  greatestDifference,
  onlyStored,
  type Subject,
} from './codec-subjects.ts'

const JPEG_2000 = new Set(['90', '91', '201', '202', '203'].map((number) => `1.2.840.10008.1.2.4.${number}`))
const openJpeg = peer('opj_decompress')
const skip = sharedSkip || openJpeg.skip

/** Its size segment is overwritten with a delimiter: a test for parsers of data sets, not for decoders. */
const DAMAGED = 'JPEG2000-embedded-sequence-delimiter.dcm'
/** Signed by its data set, unsigned by its codestream: we extend the sign of the 13 bits stored, as the data set says. */
const PIXEL_REPRESENTATION = 'J2K_pixelrep_mismatch.dcm'
/** OpenJPH and OpenJPEG round the irreversible transform differently, by one step of 8 bits at most. */
const IRREVERSIBLE_HTJ2K = '1.2.840.10008.1.2.4.203'

describe('JPEG 2000 files against OpenJPEG', { skip }, () => {
  const subjects =
    skip === false ? encapsulatedSubjects().filter(({ transferSyntaxUid }) => JPEG_2000.has(transferSyntaxUid)) : []

  it('finds the files', () => {
    assert.ok(subjects.length >= 24, `${subjects.length} files`)
  })

  for (const subject of subjects) {
    if (subject.name === DAMAGED) continue
    it(`decodes ${subject.name} (${subject.transferSyntaxUid}) to the same samples`, async (t) => {
      const folder = temporaryFolder(t)
      const frames = await decodeSubject(subject)
      assert.equal(frames.length, subject.numberOfFrames)
      for (const [i, codestream] of subject.codestreams().entries()) {
        const theirs = await decodeByOpenJpeg(codestream, subject, folder)
        const ours = frames[i]?.bytes as Uint8Array
        if (subject.transferSyntaxUid === IRREVERSIBLE_HTJ2K)
          assert.ok(greatestDifference(ours, theirs, subject.shape) <= 1)
        else if (subject.name === PIXEL_REPRESENTATION) assertSameBytes(onlyStored(ours, subject.shape), theirs)
        else assertSameBytes(ours, theirs)
      }
    })
  }

  it('refuses a codestream whose size is not the one of the data set', async () => {
    const damaged = subjects.find(({ name }) => name === DAMAGED) as Subject
    const codec = await codecs.load(damaged.transferSyntaxUid)
    for (const codestream of damaged.codestreams()) {
      assert.throws(
        () => codec.decode(codestream, damaged.shape),
        (error) => error instanceof FormatError && error.code === 'codec_failed',
      )
    }
  })
})

/** One frame in our layout; the program writes planes of 8 or 16 bits. */
async function decodeByOpenJpeg(codestream: Uint8Array, { shape }: Subject, folder: string): Promise<Uint8Array> {
  const [source, target] = [join(folder, 'frame.j2k'), join(folder, 'frame.rawl')]
  writeFileSync(source, codestream)
  const { code, stdout, stderr } = await run(openJpeg.path, ['-i', source, '-o', target])
  assert.equal(code, 0, stdout + stderr)
  const planes = new Uint8Array(readFileSync(target))
  if (shape.samplesPerPixel > 1) return interleavePlanes(planes, shape.samplesPerPixel)
  if (shape.bitsAllocated > 1) return planes
  const bits = new Uint8Array(Math.ceil(planes.length / 8))
  for (const [i, value] of planes.entries()) bits[i >> 3] = (bits[i >> 3] as number) | (value << (i & 7))
  return bits
}
