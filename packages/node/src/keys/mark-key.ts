/**
 * Mark key: the 32 secret bytes with which a device marks, in a file beside its other keys.
 *
 * The file is the PKCS#8 of an Ed25519 key whose seed they are (RFC 8410), under the passphrase of the ring, so that nothing else
 * is needed to keep it; it never signs. docs/reference/mark.md derives all keys of the mark from it.
 */
import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { KeyError } from '@fiducial/core/errors.ts'
import { createFile, SECRET_MODE } from './durable.ts'
import { formatPrivateKey, readKeyFile } from './key-file.ts'
import { asUnwritable } from './ring-folder.ts'

const KEY_BYTES = 32
/** OneAsymmetricKey of RFC 8410 section 7, up to the seed. */
const PKCS8_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)

/** Where a holder's key stands, and what opens it. */
export interface MarkKeyPlace {
  /** Of the ring. */
  readonly folder: string
  /** Of a holder that is known to exist. */
  readonly id: string
  readonly passphrase: string | undefined
}

/** @param folder  of the ring */
export const markKeyPath = (folder: string, id: string): string => join(folder, 'holders', id, 'mark.key.pem')

const pathOf = ({ folder, id }: MarkKeyPlace): string => markKeyPath(folder, id)

/** @throws {KeyError} `key_missing`, `key_unreadable`, `key_passphrase_missing`, `key_passphrase_wrong` */
export function readMarkKey(place: MarkKeyPlace): Uint8Array {
  const key = readKeyFile(pathOf(place), `${place.id} mark`, place.passphrase)
  const { kty, crv, d } = key.export({ format: 'jwk' })
  const seed = kty === 'OKP' && crv === 'Ed25519' && d !== undefined ? Buffer.from(d, 'base64url') : undefined
  if (seed?.length !== KEY_BYTES) throw new KeyError('key_unreadable', `${place.id} mark: not a mark key`)
  return new Uint8Array(seed)
}

/** Makes the key of a holder, unless there is one. @throws {StoreError} `output_unwritable` */
export function makeMarkKey(place: MarkKeyPlace): void {
  const pem = formatPrivateKey(keyOf(randomBytes(KEY_BYTES)), place.passphrase)
  try {
    createFile(pathOf(place), pem, SECRET_MODE)
  } catch (cause) {
    throw asUnwritable(cause)
  }
}

const keyOf = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
