/** Find marks: with which keys a run reads the marks in pixels: those of the site, and one that was disclosed. */
import type { Context } from './context.ts'
import { readImageKey } from './mark/who.ts'
import { readSecrets, type SecretOptions } from './secrets.ts'
import type { VerifySettings } from './work.ts'

export interface MarkReadingOptions extends SecretOptions {
  /** A disclosed key, in hexadecimal or in a file. */
  readonly imageKey?: string
  /** Whether marks are read at all. */
  readonly mark: boolean
}

/** Nobody is asked for a passphrase: without it, marks stay unread. @throws {UsageError} for a key that is none */
export async function findMarks(options: MarkReadingOptions, context: Context): Promise<Pick<VerifySettings, 'marks'>> {
  if (!options.mark) return {}
  const { imageKey } = options
  const imageKeys = imageKey === undefined ? [] : [await readImageKey(imageKey, context)]
  const devices = await context.adapters.mark.known(context.home, await readSecrets(options, context))
  return devices.length + imageKeys.length === 0 ? {} : { marks: { devices, imageKeys, home: context.home } }
}
