/** Transfer syntaxes: PS3.5 section 10 and annex A; names of PS3.6 table A-1. */
import type { Encoding } from './element.ts'

export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2'
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1'
export const DEFLATED_EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1.99'
export const EXPLICIT_BIG_ENDIAN = '1.2.840.10008.1.2.2'

export const EXPLICIT_LITTLE: Encoding = { isLittleEndian: true, isExplicit: true }
export const IMPLICIT_LITTLE: Encoding = { isLittleEndian: true, isExplicit: false }
export const EXPLICIT_BIG: Encoding = { isLittleEndian: false, isExplicit: true }

const NATIVE = new Set([
  IMPLICIT_LITTLE_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
])

/** A data set that is one deflate stream: PS3.5 annexes A.5, A.6.1 (JPIP) and A.7.1 (JPIP with HTJ2K). */
const DEFLATED = new Set([DEFLATED_EXPLICIT_LITTLE_ENDIAN, '1.2.840.10008.1.2.4.95', '1.2.840.10008.1.2.4.205'])

/** Referenced pixel data, which stands outside the data set: PS3.5 annexes A.6, A.7 and A.11. */
const REFERENCED = new Set([
  '1.2.840.10008.1.2.4.94',
  '1.2.840.10008.1.2.4.95',
  '1.2.840.10008.1.2.4.204',
  '1.2.840.10008.1.2.4.205',
])

/** Encapsulated syntaxes by the root of their UIDs: compressed images and video, RLE, deflated frames, uncompressed. */
const ENCAPSULATED = /^1\.2\.840\.10008\.1\.2\.(?:4\.\d+|5|8\.1|1\.98)$/

/** How the elements of a data set are spelled; every syntax but two is explicit little endian (PS3.5 annex A.4). */
export function encodingOf(transferSyntaxUid: string): Encoding {
  if (transferSyntaxUid === IMPLICIT_LITTLE_ENDIAN) return IMPLICIT_LITTLE
  if (transferSyntaxUid === EXPLICIT_BIG_ENDIAN) return EXPLICIT_BIG
  return EXPLICIT_LITTLE
}

/** Whether pixel data is stored as plain samples, without encapsulation. */
export const isNativeSyntax = (transferSyntaxUid: string): boolean => NATIVE.has(transferSyntaxUid)

/** Whether pixel data of the standard's syntax is encapsulated; false for native, referenced and private syntaxes. */
export const isEncapsulatedSyntax = (transferSyntaxUid: string): boolean =>
  ENCAPSULATED.test(transferSyntaxUid) && !REFERENCED.has(transferSyntaxUid)

/** Whether the whole data set is one deflate stream. */
export const isDeflatedSyntax = (transferSyntaxUid: string): boolean => DEFLATED.has(transferSyntaxUid)
