/**
 * Recorded signature: that of a plane whose tiles have no room for a stream, and so for it; the record keeps it.
 *
 * Source: docs/reference/mark.md, "Signature"; docs/reference/mark-record.md.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { concatBytes } from '../../bytes/text.ts'
import { formatMarkHeader, messageOf } from './header.ts'
import type { Plane } from './plane.ts'
import type { MarkRecord } from './record.ts'
import { digestPlane } from './tiles/digest-plane.ts'

/** SubjectPublicKeyInfo of an Ed25519 key up to the key itself: RFC 8410 section 4. */
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00)
const NO_SIDE = new Uint8Array(0)

export interface RecordedPlane {
  readonly record: MarkRecord
  /** Number of the plane in its image. */
  readonly number: number
  /** What its tiles restore to. */
  readonly restored: Plane
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** Whether a device has signed a plane that carries no side information; `unknown` where the record has none of it. */
export function checkRecordedSignature(
  { record, number, restored, publicKey }: RecordedPlane,
  { hash, verifyMessage }: Pick<Crypto, 'hash' | 'verifyMessage'>,
): 'holds' | 'fails' | 'unknown' {
  const kept = record.planes[number]
  if (kept === undefined || kept.hasChips) return 'unknown'
  const { recordId, volume, planes } = record
  const header = formatMarkHeader({ ...volume, recordId, hasChips: false, plane: number, planes: planes.length })
  const message = messageOf(header, NO_SIDE, digestPlane(hash, restored))
  return verifyMessage(concatBytes(SPKI_PREFIX, publicKey), message, kept.signature) ? 'holds' : 'fails'
}
