/**
 * PKCS#11: keys that never leave a token, such as a smart card or a security module.
 *
 * Source: OASIS PKCS#11 version 2.40; RSA through CKM_RSA_PKCS over DigestInfo, ECDSA through CKM_ECDSA, whose r and s
 * are put into DER here. Needs the optional package pkcs11js, which is native code; without it, or without the
 * library of the token's vendor, everything else works.
 * A PIN comes as an argument and goes to C_Login alone; it is in no message.
 *
 * Known flaw: a process logs in to a token once. A wrong PIN given after a right one is not noticed.
 */
import { randomBytes } from 'node:crypto'
import type { DigestAlgorithm, Signer } from '@fiducial/core/bytes/crypto.ts'
import { digestOf, type HashName } from '@fiducial/core/bytes/hash.ts'
import { encodeDigestInfo } from '@fiducial/core/bytes/public-key.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { KeyError } from '@fiducial/core/errors.ts'
import { contentOf, readDer } from '@fiducial/core/formats/der/read.ts'
import { TAG } from '@fiducial/core/formats/der/tag.ts'
import { writeBitBytes, writeInteger, writeNull, writeOid, writeSequence } from '@fiducial/core/formats/der/write.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import type * as Pkcs11Js from 'pkcs11js'
import type { KeyKind } from './key-kind.ts'
import { nativeCrypto } from './native-crypto.ts'
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

type Native = typeof Pkcs11Js
type Handle = Pkcs11Js.Handle
interface Session {
  readonly native: Native
  readonly library: Pkcs11Js.PKCS11
  readonly handle: Handle
  readonly tokenSerial: string
}

const CURVES = {
  'p-256': { oid: '1.2.840.10045.3.1.7', size: 32 },
  'p-384': { oid: '1.3.132.0.34', size: 48 },
} as const

/** Libraries by path: each may be initialised once in a process. */
const libraries = new Map<string, Pkcs11Js.PKCS11>()

/**
 * Makes a key pair in a token; the private key cannot be read out of it.
 *
 * @param label  for those who list the token's objects
 * @returns SubjectPublicKeyInfo, DER, and where the key is
 * @throws {KeyError} `token_unavailable`, `token_refused`, `key_passphrase_missing`, `key_passphrase_wrong`
 * @throws {RangeError} for a kind of key that tokens do not make
 */
export async function generateTokenKey(
  options: TokenOptions,
  kind: KeyKind,
  label: string,
): Promise<{ readonly spki: Uint8Array; readonly token: TokenKey }> {
  if (!kind.startsWith('rsa-') && kind !== 'p-256' && kind !== 'p-384')
    throw new RangeError(`tokens make no ${kind} keys`)
  const session = await openSession(
    options.module,
    options.pin,
    ({ number }) => options.slot === undefined || number === options.slot,
  )
  const id = randomBytes(8)
  const spki = guard(() =>
    kind.startsWith('rsa-') ? makeRsa(session, Number(kind.slice(4)), id, label) : makeCurve(session, kind, id, label),
  )
  return { spki, token: { module: options.module, tokenSerial: session.tokenSerial, keyId: id.toString('hex') } }
}

/**
 * A signer over a key in a token. Signatures are made one after the other, off the main thread.
 * @throws {KeyError} `token_unavailable`, `token_refused`, `key_passphrase_missing`, `key_passphrase_wrong`,
 *   `key_missing` if the token does not hold the key, `key_unreadable` if it is not that of the certificate
 */
