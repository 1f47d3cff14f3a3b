/**
 * Work: the tasks that run beside the command, on threads or in turn, and what comes back: plain values throughout.
 */
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import type { MarkDevice } from '../services/mark/ports.ts'
import type { Failure } from './failure.ts'
import type { Secrets } from './ring.ts'
import type { VerifyRecord } from './verify-record.ts'

/** One image on its way. */
export interface ImageTask {
  /** What to call it in reports. */
  readonly label: string
  readonly path: string
}

/** How a task ended, in the order of the tasks. */
export type Done<Task, Value> = { readonly task: Task /** Of the image read. */; readonly bytes: number } & (
  | { readonly value: Value }
  | { readonly failure: Failure }
)

export interface VerifyTask extends ImageTask {
  /** A seal elsewhere than beside the image. */
  readonly sealPath?: string
}

/** What all images of a run are judged by. */
export interface VerifySettings {
  readonly anchors: TrustAnchors
  readonly policy: Policy
  /** The log to ask. */
  readonly log?: {
    readonly folder: string
    /** SHA-256 of the site's root certificates, hexadecimal: images sealed under others need not be in its log. */
    readonly ownRoots: readonly string[]
  }
  /** Folder of all state: seals that a gateway of it keeps are found for images that come without one. */
  readonly sealsOf?: string
  /** Adds the digest of the file to what comes back. */
  readonly isFileDigested?: boolean
  /** C2SP tlog-policies of other logs, for proofs beside the images. */
  readonly logPolicies?: readonly Uint8Array[]
  /** File of the watchdog's model; absent where it is not asked. */
  readonly watchModel?: string
  /** With what marks are read; absent where no key is at hand. Secret. */
  readonly marks?: MarkReadingSettings
}

/** Keys of marks, and where records of them lie. */
export interface MarkReadingSettings {
  readonly devices: readonly MarkDevice[]
  /** Keys of single images, 32 bytes each, as their devices have disclosed them. */
  readonly imageKeys: readonly Uint8Array[]
  /** Folder of all state. */
  readonly home: string
}

/** Tiles show and locate changes; chips lead back pictures that were torn from their files. */
export type MarkLayers = 'tiles' | 'both'

export interface SealTask extends ImageTask {
  /** Where the sealed image goes; its seal goes beside it. */
  readonly target: string
}

/** What all images of a run are sealed with. */
export interface SealSettings {
  /** Folder of the keys. */
  readonly home: string
  readonly secrets: Secrets
  /** Ids of the holders. */
  readonly device: string
  readonly operator: string
  /** Address of a timestamp authority; the ring's own where there is none. */
  readonly timestampUrl?: string
  readonly hash?: 'sha256' | 'sha384' | 'sha512'
  /** The technologist signs the series and not each image. */
  readonly isSeries: boolean
  readonly isOverwriting: boolean
  /** Marks the pixels before they are signed; absent for images that stay unmarked. */
  readonly mark?: { readonly layers: MarkLayers }
  /** How far the clock of whoever seals is off, in milliseconds: for demonstrations of what a log knows better. */
  readonly clockOffsetMs?: number
  /** Folder of the log whose newest checkpoint the seals quote. */
  readonly logFolder?: string
  /** Seals with the keys of revoked and expired holders, too: for demonstrations of what a verifier says. */
  readonly isStatusIgnored?: boolean
}

export interface SealedImage {
  /** `already`: an earlier run had sealed it, and it is intact. */
  readonly state: 'sealed' | 'already'
  readonly target: string
  readonly sopInstanceUid: string | null
  readonly seriesInstanceUid: string | null
  readonly sealedAt: string
  /** Whether the technologist has signed it: in the image, or by its series. */
  readonly isSignedByOperator: boolean
  /** Of the mark in its pixels, hexadecimal; null for an image that was not marked. */
  readonly markRecordId: string | null
}

/** A series that the technologist has signed. */
export interface SignedSeries {
  readonly seriesInstanceUid: string
  readonly images: number
  /** The file with the signature and the list of images. */
  readonly path: string
}

export interface Work {
  /** Verifies as the images come; ends early once the signal is set off. */
  verify(
    tasks: AsyncIterable<VerifyTask>,
    settings: VerifySettings,
    signal: AbortSignal,
  ): AsyncIterable<Done<VerifyTask, VerifyRecord>>
  /** Seals as the images come. @throws {KeyError} before the first image if the keys cannot be used */
  seal(
    tasks: AsyncIterable<SealTask>,
    settings: SealSettings,
    signal: AbortSignal,
  ): AsyncIterable<Done<SealTask, SealedImage>>
  /**
   * Signs one series as technologist, and puts the proof into the seal of each image.
   * @param images  as sealed for it
   * @param folder  where the file of the series goes
   */
  sealSeries(images: readonly SealedImage[], folder: string, settings: SealSettings): Promise<SignedSeries>
}
