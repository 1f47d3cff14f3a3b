/**
 * Log commands: their words and options. What each does stands in a file of its own, loaded when it is called.
 */
import type { Command } from 'commander'
import type { CommandTools } from '../command-tools.ts'
import { collect, positiveNumber, wholeNumber } from '../option-values.ts'
import type { AppendOptions } from './append.ts'
import type { CheckLogOptions } from './check.ts'
import type { EraseOptions } from './erase.ts'
import type { ExportOptions } from './export.ts'
import { addFilters } from './filters.ts'
import type { LogInitOptions } from './init.ts'
import type { ProveOptions } from './prove.ts'
import { addServiceCommands } from './service-commands.ts'
import type { ShowOptions } from './show.ts'
import type { TimestampOptions } from './timestamp.ts'
import type { LogVerifyOptions } from './verify.ts'

/** Adds the commands of the custody log to `fiducial log`. */
export function addLogCommands(log: Command, tools: CommandTools): void {
  const { command, runs, passphrase } = tools
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
    .option('--database <url>', 'keep it in PostgreSQL, not in files; the password comes from PGPASSWORD')
    .option('--objects <url>', 'with --database: tiles and checkpoint in this S3 bucket, https://HOST/BUCKET[/PREFIX]')
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
  reading(
    addFilters(
      command(
        log,
        'show [index]',
        'Shows an entry in full, or the entries that have all of what is asked for; each is proven to be in the log.',
        'fiducial log show 17\nfiducial log show --study 1.2.840.1 --type forwarded',
      ),
    ),
  )
    .option('--limit <n>', 'so many entries', positiveNumber, 50)
    .option('--newest', 'the newest first')
    .option('--values', 'the whole statements, with the names of persons')
    .action(
      runs(async ([index], options: ShowOptions, context) =>
        (await import('./show.ts')).showLog(index as string | undefined, options, context),
      ),
    )
  passphrase(
    reading(
      command(
        log,
        'prove [what]',
        'Writes the proof that an entry is in the log, named by its index, an image or a seal; or how many images a study has.',
        'fiducial log prove 17 --out entry-17.tlog-proof\nfiducial log prove --study 1.2.840.1 --out study.json',
      ),
    ),
  )
    .option('--study <uid>', 'exactly which images of this study the log has')
    .option('--out <file>', 'where the proof goes (default: standard output)')
    .action(
      runs(async ([what], options: ProveOptions, context) =>
        (await import('./prove.ts')).proveEntry(what as string | undefined, options, context),
      ),
    )

  command(
    log,
    'verify <file...>',
    'Checks proofs, study files and bundles without asking anybody; of an image or a seal, the proof beside it.',
    'fiducial log verify entry-17.tlog-proof --policy their-log.policy\nfiducial log verify study.json --images received',
  )
    .option('--policy <file>', 'C2SP tlog-policy: whose keys to believe (default: that of the log of this site)')
    .option('--of <file>', 'what the one proof is of: a seal, a bundle or an entry, where it does not lie beside it')
    .option('--images <path>', 'compare these images with the study; may be repeated', collect)
    .option('--trust <pem>', 'believe the timestamp authorities and signers of a file; may be repeated', collect)
    .option('--crl <file>', 'revocation lists; may be repeated', collect)
    .option('-v, --verbose', 'show every check')
    .action(
      runs(async ([files], options: LogVerifyOptions, context) =>
        (await import('./verify.ts')).verifyLogFiles(files as string[], options, context),
      ),
    )

  command(
    log,
    'check [folder]',
    'Goes through a whole log: tiles, entries, statements, signatures, timestamps and map; or the public part of a copy.',
    'fiducial log check\nfiducial log check copy-of-their-log --policy their-log.policy',
  )
    .option('--policy <file>', 'C2SP tlog-policy: whose keys to believe (default: the one beside the log)')
    .option('--no-signatures', 'leave the signatures of statements out, which take the longest')
    .option('--trust <pem>', 'believe the timestamp authorities of a file, beside your own; may be repeated', collect)
    .option('--crl <file>', 'revocation lists; may be repeated', collect)
    .action(
      runs(async ([folder], options: CheckLogOptions, context) =>
        (await import('./check.ts')).checkWholeLog(folder as string | undefined, options, context),
      ),
    )

  passphrase(
    reading(
      addFilters(
        command(
          log,
          'export <folder>',
          'Writes events with their proofs for others: Sigstore bundles, tlog-proofs, keys and an index. Started again, it goes on.',
          'fiducial log export for-the-court --study 1.2.840.1',
        ),
      ),
    ),
  )
    .option('--no-timestamps', 'without a token of the timestamp authority in each bundle')
    .action(
      runs(async ([folder], options: ExportOptions, context) =>
        (await import('./export.ts')).exportEvents(String(folder), options, context),
      ),
    )

  passphrase(
    command(
      log,
      'erase <index>',
      'Takes the statement of an entry out for good, and logs by whom and why. The entry stays, and every proof of it.',
      'fiducial log erase 17 --by person-j-doe --basis "GDPR Art. 17"',
    ),
  )
    .requiredOption('--by <id>', 'who erases it')
    .requiredOption('--basis <text>', 'the law or order that asks for it')
    .option('--yes', 'do not ask')
    .action(
      runs(async ([index], options: EraseOptions, context) =>
        (await import('./erase.ts')).eraseStatement(String(index), options, context),
      ),
    )

  passphrase(
    command(log, 'timestamp', 'Has the timestamp authorities see the log now.', 'fiducial log timestamp'),
  ).action(
    runs(async (_words, options: TimestampOptions, context) =>
      (await import('./timestamp.ts')).timestampLog(options, context),
    ),
  )

  command(log, 'status', 'Shows how far the log of this site is, and who has seen it.', 'fiducial log status').action(
    runs(async (_words, _options, context) => (await import('./status.ts')).showStatus(context)),
  )
  addServiceCommands(log, tools)
}

/** Gives a command the options that say which log is read. */
const reading = (made: Command): Command =>
  made
    .option('--dir <folder>', 'read the log in this folder, such as a copy of another one')
    .option('--policy <file>', 'C2SP tlog-policy: whose keys to believe (default: the one beside the log)')
