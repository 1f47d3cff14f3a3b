/** Planes for tests of the mark: the kinds of texture that sensors give, the same for the same seed. */
import { maximumOf, type Plane } from '../domain/pixels/plane.ts'
import { seeded } from './seeded.ts'

export type Texture = 'smooth' | 'noisy' | 'black' | 'white' | 'clipped' | 'random'
export const TEXTURES: readonly Texture[] = ['smooth', 'noisy', 'black', 'white', 'clipped', 'random']

interface Shape {
  readonly width: number
  readonly height: number
  readonly bits: number
}

/** `clipped` is noise that touches both ends of the range; `random` has nothing to predict. */
export function toyPlane(shape: Shape, texture: Texture, seed = 1): Plane {
  const maximum = maximumOf(shape)
  const random = seeded(seed)
  const noise = (deviation: number) => ((random(1000) + random(1000) + random(1000)) / 1500 - 1) * 1.7 * deviation
  const value = (x: number, y: number): number => {
    const wave = 0.5 + 0.4 * Math.sin(x / 23) * Math.cos(y / 31)
    switch (texture) {
      case 'smooth':
        return wave * maximum
      case 'noisy':
        return wave * maximum + noise(maximum / 100)
      case 'black':
        return 0
      case 'white':
        return maximum
      case 'clipped':
        return (2.4 * (wave - 0.5) + 0.5) * maximum + noise(maximum / 60)
      case 'random':
        return random(maximum + 1)
    }
  }
  const samples = new Uint16Array(shape.width * shape.height)
  for (let y = 0, i = 0; y < shape.height; y++) {
    for (let x = 0; x < shape.width; x++, i++) {
      samples[i] = Math.min(maximum, Math.max(0, Math.round(value(x, y))))
    }
  }
  return { ...shape, samples }
}
