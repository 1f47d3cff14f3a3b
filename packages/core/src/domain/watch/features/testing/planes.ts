/** Planes: pictures whose features are known by how they are made. */
import { createRandom, type Random } from '../../../attack/random.ts'
import { FEATURES } from '../../features.ts'
import { createPatchPair, SIDE, transformPair } from '../../fft.ts'
import type { NormalPlane } from '../../normal-plane.ts'
import { splitPlane } from '../study.ts'

/** A plane of the values that a rule gives, usable throughout. */
export function planeBy(width: number, height: number, rule: (x: number, y: number) => number): NormalPlane {
  const samples = new Float32Array(width * height)
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) samples[i] = rule(x, y)
  const crop = { left: 0, top: 0, right: width, bottom: height }
  return { width, height, samples, usable: new Uint8Array(samples.length).fill(1), crop, shrink: 1 }
}

/** Independent normal grain around mid grey. */
export function whiteNoise(deviation: number, seed = 1, side = 256): NormalPlane {
  const random = createRandom(seed)
  return planeBy(side, side, () => 128 + deviation * random.normal())
}

/** Tiles of 64 × 64, each a texture of its own, whose power falls with a power of the frequency: `exponent` below 0. */
export function powerLaw(exponent: number, seed = 1, side = 256): NormalPlane {
  const random = createRandom(seed)
  const across = Math.ceil(side / SIDE)
  const tiles = Array.from({ length: across * across }, () => makeTile(exponent, random))
  const within = SIDE - 1
  return planeBy(side, side, (x, y) => {
    const tile = tiles[Math.floor(y / SIDE) * across + Math.floor(x / SIDE)] as Float64Array
    return 128 + 4 * (tile[(y & within) * SIDE + (x & within)] as number)
  })
}

function makeTile(exponent: number, random: Random): Float64Array {
  const pair = createPatchPair()
  for (let i = 1; i < SIDE * SIDE; i++) {
    const u = Math.min(i % SIDE, SIDE - (i % SIDE))
    const v = Math.min(Math.floor(i / SIDE), SIDE - Math.floor(i / SIDE))
    const size = (u * u + v * v) ** (exponent / 4)
    pair.real[i] = size * random.normal()
    pair.imaginary[i] = size * random.normal()
  }
  transformPair(pair)
  return pair.real
}

/** Normal grain that is alike over three samples. */
export function softNoise(deviation: number, seed = 1, side = 256): NormalPlane {
  const noise = whiteNoise(deviation, seed, side)
  return { ...noise, samples: splitPlane(noise, 1).blurred }
}

/** The value of the feature of a name. */
export function featureOf(values: Float64Array, name: string): number {
  const at = FEATURES.findIndex((feature) => feature.name === name)
  if (at < 0) throw new RangeError(`no feature ${name}`)
  return values[at] as number
}
