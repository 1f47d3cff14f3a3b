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

/** How the elements of a data set are spelled; every syntax but two is explicit little endian. */
export function encodingOf(transferSyntaxUid: string): Encoding {
  if (transferSyntaxUid === IMPLICIT_LITTLE_ENDIAN) return IMPLICIT_LITTLE
  if (transferSyntaxUid === EXPLICIT_BIG_ENDIAN) return EXPLICIT_BIG
  return EXPLICIT_LITTLE
}

/** Whether pixel data is stored as plain samples, without encapsulation. */
export const isNativeSyntax = (transferSyntaxUid: string): boolean => NATIVE.has(transferSyntaxUid)
