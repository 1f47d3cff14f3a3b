/**
 * Control: what people and programs may ask of a running gateway, whatever face they come by.
 *
 * Who may ask for what is decided before: domain/access/roles.ts.
 */
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import type { InstanceCounts, InstanceFilter, StoredInstance } from './ports.ts'
import type { RelayStanding } from './relaying.ts'

export interface DestinationStatus {
  readonly name: string
  /** For people; no secrets. */
  readonly address: string
  /** `ready`: nothing waits · `waiting`: being sent · `failing`: it is away, or refused the last copy and others wait · `paused`: somebody held it back. */
  readonly state: 'ready' | 'waiting' | 'failing' | 'paused'
  readonly waiting: number
  readonly dead: number
  readonly lastError: string | null
  readonly nextAttemptAt: Date | null
  readonly lastSentAt: Date | null
  /** How relaying to it goes; null where no route relays to it. */
  readonly relay: RelayStanding | null
}

export interface RoutesStatus {
  /** Of the file in force, 32 bytes. */
  readonly sha256: Uint8Array
  readonly loadedAt: Date
  /** Why the file as it is now cannot be used; null where it is in force. */
  readonly problem: string | null
  /** Routes that let an image pass though it could not be examined, sealed or logged. */
  readonly failOpen: readonly string[]
}

export interface GatewayStatus {
  readonly startedAt: Date
  /** Takes images in, and everything it needs is there. */
  readonly isReady: boolean
  /** Codes of what somebody has to look at. */
  readonly alarms: readonly string[]
  /** Advisors that are not there: what they would look at was not looked at. */
  readonly notLookedAt: readonly string[]
  readonly counts: InstanceCounts
  readonly spoolFreeBytes: number | null
  readonly log: {
    readonly origin: string
    readonly size: bigint
    readonly isAvailable: boolean
    readonly isWitnessed: boolean
  } | null
  readonly routes: RoutesStatus
  readonly destinations: readonly DestinationStatus[]
}

export interface GatewayControl {
  status(): Promise<GatewayStatus>
  list(filter: InstanceFilter): Promise<readonly StoredInstance[]>
  get(id: string): Promise<StoredInstance | undefined>
  /**
   * Asks for a release from quarantine, or confirms that of somebody else.
   * @throws {StoreError} `instance_missing`, `instance_moved`; `approval_missing` where the same person asked
   */
  release(id: string, by: Party, reason: string): Promise<'asked' | 'released'>
  /** Takes an instance out of quarantine for good. @throws {StoreError} `instance_missing`, `instance_moved` */
  reject(id: string, by: Party, reason: string): Promise<void>
  /** Has an instance in quarantine judged anew, by what is believed and in force now. @throws as {@link reject} */
  reexamine(id: string): Promise<void>
  /** Sends what was given up of an instance again. @returns how many @throws {StoreError} `instance_missing` */
  retry(id: string): Promise<number>
  /** Holds a destination back until it is let go on, by this process or a later one. @throws {StoreError} `input_missing` for one that there is not */
  pause(destination: string): Promise<void>
  resume(destination: string): Promise<void>
  /** Sends all that was given up again. @returns how many */
  revive(destination: string): Promise<number>
  /** Told of each instance whose state has changed, until the result is called. */
  subscribe(listener: (id: string) => void): () => void
}
