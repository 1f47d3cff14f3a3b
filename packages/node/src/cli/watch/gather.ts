/**
 * Gather: the numbers of many images and their fakes as one table, for whoever trains, calibrates or audits.
 *
 * What was measured is kept in the folder of all state: a run that was stopped goes on where it was. An image that cannot be read is reported and left
 * out, one that the watchdog refuses is counted.
 */
import { join } from 'node:path'
import { isNetworkPatient } from '@fiducial/core/domain/forge/networks/network-patients.ts'
import type { WatchKind } from '@fiducial/core/domain/watch/body-part.ts'
import type { FeatureTable, Sample } from '@fiducial/core/domain/watch/model/feature-table.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { LEARNT_NAMES } from '../../services/watch/learn-image.ts'
import { VARIANTS } from '../../services/watch/variants.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { Images, isPassedOver } from '../images.ts'
import { Progress } from '../progress.ts'
import { visible } from '../visible.ts'
import type { MeasuredImage, MeasuredTechnique, MeasureTask } from './adapters.ts'
import { type Groups, groupOf, parseGroups, sourceOf } from './groups.ts'

export interface GatherOrder {
  readonly words: readonly string[]
  readonly kind?: WatchKind
  readonly techniques: readonly MeasuredTechnique[]
  readonly variants: readonly string[]
  /** A table of patients. */
  readonly groups?: string
  /** Leaves out patients that networks of the forge have learnt from. */
  readonly isWithoutNetworkPatients: boolean
  readonly accepts?: (input: Input) => boolean
}

/** An image that was measured. */
export interface Gathered extends MeasuredImage {
  readonly group: string
  readonly source: string
}

export interface Gathering {
  readonly images: readonly Gathered[]
  /** Of measured numbers, reals and fakes. */
  readonly table: FeatureTable
  /** By reason. */
  readonly refused: Readonly<Record<string, number>>
  readonly unreadable: number
  /** Left out, as networks of the forge have learnt from their patients. */
  readonly leftOut: number
  readonly codeHash: string
  /** In words. */
  readonly summary: string
}

/** Tables and texts lie about in folders of images. */
const NO_IMAGES = /\.(?:csv|md|txt|json)$/i
/** What happens without harm is neither true nor false, and no sample. */
const VARIANT_IDS: ReadonlySet<string> = new Set(VARIANTS.map(({ id }) => id))

/** @throws {StoreError} `no_images` */
export async function gatherImages(order: GatherOrder, context: Context): Promise<Gathering> {
  const { adapters, home, output, terminal } = context
  const groups = await readGroups(order.groups, context)
  const codeHash = await adapters.watch.codeHash(order.techniques.map(({ id }) => id))
  using inputs = await adapters.findInputs(order.words)
  let [leftOut, unreadable] = [0, 0]
  const isLeftOut = (path: string, patient: string | null): boolean =>
    order.isWithoutNetworkPatients && isNetworkPatient(groupOf(path, patient, groups))
  const images = new Images(inputs, (input) => {
    if (NO_IMAGES.test(input.path) || order.accepts?.(input) === false) return false
    if (!isLeftOut(input.path, null)) return true
    leftOut++
    return false
  })
  const progress = new Progress(output, 'measuring', images)
  const gathered: Gathered[] = []
  const settings = {
    ...(order.kind !== undefined && { kind: order.kind }),
    ...{ techniques: order.techniques, variants: order.variants, cacheKey: codeHash },
    // The same file measures otherwise as another kind.
    cacheFolder: join(home, 'watch', 'measured', order.kind ?? 'as-told'),
  }
  for await (const done of adapters.watch.measure(withDonors(images), settings, terminal.interruption)) {
    progress.advance(done.bytes)
    const { path, label } = done.task
    if ('failure' in done) {
      if (isPassedOver(done.task, done.failure, order.words)) continue
      unreadable++
      output.line(
        `${output.style.red('! not measured')}  ${visible(label)}: ${done.failure.message} (${done.failure.code})`,
      )
      continue
    }
    const { patient } = done.value
    if (isLeftOut(path, patient)) leftOut++
    else gathered.push({ ...done.value, group: groupOf(path, patient, groups), source: sourceOf(path) })
  }
  output.endProgress()
  terminal.interruption.throwIfAborted()
  if (gathered.length === 0)
    throw new StoreError('no_images', `no images to learn from in ${order.words.map(visible).join(' ')}`)
  const samples = gathered.flatMap(samplesOf)
  return {
    images: gathered,
    table: { names: LEARNT_NAMES, samples },
    ...{ refused: countRefused(gathered), unreadable, leftOut, codeHash, summary: progress.summary() },
  }
}

async function readGroups(path: string | undefined, { adapters }: Context): Promise<Groups | undefined> {
  if (path === undefined) return undefined
  const bytes = await adapters.readFile(path)
  if (bytes === undefined) throw new StoreError('input_missing', `${visible(path)} is not there`)
  return parseGroups(new TextDecoder().decode(bytes))
}

/** Each image gets the one before it as its donor; the first has none. */
async function* withDonors(images: AsyncIterable<Input>): AsyncGenerator<MeasureTask> {
  let donorPath: string | undefined
  for await (const { path, label } of images) {
    yield { path, label, ...(donorPath !== undefined && { donorPath }) }
    donorPath = path
  }
}

function samplesOf({ learnt, group, source }: Gathered): readonly Sample[] {
  return Object.entries(learnt).flatMap(([label, values]) =>
    typeof values === 'string' || VARIANT_IDS.has(label)
      ? []
      : [{ label, group, source, values: Float64Array.from(values, (value) => value ?? Number.NaN) }],
  )
}

function countRefused(images: readonly Gathered[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { learnt } of images) {
    const { real } = learnt
    if (typeof real === 'string') counts[real] = (counts[real] ?? 0) + 1
  }
  return counts
}
