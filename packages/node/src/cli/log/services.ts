/**
 * Services: what the commands that serve and watch need from the network and from storage, in their own words.
 */
import type { SplitView, SplitViewFinding } from '@fiducial/core/domain/log/split-view.ts'
import type { WatchedLog } from '@fiducial/core/domain/log/witness.ts'
import type { VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import type { LogSource } from '../../services/log/mirror.ts'
import type { MonitorReport } from '../../services/log/monitor.ts'
import type { BlindTask, JobOutcome } from '../../services/log/schedule.ts'
import type { Secrets } from '../ring.ts'

/** A request that was answered. */
export interface Access {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly status: number
  readonly durationMs: number
}

/** Where to listen, and whom to tell what. */
export interface Listening {
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  readonly onAccess: (access: Access) => void
  /** A request that failed for a reason of ours. */
  readonly onFailure: (failure: { readonly method: string; readonly path: string; readonly error: unknown }) => void
}

/** A server that runs; disposing of it lets running requests end. */
export interface Serving extends AsyncDisposable {
  /** With scheme and port, without a slash at the end. */
  readonly url: string
}

export interface LogServing extends Serving {
  /** Name of the log and number of its entries, as the newest checkpoint says; undefined before there is one. */
  readonly published: { readonly origin: string; readonly size: bigint } | undefined
}

/** What a site's log needs from time to time, done when it is due. */
export interface Upkeep extends AsyncDisposable {
  /** Looks once, and does what is due. */
  tick(signal: AbortSignal): Promise<readonly (JobOutcome | BlindTask)[]>
}

export interface WitnessOrder extends Listening {
  readonly folder: string
  readonly secrets: Secrets
  readonly logs: readonly WatchedLog[]
  /** Begin with an empty record, though there are keys. */
  readonly isNew: boolean
  /**
   * Told of each piece of evidence once, after it is on record.
   * @param path  of the file with it; undefined where that could not be written
   */
  readonly onEvidence: (view: SplitView, finding: SplitViewFinding, path: string | undefined) => void
}

export interface WitnessServing extends Serving {
  /** Keys that it cosigns with. */
  readonly keys: readonly VerifierKey[]
}

export interface MonitorOrder {
  readonly origin: string
  /** Keys of the log. */
  readonly keys: readonly VerifierKey[]
  /** Addresses, or absolute paths of folders. */
  readonly sources: readonly LogSource[]
  /** Where it keeps what it has seen. */
  readonly folder: string
}

export interface OpenMonitor extends AsyncDisposable {
  /** @throws {StoreError} `log_corrupted`, `log_unwritable` for what it keeps; whatever sources do is in the report */
  look(): Promise<MonitorReport>
}

export interface LogServices {
  /**
   * Serves a log, under no lock.
   * @throws {StoreError} `log_missing`; `service_refused` where nothing can listen there
   */
  serve(folder: string, listening: Listening): Promise<LogServing>
  /**
   * Takes the site's log once, and again whenever something is due.
   * @throws {StoreError} {KeyError} as opening it for appending, but for `log_locked`
   */
  upkeep(home: string, secrets: Secrets, onFailure: (error: unknown) => void): Promise<Upkeep>
  /** The name of a witness; undefined where there is none in a folder. @throws {KeyError} `key_unreadable` */
  findWitness(folder: string): Promise<string | undefined>
  /** Makes the keys of a witness, and an empty record. @throws {KeyError} `key_exists`; {StoreError} `output_unwritable` */
  createWitness(folder: string, name: string, secrets: Secrets): Promise<void>
  /** Keys that a witness cosigns with. @throws {KeyError} {StoreError} as {@link LogServices.witness} */
  witnessKeys(folder: string, secrets: Secrets): Promise<readonly VerifierKey[]>
  /**
   * Runs a witness.
   * @throws {KeyError} for its keys; {StoreError} `log_missing` where its record is gone, `log_exists` where it is to
   *   begin anew and has one, `log_corrupted`; `service_refused` where nothing can listen there
   */
  witness(order: WitnessOrder): Promise<WitnessServing>
  /** The address of a folder, for monitors; undefined where there is none. */
  addressOfFolder(path: string): Promise<string | undefined>
  /** @throws {StoreError} `log_corrupted`, `log_unwritable` */
  monitor(order: MonitorOrder): Promise<OpenMonitor>
}
