/**
 * Disclose: prints the key of one image, so that anybody can see where it was altered.
 *
 * The key goes to standard output alone, so that it can be put into a file; what it means goes beside it.
 */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { type SecretOptions, withSecrets } from '../secrets.ts'
import { openRecord } from './locate-part.ts'

export async function discloseKey(id: string, options: SecretOptions, context: Context): Promise<ExitCode> {
  const { adapters, home, output } = context
  return withSecrets(options, context, async (secrets) => {
    const means = await adapters.mark.means(home)
    const { record, device, imageKey } = await openRecord(id, await adapters.mark.devices(home, secrets), means)
    output.record({ recordId: encodeHex(record.recordId), device: device.id, imageKey: encodeHex(imageKey) })
    output.line(encodeHex(imageKey))
    output.note(
      'Whoever has this key sees where this image was altered, reads the small picture in its record, and could put a mark of\n' +
        'this record on another picture: give it away only when a log shows since when the image exists.',
    )
    return EXIT.ok
  })
}
