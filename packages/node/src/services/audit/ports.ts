/**
 * Ports of the auditor: an archive to sweep, and the memory of what earlier sweeps saw.
 *
 * Adapters stand in storage/audit (folders, Orthanc, SQLite), http (DICOMweb) and dimse. Whatever reaches another machine
 * may reject with {StoreError} `service_unreachable`, `service_refused`, `peer_timeout` or what its protocol says.
 */

import type { Standing } from '@fiducial/core/domain/audit/classify.ts'
import type { Finding } from '@fiducial/core/domain/audit/finding.ts'

/** An instance as an archive lists it, before a byte of it is read. */
export interface ListedInstance {
  /** Names it within the archive, and stays the same from sweep to sweep; at most 1,024 characters. */
  readonly key: string
  /**
   * What changes whenever its bytes do, as far as the archive tells: size and times, an ETag, a digest of its own; null where
   * it tells nothing, and only reading shows.
   */
  readonly version: string | null
  /** Where the listing has them. */
  readonly sopInstanceUid: string | null
  readonly seriesInstanceUid: string | null
  readonly studyInstanceUid: string | null
}

/** Some instances together: of a series, a folder, or a page of an answer. */
export interface ListedPage {
  /** May be empty. */
  readonly instances: readonly ListedInstance[]
  /** How many instances there are in all, where the archive says so. */
  readonly total?: number
  /** From where to list the next time, for an archive that tells what is new; kept once the sweep has ended. */
  readonly cursor?: string
}

/** An instance on this machine, until it is disposed of. */
export interface FetchedInstance extends AsyncDisposable {
  readonly key: string
  /** A file that threads can open. Seal and proof lie beside it, where the archive has them. */
  readonly path: string
  readonly lengthBytes: number
  /** Whether nobody says that it is an image: then one that is none is passed over. */
  readonly mayBeOther?: boolean
}

/** An instance that could not be had. */
export interface FailedFetch {
  readonly key: string
  /** Of our errors. */
  readonly code: string
}

export interface ArchiveSource {
  /** As in reports: an address without credentials. */
  readonly name: string
  readonly kind: 'folder' | 'dicomweb' | 'dimse' | 'orthanc'
  /**
   * Whether the list is of all that the archive holds: then what is not listed is gone. A source that tells only what is new
   * since a cursor gives false for such a list.
   */
  isComplete(cursor: string | undefined): boolean
  /** Lists instances, in any order, each once. @param cursor  of an earlier sweep; undefined lists all */
  list(cursor: string | undefined, signal: AbortSignal): AsyncIterable<ListedPage>
  /**
   * Fetches instances of one page, one after the other as they come, in any order. What could not be had is said of each; a
   * source that cannot go on at all rejects.
   */
  fetch(instances: readonly ListedInstance[], signal: AbortSignal): AsyncIterable<FetchedInstance | FailedFetch>
  close(): Promise<void>
}

/** What reading an instance came to. */
export interface Examined {
  readonly instance: {
    readonly sopClassUid: string | null
    readonly sopInstanceUid: string | null
    readonly seriesInstanceUid: string | null
    readonly studyInstanceUid: string | null
    readonly transferSyntaxUid: string | null
  }
  readonly lengthBytes: number
  /** SHA-256 in hexadecimal, as events have them; `frames` is null where the samples cannot be had exactly. */
  readonly digests: { readonly file: string; readonly dataset: string; readonly frames: string | null }
  readonly frames: number
  /** Whether its pixels differ so little that equal ones prove nothing. */
  readonly isPlain: boolean
  readonly standing: Standing
  readonly verdict: 'authentic' | 'not_authentic' | 'undetermined'
  readonly level: 'P0' | 'P1' | 'P2' | 'P3' | 'P4'
  readonly content: string
  /** For a person who reads nothing else; names no patient. */
  readonly sentence: string
  /** Checks that fail. */
  readonly failing: readonly { readonly subject: string; readonly reason: string }[]
  readonly findings: readonly Finding[]
  /** Whether a derivation that is recorded explains why its pixels are also another instance's. */
  readonly isDerived: boolean
  /** Index of the earliest entry of the log about this content; null where there is none. */
  readonly firstEntry: string | null
  /** Certificates that it rests on, each `SHA-256 of its issuer's name:serial number`, hexadecimal. */
  readonly signers: readonly string[]
  /** When to look again though nothing has changed; null for never. */
  readonly nextLookAt: Date | null
}

