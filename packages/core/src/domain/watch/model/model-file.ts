/**
 * Model file: a watch model as canonical JSON.
 *
 * Source: docs/reference/watch-model.md. A model decides what is called unusual, so its reader trusts nobody: a closed list of fields, counts
 * that belong together, indexes inside what they point at, sorted scores, and one spelling of each number. Who made a model is not in it; that is
 * for a signature over its bytes.
 */

import { FormatError } from '../../../errors.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../../formats/json/canonical.ts'
import { JsonFields } from '../../../formats/json/fields.ts'
import type { JsonLimits, JsonValue } from '../../../formats/json/parse.ts'
import { readBlocks, readLogistic, readTables, readTrees } from './model-parts.ts'
import { HASH, IDENTIFIER, LIMITS, MALFORMED, NAME, readNumber, TEXT } from './model-values.ts'
import { readStratum } from './stratum-file.ts'
import {
  type CueMeasure,
  type Metric,
  MODEL_FORMAT,
  MODEL_VERSION,
  type TrainingFacts,
  type WatchModel,
} from './watch-model.ts'

const JSON_LIMITS: JsonLimits = { depth: 8, length: LIMITS.bytes }

/**
 * The one spelling of a model.
 * @param model  numbers of six significant digits, as {@link trainWatchModel} makes them
 */
export const formatWatchModel = (model: WatchModel): Uint8Array => encodeCanonicalJson(model as unknown as JsonValue)

/**
 * Reads exactly what {@link formatWatchModel} writes.
 * @throws {FormatError} `watch_model_malformed`, for all other bytes and nothing else
 */
export function parseWatchModel(bytes: Uint8Array): WatchModel {
  const fields = new JsonFields(jsonOf(bytes), MALFORMED)
  const model = readModel(fields)
  fields.finish()
  return model
}

function jsonOf(bytes: Uint8Array): JsonValue {
  try {
    return parseCanonicalJson(bytes, JSON_LIMITS)
  } catch (cause) {
    throw new FormatError(MALFORMED, 'no canonical JSON', { cause })
  }
}

function readModel(fields: JsonFields): WatchModel {
  const format = fields.constant('format', MODEL_FORMAT)
  if (fields.integer('version', 1, Number.MAX_SAFE_INTEGER) !== MODEL_VERSION) {
    throw fields.refuse('version', 'is one that this program does not know')
  }
  const featureNames = fields.strings('featureNames', LIMITS.features, NAME)
  const cues = fields.objects('cues', LIMITS.cues, readCue)
  if (featureNames.length === 0) throw fields.refuse('featureNames', 'is empty')
  // A measure of a cue may be a feature, too: models see it, and strata have norms for it.
  if (new Set(featureNames).size < featureNames.length) throw fields.refuse('featureNames', 'name one thing twice')
  if (new Set(cues.map(({ name }) => name)).size < cues.length) throw fields.refuse('cues', 'name one thing twice')
  const count = featureNames.length
  const strata = fields.objects('strata', LIMITS.strata, (stratum) => readStratum(stratum, cues.length))
  if (new Set(strata.map(({ id }) => id)).size < strata.length) throw fields.refuse('strata', 'have one id twice')
  return {
    format,
    version: MODEL_VERSION,
    name: fields.string('name', TEXT),
    seed: fields.integer('seed', 0, 2 ** 32 - 1),
    featureNames,
    cues,
    dataManifestHash: fields.string('dataManifestHash', HASH),
    codeHash: fields.string('codeHash', HASH),
    trainedOn: fields.object('trainedOn', readTrainingFacts),
    oneClass: fields.object('oneClass', (one) => ({
      rule: one.string('rule', /^(?:largest|mean)$/) as 'largest' | 'mean',
      tables: readTables(one, count),
      blocks: readBlocks(one, count),
    })),
    boosting: fields.object('boosting', (one) => ({ trees: readTrees(one, count) })),
    logistic: fields.object('logistic', (one) => readLogistic(one, count)),
    strata,
    metrics: fields.objects('metrics', LIMITS.metrics, readMetric),
  }
}

const readCue = (fields: JsonFields): CueMeasure => ({
  name: fields.string('name', NAME),
  perfect: fields.string('perfect', /^(?:low|high)$/) as 'low' | 'high',
})

const readTrainingFacts = (fields: JsonFields): TrainingFacts => ({
  images: fields.integer('images', 0, LIMITS.count),
  patients: fields.integer('patients', 0, LIMITS.count),
  forgeries: fields.integer('forgeries', 0, LIMITS.count),
  techniques: fields.strings('techniques', LIMITS.techniques, IDENTIFIER),
  source: fields.string('source', TEXT),
})

const readMetric = (fields: JsonFields): Metric => ({
  name: fields.string('name', TEXT),
  value: readNumber(fields, 'value'),
  low: readNumber(fields, 'low'),
  high: readNumber(fields, 'high'),
  count: fields.integer('count', 0, LIMITS.count),
})
