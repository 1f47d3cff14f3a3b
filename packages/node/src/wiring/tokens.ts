/** Tokens: the token book of a site, in the folder `access/tokens` of its state. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { TokenBook } from '../services/access/token-book.ts'
import { FileTokens } from '../storage/access/file-tokens.ts'

export function openTokens(home: string): TokenBook {
  return new TokenBook({
    store: new FileTokens(join(home, 'access', 'tokens')),
    crypto: nativeCrypto,
    random: (length) => new Uint8Array(randomBytes(length)),
    now: () => new Date(),
  })
}
