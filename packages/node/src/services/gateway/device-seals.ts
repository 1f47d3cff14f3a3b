/**
 * Device seals: the seals that modalities make at capture, which DICOM has no way to carry.
 *
 * A device that seals hands its seal to the gateway by the web API, before or after the image. Only a seal that holds, of keys
 * that we believe, is kept: a bad one, put on the shelf by somebody else, would speak against a genuine image. The first seal
 * of an image stays; what it states is recorded in the custody log as `acquired`.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { parseSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { verifySeal } from '@fiducial/core/domain/seal/verify.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'

/** Seals by the SOP Instance UID of their image. */
export interface SealShelf {
  /** Where the seal of an image lies; undefined where there is none. */
  find(sopInstanceUid: string): Promise<string | undefined>
  /**
   * When it resolves, the seal survives a power cut.
   * @returns `known` where the very same lies there, `other` where another one does, which stays
   * @throws {StoreError} `spool_unwritable`
   */
  put(sopInstanceUid: string, seal: Uint8Array): Promise<'kept' | 'known' | 'other'>
}

export interface DeviceSealsOptions {
  readonly shelf: SealShelf
  readonly crypto: Crypto
  readonly anchors: () => TrustAnchors
  readonly now: () => Date
  /** Records what the seal states. @throws {StoreError} where the log cannot be written */
  readonly record: (seal: Seal) => Promise<void>
}

export class DeviceSeals {
  readonly #options: DeviceSealsOptions

  constructor(options: DeviceSealsOptions) {
    this.#options = options
  }

  /**
   * Takes a seal.
   * @param bytes  of the seal file
   * @throws {FormatError} `seal_malformed` and its like, also for a seal that does not hold or whose keys nobody believes
   * @throws {StoreError} `object_conflict` where the image has another seal; `spool_unwritable`; those of the log
   */
  async put(bytes: Uint8Array): Promise<{ readonly sopInstanceUid: string; readonly isNew: boolean }> {
    const { shelf, crypto, anchors, now, record } = this.#options
    const seal = parseSeal(bytes)
    const { sopInstanceUid } = seal.statement.instance
    if (sopInstanceUid === null) throw new FormatError('seal_malformed', 'the seal names no SOP Instance UID')
    const { checks } = verifySeal(seal, { crypto, anchors: anchors(), now: now() })
    // A series that the technologist signs later is no fault of the image.
    const bad = checks.find(
      (check) => check.outcome === 'fails' || (check.outcome === 'unknown' && check.reason !== 'series_pending'),
    )
    if (bad !== undefined) throw new FormatError('seal_malformed', `the seal does not hold: ${bad.subject}`)
    const outcome = await shelf.put(sopInstanceUid, bytes)
    if (outcome === 'other') throw new StoreError('object_conflict', 'the image has another seal already')
    // Once more is once: what was recorded before a crash is found again.
    await record(seal)
    return { sopInstanceUid, isNew: outcome === 'kept' }
  }

  find(sopInstanceUid: string): Promise<string | undefined> {
    return this.#options.shelf.find(sopInstanceUid)
  }
}
