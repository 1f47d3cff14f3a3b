/**
 * Data PDU: the header of a P-DATA-TF that carries one fragment of a message.
 *
 * Source: PS3.8 sections 9.3.5 and annex E.2. Sending a fragment is this header and then the fragment's bytes, which are
 * never copied; reading is left to pdu-reader.
 */
import { PDU_HEADER_BYTES, PDU_TYPES } from './pdu.ts'

/** Length, context and flags in front of a fragment. */
export const FRAGMENT_HEADER_BYTES = 6
/** Everything in front of a fragment that has a PDU of its own. */
export const DATA_HEADER_BYTES = PDU_HEADER_BYTES + FRAGMENT_HEADER_BYTES

export interface FragmentHeader {
  /** Id of the presentation context. */
  readonly contextId: number
  /** Of the command; else of the data set. */
  readonly isCommand: boolean
  /** The last fragment of the command, or of the data set. */
  readonly isLast: boolean
}

/** The 12 bytes in front of a fragment of `length` bytes that is alone in its PDU. */
export function formatDataHeader({ contextId, isCommand, isLast }: FragmentHeader, length: number): Uint8Array {
  const bytes = new Uint8Array(DATA_HEADER_BYTES)
  writeDataHeader(bytes, 0, { contextId, isCommand, isLast, length })
  return bytes
}

/** The same into `target` from `at` on, for buffers that hold several PDUs. */
export function writeDataHeader(
  target: Uint8Array,
  at: number,
  { contextId, isCommand, isLast, length }: FragmentHeader & { readonly length: number },
): void {
  target[at] = PDU_TYPES.data
  target[at + 1] = 0
  writeUint32(target, at + 2, length + FRAGMENT_HEADER_BYTES)
  writeUint32(target, at + 6, length + 2)
  target[at + 10] = contextId
  target[at + 11] = (isCommand ? 1 : 0) | (isLast ? 2 : 0)
}

/**
 * Longest fragment that a peer takes in one PDU.
 *
 * @param maximumLength  as the peer stated it; 0 or null for any
 * @param own  longest PDU that we care to send, likewise without its header
 */
export function longestFragment(maximumLength: number | null, own: number): number {
  const most = maximumLength === null || maximumLength === 0 ? own : Math.min(maximumLength, own)
  // A fragment of no byte would never end; even, as fragments of data sets are (PS3.8 annex E.2).
  return Math.max(2, (most - FRAGMENT_HEADER_BYTES) & ~1)
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}
