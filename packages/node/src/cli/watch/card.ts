/** Card: what a model is made from and how well it did; in short behind the images it judged, whole by a command of its own. */
import type { Metric, WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { visible } from '../visible.ts'

export interface CardOptions {
  readonly model?: string
}

export async function printCard(options: CardOptions, context: Context): Promise<ExitCode> {
  const model = await context.adapters.watch.model(context.home, options.model)
  const { name, seed, codeHash, dataManifestHash, trainedOn, strata, metrics } = model
  context.output.record({
    ...{ name, seed, codeHash, dataManifestHash, trainedOn, metrics },
    strata: strata.map(({ id, selector, limits, patients }) => ({ id, selector, limits, patients })),
  })
  showCard(model, context)
  for (const metric of model.metrics) context.output.line(`  ${metricInWords(metric)}`)
  return EXIT.ok
}

export function showCard(model: WatchModel, { output }: Context): void {
  const { dim } = output.style
  const { name, trainedOn, strata } = model
  const { images, patients, source } = trainedOn
  output.line(
    dim(
      `Method: model ${visible(name)}, learnt from ${images} true images of ${patients} patients (${visible(source)}).`,
    ),
  )
  output.line(
    dim(`  compares with: ${strata.map((stratum) => `${stratum.id} (${stratum.patients} patients)`).join(', ')}`),
  )
  output.line(
    dim(
      '  Advisory; no medical device. A figure p is the share of true images that look as strange, no chance of forgery; `watch card` has the figures.',
    ),
  )
}

const metricInWords = ({ name, value, low, high, count }: Metric): string =>
  `${name}: ${value.toFixed(3)} (95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}, ${count} images)`
