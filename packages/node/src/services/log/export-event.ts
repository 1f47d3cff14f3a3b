/**
 * Export event: the files of one event of a log.
 *
 * A statement that is there becomes a Sigstore bundle, with tokens of timestamp authorities over its signature. One that
 * was erased, or that no bundle has room for, leaves its leaf. In each case there is a C2SP tlog-proof.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { encodeUtf8, equalBytes } from '@fiducial/core/bytes/text.ts'
import { bundleImprint, exportBundle, hintOf } from '@fiducial/core/domain/log/bundle.ts'
import { isEntryOf, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { type EventType, parseEventStatement, STATEMENT_LIMIT } from '@fiducial/core/domain/log/event.ts'
import { keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { verifyTimestamp } from '@fiducial/core/domain/trust/timestamp.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { parseTimestampResponse, parseTimestampToken } from '@fiducial/core/formats/cms/timestamp.ts'
import type { VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseSigstoreBundle } from '@fiducial/core/formats/sigstore/bundle.ts'
import type { RekorEntry } from '@fiducial/core/formats/sigstore/rekor-entry.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { formatTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { TimestampAuthority } from '../ports.ts'
import type { LogView, ProvenEntry } from './log-view.ts'
import type { RecordStore } from './ports.ts'

export interface EventPorts {
  readonly view: LogView
  readonly records: Pick<RecordStore, 'payload'> | undefined
  readonly authorities: readonly ExportAuthority[]
  /** The file of a name that an earlier export left: where all else in a bundle is the same, its tokens are kept. */
  readonly earlier?: (name: string) => Promise<Uint8Array | undefined>
}

/** An authority, with the certificates from its own up to a root. */
export interface ExportAuthority {
  readonly authority: TimestampAuthority
  readonly chain: readonly Certificate[]
}

export interface EventOptions {
  readonly crypto: Crypto
  readonly policy: WitnessPolicy
  /** Ed25519. */
  readonly log: VerifierKey
}

/**
 * `stated`: there is a bundle. `large`: the statement is longer than any verifier of events reads, and stands beside its
 * leaf. `erased`. `absent`: the log keeps no statement of this entry, or none that the entry could be about.
 */
export type StatementState = 'stated' | 'large' | 'erased' | 'absent'

export interface ExportedEvent {
  readonly index: bigint
  readonly state: StatementState
  /** Null where the statement is not there, or is none of our events. */
  readonly type: EventType | null
  /** When it happened, as the statement has it. */
  readonly at: Date | null
  /** By what a bundle calls the signer's key; null where the entry is none of ours. */
  readonly signer: string | null
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[]
}

/** An index has at most 19 digits; names sort as numbers do. */
const DIGITS = 20
/** Tokens that are asked for, until one is there that all verifiers read. */
const ATTEMPTS = 4

/**
 * The files of an event.
 * @throws {StoreError} `entry_missing`; `log_corrupted`, also where a statement is not the one that its entry is about;
 *   what an authority throws
 */
export async function exportEvent(index: bigint, ports: EventPorts, options: EventOptions): Promise<ExportedEvent> {
  const [proven, payload] = await Promise.all([ports.view.prove(index), ports.records?.payload(index)])
  const entry = readOrNull(() => readEntry(proven.leaf))
  const signer = entry === null ? null : hintOf(entry.spki, options.crypto.hash)
  const proof = { name: nameOf(index, 'tlog-proof'), bytes: writeProof(proven, ports.view) }
  const leaf = { name: nameOf(index, 'leaf'), bytes: proven.leaf }
  const unstated = { index, type: null, at: null, signer, files: [proof, leaf] }
  if (payload === 'erased') return { ...unstated, state: 'erased' }
  if (payload === undefined || entry === null) return { ...unstated, state: 'absent' }
  if (!isEntryOf(entry, payload, options.crypto.hash)) {
    throw new StoreError('log_corrupted', `the statement of entry ${index} is another one`)
  }
  const stated = { index, ...describe(payload), signer }
  if (payload.length > STATEMENT_LIMIT) {
    const statement = { name: nameOf(index, 'statement.json'), bytes: payload }
    return { ...stated, state: 'large', files: [proof, leaf, statement] }
  }
  const name = nameOf(index, 'sigstore.json')
  const write = bundleWriter(proven, entry, payload, ports, options)
  const bundle = { name, bytes: (await keepEarlier(name, entry, write, ports, options)) ?? (await write()) }
  return { ...stated, state: 'stated', files: [bundle, proof] }
}

