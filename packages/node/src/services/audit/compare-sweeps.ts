/**
 * Compare sweeps: what an instance that was read again says beside what an earlier sweep read under the same identifier.
 *
 * Only for images for which nobody else can say what they were: a signature or a record in the log says it better.
 */
import { mergeFindings } from '@fiducial/core/domain/audit/classify.ts'
import { type Finding, finding } from '@fiducial/core/domain/audit/finding.ts'
import type { Examined, KnownContent } from './ports.ts'

const DIFFERS = 'differs_from_earlier_sweep'

/** The findings of an instance, with those that an earlier reading adds. */
export function compareReadings(examined: Examined, earlier: KnownContent | null): readonly Finding[] {
  const { findings, standing, digests, instance } = examined
  if (earlier === null || standing !== 'undetermined') return findings
  if (earlier.sopInstanceUid !== instance.sopInstanceUid) return findings
  // The log knows what it was, and says it better.
  if (findings.some(({ code }) => code === 'changed' || code === 're_encoded')) return findings
  if (earlier.dataset === digests.dataset) {
    // Nobody has said since that the change was meant.
    return mergeFindings([...findings, ...earlier.compared])
  }
  const isOtherPicture = earlier.frames !== null && digests.frames !== null && earlier.frames !== digests.frames
  return mergeFindings([...findings, finding(isOtherPicture ? 'changed_since' : 'changed', [DIFFERS])])
}
