/**
 * Bundle trust: the trusted root that goes with bundles, made from keys and certificates, and back.
 *
 * Sigstore's trusted root has room for the Ed25519 key of a log and for timestamp authorities. Keys for ML-DSA-44 and
 * those of witnesses travel as verifier keys beside it.
 */
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { encodeUtf8, equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { makeVerifierKey, spkiOfVerifierKey, type VerifierKey } from '../../formats/note/verifier-key.ts'
import { formatTrustedRoot, parseTrustedRoot, type TrustedAuthority } from '../../formats/sigstore/trusted-root.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import type { TrustAnchors } from '../trust/anchors.ts'

const ED25519_NOTE = Uint8Array.of(1)
/** Bytes of an Ed25519 key, which end its SubjectPublicKeyInfo. */
const ED25519_BYTES = 32

/** Whom to believe about bundles. */
export interface RootTrust {
  /** Ed25519 keys of logs. */
  readonly keys: readonly VerifierKey[]
  /** Roots of timestamp authorities. */
  readonly anchors: TrustAnchors
}

/** What sigstore calls a log by: the SHA-256 of which the key ID of its Ed25519 key is the beginning, 32 bytes. */
export const logKeyIdOf = ({ name, publicKey }: VerifierKey, hashes: HashFactory): Uint8Array =>
  digestOf(hashes, 'sha256', encodeUtf8(`${name}\n`), ED25519_NOTE, publicKey)

export interface TrustedRootParts {
  /** Keys of logs; those that are not of type ed25519 are left out. */
  readonly keys: readonly VerifierKey[]
  /** Of each timestamp authority the certificates from its own up to a root. */
  readonly authorities: readonly (readonly Certificate[])[]
  /** Since when the logs have been there. */
  readonly validFrom: Date
}

/**
 * Writes a trusted root.
 * @throws {RangeError} for an authority without a certificate
 * @throws {FormatError} `trusted_root_malformed` for more than it has room for
 */
export function exportTrustedRoot({ keys, authorities, validFrom }: TrustedRootParts, hashes: HashFactory): Uint8Array {
  const logs = keys
    .filter(({ type }) => type === 'ed25519')
    .map((key) => ({
      origin: key.name,
      keyId: logKeyIdOf(key, hashes),
      spki: spkiOfVerifierKey(key),
      validFrom,
    }))
  return formatTrustedRoot({ logs, authorities: authorities.map(describeAuthority) })
}

/**
 * What a trusted root says whom to believe.
 * @throws {FormatError} `trusted_root_malformed`, also where the ID of a log is not that of its name and key;
 *   `json_malformed`, `certificate_malformed`
 */
export function readTrustedRoot(bytes: Uint8Array, hashes: HashFactory): RootTrust {
  const { logs, authorities } = parseTrustedRoot(bytes)
  const keys = logs.map(({ origin, spki, keyId }) => {
    const key = makeVerifierKey(origin, 'ed25519', spki.subarray(-ED25519_BYTES), hashes)
    if (!equalBytes(logKeyIdOf(key, hashes), keyId)) {
      throw new FormatError('trusted_root_malformed', 'the ID of a log is that of another name or key')
    }
    return key
  })
  // Only the end of each chain is believed: the steps to it have to come with the token, where each byte is checked.
  const roots = authorities.map(({ certificates }) => parseCertificate(certificates.at(-1) ?? NOTHING))
  return { keys, anchors: { roots, intermediates: [], crls: [] } }
}

const NOTHING = new Uint8Array(0)

function describeAuthority(chain: readonly Certificate[]): TrustedAuthority {
  const [leaf] = chain
  if (leaf === undefined) throw new RangeError('an authority without a certificate')
  const { organisation = '', commonName = '' } = leaf.subject
  return { organisation, commonName, certificates: chain.map(({ bytes }) => bytes), validFrom: leaf.notBefore }
}
