/**
 * Verify report: one judged image as lines for people.
 *
 * What is as it should be takes one line; what is not takes as many as it needs to say what, and where.
 */
import type { Check } from '@fiducial/core/domain/verdict/check.ts'
import { isAsked, type Policy } from '@fiducial/core/domain/verdict/policy.ts'
import type { Failure } from './failure.ts'
import { describeMark } from './mark-answer.ts'
import type { Output } from './output.ts'
import { layOut, wrap } from './table.ts'
import {
  describeArrival,
  describeSealer,
  type LogRecord,
  type SignatureRecord,
  type VerifyRecord,
} from './verify-record.ts'
import { visible } from './visible.ts'
import type { ImageTask } from './work.ts'

const MARKS = {
  authentic: ['✔', 'green', 'authentic'],
  not_authentic: ['✘', 'red', 'not authentic'],
  undetermined: ['?', 'yellow', 'undetermined'],
} as const
const OUTCOMES = { holds: ['✔', 'green'], fails: ['✘', 'red'], unknown: ['?', 'yellow'] } as const
const VERDICT_COLUMNS = 13
const INDENT = '    '
/** Places shown of one check; --json has them all. */
const PLACES_SHOWN = 6
const SENTENCE_COLUMNS = 100

export class VerifyReport {
  readonly #output: Output
  readonly #policy: Policy
  readonly #isVerbose: boolean

  constructor(output: Output, policy: Policy, isVerbose: boolean) {
    this.#output = output
    this.#policy = policy
    this.#isVerbose = isVerbose
  }

  /** @param isOnly  whether no other image is to be told of: then there is room for words */
  show(record: VerifyRecord, isOnly: boolean): void {
    const output = this.#output
    const { style } = output
    output.record(record)
    if (output.isJson) return
    const [mark, colour, name] = MARKS[record.verdict]
    output.line(
      `${style[colour](`${mark} ${name.padEnd(VERDICT_COLUMNS)}`)}  ${record.level}  ${style.bold(visible(record.path))}`,
    )
    const isPlain = record.verdict === 'authentic' && !isOnly && !this.#isVerbose
    if (isPlain && record.watchdog?.outcome !== 'unusual') return
    for (const line of wrap(visible(record.sentence), Math.min(SENTENCE_COLUMNS, output.columns) - INDENT.length))
      output.line(INDENT + line)
    for (const line of this.#checkLines(record)) output.line(INDENT + line)
    this.#showAdvice(record)
    if (this.#isVerbose) for (const line of this.#evidenceLines(record)) output.line(INDENT + line)
  }

  #showAdvice({ watchdog }: VerifyRecord): void {
    if (watchdog === undefined) return
    for (const line of wrap(`Watchdog, advisory: ${watchdog.sentence}`, SENTENCE_COLUMNS))
      this.#output.line(INDENT + line)
  }

  /** An image that could not be read. */
  fail({ label }: ImageTask, { code, message, hint }: Failure): void {
    const { style } = this.#output
    this.#output.record({ path: label, error: { code, message, ...(hint !== undefined && { hint }) } })
    this.#output.line(`${style.red(`! ${'unreadable'.padEnd(VERDICT_COLUMNS)}`)}  –   ${style.bold(visible(label))}`)
    this.#output.line(`${INDENT}${message} (${code})`)
    if (hint !== undefined) this.#output.line(`${INDENT}${hint}`)
  }

  /** A file that is no image, and was not said to be one. */
  passOver({ label }: ImageTask): void {
    this.#output.line(this.#output.style.dim(`– ${'passed over'.padEnd(VERDICT_COLUMNS)}      ${visible(label)}`))
  }

  #checkLines({ verdict, checks }: VerifyRecord): string[] {
    const shown = this.#isVerbose ? checks : checks.filter((check) => this.#explains(check, verdict, checks))
    const rows = shown.map((check) => [
      `${OUTCOMES[check.outcome][0]} ${check.subject}`,
      check.outcome === 'holds' ? '' : check.reason,
      placesOf(check),
    ])
    const { style } = this.#output
    return layOut(rows, (text, column, row) => {
      const check = shown[row]
      return column === 0 && check !== undefined ? style[OUTCOMES[check.outcome][1]](text) : text
    })
  }

  /** Whether a check is a reason for the verdict. */
  #explains(check: Check, verdict: VerifyRecord['verdict'], checks: readonly Check[]): boolean {
    if (!isAsked(check, this.#policy, checks)) return false
    return check.outcome === (verdict === 'not_authentic' ? 'fails' : 'unknown')
  }

  #evidenceLines({ signatures, seal, log, mark }: VerifyRecord): string[] {
    const lines = signatures.map(describeSignature)
    if (seal.state === 'present') {
      const proven = seal.provenAt === null ? 'no timestamp' : `timestamp ${seal.provenAt}`
      lines.push(
        `seal by ${visible(describeSealer(seal))}, ${seal.sealedAt}, ${proven}: ${seal.outcome}, content ${seal.comparison}`,
      )
      if (seal.gateway !== null) lines.push(`received by ${visible(describeArrival(seal.gateway))}`)
    } else {
      lines.push(seal.state === 'absent' ? 'no seal beside the image' : `the seal is malformed (${seal.code})`)
    }
    return [...lines, ...describeLog(log), ...describeMark(mark).map((line) => `mark: ${line}`)]
  }
}

function describeLog(log: LogRecord): readonly string[] {
  if (log.state === 'not_consulted') return ['no custody log was asked']
  if (log.state === 'unavailable') return [`the custody log could not be asked (${log.code})`]
  const { origin, size, index, notBefore, notAfter, events } = log
  const name = `custody log ${visible(origin)} of ${size} entries`
  if (index === null) return [`${name}: no entry of this seal, ${events.length} events of the image`]
  const times = [
    ...(notBefore === null ? [] : [`not before ${notBefore}`]),
    ...(notAfter === null ? [] : [`not after ${notAfter}`]),
  ]
  return [`${name}: entry ${index}${times.length === 0 ? '' : `, ${times.join(', ')}`}`]
}

export function placesOf({ where = [] }: Check): string {
  const shown = where.slice(0, PLACES_SHOWN).join('; ')
  return visible(where.length > PLACES_SHOWN ? `${shown}; and ${where.length - PLACES_SHOWN} more` : shown)
}

function describeSignature({
  item,
  purpose,
  state,
  signer,
  role,
  hash,
  provenTime,
  claimedTime,
  signedAttributes,
  unsigned,
}: SignatureRecord): string {
  const time = provenTime === null ? `claims ${claimedTime ?? 'no time'}` : `timestamp ${provenTime}`
  const open = unsigned.length === 0 ? '' : `, ${unsigned.length} left open`
  const place = item === '' ? '' : ` in ${item}`
  return `signature${place}${purpose === null ? '' : ` (purpose ${visible(purpose)})`} of ${visible(signer)} as ${role}, ${hash}, ${time}, ${signedAttributes} attributes${open}: ${state}`
}
