/**
 * Seal entry: the log entry of a sealed image: the device's own statement with its own signature, nothing added.
 *
 * It follows from the seal file alone, so that whoever holds an image with its seal can look for it in any log.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf, type HashFactory } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { makeEntry, type SignedPayload } from '@fiducial/core/domain/log/entry.ts'
import { STATEMENT_LIMIT } from '@fiducial/core/domain/log/event.ts'
import { identityOf } from '@fiducial/core/domain/log/identity.ts'
import type { SealLeaf } from '@fiducial/core/domain/log/logged-instance.ts'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import type { AcquisitionStatement } from '@fiducial/core/domain/seal/statement.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { NewEntry, Term } from './ports.ts'

/**
 * What the entry of a sealed image is made of.
 * @throws {FormatError} `seal_malformed` for a seal whose device made no Ed25519 or P-256 signature over the statement
 */
export function leafOfSeal({ statement, envelope, certificates }: Seal, { hash }: Pick<Crypto, 'hash'>): SealLeaf {
  const [leaf] = statement.device.certificates.statement
  const keyid = leaf && encodeHex(leaf)
  const signature = envelope.signatures.find((candidate) => candidate.keyid === keyid)
  const certificate = certificates.find(({ bytes }) => encodeHex(digestOf(hash, 'sha256', bytes)) === keyid)
  if (signature === undefined || certificate === undefined) {
    throw new FormatError('seal_malformed', 'the device has not signed the statement')
  }
  return {
    payload: envelope.payload,
    signature: signature.sig,
    spki: certificate.spki,
    checkpoint: statement.checkpoint,
  }
}

/**
 * The entry of a sealed image.
 * @throws {FormatError} as {@link leafOfSeal}; `entry_malformed`; `entry_too_large` for a statement that no log reads again
 */
export function entryOfSeal(seal: Seal, crypto: Pick<Crypto, 'hash'>): NewEntry {
  const { payload, signature, spki }: SignedPayload = leafOfSeal(seal, crypto)
  if (payload.length > STATEMENT_LIMIT)
    throw new FormatError(
      'entry_too_large',
      `a statement of ${payload.length} bytes, of which a log takes ${STATEMENT_LIMIT}`,
    )
  return {
    leaf: makeEntry({ payload, signature, spki }, crypto.hash),
    identity: identityOf(payload, crypto.hash),
    payload,
    terms: termsOfAcquisition(seal.statement, payload, crypto.hash),
  }
}

/** By what a sealed image is found again; each once. @param payload  the bytes of the statement */
export function termsOfAcquisition(
  statement: AcquisitionStatement,
  payload: Uint8Array,
  hashes: HashFactory,
): readonly Term[] {
  const { instance, device, operator, file, original, dataset, pixels, mark } = statement
  const [deviceKey] = device.certificates.dicom
  const terms: readonly (readonly [Term['kind'], string | null | undefined])[] = [
    ['type', 'acquired'],
    ['instance', instance.sopInstanceUid],
    ['series', instance.seriesInstanceUid],
    ['study', instance.studyInstanceUid],
    ['device', device.id],
    ['person', operator.id],
    ['key', device.certificates.statement[0] && encodeHex(device.certificates.statement[0])],
    ['key', deviceKey && encodeHex(deviceKey)],
    ['digest', encodeHex(file)],
    ['digest', encodeHex(original)],
    ['digest', encodeHex(dataset)],
    ['digest', pixels === null ? null : encodeHex(pixels.root)],
    ['digest', mark && encodeHex(mark.recordDigest)],
    ['digest', encodeHex(digestOf(hashes, 'sha256', payload))],
  ]
  const present = terms.flatMap(([kind, value]) => (value === null || value === undefined ? [] : [{ kind, value }]))
  return [...new Map(present.map((term) => [`${term.kind} ${term.value}`, term])).values()]
}
