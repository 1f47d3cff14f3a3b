/**
 * PKCS#11 session: the vendor's library, the token that is asked for, and logging in.
 *
 * Source: OASIS PKCS#11 version 2.40. What the library throws becomes a KeyError here; a PIN goes to C_Login alone and
 * is in no message.
 *
 * Known flaw: a process logs in to a token once. A wrong PIN given after a right one is not noticed.
 */
import { KeyError } from '@fiducial/core/errors.ts'
import { type Handle, loadNative, type Native, type Pkcs11Library } from './pkcs11-native.ts'

/** A session with a token, logged in. */
export interface Session {
  readonly native: Native
  readonly library: Pkcs11Library
  readonly handle: Handle
  readonly tokenSerial: string
}

/** A slot with a token in it. */
export interface Slot {
  readonly number: number
  /** Serial number of the token. */
  readonly serial: string
}

/** Libraries by path: each may be initialised once in a process. */
const libraries = new Map<string, Pkcs11Library>()

/**
 * Opens a session with the one token that fits, logged in.
 *
 * @param module  path of the PKCS#11 library
 * @throws {KeyError} `token_unavailable`, `token_refused`, `key_passphrase_missing`, `key_passphrase_wrong`
 */
export async function openSession(
  module: string,
  pin: string | undefined,
  fits: (slot: Slot) => boolean,
): Promise<Session> {
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
  const session = { native, library, handle, tokenSerial: one.serial }
  try {
    library.C_Login(handle, native.CKU_USER, pin)
  } catch (cause) {
    if (codeOf(cause) !== 'CKR_USER_ALREADY_LOGGED_IN') {
      closeSession(session)
      throw asKeyError(cause)
    }
  }
  return session
}

/** Closes a session; one that is gone already is as good as closed. */
export function closeSession({ library, handle }: Session): void {
  try {
    library.C_CloseSession(handle)
  } catch (cause) {
    if (codeOf(cause) === undefined) throw cause
  }
}

/** Runs calls of the library. @throws {KeyError} for what they throw */
export function guard<T>(call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw asKeyError(cause)
  }
}

const WRONG_PIN = ['CKR_PIN_INCORRECT', 'CKR_PIN_INVALID', 'CKR_PIN_LEN_RANGE']
const GONE = [
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_REMOVED',
  'CKR_SLOT_ID_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
]

/** The error of ours that says what the library threw; anything else as it is. */
export function asKeyError(cause: unknown): unknown {
  if (cause instanceof KeyError) return cause
  const code = codeOf(cause)
  if (code === undefined) return cause
  if (WRONG_PIN.includes(code)) return new KeyError('key_passphrase_wrong', 'the PIN is wrong', { cause })
  if (GONE.includes(code)) return new KeyError('token_unavailable', `the token is not there (${code})`, { cause })
  return new KeyError('token_refused', `the token refused (${code})`, { cause })
}

function loadLibrary(native: Native, module: string): Pkcs11Library {
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

/** A slot number is a C long in the machine's byte order. */
function numberOf(slot: Handle): number {
  return slot.length === 8 ? Number(slot.readBigUInt64LE()) : slot.readUInt32LE()
}

/** The name of a return value, such as CKR_PIN_INCORRECT, in what pkcs11js throws. */
function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error ? /CKR_\w+/.exec(cause.message)?.[0] : undefined
}
