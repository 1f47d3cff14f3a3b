/**
 * File meta: what stands in front of a data set that came over a network when it is written as a file.
 *
 * Source: PS3.10 section 7.1. Reading it is left to parse.ts, writing a data set of our own to encode.ts.
 */
import { encodeLatin1, joinBytes } from '../../bytes/text.ts'
import { encodeElements, IMPLEMENTATION_CLASS_UID, type NewElement } from './encode.ts'
import { EXPLICIT_LITTLE } from './transfer-syntax.ts'

export interface FileMeta {
  /** As the sender stated it. */
  readonly sopClassUid: string
  readonly sopInstanceUid: string
  /** In which the data set came. */
  readonly transferSyntaxUid: string
  /** Title of the application that the content came from; null where it has none. */
  readonly sourceAet: string | null
}

/** Name of this program as the writer of meta information. */
export const IMPLEMENTATION_VERSION = 'FIDUCIAL'

/** Empty preamble, prefix and File Meta Information; the bytes of the data set follow as they are. */
export function formatFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid, sourceAet }: FileMeta): Uint8Array {
  const elements: NewElement[] = [
    { tag: 0x00020001, vr: 'OB', value: Uint8Array.of(0, 1) },
    { tag: 0x00020002, vr: 'UI', value: encodeLatin1(sopClassUid) },
    { tag: 0x00020003, vr: 'UI', value: encodeLatin1(sopInstanceUid) },
    { tag: 0x00020010, vr: 'UI', value: encodeLatin1(transferSyntaxUid) },
    { tag: 0x00020012, vr: 'UI', value: encodeLatin1(IMPLEMENTATION_CLASS_UID) },
    { tag: 0x00020013, vr: 'SH', value: encodeLatin1(IMPLEMENTATION_VERSION) },
    ...(sourceAet === null ? [] : [{ tag: 0x00020016, vr: 'AE', value: encodeLatin1(sourceAet) } as const]),
  ]
  const meta = encodeElements(elements, EXPLICIT_LITTLE)
  const start = new Uint8Array(132)
  start.set(encodeLatin1('DICM'), 128)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, meta.length, true)
  return joinBytes([start, encodeElements([{ tag: 0x00020000, vr: 'UL', value: length }], EXPLICIT_LITTLE), meta])
}
