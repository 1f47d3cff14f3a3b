/**
 * Body: who lies in the beam, as far as a picture can tell.
 *
 * Means and spreads follow common anthropometric tables in round figures; no two seeds give the same person.
 */
import type { Random } from './random.ts'

export interface Body {
  readonly sex: 'F' | 'M'
  /** Whole years. */
  readonly age: number
  readonly heightMm: number
  readonly weightKg: number
  /** Scale of the skeleton against the mean man, about 0.85 … 1.1. */
  readonly frame: number
  /** Fat under the skin at the side of the trunk. */
  readonly fatMm: number
  /** Greatest sideways bend of the thoracic spine, negative to the right. */
  readonly scoliosisMm: number
  /** Turn out of the straight position, degrees around the long axis. */
  readonly turnDegrees: number
  /** How deep the breath was: 0 shallow … 1 full. */
  readonly breath: number
  /** Width of the heart against the chest. */
  readonly heartRatio: number
}

export function drawBody(random: Random): Body {
  const sex = random.uniform() < 0.5 ? 'F' : 'M'
  const age = 22 + Math.floor(60 * random.uniform() ** 0.9)
  const heightMm = Math.round(random.around(sex === 'F' ? 1650 : 1780, 60))
  const massIndex = random.around(25, 3.2)
  return {
    sex,
    age,
    heightMm,
    weightKg: Math.round(massIndex * (heightMm / 1000) ** 2),
    frame: (heightMm / 1780) ** 0.75 * (sex === 'F' ? 0.965 : 1) * random.between(0.98, 1.02),
    fatMm: Math.max(5, (massIndex - 19) * 1.7 + (sex === 'F' ? 5 : 0) + random.around(0, 1.5)),
    scoliosisMm: random.around(0, 4),
    turnDegrees: random.around(0, 1.6),
    breath: random.between(0.35, 1),
    heartRatio: random.around(0.45 + Math.max(0, age - 60) * 0.0012, 0.025),
  }
}
