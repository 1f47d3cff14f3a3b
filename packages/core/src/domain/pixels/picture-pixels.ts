/**
 * Picture pixels: those of a picture file that somebody else has decoded, such as PNG.
 *
 * The planes are grey, or red, green and blue; opacity is kept as it is.
 */
import { type CellLayout, readCells, writeCells } from './cells.ts'
import { type ImagePixels, unsuited } from './image-pixels.ts'

/** A picture as samples. */
export interface Picture {
  readonly width: number
  readonly height: number
  /** Bits of a sample: 8 or 16. */
  readonly depth: number
  /** 1 grey, 2 grey and opacity, 3 colour, 4 colour and opacity. */
  readonly channels: number
  /** Row by row, pixel by pixel; samples of 16 bits in little endian. */
  readonly bytes: Uint8Array
  readonly isLossy: boolean
}

/**
 * @param encode  the file again, with other samples
 * @throws {FormatError} `pixels_unsuited` for samples of other depths
 */
export function openPicturePixels(picture: Picture, encode: (bytes: Uint8Array) => Iterable<Uint8Array>): ImagePixels {
  const { width, height, depth, channels, bytes, isLossy } = picture
  if (depth !== 8 && depth !== 16) throw unsuited(`${depth} bits a sample`)
  const components = channels < 3 ? 1 : 3
  const layout: CellLayout = {
    ...{ width, height, bits: depth, shift: 0, isSigned: false, channels, components, isByPlane: false },
    cellBytes: depth === 8 ? 1 : 2,
  }
  return {
    ...{ frames: 1, components, width, height, bits: depth },
    ...{ isInverted: false, isLossy, windows: [], modality: null, instanceUid: null },
    read: () => readCells(bytes, layout),
    write: (change) => encode(writeCells(bytes, layout, change(0, readCells(bytes, layout)))),
  }
}
