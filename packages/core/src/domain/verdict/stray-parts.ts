/**
 * Stray parts: what lies between the signatures of a file and belongs to none of them.
 *
 * Source: PS3.3 section C.12.1.1.3 and table C.12-6. Nobody signs the two sequences that hold the signatures
 * themselves, so they are the one place of a data set where bytes can be put unseen: as MAC parameters that no
 * signature uses, or as elements that no digest takes in. They are also what is left when a signature is taken out
 * carelessly.
 */
import { type Element, findElement, formatTag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { readUint16s } from '../../formats/dicom/values.ts'
import { TAGS } from '../signature/read.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, isSignable, MAC_PARAMETERS_SEQUENCE } from '../signature/signable.ts'

/** Each part with its offset, as `(4ffe,0001) at offset 4711`. Looks at the main data set alone: all else is sealed. */
export function findStrayParts(dataSet: DataSet): readonly string[] {
  const items = (tag: number): readonly { readonly elements: readonly Element[]; readonly start: number }[] =>
    findElement(dataSet.elements, tag)?.items ?? []
  const used = new Set(items(DIGITAL_SIGNATURES_SEQUENCE).map(({ elements }) => macIdOf(dataSet, elements)))
  const idle = items(MAC_PARAMETERS_SEQUENCE)
    .filter(({ elements }) => !used.has(macIdOf(dataSet, elements)))
    .map(({ start }) => describe({ tag: MAC_PARAMETERS_SEQUENCE, start }))
  const inside = [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE].flatMap(items)
  return [...idle, ...inside.flatMap(({ elements }) => elements.flatMap(strays)).map(describe)]
}

function macIdOf({ source }: DataSet, elements: readonly Element[]): number {
  const id = findElement(elements, TAGS.macId)
  return id === undefined ? -1 : (readUint16s(source, id)[0] ?? -1)
}

/** Elements of an item, at any depth, that the digest of a signature leaves out. */
function strays(element: Element): readonly Element[] {
  // A group length, which some writers add, says nothing that the elements do not say.
  if ((element.tag & 0xffff) === 0) return []
  if (!isSignable(element)) return [element]
  return (element.items ?? []).flatMap((item) => item.elements.flatMap(strays))
}

const describe = ({ tag, start }: Pick<Element, 'tag' | 'start'>): string => `${formatTag(tag)} at offset ${start}`
