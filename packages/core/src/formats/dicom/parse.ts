/**
 * Parse: a DICOM file as preamble, meta information and data set.
 *
 * Source: PS3.10 section 7.1 (file), PS3.5 annex A (transfer syntaxes).
 * Reading is lenient and keeps a list of findings, each with a code and an offset; strict reading refuses the first.
 * The data set itself is indexed by read-elements; what an element means is left to others.
 */
import { type ByteSource, memorySource } from '../../bytes/source.ts'
import { decodeLatin1 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type Element, type Encoding, findElement, formatTag, groupOf } from './element.ts'
import { inflateDataSet, isGzipTrailer } from './inflate.ts'
import { type Finding, Ledger } from './ledger.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { ElementReader } from './read-elements.ts'
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE,
  EXPLICIT_LITTLE_ENDIAN,
  encodingOf,
  IMPLICIT_LITTLE,
  IMPLICIT_LITTLE_ENDIAN,
  isDeflatedSyntax,
  isEncapsulatedSyntax,
  isNativeSyntax,
} from './transfer-syntax.ts'
import { knownVrOf, trimPadding } from './vr.ts'
import { Window } from './window.ts'

export type { Finding } from './ledger.ts'

/** A data set and the bytes that its offsets point into. */
export interface DataSet {
  readonly source: ByteSource
  /** Offset of the first element. */
  readonly start: number
  /** Offset behind the last element. */
  readonly end: number
  readonly encoding: Encoding
  readonly elements: readonly Element[]
}

/** What the first 128 bytes of the file hold. */
export type Preamble = 'absent' | 'empty' | 'data' | 'executable'

export interface DicomFile {
  readonly source: ByteSource
  readonly preamble: Preamble
  /** File meta information, group 0002; empty if the file has none. */
  readonly meta: readonly Element[]
  /** As stated in (0002,0010), or as found where the file does not say. */
  readonly transferSyntaxUid: string
  /** Offset of the data set in the file, or of its deflated bytes. */
  readonly dataSetStart: number
  readonly dataSet: DataSet
  readonly isDeflated: boolean
  /** Everything that a strict reader refuses, in the order of the bytes. */
  readonly findings: readonly Finding[]
}

/** What stands in front of the data set of a file. */
export interface FileHead {
  /** Elements of group 0002; empty if the file has none. */
  readonly meta: readonly Element[]
  /** As stated in (0002,0010); undefined where the file does not say. */
  readonly transferSyntaxUid: string | undefined
  /** Offset of the data set, or of its deflated bytes. */
  readonly dataSetStart: number
}

export interface ParseOptions {
  /** Refuse the first finding. Default: false. */
  readonly isStrict?: boolean
  readonly limits?: Limits
}

const UNDEFINED_LENGTH = 0xffffffff
const META_GROUP = 0x0002
const META_GROUP_LENGTH = 0x00020000
const TRANSFER_SYNTAX = 0x00020010
const PIXEL_DATA = 0x7fe00010
const PREAMBLE_BYTES = 128
/** PS3.5 section 9.1. */
const UID_BYTES = 64

/** First bytes of the Mach-O headers of macOS, in both byte orders and for several processors at once. */
const MACH_O = new Set([
  '\xfe\xed\xfa\xce',
  '\xfe\xed\xfa\xcf',
  '\xce\xfa\xed\xfe',
  '\xcf\xfa\xed\xfe',
  '\xca\xfe\xba\xbe',
  '\xca\xfe\xba\xbf',
])

/**
 * Indexes a DICOM file: with or without preamble and meta information, in any transfer syntax.
 *
 * Cost: one pass over the headers; values are skipped, so a file of gigabytes costs a few reads.
 * @throws {FormatError} `dicom_not_dicom` if nothing of it is DICOM, `dicom_limit_exceeded` over a limit,
 *   `dicom_truncated` if a deflated data set cannot be inflated; in strict mode the code of the first finding
 */
export function parseDicom(source: ByteSource, options: ParseOptions = {}): DicomFile {
  const file = readFile(source, options.limits ?? DEFAULT_LIMITS)
  const first = file.findings[0]
  if (options.isStrict === true && first !== undefined)
    throw new FormatError(first.code, first.message, { offset: first.offset })
  return file
}

/**
 * Finds where the data set of a file begins, without a look at it. Cost: one read.
 * @throws {FormatError} `dicom_limit_exceeded`
 */
