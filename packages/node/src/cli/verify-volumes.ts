/**
 * Verify volumes: whether slices that were marked together are still the set that they were.
 *
 * Each slice can be whole by itself while one stands in the place of another. That some are missing is said where it was asked
 * for: a folder may hold a part of a series.
 */
import { decodeHex } from '@fiducial/core/bytes/hex.ts'
import { checkVolumes, type VolumeFinding, type VolumeMember } from '@fiducial/core/domain/mark/volume.ts'
import { EXIT, type ExitCode } from './exit.ts'
import type { Output } from './output.ts'
import type { VerifyRecord } from './verify-record.ts'

/** @param found  images that were found in folders: files that were named one by one are no set */
export function findBrokenVolumes(found: readonly VerifyRecord[], isComplete: boolean): readonly VolumeFinding[] {
  const findings = checkVolumes(found.flatMap(memberOf))
  return isComplete ? findings : findings.filter(({ kind }) => kind !== 'missing')
}

function memberOf({ path, mark: { slice } }: VerifyRecord): readonly VolumeMember[] {
  if (slice === null) return []
  const { volume, index, count, series, position } = slice
  return [{ label: path, series, position, place: { volumeNonce: decodeHex(volume), index, count } }]
}

/** Shows what is wrong with sets of slices, and says what it comes to. */
export async function showVolumes(findings: readonly VolumeFinding[], output: Output): Promise<ExitCode> {
  if (findings.length === 0) return EXIT.ok
  const { sentenceOfSet } = await import('./mark/locate.ts')
  for (const finding of findings) {
    const sentence = sentenceOfSet(finding)
    output.record({ set: finding, sentence })
    output.line(`${output.style.red('✘ not whole')}  ${sentence}`)
  }
  return EXIT.notAuthentic
}
