/**
 * Trusted root: the keys of logs and timestamp authorities by which others verify bundles.
 *
 * Source: sigstore/protobuf-specs, sigstore_trustroot.proto, media type 0.1, in the JSON of protocol buffers. Narrower
 * than it: logs with an Ed25519 key, no certificate authorities, canonical JSON (RFC 8785). Whoever hands it over is
 * believed: it is signed by nobody.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { readPublicKey } from '../../bytes/public-key.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../json/canonical.ts'
import { JsonFields } from '../json/fields.ts'
import type { JsonObject } from '../json/parse.ts'

export const TRUSTED_ROOT_MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'

export interface TrustedLog {
  /** Name of the log; sigstore calls it base URL. */
  readonly origin: string
  /** SHA-256 of which a key ID is the first 4 bytes (C2SP signed-note), 32 bytes. */
  readonly keyId: Uint8Array
  /** SubjectPublicKeyInfo of its Ed25519 key, DER. */
  readonly spki: Uint8Array
  readonly validFrom: Date
}

export interface TrustedAuthority {
  readonly organisation: string
  readonly commonName: string
  /** DER, from the authority's own up to a root; 1 to 8. */
  readonly certificates: readonly Uint8Array[]
  readonly validFrom: Date
}

export interface TrustedRoot {
  readonly logs: readonly TrustedLog[]
  readonly authorities: readonly TrustedAuthority[]
}

const LIMITS = { depth: 10, length: 4 * 1024 * 1024 }
const ITEMS_LIMIT = 64
const CHAIN_LIMIT = 8
const CERTIFICATE_LIMIT = 64 * 1024
const SPKI_LIMIT = 128
const TEXT = /^[^\p{Cc}\p{Cs}]{0,256}$/u
const ORIGIN = /^[^\s+\p{Cc}\p{Cs}]{1,256}$/u

/**
 * Reads a trusted root. Accepts exactly what {@link formatTrustedRoot} writes.
 * @throws {FormatError} `trusted_root_malformed`; `json_malformed`
 */
export function parseTrustedRoot(bytes: Uint8Array): TrustedRoot {
  const fields = new JsonFields(parseCanonicalJson(bytes, LIMITS), 'trusted_root_malformed')
  fields.constant('mediaType', TRUSTED_ROOT_MEDIA_TYPE)
  const none = () => undefined
  fields.objects('certificateAuthorities', 0, none)
  fields.objects('ctlogs', 0, none)
  const root = {
    logs: fields.objects('tlogs', ITEMS_LIMIT, readLog),
    authorities: fields.objects('timestampAuthorities', ITEMS_LIMIT, readAuthority),
  }
  fields.finish()
  return root
}

/**
 * Writes a trusted root; the inverse of {@link parseTrustedRoot}.
 * @throws {FormatError} `trusted_root_malformed` for a value that it would refuse
 */
export function formatTrustedRoot({ logs, authorities }: TrustedRoot): Uint8Array {
  const bytes = encodeCanonicalJson({
    mediaType: TRUSTED_ROOT_MEDIA_TYPE,
    certificateAuthorities: [],
    ctlogs: [],
    tlogs: logs.map(writeLog),
    timestampAuthorities: authorities.map(writeAuthority),
  })
  parseTrustedRoot(bytes)
  return bytes
}

function readLog(fields: JsonFields): TrustedLog {
  const origin = fields.string('baseUrl', ORIGIN)
  fields.constant('hashAlgorithm', 'SHA2_256')
  const keyId = fields.object('logId', (id) => id.base64('keyId', 32))
  const key = fields.object('publicKey', (inner) => {
    inner.constant('keyDetails', 'PKIX_ED25519')
    return { spki: inner.base64('rawBytes', SPKI_LIMIT), validFrom: inner.object('validFor', readStart) }
  })
  if (keyId.length !== 32) throw fields.refuse('logId', 'is not 32 bytes')
  if (readPublicKey(key.spki)?.algorithm !== 'ed25519') throw fields.refuse('publicKey', 'is no Ed25519 key')
  return { origin, keyId, ...key }
}

const writeLog = ({ origin, keyId, spki, validFrom }: TrustedLog): JsonObject => ({
  baseUrl: origin,
  hashAlgorithm: 'SHA2_256',
  logId: { keyId: encodeBase64(keyId) },
  publicKey: { keyDetails: 'PKIX_ED25519', rawBytes: encodeBase64(spki), validFor: writeStart(validFrom) },
})

function readAuthority(fields: JsonFields): TrustedAuthority {
  const subject = fields.object('subject', (inner) => ({
    organisation: inner.string('organization', TEXT),
    commonName: inner.string('commonName', TEXT),
  }))
  fields.constant('uri', '')
  const certificates = fields.object('certChain', (chain) =>
    chain.objects('certificates', CHAIN_LIMIT, (item) => item.base64('rawBytes', CERTIFICATE_LIMIT)),
  )
  if (certificates.length === 0) throw fields.refuse('certChain', 'has no certificate')
  return { ...subject, certificates, validFrom: fields.object('validFor', readStart) }
}

const writeAuthority = ({ organisation, commonName, certificates, validFrom }: TrustedAuthority): JsonObject => ({
  subject: { organization: organisation, commonName },
  uri: '',
  certChain: { certificates: certificates.map((bytes) => ({ rawBytes: encodeBase64(bytes) })) },
  validFor: writeStart(validFrom),
})

const readStart = (fields: JsonFields): Date => fields.time('start')
const writeStart = (start: Date): JsonObject => ({ start: Number.isNaN(start.getTime()) ? '' : start.toISOString() })
