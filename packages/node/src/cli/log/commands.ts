/**
 * Log commands: their words and options. What each does stands in a file of its own, loaded when it is called.
 */
import type { Command } from 'commander'
import type { CommandTools } from '../command-tools.ts'
import { collect, wholeNumber } from '../option-values.ts'
import type { AppendOptions } from './append.ts'
import type { LogInitOptions } from './init.ts'

/** Adds the commands of the custody log to `fiducial log`. */
export function addLogCommands(log: Command, { command, runs, passphrase }: CommandTools): void {
  passphrase(
    command(
      log,
      'init',
      'Makes the custody log of this site. `seal` makes one by itself where there is none.',
      'fiducial log init --origin hospital.example/log --tsa http://timestamp.example.org',
    ),
  )
    .option('--origin <name>', 'name of the log, an address without scheme (default: made from the name of the site)')
    .option('--tsa <url>', 'one more RFC 3161 authority to see its checkpoints; may be repeated', collect)
    .option('--policy <file>', 'C2SP tlog-policy with witnesses and quorum')
    .option(
      '--timestamp-minutes <n>',
      'between two rounds of timestamps while the log grows (default: 60)',
      wholeNumber,
    )
    .action(
      runs(async (_words, options: LogInitOptions, context) => (await import('./init.ts')).initLog(options, context)),
    )
  passphrase(
    command(
      log,
      'append [input...]',
      'Records what happened: to images, by --event; or statements, and seals that are not recorded yet.',
      `fiducial log append --event forwarded --details '{"toAet":"PACS","protocol":"dimse"}' sealed/chest.dcm`,
    ),
  )
    .option('--event <type>', 'what happened to the images, such as received, forwarded or disclosed')
    .option('--details <json>', 'what the event says besides, or @FILE')
    .option('--at <moment>', 'when it happened (default: now); the same again is recorded once')
    .option('--proof <path>', 'write a C2SP tlog-proof of each entry: a file for one, else a folder')
    .action(
      runs(async ([inputs], options: AppendOptions, context) =>
        (await import('./append.ts')).appendEvents(inputs as string[], options, context),
      ),
    )
}
