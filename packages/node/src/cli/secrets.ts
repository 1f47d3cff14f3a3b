/**
 * Secrets: where the passphrase of the keys and the PIN of a token come from.
 *
 * From a file, the environment or a hidden question; never from the command line, which everybody on the machine can
 * list. A question is asked only when it turns out that a secret is needed.
 */
import { KeyError } from '@fiducial/core/errors.ts'
import type { Context } from './context.ts'
import { withHint } from './failure.ts'
import { ask } from './prompt.ts'
import type { Ring, Secrets } from './ring.ts'
import { canAsk } from './terminal.ts'
import { UsageError } from './usage-error.ts'

export interface SecretOptions {
  readonly passphraseFile?: string
  readonly pinFile?: string
}

/** The secrets that were given beforehand. */
export async function readSecrets(options: SecretOptions, context: Context): Promise<Secrets> {
  const { env } = context.terminal
  const passphrase = (await readSecretFile(options.passphraseFile, context)) ?? nonEmpty(env.FIDUCIAL_PASSPHRASE)
  const pin = (await readSecretFile(options.pinFile, context)) ?? nonEmpty(env.FIDUCIAL_PIN)
  return { ...(passphrase !== undefined && { passphrase }), ...(pin !== undefined && { pin }) }
}

/**
 * Runs steps that need the site's keys, with the secrets that were given; where they turn out to be missing and
 * somebody sits there, asks and runs the steps again.
 *
 * @throws {KeyError} `key_missing` with a hint where there are no keys yet
 */
export function withRing<T>(
  options: SecretOptions,
  context: Context,
  steps: (ring: Ring, secrets: Secrets) => Promise<T>,
): Promise<T> {
  return withSecrets(options, context, async (secrets) => steps(await openRing(context, secrets), secrets))
}

/** The same for keys that are in no ring. */
export async function withSecrets<T>(
  options: SecretOptions,
  context: Context,
  steps: (secrets: Secrets) => Promise<T>,
): Promise<T> {
  let secrets = await readSecrets(options, context)
  for (;;) {
    try {
      return await steps(secrets)
    } catch (error) {
      const more = await askForMissing(error, secrets, context)
      if (more === undefined) throw error
      secrets = more
    }
  }
}

async function openRing({ adapters, home }: Context, secrets: Secrets): Promise<Ring> {
  try {
    return await adapters.openRing(home, secrets)
  } catch (error) {
    if (error instanceof KeyError && error.code === 'key_missing')
      throw withHint(
        new KeyError('key_missing', 'there are no keys yet', { cause: error }),
        'fiducial keys init makes them',
      )
    throw error
  }
}

/** The secrets with the one more that an error asks for; undefined where that is no help or nobody can be asked. */
async function askForMissing(error: unknown, secrets: Secrets, { terminal }: Context): Promise<Secrets | undefined> {
  if (!(error instanceof KeyError) || error.code !== 'key_passphrase_missing' || !canAsk(terminal)) return undefined
  const isPin = /\bPIN\b/.test(error.message)
  if (isPin ? secrets.pin !== undefined : secrets.passphrase !== undefined) return undefined
  if (isPin) return { ...secrets, pin: await ask('PIN of the token: ', terminal, true) }
  return { ...secrets, passphrase: await ask('Passphrase of the keys: ', terminal, true) }
}

/** A passphrase for keys that are about to be made: asked for twice; none where the answer is empty. */
export async function askForNewPassphrase({ terminal }: Context): Promise<string | undefined> {
  const first = await ask('Passphrase for the new keys (empty for none): ', terminal, true)
  if (first === '') return undefined
  const second = await ask('The same again: ', terminal, true)
  if (first !== second) throw new UsageError('the two passphrases differ')
  return first
}

async function readSecretFile(path: string | undefined, { adapters }: Context): Promise<string | undefined> {
  if (path === undefined) return undefined
  const bytes = await adapters.readFile(path)
  if (bytes === undefined) throw new UsageError(`there is no file ${path}`)
  // One line end is the editor's, not the passphrase's.
  const secret = new TextDecoder().decode(bytes).replace(/\r?\n$/, '')
  if (secret === '') throw new UsageError(`${path} is empty`)
  return secret
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)
