/**
 * Program: the commands, their words and options, and what --help says about them.
 *
 * Words and options only: what a command does stands in a file of its own, loaded when it is called, so that none
 * waits for the others.
 */
import { Command, CommanderError, Option } from 'commander'
import { addAccessCommands } from './access-commands.ts'
import { addAuditCommand } from './audit/command.ts'
import type { Runs } from './command-tools.ts'
import type { Context } from './context.ts'
import type { DemoOptions } from './demo/options.ts'
import type { DoctorOptions } from './doctor.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { addForgeCommands } from './forge/commands.ts'
import { addGatewayCommands } from './gateway/commands.ts'
import type { InspectOptions } from './inspect.ts'
import type { EnrolDeviceOptions, EnrolOptions, EnrolPersonOptions, InitOptions, RevokeOptions } from './keys.ts'
import { addLogCommands } from './log/commands.ts'
import { addMarkCommands } from './mark/commands.ts'
import { collect, positiveNumber, wholeNumber } from './option-values.ts'
import { addRouteCommands } from './route/commands.ts'
import type { SealOptions } from './seal.ts'
import type { SecretOptions } from './secrets.ts'
import type { UpOptions } from './up.ts'
import { UsageError } from './usage-error.ts'
import type { VerifyOptions } from './verify.ts'
import { addWatchCommands } from './watch/commands.ts'

/** Makes the context once it is known whether a command is to write JSON. */
export type OpenContext = (isJson: boolean) => Context

export interface ProgramOptions {
  readonly version: string
  readonly openContext: OpenContext
  /** Where help goes. */
  readonly write: (text: string) => void
}

interface Common {
  readonly json?: boolean
}

/** Reads a command line and runs what it asks for. @throws {UsageError} and whatever the command throws */
export async function runProgram(words: readonly string[], options: ProgramOptions): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok
  const program = buildProgram(options, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...words], { from: 'user' })
    return exitCode
  } catch (error) {
    // Help and version were shown.
    if (error instanceof CommanderError) return EXIT.ok
    throw error
  }
}

function asUsageError({ code, message: text }: CommanderError, command: string): UsageError {
  if (code === 'commander.help') return new UsageError('a command is needed', `${command} --help lists them`)
  // Commander puts its suggestion on a line of its own.
  const [message = '', suggestion] = text.replace(/^error: /, '').split('\n')
  return new UsageError(message, suggestion?.replace(/^\((.*)\)$/, '$1') ?? `${command} --help shows an example`)
}

