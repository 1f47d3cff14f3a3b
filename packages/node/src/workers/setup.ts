/** Setup: what the tasks of a run have in common, as it is posted to each thread. */
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { MeasureSettings } from '../cli/watch/adapters.ts'
import type { MarkLayers, SealSettings, VerifySettings } from '../cli/work.ts'
import type { HolderMaterial } from '../keys/key-ring.ts'
import type { SignerMaterial } from '../keys/signer.ts'
import type { MarkDevice } from '../services/mark/ports.ts'
import type { SpoolPlace } from '../storage/gateway/open-spool.ts'

/** What the tasks of a run have in common; can be posted to a thread. Holds keys: never log it. */
export type WorkSetup = VerifySetup | AuditSetup | SealSetup | WatchSetup

/** What the bundles of a log have in common that are checked. */
export interface LogCheckSetup {
  readonly kind: 'log-check'
  readonly folder: string
  /** Entries under the checkpoint. */
  readonly size: bigint
  readonly checksSignatures: boolean
}

export interface VerifySetup {
  readonly kind: 'verify'
  readonly settings: VerifySettings
}

/** As for verifying: a sweep examines by the same rules. */
export interface AuditSetup {
  readonly kind: 'audit'
  readonly settings: VerifySettings
}

/** Where spools lie that threads open themselves. */
export interface SpoolPlaces {
  readonly spool: SpoolPlace
  readonly seals: SpoolPlace
  /** Bytes that stay free on the disk. */
  readonly reserveBytes: number
}

/** With what a gateway seals. */
export interface GatewaySealSetup {
  /** What the site calls the gateway by. */
  readonly id: string
  readonly keys: HolderMaterial
  /** Of a timestamp authority of our own; absent for seals whose time stays a claim. */
  readonly authority?: SignerMaterial
  readonly isDemo: boolean
  /** Of the log whose newest checkpoint the seals quote. */
  readonly logFolder?: string
}

/** What a gateway examines by, and makes copies with. */
export interface GatewaySetup {
  readonly kind: 'gateway'
  readonly settings: Omit<VerifySettings, 'isFileDigested'>
  readonly places: SpoolPlaces
  /** Null for a gateway without a key. */
  readonly sealing: GatewaySealSetup | null
  /** 32 bytes; null where nothing is de-identified. */
  readonly deidentifyKey: Uint8Array | null
  /** The file of the watchdog's model; null where the site has calibrated none. */
  readonly watchModel: string | null
}

/** With what the pixels are marked before they are signed. */
export interface MarkSetup {
  readonly device: MarkDevice
  readonly layers: MarkLayers
  /** Folder of all state, where the records go. */
  readonly home: string
}

export interface SealSetup {
  readonly kind: 'seal'
  readonly settings: Omit<SealSettings, 'home' | 'secrets' | 'isStatusIgnored' | 'mark'>
  readonly device: HolderMaterial
  readonly operator: HolderMaterial
  /** Of the ring's own timestamp authority; absent where another one is asked. */
  readonly authority?: SignerMaterial
  readonly isDemo: boolean
  /** Absent for images that stay unmarked. */
  readonly mark?: MarkSetup
  /** The ring itself, to know its own seals again. */
  readonly anchors: TrustAnchors
}

/** Rooms of a demonstration. */
export interface RoomSetup {
  readonly kind: 'room'
  /** With what rooms seal that do. */
  readonly seal: SealSetup
}

/** How images are measured for the watchdog. */
export interface WatchSetup {
  readonly kind: 'watch'
  readonly settings: MeasureSettings
}
