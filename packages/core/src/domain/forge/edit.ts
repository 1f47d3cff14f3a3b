/**
 * Edit: changes to a DICOM file as an attacker makes them, with a tool that keeps every other byte.
 */
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { type Element, findElement, formatTag, type Item, type Tag } from '../../formats/dicom/element.ts'
import { encodeElement, encodeHeader, encodeItem, type NewElement } from '../../formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '../../formats/dicom/parse.ts'
import { type Change, piecesOf, spliceFile } from '../../formats/dicom/splice.ts'

export const openImage = (file: Uint8Array): DicomFile => parseDicom(memorySource(file))

/** The element of a tag. @throws {RangeError} for a file without it: not one that this forgery is for */
export function elementOf({ dataSet }: DicomFile, tag: Tag): Element {
  const element = findElement(dataSet.elements, tag)
  if (element === undefined) throw new RangeError(`the image has no ${formatTag(tag)}`)
  return element
}

/** The file with elements put in or replaced. */
export function setElements(file: Uint8Array, ...elements: readonly NewElement[]): Uint8Array {
  const image = openImage(file)
  const { encoding } = image.dataSet
  return splice(
    image,
    elements.map((element) => ({ tag: element.tag, bytes: encodeElement(element, encoding) })),
  )
}

/** The file without some of its elements. */
export function removeElements(file: Uint8Array, ...tags: readonly Tag[]): Uint8Array {
  const image = openImage(file)
  const present = tags.filter((tag) => findElement(image.dataSet.elements, tag) !== undefined)
  return splice(
    image,
    present.map((tag) => ({ tag, bytes: new Uint8Array(0) })),
  )
}

/** The file with a second element behind the first one of the same tag. */
export function addSecond(file: Uint8Array, second: NewElement): Uint8Array {
  const image = openImage(file)
  const { end } = elementOf(image, second.tag)
  if (image.isDeflated) throw new RangeError('the image is deflated')
  return replaceRange(file, end, end, encodeElement(second, image.dataSet.encoding))
}

/** The file with some items of a sequence left out; without the sequence where none is left. */
export function keepItems(file: Uint8Array, tag: Tag, isKept: (item: Item, image: DicomFile) => boolean): Uint8Array {
  const image = openImage(file)
  const { source, encoding } = image.dataSet
  const items = (elementOf(image, tag).items ?? []).filter((item) => isKept(item, image))
  const content = joinBytes(
    items.map(({ valueStart, valueEnd }) => encodeItem(source.view(valueStart, valueEnd), encoding)),
  )
  const bytes = items.length === 0 ? content : joinBytes([encodeHeader(tag, 'SQ', content.length, encoding), content])
  return splice(image, [{ tag, bytes }])
}

/** The file with other bytes in the place of [start, end). */
export const replaceRange = (file: Uint8Array, start: number, end: number, bytes: Uint8Array): Uint8Array =>
  joinBytes([file.subarray(0, start), bytes, file.subarray(end)])

const splice = (image: DicomFile, changes: readonly Change[]): Uint8Array =>
  joinBytes([...piecesOf(spliceFile(image, changes))].map((piece) => piece.slice()))
