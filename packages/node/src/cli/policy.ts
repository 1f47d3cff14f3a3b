/** Policy: the policy that a word of the command line names: one of ours, or a file with one. */
import { POLICIES, type Policy, parsePolicy } from '@fiducial/core/domain/verdict/policy.ts'
import type { Context } from './context.ts'
import { UsageError } from './usage-error.ts'
import { visible } from './visible.ts'

/** @throws {UsageError} for a word that is neither; {FormatError} `policy_malformed` */
export async function readPolicy(word: string, { adapters }: Pick<Context, 'adapters'>): Promise<Policy> {
  const known = POLICIES[word]
  if (known !== undefined) return known
  const bytes = await adapters.readFile(word)
  if (bytes === undefined) {
    throw new UsageError(
      `there is no policy ${visible(word)}`,
      `policies: ${Object.keys(POLICIES).join(', ')}, or a file with one`,
    )
  }
  return parsePolicy(new TextDecoder().decode(bytes))
}
