/**
 * Send data set: a data set that comes piece by piece, as fragments behind the headers of their PDUs.
 *
 * Source: PS3.8 annex E.2. No byte of the data set is copied but where a fragment spans two pieces. The last fragment has
 * to say that it is, which is known only when no piece follows: up to one fragment is held back until then.
 */
import { OWN_PDU_BYTES, type Packing } from '@fiducial/core/formats/dimse/pack-message.ts'
import { formatDataHeader, longestFragment } from '@fiducial/core/formats/dul/data-pdu.ts'

/** Writes pieces in one go; resolves when they may be used again. */
export type WritePieces = (pieces: readonly Uint8Array[]) => Promise<void>

/**
 * @param command  whole PDUs, which go out with the first fragments
 * @param dataSet  pieces, each valid until the next one is asked for
 */
export async function sendDataSet(
  command: Uint8Array,
  dataSet: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { contextId, maximumLength }: Packing,
  write: WritePieces,
): Promise<void> {
  const step = longestFragment(maximumLength, OWN_PDU_BYTES)
  const header = (length: number, isLast: boolean): Uint8Array =>
    formatDataHeader({ contextId, isCommand: false, isLast }, length)
  const held = new Uint8Array(step)
  let heldLength = 0
  let front: readonly Uint8Array[] = [command]
  for await (const piece of dataSet) {
    const pieces = [...front]
    let at = 0
    if (heldLength > 0 && heldLength + piece.length > step) {
      at = step - heldLength
      pieces.push(header(step, false), held.subarray(0, heldLength), piece.subarray(0, at))
      heldLength = 0
    }
    if (heldLength === 0) {
      for (; piece.length - at > step; at += step) pieces.push(header(step, false), piece.subarray(at, at + step))
    }
    if (pieces.length > front.length) {
      await write(pieces)
      front = []
    }
    held.set(piece.subarray(at), heldLength)
    heldLength += piece.length - at
  }
  await write([...front, header(heldLength, true), held.subarray(0, heldLength)])
}
