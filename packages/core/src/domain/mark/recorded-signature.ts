/**
 * Recorded signature: that of a plane whose tiles have no room for a stream, and so for it; the record keeps it.
 *
 * Source: docs/reference/mark.md, "Signature"; docs/reference/mark-record.md.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { ed25519Spki } from '../../bytes/public-key.ts'
import type { Plane } from '../pixels/plane.ts'
import { formatMarkHeader, messageOf } from './header.ts'
import type { MarkRecord } from './record.ts'
import { digestPlane } from './tiles/digest-plane.ts'

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
  return verifyMessage(ed25519Spki(publicKey), message, kept.signature) ? 'holds' : 'fails'
}
