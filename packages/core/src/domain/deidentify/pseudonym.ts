/**
 * Pseudonym: new UIDs, names and dates that follow from a key: the same for all images of a patient, and back to nobody
 * without the key.
 *
 * Source: PS3.15 sections E.1.1 (consistent replacement) and E.3.6 (dates); PS3.5 annex B.2: `2.25.` and a UUID as one decimal
 * number; RFC 9562 section 5.8: UUID version 8, whose bits are the maker's own.
 */

import type { HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { hmacSha256 } from '../../bytes/hmac.ts'
import { encodeUtf8 } from '../../bytes/text.ts'

/** Weeks by which dates are moved back at most: three years. */
const WEEKS = 156
const DAY_MS = 86_400_000

export class Pseudonyms {
  readonly #hashes: HashFactory
  readonly #key: Uint8Array
  readonly #uids = new Map<string, string>()

  /** @param key  at least 16 bytes @throws {RangeError} for fewer */
  constructor(hashes: HashFactory, key: Uint8Array) {
    if (key.length < 16) throw new RangeError('a key of fewer than 16 bytes')
    this.#hashes = hashes
    this.#key = key
  }

  /** Another UID; those that the standard itself gives stay. */
  uid(uid: string): string {
    if (uid.startsWith('1.2.840.10008.') || uid === '') return uid
    const known = this.#uids.get(uid)
    if (known !== undefined) return known
    const bits = this.#derive('uid', uid).subarray(0, 16)
    const number = BigInt(`0x${encodeHex(bits)}`)
    const version = (number & ~(0xfn << 76n)) | (0x8n << 76n)
    const made = `2.25.${(version & ~(0x3n << 62n)) | (0x2n << 62n)}`
    this.#uids.set(uid, made)
    return made
  }

  /** Identifier of a patient: 16 characters. */
  patient(identity: string): string {
    return `ANON${encodeHex(this.#derive('patient', identity).subarray(0, 6)).toUpperCase()}`
  }

  /** Days by which all dates of a patient are moved: whole weeks, 1 to 156 of them back, so that the day of the week stays. */
  shiftDays(identity: string): number {
    const bytes = this.#derive('dates', identity)
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
    return -7 * (1 + (number % WEEKS))
  }

  #derive(purpose: string, text: string): Uint8Array {
    return hmacSha256(this.#hashes, this.#key, encodeUtf8(`fiducial deidentify v1 ${purpose}\0`), encodeUtf8(text))
  }
}

/** A date of PS3.5 (`YYYYMMDD`, or that of ACR-NEMA with dots) some days later; undefined for all else. */
export function shiftDate(date: string, days: number): string | undefined {
  const [, year = '', month = '', day = ''] = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(date) ?? []
  if (year === '') return undefined
  const time = Date.UTC(Number(year), Number(month) - 1, Number(day))
  const shifted = new Date(time + days * DAY_MS)
  const isDate = new Date(time).toISOString().startsWith(`${year}-${month}-${day}`)
  if (!isDate || shifted.getUTCFullYear() < 1) return undefined
  return shifted.toISOString().slice(0, 10).replaceAll('-', '')
}
