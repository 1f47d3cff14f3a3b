/**
 * Keys: under which digests the map keeps studies and instances, so that a proof of one study names no other.
 *
 * An archive has one secret of 32 random bytes. From it come a blinding key, which whoever gets a proof learns and which
 * turns a Study Instance UID into the key of the study (the entry of a map root says its SHA-256), and a salt of each study, which only those learn who get a proof
 * of that study, and without which neither its instances nor its value can be guessed. What is known of others to
 * whoever holds a proof: docs/reference/completeness.md, "Known limits".
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { digestOf } from '../../../bytes/hash.ts'
import { encodeUtf8 } from '../../../bytes/text.ts'
import { DIGEST_BYTES } from './map-hash.ts'

const BLINDING_TAG = encodeUtf8('fiducial map blinding v1\n')
const SALT_TAG = encodeUtf8('fiducial map salt v1\n')
const STUDY_TAG = encodeUtf8('fiducial map study key v1\n')
const INSTANCE_TAG = encodeUtf8('fiducial map instance key v1\n')
const SERIES_TAG = encodeUtf8('fiducial map series key v1\n')

/** The blinding key of an archive, 32 bytes. @param secret  32 random bytes. @throws {RangeError} for another length */
export function blindingKeyOf(hashes: HashFactory, secret: Uint8Array): Uint8Array {
  return digestOf(hashes, 'sha256', BLINDING_TAG, checkSecret(secret))
}

/** Key of a study in the map, 32 bytes. @param studyInstanceUid  without padding */
export const studyKeyOf = (hashes: HashFactory, blindingKey: Uint8Array, studyInstanceUid: string): Uint8Array =>
  digestOf(hashes, 'sha256', STUDY_TAG, blindingKey, encodeUtf8(studyInstanceUid))

/** Salt of a study, 32 bytes. @throws {RangeError} for a secret of another length than 32 bytes */
export const studySaltOf = (hashes: HashFactory, secret: Uint8Array, studyKey: Uint8Array): Uint8Array =>
  digestOf(hashes, 'sha256', SALT_TAG, checkSecret(secret), studyKey)

/** Key of an instance among those of its study, 32 bytes. @param sopInstanceUid  without padding */
export const instanceKeyOf = (hashes: HashFactory, salt: Uint8Array, sopInstanceUid: string): Uint8Array =>
  digestOf(hashes, 'sha256', INSTANCE_TAG, salt, encodeUtf8(sopInstanceUid))

/** Name of a series in the records of its study, 32 bytes. @param seriesInstanceUid  without padding */
export const seriesKeyOf = (hashes: HashFactory, salt: Uint8Array, seriesInstanceUid: string): Uint8Array =>
  digestOf(hashes, 'sha256', SERIES_TAG, salt, encodeUtf8(seriesInstanceUid))

function checkSecret(secret: Uint8Array): Uint8Array {
  if (secret.length !== DIGEST_BYTES) throw new RangeError(`a secret of ${secret.length} bytes`)
  return secret
}
