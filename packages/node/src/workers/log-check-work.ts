/** Log check work: what a thread does with a bundle of a log in files. */
import { StoreError } from '@fiducial/core/errors.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type CheckedBundle, checkBundle } from '../services/log/check-bundle.ts'
import { openBundlePorts } from '../wiring/log-check.ts'
import type { LogCheckSetup } from './setup.ts'

/** What a thread answers: an error is thrown again by whoever asked. */
export type Answer = { readonly bundle: CheckedBundle } | { readonly error: Pick<StoreError, 'code' | 'message'> }

/** @throws {StoreError} if the log cannot be opened */
export async function openLogCheckWork({
  folder,
  size,
  checksSignatures,
}: LogCheckSetup): Promise<(number: bigint) => Promise<Answer>> {
  const ports = await openBundlePorts(folder)
  const options = { crypto: nativeCrypto, hasher: createHasher(nativeCrypto.hash), size, checksSignatures }
  return async (number) => {
    try {
      return { bundle: await checkBundle(number, ports, options) }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      return { error: { code: error.code, message: error.message } }
    }
  }
}
