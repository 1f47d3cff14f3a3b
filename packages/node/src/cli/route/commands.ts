/** Route commands: words and options of `fiducial route`. */
import type { Command } from 'commander'
import type { CommandTools } from '../command-tools.ts'
import type { RouteTestOptions } from './test.ts'

export function addRouteCommands(route: Command, { command, runs, believing }: CommandTools): void {
  command(
    route,
    'check <file>',
    'Checks a routes file: whether the gateway could put it in force, and what in it may not be meant.',
    'fiducial route check routes.yaml',
  ).action(
    runs(async ([file], _options: object, context) => (await import('./check.ts')).checkRoutes(String(file), context)),
  )
  const test = command(
    route,
    'test <file> <image...>',
    'Says what the gateway would do with images, and why. Writes and sends nothing.',
    'fiducial route test routes.yaml chest.dcm --from CT_1@10.1.2.3',
  )
  believing(test)
    .option('--from <sender>', 'AE@address of the sender; either may be left out')
    .option('--called <aet>', 'AE title that the sender called')
    .option('--settings <file>', 'settings of the gateway (default: gateway.yaml in the folder of all state)')
    .option('--standing <word>', 'new, duplicate or uid_reused', 'new')
    .option('--values', 'show what rules looked at: values of patients, too')
    .action(
      runs(async ([file, images], options: RouteTestOptions, context) =>
        (await import('./test.ts')).testRoutes(String(file), images as string[], options, context),
      ),
    )
  command(
    route,
    'show [file]',
    'Shows routes and destinations: of a file, or those that the settings of the gateway lead to.',
    'fiducial route show routes.yaml',
  ).action(
    runs(async ([file], _options: object, context) =>
      (await import('./show.ts')).showRoutes(file as string | undefined, context),
    ),
  )
}
