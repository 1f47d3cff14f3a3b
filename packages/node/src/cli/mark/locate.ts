/** Locate: says of each image whether it is as it was marked, and draws where it is not. */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { drawAltered, renderPlanes } from '@fiducial/core/domain/mark/heat-map.ts'
import { type Region, regionsOf } from '@fiducial/core/domain/mark/regions.ts'
import { checkVolumes, slicePlaceOf, type VolumeFinding, type VolumeMember } from '@fiducial/core/domain/mark/volume.ts'
import { type LocateOrder, type Location, locateChanges, type PlaneFinding } from '../../services/mark/locate.ts'
import type { MarkMeans } from '../../services/mark/ports.ts'
import { type CopiedTile, traceChanges } from '../../services/mark/trace-changes.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode, worstOf } from '../exit.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import { locateParts, openRecord } from './locate-part.ts'
import type { OpenImage, RawOption } from './open-image.ts'
import { Outputs } from './outputs.ts'
import { runOverImages } from './run.ts'
import { type LookOptions, readLookOrder } from './who.ts'

export interface LocateOptions extends LookOptions, RawOption {
  /** Id of the record of which the inputs are parts. */
  readonly of?: string
  readonly out?: string
}

export async function locateMarks(
  words: readonly string[],
  options: LocateOptions,
  context: Context,
): Promise<ExitCode> {
  return readLookOrder(options, context, async (order) => {
    const means = await context.adapters.mark.means(context.home)
    if (options.of !== undefined) {
      const known = await openRecord(options.of, order.devices, means)
      return locateParts(words, known, options, means, context)
    }
    return new LocateRun(words, options, { order, means }, context).run()
  })
}

const EXITS = { holds: EXIT.ok, altered: EXIT.notAuthentic, absent: EXIT.undetermined } as const

class LocateRun {
  readonly #words: readonly string[]
  readonly #options: LocateOptions
  readonly #parts: { readonly order: LocateOrder; readonly means: MarkMeans }
  readonly #context: Context
  readonly #outputs: Outputs | undefined
  readonly #members: VolumeMember[] = []

  constructor(
    words: readonly string[],
    options: LocateOptions,
    parts: { order: LocateOrder; means: MarkMeans },
    context: Context,
  ) {
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
      verb: 'looking at',
      failed: 'not looked at',
      ...(raw !== undefined && { raw }),
      ...(this.#outputs !== undefined && { accepts: this.#accepts }),
    }
    const { done, exit, summary } = await runOverImages(order, this.#parts.means, this.#context, (image, input) =>
      this.#locate(image, input),
    )
    const set = this.#checkSet()
    if (done > 1) this.#context.output.line(`${counted(done, 'image')} looked at; ${summary}`)
    return worstOf([exit, set])
  }

  readonly #accepts = (input: Input): boolean => this.#outputs?.accepts(input, this.#words) ?? true

  async #locate(image: OpenImage, input: Input): Promise<ExitCode> {
    const location = await locateChanges(image.pixels, this.#parts.order, this.#parts.means)
    const pictures = await this.#draw(image, input, location)
    this.#remember(image, input, location)
    const isOther = isOtherInstance(image, location)
    const copied = await traceChanges(image.pixels, location, this.#parts.order, this.#parts.means)
    this.#report(input, location, { pictures, isOther, copied })
    return worstOf([EXITS[location.outcome], isOther ? EXIT.undetermined : EXIT.ok])
  }

  /** Files that were named one by one are no set. */
  #remember({ dicom }: OpenImage, { label }: Input, { header, record }: Location): void {
    const place = header ?? record?.volume
    if (place === undefined || this.#words.includes(label)) return
    const slice = dicom === undefined ? { series: null, position: null } : slicePlaceOf(dicom.dataSet)
    this.#members.push({ ...slice, label, place })
  }

  #checkSet(): ExitCode {
    const { output } = this.#context
    const findings = checkVolumes(this.#members)
    for (const finding of findings) {
      output.record({ outcome: 'altered', set: finding, sentence: sentenceOfSet(finding) })
      output.line(`${output.style.red('✘ not whole')}  ${sentenceOfSet(finding)}`)
    }
    return findings.length === 0 ? EXIT.ok : EXIT.notAuthentic
  }

  /** A picture of each frame that was altered. @returns their paths */
  async #draw({ pixels }: OpenImage, input: Input, { planes, outcome }: Location): Promise<readonly string[]> {
    const outputs = this.#outputs
    if (outputs === undefined || outcome !== 'altered') return []
    const altered = planes.filter(({ reading }) => reading.outcome !== 'holds')
    const drawn: string[] = []
    for (const [frame, members] of Map.groupBy(altered, (plane) => plane.frame)) {
      const picture = renderPlanes(pixels.read(frame), pixels)
      for (const { reading } of members)
        drawAltered(picture, reading.grid, reading.held, regionsOf(reading.grid, reading.held))
      const path = outputs.pathFor(input, pixels.frames === 1 ? '.altered.png' : `.altered.${frame + 1}.png`)
      await this.#context.adapters.writePicture(path, picture)
      drawn.push(path)
    }
    return drawn
  }

