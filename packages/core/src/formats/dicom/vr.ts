/** Value representations: the spelling rules of PS3.5 section 6.2 and 7.1.2. */
import type { Vr } from './element.ts'

const SHORT_LENGTH = 'AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US'.split(' ')
const LONG_LENGTH = 'OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' ')
const TEXT = 'AE AS CS DA DS DT IS LO LT PN SH ST TM UC UR UT'.split(' ')

const shortLength = new Set<Vr>(SHORT_LENGTH)
const known = new Set<Vr>([...SHORT_LENGTH, ...LONG_LENGTH])
const text = new Set<Vr>(TEXT)

/** Bytes of one number of a binary VR: what a change of byte order swaps. */
const WORD_BYTES: Readonly<Record<Vr, number>> = {
  US: 2,
  SS: 2,
  OW: 2,
  AT: 2,
  UL: 4,
  SL: 4,
  FL: 4,
  OF: 4,
  OL: 4,
  FD: 8,
  OD: 8,
  OV: 8,
  SV: 8,
  UV: 8,
}

const byCode = new Map<number, Vr>([...known].map((vr) => [vr.charCodeAt(0) * 256 + vr.charCodeAt(1), vr]))

/** One of the 34 value representations of PS3.5 table 6.2-1. */
export const isKnownVr = (vr: Vr): boolean => known.has(vr)

/** The value representation that two bytes spell, the first one the high one; undefined if there is none. */
export const knownVrOf = (code: number): Vr | undefined => byCode.get(code)

/** Whether an explicit element spends four bytes on its length (PS3.5 table 7.1-1); so do VRs yet to be invented. */
export const hasLongLength = (vr: Vr): boolean => !shortLength.has(vr)

/** Padded with a space (PS3.5 section 6.2); UI and binary VRs are padded with a NUL. */
export const isTextVr = (vr: Vr): boolean => text.has(vr)

/** 1, 2, 4 or 8 bytes that swap together between little and big endian. */
export const wordBytes = (vr: Vr): number => WORD_BYTES[vr] ?? 1

/**
 * A value without the spaces and NULs at its end. Not by a regular expression: on a long run of spaces before the
 * end that would take time by the square of its length.
 */
export function trimPadding(text: string): string {
  let end = text.length
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\0')) end--
  return text.slice(0, end)
}

/** The byte that makes an odd value even. */
export const paddingOf = (vr: Vr): number => (isTextVr(vr) ? 0x20 : 0)
