import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { ob, text, us } from '@fiducial/core/formats/dicom/values.ts'
import { makeKeys, testTranscript } from '../testing/transcript-stage.ts'

/** A picture of a screen, which does not say whether text is burned in. */
function writeCapture(folder: string): void {
  const elements = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
    text(0x00080018, 'UI', '2.25.7'),
    text(0x00080060, 'CS', 'OT'),
    text(0x0020000d, 'UI', '2.25.8'),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    us(0x00280010, 2),
    us(0x00280011, 2),
    us(0x00280100, 8),
    us(0x00280101, 8),
    us(0x00280102, 7),
    us(0x00280103, 0),
    ob(0x7fe00010, new Uint8Array(4)),
  ]
  const pieces = encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements })
  writeFileSync(join(folder, 'capture.dcm'), joinBytes(pieces))
}

testTranscript(join(import.meta.dirname, 'transcripts', 'route.txt'), async (folder) => {
  writeCapture(folder)
  await makeKeys(join(folder, '.home'))
})
