/**
 * PNG: rasters and grey pictures as Portable Network Graphics files (ISO/IEC 15948).
 *
 * The format itself is fast-png's part; this file gives it our pictures and puts what comes back on the disk.
 */
import type { Raster } from '@fiducial/core/formats/picture/raster.ts'
import { encode } from 'fast-png'
import type { WriteOptions } from './write-file.ts'
import { writeFileAtomically } from './write-file.ts'

/** Eight bits a channel: a raster in colour, or grey values with their width and height. */
export type PngPicture = Raster | { readonly width: number; readonly height: number; readonly grey: Uint8Array }

/**
 * The bytes of a PNG file.
 * @throws {RangeError} if the values do not fill the picture
 */
export function encodePng(picture: PngPicture): Uint8Array {
  const { width, height } = picture
  const [data, channels] = 'grey' in picture ? [picture.grey, 1] : [picture.data, 3]
  if (data.length !== width * height * channels)
    throw new RangeError(`${data.length} bytes for ${width} × ${height} × ${channels}`)
  return encode({ width, height, data, channels, depth: 8 })
}

/**
 * Writes a PNG file, whole or not at all.
 * @returns the number of bytes written
 * @throws {StoreError} `output_exists`, `output_unwritable`
 */
export function writePng(path: string, picture: PngPicture, options: WriteOptions = {}): number {
  return writeFileAtomically(path, [encodePng(picture)], options)
}
