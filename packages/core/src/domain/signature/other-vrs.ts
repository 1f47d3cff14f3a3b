/**
 * Other VRs: how else the elements of a file may have been spelled when they were signed.
 *
 * Source: PS3.6 section 6, where it names more than one VR for an attribute; PS3.5 section 8 and annex A. Implicit
 * syntax does not say which VR it was, and converters choose OB or OW for pixels of 8 bits as they like. The bytes of
 * the value are the same, so nothing is lost when any of the spellings counts.
 */
import type { Element, Tag, Vr } from '../../formats/dicom/element.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { type OtherVrs, streamContext } from './digest.ts'

const PIXEL_DATA: Tag = 0x7fe00010
/** Modality, VOI and presentation LUTs: US or OW. */
const LUT_DATA: Tag = 0x00283006

/** Every spelling of a file but its own; in little endian only, where OB and OW hold the same bytes. */
export function otherVrs({ dataSet }: DicomFile): readonly OtherVrs[] {
  const { elements, encoding } = dataSet
  const { isSignedPixels } = streamContext(dataSet)
  if (!encoding.isLittleEndian) return []
  const pixels = elements.find(({ tag }) => tag === PIXEL_DATA)
  const pixelVr = encoding.isExplicit ? pixels?.vr : 'OW'
  const isNative = pixels !== undefined && pixels.fragments === undefined
  const isOpen = (test: (element: Element) => boolean): boolean => !encoding.isExplicit && elements.some(within(test))

  const choices: [Tag, Vr][][] = [[]]
  if (isNative && pixelVr === 'OW') choices.push([[PIXEL_DATA, 'OB']])
  if (isNative && pixelVr === 'OB') choices.push([[PIXEL_DATA, 'OW']])
  if (isOpen(({ tag }) => tag === LUT_DATA)) {
    choices.push(...choices.map((choice): [Tag, Vr][] => [...choice, [LUT_DATA, 'US']]))
  }
  const signs = isOpen(({ vr }) => vr === 'xs') ? [isSignedPixels, !isSignedPixels] : [isSignedPixels]
  return signs.flatMap((sign) => choices.map((choice) => ({ isSignedPixels: sign, vrs: new Map(choice) }))).slice(1)
}

/** Tests an element and, at any depth, those inside it. */
const within =
  (test: (element: Element) => boolean) =>
  (element: Element): boolean =>
    test(element) || (element.items?.some((item) => item.elements.some(within(test))) ?? false)
