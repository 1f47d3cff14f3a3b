/** Key kind: the kinds of key that a ring makes, and making one in memory. */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

export type KeyKind = 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'p-256' | 'p-384' | 'ed25519' | 'ml-dsa-44'

const generate = promisify(generateKeyPair)

/** A new private key. Cost on a desktop: 0.2 s for RSA-3072, twice that and more for RSA-4096, else milliseconds. */
export async function generateKey(kind: KeyKind): Promise<KeyObject> {
  return (await generatePair(kind)).privateKey
}

function generatePair(kind: KeyKind): Promise<{ readonly privateKey: KeyObject }> {
  switch (kind) {
    case 'rsa-2048':
    case 'rsa-3072':
    case 'rsa-4096':
      return generate('rsa', { modulusLength: Number(kind.slice(4)) })
    case 'p-256':
    case 'p-384':
      return generate('ec', { namedCurve: kind.toUpperCase() })
    case 'ed25519':
      return generate('ed25519')
    case 'ml-dsa-44':
      return generate('ml-dsa-44')
  }
}
