/**
 * Encode: writes new elements in any of the native syntaxes.
 *
 * Source: PS3.5 sections 6.2, 7.1 to 7.5 and annex A; PS3.10 section 7.1 for the file meta information.
 * Sequences and items are written with defined lengths, values with even length.
 */
import { concatBytes, encodeLatin1 } from '../../bytes/text.ts'
import type { Encoding, Tag, Vr } from './element.ts'

/** An element to be written; values are in little-endian order as by {@link us} and its siblings. */
export type NewElement =
  | { readonly tag: Tag; readonly vr: Vr; readonly value: Uint8Array }
  | { readonly tag: Tag; readonly vr: 'SQ'; readonly items: readonly (readonly NewElement[])[] }
  /** Encapsulated: `fragments[0]` is the offset table, possibly empty. */
  | { readonly tag: Tag; readonly vr: 'OB'; readonly fragments: readonly Uint8Array[] }
