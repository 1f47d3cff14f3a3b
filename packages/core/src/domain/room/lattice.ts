/**
 * Lattice: smooth noise in space, asked point by point.
 *
 * Random values at the corners of unit cubes, joined smoothly; the lattice repeats after 64 cells, further than a body.
 */
import type { Random } from './random.ts'

const SIDE = 64
const MASK = SIDE - 1

export interface Lattice {
  /** Value at a point, about −1 … 1, mean 0. */
  at(x: number, y: number, z: number): number
}

export function drawLattice(random: Random): Lattice {
  const values = new Float32Array(SIDE ** 3)
  for (let i = 0; i < values.length; i++) values[i] = 2 * random.uniform() - 1
  const corner = (x: number, y: number, z: number): number =>
    values[((z & MASK) * SIDE + (y & MASK)) * SIDE + (x & MASK)] as number
  const row = (x: number, y: number, z: number, wx: number): number => {
    const left = corner(x, y, z)
    return left + wx * (corner(x + 1, y, z) - left)
  }
  const sheet = (x: number, y: number, z: number, wx: number, wy: number): number => {
    const top = row(x, y, z, wx)
    return top + wy * (row(x, y + 1, z, wx) - top)
  }
  return {
    at(x, y, z) {
      const [cx, cy, cz] = [Math.floor(x), Math.floor(y), Math.floor(z)]
      const [wx, wy, wz] = [ease(x - cx), ease(y - cy), ease(z - cz)]
      const front = sheet(cx, cy, cz, wx, wy)
      return front + wz * (sheet(cx, cy, cz + 1, wx, wy) - front)
    },
  }
}

const ease = (x: number): number => x * x * x * (x * (x * 6 - 15) + 10)
