/**
 * Patch spectra: power by frequency in patches of 64 × 64, ring by ring.
 *
 * Source: Welch 1967; Hann's window. Two patches go through one transform.
 */
import { createPatchPair, SIDE, splitPower, transformPair } from '../fft.ts'
import { placePatches, type Study } from './study.ts'

const HALF = SIDE / 2
/** Rings of one cycle's width: 1 to 32. */
export const RING_OF = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
  const [u, v] = [centred(i % SIDE), centred(Math.floor(i / SIDE))]
  return Math.round(Math.sqrt(u * u + v * v))
})
const RING_SIZES = countRings()
/** Hann's window with power 1 on average. */
const WINDOW = makeWindow()

export interface Spectra {
  /** Of each patch the logarithms of mean power by ring. */
  readonly rings: readonly Float64Array[]
  /** Power by frequency, each ring of each patch brought to 1, meaned over patches. */
  readonly mean: Float64Array
}

/** Of all usable patches of 64 × 64, side by side. */
export function measureSpectra(study: Study): Spectra {
  const places = placePatches(study, SIDE, 0.95)
  const pair = createPatchPair()
  const powers = [new Float64Array(SIDE * SIDE), new Float64Array(SIDE * SIDE)] as const
  const mean = new Float64Array(SIDE * SIDE)
  const rings: Float64Array[] = []
  for (let i = 0; i < places.length; i += 2) {
    const isPair = i + 1 < places.length
    readPatch(study, places[i] as number, pair.real)
    readPatch(study, places[isPair ? i + 1 : i] as number, pair.imaginary)
    transformPair(pair)
    splitPower(pair, powers[0], powers[1])
    rings.push(addPatch(powers[0], mean))
    if (isPair) rings.push(addPatch(powers[1], mean))
  }
  for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] as number) / rings.length
  return { rings, mean }
}

function readPatch({ samples, width }: Study, from: number, into: Float64Array): void {
  let sum = 0
  for (let row = 0, at = from; row < SIDE; row++, at += width) {
    for (let i = at; i < at + SIDE; i++) sum += samples[i] as number
  }
  const level = sum / (SIDE * SIDE)
  for (let row = 0, at = from, i = 0; row < SIDE; row++, at += width - SIDE) {
    for (let column = 0; column < SIDE; column++, at++, i++)
      into[i] = ((samples[at] as number) - level) * (WINDOW[i] as number)
  }
}

/** Logarithms of the power in each ring; adds the patch's share to the mean. */
function addPatch(power: Float64Array, mean: Float64Array): Float64Array {
  const sums = new Float64Array(64)
  for (let i = 0; i < power.length; i++) {
    const ring = RING_OF[i] as number
    sums[ring] = (sums[ring] as number) + (power[i] as number)
  }
  // A floor of a thousandth of a grey value squared keeps blank patches from speaking.
  for (let ring = 0; ring < sums.length; ring++) {
    sums[ring] = (sums[ring] as number) / Math.max(1, RING_SIZES[ring] as number) / (SIDE * SIDE) + 1e-3
  }
  for (let i = 0; i < power.length; i++) {
    mean[i] =
      (mean[i] as number) + ((power[i] as number) / (SIDE * SIDE) + 1e-3) / (sums[RING_OF[i] as number] as number)
  }
  return sums.slice(0, HALF + 1).map(Math.log)
}

/** A frequency as its signed number of cycles, −32 to 31. */
export function centred(k: number): number {
  return k < HALF ? k : k - SIDE
}

function countRings(): Uint16Array {
  const sizes = new Uint16Array(64)
  for (let i = 0; i < RING_OF.length; i++) sizes[RING_OF[i] as number] = (sizes[RING_OF[i] as number] as number) + 1
  return sizes
}

function makeWindow(): Float64Array {
  const line = Float64Array.from({ length: SIDE }, (_, i) => (1 - Math.cos((2 * Math.PI * (i + 0.5)) / SIDE)) / 2)
  const power = line.reduce((sum, value) => sum + value * value, 0) / SIDE
  return Float64Array.from(
    { length: SIDE * SIDE },
    (_, i) => ((line[i % SIDE] as number) * (line[Math.floor(i / SIDE)] as number)) / power,
  )
}
