/** Up adapters: what the command that runs the whole system needs of the rest of the program. */
import type { InstanceMessage } from '@fiducial/core/api/gateway.ts'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import type { Secrets } from './ring.ts'

/** How to reach a gateway that runs. */
export interface GatewayReach {
  readonly url: string
  readonly token: string
  /** PEM of the only server that is spoken to; undefined: one that the system trusts. */
  readonly certificate?: string
}

export interface UpOrder {
  readonly home: string
  readonly secrets: Secrets
  readonly settings: GatewaySettings
  /** Rooms that send and an archive that takes go along. */
  readonly isDemo: boolean
  readonly anchors: TrustAnchors
  readonly policy: Policy
  /** Of sweeps of the archive. */
  readonly sweepPolicy: Policy
  /** Log lines for a terminal, not as JSON, and none of what is no trouble. */
  readonly isForPeople: boolean
  readonly signal: AbortSignal
}

/** A system that runs; disposing of it lets it finish what is under way. */
export interface UpRunning extends AsyncDisposable {
  readonly dicom: readonly { readonly address: string; readonly isTls: boolean }[]
  readonly aeTitle: string
  readonly url: string
  /** Opens once in one browser. */
  readonly page: string
  readonly logOrigin: string
  /** Where images go by default; null for nowhere. */
  readonly pacs: string | null
  readonly isDemo: boolean
  readonly recovery: { readonly unfinished: number; readonly orphans: number }
  /** Tells of each image once it is judged, until the result is called. */
  watch(listener: (instance: InstanceMessage) => void): () => void
  /** Reads the routes again. */
  reload(): void
}

/** What a backup of a gateway holds, or what was made of one. */
export interface GatewayCopy {
  /** Records, and those of them that are under way. */
  readonly instances: number
  readonly underWay: number
  readonly files: number
  readonly copiedFiles: number
  readonly copiedBytes: number
  /** Keys of files under way that are missing, or are not what was received. */
  readonly damaged: readonly string[]
}
