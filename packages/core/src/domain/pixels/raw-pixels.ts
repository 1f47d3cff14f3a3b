/**
 * Raw pixels: frames of a sensor as bare samples, one frame behind the other: depth cameras, LiDAR ranges, detectors.
 *
 * The file says nothing about itself; its shape is told beside it.
 */
import type { ByteSource } from '../../bytes/source.ts'
import { FormatError } from '../../errors.ts'
import { swapWords } from '../../formats/dicom/encode.ts'
import { type CellLayout, frameBytesOf, readCells, writeCells } from './cells.ts'
import type { ChangePlanes, ImagePixels } from './image-pixels.ts'

/** What the bytes of a raw file are. */
export interface RawShape {
  readonly width: number
  readonly height: number
  /** 4 to 16; up to 8 a sample is a byte, above two. */
  readonly bits: number
  readonly isBigEndian: boolean
}

/** `WIDTHxHEIGHTxBITS`, with `be` behind it for big endian. */
const SPELLING = /^([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d?)(le|be)?$/

/** @returns undefined for a text that says no shape */
export function parseRawShape(text: string): RawShape | undefined {
  const [, width, height, bits, order] = SPELLING.exec(text) ?? []
  if (width === undefined) return undefined
  const shape = { width: Number(width), height: Number(height), bits: Number(bits), isBigEndian: order === 'be' }
  return shape.bits <= 16 ? shape : undefined
}

/** @throws {FormatError} `picture_malformed` for a file that is not made of whole frames */
export function openRawPixels(source: ByteSource, { width, height, bits, isBigEndian }: RawShape): ImagePixels {
  const layout: CellLayout = {
    width,
    height,
    bits,
    shift: 0,
    isSigned: false,
    cellBytes: bits <= 8 ? 1 : 2,
    channels: 1,
    components: 1,
    isByPlane: false,
  }
  const frameBytes = frameBytesOf(layout)
  const frames = source.length / frameBytes
  if (!Number.isInteger(frames) || frames < 1) {
    throw new FormatError('picture_malformed', `${source.length} bytes are no frames of ${frameBytes} bytes`)
  }
  const swapped = (bytes: Uint8Array) => (isBigEndian && layout.cellBytes === 2 ? swapWords(bytes, 2) : bytes)
  const read = (frame: number) => swapped(source.view(frame * frameBytes, (frame + 1) * frameBytes))
  return {
    ...{ frames, components: 1, width, height, bits },
    ...{ isInverted: false, isLossy: false, windows: [], modality: null, instanceUid: null },
    read: (frame) => readCells(read(frame), layout),
    *write(change: ChangePlanes) {
      for (let frame = 0; frame < frames; frame++) {
        const bytes = read(frame)
        yield swapped(writeCells(bytes, layout, change(frame, readCells(bytes, layout))))
      }
    },
  }
}