/** What decides whether an instance is read again. */
export interface KnownVersion {
  readonly version: string | null
  /** Number of the sweep that saw it last, and of the one that read it last. */
  readonly seenIn: number
  readonly readIn: number
  readonly readAt: Date
  /** Whether it has to be read whatever its version: the log, a revocation or the time asks for it. */
  readonly isDue: boolean
  /** As it was read last; null for one that could not be read. */
  readonly content: KnownContent | null
}

/** What an instance held, hexadecimal. */
export interface KnownContent {
  readonly sopInstanceUid: string | null
  readonly dataset: string
  readonly frames: string | null
  /** Findings that only the comparison with an earlier sweep gave. */
  readonly compared: readonly Finding[]
}

/** A finding, and the number of the sweep that found it first. */
export interface DatedFinding extends Finding {
  readonly foundIn: number
}

/** What is remembered of an instance. */
export interface KnownInstance {
  readonly key: string
  readonly firstSeenAt: Date
  readonly seenAt: Date
  readonly readAt: Date
  /** As the archive lists it, or the file has them. */
  readonly sopInstanceUid: string | null
  readonly studyInstanceUid: string | null
  /** Null for one that could not be read; the findings say why. */
  readonly examined: Examined | null
  readonly findings: readonly DatedFinding[]
}

/** What a sweep saw of an instance. */
export type Sighting =
  /** Not read, since nothing had changed. */
  | { readonly kind: 'unchanged'; readonly key: string }
  | {
      readonly kind: 'read'
      readonly listed: ListedInstance
      readonly examined: Examined
      readonly findings: readonly Finding[]
    }
  | { readonly kind: 'failed'; readonly listed: ListedInstance; readonly findings: readonly Finding[] }
  /** No image, and nobody said that it was one. */
  | { readonly kind: 'other'; readonly listed: ListedInstance }

/** How far a sweep is. */
export interface Sweep {
  /** Counts up. */
  readonly number: number
  readonly startedAt: Date
  /** Null while it runs, or was cut off. */
  readonly endedAt: Date | null
  /** Everything is read again. */
  readonly isFull: boolean
  /** Cursor with which it began. */
  readonly cursor: string | null
  readonly counts: SweepCounts
}

export interface SweepCounts {
  readonly read: number
  readonly unchanged: number
  readonly failed: number
  readonly bytes: number
}

/** What the log knows an instance to be. */
export interface LoggedInstance {
  readonly sopInstanceUid: string
  readonly studyInstanceUid: string
  /** Index of the newest entry that says so. */
  readonly index: bigint
  readonly state: 'present' | 'erased' | 'withdrawn'
  readonly recordedAt: Date
  /** When an event said last that it went on to somewhere; null for never. */
  readonly forwardedAt: Date | null
  readonly isQuarantined: boolean
}

/** What an entry of the log changes, for {@link SweepStore.learn}. */
export interface LogNews {
  readonly index: bigint
  readonly sopInstanceUid: string
  readonly studyInstanceUid: string
  readonly at: Date
  readonly change: 'present' | 'withdrawn' | 'forwarded' | 'quarantined' | 'released'
  /** Whether it only says again what an instance is that it names by its digests: nothing new for one that has a record. */
  readonly isRepeatable: boolean
  /** Hexadecimal; null where the entry names none. */
  readonly file: string | null
  readonly dataset: string | null
}

/** Why instances have to be read again. */
export type DueReason =
  /** Their signers. */
  | { readonly signers: readonly string[] }
  /** Moments that have come. */
  | { readonly before: Date }
  /** All of those with signatures. */
  | 'signed'

