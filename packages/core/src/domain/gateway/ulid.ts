/**
 * ULID: a name that nobody else gives, and that sorts by the moment at which it was given.
 *
 * Source: ulid/spec: 48 bits of milliseconds since 1970 and 80 bits of chance, 26 digits in Crockford's base 32.
 */

export const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
export const ULID_RANDOM_BYTES = 10

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const TIME_LIMIT_MS = 2 ** 48
const CHANCE_BITS = 80n

/**
 * Names in ascending order, whatever the clock does: within a millisecond, and where the clock goes back, the last name is
 * counted up by one.
 * @param random  bytes that nobody could foresee
 */
export function createUlids(random: (length: number) => Uint8Array): (now: Date) => string {
  let last = -1n
  return (now) => {
    const ms = now.getTime()
    if (!(ms >= 0 && ms < TIME_LIMIT_MS)) throw new RangeError('a time before 1970 or after the year 10889')
    const drawn = (BigInt(ms) << CHANCE_BITS) | toNumber(random(ULID_RANDOM_BYTES))
    last = drawn >> CHANCE_BITS > last >> CHANCE_BITS ? drawn : last + 1n
    return spell(last)
  }
}

/** The moment in a name. @throws {RangeError} for what is no ULID */
export function timeOfUlid(ulid: string): Date {
  if (!ULID.test(ulid)) throw new RangeError('not a ULID')
  let ms = 0
  for (const digit of ulid.slice(0, 10)) ms = ms * 32 + DIGITS.indexOf(digit)
  return new Date(ms)
}

function toNumber(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

function spell(value: bigint): string {
  let text = ''
  let rest = value
  for (let i = 0; i < 26; i++) {
    text = DIGITS.charAt(Number(rest & 31n)) + text
    rest >>= 5n
  }
  return text
}
