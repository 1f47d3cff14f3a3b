/** Audit command: its words and options. What it does stands in a file of its own, loaded when it is called. */
import type { Command } from 'commander'
import type { CommandTools } from '../command-tools.ts'
import { collect, positiveNumber, wholeNumber } from '../option-values.ts'
import type { AuditOptions } from './options.ts'

export function addAuditCommand(program: Command, { command, runs, passphrase, judging }: CommandTools): void {
  const audit = command(
    program,
    'audit <target>',
    'Sweeps an archive: what is unknown, changed, stripped, replaced, missing or twice there.',
    'fiducial audit /data/pacs --trust example-hospital.pem --out report --between 22:00-06:00',
  )
  passphrase(judging(audit))
    .option('--full', 'read everything again, whatever the archive says of changes')
    .option('--since <day>', 'only studies since a day, or `last`: what is new since the sweep before')
    .option('--reread-days <n>', 'read each image again at least once in so many days', positiveNumber, 30)
    .option('--limit <n>', 'read no more images than this; the next run goes on', positiveNumber)
    .option('--throttle <rate>', 'read no faster: 20/s for images, 50MB/s for bytes; may be repeated', collect)
    .option('--between <hours>', 'read only between two times of the day, such as 22:00-06:00')
    .option('--missing-after <hours>', 'how long a recorded image may be on its way to the archive', wholeNumber, 24)
    .option('--out <folder>', 'write the report there: audit.html, audit.csv, audit.json')
    .option('--format <list>', 'which of them', 'html,csv,json')
    .option('--paths', 'name images in the report by their paths, too: these may hold names of patients')
    .option('--enrol', 'record what nobody knows, so that changes show from now on')
    .option('--record', 'record what was found in the custody log of this site')
    .option('--marks', 'read the marks in the pixels with the keys of this site')
    .option('--schedule <time>', 'stay, and sweep each day at a time such as 02:00')
    .option('--credentials-file <file>', 'holds a bearer token, or USER:PASSWORD, for an archive on the network')
    .option('--tls-ca <pem>', 'authorities to believe when an archive is called by TLS: needed for dicoms://')
    .option('--tls-cert <pem>', 'our certificate, for an archive that asks who calls; with --tls-key')
    .option('--tls-key <pem>', 'its private key')
    .option('--calling-aet <title>', 'AE title by which to call, for dicom:// (default: FIDUCIAL)')
    .option(
      '--receive-port <n>',
      'for dicom://: fetch by C-MOVE, and let the PACS call back on this port',
      positiveNumber,
    )
    .action(
      runs(async ([target], options: AuditOptions, context) =>
        (await import('./audit.ts')).auditArchive(String(target), options, context),
      ),
    )
}
