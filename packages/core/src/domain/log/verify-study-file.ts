/**
 * Verify a study file: how many instances a study has in a log that we believe, without asking anybody.
 *
 * Every check that was made is in the result. It says what was recorded up to the map root, and nothing about images
 * that never came to the log.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { spkiOfVerifierKey } from '../../formats/note/verifier-key.ts'
import { parseEventStatement } from './event.ts'
import type { CustodyStatement } from './event-details.ts'
import { type ProofFlaw, type StudyFinding, verifyCompleteness } from './map/verify.ts'
import { parseStudyFile, type StudyFile } from './study-file.ts'
import {
  type EntryCheck,
  type EntryFailure,
  type EntryGap,
  type EntryOutcome,
  type EntryReport,
  type EntrySubject,
  fails,
  holds,
  type LogTrust,
  outcomeOf,
  unknown,
  verifyLoggedStatement,
} from './verify-entry.ts'

export type StudyFileSubject =
  | EntrySubject
  /** The bytes are a study file in its one spelling. */
  | 'encoding'
  /** The statement is a map root, of no more of the log than stood before it. */
  | 'event'
  /** The log itself signed the statement. */
  | 'signer'
  /** The proof leads from the study to that map root. */
  | 'completeness'

export type StudyFileFailure =
  | EntryFailure
  | 'study_file_malformed'
  | 'event_other'
  /** The map claims to know entries that came after it. */
  | 'map_ahead'
  | 'signer_other'
  | `completeness_${ProofFlaw}`

export type StudyFileCheck = EntryCheck<StudyFileSubject, StudyFileFailure, EntryGap>

export interface StudyFileReport {
  readonly outcome: EntryOutcome
  readonly checks: readonly StudyFileCheck[]
  /** As far as it could be read; believe it only as far as the checks hold. */
  readonly study?: {
    readonly studyInstanceUid: string
    readonly finding: StudyFinding
    /** The entry with the map root. */
    readonly index: bigint
    /** Entries of the log that the map has worked in: the finding is as of these. */
    readonly size: bigint
    /** When the log said so, by its clock. */
    readonly at: Date
  }
  /** Seconds: the map root was in the log by then, if the quorum of witnesses is honest. */
  readonly notAfter?: bigint
}

type MapRoot = Extract<CustodyStatement, { readonly type: 'map-root' }>

/** Verifies a study file, offline. It throws nothing, whatever the bytes are. */
export function verifyStudyFile(bytes: Uint8Array, trust: LogTrust, crypto: Crypto): StudyFileReport {
  const file = parseOrUndefined(() => parseStudyFile(bytes))
  if (file === undefined) return { outcome: 'fails', checks: [fails('encoding', 'study_file_malformed')] }
  const { statement: payload, leaf, inclusion, studyInstanceUid } = file
  const { index, hashes: proof, checkpoint } = inclusion
  const logged = verifyLoggedStatement({ payload, leaf, index, proof, checkpoint }, trust, crypto)
  const mapRoot = readMapRoot(payload)
  const finding =
    mapRoot && verifyCompleteness(crypto.hash, { mapRoot: mapRoot.details, proof: file.completeness, studyInstanceUid })
  const checks: readonly StudyFileCheck[] = [
    holds('encoding'),
    checkEvent(mapRoot, file),
    ...logged.checks,
    checkSigner(logged, trust),
    checkFinding(finding),
  ]
  return {
    outcome: outcomeOf(checks),
    checks,
    ...(mapRoot &&
      finding && { study: { studyInstanceUid, finding, index, size: mapRoot.details.size, at: mapRoot.at } }),
    ...(logged.notAfter !== undefined && { notAfter: logged.notAfter }),
  }
}

function readMapRoot(payload: Uint8Array): MapRoot | undefined {
  const event = parseOrUndefined(() => parseEventStatement(payload))
  return event?.type === 'map-root' ? event : undefined
}

function checkEvent(mapRoot: MapRoot | undefined, { inclusion }: StudyFile): StudyFileCheck {
  if (mapRoot === undefined) return fails('event', 'event_other')
  return mapRoot.details.size > inclusion.index ? fails('event', 'map_ahead') : holds('event')
}

/** A map root is the log's own word: nobody else's key says what its map holds. */
function checkSigner({ entry, checkpoint }: EntryReport, { keys }: LogTrust): StudyFileCheck {
  if (entry === undefined) return unknown('signer', 'entry_unread')
  if (checkpoint === undefined) return unknown('signer', 'log_unknown')
  const { origin } = checkpoint.checkpoint
  const own = keys.filter(({ name, type }) => name === origin && type === 'ed25519')
  if (own.length === 0) return unknown('signer', 'log_unknown')
  return own.some((key) => equalBytes(spkiOfVerifierKey(key), entry.spki))
    ? holds('signer')
    : fails('signer', 'signer_other')
}

function checkFinding(finding: StudyFinding | undefined): StudyFileCheck {
  if (finding === undefined) return unknown('completeness', 'entry_unread')
  return finding.outcome === 'refused' ? fails('completeness', `completeness_${finding.reason}`) : holds('completeness')
}

function parseOrUndefined<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
