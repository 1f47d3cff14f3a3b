/**
 * Label synthetic: a DICOM file that says of itself, in each place the standard has for it, that it was forged.
 *
 * Source: PS3.3 sections C.12.1.1.1 (Synthetic Data), C.12.1 (Contributing Equipment Sequence), C.7.6.1.1.2 and C.7.6.1.1.3 (Image Type and
 * derivation), C.7.6.1 (Source Image Sequence); PS3.16 CID 7005 (109100, "Synthesizing Equipment") and CID 7202 (121322); PS3.5 annex
 * B.2 for the UIDs. Every other byte of the data set stays, signatures and the patient among them, save for retired group lengths
 * that would no longer be true (PS3.5 section 7.2); the file meta information is ours.
 */
import { encodeLatin1, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { findElement, groupOf, type Tag } from '../../formats/dicom/element.ts'
import { encodeElement, encodeElements, encodeHeader, encodeItem, type NewElement } from '../../formats/dicom/encode.ts'
import { formatFileMeta } from '../../formats/dicom/file-meta.ts'
import { deflateDataSet } from '../../formats/dicom/inflate.ts'
import type { DataSet, DicomFile } from '../../formats/dicom/parse.ts'
import { type Change, piecesOf, type Segment, spliceDataSet } from '../../formats/dicom/splice.ts'
import { readText, sq, text, textAt } from '../../formats/dicom/values.ts'

export interface SyntheticLabel {
  /** Of the forged instance and of the series it stands in: see {@link uidOf}. */
  readonly sopInstanceUid: string
  readonly seriesInstanceUid: string
  /** What was done and with what, in ASCII without a backslash; at most 400 characters, no word about a patient. */
  readonly description: string
  /** Version of this program, at most 64 characters. */
  readonly version: string
}

/** What is changed beside the label, as when pixels are no longer compressed. */
export interface OtherChanges {
  readonly changes: readonly Change[]
  readonly transferSyntaxUid: string
}

const IMAGE_TYPE: Tag = 0x00080008
const SOP_CLASS: Tag = 0x00080016
const SOP_INSTANCE: Tag = 0x00080018
const SYNTHETIC_DATA: Tag = 0x0008001c
const DERIVATION_DESCRIPTION: Tag = 0x00082111
const SOURCE_IMAGES: Tag = 0x00082112
const CONTRIBUTING_EQUIPMENT: Tag = 0x0018a001
const SERIES_INSTANCE: Tag = 0x0020000e
const PURPOSE: Tag = 0x0040a170
const PIXEL_DATA: Tag = 0x7fe00010
/** Characters of a short text. */
const ST_LIMIT = 1024
const MAKER = 'Fiducial'

/**
 * The file with its label.
 * @throws {FormatError} `dicom_element_malformed` for a file without SOP Class UID or SOP Instance UID
 */
export function labelSynthetic(file: DicomFile, label: SyntheticLabel, other?: OtherChanges): readonly Segment[] {
  const { dataSet } = file
  const sopClassUid = textAt(dataSet, SOP_CLASS)
  const sourceUid = textAt(dataSet, SOP_INSTANCE)
  if (sopClassUid === undefined || sourceUid === undefined)
    throw new FormatError('dicom_element_malformed', 'SOP Class UID and SOP Instance UID are needed')
  const { sopInstanceUid } = label
  const transferSyntaxUid = other?.transferSyntaxUid ?? file.transferSyntaxUid
  const head = formatFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid, sourceAet: null })
  const labels = [...changesOf(dataSet, label, { sopClassUid, sourceUid }), ...(other?.changes ?? [])]
  const changes = [...labels, ...withoutLengths(dataSet, labels)]
  const body = spliceDataSet(file, changes)
  return file.isDeflated ? [head, deflateDataSet(piecesOf(body))] : [head, ...body]
}

/** A UID of the form `2.25.` from 16 bytes or more of a digest: the same digest, the same UID. */
export function uidOf(digest: Uint8Array): string {
  let bits = 0n
  for (const byte of digest.subarray(0, 16)) bits = (bits << 8n) | BigInt(byte)
  // Version 8 of RFC 9562: the bits are the maker's own.
  const version = (bits & ~(0xfn << 76n)) | (0x8n << 76n)
  return `2.25.${(version & ~(0x3n << 62n)) | (0x2n << 62n)}`
}

