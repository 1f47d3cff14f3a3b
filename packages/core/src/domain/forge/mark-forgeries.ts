/**
 * Mark forgeries: what people do to marked images that the mark alone tells, or tells best: from where a part was copied, and
 * whose picture a screenshot shows.
 *
 * The explanation of each is in docs/explanation/forgeries.md.
 */
import { concatBytes } from '../../bytes/text.ts'
import { encodeFile } from '../../formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { text, textAt, us } from '../../formats/dicom/values.ts'
import { openImage } from './edit.ts'
import { readGrey, setSamples } from './samples.ts'
import { showImage } from './show.ts'

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'
/** Samples of a side of the patch, and of the grid that it lies on: tiles of all sizes fit it. */
const PATCH = 128
const GRID = 64

/**
 * A patch of the picture over another part of it: what was there is gone, and every sample is one that the device made.
 * @throws {RangeError} for a picture that is too small
 */
export function copyPatch(file: Uint8Array): Uint8Array {
  const { samples, rows, columns } = readGrey(file)
  if (Math.min(rows, columns) < 4 * PATCH) throw new RangeError('too small to copy a patch')
  const onGrid = (place: number): number => Math.floor(place / GRID) * GRID
  const top = onGrid(0.4 * rows)
  const [from, to] = [onGrid(0.6 * columns), onGrid(0.28 * columns)]
  for (let row = top; row < top + PATCH; row++) {
    samples.copyWithin(row * columns + to, row * columns + from, row * columns + from + PATCH)
  }
  return setSamples(file, samples)
}

/** What a viewer shows, stored as a picture of 8 bits for another patient: no seal, no signature, no identifier of the original. */
export function fileScreenshot(file: Uint8Array): Uint8Array {
  const { rows, columns, grey } = showImage(file)
  const { dataSet } = openImage(file)
  const another = (tag: number): string => nextUid(textAt(dataSet, tag) ?? '2.25.1')
  const value = grey.length % 2 === 0 ? grey : concatBytes(grey, Uint8Array.of(0))
  return concatBytes(
    ...encodeFile({
      transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
      elements: [
        text(0x00080016, 'UI', SECONDARY_CAPTURE),
        text(0x00080018, 'UI', another(0x00080018)),
        text(0x0008001c, 'CS', textAt(dataSet, 0x0008001c) ?? 'NO'),
        text(0x00080060, 'CS', 'OT'),
        text(0x00080064, 'CS', 'WSD'),
        text(0x00100010, 'PN', 'DEMO^OTHER^PATIENT'),
        text(0x00100020, 'LO', 'DEMO-9999'),
        text(0x0020000d, 'UI', another(0x0020000d)),
        text(0x0020000e, 'UI', another(0x0020000e)),
        us(0x00280002, 1),
        text(0x00280004, 'CS', 'MONOCHROME2'),
        us(0x00280010, rows),
        us(0x00280011, columns),
        us(0x00280100, 8),
        us(0x00280101, 8),
        us(0x00280102, 7),
        us(0x00280103, 0),
        { tag: 0x7fe00010, vr: 'OW', value },
      ],
    }),
  )
}

/** The UID with its last digit counted on. */
const nextUid = (uid: string): string => `${uid.slice(0, -1)}${(Number(uid.at(-1)) + 1) % 10}`
