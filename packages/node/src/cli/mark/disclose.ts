/**
 * Disclose: prints the key of one image, so that anybody can see where it was altered.
 *
 * The key goes to standard output alone, so that it can be put into a file; what it means goes beside it.
 */
import { decodeHex, encodeHex } from '@fiducial/core/bytes/hex.ts'
import { deriveImageKey } from '@fiducial/core/domain/mark/keys.ts'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { readRecord } from '../../services/mark/find-mark.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import { type SecretOptions, withSecrets } from '../secrets.ts'
import { UsageError } from '../usage-error.ts'

export async function discloseKey(id: string, options: SecretOptions, context: Context): Promise<ExitCode> {
  const recordId = parseId(id)
  const { adapters, home, output } = context
  return withSecrets(options, context, async (secrets) => {
    const means = await adapters.mark.means(home)
    const record = await readRecord(recordId, means)
    if (record === undefined)
      throw withHint(
        new StoreError('input_missing', `there is no record ${id}`),
        'fiducial mark read IMAGE tells the record of an image',
      )
    const device = (await adapters.mark.devices(home, secrets)).find((known) => known.id === record.device)
    if (device === undefined) throw new KeyError('key_missing', `there is no mark key of ${record.device}`)
    const imageKey = encodeHex(deriveImageKey(means.hash, device.markKey, recordId))
    output.record({ recordId: id, device: device.id, imageKey })
    output.line(imageKey)
    output.note(
      'Whoever has this key sees where this image was altered, reads the small picture in its record, and could put a mark of\n' +
        'this record on another picture: give it away only when a log shows since when the image exists.',
    )
    return EXIT.ok
  })
}

function parseId(text: string): Uint8Array {
  try {
    const id = decodeHex(text)
    if (id.length === 8) return id
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  throw new UsageError(
    'a record id has 16 hexadecimal digits',
    'such as e2837ab9ab767eda, as mark embed and mark read show it',
  )
}
