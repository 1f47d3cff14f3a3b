/**
 * Regenerate: a view that goes through somebody else's generator and comes back with the host's size and values.
 *
 * The generator sees eight bits, through the window of the view; so fine steps of a host with more bits are lost on the way, as they are when
 * people use such services. What lies beyond the window stays where it is.
 */
import { type Picture, toByte } from '@fiducial/core/domain/attack/picture.ts'
import { resizePicture, type Size } from '@fiducial/core/domain/attack/resize.ts'
import { showView, takeShown } from '@fiducial/core/domain/forge/networks/shown.ts'
import type { Forged, Host } from '@fiducial/core/domain/forge/technique.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { PictureGenerator } from './ports.ts'

export interface RegenerateOptions {
  readonly prompt: string
  /** 0 to 1. Default: .3. */
  readonly strength?: number
  /** Whole number of 32 bits. */
  readonly seed: number
  /** What the generator is given. Default: what it asks for. */
  readonly size?: Size
  readonly signal?: AbortSignal
}

const STRENGTH = 0.3
const PROPORTION_SLACK = 0.02

/**
 * @throws {RangeError} for a strength that is none
 * @throws {StoreError} as {@link PictureGenerator.regenerate}, and `service_refused` for a picture of other proportions
 */
export async function regenerateView(
  generator: PictureGenerator,
  host: Host,
  { prompt, strength = STRENGTH, seed, size, signal }: RegenerateOptions,
): Promise<Forged> {
  if (!(strength >= 0 && strength <= 1)) throw new RangeError('a strength is from 0 to 1')
  const asked = size ?? generator.sizeFor(host)
  const picture = resizePicture(pictureOfView(host), asked)
  const wish = { picture, prompt, strength, seed, ...(signal !== undefined && { signal }) }
  const made = await generator.regenerate(wish)
  checkProportions(made, asked)
  const parameters = { strength, seed, width: made.width, height: made.height }
  return { samples: takePicture(host, resizePicture(made, host)), parameters, spot: null }
}

/** Another size is brought back; other proportions would be another cut of the picture, and lie on the host nowhere. */
function checkProportions(made: Size, asked: Size): void {
  const ratio = (made.width * asked.height) / (made.height * asked.width)
  if (Math.abs(ratio - 1) > PROPORTION_SLACK)
    throw new StoreError('service_refused', 'the generator gave a picture of other proportions')
}

/** A view in eight bits, as it is shown. */
export function pictureOfView(view: GreyView): Picture {
  const { width, height, samples } = showView(view)
  return { width, height, samples: Uint8Array.from(samples, (value) => toByte(127.5 * (value + 1))) }
}

/** The view's values with a picture of the same size in them. */
const takePicture = (view: GreyView, { width, height, samples }: Picture): Float32Array =>
  takeShown(view, { width, height, samples: Float32Array.from(samples, (value) => value / 127.5 - 1) })
