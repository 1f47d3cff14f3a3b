/** Commands of the watchdog: words, options and help; what they do stands beside this, loaded when it is called. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CommandTools } from '../command-tools.ts'
import { positiveNumber } from '../option-values.ts'
import type { AuditOptions } from './audit.ts'
import type { CalibrateOptions } from './calibrate.ts'
import type { CardOptions } from './card.ts'
import type { ScoreOptions } from './score.ts'
import type { TrainOptions } from './train.ts'

const KINDS = ['chest', 'limb', 'ct', 'mr', 'other']
const GROUPS = 'a table (CSV) with columns path and patient, for pictures without a header'

export function addWatchCommands(watch: Command, { command, runs }: CommandTools): void {
  const kind = new Option('--kind <kind>', 'what the images show (default: as their headers say)').choices(KINDS)
  const seed = (text: string): number => {
    const number = Number(text)
    if (!Number.isInteger(number) || number < 0 || number >= 2 ** 32)
      throw new InvalidArgumentError('a whole number of 32 bits')
    return number
  }
  const alpha = (text: string): number => {
    const number = Number(text)
    if (!(number > 0 && number < 1)) throw new InvalidArgumentError('a share between 0 and 1, such as 0.01')
    return number
  }

  command(
    watch,
    'score <input...>',
    'Says how unusual images are beside true ones of the same device, and shows where. Advisory; proves nothing.',
    'fiducial watch score chest.dcm --out looked-at',
  )
    .option('--out <folder>', 'draw the cues on each picture there, as PNG')
    .option('--model <file>', 'the model (default: the one of this site, or the shipped one)')
    .option('--stratum <id>', 'compare with these true images, whatever the header says')
    .addOption(kind)
    .option('--alpha <share>', 'call so many of the true images unusual (default: 0.01)', alpha)
    .option('--frame <number>', 'the frame of a multi-frame image, from 1', positiveNumber)
    .option('--feed <file>', 'take the images as they come into the evidence of a running feed, kept in this file')
    .option('--findings <file>', 'what a diagnostic model found: JSON, or a DICOM SR or presentation state')
    .option('--diagnose <url>', 'ask a diagnostic model at this address what it finds')
    .action(
      runs(async ([inputs], options: ScoreOptions, context) =>
        (await import('./score.ts')).scoreImages(inputs as string[], options, context),
      ),
    )

  command(
    watch,
    'volume <input...>',
    'Looks at the slices of CT or MR series: noise that does not go on from slice to slice, slices that are made of others.',
    'fiducial watch volume series',
  ).action(
    runs(async ([inputs], options: object, context) =>
      (await import('./volume.ts')).examineVolumes(inputs as string[], options, context),
    ),
  )

  command(
    watch,
    'card',
    'Prints what the model is made from, how well it did, and what it does not see.',
    'fiducial watch card',
  )
    .option('--model <file>', 'the model (default: the one of this site, or the shipped one)')
    .action(
      runs(async (_words, options: CardOptions, context) => (await import('./card.ts')).printCard(options, context)),
    )

  command(
    watch,
    'calibrate <input...>',
    'Takes a site’s own true images as what is usual there.',
    'fiducial watch calibrate sealed --id room-1',
  )
    .requiredOption('--id <id>', 'what to call these images: lower case, digits and hyphens')
    .option('--model <file>', 'the model (default: the one of this site, or the shipped one)')
    .option('--unsealed', 'take images as true that nothing vouches for')
    .addOption(kind)
    .option('--groups <file>', GROUPS)
    .option('--seed <number>', 'which image of each patient is drawn', seed, 1)
    .action(
      runs(async ([inputs], options: CalibrateOptions, context) =>
        (await import('./calibrate.ts')).calibrate(inputs as string[], options, context),
      ),
    )

  command(
    watch,
    'train <input...>',
    'Makes a model from true images and the fakes that the forge makes of them; the same images and seed give the same bytes.',
    'fiducial watch train images --id my-site --kind chest --out model.json',
  )
    .requiredOption('--out <file>', 'where the model goes')
    .requiredOption('--id <id>', 'what to call these images: lower case, digits and hyphens')
    .option('--source <words>', 'where they are from, in words', 'not told')
    .addOption(kind)
    .option('--groups <file>', GROUPS)
    .option('--figures <file>', 'result.json of an audit of the same images: its figures go with the model')
    .option('--seed <number>', 'what is drawn', seed, 1)
    .action(
      runs(async ([inputs], options: TrainOptions, context) =>
        (await import('./train.ts')).train(inputs as string[], options, context),
      ),
    )

  command(
    watch,
    'audit <input...>',
    'Measures how well a model would do on patients, techniques and sources that it has not seen, and where it is blind.',
    'fiducial watch audit images --kind chest --out audit',
  )
    .requiredOption('--out <folder>', 'where report.html and result.json go')
    .option('--source <words>', 'where the images are from, in words', 'not told')
    .addOption(kind)
    .option('--groups <file>', GROUPS)
    .option('--seed <number>', 'what is drawn', seed, 1)
    .action(
      runs(async ([inputs], options: AuditOptions, context) =>
        (await import('./audit.ts')).auditModel(inputs as string[], options, context),
      ),
    )
}
