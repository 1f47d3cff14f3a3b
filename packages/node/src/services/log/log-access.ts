/**
 * Log access: the two ways in which a program has a log: to append to it, or to read it.
 */
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import type { VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import type { EntryReader } from './check-bundle.ts'
import type { OwnPorts } from './check-own-state.ts'
import type { LogView } from './log-view.ts'
import type { CheckpointCell, ImmutableStore, JobQueue, RecordStore } from './ports.ts'
import type { SiteLog, SitePorts } from './site-log.ts'

/** What to make a log with. */
export interface LogOrder {
  /** Name of the log; made from the name of the site unless it is given. */
  readonly origin?: string
  /** Minutes between two rounds of timestamps while the log grows. Default: 60. */
  readonly timestampMinutes?: number
  /** Addresses of timestamp authorities besides the site's own; at most 3. */
  readonly timestampUrls?: readonly string[]
  /** C2SP tlog-policy with witnesses and quorum; the keys of the log are added to it. */
  readonly policy?: Uint8Array
  /** Address of a PostgreSQL database, without a password; absent for a log in files. */
  readonly database?: string
  /** Address of an S3 bucket for what is immutable and published, `https://HOST/BUCKET[/PREFIX]`; goes with a database. */
  readonly objects?: string
}

/** What a site has decided about its log. */
export interface LogFacts
  extends Required<Omit<LogOrder, 'policy' | 'database' | 'objects'>>,
    Pick<LogOrder, 'database' | 'objects'> {
  readonly folder: string
  /** Id in the key ring of the keys that sign it. */
  readonly holder: string
  readonly archive: string
  readonly isDemo: boolean
  /** Those that it signs with. */
  readonly keys: readonly VerifierKey[]
}

/** A site's log, open for appending; closing it publishes what was appended. */
export interface OpenSiteLog extends AsyncDisposable {
  readonly facts: LogFacts
  readonly policy: WitnessPolicy
  readonly site: SiteLog
  readonly ports: SitePorts & { readonly jobs: JobQueue }
}

/** A log for reading, under no lock; closing it frees its files. */
export interface LogReader extends AsyncDisposable {
  readonly folder: string
  readonly policy: WitnessPolicy
  readonly objects: Pick<ImmutableStore, 'get'>
  readonly published: Pick<CheckpointCell, 'read'>
  readonly hasher: NodeHasher
  /** Absent for a copy of a public folder, and for a log that nothing was appended to yet. */
  readonly records: Pick<RecordStore, 'find' | 'payload'> | undefined
  /** The log under its newest checkpoint; undefined before the first. @throws {StoreError} `log_corrupted` */
  view(): Promise<LogView | undefined>
}

/** A log as it lies on a disk. */
export interface LogPlace {
  /** Entries that can be found, and those of the last moments may be durable and not found yet; absent for a database. */
  readonly size?: bigint
  readonly bytes: number
  readonly files: number
  /** Whether a process has it open for appending; absent for a database. */
  readonly isAppending?: boolean
}

/** What a check of a log looks at beside what a reader of it has. */
export interface LogCheckPorts extends AsyncDisposable {
  /** Whether threads can open the log by its folder. */
  readonly isInFiles: boolean
  /** Absent for a copy of a public folder. */
  readonly reader: EntryReader | undefined
  readonly own: OwnPorts | undefined
}
