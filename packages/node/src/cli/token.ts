/**
 * Token: the commands that give others access to the gateway by the network, list who has it, and take it back.
 */
import { type AccessRole, isAccessRole, PERMISSIONS, ROLES } from '@fiducial/core/domain/access/roles.ts'
import type { TokenRecord } from '@fiducial/core/domain/access/token.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { layOut } from './table.ts'
import { UsageError } from './usage-error.ts'
import { visible } from './visible.ts'

export interface CreateTokenOptions {
  readonly role: string
  readonly person?: string
  readonly validDays?: number
}

export async function createToken(name: string, options: CreateTokenOptions, context: Context): Promise<ExitCode> {
  const { adapters, home, output } = context
  const { role, person = name, validDays } = options
  const book = await adapters.tokens(home)
  const order = { name, person, role: readRole(role), ...(validDays !== undefined && { validDays }) }
  const { record, text } = await asUsage(() => book.create(order))
  output.record({ ...describe(record), token: text })
  output.line(text)
  output.note(`A token for ${visible(person)}, ${role}. It is shown this once and kept nowhere.`)
  return EXIT.ok
}

export async function listTokens(context: Context): Promise<ExitCode> {
  const { adapters, home, output } = context
  const records = await (await adapters.tokens(home)).list()
  for (const record of records) output.record(describe(record))
  if (records.length === 0) output.line('There are no tokens: fiducial token create makes one.')
  const rows = records.map(({ id, role, person, name, expiresAt }) => [
    id,
    role,
    visible(person),
    visible(name),
    expiresAt === null ? 'until revoked' : `until ${expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  ])
  for (const line of layOut(rows)) output.line(line)
  return EXIT.ok
}

export async function revokeToken(id: string, context: Context): Promise<ExitCode> {
  const { adapters, home, output } = context
  await (await adapters.tokens(home)).revoke(id)
  output.record({ id, state: 'revoked' })
  output.line(`${id} gives no access any more; a gateway that runs knows within two seconds.`)
  return EXIT.ok
}

/** Which roles there are, and what each may do. */
export function listRoles({ output }: Context): ExitCode {
  for (const [role, permissions] of Object.entries(ROLES)) {
    output.record({ role, permissions })
    output.line(output.style.bold(role))
    for (const permission of permissions) output.line(`  ${permission.padEnd(20)} ${PERMISSIONS[permission]}`)
  }
  return EXIT.ok
}

function readRole(word: string): AccessRole {
  if (isAccessRole(word)) return word
  throw new UsageError(`--role ${visible(word)} is none`, `one of ${Object.keys(ROLES).join(', ')}`)
}

async function asUsage<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message)
    throw error
  }
}

const describe = ({ id, person, name, role, createdAt, expiresAt }: TokenRecord) => ({
  id,
  person,
  name,
  role,
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt?.toISOString() ?? null,
})
