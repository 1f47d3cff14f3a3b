/**
 * Feature table: what models learn from: numbers of many pictures, whose they are, and what was done to them.
 *
 * Everything that is split is split by patient: a patient's pictures, and the forgeries made from them, stay together.
 */
import type { Random } from '../../attack/random.ts'

/** The label of pictures that nobody made or changed. */
export const REAL = 'real'

export interface Sample {
  /** {@link REAL}, or the id of the technique that made it. */
  readonly label: string
  /** The patient. */
  readonly group: string
  /** Where the picture is from: a folder, a hospital, a finding. */
  readonly source: string
  /** One for each name of the table. Cue measures that were not measured are NaN. */
  readonly values: Float64Array
}

export interface FeatureTable {
  /** Features, then measures of cues. */
  readonly names: readonly string[]
  readonly samples: readonly Sample[]
}

/** The columns that are named, in that order. @throws {RangeError} for a name that the table lacks */
export function selectColumns(table: FeatureTable, names: readonly string[]): FeatureTable {
  const columns = names.map((name) => {
    const column = table.names.indexOf(name)
    if (column < 0) throw new RangeError(`the table has no column ${name}`)
    return column
  })
  const samples = table.samples.map((sample) => ({
    ...sample,
    values: Float64Array.from(columns, (column) => sample.values[column] as number),
  }))
  return { names, samples }
}

export const realsOf = (samples: readonly Sample[]): readonly Sample[] => samples.filter(({ label }) => label === REAL)

/** Labels of forgeries in the order of their names. */
export const labelsOf = (samples: readonly Pick<Sample, 'label'>[]): readonly string[] =>
  [...new Set(samples.map(({ label }) => label))].filter((label) => label !== REAL).sort()

/** Patients in an order that the seed alone decides, whatever the order of the samples. */
export function shuffledGroups(samples: readonly Sample[], random: Random): readonly string[] {
  return shuffled([...new Set(samples.map(({ group }) => group))].sort(), random)
}

/** Fisher and Yates's shuffle, as a copy. */
export function shuffled<T>(values: readonly T[], random: Random): readonly T[] {
  const order = [...values]
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    const kept = order[i] as T
    order[i] = order[j] as T
    order[j] = kept
  }
  return order
}

/** For each of `count` folds the patients that are held out; every patient is in one of them. */
export function foldsOf(samples: readonly Sample[], count: number, random: Random): readonly ReadonlySet<string>[] {
  const groups = shuffledGroups(samples, random)
  return Array.from({ length: count }, (_, fold) => new Set(groups.filter((_group, i) => i % count === fold)))
}

/** One sample of each patient, drawn; in the order of the patients' names. */
export function onePerGroup(samples: readonly Sample[], random: Random): readonly Sample[] {
  const byGroup = new Map<string, Sample[]>()
  for (const sample of samples) byGroup.set(sample.group, [...(byGroup.get(sample.group) ?? []), sample])
  return [...byGroup.keys()].sort().map((group) => {
    const own = byGroup.get(group) as Sample[]
    return own[random.integer(own.length)] as Sample
  })
}
