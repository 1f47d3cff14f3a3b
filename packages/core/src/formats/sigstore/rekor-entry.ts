/**
 * Rekor entry: what a transparency log hashes into its tree about one signed statement.
 *
 * Source: Rekor v2 (sigstore/rekor-tiles), entry `dsse` 0.0.2; field names are those of sigstore/protobuf-specs,
 * rekor/v2. Canonical JSON (RFC 8785), one signature, keys in the open and no certificates. The entry holds the digest
 * of the statement and nothing of what it says. Whether the signature holds is left to others.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { readPublicKey } from '../../bytes/public-key.ts'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { parseCanonicalJson } from '../json/canonical.ts'
import { JsonFields } from '../json/fields.ts'
import type { JsonValue } from '../json/parse.ts'

/**
 * Kind and version of the entries that are read and written, with the name of their inner part. A newer body hashes the
 * pre-authentication encoding in place of the payload; verifiers of today refuse it.
 */
export const REKOR_ENTRY = { kind: 'dsse', version: '0.0.2', spec: 'dsseV002' } as const

/** Names of keys in sigstore: Ed25519; ECDSA on P-256 with SHA-256, signatures in DER. */
export type KeyDetails = 'PKIX_ED25519' | 'PKIX_ECDSA_P256_SHA_256'

export interface RekorEntry {
  /** SHA-256 of the statement, 32 bytes. */
  readonly payloadSha256: Uint8Array
  /** Over the pre-authentication encoding (DSSE) of the statement; 64 bytes of Ed25519, or ECDSA in DER. */
  readonly signature: Uint8Array
  readonly keyDetails: KeyDetails
  /** SubjectPublicKeyInfo of the signer, DER. */
  readonly spki: Uint8Array
}

/** An entry has some 400 bytes. */
const LIMITS = { depth: 8, length: 4096 }
/** Bytes of an ECDSA signature over P-256: two INTEGERs of at most 33 bytes. */
const ECDSA_LIMIT = 72
const SPKI_LIMIT = 128

/**
 * Reads an entry. Accepts exactly what {@link formatRekorEntry} writes.
 * @throws {FormatError} `entry_malformed`
 */
export function parseRekorEntry(bytes: Uint8Array): RekorEntry {
  const fields = new JsonFields(open(bytes), 'entry_malformed')
  fields.constant('apiVersion', REKOR_ENTRY.version)
  fields.constant('kind', REKOR_ENTRY.kind)
  const entry = fields.object('spec', (spec) => spec.object(REKOR_ENTRY.spec, readSpec))
  fields.finish()
  checkEntry(entry)
  return entry
}

/**
 * Writes an entry.
 * @throws {FormatError} `entry_malformed` for a key or signature of another kind or length than it says
 */
export function formatRekorEntry(entry: RekorEntry): Uint8Array {
  checkEntry(entry)
  const digest = encodeBase64(entry.payloadSha256)
  const content = encodeBase64(entry.signature)
  const rawBytes = encodeBase64(entry.spki)
  // Written out, since each event passes here; names stand in the order of RFC 8785, and base64 needs no escapes.
  return encodeUtf8(
    `{"apiVersion":"${REKOR_ENTRY.version}","kind":"${REKOR_ENTRY.kind}","spec":{"${REKOR_ENTRY.spec}":{` +
      `"payloadHash":{"algorithm":"SHA2_256","digest":"${digest}"},"signatures":[{"content":"${content}",` +
      `"verifier":{"keyDetails":"${entry.keyDetails}","publicKey":{"rawBytes":"${rawBytes}"}}}]}}}`,
  )
}

/**
 * What sigstore calls a key.
 * @param spki  SubjectPublicKeyInfo, DER
 * @returns undefined for any other key than Ed25519 and P-256
 */
export function keyDetailsOf(spki: Uint8Array): KeyDetails | undefined {
  const algorithm = readPublicKey(spki)?.algorithm
  if (algorithm === 'ed25519') return 'PKIX_ED25519'
  return algorithm === 'ecdsa-p256' ? 'PKIX_ECDSA_P256_SHA_256' : undefined
}

function open(bytes: Uint8Array): JsonValue {
  try {
    return parseCanonicalJson(bytes, LIMITS)
  } catch (cause) {
    if (cause instanceof FormatError) throw new FormatError('entry_malformed', 'no canonical JSON', { cause })
    throw cause
  }
}

function readSpec(fields: JsonFields): RekorEntry {
  const payloadSha256 = fields.object('payloadHash', (hash) => {
    hash.constant('algorithm', 'SHA2_256')
    return hash.base64('digest', 32)
  })
  const [signature] = fields.objects('signatures', 1, readSignature)
  if (signature === undefined) throw fields.refuse('signatures', 'has no entry')
  return { payloadSha256, ...signature }
}

function readSignature(fields: JsonFields): Omit<RekorEntry, 'payloadSha256'> {
  const signature = fields.base64('content', ECDSA_LIMIT)
  const key = fields.object('verifier', (verifier) => ({
    keyDetails: verifier.string('keyDetails', /^PKIX_(?:ED25519|ECDSA_P256_SHA_256)$/) as KeyDetails,
    spki: verifier.object('publicKey', (publicKey) => publicKey.base64('rawBytes', SPKI_LIMIT)),
  }))
  return { signature, ...key }
}

function checkEntry({ payloadSha256, signature, keyDetails, spki }: RekorEntry): void {
  if (payloadSha256.length !== 32) throw malformed(`a digest of ${payloadSha256.length} bytes`)
  if (keyDetailsOf(spki) !== keyDetails) throw malformed('the key is of another kind than it says')
  const { length } = signature
  const fits = keyDetails === 'PKIX_ED25519' ? length === 64 : length >= 8 && length <= ECDSA_LIMIT
  if (!fits) throw malformed(`a signature of ${length} bytes`)
}

const malformed = (problem: string): FormatError => new FormatError('entry_malformed', problem)