const nameOf = (index: bigint, ending: string): string => `events/${String(index).padStart(DIGITS, '0')}.${ending}`

const writeProof = ({ index, proof }: ProvenEntry, { checkpoint }: LogView): Uint8Array =>
  encodeUtf8(formatTlogProof({ index, hashes: proof, checkpoint: checkpoint.note }))

/** Writes the bundle of an entry, with these tokens, or with new ones. */
type WriteBundle = (tokens?: readonly Uint8Array[]) => Promise<Uint8Array>

function bundleWriter(
  { index, proof }: ProvenEntry,
  { signature, spki }: RekorEntry,
  payload: Uint8Array,
  { view, authorities }: EventPorts,
  { crypto, policy, log }: EventOptions,
): WriteBundle {
  const statement = { payload, signature, spki }
  const { note: checkpoint } = view.checkpoint
  const cosigners = keysOfPolicy(policy)
  return async (tokens) => {
    const imprint = bundleImprint(signature, crypto.hash)
    const timestamps = tokens ?? (await Promise.all(authorities.map(({ authority }) => stamp(authority, imprint))))
    return exportBundle({ statement, index, proof, checkpoint, log, cosigners, timestamps }, crypto.hash)
  }
}

/** The bundle that an earlier export left, where it is what this one would write, and its tokens hold. */
async function keepEarlier(
  name: string,
  { signature }: RekorEntry,
  write: WriteBundle,
  { authorities, earlier }: EventPorts,
  { crypto }: EventOptions,
): Promise<Uint8Array | undefined> {
  const bytes = await earlier?.(name)
  const tokens = bytes && readOrNull(() => tokensIn(bytes))
  if (bytes === undefined || tokens == null || tokens.length !== authorities.length) return undefined
  const imprint = { name: 'sha256', digest: bundleImprint(signature, crypto.hash) } as const
  const isGood = authorities.every(({ chain }, i) => {
    const anchors = { roots: chain.slice(-1), intermediates: chain.slice(0, -1), crls: [] }
    return verifyTimestamp(tokens[i] as Uint8Array, imprint, anchors, crypto).outcome === 'holds'
  })
  return isGood && equalBytes(await write(tokens), bytes) ? bytes : undefined
}

const tokensIn = (bundle: Uint8Array): readonly Uint8Array[] =>
  parseSigstoreBundle(bundle).timestamps.flatMap((response) => parseTimestampResponse(response).token ?? [])

/**
 * A token over a digest. Sigstore's verifier in JavaScript reads no fraction of a second of one or two digits, which is
 * what DER makes of one time in ten: another token is asked for then.
 */
async function stamp(authority: TimestampAuthority, imprint: Uint8Array): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    const token = await authority.timestamp('sha256', imprint)
    const milliseconds = parseTimestampToken(token).info.time.getUTCMilliseconds()
    if (milliseconds === 0 || milliseconds % 10 !== 0 || attempt === ATTEMPTS) return token
  }
}

/** Which event a statement is, and of when; nothing for one that is none of ours. */
function describe(payload: Uint8Array): Pick<ExportedEvent, 'type' | 'at'> {
  const event = readOrNull(() => parseEventStatement(payload))
  if (event !== null && event.type !== 'acquired') return { type: event.type, at: event.at }
  // Also for one that is too long to be read as an event.
  const acquisition = readOrNull(() => parseStatement(payload))
  return { type: acquisition === null ? null : 'acquired', at: acquisition?.sealedAt ?? null }
}

function readOrNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) return null
    throw error
  }
}
