/**
 * Synthetic: by what an image says of itself that it was not made from a patient.
 *
 * Source: PS3.3 section C.12.1.1.1 (Synthetic Data) and C.12.1 (Contributing Equipment Sequence); PS3.16 CID 7005,
 * (109100, DCM, "Synthesizing Equipment").
 */
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { textAt } from '../../formats/dicom/values.ts'

export type SyntheticMark = 'synthetic_data' | 'synthesizing_equipment' | 'demo_signer'

const SYNTHETIC_DATA: Tag = 0x0008001c
const CONTRIBUTING_EQUIPMENT: Tag = 0x0018a001
const PURPOSE: Tag = 0x0040a170
const CODE_VALUE: Tag = 0x00080100
const CODING_SCHEME: Tag = 0x00080102
const SYNTHESIZING = '109100'

/** @param isOfDemo  whether its signers or its seal are for demonstration */
export function findSyntheticMarks(dataSet: DataSet, isOfDemo: boolean): readonly SyntheticMark[] {
  const isMarked = textAt(dataSet, SYNTHETIC_DATA) === 'YES'
  return [
    ...(isMarked ? (['synthetic_data'] as const) : []),
    ...(isSynthesized(dataSet) ? (['synthesizing_equipment'] as const) : []),
    ...(isOfDemo && !isMarked ? (['demo_signer'] as const) : []),
  ]
}

function isSynthesized(dataSet: DataSet): boolean {
  const items = findElement(dataSet.elements, CONTRIBUTING_EQUIPMENT)?.items ?? []
  return items.some(({ elements }) =>
    (findElement(elements, PURPOSE)?.items ?? []).some((code) => {
      const textOf = (tag: Tag): string | undefined => textAt({ ...dataSet, elements: code.elements }, tag)
      return textOf(CODE_VALUE) === SYNTHESIZING && textOf(CODING_SCHEME) === 'DCM'
    }),
  )
}
