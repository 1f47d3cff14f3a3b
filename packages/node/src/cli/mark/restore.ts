/** Restore: takes the mark off images, and writes what the device acquired into another folder. */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { prepareRestore } from '../../services/mark/restore.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import { sentenceOf } from './locate.ts'
import type { RawOption } from './open-image.ts'
import { Outputs } from './outputs.ts'
import { runOverImages } from './run.ts'
import { type LookOptions, readLookOrder } from './who.ts'

export interface RestoreOptions extends LookOptions, RawOption {
  readonly out: string
  readonly force?: boolean
  readonly overwrite?: boolean
}

export async function restoreImages(
  words: readonly string[],
  options: RestoreOptions,
  context: Context,
): Promise<ExitCode> {
  const { out, raw, force = false, overwrite = false } = options
  return readLookOrder(options, context, async (look) => {
    const { adapters, output, home } = context
    const means = await adapters.mark.means(home)
    const outputs = new Outputs(out)
    const order = {
      words,
      verb: 'restoring',
      failed: 'not restored',
      accepts: (input: Input) => outputs.accepts(input, words),
      ...(raw !== undefined && { raw }),
    }
    const { done, exit, summary } = await runOverImages(order, means, context, async ({ pixels }, input) => {
      const target = outputs.pathFor(input)
      const { location, pieces } = await prepareRestore(pixels, { ...look, isForced: force }, means)
      using staged = await adapters.mark.stage(target, pieces(), overwrite)
      staged.commit()
      const isExact = location.outcome === 'holds'
      const recordId = location.recordId === undefined ? null : encodeHex(location.recordId)
      output.record({ path: input.label, state: isExact ? 'restored' : 'restored_in_part', output: target, recordId })
      if (isExact) output.line(`${output.style.green('✔ restored')}  ${visible(input.label)}`)
      else output.line(`${output.style.red('! restored in part')}  ${visible(input.label)}: ${sentenceOf(location)}`)
      return isExact ? EXIT.ok : EXIT.notAuthentic
    })
    if (done > 0) output.line(`${counted(done, 'image')} restored in ${visible(out)}; ${summary}`)
    return exit
  })
}
