/** Log timestamp: has the timestamp authorities see the log now. */
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { type JudgedToken, judgeTokens } from '../../services/log/judge-tokens.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import type { SecretOptions } from '../secrets.ts'
import { readTrust, type TrustOptions } from '../trust.ts'
import { visible } from '../visible.ts'
import { noteFailures } from './finish-run.ts'
import { withSite } from './session.ts'
import { shortTime } from './show-list.ts'

export interface TimestampOptions extends SecretOptions, TrustOptions {}

/** Exit code 69 where an authority did not answer: the tokens of the others are in the log. */
export async function timestampLog(options: TimestampOptions, context: Context): Promise<ExitCode> {
  const { adapters, output } = context
  const anchors = await readTrust(options, context)
  const crypto = await adapters.crypto()
  return withSite(options, context, async ({ site, ports }) => {
    const { receipt, failures } = await site.timestamp()
    await ports.records.settle()
    const payload = await ports.records.payload(receipt.index)
    const event = payload instanceof Uint8Array ? parseEventStatement(payload) : undefined
    if (event?.type !== 'timestamped')
      throw new StoreError('log_corrupted', `entry ${receipt.index} is no timestamp of the log`)
    const tokens = judgeTokens(event.details, anchors, crypto)
    output.record({
      index: String(receipt.index),
      tokens: tokens.map(recordOfToken),
      failures: failures.length,
    })
    output.line(`${output.style.green('✔ entry')} ${receipt.index}: the log as it is now was seen by`)
    for (const token of tokens) output.line(`    ${describeToken(token)}`)
    noteFailures(failures, context)
    return failures.length === 0 ? EXIT.ok : EXIT.unavailable
  })
}

/** A token for programs. */
export const recordOfToken = ({ time, ...token }: JudgedToken): object => ({
  ...token,
  ...(time && { time: time.toISOString() }),
})

/** A token in a line. */
export function describeToken({ outcome, reason, time, authority }: JudgedToken): string {
  const name = authority === undefined ? 'an authority that does not say its name' : visible(authority)
  const at = time === undefined ? '' : `, ${shortTime(time.toISOString())} UTC`
  return outcome === 'holds' ? `${name}${at}` : `${name}${at} (${reason})`
}