export async function createTokenSigner({ token, certificate, chain, pin }: TokenMaterial): Promise<Signer> {
  const { key, spki } = parseCertificate(certificate)
  const { algorithm } = key
  if (algorithm !== 'rsa' && algorithm !== 'ecdsa-p256' && algorithm !== 'ecdsa-p384') {
    throw new KeyError('key_unreadable', 'a key of this kind does not sign from a token')
  }
  const session = await openSession(token.module, pin, ({ serial }) => serial === token.tokenSerial)
  const id = Buffer.from(token.keyId, 'hex')
  const privateKey = guard(() => findKey(session, session.native.CKO_PRIVATE_KEY, id))
  if (!privateKey) throw new KeyError('key_missing', 'the token does not hold the key')
  const publicKey = guard(() => findKey(session, session.native.CKO_PUBLIC_KEY, id))
  if (
    publicKey &&
    !equalBytes(
      guard(() => readSpki(session, publicKey)),
      spki,
    )
  ) {
    throw new KeyError('key_unreadable', 'the key in the token does not belong to the certificate')
  }

  let last: Promise<unknown> = Promise.resolve()
  const signDigest = (name: HashName, digest: Uint8Array): Promise<Uint8Array> => {
    const input = inputOf(algorithm, name, digest)
    // A session does one thing at a time, so each signature waits for the one before it, however that went.
    const signature = last.then(() => sign(session, privateKey, algorithm, input))
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

/** What the mechanism signs: DigestInfo for RSA; for a curve as many bytes of the digest as its order has. */
function inputOf(algorithm: DigestAlgorithm, name: HashName, digest: Uint8Array): Uint8Array {
  if (algorithm === 'rsa') return encodeDigestInfo(name, digest)
  return digest.subarray(0, algorithm === 'ecdsa-p256' ? 32 : 48)
}

async function sign(
  { native, library, handle }: Session,
  key: Handle,
  algorithm: DigestAlgorithm,
  input: Uint8Array,
): Promise<Uint8Array> {
  const mechanism = algorithm === 'rsa' ? native.CKM_RSA_PKCS : native.CKM_ECDSA
  try {
    library.C_SignInit(handle, { mechanism }, key)
    const raw = await library.C_SignAsync(handle, Buffer.from(input), Buffer.alloc(1024))
    if (algorithm === 'rsa') return new Uint8Array(raw)
    const half = raw.length / 2
    return writeSequence(writeInteger(raw.subarray(0, half)), writeInteger(raw.subarray(half)))
  } catch (cause) {
    throw asKeyError(cause)
  }
}

interface Slot {
  readonly number: number
  readonly serial: string
}

/** Opens a session in the one token that fits, logged in. */
async function openSession(module: string, pin: string | undefined, fits: (slot: Slot) => boolean): Promise<Session> {
  const native = await loadNative()
  const library = loadLibrary(native, module)
  const found = guard(() => library.C_GetSlotList(true)).flatMap((slot) => {
    const serial = guard(() => library.C_GetTokenInfo(slot)).serialNumber.trim()
    return fits({ number: numberOf(slot), serial }) ? [{ slot, serial }] : []
  })
  const [one, ...more] = found
  if (!one) throw new KeyError('token_unavailable', 'there is no such token')
  if (more.length > 0) throw new KeyError('token_unavailable', 'there are several tokens; say which slot')
  if (pin === undefined) throw new KeyError('key_passphrase_missing', 'the token needs a PIN')

  const handle = guard(() => library.C_OpenSession(one.slot, native.CKF_SERIAL_SESSION | native.CKF_RW_SESSION))
  try {
    library.C_Login(handle, native.CKU_USER, pin)
  } catch (cause) {
    if (codeOf(cause) !== 'CKR_USER_ALREADY_LOGGED_IN') {
      library.C_CloseSession(handle)
      throw asKeyError(cause)
    }
  }
  return { native, library, handle, tokenSerial: one.serial }
}

async function loadNative(): Promise<Native> {
  try {
    const module: { readonly default: Native } = await import('pkcs11js')
    return module.default
  } catch (cause) {
    throw new KeyError('token_unavailable', 'the optional package pkcs11js is not installed or not built', { cause })
  }
}

function loadLibrary(native: Native, module: string): Pkcs11Js.PKCS11 {
  const known = libraries.get(module)
  if (known) return known
  const library = new native.PKCS11()
  try {
    library.load(module)
    library.C_Initialize()
  } catch (cause) {
    // Another thread of this process may have initialised the same library.
    if (codeOf(cause) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') {
      throw new KeyError('token_unavailable', 'the PKCS#11 library cannot be loaded', { cause })
    }
  }
  libraries.set(module, library)
  return library
}

function makeRsa({ native, library, handle }: Session, bits: number, id: Buffer, label: string): Uint8Array {
  const pair = library.C_GenerateKeyPair(
    handle,
    { mechanism: native.CKM_RSA_PKCS_KEY_PAIR_GEN },
    [
      ...publicTemplate(native, id, label),
      { type: native.CKA_MODULUS_BITS, value: bits },
      { type: native.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
    ],
    privateTemplate(native, id, label),
  )
  return readRsaSpki({ native, library, handle }, pair.publicKey)
}

function makeCurve(
  { native, library, handle }: Session,
  kind: 'p-256' | 'p-384' | string,
  id: Buffer,
  label: string,
): Uint8Array {
  const { oid } = CURVES[kind as keyof typeof CURVES]
  const pair = library.C_GenerateKeyPair(
    handle,
    { mechanism: native.CKM_EC_KEY_PAIR_GEN },
    [...publicTemplate(native, id, label), { type: native.CKA_EC_PARAMS, value: Buffer.from(writeOid(oid)) }],
    privateTemplate(native, id, label),
  )
  return readCurveSpki({ native, library, handle }, pair.publicKey)
}

function publicTemplate(native: Native, id: Buffer, label: string): Pkcs11Js.Template {
  return [
    { type: native.CKA_TOKEN, value: true },
    { type: native.CKA_VERIFY, value: true },
    { type: native.CKA_ID, value: id },
    { type: native.CKA_LABEL, value: label },
  ]
}

function privateTemplate(native: Native, id: Buffer, label: string): Pkcs11Js.Template {
  return [
    { type: native.CKA_TOKEN, value: true },
    { type: native.CKA_PRIVATE, value: true },
    { type: native.CKA_SENSITIVE, value: true },
    { type: native.CKA_EXTRACTABLE, value: false },
    { type: native.CKA_SIGN, value: true },
    { type: native.CKA_ID, value: id },
    { type: native.CKA_LABEL, value: label },
  ]
}

function findKey({ native, library, handle }: Session, objectClass: number, id: Buffer): Handle | undefined {
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

function readSpki(session: Session, key: Handle): Uint8Array {
  const { native } = session
  const [type] = readAttributes(session, key, native.CKA_KEY_TYPE)
  return type[0] === native.CKK_RSA ? readRsaSpki(session, key) : readCurveSpki(session, key)
}

type Opened = Pick<Session, 'native' | 'library' | 'handle'>

function readRsaSpki(session: Opened, key: Handle): Uint8Array {
  const { native } = session
  const [modulus, exponent] = readAttributes(session, key, native.CKA_MODULUS, native.CKA_PUBLIC_EXPONENT)
  const identifier = writeSequence(writeOid('1.2.840.113549.1.1.1'), writeNull())
  return writeSequence(
    identifier,
    writeBitBytes(writeSequence(writeInteger(modulus), writeInteger(exponent as Buffer))),
  )
}

function readCurveSpki(session: Opened, key: Handle): Uint8Array {
  const { native } = session
  const [curve, point] = readAttributes(session, key, native.CKA_EC_PARAMS, native.CKA_EC_POINT)
  const identifier = writeSequence(writeOid('1.2.840.10045.2.1'), new Uint8Array(curve))
  return writeSequence(identifier, writeBitBytes(pointOf(point as Buffer)))
}

/** The point is wrapped in an OCTET STRING, though some tokens forget it; a bare point begins with 04 as well. */
function pointOf(value: Buffer): Uint8Array {
  const isWrapped = value[0] === TAG.octetString && value[1] === value.length - 2
  return isWrapped ? contentOf(readDer(new Uint8Array(value))) : new Uint8Array(value)
}

function readAttributes({ library, handle }: Opened, key: Handle, ...types: readonly number[]): [Buffer, ...Buffer[]] {
  const values = library.C_GetAttributeValue(
    handle,
    key,
    types.map((type) => ({ type })),
  )
  return values.map(({ value }) => Buffer.from(value as Buffer)) as [Buffer, ...Buffer[]]
}

/** A slot number is a C long in the machine's byte order. */
function numberOf(slot: Handle): number {
  return slot.length === 8 ? Number(slot.readBigUInt64LE()) : slot.readUInt32LE()
}

function guard<T>(call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw asKeyError(cause)
  }
}

const WRONG_PIN = ['CKR_PIN_INCORRECT', 'CKR_PIN_INVALID', 'CKR_PIN_LEN_RANGE']
const GONE = [
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_SLOT_ID_INVALID',
  'CKR_DEVICE_REMOVED',
  'CKR_DEVICE_ERROR',
]

function asKeyError(cause: unknown): unknown {
  if (cause instanceof KeyError) return cause
  const code = codeOf(cause)
  if (code === undefined) return cause
  if (WRONG_PIN.includes(code)) return new KeyError('key_passphrase_wrong', 'the PIN is wrong', { cause })
  if (GONE.includes(code)) return new KeyError('token_unavailable', `the token is not there (${code})`, { cause })
  return new KeyError('token_refused', `the token refused (${code})`, { cause })
}

/** The name of a return value, such as CKR_PIN_INCORRECT, of what pkcs11js throws. */
function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error ? /CKR_\w+/.exec(cause.message)?.[0] : undefined
}
