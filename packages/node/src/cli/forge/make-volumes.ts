/**
 * Make volumes: forges the slices of each series together, and writes all of them, changed or not, with one ground truth.
 *
 * All slices are marked synthetic: whoever gets one of them alone is not to take it for an original.
 */
import { join } from 'node:path'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { createRandom } from '@fiducial/core/domain/attack/random.ts'
import { formatTruth, type ImageTruth, TRUTH_SUFFIX } from '@fiducial/core/domain/forge/ground-truth.ts'
import { spacingOf } from '@fiducial/core/domain/forge/host-facts.ts'
import type { ForgedVolume, HostKind, VolumeTechnique } from '@fiducial/core/domain/forge/technique.ts'
import { inSliceOrder, type SlicePlace, slicePlaceOf } from '@fiducial/core/domain/mark/volume.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import {
  attempt,
  compare,
  type ForgedFrame,
  readView,
  seedOf,
  storeView,
  unchanged,
} from '../../services/forge/forge-frames.ts'
import type { TogetherFile } from '../../services/forge/together.ts'
import { digestPlanes, labelOf } from '../../services/forge/write-forged.ts'
import type { MarkMeans } from '../../services/mark/ports.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode, exitCodeOf, worstOf } from '../exit.ts'
import { describeFailure } from '../failure.ts'
import { type OpenImage, openImage } from '../mark/open-image.ts'
import { Outputs } from '../mark/outputs.ts'
import { runOverImages } from '../mark/run.ts'
import { counted } from '../table.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { composeFiles } from './forged-files.ts'
import type { MakeOptions } from './options.ts'
import { checkKind, composeTruth, digestFile, kindOf } from './source.ts'

export interface VolumeOrder {
  readonly words: readonly string[]
  readonly options: MakeOptions
  readonly chosen: Readonly<Record<string, number>>
  readonly means: MarkMeans
}

interface Slice extends SlicePlace {
  readonly input: Input
  readonly view: GreyView
  readonly kind: HostKind
  readonly spacingMm: number | null
  readonly sha256: Uint8Array
}

/** Where headers do not say how far apart slices or samples are. */
const UNKNOWN_MM = 1

export class VolumeRun {
  readonly #technique: VolumeTechnique
  readonly #order: VolumeOrder
  readonly #context: Context
  readonly #outputs: Outputs
  readonly #slices: Slice[] = []

  constructor(technique: VolumeTechnique, order: VolumeOrder, context: Context) {
    this.#technique = technique
    this.#order = order
    this.#context = context
    this.#outputs = new Outputs(order.options.out)
  }

