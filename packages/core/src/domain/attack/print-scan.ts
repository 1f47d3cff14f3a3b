/**
 * Print and scan: a model of a picture that is printed, scanned and stored as JPEG.
 *
 * In this order: the blur of print and lens, the gain of dots on paper as a gamma, a page that lies askew (turned, scaled, shifted),
 * lamps that do not light it evenly, noise, JPEG. No halftone: scanners at a few hundred dots an inch average it. A camera over a
 * desk (perspective, moiré) is not modelled.
 */
import { blurGaussian } from './blur.ts'
import { compressJpeg } from './jpeg.ts'
import { addNoise } from './noise.ts'
import { createPicture, type Picture } from './picture.ts'
import { createRandom } from './random.ts'
import { warpPicture } from './rotate.ts'
import { applyGamma } from './tone.ts'

export interface PrintScan {
  /** Deviation of the gaussian, in samples. */
  readonly blur: number
  /** Above 1 is darker. */
  readonly dotGain: number
  /** At most so many degrees, to either side. */
  readonly turn: number
  /** At most this share larger or smaller. */
  readonly scale: number
  /** At most so many samples, along each axis. */
  readonly shift: number
  /** Share of the light that is missing at the darkest corner. */
  readonly shade: number
  /** Deviation in grey levels. */
  readonly noise: number
  /** JPEG. */
  readonly quality: number
}

/** An office printer and a flatbed scanner. */
export const OFFICE: PrintScan = {
  blur: 0.8,
  dotGain: 1.15,
  turn: 0.7,
  scale: 0.01,
  shift: 3,
  shade: 0.08,
  noise: 2,
  quality: 85,
}

export function printAndScan(picture: Picture, seed: number, model: PrintScan = OFFICE): Picture {
  const random = createRandom(seed)
  const either = (most: number): number => random.between(-most, most)
  const printed = applyGamma(blurGaussian(picture, model.blur), model.dotGain)
  const lying = layAskew(printed, {
    degrees: either(model.turn),
    scale: 1 + either(model.scale),
    x: either(model.shift),
    y: either(model.shift),
  })
  const lit = lightFrom(lying, model.shade, random.uniform() * 2 * Math.PI)
  return compressJpeg(addNoise(lit, model.noise, seed + 1), model.quality)
}

interface Placement {
  readonly degrees: number
  readonly scale: number
  readonly x: number
  readonly y: number
}

function layAskew(picture: Picture, { degrees, scale, x, y }: Placement): Picture {
  const angle = (degrees * Math.PI) / 180
  const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale]
  const [middleX, middleY] = [(picture.width - 1) / 2, (picture.height - 1) / 2]
  return warpPicture(picture, {
    a: cos,
    b: -sin,
    c: middleX - cos * middleX + sin * middleY - x,
    d: sin,
    e: cos,
    f: middleY - sin * middleX - cos * middleY - y,
  })
}

/** Full light at one edge, `shade` less of it at the opposite one. */
function lightFrom({ width, height, samples }: Picture, shade: number, angle: number): Picture {
  const result = createPicture(width, height)
  const [alongX, alongY] = [Math.cos(angle) / width, Math.sin(angle) / height]
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const away = 0.5 + ((x - width / 2) * alongX + (y - height / 2) * alongY) / Math.SQRT2
      result.samples[at] = (samples[at] as number) * (1 - shade * away) + 0.5
    }
  }
  return result
}
