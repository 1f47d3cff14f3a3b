/** Fields: writes the big-endian numbers, texts and items that PDUs are made of; the inverse of cursor.ts. */
import { encodeLatin1, joinBytes } from '../../bytes/text.ts'

export const uint16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value)

export const uint32 = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)

/** Bytes behind a length of two bytes. @throws {RangeError} for more than 65,535 bytes */
export function counted(bytes: Uint8Array): Uint8Array {
  return joinBytes([uint16(checkedLength(bytes)), bytes])
}

export const countedText = (text: string): Uint8Array => counted(encodeLatin1(text))

/** An item: type, reserved byte, length, content. @throws {RangeError} for more than 65,535 bytes */
export function item(type: number, pieces: readonly Uint8Array[], reserved = 0): Uint8Array {
  const content = joinBytes(pieces)
  return joinBytes([Uint8Array.of(type, reserved), uint16(checkedLength(content)), content])
}

export const textItem = (type: number, text: string): Uint8Array => item(type, [encodeLatin1(text)])

/** A whole PDU: type, reserved byte, length, content. */
export function pdu(type: number, pieces: readonly Uint8Array[]): Uint8Array {
  const content = joinBytes(pieces)
  return joinBytes([Uint8Array.of(type, 0), uint32(content.length), content])
}

function checkedLength({ length }: Uint8Array): number {
  if (length > 0xffff) throw new RangeError(`${length} bytes do not fit an item`)
  return length
}
