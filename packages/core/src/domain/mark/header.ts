/**
 * Header: what a plane says about itself in the stream of its tiles.
 *
 * Source: docs/reference/mark.md, "Stream". One value, one spelling: 48 bytes.
 */
import { concatBytes, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { RECORD_ID_BYTES, VOLUME_NONCE_BYTES, type VolumePlace } from './keys.ts'

export interface MarkHeader extends VolumePlace {
  /** The tiles carry side information of chips. */
  readonly hasChips: boolean
  /** 8 bytes. */
  readonly recordId: Uint8Array
  /** frame × components + component, from 0. */
  readonly plane: number
  /** Planes of the image. */
  readonly planes: number
}

export const HEADER_BYTES = 48
const MAGIC = [0x46, 0x4d] as const
const VERSION = 1
const CHIPS = 1
const AT = { version: 2, flags: 3, recordId: 4, volumeNonce: 12, index: 28, count: 32, plane: 36, planes: 40, end: 44 }
const SIGNED = encodeUtf8('fiducial-mark/v1 plane\0')

/**
 * @param bytes  48
 * @throws {FormatError} `mark_malformed` for everything that {@link formatMarkHeader} does not write
 */
export function parseMarkHeader(bytes: Uint8Array): MarkHeader {
  if (bytes.length !== HEADER_BYTES) throw malformed('length', 0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes[0] !== MAGIC[0] || bytes[1] !== MAGIC[1]) throw malformed('magic', 0)
  if (bytes[AT.version] !== VERSION) throw malformed('version', AT.version)
  const flags = bytes[AT.flags] as number
  if (flags > CHIPS) throw malformed('flags', AT.flags)
  if (view.getUint32(AT.end) !== 0) throw malformed('bytes that are zero', AT.end)
  const header = {
    hasChips: flags === CHIPS,
    recordId: bytes.slice(AT.recordId, AT.recordId + RECORD_ID_BYTES),
    volumeNonce: bytes.slice(AT.volumeNonce, AT.volumeNonce + VOLUME_NONCE_BYTES),
    index: view.getUint32(AT.index),
    count: view.getUint32(AT.count),
    plane: view.getUint32(AT.plane),
    planes: view.getUint32(AT.planes),
  }
  if (header.index >= header.count) throw malformed('index', AT.index)
  if (header.plane >= header.planes) throw malformed('plane', AT.plane)
  return header
}

/** The inverse of {@link parseMarkHeader}. @throws {RangeError} for fields out of range: a mistake of the caller */
export function formatMarkHeader(header: MarkHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES)
  bytes.set([...MAGIC, VERSION, header.hasChips ? CHIPS : 0])
  bytes.set(header.recordId, AT.recordId)
  bytes.set(header.volumeNonce, AT.volumeNonce)
  const view = new DataView(bytes.buffer)
  for (const name of ['index', 'count', 'plane', 'planes'] as const) view.setUint32(AT[name], header[name])
  try {
    parseMarkHeader(bytes)
  } catch (cause) {
    throw new RangeError('a header that nobody reads', { cause })
  }
  return bytes
}

/**
 * What the Ed25519 signature of a plane covers.
 * @param header  as formatted
 * @param side    side information of the chips; empty without
 * @param digest  {@link digestPlane} of what the tiles restore to
 */
export const messageOf = (header: Uint8Array, side: Uint8Array, digest: Uint8Array): Uint8Array =>
  concatBytes(SIGNED, header, side, digest)

const malformed = (what: string, offset: number): FormatError =>
  new FormatError('mark_malformed', `header of a mark: ${what}`, { offset })
