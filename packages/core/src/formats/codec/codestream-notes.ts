/**
 * Codestream notes: what stands in the header of a codestream that no decoder needs: where cameras put places, serial numbers and
 * names.
 *
 * Source: ITU-T T.81 section B.2.4 (application data and comments), T.800 section A.9.2 (comments); Exif and XMP stand in APP1,
 * IPTC in APP13.
 */

/** The name and version of an encoder fits into so many bytes; longer comments say more. */
const NAME_BYTES = 64

/**
 * Whether a JPEG, JPEG-LS or JPEG 2000 codestream carries metadata, or a comment longer than an encoder's name. False for bytes that
 * are none of these. Reads markers up to the first scan or tile; never fails.
 */
export function hasNotes(codestream: Uint8Array): boolean {
  const [a, b] = codestream
  if (a !== 0xff) return false
  return b === 0xd8
    ? hasMarker(codestream, isJpegNote, 0xda)
    : b === 0x4f && hasMarker(codestream, isJpeg2000Note, 0x90)
}

type IsNote = (marker: number, lengthBytes: number) => boolean

const isJpegNote: IsNote = (marker, lengthBytes) =>
  marker === 0xe1 || marker === 0xed || (marker === 0xfe && lengthBytes > NAME_BYTES)
const isJpeg2000Note: IsNote = (marker, lengthBytes) => marker === 0x64 && lengthBytes > NAME_BYTES + 2

function hasMarker(bytes: Uint8Array, isNote: IsNote, last: number): boolean {
  let at = 2
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] as number
    // T.81 section B.1.1.2: any marker may have fill bytes before it.
    if (marker === 0xff) {
      at++
      continue
    }
    if (marker === last) return false
    const length = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
    if (length < 2) return false
    if (isNote(marker, length - 2)) return true
    at += 2 + length
  }
  return false
}
