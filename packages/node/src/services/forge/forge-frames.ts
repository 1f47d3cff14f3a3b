/**
 * Forge frames: the planes of an image as a technique leaves them, with what was changed in each.
 *
 * Grey pictures, and colour ones whose three planes are the same. The mask comes from the planes that are stored, not from what a
 * technique says that it did.
 */
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import type { Host, HostKind, Spot } from '@fiducial/core/domain/forge/technique.ts'
import { type GreyView, greyPlaneOf, storeGrey, viewGrey } from '@fiducial/core/domain/pixels/grey-view.ts'
import { type ImagePixels, type Planes, unsuited } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { maskChange } from '@fiducial/core/formats/picture/change.ts'

/** What a technique, or a generator elsewhere, makes of one picture. */
export interface MadeView {
  readonly samples: ArrayLike<number>
  readonly spot: Spot | null
  readonly parameters: Readonly<Record<string, number>>
}

/** @throws {RangeError} for a host that it is not for */
export type MakeView = (host: Host, seed: number) => MadeView | Promise<MadeView>

export interface FrameOrder {
  readonly make: MakeView
  /** Whole number of 32 bits. */
  readonly seed: number
  readonly kind: HostKind
  readonly spacingMm: number | null
  readonly donor?: GreyView
  /** From 0; all of them without. */
  readonly frame?: number
}

export interface ForgedFrame {
  /** From 0. */
  readonly frame: number
  readonly before: GreyView
  readonly planes: Planes
  readonly made: Omit<MadeView, 'samples'>
  /** One byte a sample: 1 where it is another one than before. */
  readonly mask: Uint8Array
  /** 0 to 1. */
  readonly changedShare: number
}

/**
 * Forges frames, one after the other. Cost: all of them are held, two bytes a sample and a byte of the mask.
 * @throws {FormatError} `pixels_unsuited` for colour, for a picture that the technique is not for, and where nothing would change;
 *   what decoding throws
 */
export async function forgeFrames(pixels: ImagePixels, order: FrameOrder): Promise<readonly ForgedFrame[]> {
  const { frame: only, make, seed, kind, spacingMm, donor } = order
  if (only !== undefined && only >= pixels.frames)
    throw new FormatError('pixels_unsuited', `there is no frame ${only + 1}: the image has ${pixels.frames}`)
  const frames = only === undefined ? Array.from({ length: pixels.frames }, (_, i) => i) : [only]
  const forged: ForgedFrame[] = []
  for (const frame of frames) {
    const { plane, view } = readView(pixels, frame)
    const host = { ...view, kind, spacingMm, ...(donor !== undefined && { donor }) }
    const { samples, spot, parameters } = await attempt(() => make(host, seed))
    const after = storeView(view, samples, pixels.isInverted)
    forged.push({
      frame,
      before: view,
      planes: pixels.read(frame).map(() => after),
      made: { spot, parameters },
      ...compare(plane, after),
    })
  }
  if (forged.every(({ changedShare }) => changedShare === 0)) throw unchanged()
  return forged
}

/** One grey plane of a frame, and how it is seen. @throws {FormatError} `pixels_unsuited` for colour */
export function readView(pixels: ImagePixels, frame: number): { readonly plane: Plane; readonly view: GreyView } {
  const plane = greyPlaneOf(pixels.read(frame))
  if (plane === undefined) throw unsuited('colour')
  return { plane, view: viewGrey(plane, pixels) }
}

/** The plane of forged samples. */
export const storeView = (view: GreyView, samples: ArrayLike<number>, isInverted: boolean): Plane =>
  storeGrey({ ...view, samples: samples instanceof Float32Array ? samples : Float32Array.from(samples) }, isInverted)

/** Where two planes differ, and how much of them does. */
export function compare(before: Plane, after: Plane): Pick<ForgedFrame, 'mask' | 'changedShare'> {
  const mask = maskChange(before.samples, after.samples)
  let changed = 0
  for (let i = 0; i < mask.length; i++) changed += mask[i] as number
  return { mask, changedShare: changed / mask.length }
}

/** A number of 32 bits from the seed and the bytes of the file, so that images of one run do not get the same draws. */
export function seedOf(hash: HashFactory, seed: number, sha256: Uint8Array): number {
  const digest = digestOf(hash, 'sha256', encodeUtf8(`fiducial forge seed ${seed}\n`), sha256)
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0)
}

/** What a technique says about a host that it is not for is said of the image. */
export async function attempt<T>(step: () => T | Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof RangeError)
      throw new FormatError('pixels_unsuited', `the technique is not for this image: ${error.message}`, {
        cause: error,
      })
    throw error
  }
}

export const unchanged = (): FormatError =>
  new FormatError('pixels_unsuited', 'the technique changes nothing of this image')