function buildProgram({ version, openContext, write }: ProgramOptions, done: (code: ExitCode) => void): Command {
  const runs: Runs =
    <Options>(run: (words: readonly unknown[], options: Options, context: Context) => Promise<ExitCode>) =>
    async (...given) => {
      const command = given.at(-1) as Command
      const options = command.opts<Options & Common>()
      done(await run(given.slice(0, -2), options, openContext(options.json === true)))
    }

  const program = new Command('fiducial')
    .description('Seals medical images at capture and verifies them anywhere.')
    .version(version, '--version', 'show the version')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
    .addHelpText('after', MAIN_EXAMPLES)

  const command = (parent: Command, spelling: string, description: string, example: string): Command =>
    parent
      .command(spelling)
      .description(description)
      .helpOption('--help', 'show this help')
      .helpCommand(false)
      .option('--json', 'write one JSON object for each result')
      .addHelpText('after', `\nExample:\n${example.replace(/^/gm, '  ')}`)

  command(
    program,
    'demo',
    'Simulates an X-ray room: captures, seals, verifies, and catches forgeries.',
    'fiducial demo --out demo',
  )
    .option('--out <folder>', 'where images and pictures go', 'demo')
    .option('--seed <n>', 'another seed, other patients', wholeNumber, 1)
    .option('--keep', 'keep the keys of the demonstration, to seal more with them')
    .action(
      runs(async (_words, options: DemoOptions, context) => (await import('./demo/demo.ts')).runDemo(options, context)),
    )

  const passphrase = (made: Command): Command =>
    made.option('--passphrase-file <file>', 'holds the passphrase of the private keys (or set FIDUCIAL_PASSPHRASE)')
  const believing = (made: Command): Command =>
    made
      .option('--trust <pem>', 'believe the CA certificates of a file, beside your own; may be repeated', collect)
      .option('--crl <file>', 'revocation lists; may be repeated', collect)
      .option(
        '--log-policy <file>',
        'C2SP tlog-policy of a log whose proofs lie beside the images; may be repeated',
        collect,
      )
      .option('--no-log', 'do not ask the custody log of this site')
  const judging = (made: Command): Command =>
    believing(made).option(
      '--policy <name>',
      'acquisition, recorded, signatures, gateway, or a file with a policy',
      'acquisition',
    )
  const tools = { command, runs, passphrase, believing, judging }
  passphrase(
    command(
      program,
      'up',
      'Runs the gateway: takes images in front of a PACS, seals and verifies them, sends them on.',
      'fiducial up --pacs ORTHANC@127.0.0.1:4242',
    ),
  )
    .option('--settings <file>', 'settings of the gateway (default: gateway.yaml in the folder of all state)')
    .option('--pacs <address>', 'where images go: AET@host:port, or the URL of a DICOMweb service')
    .option('--port <n>', 'of the page, the web API and DICOMweb (default: 8460)', wholeNumber)
    .option('--dicom-port <n>', 'of DICOM (default: 11112)', wholeNumber)
    .option('--demo', 'with simulated rooms that send and an archive that takes')
    .option('--for <seconds>', 'end after so long', positiveNumber)
    .action(runs(async (_words, options: UpOptions, context) => (await import('./up.ts')).runUp(options, context)))

  command(
    program,
    'doctor <peer>',
    'Examines a DICOM peer: what it takes, how it answers, and what it does to images.',
    'fiducial doctor ORTHANC@127.0.0.1:4242 --store',
  )
    .option('--calling <aet>', 'what we call ourselves', 'FIDUCIAL')
    .option('--store', 'store a synthetic image there, and see what becomes of it')
    .option('--receive <address>', 'have it back by C-MOVE, to AET@host:port of ours as the peer knows it')
    .option('--trust <pem>', 'speak TLS, and believe the authorities of a file')
    .option('--certificate <pem>', 'what we show of ourselves by TLS')
    .option('--key <pem>', 'the key of that certificate')
    .option('--timeout <seconds>', 'wait so long for an answer', positiveNumber, 20)
    .action(
      runs(async ([peer], options: DoctorOptions, context) =>
        (await import('./doctor.ts')).examine(String(peer), options, context),
      ),
    )

  const keys = program
    .command('keys')
    .description('Makes and manages certificates and keys.')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
  const token = (made: Command): Command =>
    passphrase(made)
      .option('--valid-days <n>', 'how long the certificates are valid (default: 1095)', positiveNumber)
      .option('--pkcs11 <module>', 'make the keys in a token behind this PKCS#11 library')
      .option('--slot <n>', 'slot of the token, where there are several', wholeNumber)
      .option('--pin-file <file>', 'holds the PIN of the token (or set FIDUCIAL_PIN)')

  passphrase(
    command(
      keys,
      'init',
      'Makes the CA and the timestamp authority of a site.',
      'fiducial keys init --site "Example Hospital"',
    ),
  )
    .option('--site <name>', 'name of the site, for every certificate (default: name of this machine)')
    .option('--demo', 'mark every name with DEMO')
    .action(
      runs(async (_words, options: InitOptions, context) => (await import('./keys.ts')).initKeys(options, context)),
    )

  const enrol = keys
    .command('enrol')
    .description('Certifies a device, a person or a gateway.')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
  token(
    command(
      enrol,
      'device <name>',
      'Certifies what makes images.',
      'fiducial keys enrol device "Room 1" --manufacturer ACME --model DX-5 --serial 1234',
    ),
  )
    .option('--manufacturer <name>', 'as in (0008,0070)')
    .option('--model <name>', 'as in (0008,1090)')
    .option('--serial <number>', 'as in (0018,1000)')
    .action(
      runs(async ([name], options: EnrolDeviceOptions, context) =>
        (await import('./keys.ts')).enrolDevice(String(name), options, context),
      ),
    )
  token(
    command(
      enrol,
      'person <name>',
      'Certifies who operates devices.',
      'fiducial keys enrol person "J. Doe" --department Radiology',
    ),
  )
    .option('--department <name>', 'where the person works')
    .option('--staff-id <id>', 'number of the person at the site, as in (0008,1072)')
    .action(
      runs(async ([name], options: EnrolPersonOptions, context) =>
        (await import('./keys.ts')).enrolPerson(String(name), options, context),
      ),
    )
  token(
    command(
      enrol,
      'gateway <name>',
      'Certifies what takes images in and passes them on.',
      'fiducial keys enrol gateway "Front Door"',
    ),
  ).action(
    runs(async ([name], options: EnrolOptions, context) =>
      (await import('./keys.ts')).enrolGateway(String(name), options, context),
    ),
  )

  passphrase(
    command(keys, 'list', 'Shows who is enrolled, in which role and until when.', 'fiducial keys list'),
  ).action(
    runs(async (_words, options: SecretOptions, context) => (await import('./keys.ts')).listKeys(options, context)),
  )
  passphrase(
    command(
      keys,
      'revoke <id>',
      'Takes the certificates of a holder back.',
      'fiducial keys revoke device-room-1 --reason key-compromise',
    ),
  )
    .requiredOption('--reason <reason>', 'key-compromise, superseded, cessation-of-operation, …')
    .option('--since <date>', 'since when the key may have been in wrong hands')
    .action(
      runs(async ([id], options: RevokeOptions, context) =>
        (await import('./keys.ts')).revokeKeys(String(id), options, context),
      ),
    )
  passphrase(
    command(
      keys,
      'export [folder]',
      'Hands out what others need to verify: CA certificate and revocation list, as PEM on standard output; with a folder, all certificates, too.',
      'fiducial keys export > example-hospital.pem',
    ),
  ).action(
    runs(async ([folder], options: SecretOptions, context) =>
      (await import('./keys.ts')).exportKeys(folder as string | undefined, options, context),
    ),
  )

  passphrase(
    command(
      program,
      'seal <input...>',
      'Signs images as device and technologist: in the file and beside it.',
      'fiducial seal incoming --out sealed --device device-room-1 --operator person-j-doe',
    ),
  )
    .requiredOption('--out <folder>', 'where the sealed copies go; the folders below each input are kept')
    .option('--device <id>', 'what made the images (default: the only device)')
    .option('--operator <id>', 'who made them (default: the only person)')
    .option('--series', 'the technologist signs each series once, not each image')
    .option('--tsa <url>', 'RFC 3161 timestamp authority (default: the one of these keys)')
    .addOption(
      new Option('--hash <name>', 'digest of the signatures in the file').choices(['sha256', 'sha384', 'sha512']),
    )
    .option('--overwrite', 'replace files in the output folder')
    .option('--pin-file <file>', 'holds the PIN of the token (or set FIDUCIAL_PIN)')
    .option('--mark', 'put the invisible mark of the device into the pixels before they are signed')
    .addOption(
      new Option(
        '--mark-layers <layers>',
        'tiles show changes; both lead pictures torn from their files back, too',
      ).choices(['tiles', 'both']),
    )
    .option('--no-log', 'do not record the images in the custody log of the site')
    .action(
      runs(async ([inputs], options: SealOptions, context) =>
        (await import('./seal.ts')).sealInputs(inputs as string[], options, context),
      ),
    )

  const verify = command(
    program,
    'verify <input...>',
    'Judges whether images are what was sealed.',
    'fiducial verify sealed --trust example-hospital.pem',
  )
  judging(verify)
    .option('--record', 'record each verdict in the custody log of this site')
    .option('--passphrase-file <file>', 'for --record and marks: holds the passphrase of the private keys')
    .option('--image-key <key>', 'the disclosed key of the mark of the one image, or a file that holds it')
    .option('--no-mark', 'do not read the marks in the pixels')
    .option('--complete', 'ask the custody log whether these are all images of their studies')
    .option('--watch', 'ask the watchdog, too: advice that changes no verdict')
    .option('--seal <file>', 'the seal of the one image, where it does not lie beside it')
    .option('-v, --verbose', 'show every check and signature')
    .action(
      runs(async ([inputs], options: VerifyOptions, context) =>
        (await import('./verify.ts')).verifyInputs(inputs as string[], options, context),
      ),
    )

  command(
    program,
    'inspect <input...>',
    'Shows data set, signatures, coverage and seal of an image.',
    'fiducial inspect chest.dcm',
  )
    .option('--values', "show the patient's values, too")
    .option('--depth <n>', 'how deep to show sequences (default: all)', wholeNumber)
    .option('--passphrase-file <file>', 'holds the passphrase of the keys that read marks')
    .option('--image-key <key>', 'the disclosed key of the mark of the one image, or a file that holds it')
    .option('--no-mark', 'do not read the mark in the pixels')
    .action(
      runs(async ([inputs], options: InspectOptions, context) =>
        (await import('./inspect.ts')).inspectInputs(inputs as string[], options, context),
      ),
    )

  addAuditCommand(program, tools)

  const route = program
    .command('route')
    .description('Routes of the gateway: checked, tried on images, shown.')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
  addRouteCommands(route, tools)

  const log = program
    .command('log')
    .description('The custody log: what happened to images, in a record that cannot be rewritten.')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
  addLogCommands(log, tools)

  const mark = program
    .command('mark')
    .description('The invisible mark in the pixels: put on, read, where it is broken, taken off.')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
  addMarkCommands(mark, tools)

  const forge = program
    .command('forge')
    .description('The forge: synthetic images to train, test and drill with, each of which says so.')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
  addForgeCommands(forge, tools)

  const watch = program
    .command('watch')
    .description('The watchdog: how unusual an image is among true ones, and where. Advisory; proves nothing.')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
  addWatchCommands(watch, tools)

  const gateway = program
    .command('gateway')
    .description('A gateway that runs: what came, what is held back, what waits.')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
  addGatewayCommands(gateway, tools)

  const access = program
    .command('token')
    .description('Tokens: who is let in by the network, and what they may do.')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
  addAccessCommands(access, tools)

  for (const parent of [
    program,
    keys,
    enrol,
    ...log.commands,
    ...mark.commands,
    ...watch.commands,
    ...forge.commands,
    ...route.commands,
    ...access.commands,
    ...gateway.commands,
    ...program.commands,
    ...keys.commands,
    ...enrol.commands,
  ])
    prepare(parent, write)
  return program
}

/** Errors come back as exceptions; help is written where we say. */
function prepare(command: Command, write: (text: string) => void): void {
  command
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : asUsageError(error, nameOf(command))
    })
    .allowExcessArguments(false)
    .showSuggestionAfterError()
    .configureOutput({ writeOut: write, writeErr: () => undefined, outputError: () => undefined })
}

/** All words that call a command, such as `fiducial keys list`. */
const nameOf = (command: Command): string =>
  command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`

const MAIN_EXAMPLES = `
Examples:
  fiducial demo                                   see it work, without any file of yours
  fiducial up --pacs ORTHANC@127.0.0.1:4242       run the gateway in front of a PACS
  fiducial keys init --site "Example Hospital"    make keys, once
  fiducial seal images --out sealed               sign images as device and technologist
  fiducial verify sealed                          see whether they are what was sealed

State lies in $FIDUCIAL_HOME. Exit codes: 0 all as asked, 1 something is not authentic, 2 something is undetermined,
64 wrong usage, 65 unreadable input, 69 a service cannot be reached, 70 a defect of ours, 73 cannot write, 77 not permitted.`
