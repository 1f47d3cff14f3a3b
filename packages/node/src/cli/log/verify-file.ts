/**
 * Verify file: one file that shows something of a log, checked without asking anybody: a tlog-proof with the leaf that it
 * is of, a study file, or a Sigstore bundle.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { decodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { type BundleTrust, verifyBundle } from '@fiducial/core/domain/log/bundle-verify.ts'
import { makeEntry } from '@fiducial/core/domain/log/entry.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { parseStudyFile, STUDY_FILE_TYPE } from '@fiducial/core/domain/log/study-file.ts'
import { type EntryOutcome, type LogTrust, verifyLoggedStatement } from '@fiducial/core/domain/log/verify-entry.ts'
import { type StudyFileReport, verifyStudyFile } from '@fiducial/core/domain/log/verify-study-file.ts'
import { parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { BUNDLE_MEDIA_TYPE, parseSigstoreBundle } from '@fiducial/core/formats/sigstore/bundle.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import { leafOfSeal } from '../../services/log/seal-entry.ts'
import { withHint } from '../failure.ts'
import type { Proven } from './proven-things.ts'

/** Whom to believe. */
export interface FileTrust extends LogTrust, Pick<BundleTrust, 'anchors' | 'signers'> {}

export interface FileCheck {
  readonly subject: string
  readonly outcome: EntryOutcome
  readonly reason?: string
}

/** What a file shows; the checks say how far to believe it. */
export interface FileReport {
  readonly kind: 'entry' | 'study' | 'bundle'
  readonly outcome: EntryOutcome
  readonly checks: readonly FileCheck[]
  readonly index?: bigint
  /** Name of the log and how many entries its checkpoint has, as the file claims. */
  readonly origin?: string
  readonly size?: bigint
  /** What happened, as far as there is a statement. */
  readonly event?: { readonly type: string; readonly at: Date }
  readonly study?: NonNullable<StudyFileReport['study']>
  /** By when it was there, as witnesses or authorities say. */
  readonly notAfter?: Date
}

/** Which kind of file bytes are; undefined for none that shows something of a log. */
export function kindOf(bytes: Uint8Array): FileReport['kind'] | undefined {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 64))
  if (text.startsWith('c2sp.org/tlog-proof@')) return 'entry'
  if (!/^\s*\{/.test(text)) return undefined
  const mediaType = mediaTypeOf(bytes)
  if (mediaType === STUDY_FILE_TYPE) return 'study'
  return mediaType?.startsWith(BUNDLE_FAMILY) === true ? 'bundle' : undefined
}

/** All versions: another one than ours is a bundle that does not verify. */
const BUNDLE_FAMILY = BUNDLE_MEDIA_TYPE.replace(/\.v0\.3\+json$/, '')

function mediaTypeOf(bytes: Uint8Array): string | undefined {
  try {
    const { mediaType } = JSON.parse(decodeUtf8(bytes)) as { readonly mediaType?: unknown }
    return typeof mediaType === 'string' ? mediaType : undefined
  } catch {
    // Damaged: the name of the kind stands in it all the same, or it is another file.
    return /"mediaType":"([^"]{1,100})"/.exec(new TextDecoder('latin1').decode(bytes))?.[1]
  }
}

export function verifyStudyBytes(bytes: Uint8Array, trust: FileTrust, crypto: Crypto): FileReport {
  const { outcome, checks, study, notAfter } = verifyStudyFile(bytes, trust, crypto)
  const file = orUndefined(() => parseStudyFile(bytes))
  return {
    kind: 'study',
    outcome,
    checks,
    ...(study && { study }),
    ...(file && claimsOf(file.inclusion.index, file.inclusion.checkpoint)),
    ...(notAfter !== undefined && { notAfter: dateOf(notAfter) }),
  }
}

export function verifyBundleBytes(bytes: Uint8Array, trust: FileTrust, crypto: Crypto): FileReport {
  const report = verifyBundle(bytes, { ...trust, wantsTime: false }, crypto)
  const bundle = orUndefined(() => parseSigstoreBundle(bytes))
  return {
    kind: 'bundle',
    outcome: report.outcome,
    checks: report.checks,
    ...(bundle && claimsOf(bundle.index, bundle.checkpoint)),
    ...(bundle && eventOf(bundle.envelope.payload)),
    ...(report.provenAt && { notAfter: report.provenAt }),
  }
}

/**
 * Verifies a tlog-proof.
 * @param of  the seal, statement or leaf that it is a proof of; undefined where only the proof itself says
 * @throws {FormatError} `tlog_proof_malformed`; `entry_malformed` where nobody says what it is a proof of
 */
export function verifyProofBytes(
  bytes: Uint8Array,
  of: Proven | undefined,
  trust: FileTrust,
  crypto: Crypto,
): FileReport {
  const { index, hashes: proof, checkpoint, extra } = parseTlogProof(bytes)
  const { leaf, payload } = of === undefined ? { leaf: extra, payload: null } : readProven(of, crypto)
  if (leaf === undefined) {
    throw withHint(
      new FormatError('entry_malformed', 'nothing says what this is a proof of'),
      '--of FILE names the seal, bundle or entry',
    )
  }
  const report = verifyLoggedStatement({ payload, leaf, index, proof, checkpoint }, trust, crypto)
  // Without a statement, what is shown is that the leaf is in the log; that is all that was asked.
  const checks = payload === null ? report.checks.filter(({ subject }) => !OF_STATEMENT.has(subject)) : report.checks
  return {
    kind: 'entry',
    outcome: worst(checks),
    checks,
    ...claimsOf(index, checkpoint),
    ...(payload !== null && eventOf(payload)),
    ...(report.notAfter !== undefined && { notAfter: dateOf(report.notAfter) }),
  }
}

const OF_STATEMENT: ReadonlySet<string> = new Set(['statement', 'signature'])

const worst = (checks: readonly FileCheck[]): EntryOutcome =>
  (['fails', 'unknown'] as const).find((outcome) => checks.some((check) => check.outcome === outcome)) ?? 'holds'

/** @throws {FormatError} for a seal that is none */
function readProven(of: Proven, crypto: Crypto): { readonly leaf: Uint8Array; readonly payload: Uint8Array | null } {
  if (of.kind === 'leaf') return { leaf: of.bytes, payload: null }
  if (of.kind === 'bundle') {
    const { body, envelope } = parseSigstoreBundle(of.bytes)
    return { leaf: body, payload: envelope.payload }
  }
  const seal = leafOfSeal(parseSeal(of.bytes), crypto)
  return { leaf: makeEntry(seal, crypto.hash), payload: seal.payload }
}

function claimsOf(index: bigint, checkpoint: string): Pick<FileReport, 'index' | 'origin' | 'size'> {
  const claimed = orUndefined(() => parseCheckpoint(parseNote(checkpoint).text))
  return { index, ...(claimed && { origin: claimed.origin, size: claimed.size }) }
}

/** What happened, also by a statement that is too long to be read as an event. */
function eventOf(payload: Uint8Array): Pick<FileReport, 'event'> {
  const event = orUndefined(() => parseEventStatement(payload))
  if (event !== undefined && event.type !== 'acquired') return { event: { type: event.type, at: event.at } }
  const acquisition = orUndefined(() => parseStatement(payload))
  return acquisition === undefined ? {} : { event: { type: 'acquired', at: acquisition.sealedAt } }
}

const dateOf = (seconds: bigint): Date => new Date(Number(seconds) * 1000)

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
