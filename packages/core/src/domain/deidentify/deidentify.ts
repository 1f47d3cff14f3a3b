/**
 * De-identify: a copy of an image that no longer says whose it is.
 *
 * Source: PS3.15 annex E: the Basic Application Level Confidentiality Profile, recursively in all sequences, with the options of
 * profile.ts. Every byte that the profile does not ask to change stays, the pixel data among them; what the pixels themselves
 * show is not looked at, only whether the file says that they show somebody. What was signed is signed no longer: signatures go,
 * and who derived the copy is for the custody log and the seal of the gateway to say.
 */
import type { HashFactory } from '../../bytes/hash.ts'
import { encodeLatin1, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { lookUp } from '../../formats/dicom/dictionary.ts'
import {
  type Element,
  type Encoding,
  findElement,
  type Item,
  isPrivateTag,
  type Tag,
} from '../../formats/dicom/element.ts'
import {
  encodeElement,
  encodeHeader,
  encodeItem,
  encodeItemHeader,
  type NewElement,
} from '../../formats/dicom/encode.ts'
import { formatFileMeta } from '../../formats/dicom/file-meta.ts'
import { deflateDataSet } from '../../formats/dicom/inflate.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { type Change, piecesOf, type Segment, spliceDataSet } from '../../formats/dicom/splice.ts'
import { IMPLICIT_LITTLE } from '../../formats/dicom/transfer-syntax.ts'
import { readText, sq, text, textAt } from '../../formats/dicom/values.ts'
import { actionOf } from './actions.ts'
import { dummyValue } from './dummy.ts'
import type { DeidentifyProfile, Retained } from './profile.ts'
import { Pseudonyms, shiftDate } from './pseudonym.ts'

export interface DeidentifyMeans {
  readonly hashes: HashFactory
  /** At least 16 bytes; the same one gives the same UIDs and names. */
  readonly key: Uint8Array
}

/** A copy, and what it is called now. */
export interface Deidentified {
  /** A Part 10 file. */
  readonly segments: readonly Segment[]
  readonly sopClassUid: string
  readonly sopInstanceUid: string
  readonly studyInstanceUid: string | null
}

const UNDEFINED_LENGTH = 0xffffffff
const SEQUENCE_DELIMITER = 0xfffee0dd
const PIXEL_DATA: Tag = 0x7fe00010
const SOP_CLASS: Tag = 0x00080016
const SOP_INSTANCE: Tag = 0x00080018
const STUDY_INSTANCE: Tag = 0x0020000d
const PATIENT_NAME: Tag = 0x00100010
const PATIENT_ID: Tag = 0x00100020
const ISSUER_OF_PATIENT_ID: Tag = 0x00100021
const METHOD_CODES: Tag = 0x00120064

/**
 * De-identifies a file.
 *
 * @throws {FormatError} the code of the first finding of the strict reader: what two programs could read differently, one of them
 *   could read a name in; `dicom_element_malformed` without SOP Class and Instance UID
 */
export function deidentify(file: DicomFile, profile: DeidentifyProfile, means: DeidentifyMeans): Deidentified {
  const [finding] = file.findings
  if (finding !== undefined) throw new FormatError(finding.code, finding.message, { offset: finding.offset })
  const { dataSet, transferSyntaxUid } = file
  const sopClassUid = textAt(dataSet, SOP_CLASS)
  const sopInstance = textAt(dataSet, SOP_INSTANCE)
  if (sopClassUid === undefined || sopInstance === undefined) {
    throw new FormatError('dicom_element_malformed', 'SOP Class UID and SOP Instance UID are needed')
  }
  const pseudonyms = new Pseudonyms(means.hashes, means.key)
  const rename = (uid: string): string => (profile.retain.includes('uids') ? uid : pseudonyms.uid(uid))
  const changes = new Deidentification(file, profile, pseudonyms).changes()
  const sopInstanceUid = rename(sopInstance)
  const study = textAt(dataSet, STUDY_INSTANCE)
  const head = formatFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid, sourceAet: null })
  const body = spliceDataSet(file, changes)
  return {
    segments: file.isDeflated ? [head, deflateDataSet(piecesOf(body))] : [head, ...body],
    sopClassUid,
    sopInstanceUid,
    studyInstanceUid: study === undefined ? null : rename(study),
  }
}

/** Bytes in place of an element, empty to remove it; undefined to leave it as it is. */
type Replacement = Uint8Array | undefined

const GONE = new Uint8Array(0)

class Deidentification {
  readonly #file: DicomFile
  readonly #profile: DeidentifyProfile
  readonly #pseudonyms: Pseudonyms
  /** Of the patient: what pseudonyms and dates follow from. */
  readonly #identity: string

