/**
 * PKCS#11: keys that never leave a token, such as a smart card or a security module.
 *
 * Source: OASIS PKCS#11 version 2.40; RSA through CKM_RSA_PKCS over DigestInfo, ECDSA through CKM_ECDSA, whose r and s
 * are put into DER here. Finding the token and logging in are left to pkcs11-session.ts.
 */
import { randomBytes } from 'node:crypto'
import type { DigestAlgorithm, Signer } from '@fiducial/core/bytes/crypto.ts'
import { digestOf, type HashName } from '@fiducial/core/bytes/hash.ts'
import { checkDigest, encodeDigestInfo } from '@fiducial/core/bytes/public-key.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { KeyError } from '@fiducial/core/errors.ts'
import { contentOf, readDer } from '@fiducial/core/formats/der/read.ts'
import { TAG } from '@fiducial/core/formats/der/tag.ts'
import { writeBitBytes, writeInteger, writeNull, writeOid, writeSequence } from '@fiducial/core/formats/der/write.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { KeyKind } from './key-kind.ts'
import { nativeCrypto } from './native-crypto.ts'
import type { Attribute, Handle, Native } from './pkcs11-native.ts'
import { asKeyError, closeSession, guard, openSession, type Session } from './pkcs11-session.ts'
import type { TokenKey } from './token-key.ts'

/** Where a new key shall be made. */
export interface TokenOptions {
  /** Path of the PKCS#11 library. */
  readonly module: string
  /** Slot number; the only slot with a token unless said otherwise. */
  readonly slot?: number
  readonly pin?: string
}

/** What a signer over a token is made of. */
export interface TokenMaterial {
  readonly token: TokenKey
  /** X.509 certificate, DER. */
  readonly certificate: Uint8Array
  /** Issuers, leaf's issuer first, DER. */
  readonly chain: readonly Uint8Array[]
  readonly pin?: string
}

/** What the key generation of a token is asked for. */
type TokenKind = { readonly rsaBits: number } | { readonly curveOid: string }

const TOKEN_KINDS: Readonly<Partial<Record<KeyKind, TokenKind>>> = {
  'rsa-2048': { rsaBits: 2048 },
  'rsa-3072': { rsaBits: 3072 },
  'rsa-4096': { rsaBits: 4096 },
  'p-256': { curveOid: '1.2.840.10045.3.1.7' },
  'p-384': { curveOid: '1.3.132.0.34' },
}
const RSA_OID = '1.2.840.113549.1.1.1'
const EC_OID = '1.2.840.10045.2.1'

/**
 * Makes a key pair in a token; the private key cannot be read out of it.
 *
 * @param label  for those who list the token's objects
 * @returns SubjectPublicKeyInfo, DER, and where the key is
 * @throws {KeyError} `token_unavailable`, `token_refused`, `key_passphrase_missing`, `key_passphrase_wrong`
 * @throws {RangeError} for a kind of key that tokens do not make
 */
export async function generateTokenKey(
  { module, slot, pin }: TokenOptions,
  kind: KeyKind,
  label: string,
): Promise<{ readonly spki: Uint8Array; readonly token: TokenKey }> {
  const wanted = TOKEN_KINDS[kind]
  if (!wanted) throw new RangeError(`tokens make no ${kind} keys`)
  const session = await openSession(module, pin, ({ number }) => slot === undefined || number === slot)
  try {
    const id = randomBytes(8)
    const spki = guard(() => readSpki(session, makePair(session, wanted, { id, label })))
    return { spki, token: { module, tokenSerial: session.tokenSerial, keyId: id.toString('hex') } }
  } finally {
    closeSession(session)
  }
}

/**
 * A signer over a key in a token. Signatures are made one after the other, off the main thread; after one that failed
 * the token is looked for again, since it may have been taken out and put back.
 *
 * @throws {KeyError} `token_unavailable`, `token_refused`, `key_passphrase_missing`, `key_passphrase_wrong`,
 *   `key_missing` if the token does not hold the key, `key_unreadable` if it is not that of the certificate
 */
export async function createTokenSigner(material: TokenMaterial): Promise<Signer> {
  const { certificate, chain } = material
  const { algorithm } = parseCertificate(certificate).key
  if (algorithm !== 'rsa' && algorithm !== 'ecdsa-p256' && algorithm !== 'ecdsa-p384') {
    throw new KeyError('key_unreadable', 'a key of this kind does not sign from a token')
  }
  let found: Promise<FoundKey> | undefined = Promise.resolve(await findKey(material))
  let last: Promise<unknown> = Promise.resolve()

  async function signOnce(input: Uint8Array): Promise<Uint8Array> {
    found ??= findKey(material)
    try {
      return await sign(await found, algorithm as DigestAlgorithm, input)
    } catch (cause) {
      found.then(({ session }) => closeSession(session)).catch(() => undefined)
      found = undefined
      throw cause
    }
  }
  async function signDigest(name: HashName, digest: Uint8Array): Promise<Uint8Array> {
    const input = inputOf(algorithm as DigestAlgorithm, name, digest)
    // A session does one thing at a time, so each signature waits for the one before it, however that went.
    const signature = last.then(() => signOnce(input))
    last = signature.catch(() => undefined)
    return signature
  }
  return {
    algorithm,
    certificate,
    chain,
    signDigest,
    signMessage: (message) => signDigest('sha256', digestOf(nativeCrypto.hash, 'sha256', message)),
  }
}

interface FoundKey {
  readonly session: Session
  readonly privateKey: Handle
}

