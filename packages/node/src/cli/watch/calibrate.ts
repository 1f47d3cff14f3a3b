/**
 * Calibrate: takes a site's own true images as what is usual there, and keeps the model with them in the folder of all state.
 *
 * Images count as true where their seals hold and nothing contradicts them; `--unsealed` takes others, and the card says so.
 */
import type { WatchKind } from '@fiducial/core/domain/watch/body-part.ts'
import { calibrateStratum, LEAST_PATIENTS, smallestOf } from '@fiducial/core/domain/watch/model/stratum.ts'
import type { Stratum, WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { type Gathered, gatherImages } from './gather.ts'
import { authenticAmong } from './sealed-images.ts'
import { checkId } from './stratum-id.ts'
import { stratumOf } from './train.ts'

export interface CalibrateOptions {
  readonly id: string
  readonly model?: string
  /** True with --unsealed. */
  readonly unsealed?: boolean
  readonly kind?: WatchKind
  readonly groups?: string
  readonly seed: number
}

export async function calibrate(
  words: readonly string[],
  options: CalibrateOptions,
  context: Context,
): Promise<ExitCode> {
  checkId(options.id)
  const { adapters, home, output } = context
  const model = await adapters.watch.model(home, options.model)
  checkFree(options.id, model)
  const authentic = options.unsealed === true ? undefined : await authenticAmong(words, context)
  const gathering = await gatherImages(
    {
      ...{ words, techniques: [], variants: [], isWithoutNetworkPatients: false },
      ...(authentic !== undefined && { accepts: (input) => authentic.has(input.path) }),
      ...(options.kind !== undefined && { kind: options.kind }),
      ...(options.groups !== undefined && { groups: options.groups }),
    },
    context,
  )
  const measured = gathering.images.filter(({ learnt }) => typeof learnt.real !== 'string')
  const stratum = stratify(model, measured, { options, table: gathering.table })
  const path = await adapters.watch.keepModel(home, withStratum(model, stratum))
  output.record({
    stratum: stratum.id,
    patients: stratum.patients,
    smallestP: smallestOf(stratum),
    selector: Object.keys(stratum.selector),
    isSealed: options.unsealed !== true,
    model: path,
  })
  output.line(
    `${stratum.id}: ${stratum.patients} patients; no p-value below ${smallestOf(stratum).toPrecision(2)} can be had from so many`,
  )
  if (Object.keys(stratum.selector).length === 0)
    output.line(
      `The images share no field of their headers: name the stratum with --stratum ${stratum.id} when you score.`,
    )
  output.line(`kept in ${visible(path)}`)
  return EXIT.ok
}

function stratify(
  model: WatchModel,
  images: readonly Gathered[],
  { options, table }: { readonly options: CalibrateOptions; readonly table: Parameters<typeof calibrateStratum>[1] },
): Stratum {
  const patients = new Set(images.map(({ group }) => group)).size
  if (patients < LEAST_PATIENTS)
    throw new StoreError('watch_too_few', `${patients} patients; ${LEAST_PATIENTS} are needed for a p-value of 5 %`)
  return calibrateStratum(model, table, { ...stratumOf(options.id, images), seed: options.seed })
}

/** @throws {UsageError} where the id is that of the stratum that came with the model */
function checkFree(id: string, { strata: [shipped] }: WatchModel): void {
  if (shipped?.id === id) throw new UsageError(`--id ${id} is what the model was made with`, 'choose another name')
}

const withStratum = (model: WatchModel, stratum: Stratum): WatchModel => ({
  ...model,
  strata: [...model.strata.filter(({ id }) => id !== stratum.id), stratum],
})
