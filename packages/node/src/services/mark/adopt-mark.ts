/**
 * Adopt mark: the claim for an image that was marked before it comes to be sealed, by a sensor or as a slice of a volume.
 *
 * Only a mark that is whole, of this device and of this very instance is claimed.
 */
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { decodeHex } from '@fiducial/core/bytes/hex.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { MarkClaim } from '@fiducial/core/domain/seal/mark-claim.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { examineMark } from './examine-mark.ts'
import { readRecord } from './find-mark.ts'
import { claimOf } from './mark-instance.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'

/**
 * @throws {FormatError} `mark_altered` for a mark that is not whole, or that of another image; `mark_absent` where there is none that is
 *   known here; as {@link ImagePixels.read}
 */
export async function adoptMark(pixels: ImagePixels, device: MarkDevice, means: MarkMeans): Promise<MarkClaim> {
  const found = await examineMark(pixels, [], { devices: [device], imageKeys: [] }, means)
  if (found.state !== 'read') throw new FormatError('mark_absent', 'the image carries no mark of the device')
  const isWhole = found.tiles === 'holds' && found.signature !== 'fails' && found.contradictions.length === 0
  if (!isWhole || (found.instanceUid ?? null) !== pixels.instanceUid)
    throw new FormatError('mark_altered', 'the image was altered since it was marked, or is not the one that was')
  const recordId = decodeHex(found.recordId)
  const [record, bytes] = [await readRecord(recordId, means), await means.records.get(recordId)]
  if (record === undefined || bytes === undefined)
    throw new FormatError('mark_absent', 'there is no record of the mark')
  return claimOf(record, digestOf(means.hash, 'sha256', bytes))
}
