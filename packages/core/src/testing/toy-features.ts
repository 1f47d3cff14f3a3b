/** Tables of features for tests: normal deviates, so that what models reach is known. */
import { createRandom } from '../domain/attack/random.ts'
import { type FeatureTable, REAL, type Sample } from '../domain/watch/model/feature-table.ts'

export interface ToyTable {
  readonly patients: number
  readonly seed: number
  /** For each technique how far it moves each of the first columns, in deviations. */
  readonly shifts?: Readonly<Record<string, readonly number[]>>
  readonly width?: number
  /** Cue measures behind the features. */
  readonly cues?: readonly string[]
}

/**
 * One true image of each patient and one forgery by each technique, made of fresh deviates. Features are named
 * `family.detail`, four to a family. Every tenth cue value was not measured.
 */
export function toyTable({ patients, seed, shifts = {}, width = 8, cues = [] }: ToyTable): FeatureTable {
  const random = createRandom(seed)
  const names = [...Array.from({ length: width }, (_, i) => `f${Math.floor(i / 4)}.x${i % 4}`), ...cues]
  const samples: Sample[] = []
  for (let patient = 0; patient < patients; patient++) {
    for (const [label, moves] of [[REAL, []] as const, ...Object.entries(shifts)]) {
      const values = Float64Array.from(names, (_, i) => random.normal() + (moves[i] ?? 0))
      for (let i = width; i < names.length; i++) if (random.integer(10) === 0) values[i] = Number.NaN
      samples.push({ label, group: `p${patient}`, source: patient % 2 === 0 ? 'even' : 'odd', values })
    }
  }
  return { names, samples }
}
