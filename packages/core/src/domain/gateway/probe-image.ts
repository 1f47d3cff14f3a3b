/**
 * Probe image: a synthetic image that shows what a peer does to images: with private attributes, an attribute of unknown
 * value representation, stale group lengths and trailing padding.
 *
 * Taken in the simulated room (domain/room): every name in it says DEMO, and it is marked as synthetic.
 */
import { joinBytes } from '../../bytes/text.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { ob, text, ul } from '../../formats/dicom/values.ts'

export interface ProbeImageFile {
  readonly studyInstanceUid: string
  readonly seriesInstanceUid: string
  readonly sopClassUid: string
  readonly sopInstanceUid: string
  readonly transferSyntaxUid: string
  readonly bytes: Uint8Array
}

const MARKS: readonly NewElement[] = [
  ul(0x00080000, 2),
  text(0x00090010, 'LO', 'FIDUCIAL PROBE'),
  text(0x00091001, 'LO', 'private text'),
  { tag: 0x00091002, vr: 'UN', value: Uint8Array.of(1, 2, 3, 4, 5, 6) },
  ob(0x00091003, Uint8Array.of(0xff, 0, 0xff, 0)),
  ob(0xfffcfffc, new Uint8Array(16)),
]

/** Marks a picture of the simulated room. @param elements  its data set, ascending */
export function probeImageOf(elements: readonly NewElement[]): ProbeImageFile {
  const marked = [...elements.filter(({ tag }) => !MARKS.some((mark) => mark.tag === tag)), ...MARKS]
  const sorted = marked.sort((a, b) => a.tag - b.tag)
  const uid = (tag: number): string => {
    const element = sorted.find((candidate) => candidate.tag === tag)
    const value = element !== undefined && 'value' in element ? element.value : new Uint8Array(0)
    return String.fromCharCode(...value).replaceAll('\0', '')
  }
  return {
    studyInstanceUid: uid(0x0020000d),
    seriesInstanceUid: uid(0x0020000e),
    sopClassUid: uid(0x00080016),
    sopInstanceUid: uid(0x00080018),
    transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
    bytes: joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: sorted })),
  }
}
