/** Restore: takes the mark off images, and writes what the device acquired into another folder. */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { type PreparedRestore, prepareRestore } from '../../services/mark/restore.ts'
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
      const prepared = await prepareRestore(pixels, { ...look, isForced: force }, means)
      using staged = await adapters.mark.stage(target, prepared.pieces(), overwrite)
      staged.commit()
      report(input, target, prepared, context)
      return prepared.state === 'partly' ? EXIT.notAuthentic : EXIT.ok
    })
    if (done > 0) output.line(`${counted(done, 'image')} restored in ${visible(out)}; ${summary}`)
    return exit
  })
}

const STATES = { exact: 'restored', repaired: 'repaired', partly: 'restored_in_part' } as const

function report({ label }: Input, target: string, { location, state }: PreparedRestore, { output }: Context): void {
  const { style } = output
  const recordId = location.recordId === undefined ? null : encodeHex(location.recordId)
  const repairs = location.planes.flatMap(({ frame, component, repairs }) =>
    repairs.map(({ x, y, found, marked }) => ({ frame, component, x, y, found, marked })),
  )
  output.record({ path: label, state: STATES[state], output: target, recordId, repairs })
  const name = visible(label)
  if (state === 'exact') output.line(`${style.green('✔ restored')}  ${name}`)
  else if (state === 'repaired')
    output.line(`${style.green('✔ restored')}  ${name}: ${counted(repairs.length, 'changed sample')} put right`)
  else output.line(`${style.red('! restored in part')}  ${name}: ${sentenceOf(location)}`)
}
