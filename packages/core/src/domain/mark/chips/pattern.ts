/**
 * Pattern: which cell carries what under a key, and the message that an id becomes.
 *
 * Source: docs/reference/mark.md, "Chips", "Pattern" and "Message".
 */
import { chacha20Stream } from '../../../bytes/chacha20.ts'
import { CODED_BITS, MESSAGE_BITS } from './code.ts'
import { ALL_ACROSS } from './geometry.ts'

/** Cells each way after which the roles of cells repeat. */
export const PERIOD = 32
/** Cells each way after which the signs of the data repeat. */
export const SIGN_PERIOD = 128
const PILOTS = 256
const ID_BYTES = 8

/** What a key lays over the cells. */
export interface Pattern {
  /** PERIOD × PERIOD, row by row: the coded bit that a cell carries, or −1 for a pilot. */
  readonly roles: Int16Array
  /** PERIOD × PERIOD: 1 or −1 at pilots, 0 elsewhere. */
  readonly pilots: Int8Array
  /** For each number of cells along the shorter side, SIGN_PERIOD × SIGN_PERIOD: 1 or −1, for data. */
  readonly signs: ReadonlyMap<number, Int8Array>
}

/** @param key  32 bytes @throws {RangeError} for another length */
export function makePattern(key: Uint8Array): Pattern {
  const cells = PERIOD * PERIOD
  const words = streamWords(chacha20Stream(key, nonce('roles'), cells * 4))
  const order = Uint16Array.from({ length: cells }, (_, i) => i)
  for (let i = 0; i < cells; i++) {
    const j = i + ((words[i] as number) % (cells - i))
    const swap = order[i] as number
    order[i] = order[j] as number
    order[j] = swap
  }
  const roles = new Int16Array(cells)
  for (let i = 0; i < cells; i++) roles[order[i] as number] = i < PILOTS ? -1 : (i - PILOTS) % CODED_BITS
  const pilotSigns = signsOf(chacha20Stream(key, nonce('pilots'), cells / 8))
  const pilots = pilotSigns.map((sign, i) => (roles[i] === -1 ? sign : 0))
  const signBytes = (SIGN_PERIOD * SIGN_PERIOD) / 8
  const signs = new Map(
    ALL_ACROSS.map((across) => [across, signsOf(chacha20Stream(key, nonce(`sign${across}`), signBytes))]),
  )
  return { roles, pilots, signs }
}

/** The 96 bits that stand for an id: the id, then 32 bits that only the key makes. @param id  8 bytes */
export function messageBits(key: Uint8Array, id: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_BITS / 8)
  bytes.set(id)
  bytes.set(checkOf(key, id), ID_BYTES)
  return Uint8Array.from({ length: MESSAGE_BITS }, (_, i) => ((bytes[i >> 3] as number) >> (7 - (i & 7))) & 1)
}

/** The id that 96 bits stand for; undefined if they stand for none. */
export function idOf(key: Uint8Array, bits: Uint8Array): Uint8Array | undefined {
  const bytes = new Uint8Array(MESSAGE_BITS / 8)
  for (let i = 0; i < MESSAGE_BITS; i++)
    bytes[i >> 3] = (bytes[i >> 3] as number) | ((bits[i] as number) << (7 - (i & 7)))
  const id = bytes.slice(0, ID_BYTES)
  return checkOf(key, id).every((byte, i) => byte === bytes[ID_BYTES + i]) ? id : undefined
}

function checkOf(key: Uint8Array, id: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12)
  bytes.set([0x66, 0x6d, 0x31, 0x63])
  bytes.set(id, 4)
  return chacha20Stream(key, bytes, 4)
}

function nonce(name: string): Uint8Array {
  const bytes = new Uint8Array(12)
  const text = `fm1 ${name}`
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

function streamWords(stream: Uint8Array): Uint32Array {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  return Uint32Array.from({ length: stream.length / 4 }, (_, i) => view.getUint32(4 * i, true))
}

/** A sign for each bit, highest first: 1 for a 1. */
function signsOf(stream: Uint8Array): Int8Array {
  return Int8Array.from(
    { length: stream.length * 8 },
    (_, i) => (((stream[i >> 3] as number) >> (7 - (i & 7))) & 1) * 2 - 1,
  )
}

/** The signs of data for a number of cells along the shorter side. @throws {RangeError} for a number that is not in use */
export function signsFor(pattern: Pattern, across: number): Int8Array {
  const signs = pattern.signs.get(across)
  if (signs === undefined) throw new RangeError('cells along the shorter side')
  return signs
}
