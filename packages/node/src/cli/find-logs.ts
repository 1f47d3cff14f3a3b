/** Find logs: which custody logs a run asks about images: the site's own, and others by the proofs beside the images. */
import { createHash } from 'node:crypto'
import type { Context } from './context.ts'
import { UsageError } from './usage-error.ts'
import { visible } from './visible.ts'
import type { VerifySettings } from './work.ts'

export interface LogOptions {
  /** Files with C2SP tlog-policies. */
  readonly logPolicy?: readonly string[]
  /** Whether the site's own log is asked. */
  readonly log: boolean
}

/** @throws {UsageError} for a policy file that does not exist; {StoreError} `log_corrupted` */
export async function findLogs(
  { log, logPolicy = [] }: LogOptions,
  { adapters, home }: Context,
): Promise<Pick<VerifySettings, 'log' | 'logPolicies'>> {
  const logPolicies = await Promise.all(
    logPolicy.map(async (path) => {
      const policy = await adapters.readFile(path)
      if (policy === undefined) throw new UsageError(`there is no file ${visible(path)}`)
      return policy
    }),
  )
  const facts = log ? await adapters.log.find(home) : undefined
  if (facts === undefined) return { logPolicies }
  const { roots } = (await adapters.openRing(home, {})).trust()
  const ownRoots = roots.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'))
  return { logPolicies, log: { folder: facts.folder, ownRoots } }
}