export function parseFileHead(source: ByteSource, limits: Limits = DEFAULT_LIMITS): FileHead {
  const ledger = new Ledger(limits)
  const start = readPreamble(source) === 'absent' ? 0 : PREAMBLE_BYTES + 4
  const meta = new ElementReader(new Window(source), ledger).dataSet(start, source.length, EXPLICIT_LITTLE, META_GROUP)
  const transferSyntaxUid = readTransferSyntax(source, meta.elements, ledger)
  return { meta: meta.elements, transferSyntaxUid, dataSetStart: meta.end }
}

/**
 * Indexes a data set that comes without a file around it, such as the identifier of a query; leniently.
 *
 * @param transferSyntaxUid  as it was agreed on; a deflated data set is inflated
 * @throws {FormatError} `dicom_limit_exceeded`, `dicom_truncated`
 */
export function parseDataSet(source: ByteSource, transferSyntaxUid: string, limits: Limits = DEFAULT_LIMITS): DataSet {
  const ledger = new Ledger(limits)
  const isDeflated = isDeflatedSyntax(transferSyntaxUid)
  const window = isDeflated ? inflate(source, 0, limits, ledger) : new Window(source)
  return readDataSet(window, 0, transferSyntaxUid, ledger)
}

function readFile(source: ByteSource, limits: Limits): DicomFile {
  const ledger = new Ledger(limits)
  const window = new Window(source)
  const preamble = readPreamble(source)
  if (preamble === 'executable')
    ledger.find('dicom_preamble_executable', 0, 'the preamble is the header of an executable file')
  const metaStart = preamble === 'absent' ? 0 : PREAMBLE_BYTES + 4
  const meta = new ElementReader(window, ledger).dataSet(metaStart, source.length, EXPLICIT_LITTLE, META_GROUP)
  checkGroupLength(meta, window, ledger)
  if (preamble === 'absent' && meta.elements.length === 0) requirePlausibleStart(window)

  const transferSyntaxUid = readTransferSyntax(source, meta.elements, ledger) ?? guessTransferSyntax(window, meta.end)
  const isDeflated = isDeflatedSyntax(transferSyntaxUid)
  const dataSet = isDeflated
    ? readDataSet(inflate(source, meta.end, limits, ledger), 0, transferSyntaxUid, ledger)
    : readDataSet(window, meta.end, transferSyntaxUid, ledger)
  const { findings } = ledger
  return {
    source,
    preamble,
    meta: meta.elements,
    transferSyntaxUid,
    dataSetStart: meta.end,
    dataSet,
    isDeflated,
    findings,
  }
}

function readDataSet(window: Window, start: number, transferSyntaxUid: string, ledger: Ledger): DataSet {
  const { source } = window
  const encoding = encodingAt(window, start, encodingOf(transferSyntaxUid), ledger)
  const { elements, end } = new ElementReader(window, ledger).dataSet(start, source.length, encoding)
  // What the order of bytes cannot show: other groups among the data, bytes behind the last element.
  const stray = elements.find(({ tag }) => groupOf(tag) === 0 || groupOf(tag) === META_GROUP)
  if (stray !== undefined)
    ledger.find('dicom_element_malformed', stray.start, `${formatTag(stray.tag)} does not belong in a data set`)
  if (end < source.length && !ledger.hasFindingFrom(end)) {
    ledger.find('dicom_element_malformed', end, `${source.length - end} bytes behind the last element`)
  }
  checkEncapsulation(elements, transferSyntaxUid, ledger)
  return { source, start, end, encoding, elements }
}

/** Its stated length is a claim like any other: the group is read by its number. */
function checkGroupLength(meta: { elements: readonly Element[]; end: number }, window: Window, ledger: Ledger): void {
  const [first] = meta.elements
  if (first?.tag !== META_GROUP_LENGTH || first.valueEnd - first.valueStart !== 4) return
  const stated = window.uint32(first.valueStart, true)
  const length = meta.end - first.end
  if (stated !== length)
    ledger.find('dicom_element_malformed', first.start, `group length ${stated} of group 0002 is ${length}`)
}

/** Frames are counted and decoded by what the transfer syntax says; readers differ where the pixel data disagrees. */
function checkEncapsulation(elements: readonly Element[], transferSyntaxUid: string, ledger: Ledger): void {
  const pixels = findElement(elements, PIXEL_DATA)
  if (pixels === undefined) return
  if (pixels.fragments !== undefined && isNativeSyntax(transferSyntaxUid)) {
    ledger.find('dicom_fragments_malformed', pixels.start, 'encapsulated pixel data in a native transfer syntax')
  }
  if (pixels.fragments === undefined && isEncapsulatedSyntax(transferSyntaxUid)) {
    ledger.find('dicom_fragments_malformed', pixels.start, 'native pixel data in an encapsulated transfer syntax')
  }
}

