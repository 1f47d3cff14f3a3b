/** Report: what the demonstration says while it goes on, and what it leaves to read. */
import { existsSync } from 'node:fs'
import type { Check } from '@fiducial/core/domain/verdict/check.ts'
import type { Output } from '../output.ts'
import { formatSeconds } from '../progress.ts'
import type { Holder } from '../ring.ts'
import { layOut, wrap } from '../table.ts'
import type { VerifyRecord } from '../verify-record.ts'
import { placesOf } from '../verify-report.ts'
import type { StudyRecord } from '../verify-studies.ts'
import { cut, visible } from '../visible.ts'
import type { Captured } from './captures.ts'
import type { Crime } from './crimes.ts'
import type { Recorded } from './custody.ts'
import type { DemoOptions } from './options.ts'

/** A forgery and what became of it. */
export interface Outcome {
  readonly crime: Crime
  readonly record: VerifyRecord
}

/** Terminals at least this wide show a forgery in one line. */
const WIDE_COLUMNS = 130
const PROSE_COLUMNS = 100

export class DemoReport {
  readonly #output: Output
  readonly #start = performance.now()

  constructor(output: Output) {
    this.#output = output
  }

  begin(): void {
    const { style } = this.#output
    this.#output.line(
      `${style.bold(style.yellow('DEMO'))}  a simulated X-ray room. No image comes from a patient, and the keys prove nothing outside of it.`,
    )
    this.#output.line()
  }

  showCaptured(captured: readonly Captured[], size: string): void {
    const count = (kind: Captured['kind']): number =>
      captured.filter((picture) => picture.kind === kind && picture.name !== 'cine.dcm').length
    this.#step(
      'Capture',
      `a chest (DX), a hand (CR), ${count('ct')} slices of CT, ${count('mr')} of MR and a cine: ${captured.length} images, ${size}`,
    )
  }

  showKeys(holders: readonly Holder[]): void {
    const devices = holders.filter(({ role, status }) => role === 'device' && status === 'active').length
    this.#step(
      'Keys',
      `a CA, ${devices} devices, a technologist, a timestamp authority; and a forger’s, by the same names`,
    )
  }

  showSealed(count: number): void {
    this.#step(
      'Seal',
      `${count} images: a mark in the pixels, two signatures and timestamps in each file, a seal beside it`,
    )
  }

  showRecorded(images: number, { origin, entries, tokens }: Recorded): void {
    this.#output.record({ step: 'recorded', images, origin, entries: String(entries), tokens })
    this.#step('Log', `${images} images recorded and sent on: ${entries} entries in ${visible(origin)}, timestamped`)
  }

  /** @param isMissed  whether the log tells that the image is gone */
  showDeleted(name: string, study: StudyRecord | undefined, isMissed: boolean): void {
    const { style } = this.#output
    this.#output.record({ step: 'deleted', name, isCaught: isMissed, ...study })
    this.#output.line()
    this.#step('Delete', `${name}, out of the archive`)
    const sentence = study?.sentence ?? 'The log knows nothing of this study.'
    this.#output.line(isMissed ? `            ${style.green(sentence)}` : `            ${style.red(sentence)}`)
  }

  showGenuine(records: readonly VerifyRecord[]): void {
    const authentic = records.filter(({ verdict }) => verdict === 'authentic')
    this.#step('Verify', `${authentic.length} of ${records.length} authentic`)
    for (const record of records) {
      this.#output.record({ step: 'genuine', isCorrect: record.verdict === 'authentic', ...record })
      if (record.verdict !== 'authentic')
        this.#output.line(this.#output.style.red(`            ${record.path}: ${record.sentence}`))
    }
  }

  showForgeries(outcomes: readonly Outcome[]): void {
    this.#step('Forge', `${outcomes.length} forgeries of these images, verified like all others`)
    this.#output.line()
    for (const { crime, record } of outcomes) {
      const { id, title, motive } = crime
      this.#output.record({ step: 'forgery', id, title, motive, isCaught: isCaught(record), ...record })
    }
    if (this.#output.isCut && this.#output.columns < WIDE_COLUMNS) this.#showNarrow(outcomes)
    else this.#showWide(outcomes)
  }

  #showWide(outcomes: readonly Outcome[]): void {
    const { style, isCut, columns } = this.#output
    const rows = outcomes.map(({ crime, record }) => {
      const { reason, where } = mainReason(record)
      return [`  ${markOf(record)} ${crime.title}`, verdictOf(record), reason, where]
    })
    const lines = layOut([['  WHAT WAS DONE', 'VERDICT', 'WHY', 'WHERE'], ...rows])
    for (const [row, line] of lines.entries()) {
      const outcome = outcomes[row - 1]
      const fitting = isCut ? cut(line, columns) : line
      this.#output.line(outcome === undefined ? style.dim(fitting) : this.#paint(fitting, outcome))
    }
  }

  /** Two lines for each. */
  #showNarrow(outcomes: readonly Outcome[]): void {
    const { style, columns } = this.#output
    const lines = layOut(outcomes.map(({ crime, record }) => [`  ${markOf(record)} ${crime.title}`, verdictOf(record)]))
    for (const [row, line] of lines.entries()) {
      const outcome = outcomes[row] as Outcome
      const { reason, where } = mainReason(outcome.record)
      this.#output.line(this.#paint(line, outcome))
      this.#output.line(style.dim(cut(`      ${reason}  ${where}`.trimEnd(), columns)))
    }
  }

  #paint(line: string, { record }: Outcome): string {
    const { style } = this.#output
    const verdict = verdictOf(record)
    return line.replace(verdict, isCaught(record) ? style.green(verdict) : style.red(verdict))
  }

  end({ out }: DemoOptions, outcomes: readonly Outcome[], home: string | undefined): void {
    const { style } = this.#output
    const caught = outcomes.filter(({ record }) => isCaught(record)).length
    const seconds = (performance.now() - this.#start) / 1000
    const folder = visible(out)
    this.#output.record({
      step: 'summary',
      forgeries: outcomes.length,
      caught,
      seconds: Number(seconds.toFixed(1)),
      out,
      ...(home !== undefined && { home }),
    })
    this.#output.line()
    const verdict = `${caught} of ${outcomes.length} forgeries caught, in ${formatSeconds(seconds)}.`
    this.#output.line(style.bold(caught === outcomes.length ? style.green(verdict) : style.red(verdict)))
    this.#prose(LIMITS)
    this.#output.line()
    this.#output.line(`Pictures of what was done:  ${folder}/pictures/forged-*.png`)
    this.#output.line(`What lies where, and why:   ${folder}/DEMO.txt`)
    this.#output.line()
    this.#output.line('Next:')
    // In a clone the program is started from its root.
    const program = existsSync('./fiducial') ? './fiducial' : 'fiducial'
    const commands: readonly (readonly string[])[] = [
      [`  ${program} verify ${folder}/forged --trust ${folder}/trust.pem`, 'every reason and place'],
      [`  ${program} inspect ${folder}/sealed/chest.dcm`, 'who signed which attribute'],
      [`  ${program} keys init --site "Your site"`, 'keys of your own, to seal your own images'],
    ]
    for (const line of layOut(commands, (text, column) => (column === 1 ? style.dim(text) : text)))
      this.#output.line(line)
    if (home !== undefined)
      this.#output.line(`The demonstration’s keys are kept: FIDUCIAL_HOME=${visible(home)} ${program} seal …`)
  }

  /** The text file that stands in the folder. */
  describeFolder({ out, seed }: DemoOptions, outcomes: readonly Outcome[], pictures: readonly string[]): string {
    return [
      'DEMO: made by `fiducial demo`, which replaces the folders named below when it runs again.',
      'No image comes from a patient. The keys that signed them prove nothing outside of this folder.',
      '',
      `seed        ${seed}`,
      'captured/   images as the simulated devices hand them over',
      'sealed/     the same with signatures, each with its seal (.fiducial.json) and the proof beside it that it is in the',
      '            custody log (.tlog-proof)',
      'archive/    the copies that were sent on; one of them was taken out afterwards',
      'forged/     what was done to them',
      'pictures/   PNG',
      `trust.pem   the CA of the demonstration, and log.policy the keys of its custody log:`,
      `            fiducial verify ${out}/sealed --trust ${out}/trust.pem --log-policy ${out}/log.policy`,
      '',
      ...outcomes.flatMap(({ crime, record }) => {
        const { reason, where } = mainReason(record)
        const picture = `forged-${crime.id}.png`
        return [
          `forged/${crime.id}.dcm`,
          `  what     ${crime.title}`,
          `  why      ${crime.motive}`,
          `  verdict  ${record.verdict.replaceAll('_', ' ')}: ${reason}${where === '' ? '' : `, ${where}`}`,
          ...(pictures.includes(picture) ? [`  picture  pictures/${picture}`] : []),
          '',
        ]
      }),
    ].join('\n')
  }

  #prose(text: string, paint: (line: string) => string = (line) => line): void {
    for (const line of wrap(text, Math.min(PROSE_COLUMNS, this.#output.columns))) this.#output.line(paint(line))
  }

  #step(name: string, text: string): void {
    const seconds = formatSeconds((performance.now() - this.#start) / 1000)
    this.#output.line(
      `  ${this.#output.style.bold(name.padEnd(8))}  ${text}  ${this.#output.style.dim(`(${seconds})`)}`,
    )
  }
}

const LIMITS =
  'A signature shows where an image comes from and that it is unchanged. It does not show that what it shows is true, ' +
  'and no verdict replaces a physician’s.'

const verdictOf = ({ verdict }: VerifyRecord): string => verdict.replaceAll('_', ' ')
const markOf = (record: VerifyRecord): string => (isCaught(record) ? '✔' : '✘')
const isCaught = ({ verdict }: VerifyRecord): boolean => verdict !== 'authentic'

/** Reasons that follow from nearly every change, told only where there is no other; the first of them sooner. */
const GENERAL: readonly string[] = ['signature_removed', 'tampered', 'signature_absent', 'time_unproven', 'seal_absent']

/** Changes of pixels of which the mark knows more. */
const LOCATED: readonly string[] = ['mark_foreign', 'mark_altered']

/** The reason that says most, and its places. */
function mainReason({ verdict, checks }: VerifyRecord): { readonly reason: string; readonly where: string } {
  const outcome = verdict === 'not_authentic' ? 'fails' : 'unknown'
  const met = checks.filter((check): check is Exclude<Check, { outcome: 'holds' }> => check.outcome === outcome)
  const ranked = met.toSorted((a, b) => GENERAL.indexOf(a.reason) - GENERAL.indexOf(b.reason))
  // The mark says where, the signatures only that.
  const located =
    ranked[0]?.reason === 'pixels_changed' ? ranked.find(({ reason }) => LOCATED.includes(reason)) : undefined
  const told = located ?? ranked[0]
  return told === undefined ? { reason: '', where: '' } : { reason: told.reason, where: placesOf(told) }
}
