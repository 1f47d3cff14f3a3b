/** Who: which device marks, and with which keys marks are looked for. */
import { decodeHex } from '@fiducial/core/bytes/hex.ts'
import { FormatError, KeyError } from '@fiducial/core/errors.ts'
import type { LocateOrder } from '../../services/mark/locate.ts'
import type { MarkDevice } from '../../services/mark/ports.ts'
import type { Context } from '../context.ts'
import { withHint } from '../failure.ts'
import type { Ring } from '../ring.ts'
import { readSecrets, type SecretOptions, withSecrets } from '../secrets.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

export interface LookOptions extends SecretOptions {
  readonly imageKey?: string
}

const KEY_HEX = /^[0-9a-f]{64}$/i

/** With what an image is looked at: a key that was disclosed, or those of the site. */
export async function readLookOrder<T>(
  options: LookOptions,
  context: Context,
  steps: (order: LocateOrder) => Promise<T>,
): Promise<T> {
  if (options.imageKey !== undefined)
    return steps({ devices: [], imageKey: await readImageKey(options.imageKey, context) })
  return withSecrets(options, context, async (secrets) => {
    const devices = await context.adapters.mark.devices(context.home, secrets).catch((error: unknown) => {
      if (error instanceof KeyError && error.code === 'key_missing') return []
      throw error
    })
    return steps({ devices })
  })
}

/** A key that was disclosed: in hexadecimal, or the name of a file that holds it. @throws {UsageError} */
export async function readImageKey(word: string, { adapters }: Context): Promise<Uint8Array> {
  const text = KEY_HEX.test(word) ? word : new TextDecoder().decode(await adapters.readFile(word)).trim()
  try {
    if (KEY_HEX.test(text)) return decodeHex(text.toLowerCase())
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  throw new UsageError(
    '--image-key is neither a key nor a file that holds one',
    '64 hexadecimal digits, as `fiducial mark disclose` prints',
  )
}

/** The device that was named, or the only one. @throws {KeyError} `key_missing`; {UsageError} where there are several */
export async function pickDevice(
  ring: Ring,
  asked: string | undefined,
  options: SecretOptions,
  context: Context,
): Promise<MarkDevice> {
  const devices = ring.list().filter(({ role }) => role === 'device')
  const active = devices.filter(({ status }) => status === 'active')
  const named = devices.filter(({ id, name }) => id === asked || name === asked || name === `DEMO ${asked}`)
  const [only, ...others] = asked === undefined ? active : named
  if (only === undefined) {
    const message = asked === undefined ? 'no device is enrolled' : `there is no device ${visible(asked)}`
    throw withHint(new KeyError('key_missing', message), 'fiducial keys enrol device NAME')
  }
  if (others.length > 0) {
    const ids = [only, ...others].map(({ id }) => id).join(', ')
    throw new UsageError('there are several devices: say which with --device', ids)
  }
  return context.adapters.mark.device(context.home, await readSecrets(options, context), only.id)
}
