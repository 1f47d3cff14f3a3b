/**
 * Dummy: a value of a representation that says nothing.
 *
 * Source: PS3.15 table E.1-1a, action D: a value of non-zero length that is consistent with the value representation of PS3.5
 * section 6.2.
 */
import { encodeLatin1 } from '../../bytes/text.ts'
import type { Vr } from '../../formats/dicom/element.ts'

const TEXTS: Readonly<Record<Vr, string>> = {
  AS: '000Y',
  DA: '19000101',
  DS: '1',
  DT: '19000101000000',
  IS: '1',
  PN: 'ANONYMIZED',
  TM: '000000',
  UR: 'about:blank',
}
/** Bytes of one number. */
const NUMBER_BYTES: Readonly<Record<Vr, number>> = {
  AT: 4,
  FD: 8,
  FL: 4,
  SL: 4,
  SS: 2,
  SV: 8,
  UL: 4,
  US: 2,
  UV: 8,
  xs: 2,
}
const COUNTS = new Set<Vr>(['SL', 'SS', 'SV', 'UL', 'US', 'UV', 'xs'])
const BULK = new Set<Vr>(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN'])
const BULK_BYTES = 8

/**
 * The value in little endian. Numbers, of which an attribute may have to have several, are as many as there were: ones where they
 * count something, else zeros.
 * @param lengthBytes  of the value that was there
 */
export function dummyValue(vr: Vr, lengthBytes: number): Uint8Array {
  if (BULK.has(vr)) return new Uint8Array(BULK_BYTES)
  const size = NUMBER_BYTES[vr]
  if (size === undefined) return encodeLatin1(TEXTS[vr] ?? 'ANONYMIZED')
  const numbers = new Uint8Array(Math.max(size, lengthBytes - (lengthBytes % size)))
  if (COUNTS.has(vr)) for (let i = 0; i < numbers.length; i += size) numbers[i] = 1
  return numbers
}
