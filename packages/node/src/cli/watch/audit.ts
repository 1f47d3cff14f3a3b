/**
 * Audit: measures how well models do that are made as `train` makes them, on patients, techniques and sources that they never met, and writes a
 * report that begins with where they are blind.
 */

import { auditModels, type FlipPair } from '@fiducial/core/domain/watch/audit/audit-models.ts'
import { renderAuditReport } from '@fiducial/core/domain/watch/audit/audit-report.ts'
import type { AuditResult } from '@fiducial/core/domain/watch/audit/audit-result.ts'
import type { WatchKind } from '@fiducial/core/domain/watch/body-part.ts'
import { formatP } from '@fiducial/core/domain/watch/examine.ts'
import { MEASURE_NAMES } from '@fiducial/core/domain/watch/measure-view.ts'
import { type FeatureTable, selectColumns } from '@fiducial/core/domain/watch/model/feature-table.ts'
import { scoreSample } from '@fiducial/core/domain/watch/model/score-sample.ts'
import { trainWatchModel } from '@fiducial/core/domain/watch/model/train-model.ts'
import type { WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import { encodeCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import { LEARNT_NAMES, SIZE_NAMES } from '../../services/watch/learn-image.ts'
import type { LearntValues } from '../../services/watch/ports.ts'
import { VARIANTS } from '../../services/watch/variants.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { visible } from '../visible.ts'
import { type Gathered, type Gathering, gatherImages } from './gather.ts'
import { CUE_MEASURES, checkPatients, gatherOrderOf, manifestHashOf, stratumOf, UNSHOWN } from './train.ts'

export interface AuditOptions {
  readonly out: string
  readonly source: string
  readonly kind?: WatchKind
  readonly groups?: string
  readonly seed: number
}

const FOLDS = 5

export async function auditModel(words: readonly string[], options: AuditOptions, context: Context): Promise<ExitCode> {
  const { adapters, output } = context
  const gathering = await gatherImages(gatherOrderOf(words, options), context)
  checkPatients(gathering)
  const order = { ...options, dataManifestHash: await manifestHashOf(gathering, context) }
  const result = audit(gathering, order)
  const [report, figures] = [`${options.out}/report.html`, `${options.out}/result.json`]
  await adapters.writeFile(report, new TextEncoder().encode(renderAuditReport(result)))
  await adapters.writeFile(figures, encodeCanonicalJson(result as unknown as JsonValue))
  output.record({ report, figures, data: result.data, means: result.means, refused: gathering.refused })
  show(result, context)
  output.line(`${visible(report)}; ${gathering.summary}`)
  return EXIT.ok
}

type Order = AuditOptions & { readonly dataManifestHash: string }

function audit({ images, table, codeHash, leftOut, refused }: Gathering, order: Order): AuditResult {
  const { seed, source, dataManifestHash } = order
  const left = Object.entries(refused).map(([reason, count]) => `${count} refused (${reason})`)
  return auditModels(table, {
    model: { name: 'Models made by watch train', dataManifestHash, codeHash, seed },
    ...{ seed, source, folds: FOLDS, features: MEASURE_NAMES, cues: CUE_MEASURES, local: new Set(UNSHOWN) },
    probes: [
      { name: 'size of the plane alone', table: selectColumns(table, SIZE_NAMES) },
      { name: 'header alone (rows, columns, bits, file)', table: headersOf(images, table) },
    ],
    flips: flipsOf(images, table, order),
    notes: [
      `${leftOut} images left out: networks of the forge have learnt from their patients.`,
      ...(left.length > 0 ? [`Images that cannot be measured: ${left.join(', ')}.`] : []),
      ...hardlyChanged(images),
      'Laterality flip makes the whole picture anew and changes none of its statistics: it stands with local techniques, and in no mean.',
      'Features, cues and techniques were built while areas on these images were looked at; patients and techniques are held out, the choice of features is not.',
      'Forgeries are made of the true images and differ from them in nothing else; networks are tried on each third image, local techniques on each fourth.',
    ],
  })
}

/** How many hosts a technique left as they were. */
function hardlyChanged(images: readonly Gathered[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const { learnt } of images) {
    for (const [label, values] of Object.entries(learnt))
      if (values === 'hardly_changed') counts.set(label, (counts.get(label) ?? 0) + 1)
  }
  return [...counts].map(
    ([label, count]) => `${label} changed less than 5 % of the samples of ${count} images: left out.`,
  )
}

/** What a header says, as numbers: the same for an image and the fakes made of it. */
function headersOf(images: readonly Gathered[], { samples }: FeatureTable): FeatureTable {
  const facts = new Map(images.map((image) => [`${image.group} ${image.source}`, image.facts]))
  return {
    names: ['rows', 'columns', 'bits', 'modality'],
    samples: samples.map((sample) => {
      const known = facts.get(`${sample.group} ${sample.source}`)
      const modality = known?.modality?.charCodeAt(0) ?? 0
      return { ...sample, values: Float64Array.of(known?.rows ?? 0, known?.columns ?? 0, known?.bits ?? 0, modality) }
    }),
  }
}

/** Images before and after what happens without harm, by a model that has met none of their patients. */
function flipsOf(images: readonly Gathered[], table: FeatureTable, order: Order): readonly FlipPair[] {
  const varied = images.filter(({ learnt }) => VARIANTS.some(({ id }) => id in learnt))
  const patients = new Set(varied.map(({ group }) => group))
  const known = table.samples.filter(({ group }) => !patients.has(group))
  const model = trainWatchModel(
    { names: table.names, samples: known },
    {
      ...{ name: 'flips', seed: order.seed, source: order.source, codeHash: '0'.repeat(64) },
      ...{ dataManifestHash: order.dataManifestHash, features: MEASURE_NAMES, cues: CUE_MEASURES },
      unshown: new Set(UNSHOWN),
      stratum: stratumOf('flips', images),
    },
  )
  return varied.flatMap(({ learnt }) =>
    VARIANTS.flatMap(({ id }) => {
      const [before, after] = [judge(learnt.real, model), judge(learnt[id], model)]
      return before === undefined || after === undefined ? [] : [{ change: id, before, after }]
    }),
  )
}

function judge(values: LearntValues | undefined, model: WatchModel): FlipPair['before'] | undefined {
  const [stratum] = model.strata
  if (values === undefined || typeof values === 'string' || stratum === undefined) return undefined
  const numberOf = (name: string): number => values[LEARNT_NAMES.indexOf(name)] ?? Number.NaN
  const input = { values: model.featureNames.map(numberOf), cueValues: model.cues.map(({ name }) => numberOf(name)) }
  const { oneClass, combinedP } = scoreSample(model, input, stratum)
  return { score: oneClass.score, p: combinedP }
}

function show(result: AuditResult, { output }: Context): void {
  output.line('Area under the curve of techniques that were not shown, and its 95 % interval:')
  for (const { technique, method, setting, isLocal, area, low, high } of result.areas) {
    if (method !== 'combined' || (setting !== 'unseen' && !isLocal)) continue
    const where = isLocal ? ' (a part of the picture: out of reach)' : ''
    output.line(`  ${technique}: ${area.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})${where}`)
  }
  for (const { method, setting, area, low, high } of result.means) {
    if (setting === 'unseen')
      output.line(`  mean by ${method}: ${area.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`)
  }
  for (const { method, group, rate, low, high, count } of result.alarms) {
    if (method === 'combined')
      output.line(
        `False alarms at p ≤ ${result.alpha}, ${visible(group)}: ${formatP(rate)} (${low.toFixed(3)} to ${high.toFixed(3)}, ${count} images)`,
      )
  }
}