  async run(): Promise<ExitCode> {
    const { words, means } = this.#order
    if (words.includes('-')) throw new UsageError(`${this.#technique.id} needs several files`, 'standard input is one')
    const accepts = (input: Input): boolean => this.#outputs.accepts(input, words)
    const run = { words, verb: 'reading', failed: 'not forged', accepts, isStrict: true }
    const { exit } = await runOverImages(run, means, this.#context, (image, input) => this.#read(image, input))
    const exits = [exit]
    const volumes = [...Map.groupBy(this.#slices, ({ series }) => series).values()]
    for (const [index, volume] of volumes.entries()) exits.push(await this.#attempt(inSliceOrder(volume), index))
    return worstOf(exits)
  }

  async #read(image: OpenImage, input: Input): Promise<ExitCode> {
    const { means, options } = this.#order
    if (image.dicom === undefined || image.pixels.frames > 1)
      throw new FormatError('pixels_unsuited', 'volumes are forged of DICOM files with one slice each')
    const kind = kindOf(image, options.kind)
    checkKind(this.#technique, kind)
    const { dataSet } = image.dicom
    this.#slices.push({
      ...slicePlaceOf(dataSet),
      ...{ input, kind, spacingMm: spacingOf(dataSet) },
      view: readView(image.pixels, 0).view,
      sha256: await digestFile(input.path, this.#context.adapters, means.hash),
    })
    return EXIT.ok
  }

  /** What cannot be forged is reported, and the next series goes on. */
  async #attempt(volume: readonly Slice[], index: number): Promise<ExitCode> {
    const { output, terminal } = this.#context
    terminal.interruption.throwIfAborted()
    try {
      return await this.#forge(volume, index)
    } catch (error) {
      if (error instanceof UsageError) throw error
      const { code, message, hint } = describeFailure(error)
      if (code === 'interrupted') throw error
      output.record({
        state: 'failed',
        slices: volume.length,
        error: { code, message, ...(hint !== undefined && { hint }) },
      })
      output.line(
        `${output.style.red('! not forged')}  ${counted(volume.length, 'slice')} of a series: ${message} (${code})`,
      )
      return exitCodeOf(code)
    }
  }

  async #forge(volume: readonly Slice[], index: number): Promise<ExitCode> {
    const { options, means, chosen } = this.#order
    const [first] = volume
    if (first === undefined) return EXIT.ok
    const seed = seedOf(means.hash, options.seed, first.sha256)
    const made = await attempt(() => this.#technique.make(hostOf(volume, first), createRandom(seed), chosen))
    const { files, images } = await this.#compose(volume, made, seed)
    if (images.every(({ frames }) => frames.length === 0)) throw unchanged()
    const { version, writeTogether } = this.#context.adapters.forge
    const { first: from, last } = made.spot
    const slices = { first: from, last }
    const truth = composeTruth(this.#technique, options.seed, first.kind, { version, images, slices })
    const truthFile = join(options.out, `volume-${index + 1}${TRUTH_SUFFIX}`)
    const bytes = encodeUtf8(formatTruth(truth))
    this.#context.terminal.interruption.throwIfAborted()
    await writeTogether([{ path: truthFile, bytes }, ...files], options.overwrite ?? false)
    this.#report(truthFile, { volume, images, made })
    return EXIT.ok
  }

  /** All files of a volume; they appear together, so that none is without the others. */
  async #compose(
    volume: readonly Slice[],
    made: ForgedVolume,
    imageSeed: number,
  ): Promise<{ readonly files: readonly TogetherFile[]; readonly images: readonly ImageTruth[] }> {
    const { options, means, chosen } = this.#order
    const { adapters } = this.#context
    const { id, title } = this.#technique
    const { version } = adapters.forge
    const order = { technique: id, title, seed: options.seed, details: JSON.stringify(chosen), version }
    const files: TogetherFile[] = []
    const images: ImageTruth[] = []
    for (const [i, slice] of volume.entries()) {
      const target = this.#outputs.pathFor(slice.input)
      using image = await openImage(slice.input.path, { raw: undefined, adapters, means })
      const frames = forgedFrames(slice, image, made, made.slices[i] ?? slice.view.samples)
      const label = labelOf(means.hash, image.dicom, slice.sha256, {
        ...order,
        pixels: digestPlanes(means.hash, frames),
      })
      const forged = { image, frames, target, sha256: slice.sha256, imageSeed, label }
      const written = await composeFiles(forged, options, means, adapters.forge)
      files.push(...written.files)
      images.push(written.truth)
    }
    return { files, images }
  }

  #report(truth: string, { volume, images, made }: Report): void {
    const { output } = this.#context
    const { first, last, left, top, right, bottom } = made.spot
    const changed = images.filter(({ frames }) => frames.length > 0).length
    output.record({
      ...{ state: 'forged', synthetic: true, technique: this.#technique.id, seed: this.#order.options.seed },
      ...{ paths: volume.map(({ input }) => input.label), output: this.#order.options.out, truth },
      ...{ parameters: made.parameters, spot: made.spot, images },
    })
    output.line(
      `${output.style.green('✔ forged')}  ${counted(volume.length, 'slice')} of a series: ${changed} changed, from ${first + 1} to ${last}, ` +
        `columns ${left} to ${right - 1}, rows ${top} to ${bottom - 1}; all marked SYNTHETIC, ${visible(truth)} says where`,
    )
  }
}

interface Report {
  readonly volume: readonly Slice[]
  readonly images: readonly ImageTruth[]
  readonly made: ForgedVolume
}

/** @throws {FormatError} `pixels_unsuited` for slices of several sizes or depths */
function hostOf(volume: readonly Slice[], first: Slice) {
  const { view, kind, spacingMm } = first
  const isLike = ({ view: other }: Slice): boolean =>
    other.width === view.width && other.height === view.height && other.white === view.white
  if (!volume.every(isLike)) throw new FormatError('pixels_unsuited', 'slices of several sizes')
  if (kind !== 'ct' && kind !== 'mr') throw new FormatError('pixels_unsuited', 'neither CT nor MR')
  return {
    ...{ kind, slices: volume.map((slice) => slice.view), spacingMm: spacingMm ?? UNKNOWN_MM },
    sliceSpacingMm: sliceSpacingOf(volume),
  }
}

/** The usual distance of neighbouring slices. */
function sliceSpacingOf(volume: readonly Slice[]): number {
  const gaps = volume.slice(1).flatMap(({ position }, i) => {
    const before = volume[i]?.position ?? null
    return position === null || before === null || position <= before ? [] : [position - before]
  })
  return gaps.toSorted((a, b) => a - b)[gaps.length >> 1] ?? UNKNOWN_MM
}

/** None for a slice that stays. */
function forgedFrames(
  { view }: Slice,
  { pixels }: OpenImage,
  { spot, parameters }: ForgedVolume,
  samples: Float32Array,
): readonly ForgedFrame[] {
  if (samples === view.samples) return []
  const { plane } = readView(pixels, 0)
  const after = storeView(view, samples, pixels.isInverted)
  const { left, top, right, bottom } = spot
  const change = compare(plane, after)
  if (change.changedShare === 0) return []
  const made = { spot: { left, top, right, bottom }, parameters }
  return [{ frame: 0, before: view, planes: pixels.read(0).map(() => after), made, ...change }]
}
