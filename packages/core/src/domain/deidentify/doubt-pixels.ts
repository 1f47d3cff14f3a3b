/**
 * Doubt pixels: what cannot be taken out of an image by taking attributes out.
 *
 * Source: PS3.3 section C.7.6.1.1.5 (Burned In Annotation), C.7.6.1.1.6 (Recognizable Visual Features). The pixels themselves are not
 * looked at.
 */
import { joinBytes } from '../../bytes/text.ts'
import { hasNotes } from '../../formats/codec/codestream-notes.ts'
import { type Fragment, findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { textAt } from '../../formats/dicom/values.ts'

const PIXEL_DATA: Tag = 0x7fe00010
const SOP_CLASS: Tag = 0x00080016
/** Modalities and classes whose pixels often show text of the patient: pictures of screens, ultrasound, photographs, papers. */
const RISKY_MODALITIES = new Set(['US', 'IVUS', 'ES', 'XC', 'GM', 'OP', 'DOC', 'OT', 'SC', 'PX', 'ECG', 'HD'])
const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'

export const PIXEL_DOUBTS = ['burned_in', 'recognizable_features', 'embedded_overlay', 'codestream_notes'] as const
/**
 * Why the pixels of a copy may still say whose they are.
 *
 * `burned_in`: the file says that text is burned in, or is of a kind that often has it and does not say that it has not ·
 * `recognizable_features`: it says that a face can be recognised · `embedded_overlay`: an overlay lies in unused bits of the pixels ·
 * `codestream_notes`: compressed pixels carry Exif, IPTC or a long comment.
 */
export type PixelDoubt = (typeof PIXEL_DOUBTS)[number]

/** What cannot be taken out of an image by taking attributes out. */
export function doubtPixels({ dataSet }: DicomFile): readonly PixelDoubt[] {
  const { elements } = dataSet
  const pixels = findElement(elements, PIXEL_DATA)
  if (pixels === undefined) return []
  const stated = textAt(dataSet, 0x00280301)?.toUpperCase()
  const isRisky =
    RISKY_MODALITIES.has(textAt(dataSet, 0x00080060) ?? '') ||
    (textAt(dataSet, SOP_CLASS) ?? '').startsWith(SECONDARY_CAPTURE)
  const hasOverlay = elements.some(
    ({ tag }) =>
      tag >>> 24 === 0x60 &&
      (tag & 0xffff) === 0x0100 &&
      findElement(elements, ((tag & 0xffff0000) | 0x3000) >>> 0) === undefined,
  )
  return [
    ...(stated === 'YES' || (stated !== 'NO' && isRisky) ? ['burned_in' as const] : []),
    ...(textAt(dataSet, 0x00280302)?.toUpperCase() === 'YES' ? ['recognizable_features' as const] : []),
    ...(hasOverlay ? ['embedded_overlay' as const] : []),
    ...(pixels.fragments !== undefined && haveNotes(dataSet, pixels.fragments) ? ['codestream_notes' as const] : []),
  ]
}

/** As far as notes of a codestream are looked for. */
const HEAD_BYTES = 256 * 1024

/** In each fragment, and in all of them joined: the header of a codestream may go on in the next one. */
function haveNotes({ source }: DicomFile['dataSet'], [, ...payloads]: readonly Fragment[]): boolean {
  const heads: Uint8Array[] = []
  let length = 0
  for (const { valueStart, end } of payloads) {
    const head = source.view(valueStart, Math.min(end, valueStart + HEAD_BYTES))
    if (hasNotes(head)) return true
    if (length < HEAD_BYTES) heads.push(head)
    length += head.length
  }
  return hasNotes(joinBytes(heads))
}
