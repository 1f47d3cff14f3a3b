/** Padding: what may follow the end of a codestream in its last fragment. */
import { failed } from './shape.ts'

/**
 * Checks that nothing hides behind the end of a codestream. One byte makes a fragment even (PS3.5 section A.4), and
 * some encoders leave it as they find it; more than one must be zeros or ones.
 *
 * @param end  offset behind the codestream's last byte
 * @throws {FormatError} `codec_failed` for anything else: another picture could stand there
 */
export function checkPadding(bytes: Uint8Array, end: number): void {
  if (bytes.length - end <= 1) return
  for (let at = end; at < bytes.length; at++) {
    if (bytes[at] !== 0 && bytes[at] !== 0xff) throw failed('data behind the end of the codestream')
  }
}
