/** Mark answer: what --json and reports say about the mark of one image. */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { SlicePlace } from '@fiducial/core/domain/mark/volume.ts'
import { isOfGateway } from '@fiducial/core/domain/seal/image-statement.ts'
import type { ForeignRegion, MarkEvidence, MarkRegion } from '@fiducial/core/domain/verdict/mark-evidence.ts'
import type { VerifiedInstance } from '../services/verify-instance.ts'
import { visible } from './visible.ts'

/** What is claimed of a mark, and what was read. */
export type MarkAnswer = {
  /** Who says that there is one, and its record id, hexadecimal; null where nobody does who is believed. */
  readonly claimed: { readonly by: 'seal' | 'log'; readonly recordId: string } | null
  /** Of an image that was marked as one of several: its place, and where its header says that it lies; else null. */
  readonly slice: SliceAnswer | null
} & (
  | { readonly state: 'not_looked' | 'key_missing' | 'absent' }
  | { readonly state: 'unreadable'; readonly code: string }
  | {
      readonly state: 'read'
      /** Hexadecimal. */
      readonly recordId: string
      readonly by: 'tiles' | 'chips'
      /** That was marked; null where no record is at hand, or it had none. */
      readonly instanceUid: string | null
      readonly device: string | null
      readonly markedAt: string | null
      readonly tiles: 'holds' | 'altered' | 'absent'
      readonly signature: 'holds' | 'fails' | 'unknown'
      readonly contradictions: readonly string[]
      readonly altered: readonly MarkRegion[]
      readonly foreign: readonly ForeignRegion[]
    }
)

/** Index from 0; the nonce of the volume is hexadecimal. */
export interface SliceAnswer extends SlicePlace {
  readonly volume: string
  readonly index: number
  readonly count: number
}

export function toMarkAnswer(verified: VerifiedInstance): MarkAnswer {
  const { mark, claimedMark } = verified
  const claimed =
    claimedMark === undefined ? null : { by: claimedMark.by, recordId: encodeHex(claimedMark.claim.recordId) }
  return { claimed, slice: toSlice(verified), ...toReading(mark) }
}

/** What the seal says, where it is believed; else what was read. */
function toSlice({ mark, seal, slice }: VerifiedInstance): SliceAnswer | null {
  const statement = seal.state === 'present' && seal.report.outcome === 'holds' ? seal.report.statement : undefined
  const claimed = statement === undefined || isOfGateway(statement) ? undefined : statement.mark?.volume
  const read = mark.state === 'read' ? mark.place : undefined
  const nonce = claimed?.nonce ?? read?.volumeNonce
  const { index, count } = claimed ?? read ?? { index: 0, count: 1 }
  return nonce === undefined || count === 1 ? null : { volume: encodeHex(nonce), index, count, ...slice }
}

function toReading(mark: MarkEvidence) {
  if (mark.state !== 'read') return mark
  const { instanceUid = null, device = null, markedAt, place: _, ...rest } = mark
  return { ...rest, instanceUid, device, markedAt: markedAt?.toISOString() ?? null }
}

/** Lines for people; none where there is nothing to say. */
export function describeMark(mark: MarkAnswer): readonly string[] {
  const { claimed } = mark
  const claim = claimed === null ? [] : [`record ${claimed.recordId}, says the ${claimed.by}`]
  switch (mark.state) {
    case 'not_looked':
    case 'key_missing':
      return claim.map((line) => `${line}; not read, for want of a key`)
    case 'unreadable':
      return claim.map((line) => `${line}; the pixels cannot be read (${mark.code})`)
    case 'absent':
      return claim.map((line) => `${line}; none in the pixels`)
    case 'read':
      return [...claim, describeReading(mark)]
  }
}

function describeReading(mark: Extract<MarkAnswer, { state: 'read' }>): string {
  const { recordId, by, device, instanceUid, markedAt, tiles, signature } = mark
  const made = [
    ...(device === null ? [] : [`by ${visible(device)}`]),
    ...(markedAt === null ? [] : [markedAt]),
    ...(instanceUid === null ? [] : [`as ${visible(instanceUid)}`]),
  ]
  const found =
    by === 'chips' ? 'by its chips alone' : `tiles ${tiles === 'holds' ? 'hold' : tiles}, signature ${signature}`
  return `in the pixels: record ${recordId}${made.length === 0 ? '' : `, marked ${made.join(', ')}`}; ${found}`
}
