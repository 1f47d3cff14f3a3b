/**
 * Picture: what a robust mark must survive in, a grey picture of 8 bits as it stands on a screen.
 *
 * An attack takes a picture and gives another; it never changes the one it was given. All attacks of this folder are pure
 * and repeatable: what is left to chance is drawn from a seed.
 */

/** Grey, 8 bits. */
export interface Picture {
  /** Columns, at least 1. */
  readonly width: number
  /** Rows, at least 1. */
  readonly height: number
  /** width × height samples in row order, 0 is black. */
  readonly samples: Uint8Array
}

/** A black picture. */
export function createPicture(width: number, height: number): Picture {
  return { width, height, samples: new Uint8Array(width * height) }
}

/** The same picture with every sample looked up in `table` of 256 entries. */
export function mapSamples({ width, height, samples }: Picture, table: Uint8Array): Picture {
  const mapped = new Uint8Array(samples.length)
  for (let i = 0; i < samples.length; i++) mapped[i] = table[samples[i] as number] as number
  return { width, height, samples: mapped }
}

/** Nearest whole number in 0 … 255. */
export function toByte(value: number): number {
  const rounded = Math.floor(value + 0.5)
  return rounded < 0 ? 0 : rounded > 255 ? 255 : rounded
}