interface Source {
  readonly sopClassUid: string
  readonly sourceUid: string
}

function changesOf(dataSet: DataSet, label: SyntheticLabel, source: Source): readonly Change[] {
  const set = (element: NewElement): Change => ({
    tag: element.tag,
    bytes: encodeElement(element, dataSet.encoding),
  })
  return [
    set(text(IMAGE_TYPE, 'CS', ...derivedType(dataSet))),
    set(text(SOP_INSTANCE, 'UI', label.sopInstanceUid)),
    set(text(SYNTHETIC_DATA, 'CS', 'YES')),
    set({ tag: DERIVATION_DESCRIPTION, vr: 'ST', value: describe(dataSet, label) }),
    addItem(dataSet, SOURCE_IMAGES, sourceItem(source)),
    addItem(dataSet, CONTRIBUTING_EQUIPMENT, equipmentItem(label)),
    set(text(SERIES_INSTANCE, 'UI', label.seriesInstanceUid)),
  ]
}

/** Pixels may change their length afterwards, too. */
function withoutLengths({ elements }: DataSet, changes: readonly Change[]): readonly Change[] {
  const groups = new Set([...changes.map(({ tag }) => groupOf(tag)), groupOf(PIXEL_DATA)])
  const lengths = [...groups].map((group) => group * 0x10000)
  return lengths
    .filter((tag) => findElement(elements, tag) !== undefined)
    .map((tag) => ({ tag, bytes: new Uint8Array(0) }))
}

function derivedType(dataSet: DataSet): readonly string[] {
  const element = findElement(dataSet.elements, IMAGE_TYPE)
  const [, second, ...others] = element === undefined ? [] : readText(dataSet.source, element).trim().split('\\')
  return ['DERIVED', second === undefined || second === '' ? 'SECONDARY' : second, ...others]
}

/** Ours first; what was said before follows in brackets, byte by byte, as far as there is room for all of it. */
function describe({ source, elements }: DataSet, { description }: SyntheticLabel): Uint8Array {
  const ours = encodeLatin1(description)
  const element = findElement(elements, DERIVATION_DESCRIPTION)
  const before = element === undefined ? new Uint8Array(0) : source.view(element.valueStart, element.valueEnd)
  if (before.length === 0 || ours.length + before.length + 3 > ST_LIMIT) return ours
  return joinBytes([ours, encodeLatin1(' ['), before, encodeLatin1(']')])
}

function sourceItem({ sopClassUid, sourceUid }: Source): readonly NewElement[] {
  return [
    text(0x00081150, 'UI', sopClassUid),
    text(0x00081155, 'UI', sourceUid),
    text(0x0028135a, 'CS', 'YES'),
    sq(PURPOSE, code('121322', 'Source image for image processing operation')),
  ]
}

function equipmentItem({ description, version }: SyntheticLabel): readonly NewElement[] {
  return [
    text(0x00080070, 'LO', MAKER),
    text(0x00081090, 'LO', `${MAKER} forge`),
    text(0x00181020, 'LO', version),
    text(0x0018a003, 'ST', description),
    sq(PURPOSE, code('109100', 'Synthesizing Equipment')),
  ]
}

const code = (value: string, meaning: string): readonly NewElement[] => [
  text(0x00080100, 'SH', value),
  text(0x00080102, 'SH', 'DCM'),
  text(0x00080104, 'LO', meaning),
]

/** The sequence with one more item, in an encoding of known lengths; the items that were there keep their bytes. */
function addItem({ source, elements, encoding }: DataSet, tag: Tag, item: readonly NewElement[]): Change {
  const before = findElement(elements, tag)
  const kept = (before?.items ?? []).map(({ valueStart, valueEnd }) =>
    encodeItem(source.view(valueStart, valueEnd), encoding),
  )
  const content = joinBytes([...kept, encodeItem(encodeElements(item, encoding), encoding)])
  return { tag, bytes: joinBytes([encodeHeader(tag, 'SQ', content.length, encoding), content]) }
}
