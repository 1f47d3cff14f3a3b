/** Small images: many of them in a folder, each with other pixels, quickly. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'

const SIDE = 32
const PER_STUDY = 50

/** An image by its number; the same one each time. */
export function smallImage(number: number, { patient = 'DEMO^PATIENT', isRetouched = false } = {}): Uint8Array {
  const study = Math.floor(number / PER_STUDY)
  const samples = Uint16Array.from({ length: SIDE * SIDE }, (_, i) => (i * 7919 + number * 104_729) % 4096)
  if (isRetouched) samples[SIDE] = ((samples[SIDE] ?? 0) + 1) % 4096
  return joinBytes(
    encodeFile({
      transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
      elements: [
        text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
        text(0x00080018, 'UI', `2.25.7.${study}.${number}`),
        text(0x00080020, 'DA', '20260102'),
        text(0x00080060, 'CS', 'CT'),
        text(0x00100010, 'PN', patient),
        text(0x00100020, 'LO', `DEMO-${study}`),
        text(0x0020000d, 'UI', `2.25.8.${study}`),
        text(0x0020000e, 'UI', `2.25.9.${study}`),
        us(0x00280002, 1),
        text(0x00280004, 'CS', 'MONOCHROME2'),
        us(0x00280010, SIDE),
        us(0x00280011, SIDE),
        us(0x00280100, 16),
        us(0x00280101, 12),
        us(0x00280102, 11),
        us(0x00280103, 0),
        { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(samples.buffer) },
      ],
    }),
  )
}

/** Path of an image below its folder. */
export const smallPath = (number: number): string => `${Math.floor(number / PER_STUDY)}/${number}.dcm`

export function writeSmallImages(folder: string, count: number): void {
  for (let number = 0; number < count; number++) {
    const path = join(folder, smallPath(number))
    if (number % PER_STUDY === 0) mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, smallImage(number))
  }
}
