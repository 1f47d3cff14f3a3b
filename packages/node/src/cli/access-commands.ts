/** Access commands: words and options of the commands about tokens. */
import type { Command } from 'commander'
import type { CommandTools } from './command-tools.ts'
import { positiveNumber } from './option-values.ts'
import type { CreateTokenOptions } from './token.ts'

/** Adds the commands to `fiducial token`. */
export function addAccessCommands(token: Command, { command, runs }: CommandTools): void {
  command(
    token,
    'create <name>',
    'Makes a token with which a person or program is let in by the network, and shows it once.',
    'fiducial token create "PACS console" --role security --person j.doe',
  )
    .requiredOption('--role <role>', 'what it may do: see fiducial token roles')
    .option('--person <id>', 'whom it stands for (default: the name); two releases by one person are one')
    .option('--valid-days <n>', 'after which it ends (default: until it is revoked)', positiveNumber)
    .action(
      runs(async ([name], options: CreateTokenOptions, context) =>
        (await import('./token.ts')).createToken(String(name), options, context),
      ),
    )
  command(token, 'list', 'Shows which tokens there are, without their secrets.', 'fiducial token list').action(
    runs(async (_words, _options, context) => (await import('./token.ts')).listTokens(context)),
  )
  command(token, 'revoke <id>', 'Takes a token back.', 'fiducial token revoke 0123456789abcdef').action(
    runs(async ([id], _options, context) => (await import('./token.ts')).revokeToken(String(id), context)),
  )
  command(token, 'roles', 'Shows which roles there are, and what each may do.', 'fiducial token roles').action(
    runs(async (_words, _options, context) => (await import('./token.ts')).listRoles(context)),
  )
}
