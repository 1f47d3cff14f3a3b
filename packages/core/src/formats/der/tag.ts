/** DER tags: identifier octets of the types in use (X.680 section 8.4, X.690 section 8.1.2). */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  bmpString: 0x1e,
} as const

/** Context-specific, constructed: EXPLICIT tags, and IMPLICIT ones over a SEQUENCE or SET. */
export const constructed = (number: number): number => 0xa0 + number
/** Context-specific, primitive: IMPLICIT tags over simple types. */
export const primitive = (number: number): number => 0x80 + number
