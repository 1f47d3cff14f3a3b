/**
 * PKCS#11 native: what is used of the optional package pkcs11js, and loading it.
 *
 * The types are written here, since a machine without a compiler has no pkcs11js: everything else must build, and be
 * checked, there as well. Names are those of PKCS#11 version 2.40.
 */
import { KeyError } from '@fiducial/core/errors.ts'

/** A number of the library's own: of a slot, session or object. */
export type Handle = Buffer

export interface Attribute {
  readonly type: number
  readonly value?: number | boolean | string | Buffer
}

/** One loaded library. Every function throws an Error whose message begins with the name of the return value. */
export interface Pkcs11Library {
  load(path: string): void
  C_Initialize(): void
  /** @param hasToken  only slots with a token in them */
  C_GetSlotList(hasToken: boolean): Handle[]
  C_GetTokenInfo(slot: Handle): { readonly serialNumber: string }
  C_OpenSession(slot: Handle, flags: number): Handle
  C_CloseSession(session: Handle): void
  C_CloseAllSessions(slot: Handle): void
  C_Login(session: Handle, userType: number, pin: string): void
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void
  C_FindObjects(session: Handle, limit: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_GetAttributeValue(session: Handle, object: Handle, template: readonly Attribute[]): readonly Attribute[]
  C_GenerateKeyPair(
    session: Handle,
    mechanism: { readonly mechanism: number },
    publicTemplate: readonly Attribute[],
    privateTemplate: readonly Attribute[],
  ): { readonly publicKey: Handle; readonly privateKey: Handle }
  C_SignInit(session: Handle, mechanism: { readonly mechanism: number }, key: Handle): void
  /** Signs off the main thread. @param output  at least as long as the signature */
  C_SignAsync(session: Handle, input: Buffer, output: Buffer): Promise<Buffer>
}

type Constant =
  | 'CKA_CLASS'
  | 'CKA_EC_PARAMS'
  | 'CKA_EC_POINT'
  | 'CKA_EXTRACTABLE'
  | 'CKA_ID'
  | 'CKA_KEY_TYPE'
  | 'CKA_LABEL'
  | 'CKA_MODULUS'
  | 'CKA_MODULUS_BITS'
  | 'CKA_PRIVATE'
  | 'CKA_PUBLIC_EXPONENT'
  | 'CKA_SENSITIVE'
  | 'CKA_SIGN'
  | 'CKA_TOKEN'
  | 'CKA_VERIFY'
  | 'CKF_RW_SESSION'
  | 'CKF_SERIAL_SESSION'
  | 'CKK_RSA'
  | 'CKM_EC_KEY_PAIR_GEN'
  | 'CKM_ECDSA'
  | 'CKM_RSA_PKCS'
  | 'CKM_RSA_PKCS_KEY_PAIR_GEN'
  | 'CKO_PRIVATE_KEY'
  | 'CKO_PUBLIC_KEY'
  | 'CKU_USER'

export type Native = { readonly PKCS11: new () => Pkcs11Library } & Readonly<Record<Constant, number>>

/** @throws {KeyError} `token_unavailable` where the package is not installed */
export async function loadNative(): Promise<Native> {
  try {
    // biome-ignore lint/suspicious/noTsIgnore: an error is to be expected only where the package is missing
    // @ts-ignore
    const module: { readonly default: Native } = await import('pkcs11js')
    return module.default
  } catch (cause) {
    throw new KeyError('token_unavailable', 'the optional package pkcs11js is not installed or not built', { cause })
  }
}
