/**
 * Render frame: the samples of a frame as a picture that any screen shows.
 *
 * Source: PS3.3 sections C.7.6.3.1.2 (photometric interpretation), C.11.1.1.2 (rescale) and C.11.2.1.2.1 (window). Grey
 * pictures go through a window: the one that is asked for, the first of the data set, or all there is. Presentation states,
 * palettes, overlays and annotations are left to viewers.
 */
import { FormatError } from '../../errors.ts'
import type { FrameShape } from '../../formats/codec/shape.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { numberAt } from '../../formats/dicom/values.ts'
import { renderGrey } from '../../formats/picture/grey.ts'
import { type Raster, rasterOfGrey, shrinkRaster } from '../../formats/picture/raster.ts'

/** Samples of a frame and what they mean. */
export interface NativeFrame {
  /** Row order, little endian. */
  readonly bytes: Uint8Array
  readonly shape: FrameShape
}

export interface ViewWindow {
  readonly center: number
  /** At least 1. */
  readonly width: number
}

/** How a frame is shown; plain values. */
export interface PictureOrder {
  /** Null for a window from the smallest to the largest value. */
  readonly window: ViewWindow | null
  readonly rescale: { readonly slope: number; readonly intercept: number }
  /** The picture is made smaller, by whole steps, until it fits; null leaves it as it is. */
  readonly largest: { readonly width: number; readonly height: number } | null
}

/** What a data set says of how its frames are shown, under what is asked for. */
export function pictureOrder(
  dataSet: DataSet,
  asked: Partial<Pick<PictureOrder, 'window' | 'largest'>> = {},
): PictureOrder {
  const slope = numberAt(dataSet, 0x00281053) ?? 1
  return {
    window: asked.window ?? windowOf(dataSet),
    rescale: { slope: slope === 0 ? 1 : slope, intercept: numberAt(dataSet, 0x00281052) ?? 0 },
    largest: asked.largest ?? null,
  }
}

/** @throws {FormatError} `codec_unsupported` for pixels that are neither grey nor colour by RGB or YBR */
export function renderFrame(frame: NativeFrame, order: PictureOrder): Raster {
  const { rows, columns, samplesPerPixel } = frame.shape
  const raster = samplesPerPixel === 1 ? renderMono(frame, order) : renderColour(frame)
  const { largest } = order
  if (largest === null) return raster
  return shrinkRaster(raster, Math.max(1, Math.ceil(Math.max(columns / largest.width, rows / largest.height))))
}

function renderMono(frame: NativeFrame, { window, rescale }: PictureOrder): Raster {
  const { rows, columns, photometricInterpretation: meaning } = frame.shape
  if (meaning !== 'MONOCHROME1' && meaning !== 'MONOCHROME2') throw unsupported()
  const samples = samplesOf(frame)
  const view = window ?? wholeWindow(samples, rescale)
  return rasterOfGrey(renderGrey(samples, { ...view, rescale, isInverted: meaning === 'MONOCHROME1' }), columns, rows)
}

/** The first window of the data set; null where it has none that can be used. */
function windowOf(dataSet: DataSet): ViewWindow | null {
  const [center, width] = [numberAt(dataSet, 0x00281050), numberAt(dataSet, 0x00281051)]
  return center === undefined || width === undefined || width < 1 ? null : { center, width }
}

/** From the smallest to the largest value. */
function wholeWindow(
  samples: ArrayLike<number>,
  { slope, intercept }: { slope: number; intercept: number },
): ViewWindow {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < samples.length; i++) {
    const value = (samples[i] as number) * slope + intercept
    if (value < low) low = value
    if (value > high) high = value
  }
  return { center: (low + high + 1) / 2, width: Math.max(1, high - low + 1) }
}

/** Stored values: the bits that are stored, with their sign. */
function samplesOf({ bytes, shape }: NativeFrame): Int32Array {
  const { rows, columns, bitsAllocated, bitsStored, isSigned } = shape
  const samples = new Int32Array(rows * columns)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const unused = 32 - Math.max(1, Math.min(bitsStored, bitsAllocated, 32))
  for (let i = 0; i < samples.length; i++) {
    const raw = rawSample(view, i, bitsAllocated)
    samples[i] = isSigned ? (raw << unused) >> unused : (raw << unused) >>> unused
  }
  return samples
}

function rawSample(view: DataView, i: number, bitsAllocated: number): number {
  switch (bitsAllocated) {
    case 1:
      return (view.getUint8(i >> 3) >> (i & 7)) & 1
    case 8:
      return view.getUint8(i)
    case 16:
      return view.getUint16(2 * i, true)
    case 32:
      return view.getInt32(4 * i, true)
    default:
      throw unsupported()
  }
}

function renderColour({ bytes, shape }: NativeFrame): Raster {
  const { rows, columns, samplesPerPixel, bitsAllocated, planarConfiguration, photometricInterpretation } = shape
  const isYbr = photometricInterpretation === 'YBR_FULL'
  if (samplesPerPixel !== 3 || bitsAllocated !== 8 || (photometricInterpretation !== 'RGB' && !isYbr))
    throw unsupported()
  const pixels = rows * columns
  const data = new Uint8Array(3 * pixels)
  for (let i = 0; i < pixels; i++) {
    for (let k = 0; k < 3; k++)
      data[3 * i + k] = bytes[planarConfiguration === 1 ? k * pixels + i : 3 * i + k] as number
    if (isYbr) toRgb(data, 3 * i)
  }
  return { width: columns, height: rows, data }
}

/** PS3.3 section C.7.6.3.1.2, in place. */
function toRgb(data: Uint8Array, at: number): void {
  const [y, b, r] = [data[at] as number, (data[at + 1] as number) - 128, (data[at + 2] as number) - 128]
  const byte = (value: number): number => Math.max(0, Math.min(255, Math.round(value)))
  data[at] = byte(y + 1.402 * r)
  data[at + 1] = byte(y - 0.344136 * b - 0.714136 * r)
  data[at + 2] = byte(y + 1.772 * b)
}

const unsupported = (): FormatError => new FormatError('codec_unsupported', 'pixels of a kind that is not rendered')
