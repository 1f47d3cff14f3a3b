/**
 * Multipart, written: what stands between the parts of a body.
 *
 * Source: RFC 2046 section 5.1.1, RFC 2387. The inverse of parse.ts. The bytes of the parts go out as they are, so a boundary
 * must not occur in them: one of 128 random bits, which the caller is asked for, does not.
 */

import { encodeHex } from '../../bytes/hex.ts'
import { encodeLatin1 } from '../../bytes/text.ts'
import { formatMediaType } from './media-type.ts'

/** Bytes that stand before a part: the line end of the one before it, delimiter, headers and an empty line. */
export function formatPartHead(boundary: string, headers: ReadonlyMap<string, string>, isFirst: boolean): Uint8Array {
  const lines = [...headers].map(([name, value]) => {
    if (/[\r\n\0]/.test(name + value)) throw new RangeError('a header of one line')
    return `${name}: ${value}\r\n`
  })
  return encodeLatin1(`${isFirst ? '' : '\r\n'}--${boundary}\r\n${lines.join('')}\r\n`)
}

/** Bytes that end a body. */
export const formatLastDelimiter = (boundary: string): Uint8Array => encodeLatin1(`\r\n--${boundary}--\r\n`)

/** @param random  16 bytes that nobody could foresee */
export const boundaryOf = (random: Uint8Array): string => `fiducial-${encodeHex(random)}`

/** The Content-Type of a body whose parts are of one type. */
export function formatRelatedType(boundary: string, partType: string): string {
  // The media type of the parts is always in quotes (RFC 2387 section 3.4): its slash is no part of a token.
  return formatMediaType({
    type: 'multipart/related',
    parameters: new Map([
      ['type', partType],
      ['boundary', boundary],
    ]),
  })
}
