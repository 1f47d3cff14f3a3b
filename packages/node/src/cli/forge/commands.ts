/** Commands of the forge: words, options and help; what they do stands beside this, loaded when it is called. */
import { HOST_KINDS } from '@fiducial/core/domain/forge/host-facts.ts'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CommandTools } from '../command-tools.ts'
import { collect, positiveNumber, wholeNumber } from '../option-values.ts'
import type { MakeOptions } from './options.ts'

const SEED_LIMIT = 2 ** 32

export function addForgeCommands(forge: Command, { command, runs }: CommandTools): void {
  command(
    forge,
    'list [technique]',
    'Shows the techniques, or one of them with its parameters, and who may see what each does.',
    'fiducial forge list splice',
  ).action(
    runs(async ([id], _options, context) =>
      (await import('./list.ts')).listTechniques(id === undefined ? undefined : String(id), context),
    ),
  )

  command(
    forge,
    'make <technique> <input...>',
    'Forges DICOM and PNG images, and writes beside each what was done. Every output says that it is synthetic.',
    'fiducial forge make nodule-injection chest.dcm --seed 7 --out fakes --preview',
  )
    .requiredOption('--out <folder>', 'where forgeries go; the folders below each input are kept')
    .option('--seed <n>', 'decides everything that is drawn', seedOf, 1)
    .addOption(
      new Option(
        '--kind <kind>',
        'what the pictures show (default: what the header says, else other; PNG says nothing)',
      ).choices(HOST_KINDS),
    )
    .option('--set <name=value>', 'a parameter of the technique; may be repeated', collect)
    .option('--donor <file>', "another patient's picture, for techniques that take from one")
    .option('--frame <n>', 'of images with several frames: change this one alone (default: all)', positiveNumber)
    .option('--no-mask', 'write no picture of where samples were changed')
    .option('--preview', 'draw before, after and difference side by side, too')
    .addOption(
      new Option('--generator <api>', 'for the technique generator: which API it speaks').choices(['openai', 'sdapi']),
    )
    .option('--url <address>', 'where the generator is; elsewhere than on this machine with --allow-upload only')
    .option('--prompt <words>', 'what the generator is to draw')
    .option('--strength <share>', 'how far to go from the picture: 0 stays, 1 draws freely (default: 0.3)', shareOf)
    .option('--model <name>', 'of an openai generator (default: gpt-image-1)')
    .option('--token-file <file>', 'holds the secret of the generator (or set FIDUCIAL_GENERATOR_TOKEN)')
    .option('--allow-upload', 'send pictures to another machine')
    .option('--overwrite', 'replace files in the output folder')
    .action(
      runs(async ([id, inputs], options: MakeOptions, context) =>
        (await import('./make.ts')).makeForgeries(String(id), inputs as string[], options, context),
      ),
    )
}

function shareOf(text: string): number {
  const share = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(share >= 0 && share <= 1)) throw new InvalidArgumentError('Not from 0 to 1.')
  return share
}

function seedOf(text: string): number {
  const seed = wholeNumber(text)
  if (seed >= SEED_LIMIT) throw new InvalidArgumentError('Not below 4294967296.')
  return seed
}
