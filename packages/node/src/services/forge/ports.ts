/**
 * Ports of the forge: a generator that somebody else runs, asked to make a picture anew. Adapters stand in generators.
 */
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import type { Size } from '@fiducial/core/domain/attack/resize.ts'

export interface GeneratorWish {
  /** What to begin with, at a size that the generator works at. */
  readonly picture: Picture
  /** What to draw, in words. */
  readonly prompt: string
  /** How far to go from the picture: 0 stays, 1 draws freely. Generators without such a setting pass over it. */
  readonly strength: number
  /** Whole number of 32 bits, from 0; generators without one draw as they like. */
  readonly seed: number
  readonly signal?: AbortSignal
}

/** Grey pictures in, grey pictures out; what comes may have another size than what was asked for. */
export interface PictureGenerator {
  /** What is asked, for reports: kind and model, no address and no secret. */
  readonly name: string
  /** The size at which it works for a picture of this size. */
  sizeFor(size: Size): Size
  /**
   * @throws {StoreError} `service_unreachable`, `peer_timeout`; `service_refused` where it answers with an error, elsewhere, with too
   *   much, or with what is no picture
   */
  regenerate(wish: GeneratorWish): Promise<Picture>
}
