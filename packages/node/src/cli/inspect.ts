/**
 * Inspect: everything that lies in an image and beside it, in the order of the bytes.
 *
 * Lenient where verify is strict: a damaged file is shown as far as it can be read, with what is wrong with it. Who
 * signed what is shown for each attribute; whether that makes the image authentic is left to verify, whose answer
 * stands on top.
 */
import { coverageOf } from '@fiducial/core/domain/signature/coverage.ts'
import { PURPOSES, type PurposeCode } from '@fiducial/core/domain/signature/purpose.ts'
import { readSignatures } from '@fiducial/core/domain/signature/read.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, MAC_PARAMETERS_SEQUENCE } from '@fiducial/core/domain/signature/signable.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { type CharacterSet, readCharacterSet } from '@fiducial/core/formats/dicom/character-set.ts'
import { nameOf } from '@fiducial/core/formats/dicom/dictionary.ts'
import { type Element, formatTag } from '@fiducial/core/formats/dicom/element.ts'
import { type DataSet, type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import type { Input } from './adapters.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode, exitCodeOf, worstOf } from './exit.ts'
import { describeFailure, nameInput, showFailure } from './failure.ts'
import { findLogs } from './find-logs.ts'
import { findMarks, type MarkReadingOptions } from './find-marks.ts'
import { isPersonal, previewValue } from './inspect-values.ts'
import { describeMark } from './mark-answer.ts'
import { formatBytes } from './progress.ts'
import { layOut, wrap } from './table.ts'
import { readTrust } from './trust.ts'
import { uidName } from './uid-names.ts'
import { describeArrival, describeSealer, type SignatureRecord, type VerifyRecord } from './verify-record.ts'
import { cut, visible } from './visible.ts'

export interface InspectOptions extends MarkReadingOptions {
  readonly values?: boolean
  readonly depth?: number
}

/** What --json writes for one image. */
interface InspectRecord {
  readonly path: string
  readonly bytes: number
  readonly preamble: string
  readonly transferSyntax: { readonly uid: string; readonly name: string | null }
  readonly sopClass: { readonly uid: string | null; readonly name: string | null }
  readonly findings: readonly { readonly code: string; readonly offset: number; readonly message: string }[]
  readonly verification: VerifyRecord | { readonly error: { readonly code: string; readonly message: string } }
  readonly meta: readonly ElementRecord[]
  readonly elements: readonly ElementRecord[]
}

interface ElementRecord {
  readonly tag: string
  readonly vr: string
  readonly name: string
  readonly offset: number
  readonly length: number
  /** Absent for a value without bytes; null for one that is held back. */
  readonly value?: string | null
  /** Of attributes of the main data set: `signed`, `unsigned` or `unsignable`. */
  readonly coverage?: string
  readonly signedBy?: readonly string[]
  readonly items?: readonly (readonly ElementRecord[])[]
}

export async function inspectInputs(
  words: readonly string[],
  options: InspectOptions,
  context: Context,
): Promise<ExitCode> {
  const { adapters, output, terminal } = context
  const settings = {
    anchors: await readTrust({}, context),
    policy: ACQUISITION_POLICY,
    ...(await findLogs({ log: true }, context)),
    ...(await findMarks(options, context)),
  }
  using inputs = await adapters.findInputs(words)
  const codes: ExitCode[] = []
  let count = 0
  for await (const input of inputs) {
    terminal.interruption.throwIfAborted()
    try {
      using source = await adapters.openFile(input.path)
      const file = parseDicom(source)
      if (count++ > 0) output.line()
      const verification = await verifyOne(input, settings, context)
      const record = describeFile(input, file, verification, options)
      output.record(record)
      if (!output.isJson) new InspectReport(record, context).show()
    } catch (error) {
      const failure = describeFailure(error)
      codes.push(exitCodeOf(failure.code))
      output.record({ path: input.label, error: { code: failure.code, message: failure.message } })
      showFailure(nameInput(input.label, failure), output, terminal)
    }
  }
  return worstOf([EXIT.ok, ...codes])
}

async function verifyOne(
  { label, path }: Input,
  settings: Parameters<Context['adapters']['work']['verify']>[1],
  { adapters, terminal }: Context,
): Promise<InspectRecord['verification']> {
  async function* only(): AsyncGenerator<{ label: string; path: string }> {
    yield { label, path }
  }
  for await (const done of adapters.work.verify(only(), settings, terminal.interruption)) {
    if ('value' in done) return done.value
    const { code, message } = done.failure
    return { error: { code, message } }
  }
  throw new DOMException('interrupted', 'AbortError')
}

function describeFile(
  { label }: Input,
  file: DicomFile,
  verification: InspectRecord['verification'],
  options: InspectOptions,
): InspectRecord {
  const { dataSet, transferSyntaxUid, source, preamble, findings, meta } = file
  const sopClassUid = textAt(dataSet, 0x00080016)
  const describe = describeElement(dataSet, options)
  const coverage = new Map(
    coverageOf(dataSet.elements, readSignatures(dataSet).signatures).map((entry) => [entry.tag, entry]),
  )
  return {
    path: label,
    bytes: source.length,
    preamble,
    transferSyntax: { uid: transferSyntaxUid, name: uidName(transferSyntaxUid) ?? null },
    sopClass: { uid: sopClassUid ?? null, name: uidName(sopClassUid ?? '') ?? null },
    findings: findings.map(({ code, offset, message }) => ({ code, offset, message })),
    verification,
    // A deflated data set has a source of its own; the meta information stands in the file.
    meta: meta.map(describeElement({ ...dataSet, source, elements: meta }, options)),
    elements: dataSet.elements.map((element) => {
      const { state, signedBy } = coverage.get(element.tag) ?? {}
      return {
        ...describe(element),
        ...(state !== undefined && { coverage: state }),
        ...(signedBy !== undefined && { signedBy }),
      }
    }),
  }
}

function describeElement(
  dataSet: DataSet,
  { values, depth = Number.POSITIVE_INFINITY }: InspectOptions,
): (element: Element) => ElementRecord {
  const { source } = dataSet
  const describe = (element: Element, level: number, characters: CharacterSet): ElementRecord => {
    const { tag, vr, start, valueStart, valueEnd, items } = element
    const isHeldBack = values !== true && isPersonal(element)
    const value = items === undefined ? previewValue(source, element, characters) : undefined
    return {
      tag: formatTag(tag),
      vr: vr === 'xs' ? 'US' : vr,
      name: nameOf(tag),
      offset: start,
      length: valueEnd - valueStart,
      ...(value !== undefined && { value: isHeldBack ? null : value }),
      ...(items !== undefined && {
        items:
          level >= depth
            ? items.map(() => [])
            : items.map(({ elements }) => {
                const own = readCharacterSet(source, elements, characters)
                return elements.map((inner) => describe(inner, level + 1, own))
              }),
      }),
    }
  }
  const characters = readCharacterSet(source, dataSet.elements)
  return (element) => describe(element, 0, characters)
}

const OWN_SEQUENCES: ReadonlySet<string> = new Set(
  [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE].map(formatTag),
)
const NAME_COLUMNS = 34
const FINDINGS_SHOWN = 20
const HELD_BACK = '(held back)'

/** A record as lines for people. */
class InspectReport {
  readonly #record: InspectRecord
  readonly #context: Context
  /** Signatures by UID, numbered from 1 as they are shown. */
  readonly #numbers: ReadonlyMap<string, number>

  constructor(record: InspectRecord, context: Context) {
    this.#record = record
    this.#context = context
    const { verification } = record
    const signatures = 'signatures' in verification ? verification.signatures : []
    this.#numbers = new Map(signatures.map(({ uid }, i) => [uid, i + 1]))
  }

  show(): void {
    this.#showHead()
    this.#showVerification()
    const { meta, elements } = this.#record
    this.#showElements('File meta information', meta)
    this.#showElements('Data set', elements)
    const { output } = this.#context
    if (elements.some(isHeldBack))
      output.line(output.style.dim('  --values shows what is held back because it may tell of a person'))
  }

  #showHead(): void {
    const { output } = this.#context
    const { path, bytes, transferSyntax, sopClass, preamble, findings } = this.#record
    output.line(`${output.style.bold(visible(path))}  ${formatBytes(bytes)}`)
    const rows = [
      ['  Kind', sopClass.name ?? visible(sopClass.uid ?? 'not stated')],
      [
        '  Transfer syntax',
        transferSyntax.name === null ? visible(transferSyntax.uid) : `${transferSyntax.name} (${transferSyntax.uid})`,
      ],
      ...(preamble === 'empty' ? [] : [['  Preamble', preamble]]),
      [
        '  Findings',
        findings.length === 0 ? 'none: one reading only' : `${findings.length}, a strict reader refuses the file`,
      ],
    ]
    for (const line of layOut(rows)) output.line(line)
    for (const { offset, message, code } of findings.slice(0, FINDINGS_SHOWN)) {
      output.line(output.style.yellow(`    byte ${offset}: ${message} (${code})`))
    }
    if (findings.length > FINDINGS_SHOWN)
      output.line(`    and ${findings.length - FINDINGS_SHOWN} more; --json has them all`)
  }

  #showVerification(): void {
    const { output } = this.#context
    const { verification } = this.#record
    if (!('verdict' in verification)) {
      output.line(`  Verdict          none: ${verification.error.message} (${verification.error.code})`)
      return
    }
    const { verdict, level, sentence, signatures, seal, mark } = verification
    const rows: string[][] = [[`  Verdict`, `${verdict.replaceAll('_', ' ')}, level ${level}`]]
    for (const line of wrap(visible(sentence), output.columns - 20)) rows.push(['', line])
    rows.push(['  Signatures', signatures.length === 0 ? 'none' : String(signatures.length)])
    for (const signature of signatures)
      rows.push([`    ${this.#numbers.get(signature.uid)}`, describeSigner(signature)])
    if (seal.state === 'present') {
      rows.push([
        '  Seal',
        `${seal.outcome}; by ${visible(describeSealer(seal))}, ${seal.sealedAt}; content ${seal.comparison}`,
      ])
      if (seal.gateway !== null) rows.push(['  Received', `by ${visible(describeArrival(seal.gateway))}`])
    } else {
      rows.push(['  Seal', seal.state === 'absent' ? 'none beside the image' : `malformed (${seal.code})`])
    }
    for (const [i, line] of describeMark(mark).entries()) rows.push([i === 0 ? '  Mark' : '', line])
    for (const line of layOut(rows.map(([first = '', second = '']) => [first.padEnd(17), second]))) output.line(line)
  }

  #showElements(title: string, elements: readonly ElementRecord[]): void {
    if (elements.length === 0) return
    const { output } = this.#context
    const { style } = output
    const isSigned = this.#numbers.size > 0 && elements.some(({ coverage }) => coverage !== undefined)
    output.line()
    output.line(
      `${style.bold(title)}${isSigned ? style.dim('  (before each attribute: the numbers of the signatures that cover it, – open, × cannot be signed)') : ''}`,
    )
    const rows: { cells: string[]; record: ElementRecord }[] = []
    const visit = (list: readonly ElementRecord[], level: number): void => {
      for (const record of list) {
        const indent = '  '.repeat(level)
        const mark = isSigned && level === 0 ? this.#markOf(record) : ''
        const cells = [record.tag, record.vr, String(record.length), cut(record.name, NAME_COLUMNS), valueText(record)]
        rows.push({ cells: [...(isSigned ? [mark] : []), indent + cells[0], ...cells.slice(1)], record })
        for (const [i, item] of (record.items ?? []).entries()) {
          if (item.length > 0)
            rows.push({ cells: [...(isSigned ? [''] : []), `${indent}  item ${i + 1}`, '', '', '', ''], record })
          visit(item, level + 1)
        }
      }
    }
    visit(elements, 0)
    const lines = layOut(rows.map(({ cells }) => cells))
    for (const [i, line] of lines.entries()) {
      const { coverage } = rows[i]?.record ?? {}
      const shown = output.isCut ? cut(`  ${line}`, output.columns) : `  ${line}`
      output.line(isSigned && coverage === 'unsigned' ? style.yellow(shown) : shown)
    }
  }

  #markOf({ tag, coverage, signedBy = [] }: ElementRecord): string {
    if (OWN_SEQUENCES.has(tag)) return ''
    if (coverage === 'unsignable') return '×'
    return signedBy.length === 0 ? '–' : signedBy.map((uid) => this.#numbers.get(uid) ?? '?').join(' ')
  }
}

const isHeldBack = ({ value, items = [] }: ElementRecord): boolean =>
  value === null || items.some((item) => item.some(isHeldBack))

function describeSigner({ purpose, state, signer, role, item, provenTime, claimedTime }: SignatureRecord): string {
  const meaning =
    purpose === null ? 'no purpose stated' : (PURPOSES[purpose as PurposeCode] ?? `purpose ${visible(purpose)}`)
  const time = provenTime === null ? `claims ${claimedTime ?? 'no time'}` : `timestamp ${provenTime}`
  return `${state}: ${meaning} of ${visible(signer)} (${role}), ${time}${item === '' ? '' : `, in ${item}`}`
}

function valueText({ value, items }: ElementRecord): string {
  if (items !== undefined) return items.length === 0 ? 'no items' : ''
  if (value === null) return HELD_BACK
  if (value === undefined) return ''
  const name = uidName(value)
  return visible(value) + (name === undefined ? '' : `  ${name}`)
}
