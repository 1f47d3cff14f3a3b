/**
 * Adapters: what the command line needs from keys and storage, in its own words. main.ts hands them in.
 *
 * Everything is loaded when it is first asked for: a command that only verifies loads no key handling.
 */

import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import type { PeerExamination } from '@fiducial/core/domain/gateway/peer-diagnosis.ts'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import type { ExpectedInstance } from '@fiducial/core/domain/verdict/judge-study.ts'
import type { FormatCode } from '@fiducial/core/errors.ts'
import type { ConfigContext } from '@fiducial/core/formats/config/value.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import type { Raster } from '@fiducial/core/formats/picture/raster.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import type { TokenBook } from '../services/access/token-book.ts'
import type { AuditServices } from '../services/audit/access.ts'
import type { ExamineDone, ExamineTask } from '../services/audit/sweep.ts'
import type { RemoteGateway } from '../services/gateway/remote-gateway.ts'
import type { BundleOptions, CheckedBundle } from '../services/log/check-bundle.ts'
import type { DescribedImage } from '../services/log/describe-image.ts'
import type { ExportAuthority } from '../services/log/export-event.ts'
import type { LogCheckPorts, LogFacts, LogOrder, LogPlace, LogReader, OpenSiteLog } from '../services/log/log-access.ts'
import type { DoctorOrder } from './doctor-order.ts'
import type { ForgeAdapters } from './forge/adapters.ts'
import type { LogServices } from './log/services.ts'
import type { MarkAdapters } from './mark/adapters.ts'
import type { Ring, Secrets } from './ring.ts'
import type { GatewayCopy, GatewayReach, UpOrder, UpRunning } from './up-adapters.ts'
import type { WatchAdapters } from './watch/adapters.ts'
import type { VerifySettings, Work } from './work.ts'

/** One file to read. */
export interface Input {
  readonly path: string
  /** The folder that was searched; of a file that was named, its folder. */
  readonly root: string
  /** What to call it: the path, or `-` for standard input. */
  readonly label: string
}

/** Files as they are found; disposing of it removes what was kept of standard input. */
export interface Inputs extends AsyncIterable<Input>, Disposable {}

export interface OpenFile extends ByteSource, Disposable {}

/** The custody log of the site, and copies of others. */
export interface LogAdapters extends LogServices {
  /** What the site has decided about its log; undefined where it has none. @throws {StoreError} `log_corrupted` */
  find(home: string): Promise<LogFacts | undefined>
  /** Makes the site's log. @throws {StoreError} `log_exists`, `output_unwritable`; {KeyError} */
  create(home: string, secrets: Secrets, order: LogOrder): Promise<LogFacts>
  /**
   * Opens the site's log for appending; waits a while for another process that does.
   * @throws {StoreError} `log_missing`, `log_locked`, `log_corrupted`, `clock_went_back`; {KeyError}
   */
  open(home: string, secrets: Secrets, signal: AbortSignal): Promise<OpenSiteLog>
  /**
   * Opens a log for reading.
   * @param folder  of the log; the site's own where it is undefined
   * @param policy  whom to believe; what lies beside the log where it is undefined
   * @throws {StoreError} `log_missing`, `log_corrupted`; {FormatError} `witness_policy_malformed`
   */
  read(home: string, folder?: string, policy?: Uint8Array): Promise<LogReader>
  /** The images of a study that the site's log knows. @throws {StoreError} `log_missing`, `log_corrupted` */
  knownInstances(home: string, studyInstanceUid: string): Promise<readonly ExpectedInstance[]>
  /** What a check of a log looks at besides. @throws {StoreError} `log_corrupted`, `log_unwritable` */
  openCheck(folder: string): Promise<LogCheckPorts>
  /** Checks bundles of a log in files with all processor cores, in the order of their numbers. @throws {StoreError} */
  checkBundles(
    folder: string,
    numbers: readonly bigint[],
    options: Pick<BundleOptions, 'size' | 'checksSignatures'>,
    signal: AbortSignal,
  ): AsyncIterable<CheckedBundle>
  /** How a log lies on the disk. @throws {StoreError} `log_corrupted`, `log_unwritable` */
  place(folder: string): Promise<LogPlace>
  /**
   * A folder for an export.
   * @throws {StoreError} `output_exists` where it holds other things, `output_unwritable`
   */
  openExport(folder: string, names: { readonly mark: string; readonly index: string }): Promise<ExportFolder>
  /** Whose tokens go along with an export of the site's log. @throws {KeyError} */
  exportAuthorities(home: string, secrets: Secrets): Promise<readonly ExportAuthority[]>
  /** A C2SP tlog-policy. @throws {FormatError} `witness_policy_malformed`, `verifier_key_malformed` */
  readPolicy(bytes: Uint8Array): Promise<WitnessPolicy>
  /** An image as events name it. @throws {StoreError} as {@link Adapters.openFile}; {FormatError} for what is no image */
  describeImage(path: string): Promise<DescribedImage>
}