  #report({ label }: Input, location: Location, { pictures, isOther, copied }: Findings): void {
    const { output } = this.#context
    const { outcome, recordId, record, device, planes } = location
    const other = isOther ? '; it was marked as another instance' : ''
    const sentence = `${sentenceOf(location)}${copiesInWords(copied, location)}${other}`
    output.record({
      path: label,
      outcome,
      recordId: recordId === undefined ? null : encodeHex(recordId),
      device: device?.id ?? record?.device ?? null,
      markedAt: record?.markedAt.toISOString() ?? null,
      isOtherInstance: isOther,
      sentence,
      copied: copied.map(describeCopy),
      planes: planes.map(describePlane),
      pictures,
    })
    const { green, red, yellow } = output.style
    const head = { holds: green('✔ unaltered'), altered: red('✘ altered'), absent: yellow('? no mark') }[outcome]
    output.line(`${head}  ${visible(label)}: ${sentence}`)
    for (const path of pictures) output.line(`  drawn in ${visible(path)}`)
  }
}

/** What is told of an image beside what its tiles say. */
interface Findings {
  readonly pictures: readonly string[]
  readonly isOther: boolean
  readonly copied: readonly CopiedTile[]
}

function describeCopy({ frame, component, tile, recordId, fromFrame }: CopiedTile): object {
  const { x, y, width, height } = tile
  return { frame, component, left: x, top: y, right: x + width, bottom: y + height, recordId, fromFrame: fromFrame - 1 }
}

function copiesInWords(copied: readonly CopiedTile[], { recordId }: Location): string {
  if (copied.length === 0) return ''
  const sources = [...new Set(copied.map((copy) => copy.recordId))].map((id) =>
    recordId !== undefined && id === encodeHex(recordId) ? 'elsewhere in this image' : `record ${id}`,
  )
  return `; ${copied.length === 1 ? '1 was' : `${copied.length} were`} copied from ${sources.join(' and ')}`
}

/** The pixels of one image in the file of another hold as well as before. */
const isOtherInstance = ({ pixels }: OpenImage, { outcome, record }: Location): boolean =>
  outcome !== 'absent' && (record?.instanceUid ?? null) !== null && record?.instanceUid !== pixels.instanceUid

const describePlane = ({ frame, component, reading, contradictions, repairs }: PlaneFinding): object => {
  const { outcome, grid, held, signature } = reading
  return {
    frame,
    component,
    outcome,
    tileSize: grid.tileSize,
    tiles: grid.tiles.length,
    altered: outcome === 'altered' ? regionsOf(grid, held) : [],
    signature,
    contradictions,
    samples: repairs.map(({ x, y, found, marked }) => ({ x, y, found, marked })),
  }
}

/** What was found, in one sentence. */
export function sentenceOf({ outcome, planes, recordId, record }: Location): string {
  if (outcome === 'absent' && record !== undefined)
    return `it was marked as record ${encodeHex(record.recordId)}, and nothing of that mark is left`
  if (outcome === 'absent') return 'it carries no mark of the keys at hand, and so proves nothing'
  const name = recordId === undefined ? '' : ` of record ${encodeHex(recordId)}`
  if (outcome === 'holds') {
    const tiles = planes.reduce((sum, { reading }) => sum + reading.grid.tiles.length, 0)
    return `all ${counted(tiles, 'tile')}${name} hold`
  }
  const contradictions = new Set(planes.flatMap((plane) => plane.contradictions))
  const [first] = planes.flatMap(({ reading }) =>
    reading.outcome === 'holds' ? [] : regionsOf(reading.grid, reading.held),
  )
  if (first === undefined) return `the tiles${name} hold, but ${[...contradictions].map(wordOf).join(', and ')}`
  const lost = planes.reduce((sum, { reading }) => sum + reading.held.filter((one) => one === 0).length, 0)
  const all = planes.reduce((sum, { reading }) => sum + reading.held.length, 0)
  const isOne = lost === 1
  return `${lost} of ${counted(all, 'tile')}${name} ${isOne ? 'does' : 'do'} not hold, ${isOne ? '' : 'the first '}at ${placeInWords(first)}`
}

/** A rectangle of pixels, in words. */
export const placeInWords = ({ left, top, right, bottom }: Omit<Region, 'tiles'>): string =>
  `columns ${left} to ${right - 1}, rows ${top} to ${bottom - 1}`

function wordOf(contradiction: PlaneFinding['contradictions'][number]): string {
  switch (contradiction) {
    case 'plane':
      return 'belong to another frame or component'
    case 'record_id':
      return 'name another record'
    case 'signature':
      return 'the device did not sign these samples'
    case 'volume':
      return 'their place in the volume is not the one of their record'
  }
}

const NAMED_AT_MOST = 5

/** What is wrong with a set of slices, in one sentence. */
export function sentenceOfSet(finding: VolumeFinding): string {
  const named = (all: readonly (string | number)[]): string => {
    const shown = all.slice(0, NAMED_AT_MOST).map((one) => visible(String(one)))
    return all.length > shown.length ? `${shown.join(', ')} and ${all.length - shown.length} more` : shown.join(', ')
  }
  switch (finding.kind) {
    case 'missing':
      return `${counted(finding.count, 'slice')} of a volume missing: number ${named(finding.indices.map((index) => index + 1))}`
    case 'doubled':
      return `slice ${finding.index + 1} of a volume is there ${finding.labels.length} times: ${named(finding.labels)}`
    case 'reordered':
      return `slices lie elsewhere than where they were marked: ${named(finding.labels)}`
    case 'foreign':
      return `slices of another volume stand in the series: ${named(finding.labels)}`
  }
}
