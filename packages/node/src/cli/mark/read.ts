/** Read: says of any picture whose it is, whatever became of it, and draws where it shows something else than the image did. */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { drawDiffering, placesOf, renderPlanes } from '@fiducial/core/domain/mark/heat-map.ts'
import type { LocateOrder } from '../../services/mark/locate.ts'
import type { MarkMeans } from '../../services/mark/ports.ts'
import { type MarkFound, readMark } from '../../services/mark/read-mark.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import type { SecretOptions } from '../secrets.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import { placeInWords, sentenceOf } from './locate.ts'
import type { OpenImage, RawOption } from './open-image.ts'
import { Outputs } from './outputs.ts'
import { runOverImages } from './run.ts'
import { readLookOrder } from './who.ts'

export interface ReadOptions extends SecretOptions, RawOption {
  readonly out?: string
  /** False with --no-search. */
  readonly search: boolean
}

export async function readMarks(words: readonly string[], options: ReadOptions, context: Context): Promise<ExitCode> {
  return readLookOrder(options, context, async (order) => {
    const means = await context.adapters.mark.means(context.home)
    return new ReadRun(words, options, { order, means }, context).run()
  })
}

interface Parts {
  readonly order: LocateOrder
  readonly means: MarkMeans
}

class ReadRun {
  readonly #words: readonly string[]
  readonly #options: ReadOptions
  readonly #parts: Parts
  readonly #context: Context
  readonly #outputs: Outputs | undefined

  constructor(words: readonly string[], options: ReadOptions, parts: Parts, context: Context) {
    this.#words = words
    this.#options = options
    this.#parts = parts
    this.#context = context
    this.#outputs = options.out === undefined ? undefined : new Outputs(options.out)
  }

  async run(): Promise<ExitCode> {
    const { raw } = this.#options
    const order = {
      words: this.#words,
      verb: 'reading',
      failed: 'not read',
      accepts: (input: Input) => this.#outputs?.accepts(input, this.#words) ?? true,
      ...(raw !== undefined && { raw }),
    }
    const { done, exit, summary } = await runOverImages(order, this.#parts.means, this.#context, (image, input) =>
      this.#read(image, input),
    )
    if (done > 1) this.#context.output.line(`${counted(done, 'picture')} read; ${summary}`)
    return exit
  }

  async #read(image: OpenImage, input: Input): Promise<ExitCode> {
    const { order, means } = this.#parts
    const found = await readMark(image.pixels, { devices: order.devices, isSearching: this.#options.search }, means)
    const picture = await this.#draw(image, input, found)
    this.#report(input, found, picture)
    return EXITS[outcomeOf(found)]
  }

  /** @returns the path of the picture, or null where nothing was drawn */
  async #draw({ pixels }: OpenImage, input: Input, found: MarkFound): Promise<string | null> {
    if (this.#outputs === undefined || found.by !== 'chips' || found.match?.outcome !== 'differs') return null
    const raster = renderPlanes(pixels.read(0), pixels)
    drawDiffering(raster, found.match)
    const path = this.#outputs.pathFor(input, '.differs.png')
    await this.#context.adapters.writePicture(path, raster)
    return path
  }

  #report({ label }: Input, found: MarkFound, picture: string | null): void {
    const { output } = this.#context
    const outcome = outcomeOf(found)
    const sentence = describe(found)
    output.record({ path: label, outcome, by: found.by, ...detailsOf(found), sentence, picture })
    const { green, red, yellow } = output.style
    const heads = {
      same: green('✔ same'),
      differs: red('✘ differs'),
      unclear: yellow('? unclear'),
      unknown: yellow('? unknown'),
      none: yellow('? no mark'),
    }
    output.line(`${heads[outcome]}  ${visible(label)}: ${sentence}`)
    if (picture !== null) output.line(`  drawn in ${visible(picture)}`)
  }
}

/** `unknown`: the record, or what it should show, is not known here. */
type Outcome = 'same' | 'differs' | 'unclear' | 'unknown' | 'none'

const EXITS = {
  same: EXIT.ok,
  differs: EXIT.notAuthentic,
  unclear: EXIT.undetermined,
  unknown: EXIT.undetermined,
  none: EXIT.undetermined,
} as const

function outcomeOf(found: MarkFound): Outcome {
  switch (found.by) {
    case 'nothing':
      return 'none'
    case 'tiles':
      return found.location.outcome === 'holds' ? 'same' : 'differs'
    case 'chips':
      return found.match?.outcome ?? 'unknown'
  }
}

function detailsOf(found: MarkFound): object {
  if (found.by === 'nothing') return { recordId: null, isKnown: false }
  const record = found.by === 'tiles' ? found.location.record : found.record
  const recordId = found.by === 'tiles' ? found.location.recordId : found.reading.id
  const device = found.by === 'tiles' ? found.location.device : found.device
  return {
    recordId: recordId === undefined ? null : encodeHex(recordId),
    isKnown: record !== undefined,
    device: device?.id ?? record?.device ?? null,
    markedAt: record?.markedAt.toISOString() ?? null,
    instanceUid: record?.instanceUid ?? null,
    ...(found.by === 'chips' && {
      frame: found.match?.frame ?? null,
      isInverted: found.reading.isInverted,
      transform: found.reading.transform,
      regions: found.match === undefined ? [] : placesOf(found.match),
    }),
  }
}

/** What was found, in one sentence. */
function describe(found: MarkFound): string {
  if (found.by === 'nothing') return 'it carries no mark that the keys at hand can read, and so proves nothing'
  if (found.by === 'tiles') return sentenceOf(found.location)
  const { device, reading, record, match } = found
  const name = `record ${encodeHex(reading.id)} of ${device.id}`
  if (record === undefined) return `it names ${name}, which is not known here`
  const origin = `${name}, marked at ${record.markedAt.toISOString()}`
  if (match === undefined) return `it names ${origin}, of which there is no small picture to compare it with`
  const negative = match.isInverted ? ' as a negative' : ''
  if (match.outcome === 'same') return `it shows the image of ${origin}${negative}, and nothing that differs from it`
  if (match.outcome === 'unclear')
    return `it names ${origin}, but does not look like its image: the mark may have been copied onto it`
  const [first] = placesOf(match)
  const places = counted(match.regions.length, 'region')
  const where = first === undefined ? '' : `, the largest at ${placeInWords(first)}`
  return `it shows the image of ${origin}${negative}, but for ${places} that ${match.regions.length === 1 ? 'differs' : 'differ'}${where}`
}
