/** Sealed images: which of the files on a command line are authentic by the keys of this site. */
import { StoreError } from '@fiducial/core/errors.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { findLogs } from '../find-logs.ts'
import { Images, isSeriesFile } from '../images.ts'
import { readPolicy } from '../policy.ts'
import { Progress } from '../progress.ts'
import { readTrust } from '../trust.ts'

/** @throws {StoreError} `watch_unsealed` where there are none */
export async function authenticAmong(words: readonly string[], context: Context): Promise<ReadonlySet<string>> {
  const { adapters, output, terminal } = context
  const settings = {
    anchors: await readTrust({}, context),
    policy: await readPolicy('acquisition', context),
    ...(await findLogs({ log: true }, context)),
    sealsOf: context.home,
  }
  using inputs = await adapters.findInputs(words)
  const images = new Images(inputs, (input) => !isSeriesFile(input))
  const progress = new Progress(output, 'verifying', images)
  const authentic = new Set<string>()
  const tasks = (async function* (all: AsyncIterable<Input>) {
    for await (const { path, label } of all) yield { path, label }
  })(images)
  for await (const done of adapters.work.verify(tasks, settings, terminal.interruption)) {
    progress.advance(done.bytes)
    if ('value' in done && done.value.verdict === 'authentic' && !done.value.isSynthetic) authentic.add(done.task.path)
  }
  output.endProgress()
  terminal.interruption.throwIfAborted()
  if (authentic.size === 0)
    throw new StoreError(
      'watch_unsealed',
      'none of the images is sealed by this site; --unsealed takes them as true all the same',
    )
  return authentic
}
