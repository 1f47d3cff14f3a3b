/**
 * Embed: marks images, and writes the marked copies into another folder.
 *
 * Each record is stored before its image takes its name.
 */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { ChipReport } from '@fiducial/core/domain/mark/chips/report.ts'
import type { VolumePlace } from '@fiducial/core/domain/mark/keys.ts'
import type { MarkRecord } from '@fiducial/core/domain/mark/record.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type FinishedMark, prepareMark } from '../../services/mark/mark-instance.ts'
import type { MarkDevice, MarkMeans } from '../../services/mark/ports.ts'
import { openPixels, uncompressed } from '../../services/open-pixels.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import { type SecretOptions, withRing } from '../secrets.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import type { StagedFile } from './adapters.ts'
import { type OpenImage, type RawOption, readRawOption } from './open-image.ts'
import { Outputs } from './outputs.ts'
import { planVolumes } from './plan-volumes.ts'
import { runOverImages } from './run.ts'
import { pickDevice } from './who.ts'

export interface EmbedOptions extends SecretOptions, RawOption {
  readonly out: string
  readonly device?: string
  readonly layers: 'tiles' | 'both'
  readonly volume?: boolean
  readonly again?: boolean
  readonly uncompressed?: boolean
  readonly overwrite?: boolean
}

export async function embedMarks(words: readonly string[], options: EmbedOptions, context: Context): Promise<ExitCode> {
  return withRing(options, context, async (ring) => {
    const device = await pickDevice(ring, options.device, options, context)
    const means = await context.adapters.mark.means(context.home)
    return new EmbedRun(words, options, { device, means }, context).run()
  })
}

interface Parts {
  readonly device: MarkDevice
  readonly means: MarkMeans
}

class EmbedRun {
  readonly #words: readonly string[]
  readonly #options: EmbedOptions
  readonly #parts: Parts
  readonly #context: Context
  readonly #outputs: Outputs
  /** Of slices, by path. */
  #places: ReadonlyMap<string, VolumePlace> = new Map()

  constructor(words: readonly string[], options: EmbedOptions, parts: Parts, context: Context) {
    this.#words = words
    this.#options = options
    this.#parts = parts
    this.#context = context
    this.#outputs = new Outputs(options.out)
  }

  async run(): Promise<ExitCode> {
    const { output } = this.#context
    if (this.#options.volume === true) await this.#plan()
    const order = {
      words: this.#words,
      verb: 'marking',
      failed: 'not marked',
      accepts: this.#accepts,
      isStrict: true,
      ...(this.#options.raw !== undefined && { raw: this.#options.raw }),
    }
    const { done, exit, summary } = await runOverImages(order, this.#parts.means, this.#context, (image, input) =>
      this.#embed(image, input),
    )
    if (done > 0) {
      const demo = this.#parts.device.isDemo ? 'DEMO keys: ' : ''
      output.line(`${demo}${counted(done, 'image')} marked by ${this.#parts.device.id}; ${summary}`)
    }
    return exit
  }

  readonly #accepts = (input: Input): boolean => this.#outputs.accepts(input, this.#words)

  async #plan(): Promise<void> {
    const { adapters } = this.#context
    const options = { raw: readRawOption(this.#options), adapters, means: this.#parts.means, isStrict: true }
    this.#places = await planVolumes(this.#words, this.#accepts, options, this.#context)
  }

  async #embed(image: OpenImage, input: Input): Promise<ExitCode> {
    const { device, means } = this.#parts
    const { layers, again = false, overwrite = false } = this.#options
    const target = this.#outputs.pathFor(input)
    const pixels = await this.#pixelsOf(image)
    const place = this.#places.get(input.path)
    const order = { device, layers, isAgain: again, ...(place !== undefined && { place }) }
    const prepared = await prepareMark(pixels, order, means)
    using staged = await this.#stage(target, prepared.pieces(), overwrite)
    const finished = await prepared.finish()
    staged.commit()
    this.#report(input, target, finished)
    return EXIT.ok
  }

  async #stage(target: string, pieces: Iterable<Uint8Array>, isOverwriting: boolean): Promise<StagedFile> {
    try {
      return await this.#context.adapters.mark.stage(target, pieces, isOverwriting)
    } catch (error) {
      const isUnwritten = error instanceof FormatError && error.code === 'codec_unsupported'
      throw isUnwritten ? withHint(error, '--uncompressed writes the marked copy without compression') : error
    }
  }

  async #pixelsOf({ pixels, dicom }: OpenImage) {
    if (this.#options.uncompressed !== true || dicom === undefined) return pixels
    const { means } = this.#parts
    return openPixels(await uncompressed(dicom, means), means)
  }

  #report({ label }: Input, target: string, { record, claim, report }: FinishedMark): void {
    const { output } = this.#context
    const { index, count } = record.volume
    output.record({
      path: label,
      state: 'marked',
      output: target,
      recordId: encodeHex(record.recordId),
      device: record.device,
      isDemo: record.isDemo,
      hasChips: claim.hasChips,
      planes: claim.planes,
      tileSize: largestTile(record),
      volume: { nonce: encodeHex(record.volume.volumeNonce), index, count },
      record: { sha256: encodeHex(claim.recordDigest) },
      chips: report === undefined ? null : roundReport(report),
    })
    const slice = count > 1 ? `, slice ${index + 1} of ${count}` : ''
    const layers = claim.hasChips ? 'tiles and chips' : 'tiles'
    output.line(
      `${output.style.green('✔ marked')}  ${visible(label)}: record ${encodeHex(record.recordId)}, ${layers} of ${largestTile(record)}${slice}`,
    )
  }
}

const largestTile = ({ planes }: MarkRecord): number =>
  planes.reduce((most, { tileSize }) => Math.max(most, tileSize), 0)

/** Decibels to a hundredth, shares of power to a thousandth; null where nothing was changed. */
function roundReport({ storedPsnr, displayPsnrs, maxChange, addedPowers }: ChipReport): object {
  const round = (value: number, unit: number) => (Number.isFinite(value) ? Math.round(value * unit) / unit : null)
  return {
    storedPsnr: round(storedPsnr, 100),
    displayPsnrs: displayPsnrs.map((psnr) => round(psnr, 100)),
    maxChange,
    addedPowers: addedPowers.map((power) => round(power, 1000)),
  }
}