/** Instances that share something. */
export interface SharingGroup {
  readonly value: string
  readonly members: readonly KnownInstance[]
}

/** A part of a list in the order of its names, behind `after`. */
export interface Slice {
  readonly after?: string
  /** 1 to 1,000. */
  readonly limit: number
}

/**
 * The memory of sweeps over one archive. Each call is one step that survives the end of the process when it resolves; after
 * a power cut the last steps may be lost, whole, and what they had read is read again. One process uses it at a time.
 */
export interface SweepStore {
  /** The sweep that runs or was cut off; undefined where none is under way. */
  current(): Promise<Sweep | undefined>
  /** Sweeps that ended, newest first. */
  ended(limit: number): Promise<readonly Sweep[]>
  /** Begins a sweep. @throws {StoreError} `sweep_corrupted` while another one is under way */
  begin(order: { readonly at: Date; readonly isFull: boolean; readonly cursor: string | null }): Promise<Sweep>
  /** What is remembered of some instances, by their keys; those never seen are left out. At most 1,000. */
  known(keys: readonly string[]): Promise<ReadonlyMap<string, KnownVersion>>
  /** Takes down what the sweep under way saw. */
  saw(sightings: readonly Sighting[], bytes: number, at: Date): Promise<void>
  /** Ends the sweep under way. @param cursor  from where to list the next time; null lists all */
  end(at: Date, cursor: string | null): Promise<Sweep>
  /** Instances that the sweep under way has not seen, and that were there before; each becomes gone. @returns how many */
  markGone(at: Date): Promise<number>
  /** The same for some keys, where an archive tells what it has deleted. */
  forget(keys: readonly string[], at: Date): Promise<void>
  /** Has instances read again by the next sweep. @returns how many */
  markDue(reason: DueReason): Promise<number>
  /** Number of the entry of the log up to which {@link learn} has seen it. */
  logSize(): Promise<bigint>
  /** Takes down what entries of the log say, up to `size`; instances about which they say something new become due. */
  learn(news: readonly LogNews[], erased: readonly bigint[], size: bigint): Promise<void>
  /** Small values that sweeps hand on, such as the digest of whom they believe. */
  note(name: string): Promise<string | undefined>
  setNote(name: string, value: string): Promise<void>
  /** Instances that are there, in the order of their keys, behind `after`. */
  instances(which: 'all' | 'with_findings' | 'unrecorded', slice: Slice): Promise<readonly KnownInstance[]>
  /** Instances that went away and were not found again. */
  gone(slice: Slice): Promise<readonly KnownInstance[]>
  /** Instances of the log that are not in the archive by their UIDs. */
  notArchived(slice: Slice): Promise<readonly LoggedInstance[]>
  /** Whether the archive held an instance at an earlier sweep. */
  wasSeen(sopInstanceUid: string): Promise<Date | undefined>
  /** Instances that are there and have the same pixels, which are no plain ones, or the same SOP Instance UID. */
  sharing(what: 'frames' | 'uid', slice: Slice): Promise<readonly SharingGroup[]>
  /** Takes findings that a sweep draws from several instances. Replaces those of the sweep before. */
  setSweepFindings(findings: readonly SweepFinding[]): Promise<void>
  /** `foundIn` is the number of the sweep that found it first. */
  sweepFindings(): Promise<readonly (SweepFinding & { readonly foundIn: number })[]>
  /** How many instances stand how. */
  standings(): Promise<Readonly<Record<Standing | 'unreadable' | 'other', number>>>
  /** Takes down that an instance is in the log now, unchanged. */
  enrolled(keys: readonly { readonly key: string; readonly index: bigint }[]): Promise<void>
  close(): Promise<void>
}

/** A finding that is about more than one file, or about none that is there. */
export interface SweepFinding {
  readonly finding: Finding
  /** Null for one that is about the log, or about whom one believes. */
  readonly key: string | null
  readonly sopInstanceUid: string | null
  readonly studyInstanceUid: string | null
}
