/**
 * Gateway messages: what the web API of the gateway says and is told, as plain JSON values.
 *
 * Types only. Moments are ISO 8601 in UTC, digests lower-case hexadecimal, indexes decimal strings. Nothing here names a
 * patient. The same as OpenAPI: `GET /api/v1/openapi.json`.
 */
import type { AccessRole } from '../domain/access/roles.ts'
import type { InstanceState } from '../domain/gateway/instance.ts'
import type { Origin } from '../domain/gateway/origin.ts'

export interface VerdictMessage {
  readonly verdict: 'authentic' | 'not_authentic' | 'undetermined'
  readonly level: 'P0' | 'P1' | 'P2' | 'P3' | 'P4'
  readonly content: string
  readonly policy: string
  readonly sentence: string
  readonly isSynthetic: boolean
  readonly failing: readonly { readonly subject: string; readonly reason: string }[]
}

export interface DeliveryMessage {
  readonly id: string
  readonly destination: string
  readonly state: 'held' | 'waiting' | 'sent' | 'dead'
  readonly attempts: number
  readonly dueAt: string
  readonly lastError: string | null
  readonly sentAt: string | null
  readonly committedAt: string | null
}

export interface PersonMessage {
  readonly id: string
  readonly name: string
}

export interface InstanceMessage {
  readonly id: string
  readonly state: InstanceState
  readonly origin: Origin
  readonly receivedAt: string
  readonly judgedAt: string | null
  readonly doneAt: string | null
  readonly lengthBytes: number
  readonly sha256: string
  readonly sopClassUid: string | null
  readonly sopInstanceUid: string | null
  readonly studyInstanceUid: string | null
  readonly transferSyntaxUid: string | null
  /** Name of the route; null before one took it. */
  readonly route: string | null
  readonly reasons: readonly string[]
  readonly verdict: VerdictMessage | null
  /** The gateway sealed it. */
  readonly isSealedHere: boolean
  readonly releaseAskedBy: PersonMessage | null
  readonly deliveries: readonly DeliveryMessage[]
}

export interface InstancesMessage {
  readonly instances: readonly InstanceMessage[]
  /** For `after`, to get those that follow; null where these are the last. */
  readonly next: string | null
}

export interface DestinationMessage {
  readonly name: string
  /** Such as `ORTHANC@127.0.0.1:4242`; no secrets. */
  readonly address: string
  readonly state: 'ready' | 'waiting' | 'failing' | 'paused'
  readonly waiting: number
  readonly dead: number
  readonly lastError: string | null
  readonly nextAttemptAt: string | null
  readonly lastSentAt: string | null
  /** Images that go out to it while they come, and why the last one did not; null where no route relays to it. */
  readonly relay: { readonly underWay: number; readonly lastProblem: string | null } | null
}

export interface StatusMessage {
  readonly version: string
  readonly isDemo: boolean
  readonly startedAt: string
  readonly aeTitle: string | null
  readonly isReady: boolean
  /** What keeps it from being ready, and what somebody has to look at: codes. */
  readonly alarms: readonly string[]
  /** What was not looked at, as nothing here can: `mark`, `watchdog`. */
  readonly notLookedAt: readonly string[]
  readonly counts: {
    readonly states: Readonly<Record<InstanceState, number>>
    readonly deliveries: Readonly<Record<DeliveryMessage['state'], number>>
    readonly verdicts: Readonly<Record<VerdictMessage['verdict'] | 'none', number>>
    readonly pendingEvents: number
  }
  readonly oldestReceivedAt: string | null
  readonly oldestDueAt: string | null
  readonly spoolFreeBytes: number | null
  readonly log: {
    readonly origin: string
    readonly size: string
    readonly isAvailable: boolean
    readonly isWitnessed: boolean
  } | null
  readonly routes: {
    readonly sha256: string
    readonly loadedAt: string
    /** Of the file as it is now, where that cannot be used: the routes before it are in force. */
    readonly problem: string | null
    /** Names of routes that let an image pass though it could not be examined, sealed or logged. */
    readonly failOpen: readonly string[]
  }
  readonly destinations: readonly DestinationMessage[]
}

/** Asks for a release from quarantine, or confirms that of somebody else. */
export interface ReleaseMessage {
  /** For the log: 1 to 256 characters, and nothing that names a patient. */
  readonly reason: string
}

export interface ReleaseAnswer {
  readonly state: 'asked' | 'released'
}

/** The sweeps of the archive. */
export interface SweepsMessage {
  /** What is swept. */
  readonly target: string
  readonly isRunning: boolean
  /** Null where it is swept only when somebody asks. */
  readonly nextAt: string | null
  readonly last: {
    readonly startedAt: string
    readonly endedAt: string
    /** Code of what ended it; null where it came to its end. */
    readonly error: string | null
    /** Instances by how they stand; null where it did not come so far. */
    readonly standings: Readonly<Record<string, number>> | null
    /** Worst first. */
    readonly findings: readonly {
      readonly code: string
      readonly severity: 'alarm' | 'warning' | 'notice'
      readonly count: number
      /** Found by this sweep first. */
      readonly fresh: number
    }[]
  } | null
}

export interface CallerMessage {
  readonly person: string
  readonly name: string
  readonly role: AccessRole
  readonly permissions: readonly string[]
}

/** Body of every answer that tells of a failure. */
export interface ProblemMessage {
  /** One of `docs/reference/errors.md`, or of HTTP: `unauthorized`, `forbidden`, `not_found`, `invalid`, `too_many_requests`. */
  readonly code: string
  readonly message: string
}

/** What the stream of events carries: one object an event of Server-Sent Events, under the name `instance` or `status`. */
export type LiveMessage =
  | { readonly kind: 'instance'; readonly instance: InstanceMessage }
  | { readonly kind: 'status'; readonly status: StatusMessage }
