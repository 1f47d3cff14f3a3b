/**
 * Attribute path: an attribute that a rule asks about, by keyword or tag, also inside of sequences.
 *
 * `Modality`, `(0008,0060)`, `RequestAttributesSequence/ScheduledProcedureStepID`, and for a private attribute its creator:
 * `(0019,ACME 1.1,0C)`. Keywords are those of PS3.6, private blocks those of PS3.5 section 7.8.
 */
import { decodeLatin1 } from '../../bytes/text.ts'
import { type CharacterSet, readCharacterSet, readCharacters } from '../../formats/dicom/character-set.ts'
import { lookUp, tagOf } from '../../formats/dicom/dictionary.ts'
import { type Element, findElement, formatTag, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { readBytes, readTags, readText } from '../../formats/dicom/values.ts'
import { isTextVr, trimPadding } from '../../formats/dicom/vr.ts'

export type AttributeStep =
  | { readonly tag: Tag }
  /** `element`: the last byte of its number. */
  | { readonly group: number; readonly creator: string; readonly element: number }

/** Sequences, and last the attribute. */
export interface AttributePath {
  /** As {@link formatAttributePath} spells it. */
  readonly name: string
  readonly steps: readonly AttributeStep[]
}

const STEPS_LIMIT = 8
/** Values beyond these are not looked at: rules are about names and codes. */
const VALUES_LIMIT = 256

/** Undefined for what is no path, or a keyword that the standard does not know. */
export function parseAttributePath(text: string): AttributePath | undefined {
  const parts = splitPath(text)
  if (parts.join('/') !== text) return undefined
  const steps = parts.map(parseStep)
  if (steps.length > STEPS_LIMIT || !steps.every((step) => step !== undefined)) return undefined
  return { steps, name: formatAttributePath(steps) }
}

/** The one spelling of a path: keywords where there are such. */
export const formatAttributePath = (steps: readonly AttributeStep[]): string => steps.map(formatStep).join('/')

/** Slashes inside of brackets belong to a private creator. */
const splitPath = (text: string): readonly string[] => text.match(/\([^)]*\)|[^/()]+/g) ?? ['']

function parseStep(text: string): AttributeStep | undefined {
  const spelled = /^\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?$/.exec(text)
  if (spelled !== null) return { tag: Number.parseInt(`${spelled[1]}${spelled[2]}`, 16) }
  const own = /^\(([0-9A-Fa-f]{3}[13579BDFbdf]),([\x20-\x2b\x2d-\x5b\x5d-\x7e]{1,64}),([0-9A-Fa-f]{2})\)$/.exec(text)
  if (own !== null) {
    const [, group = '', creator = '', element = ''] = own
    return { group: Number.parseInt(group, 16), creator, element: Number.parseInt(element, 16) }
  }
  const tag = tagOf(text)
  return tag === undefined ? undefined : { tag }
}

function formatStep(step: AttributeStep): string {
  if ('creator' in step) return `(${hex(step.group, 4)},${step.creator},${hex(step.element, 2)})`
  const keyword = lookUp(step.tag)?.keyword
  return keyword === undefined || tagOf(keyword) !== step.tag ? formatTag(step.tag) : keyword
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/**
 * The values of an attribute as text, those of all items together; numbers in decimal, tags as `(gggg,eeee)`.
 * @returns undefined where no item has the attribute; an empty list where it has no value
 */
export function readAttribute(dataSet: DataSet, { steps }: AttributePath): readonly string[] | undefined {
  let levels: readonly Level[] = [
    { elements: dataSet.elements, characters: readCharacterSet(dataSet.source, dataSet.elements) },
  ]
  const last = steps.at(-1) as AttributeStep
  for (const step of steps.slice(0, -1)) levels = levels.flatMap((level) => itemsOf(dataSet, level, step))
  const found = levels.flatMap((level) => {
    const element = findStep(dataSet, level.elements, last)
    return element === undefined ? [] : [valuesOf(dataSet, element, level.characters)]
  })
  return found.length === 0 ? undefined : found.flat().slice(0, VALUES_LIMIT)
}

interface Level {
  readonly elements: readonly Element[]
  readonly characters: CharacterSet
}

const itemsOf = (dataSet: DataSet, level: Level, step: AttributeStep): readonly Level[] =>
  (findStep(dataSet, level.elements, step)?.items ?? []).slice(0, VALUES_LIMIT).map(({ elements }) => ({
    elements,
    characters: readCharacterSet(dataSet.source, elements, level.characters),
  }))

function findStep({ source }: DataSet, elements: readonly Element[], step: AttributeStep): Element | undefined {
  if ('tag' in step) return findElement(elements, step.tag)
  const { group, creator, element } = step
  const block = elements.find(
    ({ tag, valueStart, valueEnd }) =>
      tag >>> 16 === group &&
      (tag & 0xffff) >= 0x10 &&
      (tag & 0xffff) <= 0xff &&
      readText(source, { valueStart, valueEnd }).trim() === creator,
  )
  return block === undefined
    ? undefined
    : findElement(elements, (((block.tag & 0xffff0000) | ((block.tag & 0xff) << 8) | element) >>> 0) as Tag)
}

function valuesOf({ source }: DataSet, element: Element, characters: CharacterSet): readonly string[] {
  if (element.items !== undefined || element.fragments !== undefined || element.valueStart === element.valueEnd)
    return []
  const { vr } = element
  if (vr === 'AT') return readTags(source, element).slice(0, VALUES_LIMIT).map(formatTag)
  const numbers = numbersOf(readBytes(source, element), element)
  if (numbers !== undefined) return numbers
  if (!isTextVr(vr) && vr !== 'UI') return vr === 'UN' ? [trimPadding(decodeLatin1(readBytes(source, element)))] : []
  const text = readCharacters(source, element, characters)
  const isSingle = vr === 'LT' || vr === 'ST' || vr === 'UT' || vr === 'UR'
  return (isSingle ? [text] : text.split('\\')).map((value) => value.trim())
}

type ReadNumber = (view: DataView, at: number, isLittleEndian: boolean) => number | bigint
const NUMBERS: Readonly<Record<string, { readonly size: number; readonly read: ReadNumber }>> = {
  US: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
  SS: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
  UL: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
  SL: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
  FL: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
  FD: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
  UV: { size: 8, read: (view, at, little) => view.getBigUint64(at, little) },
  SV: { size: 8, read: (view, at, little) => view.getBigInt64(at, little) },
}

function numbersOf(bytes: Uint8Array, { vr, encoding }: Element): readonly string[] | undefined {
  // In an implicit data set, Pixel Representation decides; the values that rules ask about are below 32,768.
  const number = NUMBERS[vr === 'xs' ? 'US' : vr]
  if (number === undefined) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = Math.min(Math.floor(bytes.length / number.size), VALUES_LIMIT)
  return Array.from({ length: count }, (_, i) => String(number.read(view, i * number.size, encoding.isLittleEndian)))
}
