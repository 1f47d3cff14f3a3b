/**
 * Mark instance: puts the mark into an image, and keeps its record.
 *
 * The order of steps: the caller writes the pieces of the marked file, which marks one frame at a time; then the record is stored; then
 * the file may take its name. A record without its image harms nobody, an image without its record could not be repaired.
 */

import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { publicKeyOf, signEd25519 } from '@fiducial/core/bytes/sign-ed25519.ts'
import { chipLimitsOf } from '@fiducial/core/domain/mark/chip-limits.ts'
import type { View } from '@fiducial/core/domain/mark/chips/look.ts'
import type { ChipReport } from '@fiducial/core/domain/mark/chips/report.ts'
import {
  deriveImageKey,
  deriveMarkKeys,
  deriveRecordId,
  type MarkKeys,
  VOLUME_NONCE_BYTES,
  type VolumePlace,
} from '@fiducial/core/domain/mark/keys.ts'
import { markFrame } from '@fiducial/core/domain/mark/mark-frame.ts'
import {
  formatMarkRecord,
  type MarkRecord,
  type PlaneRecord,
  type SealedThumbnail,
  sealThumbnail,
} from '@fiducial/core/domain/mark/record.ts'
import { formatThumbnail, makeThumbnail } from '@fiducial/core/domain/mark/thumbnail/thumbnail.ts'
import { checkMarkable, type ImagePixels, type Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { MarkClaim } from '@fiducial/core/domain/seal/mark-claim.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { findMark } from './find-mark.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'
import { viewsOf } from './views.ts'

export interface MarkOrder {
  readonly device: MarkDevice
  /** Tiles alone, or chips under them. */
  readonly layers: 'tiles' | 'both'
  /** Of an image that belongs to a volume; a volume of its own where it is absent. */
  readonly place?: VolumePlace
  /** Marks what carries a mark of the device already. */
  readonly isAgain?: boolean
}

/** A marked image on its way into a file. */
export interface PreparedMark {
  readonly recordId: Uint8Array
  /** The bytes of the marked file, made as they are asked for; once. @throws {FormatError} `mark_no_capacity`, and as {@link ImagePixels} */
  pieces(): Iterable<Uint8Array>
  /** Stores the record, once all pieces were taken. @throws {StoreError} as the records do */
  finish(): Promise<FinishedMark>
}

export interface FinishedMark {
  readonly record: MarkRecord
  readonly recordBytes: Uint8Array
  /** For the seal of the image. */
  readonly claim: MarkClaim
  /** How strong the chips are, in the frame where they are strongest; undefined where there are none. */
  readonly report: ChipReport | undefined
}

/**
 * Makes ready to mark an image.
 * @throws {FormatError} `mark_lossy_source`, `pixels_unsuited`, `mark_already`, and as {@link ImagePixels.read}
 */
export async function prepareMark(pixels: ImagePixels, order: MarkOrder, means: MarkMeans): Promise<PreparedMark> {
  checkMarkable(pixels)
  const { device, isAgain = false } = order
  // Whoever marks thousands of slices cannot try all records for each.
  if (!isAgain && (await findMark(pixels, { devices: [device] }, means, { tries: 0 })) !== undefined)
    throw new FormatError('mark_already', 'the image carries a mark of this device already')
  const marking = new Marking(pixels, order, means)
  return {
    recordId: marking.recordId,
    pieces: () => pixels.write((frame, planes) => marking.markFrame(frame, planes)),
    finish: () => marking.finish(),
  }
}

/** Frames of which a record keeps thumbnails at most; of longer images, of some frames. */
const THUMBNAILS_AT_MOST = 256

class Marking {
  readonly recordId: Uint8Array
  readonly #pixels: ImagePixels
  readonly #order: MarkOrder
  readonly #means: MarkMeans
  readonly #keys: MarkKeys
  readonly #imageKey: Uint8Array
  readonly #place: VolumePlace
  readonly #planes: PlaneRecord[] = []
  readonly #thumbnails: SealedThumbnail[] = []
  #report: ChipReport | undefined

  constructor(pixels: ImagePixels, order: MarkOrder, means: MarkMeans) {
    const { markKey } = order.device
    this.#pixels = pixels
    this.#order = order
    this.#means = means
    this.#keys = deriveMarkKeys(means.hash, markKey)
    this.#place = order.place ?? { volumeNonce: means.random(VOLUME_NONCE_BYTES), index: 0, count: 1 }
    this.recordId = deriveRecordId(means.hash, this.#keys.id, this.#place)
    this.#imageKey = deriveImageKey(means.hash, markKey, this.recordId)
  }

  markFrame(frame: number, planes: Planes): Planes {
    const { frames, components } = this.#pixels
    const views = viewsOf(planes, this.#pixels)
    const isChipped = this.#order.layers === 'both'
    const header = { ...this.#place, recordId: this.recordId, planes: frames * components }
    const made = markFrame(
      planes,
      {
        imageKey: this.#imageKey,
        header,
        frame,
        chips: isChipped ? { key: this.#keys.chips, views, limits: chipLimitsOf(this.#pixels) } : undefined,
        sign: (message) => signEd25519(this.#keys.signatureSeed, message),
      },
      this.#means,
    )
    this.#planes.push(...made.records)
    if (made.report !== undefined && !(made.report.storedPsnr > (this.#report?.storedPsnr ?? Number.POSITIVE_INFINITY)))
      this.#report = made.report
    if (made.records[0]?.hasChips === true) this.#keepThumbnail(frame, made.planes, views[0])
    return made.planes
  }

  async finish(): Promise<FinishedMark> {
    const { frames, components, width, height, bits, instanceUid } = this.#pixels
    const { hash, records, now } = this.#means
    const record: MarkRecord = {
      recordId: this.recordId,
      volume: this.#place,
      publicKey: publicKeyOf(this.#keys.signatureSeed),
      device: this.#order.device.id,
      isDemo: this.#order.device.isDemo,
      markedAt: now(),
      instanceUid,
      ...{ frames, components, width, height, bits },
      planes: this.#planes,
      thumbnails: this.#thumbnails,
    }
    const recordBytes = formatMarkRecord(record)
    await records.put(this.recordId, recordBytes)
    const claim = claimOf(record, digestOf(hash, 'sha256', recordBytes))
    return { record, recordBytes, claim, report: this.#report }
  }

  /** Without one, a picture that was torn out still leads here, but cannot be held against anything. */
  #keepThumbnail(frame: number, planes: Planes, view: View): void {
    const { frames, width, height } = this.#pixels
    const isKept = frame % Math.ceil(frames / THUMBNAILS_AT_MOST) === 0
    if (!isKept || Math.max(width, height) > SIDES_RATIO * Math.min(width, height)) return
    const bytes = formatThumbnail(makeThumbnail(planes, view))
    const { recordId } = this
    const sealed = sealThumbnail(this.#means.hash, this.#imageKey, { recordId, frame, bytes })
    this.#thumbnails.push({ frame, bytes: sealed })
  }
}

/** Images that are longer have no thumbnail. */
const SIDES_RATIO = 16

/** What a seal says of a mark. @param recordDigest  SHA-256 of the record */
export const claimOf = (record: MarkRecord, recordDigest: Uint8Array): MarkClaim => ({
  version: 1,
  recordId: record.recordId,
  volume: { nonce: record.volume.volumeNonce, index: record.volume.index, count: record.volume.count },
  publicKey: record.publicKey,
  hasChips: record.planes.some(({ hasChips }) => hasChips),
  planes: record.planes.length,
  recordDigest,
})