/** The value of (0002,0010), without padding; undefined if absent or empty. */
function readTransferSyntax(source: ByteSource, meta: readonly Element[], ledger: Ledger): string | undefined {
  const element = findElement(meta, TRANSFER_SYNTAX)
  if (element === undefined) return undefined
  const bytes = source.view(element.valueStart, Math.min(element.valueEnd, element.valueStart + UID_BYTES))
  const uid = trimPadding(decodeLatin1(bytes))
  // One reader may stop at a NUL and another one not: they would read two data sets.
  if (!/^[0-9.]*$/.test(uid) || element.valueEnd - element.valueStart > UID_BYTES) {
    ledger.find('dicom_element_malformed', element.start, `${formatTag(TRANSFER_SYNTAX)} is not a UID`)
  }
  return uid === '' ? undefined : uid
}

function inflate(source: ByteSource, start: number, { inflatedBytes }: Limits, ledger: Ledger): Window {
  const { bytes, end } = inflateDataSet(source, start, inflatedBytes)
  const rest = source.view(end, Math.min(source.length, end + 9))
  // PS3.5 annex A.5: one NUL may pad the stream to even length.
  const isPadding = rest.length === 0 || (rest.length === 1 && rest[0] === 0)
  if (!isPadding && !isGzipTrailer(rest, bytes)) {
    ledger.find('dicom_element_malformed', end, `${source.length - end} bytes behind the deflated data set`)
  }
  return new Window(memorySource(bytes))
}

/**
 * The encoding in which the first element makes sense. Some writers state one syntax and write another; some readers
 * believe the statement and some their eyes, so it is a finding.
 */
function encodingAt(window: Window, start: number, stated: Encoding, ledger: Ledger): Encoding {
  if (start + 8 > window.source.length) return stated
  const isExplicit = knownVrOf(window.uint16(start + 4, false)) !== undefined
  if (isExplicit === stated.isExplicit) return stated
  const length = window.uint32(start + 4, true)
  // Neither letters nor a length that fits: damage, which is told about where it stands.
  if (!isExplicit && length !== UNDEFINED_LENGTH && length > window.source.length - start - 8) return stated
  ledger.find('dicom_element_malformed', start, 'the data set is not written in the transfer syntax that is stated')
  return isExplicit ? EXPLICIT_LITTLE : IMPLICIT_LITTLE
}

/**
 * A file without preamble and meta information must start like a data set, or everything would be DICOM.
 * @throws {FormatError} `dicom_not_dicom`
 */
function requirePlausibleStart(window: Window): void {
  const { length } = window.source
  const notDicom = new FormatError('dicom_not_dicom', 'neither a DICOM prefix nor a data set at the start', {
    offset: 0,
  })
  if (length < 8) throw notDicom
  const little = window.uint16(0, true)
  const isBig = window.uint16(0, false) === 8
  if (!isBig && little !== 8 && little !== 4) throw notDicom
  const isExplicit = isLetters(window.uint16(4, false))
  const lengthInImplicit = window.uint32(4, true)
  if (window.uint16(2, !isBig) > 0x3000) throw notDicom
  if (!isExplicit && lengthInImplicit !== UNDEFINED_LENGTH && lengthInImplicit > length) throw notDicom
}

function guessTransferSyntax(window: Window, offset: number): string {
  if (offset + 8 > window.source.length) return EXPLICIT_LITTLE_ENDIAN
  if (!isLetters(window.uint16(offset + 4, false))) return IMPLICIT_LITTLE_ENDIAN
  return window.uint16(offset, false) < window.uint16(offset, true) ? EXPLICIT_BIG_ENDIAN : EXPLICIT_LITTLE_ENDIAN
}

const isLetters = (code: number): boolean => /^[A-Z]{2}$/.test(String.fromCharCode(code >>> 8, code & 0xff))

function readPreamble(source: ByteSource): Preamble {
  if (source.length < PREAMBLE_BYTES + 4) return 'absent'
  const bytes = source.view(0, PREAMBLE_BYTES + 4)
  if (decodeLatin1(bytes.subarray(PREAMBLE_BYTES)) !== 'DICM') return 'absent'
  const magic = decodeLatin1(bytes.subarray(0, 4))
  if (magic.startsWith('MZ') || magic === '\x7fELF' || magic.startsWith('#!') || MACH_O.has(magic)) return 'executable'
  return bytes.subarray(0, PREAMBLE_BYTES).every((byte) => byte === 0) ? 'empty' : 'data'
}
