/**
 * Make: forges images, and writes the forgeries with their ground truth into another folder.
 *
 * Whatever is written says of itself that it is synthetic; there is no option against it.
 */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { forgeView } from '@fiducial/core/domain/forge/forge-view.ts'
import type { GroundTruth, ImageTruth } from '@fiducial/core/domain/forge/ground-truth.ts'
import { spacingOf } from '@fiducial/core/domain/forge/host-facts.ts'
import type { HostKind, Spot, Technique } from '@fiducial/core/domain/forge/technique.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'
import { forgeFrames, type MakeView, readView, seedOf } from '../../services/forge/forge-frames.ts'
import { digestPlanes, labelOf } from '../../services/forge/write-forged.ts'
import type { MarkMeans } from '../../services/mark/ports.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { type OpenImage, openImage } from '../mark/open-image.ts'
import { Outputs } from '../mark/outputs.ts'
import { runOverImages } from '../mark/run.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import { composeFiles, truthPath, type WrittenImage, withTruth } from './forged-files.ts'
import { GENERATOR, openGenerator, refuseGeneratorOptions } from './generator.ts'
import { isOfVolumes, type MakeOptions, pickTechnique, readChosen } from './options.ts'
import { checkKind, checkSource, composeTruth, digestFile, kindOf } from './source.ts'

/** The id under which generators of others are asked. */
const OF_OTHERS = 'generator'

export async function makeForgeries(
  id: string,
  words: readonly string[],
  options: MakeOptions,
  context: Context,
): Promise<ExitCode> {
  const means = await context.adapters.mark.means(context.home)
  if (id === OF_OTHERS) return askGenerator(words, options, means, context)
  const technique = pickTechnique(id)
  refuseGeneratorOptions(id, options)
  const chosen = readChosen(technique, options)
  if (isOfVolumes(technique)) {
    const { VolumeRun } = await import('./make-volumes.ts')
    return new VolumeRun(technique, { words, options, chosen, means }, context).run()
  }
  const donor = options.donor === undefined ? undefined : await openDonor(options.donor, means, context)
  const make: MakeView = (host, seed) => forgeView(technique, host, seed, chosen)
  const details = JSON.stringify([chosen, options.frame ?? null, donor?.sha256 ?? null])
  const order = { words, options, means, make, details, ...(donor !== undefined && { donor: donor.view }) }
  return new ForgeRun(technique, order, context).run()
}

async function askGenerator(
  words: readonly string[],
  options: MakeOptions,
  means: MarkMeans,
  context: Context,
): Promise<ExitCode> {
  readChosen(GENERATOR, options)
  const { make, truth } = await openGenerator(options, means, context)
  const details = JSON.stringify([truth, options.strength ?? null, options.frame ?? null])
  return new ForgeRun(GENERATOR, { words, options, means, make, details, generator: truth }, context).run()
}

/** What a run over single images is made with. */
export interface ForgeOrder {
  readonly words: readonly string[]
  readonly options: MakeOptions
  readonly means: MarkMeans
  readonly make: MakeView
  /** Everything that decides what is made, beside technique and seed. */
  readonly details: string
  readonly donor?: GreyView
  readonly generator?: GroundTruth['generator']
}

export class ForgeRun {
  readonly #technique: Omit<Technique, 'make'>
  readonly #order: ForgeOrder
  readonly #context: Context
  readonly #outputs: Outputs

  constructor(technique: Omit<Technique, 'make'>, order: ForgeOrder, context: Context) {
    this.#technique = technique
    this.#order = order
    this.#context = context
    this.#outputs = new Outputs(order.options.out)
  }

  async run(): Promise<ExitCode> {
    const { words, means, options } = this.#order
    const accepts = (input: Input): boolean => this.#outputs.accepts(input, words)
    const run = { words, verb: 'forging', failed: 'not forged', accepts, isStrict: true }
    const { done, exit, summary } = await runOverImages(run, means, this.#context, (image, input) =>
      this.#forge(image, input),
    )
    if (done > 0)
      this.#context.output.line(
        `${counted(done, 'image')} forged by ${this.#technique.id} in ${visible(options.out)}, marked SYNTHETIC; ${summary}`,
      )
    return exit
  }

  async #forge(image: OpenImage, input: Input): Promise<ExitCode> {
    const { options, means, make, details, donor, generator } = this.#order
    const { adapters } = this.#context
    checkSource(image)
    const kind = kindOf(image, options.kind)
    checkKind(this.#technique, kind)
    const target = this.#outputs.pathFor(input)
    const sha256 = await digestFile(input.path, adapters, means.hash)
    const imageSeed = seedOf(means.hash, options.seed, sha256)
    const spacingMm = image.dicom === undefined ? null : spacingOf(image.dicom.dataSet)
    const frames = await forgeFrames(image.pixels, {
      ...{ make, seed: imageSeed, kind, spacingMm },
      ...(donor !== undefined && { donor }),
      ...(options.frame !== undefined && { frame: options.frame - 1 }),
    })
    const { id, title } = this.#technique
    const { version } = adapters.forge
    const named = {
      technique: id,
      title,
      seed: options.seed,
      details,
      version,
      pixels: digestPlanes(means.hash, frames),
    }
    const label = labelOf(means.hash, image.dicom, sha256, named)
    const forged = { image, frames, target, sha256, imageSeed, label }
    const written = await composeFiles(forged, options, means, adapters.forge)
    const truth = composeTruth(this.#technique, options.seed, kind, {
      ...{ version, images: [written.truth] },
      ...(generator !== undefined && { generator }),
    })
    this.#context.terminal.interruption.throwIfAborted()
    await adapters.forge.writeTogether(withTruth(written.files, truthPath(target), truth), options.overwrite ?? false)
    this.#report(input, target, written, kind)
    return EXIT.ok
  }

  #report({ label }: Input, target: string, { truth, masks, previews }: WrittenImage, kind: HostKind): void {
    const { output } = this.#context
    output.record({
      ...{ path: label, state: 'forged', synthetic: true, technique: this.#technique.id },
      ...{ seed: this.#order.options.seed, kind, output: target, truth: truthPath(target), masks, previews },
      image: truth,
    })
    output.line(`${output.style.green('✔ forged')}  ${visible(label)}: ${sentenceOf(truth)}`)
  }
}

async function openDonor(
  path: string,
  means: MarkMeans,
  { adapters }: Context,
): Promise<{ readonly view: GreyView; readonly sha256: string }> {
  using image = await openImage(path, { raw: undefined, adapters, means })
  return {
    view: readView(image.pixels, 0).view,
    sha256: encodeHex(await digestFile(path, adapters, means.hash)),
  }
}

/** What was changed, in one sentence. */
export function sentenceOf({ frames }: ImageTruth): string {
  const [first] = frames
  if (first === undefined) return 'nothing was changed'
  const share = frames.reduce((sum, { changedShare }) => sum + changedShare, 0) / frames.length
  const where = first.spot === null ? 'the whole picture' : placeOf(first.spot)
  const many = frames.length === 1 ? '' : ` in ${counted(frames.length, 'frame')}`
  return `${where}${many}, ${percent(share)} of the samples changed`
}

const placeOf = ({ left, top, right, bottom }: Spot): string =>
  `columns ${left} to ${right - 1}, rows ${top} to ${bottom - 1}`

const percent = (share: number): string => (share < 0.001 ? 'below 0.1 %' : `${(100 * share).toFixed(1)} %`)
