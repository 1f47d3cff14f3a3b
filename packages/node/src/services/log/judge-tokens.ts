/** Judge tokens: what each token of a `timestamped` entry shows, and whose it is. */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import type { TimestampedDetails } from '@fiducial/core/domain/log/event-details.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { verifyTimestamp } from '@fiducial/core/domain/trust/timestamp.ts'

export interface JudgedToken {
  readonly outcome: 'holds' | 'fails' | 'unknown'
  /** Why it does not hold. */
  readonly reason?: string
  /** Absent where the token cannot be read. */
  readonly time?: Date
  /** Organisation and common name of the authority, where its certificate is in the token. */
  readonly authority?: string
}

/** Judges the tokens of an entry, in their order. */
export function judgeTokens(
  { note, tokens }: Pick<TimestampedDetails, 'note' | 'tokens'>,
  anchors: TrustAnchors,
  crypto: Crypto,
): readonly JudgedToken[] {
  const imprint = { name: 'sha256', digest: digestOf(crypto.hash, 'sha256', encodeUtf8(note)) } as const
  return tokens.map((token) => {
    const result = verifyTimestamp(token, imprint, anchors, crypto)
    const { organisation, commonName } = result.authority?.subject ?? {}
    const name = [organisation, commonName].filter((part) => part !== undefined).join(': ')
    return {
      outcome: result.outcome,
      ...(result.outcome !== 'holds' && { reason: result.reason }),
      ...(result.time && { time: result.time }),
      ...(name !== '' && { authority: name }),
    }
  })
}
