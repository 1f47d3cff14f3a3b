/**
 * Secret reference: fetches a secret from where the settings say that it lies.
 */

import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { SecretReference } from '@fiducial/core/formats/config/secret.ts'
import { readConfigFile } from './config-text.ts'

/**
 * The secret, without the end of its line.
 * @throws {KeyError} `key_missing` where the variable is not set, or the file is not there or empty
 */
export function readSecret(
  reference: SecretReference,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const secret = 'env' in reference ? environment[reference.env] : readFile(reference.file)
  if (secret === undefined || secret === '') {
    throw new KeyError('key_missing', `${'env' in reference ? reference.env : reference.file} holds no secret`)
  }
  return secret
}

function readFile(path: string): string | undefined {
  try {
    return new TextDecoder().decode(readConfigFile(path)).replace(/\r?\n$/, '')
  } catch (error) {
    if (error instanceof StoreError && error.code === 'input_missing') return undefined
    throw error
  }
}
