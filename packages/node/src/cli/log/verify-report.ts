/** Verify report: what a file shows of a log, as lines for people and records for programs. */
import type { Failure } from '../failure.ts'
import { nameInput } from '../failure.ts'
import type { Output } from '../output.ts'
import { counted, layOut } from '../table.ts'
import { visible } from '../visible.ts'
import { shortTime } from './show-list.ts'
import type { FileReport } from './verify-file.ts'

const MARKS = { holds: ['✔', 'green'], fails: ['✘', 'red'], unknown: ['?', 'yellow'] } as const
const OUTCOME_COLUMNS = 9

export class LogVerifyReport {
  passedOver = 0
  readonly #output: Output
  readonly #isVerbose: boolean
  readonly #counts = { holds: 0, fails: 0, unknown: 0, unreadable: 0 }

  constructor(output: Output, isVerbose: boolean) {
    this.#output = output
    this.#isVerbose = isVerbose
  }

  /** @param isOnly  whether there is no other file: then there is room for every check */
  show(label: string, report: FileReport, isOnly: boolean): void {
    const { outcome, checks } = report
    this.#counts[outcome]++
    this.#output.record(recordOf(label, report))
    const { style } = this.#output
    const [mark, colour] = MARKS[outcome]
    this.#output.line(`${style[colour](`${mark} ${outcome.padEnd(OUTCOME_COLUMNS)}`)} ${style.bold(visible(label))}`)
    for (const line of sentencesOf(report)) this.#output.line(`    ${line}`)
    const shown = isOnly || this.#isVerbose ? checks : checks.filter((check) => check.outcome !== 'holds')
    const rows = shown.map((check) => [`${MARKS[check.outcome][0]} ${check.subject}`, check.reason ?? ''])
    const paint = (text: string, column: number, row: number): string => {
      const check = shown[row]
      return column === 0 && check !== undefined ? style[MARKS[check.outcome][1]](text) : text
    }
    for (const line of layOut(rows, paint)) this.#output.line(`    ${line}`)
  }

  fail(label: string, failure: Failure): void {
    this.#counts.unreadable++
    const { code, message, hint } = failure
    this.#output.record({ path: label, error: { code, message, ...(hint !== undefined && { hint }) } })
    this.#output.line(`${this.#output.style.red('! unreadable')}  ${nameInput(label, failure).message} (${code})`)
    if (hint !== undefined) this.#output.line(`    ${hint}`)
  }

  summarize(): void {
    const { holds, fails, unknown, unreadable } = this.#counts
    const parts = [
      `${counted(holds + fails + unknown + unreadable, 'file')}: ${holds} hold`,
      `${fails} fail`,
      `${unknown} unknown`,
      ...(unreadable > 0 ? [`${unreadable} unreadable`] : []),
      ...(this.passedOver > 0 ? [`${counted(this.passedOver, 'other file')} passed over`] : []),
    ]
    this.#output.line()
    this.#output.line(parts.join(', '))
  }
}

function recordOf(
  path: string,
  { kind, outcome, checks, index, origin, size, event, study, notAfter }: FileReport,
): object {
  return {
    path,
    kind,
    outcome,
    checks: checks.map(({ subject, outcome: each, reason }) => ({
      subject,
      outcome: each,
      ...(reason !== undefined && { reason }),
    })),
    ...(index !== undefined && { index: String(index) }),
    ...(origin !== undefined && { origin }),
    ...(size !== undefined && { size: String(size) }),
    ...(event && { event: { type: event.type, at: event.at.toISOString() } }),
    ...(study && { study: recordOfStudy(study) }),
    ...(notAfter && { notAfter: notAfter.toISOString() }),
  }
}

function recordOfStudy({ studyInstanceUid, finding, size, at }: NonNullable<FileReport['study']>): object {
  const counts =
    finding.outcome === 'complete' ? { present: finding.present, gone: finding.records.length - finding.present } : {}
  return { studyInstanceUid, finding: finding.outcome, ...counts, asOf: String(size), at: at.toISOString() }
}

/** What the file shows, if its checks hold. */
function sentencesOf({ outcome, index, origin, size, event, study, notAfter }: FileReport): readonly string[] {
  const place = origin === undefined ? '' : ` of ${visible(origin)}, under a checkpoint of ${size} entries`
  const what = event === undefined ? '' : `: ${event.type}, ${shortTime(event.at.toISOString())} UTC by its own clock`
  return [
    ...(index === undefined ? [] : [`entry ${index}${place}${what}`]),
    ...(study === undefined || outcome === 'fails' ? [] : [studySentence(study)]),
    ...(notAfter === undefined ? [] : [`it was there at ${shortTime(notAfter.toISOString())} UTC`]),
  ]
}

function studySentence({ studyInstanceUid, finding, size, at }: NonNullable<FileReport['study']>): string {
  const asOf = `as of the first ${counted(Number(size), 'entry', 'entries')}, ${shortTime(at.toISOString())} UTC`
  const name = `study ${visible(studyInstanceUid)}`
  if (finding.outcome !== 'complete') return `${name} has no image in the log, ${asOf}`
  const gone = finding.records.length - finding.present
  const rest = gone === 0 ? '' : ` and had ${gone} more, erased or withdrawn`
  return `${name} has exactly ${counted(finding.present, 'image')}${rest}, ${asOf}`
}
