/** Report: what the demonstration says while it goes on, and what it leaves to read. */
import type { Check } from '@fiducial/core/domain/verdict/check.ts'
import type { Output } from '../output.ts'
import { formatSeconds } from '../progress.ts'
import type { Holder } from '../ring.ts'
import { layOut } from '../table.ts'
import type { VerifyRecord } from '../verify-record.ts'
import { placesOf } from '../verify-report.ts'
import { cut, visible } from '../visible.ts'
import type { Captured } from './captures.ts'
import type { Crime } from './crimes.ts'
import type { DemoOptions } from './options.ts'

/** A forgery and what became of it. */
export interface Outcome {
  readonly crime: Crime
  readonly record: VerifyRecord
}

const WHERE_COLUMNS = 58

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
    this.#step('Seal', `${count} images: two signatures and timestamps in each file, a seal beside it`)
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
    const { style } = this.#output
    this.#step('Forge', `${outcomes.length} forgeries of these images, verified like all others`)
    this.#output.line()
    const rows = outcomes.map(({ crime, record }) => {
      this.#output.record({
        step: 'forgery',
        id: crime.id,
        title: crime.title,
        motive: crime.motive,
        isCaught: isCaught(record),
        ...record,
      })
      const { reason, where } = mainReason(record)
      const place = this.#output.isCut ? cut(where, WHERE_COLUMNS) : where
      return [`  ${isCaught(record) ? '✔' : '✘'} ${crime.title}`, record.verdict.replaceAll('_', ' '), reason, place]
    })
    const lines = layOut([['  WHAT WAS DONE', 'VERDICT', 'WHY', 'WHERE'], ...rows], (text, column, row) => {
      if (row === 0) return style.dim(text)
      const { record } = outcomes[row - 1] as Outcome
      if (column === 1) return record.verdict === 'authentic' ? style.red(text) : style.green(text)
      return text
    })
    for (const line of lines) this.#output.line(line)
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
    const verdict = `${caught} of ${outcomes.length} forgeries caught`
    this.#output.line(
      `${style.bold(caught === outcomes.length ? style.green(verdict) : style.red(verdict))}, in ${formatSeconds(seconds)}. A signature shows where an image comes from and that it is`,
    )
    this.#output.line('unchanged; it does not show that what it shows is true, and no verdict replaces a physician’s.')
    this.#output.line()
    this.#output.line(`Pictures of what was done: ${folder}/pictures/forged-*.png; all files: ${folder}/DEMO.txt`)
    this.#output.line()
    this.#output.line('Next:')
    const commands = [
      [`  fiducial verify ${folder}/forged --trust ${folder}/trust.pem`, 'every reason and place'],
      [`  fiducial inspect ${folder}/sealed/chest.dcm`, 'who signed which attribute'],
      ['  fiducial keys init --site "Your site"', 'keys of your own, to seal your own images'],
    ]
    for (const line of layOut(commands, (text, column) => (column === 1 ? style.dim(text) : text)))
      this.#output.line(line)
    if (home !== undefined)
      this.#output.line(`The demonstration’s keys are kept: FIDUCIAL_HOME=${visible(home)} fiducial seal …`)
  }

  /** The text file that stands in the folder. */
  describeFolder({ out, seed }: DemoOptions, outcomes: readonly Outcome[], pictures: readonly string[]): string {
    return [
      'DEMO: made by `fiducial demo`, which replaces the folders named below when it runs again.',
      'No image comes from a patient. The keys that signed them prove nothing outside of this folder.',
      '',
      `seed        ${seed}`,
      'captured/   images as the simulated devices hand them over',
      'sealed/     the same with signatures, each with its seal (.fiducial.json) beside it',
      'forged/     what was done to them',
      'pictures/   PNG',
      `trust.pem   the CA of the demonstration: fiducial verify ${out}/forged --trust ${out}/trust.pem`,
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

  #step(name: string, text: string): void {
    const seconds = formatSeconds((performance.now() - this.#start) / 1000)
    this.#output.line(
      `  ${this.#output.style.bold(name.padEnd(8))}  ${text}  ${this.#output.style.dim(`(${seconds})`)}`,
    )
  }
}

const isCaught = ({ verdict }: VerifyRecord): boolean => verdict !== 'authentic'

/** Reasons that follow from nearly every change, told only where there is no other. */
const GENERAL: ReadonlySet<string> = new Set(['tampered', 'seal_absent', 'signature_absent', 'time_unproven'])

/** The reason that says most, and its places. */
function mainReason({ verdict, checks }: VerifyRecord): { readonly reason: string; readonly where: string } {
  const outcome = verdict === 'not_authentic' ? 'fails' : 'unknown'
  const met = checks.filter((check): check is Exclude<Check, { outcome: 'holds' }> => check.outcome === outcome)
  const told = met.find(({ reason }) => !GENERAL.has(reason)) ?? met[0]
  return told === undefined ? { reason: '', where: '' } : { reason: told.reason, where: placesOf(told) }
}
