/** Score: says of each image how unusual it is among true ones, and draws what was looked at. */

import { renderPlanes } from '@fiducial/core/domain/mark/heat-map.ts'
import type { WatchKind } from '@fiducial/core/domain/watch/body-part.ts'
import { type ExamineOrder, examinePicture, formatP, unusualCues } from '@fiducial/core/domain/watch/examine.ts'
import type { WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import { drawCues } from '@fiducial/core/domain/watch/overlay.ts'
import type { Examined, ReportedCue, WatchReport } from '@fiducial/core/domain/watch/report.ts'
import type { ResidualOutcome } from '@fiducial/core/domain/watch/residual/outcome.ts'
import { residualMap } from '@fiducial/core/domain/watch/residual/residual-map.ts'
import { drawFrame } from '@fiducial/core/formats/picture/raster.ts'
import { readSubject } from '../../services/watch/subject.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { placeInWords } from '../mark/locate.ts'
import type { OpenImage } from '../mark/open-image.ts'
import { Outputs } from '../mark/outputs.ts'
import { runOverImages } from '../mark/run.ts'
import { counted } from '../table.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { showCard } from './card.ts'
import { type FeedNews, followFeed } from './feed.ts'
import { type FindFindings, type FindingsOptions, openFindings } from './read-findings.ts'

export interface ScoreOptions extends FindingsOptions {
  readonly out?: string
  readonly model?: string
  readonly stratum?: string
  readonly kind?: WatchKind
  readonly alpha?: number
  readonly frame?: number
  /** File with the state of a running feed. */
  readonly feed?: string
}

/** The watchdog never says that an image is not authentic: what is unusual is undetermined. */
const EXITS = {
  usual: EXIT.ok,
  unusual: EXIT.undetermined,
  abstained: EXIT.undetermined,
  refused: EXIT.undetermined,
} as const

export async function scoreImages(
  words: readonly string[],
  options: ScoreOptions,
  context: Context,
): Promise<ExitCode> {
  const { adapters, home, output } = context
  const model = await adapters.watch.model(home, options.model)
  checkStratum(model, options.stratum)
  const run = new ScoreRun(words, { options, model, findings: await openFindings(options, context) }, context)
  const means = await adapters.mark.means(home)
  const order = { words, verb: 'looking at', failed: 'not looked at', accepts: run.accepts }
  const { done, exit, summary } = await runOverImages(order, means, context, (image, input) => run.look(image, input))
  if (done > 1) output.line(`${counted(done, 'image')} looked at; ${summary}`)
  showCard(model, context)
  return exit
}

function checkStratum({ strata }: WatchModel, id: string | undefined): void {
  if (id === undefined || strata.some((stratum) => stratum.id === id)) return
  throw new UsageError(
    `the model has no stratum ${visible(id)}`,
    `it has ${strata.map((stratum) => stratum.id).join(', ')}`,
  )
}

interface Drawing {
  readonly input: Input
  readonly examined: Examined
  readonly frame: number
  readonly local: ResidualOutcome | null
}

interface Reported {
  readonly picture: string | null
  /** Null where pixels were compressed with loss, or are in colour. */
  readonly local: ResidualOutcome | null
  readonly feed: FeedNews | null
}

/** Places whose noise does not belong. */
const LOCAL = [255, 80, 200] as const

interface ScoreParts {
  readonly options: ScoreOptions
  readonly model: WatchModel
  readonly findings: FindFindings
}

class ScoreRun {
  readonly #words: readonly string[]
  readonly #options: ScoreOptions
  readonly #model: WatchModel
  readonly #findings: FindFindings
  readonly #context: Context
  readonly #outputs: Outputs | undefined

  constructor(words: readonly string[], { options, model, findings }: ScoreParts, context: Context) {
    this.#words = words
    this.#options = options
    this.#model = model
    this.#findings = findings
    this.#context = context
    this.#outputs = options.out === undefined ? undefined : new Outputs(options.out)
  }

  readonly accepts = (input: Input): boolean => this.#outputs?.accepts(input, this.#words) ?? true

  async look(image: OpenImage, input: Input): Promise<ExitCode> {
    const frame = (this.#options.frame ?? 1) - 1
    const subject = readSubject(image.pixels, image.dicom, frame)
    const { stratum, kind, alpha } = this.#options
    const findings = await this.#findings(input, image.dicom)
    const order: ExamineOrder = {
      ...subject,
      rules: subject.checkRules(),
      model: this.#model,
      ...(findings !== undefined && { findings: findings.filter((finding) => finding.frame === frame) }),
      ...(stratum !== undefined && { stratum }),
      ...(kind !== undefined && { kind }),
      ...(alpha !== undefined && { alpha }),
    }
    const examined = examinePicture(order)
    const local = subject.view === 'colour' || image.pixels.isLossy ? null : residualMap(subject.view)
    const feed = await this.#follow(examined.report)
    const picture = await this.#draw(image, { input, examined, frame, local })
    this.#report(input, examined.report, { picture, local, feed })
    return EXITS[examined.report.outcome]
  }

  /** @returns the path, or null where nothing is drawn */
  async #draw({ pixels }: OpenImage, { input, examined, frame, local }: Drawing): Promise<string | null> {
    const { plane, report } = examined
    if (this.#outputs === undefined || plane === null) return null
    const raster = renderPlanes(pixels.read(frame), pixels)
    const outside = unusualCues(report.cues)
    for (const region of local?.regions ?? []) drawFrame(raster, region, LOCAL)
    drawCues(raster, plane, { measurements: report.cues.map(({ measurement }) => measurement), outside })
    const path = this.#outputs.pathFor(input, '.watch.png')
    await this.#context.adapters.writePicture(path, raster)
    return path
  }

  /** Takes an image into the evidence of a running feed. */
  async #follow({ score }: WatchReport): Promise<FeedNews | null> {
    const { feed } = this.#options
    return feed === undefined || score === null ? null : followFeed(feed, score.combinedP, this.#context)
  }

  #report({ label }: Input, report: WatchReport, { picture, local, feed }: Reported): void {
    const { output } = this.#context
    const { cues, ...rest } = report
    output.record({
      path: label,
      ...rest,
      cues: cues.map(describeCue),
      local: describeLocal(local),
      feed,
      method: methodOf(this.#model),
      picture,
    })
    const { green, yellow, dim } = output.style
    const heads = {
      usual: green('· usual'),
      unusual: yellow('! unusual'),
      abstained: yellow('? abstains'),
      refused: yellow('? not looked at'),
    }
    output.line(`${heads[report.outcome]}  ${visible(label)}: ${report.sentence}`)
    for (const cue of cues) if (cue.isUnusual === true) output.line(`  ${cueInWords(cue)}`)
    for (const { outcome, sentence } of report.rules) if (outcome === 'odd') output.line(`  ${sentence}`)
    const [first] = local?.regions ?? []
    if (first !== undefined) output.line(`  ${placeInWords(first)}: ${first.sentence}`)
    for (const sentence of feed?.alarms ?? []) output.line(`  ${output.style.yellow('! feed')} ${sentence}`)
    if (report.agreement !== null) output.line(`  ${report.agreement.sentence}`)
    if (picture !== null) output.line(dim(`  drawn in ${visible(picture)}`))
  }
}

/** Without the values of its map, which a picture shows better. */
function describeLocal(local: ResidualOutcome | null): object | null {
  if (local === null) return null
  const { heat: _, ...rest } = local
  return rest
}

function describeCue({ measurement, ...cue }: ReportedCue): object {
  return {
    ...cue,
    shapes: measurement.shapes.map((shape) => ('points' in shape ? { ...shape, points: [...shape.points] } : shape)),
  }
}

function cueInWords({ id, measures, p }: ReportedCue): string {
  const furthest = measures.filter((measure) => measure.p !== null).sort((a, b) => (a.p ?? 1) - (b.p ?? 1))[0]
  const where =
    furthest === undefined
      ? ''
      : `: ${furthest.name} is ${furthest.value.toPrecision(3)}, ${furthest.side === 'low' ? 'lower' : 'higher'} than usual`
  return `${id}${where} (p = ${formatP(p ?? 1)})`
}

/** What a figure comes from. */
export const methodOf = ({ name, seed, codeHash, dataManifestHash, trainedOn }: WatchModel): object => ({
  model: name,
  ...{ seed, codeHash, dataManifestHash, trainedOn },
})
