/**
 * Image pixels: the planes of an image, wherever they come from, and the way back into a file of the same kind.
 *
 * Source: docs/reference/mark.md, "Planes". DICOM files, pictures and raw frames are made into this by their neighbours here.
 */
import { FormatError } from '../../errors.ts'
import { BITS, PLANE_LIMIT, type Plane } from './plane.ts'
import type { ValueWindow } from './value-windows.ts'

/** The planes of one frame; as many as the image has components. */
export type Planes = readonly Plane[]

/** Gives other planes of the same shape for those of one frame, from 0. */
export type ChangePlanes = (frame: number, planes: Planes) => Planes

/** Planes, and the file around them. */
export interface ImagePixels {
  /** 1 or more. */
  readonly frames: number
  /** Planes in each frame: 1, or 3 of colour. */
  readonly components: number
  readonly width: number
  readonly height: number
  readonly bits: number
  /** White is the lowest value, as in MONOCHROME1. */
  readonly isInverted: boolean
  /** Whether the pixels are known to have been compressed with loss. */
  readonly isLossy: boolean
  /** Ranges of canonical values that viewers are expected to show; of grey images only. */
  readonly windows: readonly ValueWindow[]
  /** (0008,0060), where there is one. */
  readonly modality: string | null
  /** SOP Instance UID, where there is one. */
  readonly instanceUid: string | null
  /**
   * @param frame  from 0
   * @throws {FormatError} `codec_failed`, `codec_unsupported` for frames that cannot be decoded
   */
  read(frame: number): Planes
  /**
   * The bytes of the file with other planes, one frame in memory at a time where the file is not compressed.
   *
   * A piece is valid until the next is asked for. Every byte stays but those of the samples, and of what their encoding brings along.
   * @throws {FormatError} `codec_unsupported` where there is no encoder, `codec_failed` where it loses something, `pixels_unsuited`
   *   where unused bits would change their meaning; and what `change` throws
   */
  write(change: ChangePlanes): Iterable<Uint8Array>
}

/** What the shape of an image has to be for a mark. */
type Shape = Pick<ImagePixels, 'components' | 'width' | 'height' | 'bits' | 'isLossy'>

/**
 * Makes sure that an image can be marked as far as its shape tells.
 * @throws {FormatError} `mark_lossy_source`, `pixels_unsuited`
 */
export function checkMarkable({ components, width, height, bits, isLossy }: Shape): void {
  if (isLossy) throw lossySource()
  if (components !== 1 && components !== 3) throw unsuited(`${components} samples per pixel`)
  if (width < 2 || height < 2 || width > 65_535 || height > 65_535 || width * height > PLANE_LIMIT) {
    throw unsuited(`${width} × ${height} samples`)
  }
  if (bits < BITS.least || bits > BITS.most) throw unsuited(`${bits} bits stored`)
}

/** For pixels of a kind that cannot be marked. */
export const unsuited = (what: string): FormatError => new FormatError('pixels_unsuited', `pixels of ${what}`)

/** For pixels that are no longer those of the acquisition. */
export const lossySource = (): FormatError =>
  new FormatError('mark_lossy_source', 'the pixels were compressed with loss, and a mark belongs to the acquisition')
