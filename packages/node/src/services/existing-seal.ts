/**
 * Existing seal: whether a file is the sealed copy of another one, so that a run that was cut off can go on.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { parseSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { verifySeal } from '@fiducial/core/domain/seal/verify.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { FormatError } from '@fiducial/core/errors.ts'

export interface SealedCopy {
  /** Absent for a copy that is not held against its original here, since its pixels were marked. */
  readonly original?: ByteSource
  readonly copy: ByteSource
  /** Bytes of the seal file beside the copy. */
  readonly seal: Uint8Array
}

export interface ExistingSealDependencies {
  readonly crypto: Crypto
  readonly anchors: TrustAnchors
  readonly now: () => Date
}

/**
 * The seal of a copy that was made of the original and has not changed since; undefined for all others.
 *
 * A seal that waits for the technologist's signature of its series counts: only that is missing.
 * Cost: a pass over each file.
 */
export function findExistingSeal(
  { original, copy, seal }: SealedCopy,
  dependencies: ExistingSealDependencies,
): Seal | undefined {
  const { crypto, anchors, now } = dependencies
  const parsed = parseOrNothing(seal)
  if (parsed === undefined) return undefined
  const { statement } = parsed
  if (!equalBytes(digestOfSource(copy, crypto), statement.file)) return undefined
  if (original !== undefined && !isOriginal(original, parsed, crypto)) return undefined
  const { checks } = verifySeal(parsed, { crypto, anchors, now: now() })
  const isGood = checks.every(
    (check) => check.outcome === 'holds' || (check.outcome === 'unknown' && check.reason === 'series_pending'),
  )
  return isGood ? parsed : undefined
}

/** Whether a file is, to the byte, what was sealed, before the signatures were put in. */
export const isOriginal = (source: ByteSource, { statement }: Pick<Seal, 'statement'>, crypto: Crypto): boolean =>
  equalBytes(digestOfSource(source, crypto), statement.original)

function parseOrNothing(seal: Uint8Array): Seal | undefined {
  try {
    return parseSeal(seal)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function digestOfSource(source: ByteSource, { hash }: Crypto): Uint8Array {
  const digest = hash('sha256')
  for (const chunk of source.chunks(0, source.length)) digest.update(chunk)
  return digest.digest()
}
