/** Commands of the mark: words, options and help; what they do stands beside this, loaded when it is called. */
import { type Command, Option } from 'commander'
import type { CommandTools } from '../command-tools.ts'
import type { SecretOptions } from '../secrets.ts'
import type { EmbedOptions } from './embed.ts'
import type { LocateOptions } from './locate.ts'
import type { ReadOptions } from './read.ts'
import type { RestoreOptions } from './restore.ts'

const RAW = 'the inputs are bare samples: COLUMNSxROWSxBITS, with be behind it for big endian'

export function addMarkCommands(mark: Command, { command, runs, passphrase }: CommandTools): void {
  const looking = (made: Command): Command =>
    passphrase(made)
      .option('--image-key <key>', 'the disclosed key of the one image, in hexadecimal, or a file that holds it')
      .option('--raw <shape>', RAW)

  passphrase(
    command(
      mark,
      'embed <input...>',
      'Marks images, invisibly and so that the mark comes off bit for bit.',
      'fiducial mark embed incoming --out marked --device device-room-1',
    ),
  )
    .requiredOption('--out <folder>', 'where the marked copies go; the folders below each input are kept')
    .option('--device <id>', 'what made the images (default: the only device)')
    .addOption(
      new Option('--layers <layers>', 'tiles show changes; both lead pictures torn from their files back, too')
        .choices(['tiles', 'both'])
        .default('both'),
    )
    .option('--volume', 'the images are the slices of one volume')
    .option('--again', 'mark images that carry a mark of the device already')
    .option('--uncompressed', 'write images uncompressed that cannot be written in their own transfer syntax')
    .option('--overwrite', 'replace files in the output folder')
    .option('--raw <shape>', RAW)
    .action(
      runs(async ([inputs], options: EmbedOptions, context) =>
        (await import('./embed.ts')).embedMarks(inputs as string[], options, context),
      ),
    )

  passphrase(
    command(
      mark,
      'read <input...>',
      'Says of any picture, be it a screenshot or a JPEG, which marked image it shows, and where it shows something else.',
      'fiducial mark read screenshot.png --out findings',
    ),
  )
    .option('--out <folder>', 'draw there what differs, as PNG')
    .option('--no-search', 'look only at pictures that are neither cropped nor turned: quick')
    .option('--raw <shape>', RAW)
    .action(
      runs(async ([inputs], options: ReadOptions, context) =>
        (await import('./read.ts')).readMarks(inputs as string[], options, context),
      ),
    )

  looking(
    command(
      mark,
      'locate <input...>',
      'Shows where marked images were altered.',
      'fiducial mark locate marked --out findings',
    ),
  )
    .option('--out <folder>', 'draw each altered image there, as PNG')
    .option(
      '--of <record>',
      'the inputs are parts of the image of this record: cropped, turned, mirrored, without loss',
    )
    .action(
      runs(async ([inputs], options: LocateOptions, context) =>
        (await import('./locate.ts')).locateMarks(inputs as string[], options, context),
      ),
    )

  looking(
    command(
      mark,
      'restore <input...>',
      'Takes the mark off, so that images are what the device acquired.',
      'fiducial mark restore marked --out originals',
    ),
  )
    .requiredOption('--out <folder>', 'where the restored copies go')
    .option('--force', 'restore what is left of images that were altered')
    .option('--overwrite', 'replace files in the output folder')
    .action(
      runs(async ([inputs], options: RestoreOptions, context) =>
        (await import('./restore.ts')).restoreImages(inputs as string[], options, context),
      ),
    )

  passphrase(
    command(
      mark,
      'disclose <record>',
      'Prints the key of one image, with which anybody sees where it was altered.',
      'fiducial mark disclose e2837ab9ab767eda > chest.key',
    ),
  ).action(
    runs(async ([id], options: SecretOptions, context) =>
      (await import('./disclose.ts')).discloseKey(String(id), options, context),
    ),
  )
}
