/**
 * Compressor's note: what an encoder writes into Derivation Description although nothing was lost.
 *
 * Source: DCMTK, whose `dcmcjpeg` writes one line before the text that was there, which it puts in brackets. The note
 * stays when the image is decompressed again. Only this very line is known here: free text that nobody signed could
 * say anything.
 */
import { encodeLatin1, equalBytes } from '../../bytes/text.ts'
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { readText } from '../../formats/dicom/values.ts'
import { digestNewElement, type ElementDigest, type ElementsOptions } from './elements.ts'

export const DERIVATION_DESCRIPTION: Tag = 0x00082111

const NOTE =
  /^Lossless JPEG compression, selection value [1-7], point transform 0, compression ratio [0-9.e+]{1,16}(?: \[(.*)\])?$/s

/**
 * Whether the description is what was sealed with such a line before it, or such a line alone where there was none.
 * @param sealed  the entry of the seal; undefined if it has none
 */
export function isCompressorNote(
  dataSet: DataSet,
  sealed: ElementDigest | undefined,
  options: ElementsOptions,
): boolean {
  const element = findElement(dataSet.elements, DERIVATION_DESCRIPTION)
  const [line, kept] = element === undefined ? [] : (NOTE.exec(readText(dataSet.source, element)) ?? [])
  if (line === undefined) return false
  if (kept === undefined || sealed?.digest === undefined) return kept === undefined && isNothing(sealed, options)
  const before = { tag: DERIVATION_DESCRIPTION, vr: sealed.vr, value: encodeLatin1(kept) }
  return equalBytes(sealed.digest, digestNewElement(before, options))
}

/** Whether nothing was described: no element, or one without a value. */
function isNothing(sealed: ElementDigest | undefined, options: ElementsOptions): boolean {
  if (sealed?.digest === undefined) return sealed === undefined
  const empty = { tag: DERIVATION_DESCRIPTION, vr: sealed.vr, value: new Uint8Array(0) }
  return equalBytes(sealed.digest, digestNewElement(empty, options))
}
