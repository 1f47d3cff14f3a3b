/** Pictures for the codec tests: seeded, with smooth parts, noise and extremes, in every layout that codecs meet. */
import { writeFileSync } from 'node:fs'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import type { FrameShape } from '@fiducial/core/formats/codec/codec.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'

/** A picture: its layout and the native bytes of its frames. */
export interface Picture {
  readonly title: string
  readonly shape: FrameShape
  readonly frames: readonly Uint8Array[]
}

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'

/** Small numbers with a fixed sequence for each seed: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Layout {
  readonly bitsAllocated: number
  readonly bitsStored?: number
  readonly isSigned?: boolean
  readonly samplesPerPixel?: number
  readonly planarConfiguration?: number
  readonly numberOfFrames?: number
  readonly rows?: number
  readonly columns?: number
}

/** Makes a picture of 61 rows and 47 columns, unless told otherwise. */
export function makePicture(title: string, layout: Layout): Picture {
  const {
    bitsAllocated,
    bitsStored = bitsAllocated,
    isSigned = false,
    samplesPerPixel = 1,
    planarConfiguration = 0,
  } = layout
  const { rows = 61, columns = 47, numberOfFrames = 1 } = layout
  const photometricInterpretation = samplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2'
  const shape = {
    rows,
    columns,
    samplesPerPixel,
    bitsAllocated,
    bitsStored,
    isSigned,
    planarConfiguration,
    photometricInterpretation,
  }
  return { title, shape, frames: Array.from({ length: numberOfFrames }, (_, seed) => drawFrame(shape, seed + 1)) }
}

/** A slope, a flat part, noise, and the least and greatest sample side by side. */
function drawFrame(
  { rows, columns, samplesPerPixel, bitsAllocated, bitsStored, isSigned, planarConfiguration }: FrameShape,
  seed: number,
): Uint8Array {
  const random = randomNumbers(seed)
  const least = isSigned ? -(2 ** (bitsStored - 1)) : 0
  const range = 2 ** bitsStored
  const size = bitsAllocated / 8
  const bytes = new Uint8Array(rows * columns * samplesPerPixel * size)
  for (let pixel = 0; pixel < rows * columns; pixel++) {
    const [row, column] = [Math.floor(pixel / columns), pixel % columns]
    for (let component = 0; component < samplesPerPixel; component++) {
      let part = (row + column + 10 * component + seed) / (rows + columns + 40)
      if (row > rows / 2) part += (random() - 0.5) / 8
      if (row % 16 === 5 && column % 8 === component) part = column % 16 < 8 ? 0 : 1
      if (column > columns * 0.8) part = 0.25
      const value = least + Math.min(Math.max(Math.floor(part * range), 0), range - 1)
      const at = planarConfiguration === 1 ? component * rows * columns + pixel : pixel * samplesPerPixel + component
      for (let byte = 0; byte < size; byte++) bytes[at * size + byte] = Math.floor(value / 2 ** (8 * byte))
    }
  }
  return bytes
}

/** Writes a picture as a native Secondary Capture file. */
export function writePicture({ shape, frames }: Picture, path: string): void {
  const value = concatBytes(...frames)
  const elements = [
    text(0x00080016, 'UI', SECONDARY_CAPTURE),
    text(0x00080018, 'UI', '2.25.1'),
    text(0x00080060, 'CS', 'OT'),
    text(0x0020000d, 'UI', '2.25.2'),
    text(0x0020000e, 'UI', '2.25.3'),
    us(0x00280002, shape.samplesPerPixel),
    text(0x00280004, 'CS', shape.photometricInterpretation),
    ...(shape.samplesPerPixel > 1 ? [us(0x00280006, shape.planarConfiguration)] : []),
    text(0x00280008, 'IS', String(frames.length)),
    us(0x00280010, shape.rows),
    us(0x00280011, shape.columns),
    us(0x00280100, shape.bitsAllocated),
    us(0x00280101, shape.bitsStored),
    us(0x00280102, shape.bitsStored - 1),
    us(0x00280103, shape.isSigned ? 1 : 0),
    { tag: 0x7fe00010, vr: shape.bitsAllocated > 8 ? 'OW' : 'OB', value },
  ]
  writeFileSync(path, concatBytes(...encodeFile({ transferSyntaxUid: '1.2.840.10008.1.2.1', elements })))
}
