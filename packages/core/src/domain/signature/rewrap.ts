/** Rewrap: a sequence of the file around other content. */
import { concatBytes } from '../../bytes/text.ts'
import type { Element } from '../../formats/dicom/element.ts'
import { encodeHeader, encodeItemHeader } from '../../formats/dicom/encode.ts'

const UNDEFINED_LENGTH = 0xffffffff
const SEQUENCE_DELIMITER = 0xfffee0dd

/** A sequence with other content, with or without a defined length as it was. */
export function rewrapSequence({ tag, vr, hasUndefinedLength, encoding }: Element, content: Uint8Array): Uint8Array {
  if (!hasUndefinedLength) return concatBytes(encodeHeader(tag, vr, content.length, encoding), content)
  return concatBytes(
    encodeHeader(tag, vr, UNDEFINED_LENGTH, encoding),
    content,
    encodeItemHeader(SEQUENCE_DELIMITER, 0, encoding),
  )
}
