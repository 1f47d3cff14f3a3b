/** Train: makes a model from true images and fakes of them, and writes it as a file. */

import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { TECHNIQUES } from '@fiducial/core/domain/forge/techniques/all.ts'
import { AUDIT_FORMAT, type AuditResult } from '@fiducial/core/domain/watch/audit/audit-result.ts'
import { metricsOf } from '@fiducial/core/domain/watch/audit/metrics.ts'
import type { WatchKind } from '@fiducial/core/domain/watch/body-part.ts'
import { CUES } from '@fiducial/core/domain/watch/cues.ts'
import { sharedFacts } from '@fiducial/core/domain/watch/image-facts.ts'
import { MEASURE_NAMES } from '@fiducial/core/domain/watch/measure-view.ts'
import { formatWatchModel } from '@fiducial/core/domain/watch/model/model-file.ts'
import { LEAST_PATIENTS, type StratumOptions } from '@fiducial/core/domain/watch/model/stratum.ts'
import { trainWatchModel } from '@fiducial/core/domain/watch/model/train-model.ts'
import type { CueMeasure, Metric } from '@fiducial/core/domain/watch/model/watch-model.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { parseJson } from '@fiducial/core/formats/json/parse.ts'
import { VARIANTS } from '../../services/watch/variants.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { type Gathered, type Gathering, gatherImages } from './gather.ts'
import { checkId } from './stratum-id.ts'

export interface TrainOptions {
  readonly out: string
  readonly id: string
  readonly source: string
  readonly kind?: WatchKind
  readonly groups?: string
  /** The result of an audit, whose figures go with the model. */
  readonly figures?: string
  readonly seed: number
}

/** Techniques by which fakes are made to learn from: those that make whole pictures anew, and can be seen. */
export const SHOWN = TECHNIQUES.filter(({ reach, id }) => reach === 'global' && id !== 'laterality-flip').map(
  ({ id }) => id,
)
/** Those that change a part: made for audits, never shown to a model. */
export const UNSHOWN = TECHNIQUES.filter(({ id }) => !SHOWN.includes(id)).map(({ id }) => id)

/** What strata have norms for. */
export const CUE_MEASURES: readonly CueMeasure[] = CUES.flatMap(({ measures }) =>
  measures.map(({ name, perfect }) => ({ name, perfect })),
)
/** Networks take seconds, and what changes a part is only counted. */
const EVERY: Readonly<Record<string, number>> = { autoencoder: 3, diffusion: 3 }

export async function train(words: readonly string[], options: TrainOptions, context: Context): Promise<ExitCode> {
  checkId(options.id)
  const { adapters, output } = context
  const metrics = await readFigures(options.figures, context)
  const gathering = await gatherImages(gatherOrderOf(words, options), context)
  checkPatients(gathering)
  const model = trainWatchModel(gathering.table, {
    name: options.id,
    ...{ seed: options.seed, source: options.source, codeHash: gathering.codeHash },
    features: MEASURE_NAMES,
    cues: CUE_MEASURES,
    dataManifestHash: await manifestHashOf(gathering, context),
    unshown: new Set(UNSHOWN),
    stratum: stratumOf(options.id, gathering.images),
    metrics,
  })
  const bytes = formatWatchModel(model)
  await adapters.writeFile(options.out, bytes)
  const { refused, unreadable, leftOut, images } = gathering
  output.record({
    model: options.out,
    bytes: bytes.length,
    trainedOn: model.trainedOn,
    images: images.length,
    refused,
    unreadable,
    leftOut,
  })
  output.line(
    `${visible(options.out)}: learnt from ${model.trainedOn.images} images of ${model.trainedOn.patients} patients; ${gathering.summary}`,
  )
  if (leftOut > 0) output.line(`${leftOut} images left out: networks of the forge have learnt from their patients`)
  return EXIT.ok
}

/** @throws {UsageError} for a file that is not there, or holds something else */
async function readFigures(path: string | undefined, { adapters }: Context): Promise<readonly Metric[]> {
  if (path === undefined) return []
  const bytes = await adapters.readFile(path)
  if (bytes === undefined) throw new UsageError(`there is no file ${visible(path)}`)
  const result = parseJson(bytes) as unknown as AuditResult
  if (result?.format !== AUDIT_FORMAT)
    throw new UsageError(`${visible(path)} is no result of an audit`, 'watch audit writes result.json')
  return metricsOf(result)
}

/** Of so many patients two fifths are enough to calibrate with. */
const LEAST_TRAINING_PATIENTS = Math.ceil(LEAST_PATIENTS / 0.4) + 1

/** @throws {StoreError} `watch_too_few` */
export function checkPatients({ table, leftOut }: Pick<Gathering, 'table' | 'leftOut'>): void {
  const patients = new Set(table.samples.map(({ group }) => group)).size
  if (patients < LEAST_TRAINING_PATIENTS)
    throw new StoreError(
      'watch_too_few',
      `${patients} patients; a model needs ${LEAST_TRAINING_PATIENTS}${leftOut > 0 ? `; ${leftOut} images are left out, as networks of the forge have learnt from their patients` : ''}`,
    )
}

/** What audits and training gather alike, so that what one measured serves the other. */
export const gatherOrderOf = (words: readonly string[], { kind, groups }: Pick<TrainOptions, 'kind' | 'groups'>) => ({
  words,
  techniques: [...SHOWN, ...UNSHOWN].map((id) => ({ id, every: EVERY[id] ?? (SHOWN.includes(id) ? 1 : 4) })),
  variants: VARIANTS.map(({ id }) => id),
  isWithoutNetworkPatients: true,
  ...(kind !== undefined && { kind }),
  ...(groups !== undefined && { groups }),
})

/** Of digests and patients of all images, in the order of the digests. */
export async function manifestHashOf({ images }: Pick<Gathering, 'images'>, { adapters }: Context): Promise<string> {
  const { hash } = await adapters.crypto()
  const lines = images.map(({ sha256, group }) => `${sha256} ${group}\n`).sort()
  return encodeHex(digestOf(hash, 'sha256', new TextEncoder().encode(lines.join(''))))
}

/** By what all images say of themselves, and no others. */
export function stratumOf(id: string, images: readonly Gathered[]): Omit<StratumOptions, 'seed'> {
  const { selector, ...limits } = sharedFacts(images.map(({ facts }) => facts))
  return { id, selector, limits }
}
