/** Compressed files of the shared data whose native twin lies beside them: decoding gives the twin's pixel data. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sharedSkip } from '../testing/peers.ts'
import { assertSameBytes, decodeSubject, greatestDifference, joinFrames, subjectAt } from './codec-subjects.ts'

const CT = 'data/dicom/cornerstone/CTImage.dcm'
const FILES = 'data/dicom/pydicom/test_files'
const DATA = 'data/dicom/pydicom-data'

/** Compressed and native files that hold the same samples. */
const TWINS: readonly (readonly [string, string])[] = [
  [`${CT}_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm`, CT],
  [`${CT}_JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm`, CT],
  [`${CT}_JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm`, CT],
  [`${CT}_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm`, CT],
  [`${CT}_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm`, CT],
  [`${FILES}/MR_small_RLE.dcm`, `${FILES}/MR_small.dcm`],
  [`${FILES}/MR_small_jpeg_ls_lossless.dcm`, `${FILES}/MR_small.dcm`],
  [`${FILES}/MR_small_jp2klossless.dcm`, `${FILES}/MR_small.dcm`],
  [`${DATA}/emri_small_RLE.dcm`, `${DATA}/emri_small.dcm`],
  [`${DATA}/emri_small_jpeg_ls_lossless.dcm`, `${DATA}/emri_small.dcm`],
  [`${DATA}/emri_small_jpeg_2k_lossless.dcm`, `${DATA}/emri_small.dcm`],
  [`${DATA}/MR2_J2KR.dcm`, `${DATA}/MR2_UNCR.dcm`],
  [`${FILES}/examples_jpeg2k.dcm`, `${DATA}/US1_UNCR.dcm`],
  [`${DATA}/OBXXXX1A_rle.dcm`, `${DATA}/OBXXXX1A.dcm`],
  [`${DATA}/OBXXXX1A_rle_2frame.dcm`, `${DATA}/OBXXXX1A_2frame.dcm`],
  [`${FILES}/rtdose_rle.dcm`, `${FILES}/rtdose.dcm`],
  [`${FILES}/SC_rgb_jpeg_gdcm.dcm`, `${DATA}/SC_rgb.dcm`],
  [`${FILES}/SC_rgb_rle_16bit_2frame.dcm`, `${DATA}/SC_rgb_16bit_2frame.dcm`],
  [`${FILES}/SC_rgb_rle_32bit_2frame.dcm`, `${DATA}/SC_rgb_32bit_2frame.dcm`],
  [`${DATA}/liver_rle.dcm`, `${DATA}/liver.dcm`],
  [`${DATA}/liver_deflate.dcm`, `${DATA}/liver.dcm`],
  [`${DATA}/liver_j2k.dcm`, `${DATA}/liver.dcm`],
  // Irreversible, and decoded by another program before it was stored as native.
  [`${DATA}/MR2_J2KI.dcm`, `${DATA}/MR2_UNCI.dcm`],
  [`${DATA}/US1_J2KI.dcm`, `${DATA}/US1_UNCI.dcm`],
  [`${FILES}/JPEG2000.dcm`, `${DATA}/JPEG2000_UNC.dcm`],
  [`${FILES}/SC_rgb_dcmtk_+eb+cr.dcm`, `${DATA}/SC_rgb_dcmtk_ebcr_dcmd.dcm`],
  [`${FILES}/SC_rgb_dcmtk_+eb+cy+np.dcm`, `${DATA}/SC_rgb_dcmtk_ebcynp_dcmd.dcm`],
]

/** Near-lossless and lossy files, with the greatest error that their encoder allowed or made. */
const RELATIVES: readonly (readonly [string, string, number])[] = [
  [`${CT}_JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81.dcm`, CT, 1],
  [`${CT}_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm`, CT, 5],
  [`${FILES}/SC_rgb_jls_lossy_line.dcm`, `${DATA}/SC_rgb.dcm`, 2],
]

describe('compressed files and their native twins', { skip: sharedSkip }, () => {
  for (const [compressed, native] of TWINS) {
    it(`${compressed} has the samples of ${native}`, async () => {
      const ours = joinFrames(await decodeSubject(subjectAt(compressed)))
      const theirs = subjectAt(native).native
      assert.ok(theirs.length - ours.length <= 1)
      assertSameBytes(ours, theirs.subarray(0, ours.length))
    })
  }

  for (const [compressed, native, most] of RELATIVES) {
    it(`${compressed} differs from ${native} by ${most} at most`, async () => {
      const subject = subjectAt(compressed)
      const ours = joinFrames(await decodeSubject(subject))
      assert.equal(greatestDifference(ours, subjectAt(native).native.subarray(0, ours.length), subject.shape), most)
    })
  }

  it('one-bit frames that do not fill their last byte agree bit by bit', async () => {
    const native = subjectAt(`${DATA}/liver_nonbyte_aligned.dcm`)
    const bits = native.shape.rows * native.shape.columns
    for (const name of ['rle', 'deflate', 'j2k']) {
      const frames = await decodeSubject(subjectAt(`${DATA}/liver_nonbyte_aligned_${name}.dcm`))
      const bitAt = (bytes: Uint8Array, at: number): number => ((bytes[at >> 3] as number) >> (at & 7)) & 1
      for (const [index, { bytes }] of frames.entries()) {
        for (let at = 0; at < bits; at++) {
          if (bitAt(bytes, at) !== bitAt(native.native, index * bits + at))
            assert.fail(`${name}: bit ${at} of frame ${index}`)
        }
      }
    }
  })
})
