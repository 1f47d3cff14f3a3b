/** Gateway commands: words and options of the commands that look at a running gateway and act on it. */
import type { Command } from 'commander'
import type { CommandTools } from '../command-tools.ts'
import { EXIT } from '../exit.ts'
import { wholeNumber } from '../option-values.ts'
import type { SettingsOptions } from './read-settings.ts'
import type { ListOptions, ReachOptions, ReasonOptions } from './remote-commands.ts'
import type { ShowSettingsOptions } from './settings.ts'

/** Adds the commands to `fiducial gateway`. */
export function addGatewayCommands(gateway: Command, { command, runs }: CommandTools): void {
  const reaching = (spelling: string, description: string, example: string): Command =>
    command(gateway, spelling, description, example)
      .option('--url <url>', 'of the gateway (default: $FIDUCIAL_GATEWAY_URL, else the one of this machine)')
      .option('--token-file <file>', 'holds a token (default: $FIDUCIAL_TOKEN, else that of this machine)')
  const load = () => import('./remote-commands.ts')

  reaching(
    'status',
    'Shows how a gateway is: readiness, alarms, counts, destinations.',
    'fiducial gateway status',
  ).action(runs(async (_words, options: ReachOptions, context) => (await load()).showStatus(options, context)))
  reaching('list', 'Lists images that came, newest first.', 'fiducial gateway list --state quarantined --json')
    .option('--state <states>', 'received, quarantined, forwarding, done or rejected; several with commas')
    .option('--verdict <verdicts>', 'authentic, not_authentic or undetermined; several with commas')
    .option('--study <uid>', 'of one study')
    .option('--instance <uid>', 'with this SOP Instance UID')
    .option('--from <aet>', 'of this calling AE title')
    .option('--destination <name>', 'on their way to this destination')
    .option('--dead', 'with deliveries that were given up')
    .option('--since <moment>', 'received since then, ISO 8601')
    .option('--limit <n>', 'how many at most (default: 100)', wholeNumber)
    .action(runs(async (_words, options: ListOptions, context) => (await load()).listInstances(options, context)))
  reaching(
    'show <id>',
    'Shows one image: verdict, reasons, deliveries.',
    'fiducial gateway show 01JNEXAMP1E00000000000000A',
  ).action(
    runs(async ([id], options: ReachOptions, context) => (await load()).showInstance(String(id), options, context)),
  )
  reaching(
    'release <id>',
    'Asks for a release from quarantine, or confirms that of another person.',
    'fiducial gateway release 01JNEXAMP1E00000000000000A --reason "confirmed with CT 1"',
  )
    .requiredOption('--reason <text>', 'for the custody log; must not name a patient')
    .action(runs(async ([id], options: ReasonOptions, context) => (await load()).release(String(id), options, context)))
  reaching(
    'reject <id>',
    'Takes an image out of quarantine for good.',
    'fiducial gateway reject 01JNEXAMP1E00000000000000A --reason "not from this hospital"',
  )
    .requiredOption('--reason <text>', 'for the custody log; must not name a patient')
    .action(runs(async ([id], options: ReasonOptions, context) => (await load()).reject(String(id), options, context)))
  reaching(
    'reexamine <id>',
    'Has an image in quarantine judged anew, by what is believed and in force now.',
    'fiducial gateway reexamine 01JNEXAMP1E00000000000000A',
  ).action(runs(async ([id], options: ReachOptions, context) => (await load()).reexamine(String(id), options, context)))
  reaching(
    'retry <id>',
    'Sends what was given up of an image again.',
    'fiducial gateway retry 01JNEXAMP1E00000000000000A',
  ).action(runs(async ([id], options: ReachOptions, context) => (await load()).retry(String(id), options, context)))
  for (const [action, description] of [
    ['pause', 'Holds back what goes to a destination.'],
    ['resume', 'Lets what was held back go on.'],
    ['revive', 'Sends all that was given up to a destination again.'],
  ] as const) {
    reaching(`${action} <destination>`, description, `fiducial gateway ${action} pacs`).action(
      runs(async ([name], options: ReachOptions, context) =>
        (await load()).control(action, String(name), options, context),
      ),
    )
  }
  reaching('invite', 'Prints an address that lets one browser in.', 'fiducial gateway invite').action(
    runs(async (_words, options: ReachOptions, context) => (await load()).invite(options, context)),
  )
  command(
    gateway,
    'conformance',
    'Prints what the gateway speaks: the conformance statement, in Markdown.',
    'fiducial gateway conformance > conformance.md',
  ).action(
    runs(async (_words, _options: object, { output, adapters }) => {
      const text = await adapters.conformance()
      output.record({ conformance: text })
      output.line(text.trimEnd())
      return EXIT.ok
    }),
  )
  command(
    gateway,
    'settings',
    'Shows the settings in force, and where each comes from: environment, file or default.',
    'fiducial gateway settings --changed',
  )
    .option('--settings <file>', 'settings file (default: gateway.yaml in the folder of all state)')
    .option('--changed', 'only those that are not at their defaults')
    .action(
      runs(async (_words, options: ShowSettingsOptions, context) =>
        (await import('./settings.ts')).showSettings(options, context),
      ),
    )
  for (const [action, description] of [
    ['backup', 'Copies what is under way in the gateway of this state, also while it runs.'],
    ['restore', 'Makes the folder of a gateway from a backup.'],
  ] as const) {
    command(gateway, `${action} <folder>`, description, `fiducial gateway ${action} /backup/gateway`)
      .option('--settings <file>', 'settings file (default: gateway.yaml in the folder of all state)')
      .action(
        runs(async ([folder], options: SettingsOptions, context) => {
          const { backUp, restore } = await import('./backup.ts')
          return (action === 'backup' ? backUp : restore)(String(folder), options, context)
        }),
      )
  }
}