  constructor(file: DicomFile, profile: DeidentifyProfile, pseudonyms: Pseudonyms) {
    this.#file = file
    this.#profile = profile
    this.#pseudonyms = pseudonyms
    const { dataSet } = file
    // Nobody's images are everybody's: without an ID, those of a study belong together.
    const id = textAt(dataSet, PATIENT_ID) ?? `study ${textAt(dataSet, STUDY_INSTANCE) ?? ''}`
    this.#identity = `${textAt(dataSet, ISSUER_OF_PATIENT_ID) ?? ''}\0${id}`
  }

  changes(): readonly Change[] {
    const { elements, encoding } = this.#file.dataSet
    const added = this.#statement()
    const replaced = this.#replacements(elements, false).flatMap(([{ tag }, bytes]) =>
      bytes === undefined || added.some((one) => one.tag === tag) ? [] : [{ tag, bytes }],
    )
    return [...replaced, ...added.map((element) => ({ tag: element.tag, bytes: encodeElement(element, encoding) }))]
  }

  #replacements(elements: readonly Element[], isDummy: boolean): readonly (readonly [Element, Replacement])[] {
    const safe = this.#safePrivate(elements)
    return elements.map((element) => [element, safe.has(element.tag) ? undefined : this.#replacement(element, isDummy)])
  }

  /** @param isDummy  inside a sequence of which nothing shall be told */
  #replacement(element: Element, isDummy: boolean): Replacement {
    const { tag, items, encoding } = element
    if (tag === PIXEL_DATA && element.items === undefined) return undefined
    const action = actionOf(tag, this.#profile.retain)
    if (action === 'remove') return GONE
    // Of a sequence that was written as UN, no table says what it holds.
    if (items === undefined && lookUp(tag)?.vr === 'SQ') return GONE
    if (items !== undefined) return this.#sequence(element, items, action, isDummy)
    if (action === 'uid') return this.#uids(element)
    if (action === 'shift') return this.#shifted(element) ?? this.#dummy(element)
    if (action === 'empty') return encodeHeader(tag, element.vr, 0, encoding)
    return action === 'dummy' || isDummy ? this.#dummy(element) : undefined
  }

  #sequence(
    element: Element,
    items: readonly Item[],
    action: ReturnType<typeof actionOf>,
    isDummy: boolean,
  ): Replacement {
    if (action === 'empty') return wrap(element, GONE)
    const inner = element.vr === 'UN' ? IMPLICIT_LITTLE : element.encoding
    const rewritten = items.map((item) => this.#item(item, inner, isDummy || action === 'dummy'))
    if (rewritten.every((bytes) => bytes === undefined)) return undefined
    const { source } = this.#file.dataSet
    return wrap(element, joinBytes(rewritten.map((bytes, i) => bytes ?? viewOf(source, items[i] as Item))))
  }

  #item({ elements }: Item, encoding: Encoding, isDummy: boolean): Replacement {
    const { source } = this.#file.dataSet
    const replaced = this.#replacements(elements, isDummy)
    if (replaced.every(([, bytes]) => bytes === undefined)) return undefined
    return encodeItem(joinBytes(replaced.map(([element, bytes]) => bytes ?? viewOf(source, element))), encoding)
  }

  #uids(element: Element): Replacement {
    const uids = readText(this.#file.dataSet.source, element).split('\\')
    return write(element, encodeLatin1(uids.map((uid) => this.#pseudonyms.uid(uid.trim())).join('\\')))
  }

  #dummy(element: Element): Replacement {
    const { tag, vr, valueStart, valueEnd } = element
    if (tag === PATIENT_ID || tag === PATIENT_NAME) {
      return write(element, encodeLatin1(this.#pseudonyms.patient(this.#identity)))
    }
    // An attribute without a value has none to hide, and may have to have none.
    if (valueStart === valueEnd) return undefined
    // Words of the standard's own lists hold an object together: kinds of values, relations, shapes.
    if (vr === 'CS' && actionOf(tag, this.#profile.retain) === 'keep') return undefined
    return vr === 'UI'
      ? this.#uids(element)
      : write(element, dummyValue(vr === 'UN' ? (lookUp(tag)?.vr ?? vr) : vr, valueEnd - valueStart))
  }

  /** Undefined where it holds something that cannot be moved. */
  #shifted(element: Element): Replacement {
    const { vr, tag } = element
    // Times stay, and with them the zone: days are moved whole.
    if (vr === 'TM' || tag === 0x00080201) return write(element, encodeLatin1(this.#text(element)))
    if (vr !== 'DA' && vr !== 'DT') return undefined
    const days = this.#pseudonyms.shiftDays(this.#identity)
    const shifted = this.#text(element)
      .split('\\')
      .map((value) => (value.trim() === '' ? '' : shiftMoment(value.trim(), vr, days)))
    return shifted.every((value) => value !== undefined) ? write(element, encodeLatin1(shifted.join('\\'))) : undefined
  }

  #text(element: Element): string {
    return readText(this.#file.dataSet.source, element)
  }

  /** Private attributes of the site's list, and the creators that they need. */
  #safePrivate(elements: readonly Element[]): ReadonlySet<Tag> {
    const { safePrivate } = this.#profile
    const kept = new Set<Tag>()
    if (safePrivate.length === 0) return kept
    for (const creator of elements.filter(({ tag }) => isCreator(tag))) {
      const name = this.#text(creator).trim()
      for (const { group, creator: known, element } of safePrivate) {
        if (known !== name || group !== creator.tag >>> 16) continue
        const tag = (((creator.tag & 0xffff0000) | ((creator.tag & 0xff) << 8) | element) >>> 0) as Tag
        const found = findElement(elements, tag)
        // What a private sequence holds, the list does not say.
        if (found === undefined || found.items !== undefined) continue
        kept.add(tag).add(creator.tag)
      }
    }
    return kept
  }

  /** What the copy says of itself: PS3.15 section E.2, PS3.3 section C.7.1.1 and C.12.1. */
  #statement(): readonly NewElement[] {
    const { retain, safePrivate } = this.#profile
    const dates = retain.includes('full_dates')
      ? 'UNMODIFIED'
      : retain.includes('modified_dates')
        ? 'MODIFIED'
        : 'REMOVED'
    const codes = [
      METHOD_BASIC,
      ...RETAINED_CODES.filter(([option]) => retain.includes(option)).map(([, ...code]) => code),
      ...(safePrivate.length > 0 ? [METHOD_SAFE_PRIVATE] : []),
    ]
    return [
      text(0x00120062, 'CS', 'YES'),
      text(0x00120063, 'LO', 'PS3.15 E.2 Basic Profile, edition 2026d'),
      sq(METHOD_CODES, ...codes.map(([value, meaning]) => codeItem(value, meaning))),
      text(0x00280303, 'CS', dates),
    ]
  }
}

type MethodCode = readonly [value: string, meaning: string]
/** PS3.16 context group 7050. */
const METHOD_BASIC: MethodCode = ['113100', 'Basic Application Confidentiality Profile']
const METHOD_SAFE_PRIVATE: MethodCode = ['113111', 'Retain Safe Private Option']
const RETAINED_CODES: readonly (readonly [Retained, ...MethodCode])[] = [
  ['full_dates', '113106', 'Retain Longitudinal Temporal Information Full Dates Option'],
  ['modified_dates', '113107', 'Retain Longitudinal Temporal Information Modified Dates Option'],
  ['patient_characteristics', '113108', 'Retain Patient Characteristics Option'],
  ['device', '113109', 'Retain Device Identity Option'],
  ['uids', '113110', 'Retain UIDs Option'],
  ['institution', '113112', 'Retain Institution Identity Option'],
]

const codeItem = (value: string, meaning: string): readonly NewElement[] => [
  text(0x00080100, 'SH', value),
  text(0x00080102, 'SH', 'DCM'),
  text(0x00080104, 'LO', meaning),
]

/** A date, or a date with a time behind it; undefined for one that is incomplete. */
const shiftMoment = (value: string, vr: string, days: number): string | undefined => {
  if (vr === 'DA') return shiftDate(value, days)
  const date = shiftDate(value.slice(0, 8), days)
  return date === undefined || !/^\d{8}[0-9.+-]*$/.test(value) ? undefined : date + value.slice(8)
}

const isCreator = (tag: Tag): boolean => isPrivateTag(tag) && (tag & 0xffff) >= 0x10 && (tag & 0xffff) <= 0xff

const viewOf = (
  source: DicomFile['source'],
  { start, end }: { readonly start: number; readonly end: number },
): Uint8Array => source.view(start, end)

/** The element with another value. UN stays UN: its reader knows the value by its tag. */
function write({ tag, vr, encoding }: Element, value: Uint8Array): Uint8Array {
  return encodeElement({ tag, vr: vr === 'SQ' ? 'UN' : vr, value }, encoding)
}

/** A sequence around other items, with or without a defined length as it was. */
function wrap({ tag, vr, hasUndefinedLength, encoding }: Element, content: Uint8Array): Uint8Array {
  if (!hasUndefinedLength) return joinBytes([encodeHeader(tag, vr, content.length, encoding), content])
  const inner = vr === 'UN' ? IMPLICIT_LITTLE : encoding
  return joinBytes([
    encodeHeader(tag, vr, UNDEFINED_LENGTH, encoding),
    content,
    encodeItemHeader(SEQUENCE_DELIMITER, 0, inner),
  ])
}
