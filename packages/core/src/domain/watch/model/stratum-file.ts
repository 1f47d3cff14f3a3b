/**
 * Stratum file: reads the strata of a model file, for model-file.ts; docs/reference/watch-model.md.
 */
import type { JsonFields } from '../../../formats/json/fields.ts'
import {
  FACT,
  IDENTIFIER,
  isModelNumber,
  isRising,
  LIMITS,
  readIndexes,
  readNumbers,
  readRising,
} from './model-values.ts'
import { LEAST_PATIENTS } from './stratum.ts'
import type { FactLimits, Selector, Stratum } from './watch-model.ts'

const LARGEST_SIDE = 65_536
const SELECTABLE = ['modality', 'manufacturer', 'modelName', 'stationName', 'view', 'bodyPart'] as const

/** @param cueCount  cue measures of the model that the stratum belongs to */
export function readStratum(fields: JsonFields, cueCount: number): Stratum {
  const patients = fields.integer('patients', LEAST_PATIENTS, LIMITS.patients)
  return {
    id: fields.string('id', IDENTIFIER),
    selector: fields.object('selector', readSelector),
    limits: fields.object('limits', readLimits),
    patients,
    oneClass: readRising(fields, 'oneClass', patients),
    boosting: readNumbers(fields, 'boosting', patients),
    logistic: readNumbers(fields, 'logistic', patients),
    cues: readCueValues(fields, { count: cueCount, patients }),
  }
}

const readSelector = (fields: JsonFields): Selector =>
  Object.fromEntries(
    SELECTABLE.filter((name) => fields.has(name)).map((name) => [name, fields.string(name, FACT)] as const),
  )

function readLimits(fields: JsonFields): FactLimits {
  const bits = readIndexes(fields, 'bits', { least: 1, end: 65 })
  if (bits.length === 0 || !isRising(bits) || new Set(bits).size < bits.length)
    throw fields.refuse('bits', 'does not rise')
  return { rows: readRange(fields, 'rows'), columns: readRange(fields, 'columns'), bits }
}

function readRange(fields: JsonFields, name: string): readonly [number, number] {
  const [least = 0, most = 0] = readIndexes(fields, name, { count: 2, least: 1, end: LARGEST_SIDE })
  if (least > most) throw fields.refuse(name, 'does not rise')
  return [least, most]
}

function readCueValues(
  fields: JsonFields,
  { count, patients }: { readonly count: number; readonly patients: number },
): readonly (readonly number[])[] {
  const all = fields.value('cues')
  if (!Array.isArray(all) || all.length !== count) throw fields.refuse('cues', `has not ${count} entries`)
  return all.map((values: unknown, i) => {
    if (!Array.isArray(values) || values.length > patients || !values.every(isModelNumber) || !isRising(values)) {
      throw fields.refuse(`cues[${i}]`, 'is no list of rising numbers, one for each patient at most')
    }
    return values
  })
}
