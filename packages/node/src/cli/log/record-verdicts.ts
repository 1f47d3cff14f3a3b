/** Record verdicts: what a run of `verify` came to, as events of the site's log. */
import { decodeHex } from '@fiducial/core/bytes/hex.ts'
import { LEVELS } from '@fiducial/core/domain/log/event-details.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import { uidOrNull } from '@fiducial/core/formats/dicom/instance-uids.ts'
import type { Context } from '../context.ts'
import type { Secrets } from '../ring.ts'
import { counted } from '../table.ts'
import type { VerifyRecord } from '../verify-record.ts'
import { visible } from '../visible.ts'

const RECORDED_TOGETHER = 512
/** More failing checks of one image are not listed in its event. */
const CHECKS_LIMIT = 64

/**
 * Logs a `verified` event for each image.
 * @throws {StoreError} `log_missing` and what the log says; {KeyError}
 */
export async function recordVerdicts(
  verified: readonly VerifyRecord[],
  policy: Policy,
  secrets: Secrets,
  context: Context,
): Promise<void> {
  const { adapters, home, output, terminal } = context
  await using log = await adapters.log.open(home, secrets, terminal.interruption)
  // No more at once than a log has room for.
  for (let from = 0; from < verified.length; from += RECORDED_TOGETHER) {
    const record = async (one: VerifyRecord): Promise<void> => {
      const { index } = await log.site.recorder.record(eventOf(one, policy))
      output.record({ state: 'recorded', path: one.path, index: String(index) })
    }
    await Promise.all(verified.slice(from, from + RECORDED_TOGETHER).map(record))
  }
  await log.site.settle()
  output.line(`${counted(verified.length, 'verdict')} recorded in the custody log ${visible(log.facts.origin)}`)
}

function eventOf({ instance, fileSha256, verdict, level, content, checks }: VerifyRecord, policy: Policy) {
  const { sopInstanceUid, studyInstanceUid } = instance
  const uids = { sopClassUid: null, seriesInstanceUid: null, transferSyntaxUid: null }
  if (fileSha256 === undefined) throw new TypeError('verified without a digest of the file')
  return {
    type: 'verified',
    instance:
      asUid(sopInstanceUid) === null && asUid(studyInstanceUid) === null
        ? null
        : { ...uids, sopInstanceUid: asUid(sopInstanceUid), studyInstanceUid: asUid(studyInstanceUid) },
    digests: { file: decodeHex(fileSha256), dataset: null, pixels: null, frames: null },
    details: {
      verdict,
      level: LEVELS.find((known) => known === level) ?? 'P0',
      content,
      policy: policy.name,
      failing: checks
        .flatMap((check) => (check.outcome === 'fails' ? [{ subject: check.subject, reason: check.reason }] : []))
        .slice(0, CHECKS_LIMIT),
    },
  } as const
}

/** What a file calls its UID may be anything; an event takes one that is. */
const asUid = (text: string | null): string | null => uidOrNull(text ?? undefined)
