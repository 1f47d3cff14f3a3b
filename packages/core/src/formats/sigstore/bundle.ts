/**
 * Sigstore bundle: a signed statement with everything that is needed to verify it offline, as other programs read it.
 *
 * Source: sigstore/protobuf-specs, sigstore_bundle.proto 0.3, sigstore_rekor.proto, sigstore_common.proto, in the JSON of
 * protocol buffers. Narrower than it: one statement in an envelope, one key in the open, one log entry with its proof;
 * canonical JSON (RFC 8785), every field in its one spelling, what is said twice said alike. So no byte changes unseen
 * but in the values, which domain/log verifies.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { equalBytes } from '../../bytes/text.ts'
import { type Envelope, formatEnvelope, parseEnvelope } from '../dsse/envelope.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../json/canonical.ts'
import { JsonFields } from '../json/fields.ts'
import type { JsonObject } from '../json/parse.ts'
import { parseNote } from '../note/note.ts'
import { type Checkpoint, parseCheckpoint } from '../tlog/checkpoint.ts'
import { parseRekorEntry, REKOR_ENTRY } from './rekor-entry.ts'

export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

export interface SigstoreBundle {
  /** One signature. */
  readonly envelope: Envelope
  /** By which a verifier finds the signer's key: 1 to 256 printable ASCII characters. */
  readonly hint: string
  /** Identifier of the log, 32 bytes. */
  readonly logKeyId: Uint8Array
  readonly index: bigint
  /** From the leaf's neighbour up; at most 63 digests. */
  readonly proof: readonly Uint8Array[]
  /** Signed note; size and root of the proof are those of its checkpoint. */
  readonly checkpoint: string
  /** The leaf: a Rekor entry with the signature of the envelope. */
  readonly body: Uint8Array
  /** RFC 3161 responses, DER, over the bytes of the signature. */
  readonly timestamps: readonly Uint8Array[]
}

/** Bytes of a bundle: a statement of 1 MiB in base64, and 64 KiB of cosignatures and timestamps, with room to spare. */
export const BUNDLE_LIMIT = 4 * 1024 * 1024
const NUMBER_LIMIT = (1n << 63n) - 1n
const PROOF_LIMIT = 63
const BODY_LIMIT = 65_535
const TIMESTAMPS_LIMIT = 4
const TIMESTAMP_LIMIT = 64 * 1024
const LIMITS = { depth: 12, length: BUNDLE_LIMIT }

/**
 * Reads a bundle. Accepts exactly what {@link formatSigstoreBundle} writes.
 * @throws {FormatError} `bundle_malformed`, or the code of the part: `json_malformed`, `envelope_malformed`,
 *   `entry_malformed`, `note_malformed`, `checkpoint_malformed`
 */
export function parseSigstoreBundle(bytes: Uint8Array): SigstoreBundle {
  const fields = new JsonFields(parseCanonicalJson(bytes, LIMITS), 'bundle_malformed')
  fields.constant('mediaType', BUNDLE_MEDIA_TYPE)
  const envelope = parseEnvelope(fields.value('dsseEnvelope'))
  const material = fields.object('verificationMaterial', readMaterial)
  fields.finish()
  const [signature, ...others] = envelope.signatures
  if (signature === undefined || others.length > 0) throw fields.refuse('dsseEnvelope', 'has more than one signature')
  if (!equalBytes(parseRekorEntry(material.body).signature, signature.sig)) {
    throw fields.refuse('verificationMaterial', 'is of another signature')
  }
  return { envelope, ...material }
}

/**
 * Writes a bundle; the inverse of {@link parseSigstoreBundle}.
 * @throws {FormatError} as that, for a value that it would refuse
 */
export function formatSigstoreBundle(bundle: SigstoreBundle): Uint8Array {
  const { envelope, hint, checkpoint, timestamps } = bundle
  const bytes = encodeCanonicalJson({
    mediaType: BUNDLE_MEDIA_TYPE,
    dsseEnvelope: formatEnvelope(envelope),
    verificationMaterial: {
      publicKey: { hint },
      tlogEntries: [writeEntry(bundle, readCheckpoint(checkpoint))],
      timestampVerificationData: {
        rfc3161Timestamps: timestamps.map((response) => ({ signedTimestamp: encodeBase64(response) })),
      },
    },
  })
  // Nobody shall be handed what no verifier reads.
  parseSigstoreBundle(bytes)
  return bytes
}

/** The checkpoint that the proof of a bundle leads to; its signatures are not looked at. */
export const readCheckpoint = (note: string): Checkpoint => parseCheckpoint(parseNote(note).text)

type Material = Omit<SigstoreBundle, 'envelope'>
type Entry = Omit<Material, 'hint' | 'timestamps'>

function readMaterial(fields: JsonFields): Material {
  const hint = fields.object('publicKey', (key) => key.string('hint', /^[\x21-\x7e]{1,256}$/))
  const [entry] = fields.objects('tlogEntries', 1, readEntry)
  if (entry === undefined) throw fields.refuse('tlogEntries', 'has no entry')
  const timestamps = fields.object('timestampVerificationData', (data) =>
    data.objects('rfc3161Timestamps', TIMESTAMPS_LIMIT, (item) => item.base64('signedTimestamp', TIMESTAMP_LIMIT)),
  )
  return { hint, ...entry, timestamps }
}

function readEntry(fields: JsonFields): Entry {
  fields.object('kindVersion', (kind) => {
    kind.constant('kind', REKOR_ENTRY.kind)
    kind.constant('version', REKOR_ENTRY.version)
  })
  const logKeyId = fields.object('logId', (id) => id.base64('keyId', 32))
  const index = fields.bigint('logIndex', NUMBER_LIMIT)
  const inclusion = fields.object('inclusionProof', (proof) => readProof(proof, index))
  const body = fields.base64('canonicalizedBody', BODY_LIMIT)
  if (logKeyId.length !== 32) throw fields.refuse('logId', 'is not 32 bytes')
  return { logKeyId, index, ...inclusion, body }
}

function readProof(fields: JsonFields, index: bigint): Pick<Entry, 'proof' | 'checkpoint'> {
  const checkpoint = fields.object('checkpoint', (inner) => inner.string('envelope', /^/))
  const { size, root } = readCheckpoint(checkpoint)
  if (fields.bigint('logIndex', NUMBER_LIMIT) !== index) throw fields.refuse('logIndex', 'is another one')
  if (fields.bigint('treeSize', NUMBER_LIMIT) !== size) throw fields.refuse('treeSize', 'is not that of the checkpoint')
  if (!equalBytes(fields.base64('rootHash', 32), root)) throw fields.refuse('rootHash', 'is not that of the checkpoint')
  const proof = fields.base64s('hashes', PROOF_LIMIT, 32)
  if (proof.some((hash) => hash.length !== 32)) throw fields.refuse('hashes', 'has one that is not 32 bytes')
  return { proof, checkpoint }
}

const writeEntry = (entry: Entry, { size, root }: Checkpoint): JsonObject => ({
  logIndex: String(entry.index),
  logId: { keyId: encodeBase64(entry.logKeyId) },
  kindVersion: { kind: REKOR_ENTRY.kind, version: REKOR_ENTRY.version },
  inclusionProof: {
    logIndex: String(entry.index),
    rootHash: encodeBase64(root),
    treeSize: String(size),
    hashes: entry.proof.map(encodeBase64),
    checkpoint: { envelope: entry.checkpoint },
  },
  canonicalizedBody: encodeBase64(entry.body),
})
