/**
 * Sign a checkpoint: as its log, or as a witness of it.
 *
 * Source: C2SP signed-note, tlog-checkpoint section "Signatures", tlog-cosignature. A log of ours signs with Ed25519 and,
 * as the standard recommends, with ML-DSA-44, both under its origin. Whether a checkpoint may be signed, being consistent
 * with all that were signed before, is left to the caller; so are the keys, which never show.
 */
import { formatSignatureLine, type NoteSignature, parseNote } from '../../formats/note/note.ts'
import { signatureLength, type VerifierKey } from '../../formats/note/verifier-key.ts'
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from '../../formats/tlog/checkpoint.ts'
import { formatTimestamped } from '../../formats/tlog/cosignature.ts'
import { type CheckpointText, checkpointMessage } from './checkpoint-message.ts'

/** A private key that signs notes. */
export interface NoteSigner {
  readonly key: VerifierKey
  /** Bare signature over a message: Ed25519 (64 bytes) or ML-DSA-44 with an empty context (2,420), as the key's type is. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** What a log signs with. */
export interface LogSigner {
  readonly origin: string
  /** Key of type ed25519 whose name is the origin. */
  readonly ed25519: NoteSigner
  /** Key of type cosignature-ml-dsa-44 whose name is the origin. */
  readonly mlDsa44?: NoteSigner
}

/** The keys that a log signs with: what others need to check it. */
export function keysOfSigner({ ed25519, mlDsa44 }: LogSigner): readonly VerifierKey[] {
  return mlDsa44 === undefined ? [ed25519.key] : [ed25519.key, mlDsa44.key]
}

/**
 * Signs a checkpoint as its log.
 *
 * @param now  seconds; goes into the ML-DSA-44 signature
 * @returns the signed note: the line of Ed25519 first
 * @throws {RangeError} for a checkpoint of another origin, keys of another name or type, or a time that is none
 * @throws what the signers throw
 */
export async function signCheckpoint(checkpoint: Checkpoint, signer: LogSigner, now: bigint): Promise<string> {
  checkSigner(signer, checkpoint.origin)
  const text = formatCheckpoint(checkpoint)
  const { ed25519, mlDsa44 } = signer
  const signers = mlDsa44 === undefined ? [ed25519] : [ed25519, mlDsa44]
  return `${text}\n${await linesOf(signers, { checkpoint, text }, now)}`
}

/**
 * Cosigns a checkpoint as a witness.
 *
 * @param note     signed note; its signatures are not looked at
 * @param signers  keys for cosignatures, at least one
 * @param now      seconds, at least 1n
 * @returns a signature line for each signer, in their order, to go under the note
 * @throws {FormatError} `note_malformed`, `checkpoint_malformed`
 * @throws {RangeError} for a key of type ed25519, an origin too long for ML-DSA-44, or a time that is none
 */
export async function cosign(note: string, signers: readonly NoteSigner[], now: bigint): Promise<string> {
  if (now <= 0n) throw new RangeError('a witness states a time')
  if (signers.some(({ key }) => key.type === 'ed25519')) throw new RangeError('not a key for cosignatures')
  const { text } = parseNote(note)
  return linesOf(signers, { checkpoint: parseCheckpoint(text), text }, now)
}

async function linesOf(signers: readonly NoteSigner[], text: CheckpointText, now: bigint): Promise<string> {
  const signatures = await Promise.all(signers.map((signer) => sign(signer, text, now)))
  return signatures.map(formatSignatureLine).join('')
}

async function sign(signer: NoteSigner, text: CheckpointText, timestamp: bigint): Promise<NoteSignature> {
  const { name, keyId, type } = signer.key
  const message = checkpointMessage(signer.key, text, timestamp)
  if (message === undefined) throw new RangeError('a name too long for an ML-DSA-44 signature')
  const signature = await signer.sign(message)
  if (signature.length !== signatureLength(type)) throw new RangeError('a signature of another algorithm')
  return { name, keyId, signature: type === 'ed25519' ? signature : formatTimestamped({ timestamp, signature }) }
}

function checkSigner({ origin, ed25519, mlDsa44 }: LogSigner, checkpointOrigin: string): void {
  if (origin !== checkpointOrigin) throw new RangeError('a checkpoint of another log')
  const isRight = ({ key }: NoteSigner, type: VerifierKey['type']) => key.type === type && key.name === origin
  if (!isRight(ed25519, 'ed25519')) throw new RangeError('not the Ed25519 key of this log')
  if (mlDsa44 && !isRight(mlDsa44, 'cosignature-ml-dsa-44')) throw new RangeError('not the ML-DSA-44 key of this log')
}
