/**
 * Re-encode: a data set in another spelling of its elements: implicit, big endian, or explicit little endian.
 *
 * Source: PS3.5 sections 6.2.2 (UN), 7.1 and annex A. Where the spelling stays, a file is spliced instead. Group lengths, which
 * would be wrong, are left out; values stay as they are, but for the order of their bytes.
 */

import { type Element, findElement } from '../../formats/dicom/element.ts'
import { encodeElement, type NewElement, toByteOrder } from '../../formats/dicom/encode.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { readUint16s } from '../../formats/dicom/values.ts'

/** The elements, in an encoding; each is a piece of its own. */
export function* reEncode(
  dataSet: DataSet,
  replaced: ReadonlyMap<number, NewElement | undefined>,
  encoding: DataSet['encoding'],
): Generator<Uint8Array> {
  const isSigned = signOf(dataSet, dataSet.elements, false)
  const own = dataSet.elements
    .filter(({ tag }) => (tag & 0xffff) !== 0 && !replaced.has(tag))
    .map((element) => ({ tag: element.tag, make: () => toNew(dataSet, element, isSigned) }))
  const made = [...replaced].flatMap(([tag, element]) => (element === undefined ? [] : [{ tag, make: () => element }]))
  for (const { make } of [...own, ...made].toSorted((a, b) => a.tag - b.tag)) yield encodeElement(make(), encoding)
}

function toNew(dataSet: DataSet, element: Element, isSigned: boolean): NewElement {
  const { tag, vr, items, fragments, valueStart, valueEnd, encoding } = element
  const { source } = dataSet
  if (items !== undefined) {
    return {
      tag,
      vr: 'SQ',
      items: items.map(({ elements }) => {
        const sign = signOf(dataSet, elements, isSigned)
        return elements.filter((inner) => (inner.tag & 0xffff) !== 0).map((inner) => toNew(dataSet, inner, sign))
      }),
    }
  }
  if (fragments !== undefined) {
    return { tag, vr: 'OB', fragments: fragments.map((fragment) => source.view(fragment.valueStart, fragment.end)) }
  }
  const known = vr === 'xs' ? (isSigned ? 'SS' : 'US') : vr
  // The same swap that wrote it reads it.
  return { tag, vr: known, value: toByteOrder(source.view(valueStart, valueEnd), known, encoding) }
}

/** Pixel Representation of this level, else of the one around it. */
function signOf({ source }: DataSet, elements: readonly Element[], inherited: boolean): boolean {
  const element = findElement(elements, 0x00280103)
  const [sign] = element === undefined ? [] : readUint16s(source, element)
  return sign === undefined ? inherited : sign === 1
}
