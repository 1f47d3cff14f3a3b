/** Service commands: words and options of the commands that serve a log, witness others, and watch. */
import type { Command } from 'commander'
import type { CommandTools } from '../command-tools.ts'
import { collect, positiveNumber, wholeNumber } from '../option-values.ts'
import type { MonitorOptions } from './monitor.ts'
import type { ServeOptions } from './serve.ts'
import type { WitnessOptions } from './witness.ts'

/** Adds the commands to `fiducial log`. */
export function addServiceCommands(log: Command, { command, runs, passphrase }: CommandTools): void {
  const listens = (made: Command, port: number): Command =>
    made
      .option('--port <n>', `where to listen; 0 takes any port that is free (default: ${port})`, wholeNumber)
      .option('--host <host>', 'address to listen at (default: 127.0.0.1, for this machine only)')
      .option('--for <seconds>', 'end after so long', positiveNumber)
      .option('-v, --verbose', 'tell of each request')
  listens(
    passphrase(
      command(
        log,
        'serve',
        'Serves a log by HTTP: checkpoint, hashes and entries, and a page for people. Takes no lock.',
        'fiducial log serve --work',
      ),
    ),
    8470,
  )
    .option('--folder <folder>', 'a copy of what a log publishes (default: the log of this site)')
    .option('--work', "keep the site's log up meanwhile: timestamps when they are due, witnesses asked again")
    .action(
      runs(async (_words, options: ServeOptions, context) => (await import('./serve.ts')).serveLog(options, context)),
    )
  listens(
    passphrase(
      command(
        log,
        'witness',
        'Runs a witness, which cosigns the checkpoints of logs for as long as they only grow.',
        'fiducial log witness --name insurer.example/witness --policy hospital-log-policy',
      ),
    ),
    8471,
  )
    .option('--name <name>', 'name of a new witness, an address without scheme')
    .option('--log <keys>', 'verifier key of a log, several with commas; may be repeated for other logs', collect)
    .option('--policy <file>', 'a C2SP tlog-policy whose logs are watched; may be repeated', collect)
    .option('--folder <folder>', 'its keys and record (default: the folder witness of the state)')
    .option('--url <url>', 'address under which others reach it, where a proxy stands in front')
    .option('--new', 'begin with an empty record, though there are keys')
    .action(
      runs(async (_words, options: WitnessOptions, context) =>
        (await import('./witness.ts')).runWitness(options, context),
      ),
    )
  command(
    log,
    'monitor [place...]',
    'Compares what addresses, folders and witnesses show of one log, and with what they showed before.',
    'fiducial log monitor https://hospital.example/log mirror --policy hospital-log-policy --every 60',
  )
    .option('--policy <file>', "C2SP tlog-policy with the keys of the log (default: that of this site's log)")
    .option('--origin <name>', 'which log, where the policy names several')
    .option('--once', 'look once (this is the default)')
    .option('--every <seconds>', 'look again and again, until the first alarm', positiveNumber)
    .option('--for <seconds>', 'with --every: end after so long', positiveNumber)
    .option('--evidence <folder>', 'where evidence of two histories goes (default: monitor/split-views of the state)')
    .option('--check <file>', 'check evidence that somebody else has found, and ask nobody')
    .action(
      runs(async ([places], options: MonitorOptions, context) =>
        (await import('./monitor.ts')).monitorLog(places as string[], options, context),
      ),
    )
}