/** Finds the private key, and makes sure by its public half that it is that of the certificate. */
async function findKey({ token, certificate, pin }: TokenMaterial): Promise<FoundKey> {
  const session = await openSession(token.module, pin, ({ serial }) => serial === token.tokenSerial)
  try {
    const id = Buffer.from(token.keyId, 'hex')
    const privateKey = guard(() => findObject(session, session.native.CKO_PRIVATE_KEY, id))
    if (!privateKey) throw new KeyError('key_missing', 'the token does not hold the key')
    const publicKey = guard(() => findObject(session, session.native.CKO_PUBLIC_KEY, id))
    const spki = publicKey && guard(() => readSpki(session, publicKey))
    if (spki && !equalBytes(spki, parseCertificate(certificate).spki)) {
      throw new KeyError('key_unreadable', 'the key in the token does not belong to the certificate')
    }
    return { session, privateKey }
  } catch (cause) {
    closeSession(session)
    throw cause
  }
}

/** What the mechanism signs: DigestInfo for RSA; for a curve as many bytes of the digest as its order has. */
function inputOf(algorithm: DigestAlgorithm, name: HashName, digest: Uint8Array): Uint8Array {
  if (algorithm === 'rsa') return encodeDigestInfo(name, digest)
  checkDigest(name, digest)
  return digest.subarray(0, algorithm === 'ecdsa-p256' ? 32 : 48)
}

async function sign(
  { session, privateKey }: FoundKey,
  algorithm: DigestAlgorithm,
  input: Uint8Array,
): Promise<Uint8Array> {
  const { native, library, handle } = session
  const mechanism = algorithm === 'rsa' ? native.CKM_RSA_PKCS : native.CKM_ECDSA
  try {
    library.C_SignInit(handle, { mechanism }, privateKey)
    const raw = await library.C_SignAsync(handle, Buffer.from(input), Buffer.alloc(1024))
    if (algorithm === 'rsa') return new Uint8Array(raw)
    const half = raw.length / 2
    return writeSequence(writeInteger(raw.subarray(0, half)), writeInteger(raw.subarray(half)))
  } catch (cause) {
    throw asKeyError(cause)
  }
}

/** Makes a pair. @returns handle of the public key */
function makePair({ native, library, handle }: Session, kind: TokenKind, name: KeyName): Handle {
  const [mechanism, parameters] =
    'rsaBits' in kind
      ? [
          native.CKM_RSA_PKCS_KEY_PAIR_GEN,
          [
            { type: native.CKA_MODULUS_BITS, value: kind.rsaBits },
            { type: native.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
          ],
        ]
      : [native.CKM_EC_KEY_PAIR_GEN, [{ type: native.CKA_EC_PARAMS, value: Buffer.from(writeOid(kind.curveOid)) }]]
  const shared = sharedTemplate(native, name)
  const publicTemplate = [...shared, { type: native.CKA_VERIFY, value: true }, ...parameters]
  const privateTemplate = [
    ...shared,
    { type: native.CKA_PRIVATE, value: true },
    { type: native.CKA_SENSITIVE, value: true },
    { type: native.CKA_EXTRACTABLE, value: false },
    { type: native.CKA_SIGN, value: true },
  ]
  return library.C_GenerateKeyPair(handle, { mechanism }, publicTemplate, privateTemplate).publicKey
}

interface KeyName {
  readonly id: Buffer
  readonly label: string
}

function sharedTemplate(native: Native, { id, label }: KeyName): readonly Attribute[] {
  return [
    { type: native.CKA_TOKEN, value: true },
    { type: native.CKA_ID, value: id },
    { type: native.CKA_LABEL, value: label },
  ]
}

function findObject({ native, library, handle }: Session, objectClass: number, id: Buffer): Handle | undefined {
  library.C_FindObjectsInit(handle, [
    { type: native.CKA_CLASS, value: objectClass },
    { type: native.CKA_ID, value: id },
  ])
  try {
    return library.C_FindObjects(handle, 1)[0]
  } finally {
    library.C_FindObjectsFinal(handle)
  }
}

/** SubjectPublicKeyInfo, DER, of a public key object. */
function readSpki(session: Session, key: Handle): Uint8Array {
  const { native } = session
  const [kind] = readAttributes(session, key, native.CKA_KEY_TYPE)
  if (kind?.[0] === native.CKK_RSA) {
    const [modulus = EMPTY, exponent = EMPTY] = readAttributes(
      session,
      key,
      native.CKA_MODULUS,
      native.CKA_PUBLIC_EXPONENT,
    )
    const numbers = writeSequence(writeInteger(modulus), writeInteger(exponent))
    return writeSequence(writeSequence(writeOid(RSA_OID), writeNull()), writeBitBytes(numbers))
  }
  const [curve = EMPTY, point = EMPTY] = readAttributes(session, key, native.CKA_EC_PARAMS, native.CKA_EC_POINT)
  return writeSequence(writeSequence(writeOid(EC_OID), curve), writeBitBytes(pointOf(point)))
}

const EMPTY = new Uint8Array()

/** The point is wrapped in an OCTET STRING, though some tokens forget it; a bare point begins with 04 as well. */
function pointOf(value: Uint8Array): Uint8Array {
  const isWrapped = value[0] === TAG.octetString && value[1] === value.length - 2
  return isWrapped ? contentOf(readDer(value)) : value
}

function readAttributes({ library, handle }: Session, key: Handle, ...types: readonly number[]): Uint8Array[] {
  const template = types.map((type) => ({ type }))
  return library.C_GetAttributeValue(handle, key, template).map(({ value }) => new Uint8Array(value as Buffer))
}
