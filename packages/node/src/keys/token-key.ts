/** Token key: which key in which PKCS#11 token, as it is kept beside a certificate. No secret is in it. */
import { KeyError } from '@fiducial/core/errors.ts'

export interface TokenKey {
  /** Path of the PKCS#11 library. */
  readonly module: string
  /** Serial number of the token: slots change their numbers, tokens keep theirs. */
  readonly tokenSerial: string
  /** CKA_ID of both keys of the pair, lower-case hexadecimal. */
  readonly keyId: string
}

/** Reads what JSON.stringify made of a {@link TokenKey}. @throws {KeyError} `key_unreadable` */
export function parseTokenKey(text: string): TokenKey {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new KeyError('key_unreadable', 'the description of a token key is not JSON', { cause })
  }
  if (typeof value === 'object' && value !== null && 'module' in value && 'tokenSerial' in value && 'keyId' in value) {
    const { module, tokenSerial, keyId } = value
    if (typeof module === 'string' && typeof tokenSerial === 'string' && typeof keyId === 'string') {
      if (/^([0-9a-f]{2})+$/.test(keyId)) return { module, tokenSerial, keyId }
    }
  }
  throw new KeyError('key_unreadable', 'the description of a token key is incomplete')
}
