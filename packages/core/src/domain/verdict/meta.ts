/**
 * Meta: where the file meta information says something else than the data set.
 *
 * Source: PS3.10 section 7.1: (0002,0002) and (0002,0003) repeat the SOP Class and Instance UID of the data set. Group
 * 0002 is rewritten on every way and no signature takes it in, so a difference alone is no forgery. But programs that
 * file or forward an image by group 0002 and those that read the data set then see two different objects.
 */
import { type Element, findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { readText, textAt } from '../../formats/dicom/values.ts'

/** Media Storage SOP Class and Instance UID, each with the attribute that it repeats. */
const REPEATED: readonly (readonly [Tag, Tag])[] = [
  [0x00020002, 0x00080016],
  [0x00020003, 0x00080018],
]

/** Tags of group 0002 that contradict the data set; what either side leaves out contradicts nothing. */
export function findContradictions({ source, meta, dataSet }: DicomFile): readonly Tag[] {
  return REPEATED.flatMap(([metaTag, tag]) => {
    const element: Element | undefined = findElement(meta, metaTag)
    const stated = element === undefined ? '' : readText(source, element)
    const found = textAt(dataSet, tag)
    return stated === '' || found === undefined || stated === found ? [] : [metaTag]
  })
}