/** Where an export is written; disposing of it leaves what is whole. Every method throws {StoreError} `output_unwritable`. */
export interface ExportFolder extends AsyncDisposable {
  /** Files that were written, and those that held the right bytes already. */
  readonly counts: { readonly written: number; readonly kept: number }
  isWhole(): Promise<boolean>
  read(name: string): Promise<Uint8Array | undefined>
  begin(): Promise<void>
  write(files: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Promise<void>
  finish(): Promise<void>
}

/** Archives to sweep. */
export interface AuditAdapters extends AuditServices {
  /** Examines instances as they come, with all processor cores, in their order; ends early once the signal is set off. */
  examineAll(
    tasks: AsyncIterable<ExamineTask>,
    settings: VerifySettings,
    signal: AbortSignal,
  ): AsyncIterable<ExamineDone>
}

/** What a settings file says, and where in it. */
export interface ConfigFile {
  readonly bytes: Uint8Array
  readonly value: JsonValue
  readonly locate: NonNullable<ConfigContext['locate']>
}

export interface Adapters {
  readonly log: LogAdapters
  readonly audit: AuditAdapters
  readonly mark: MarkAdapters
  readonly watch: WatchAdapters
  readonly forge: ForgeAdapters
  /** Digests bytes, and checks signatures. */
  crypto(): Promise<Crypto>
  readonly work: Work
  /** @throws {StoreError} on iteration, for standard input */
  findInputs(words: readonly string[]): Promise<Inputs>
  /** @throws {StoreError} `input_missing`, `input_empty`, `input_unreadable` */
  openFile(path: string): Promise<OpenFile>
  /** A whole file, or undefined where there is none. @throws {StoreError} `input_unreadable` */
  readFile(path: string): Promise<Uint8Array | undefined>
  /** A settings file in YAML or JSON; undefined where there is none. @throws {FormatError} with the code */
  readConfig(path: string, code: FormatCode): Promise<ConfigFile | undefined>
  /** A whole file in place of what stood there; its folder is made. @throws {StoreError} `output_unwritable` */
  writeFile(path: string, bytes: Uint8Array): Promise<void>
  /** A file of text that may be long, likewise. @throws {StoreError} `output_unwritable` */
  writeText(path: string, pieces: AsyncIterable<string>): Promise<void>
  /** A PNG file, likewise. @throws {StoreError} `output_unwritable` */
  writePicture(path: string, picture: Raster): Promise<void>
  /** @throws {KeyError} `key_exists` @throws {StoreError} `output_unwritable` */
  initRing(
    home: string,
    options: Secrets & {
      readonly site: string
      readonly isDemo: boolean
      /** From when on the CA is valid; now, unless it is told: for demonstrations. */
      readonly validFrom?: Date
    },
  ): Promise<Ring>
  /** @throws {KeyError} `key_missing`, `key_unreadable` */
  openRing(home: string, secrets: Secrets): Promise<Ring>
  /** Who is let in by the network. */
  tokens(home: string): Promise<TokenBook>
  /**
   * Starts the gateway of this machine with all that belongs to it.
   * @throws {KeyError} {StoreError} {FormatError}
   */
  startGateway(order: UpOrder): Promise<UpRunning>
  /** Tries out what a DICOM peer does. @throws {StoreError} where it takes no association; for certificates */
  examinePeer(order: DoctorOrder): Promise<PeerExamination>
  /** What a gateway speaks, as a document in Markdown. */
  conformance(): Promise<string>
  /** @throws {StoreError} `input_missing`, `output_exists`, `output_unwritable`, `spool_corrupted` */
  backUpGateway(home: string, settings: GatewaySettings, folder: string): Promise<GatewayCopy>
  /** @throws {StoreError} likewise */
  restoreGateway(home: string, settings: GatewaySettings, folder: string): Promise<GatewayCopy>
  /** A gateway that runs, here or elsewhere. */
  reachGateway(place: GatewayReach): Promise<RemoteGateway>
}

/** The name of a seal: that of its image and this. */
export const SEAL_SUFFIX = '.fiducial.json'
/** The same for the proof that an image is in a custody log. */
export const PROOF_SUFFIX = '.tlog-proof'
