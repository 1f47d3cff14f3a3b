/** A drawn chest as a normal plane, for tests: two dark lungs, a bright spine, ribs and grain. No picture of anybody. */
import { createRandom } from '../../attack/random.ts'
import type { NormalPlane } from '../normal-plane.ts'

export interface ChestShape {
  /** The left half is the right one, mirrored. */
  readonly isMirrored?: boolean
  /** How far the spine bends at most, samples. */
  readonly bend?: number
  /** Standard deviation of the grain, grey steps. */
  readonly grain?: number
  readonly seed?: number
}

const SIDE = 384

export function planeOf(width: number, height: number, valueAt: (x: number, y: number) => number): NormalPlane {
  const samples = new Float32Array(width * height)
  for (let i = 0; i < samples.length; i++) samples[i] = valueAt(i % width, Math.floor(i / width))
  return {
    width,
    height,
    samples,
    usable: new Uint8Array(samples.length).fill(1),
    crop: { left: 0, top: 0, right: width, bottom: height },
    shrink: 1,
  }
}

export function chestPlane({ isMirrored = false, bend = 0, grain = 3, seed = 7 }: ChestShape): NormalPlane {
  const random = createRandom(seed)
  const noise = Float32Array.from(
    { length: SIDE * SIDE },
    () => (random.uniform() + random.uniform() + random.uniform() - 1.5) * 2,
  )
  const middle = SIDE / 2
  return planeOf(SIDE, SIDE, (column, y) => {
    const x = isMirrored && column > middle ? 2 * middle - column : column
    const axis = middle + bend * Math.sin((Math.PI * y) / SIDE)
    const away = (x - axis) / SIDE
    const isRight = isMirrored || away < 0
    const radius = isRight ? 0.13 : 0.11
    const lung = ((Math.abs(away) - 0.2) / radius) ** 2 + ((y / SIDE - 0.45) / (isRight ? 0.33 : 0.3)) ** 2
    const tissue = 150 - 90 / (1 + lung ** 4)
    const spine = 70 * Math.exp(-((away / 0.04) ** 2))
    const ribs = 25 * Math.max(0, Math.sin((y + Math.abs(away) * 160 * (isRight ? 1 : 0.8)) / 7)) ** 3
    return Math.max(0, Math.min(255, tissue + spine + ribs + grain * (noise[y * SIDE + x] as number)))
  })
}
