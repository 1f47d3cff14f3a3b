/**
 * Mark instance: puts the mark into an image, and keeps its record.
 *
 * The order of steps: the caller writes the pieces of the marked file, which marks one frame at a time; then the record is stored; then
 * the file may take its name. A record without its image harms nobody, an image without its record could not be repaired.
 */

import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { publicKeyOf, signEd25519 } from '@fiducial/core/bytes/sign-ed25519.ts'
import {
  deriveImageKey,
  deriveMarkKeys,
  deriveRecordId,
  type MarkKeys,
  VOLUME_NONCE_BYTES,
  type VolumePlace,
} from '@fiducial/core/domain/mark/keys.ts'
import { checkMarkable, type ImagePixels, type Planes } from '@fiducial/core/domain/mark/pixels/image-pixels.ts'
import type { Plane } from '@fiducial/core/domain/mark/plane.ts'
import { formatMarkRecord, type MarkRecord, type PlaneRecord } from '@fiducial/core/domain/mark/record.ts'
import { digestPlane } from '@fiducial/core/domain/mark/tiles/digest-plane.ts'
import { embedPlane } from '@fiducial/core/domain/mark/tiles/embed-plane.ts'
import type { MarkClaim } from '@fiducial/core/domain/seal/mark-claim.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { findMark } from './find-mark.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'

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
}

/**
 * Makes ready to mark an image.
 * @throws {FormatError} `mark_lossy_source`, `mark_unsuited`, `mark_already`, and as {@link ImagePixels.read}
 */
export async function prepareMark(pixels: ImagePixels, order: MarkOrder, means: MarkMeans): Promise<PreparedMark> {
  checkMarkable(pixels)
  const { device, isAgain = false } = order
  if (!isAgain && (await findMark(pixels, { devices: [device] }, means)) !== undefined)
    throw new FormatError('mark_already', 'the image carries a mark of this device already')
  const marking = new Marking(pixels, order, means)
  return {
    recordId: marking.recordId,
    pieces: () => pixels.write((frame, planes) => marking.markFrame(frame, planes)),
    finish: () => marking.finish(),
  }
}

class Marking {
  readonly recordId: Uint8Array
  readonly #pixels: ImagePixels
  readonly #order: MarkOrder
  readonly #means: MarkMeans
  readonly #keys: MarkKeys
  readonly #imageKey: Uint8Array
  readonly #place: VolumePlace
  readonly #planes: PlaneRecord[] = []

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
    return planes.map((plane, component) =>
      this.#markPlane(plane, frame * planes.length + component, new Uint8Array(0)),
    )
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
      thumbnails: [],
    }
    const recordBytes = formatMarkRecord(record)
    await records.put(this.recordId, recordBytes)
    return { record, recordBytes, claim: claimOf(record, digestOf(hash, 'sha256', recordBytes)) }
  }

  #markPlane(plane: Plane, number: number, side: Uint8Array): Plane {
    const { frames, components } = this.#pixels
    const { recordId } = this
    const header = {
      ...this.#place,
      hasChips: side.length > 0,
      recordId,
      plane: number,
      planes: frames * components,
    }
    let signature = new Uint8Array(0)
    const sign = (message: Uint8Array) => {
      signature = new Uint8Array(signEd25519(this.#keys.signatureSeed, message))
      return signature
    }
    const made = embedPlane(plane, { imageKey: this.#imageKey, header, side, sign }, this.#means)
    const { tileSize, bytesPerTile, syndromes } = made
    const digest = digestPlane(this.#means.hash, made.plane)
    this.#planes.push({ tileSize, bytesPerTile, hasChips: side.length > 0, signature, digest, syndromes })
    return made.plane
  }
}

const claimOf = (record: MarkRecord, recordDigest: Uint8Array): MarkClaim => ({
  version: 1,
  recordId: record.recordId,
  volume: { nonce: record.volume.volumeNonce, index: record.volume.index, count: record.volume.count },
  publicKey: record.publicKey,
  hasChips: record.planes.some(({ hasChips }) => hasChips),
  planes: record.planes.length,
  recordDigest,
})
