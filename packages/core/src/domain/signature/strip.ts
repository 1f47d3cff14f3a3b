/**
 * Strip: takes signatures out again, and gives back the bytes as they were before.
 *
 * What {@link signFile} added comes off without a trace: items go, and a sequence that is left empty goes with them.
 */
import { concatBytes } from '../../bytes/text.ts'
import { type Element, findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet, DicomFile } from '../../formats/dicom/parse.ts'
import type { Change } from '../../formats/dicom/splice.ts'
import { readUint16s } from '../../formats/dicom/values.ts'
import { readSignatures, TAGS } from './read.ts'
import { rewrapSequence } from './rewrap.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, MAC_PARAMETERS_SEQUENCE } from './signable.ts'

/**
 * The changes that remove signatures of the main data set.
 *
 * @param uids  Digital Signature UIDs to remove; absent for all
 */
export function stripSignatures({ dataSet }: DicomFile, uids?: ReadonlySet<string>): readonly Change[] {
  if (uids === undefined) {
    return [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE]
      .filter((tag) => findElement(dataSet.elements, tag) !== undefined)
      .map((tag) => ({ tag, bytes: new Uint8Array(0) }))
  }
  const gone = readSignatures(dataSet).signatures.filter(({ path, uid }) => path === '' && uids.has(uid))
  const macIds = new Set(gone.map(({ macId }) => macId))
  return [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE].flatMap((tag) => removeItems(dataSet, tag, macIds))
}

function removeItems(dataSet: DataSet, tag: Tag, macIds: ReadonlySet<number>): readonly Change[] {
  const sequence = findElement(dataSet.elements, tag)
  if (sequence === undefined) return []
  const kept = (sequence.items ?? []).filter(({ elements }) => !macIds.has(macIdOf(dataSet, elements)))
  if (kept.length === 0) return [{ tag, bytes: new Uint8Array(0) }]
  return [
    {
      tag,
      bytes: rewrapSequence(sequence, concatBytes(...kept.map(({ start, end }) => dataSet.source.view(start, end)))),
    },
  ]
}

function macIdOf({ source }: DataSet, elements: readonly Element[]): number {
  const id = findElement(elements, TAGS.macId)
  return id === undefined ? -1 : (readUint16s(source, id)[0] ?? -1)
}
