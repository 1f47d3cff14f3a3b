/**
 * Site log: the custody log of a site with all that belongs to it: who records, the completeness map, timestamps.
 *
 * After a run of entries the site settles with its log: the map's new root becomes an entry, so that completeness can be
 * proven, and authorities see the checkpoint when it is time.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { MapRootDetails } from '@fiducial/core/domain/log/event-details.ts'
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import type { StudyProof } from '@fiducial/core/domain/log/map/study-proof.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { hashLeaf } from '@fiducial/core/formats/merkle/tree.ts'
import type { RandomBytes, TimestampAuthority } from '../ports.ts'
import { CompletenessMap } from './completeness.ts'
import { feedFrom } from './completeness-batch.ts'
import { factsOfStatement } from './completeness-facts.ts'
import { type CustodyLog, type LogOptions, openCustodyLog } from './custody-log.ts'
import type { LogPorts, MapStore } from './ports.ts'
import type { Receipt } from './receipt.ts'
import { Recorder } from './recorder.ts'
import { Timestamping, type TimestampRound } from './timestamping.ts'

export interface SitePorts extends LogPorts {
  readonly map: MapStore
}

export interface SiteLogOptions extends LogOptions {
  readonly random: RandomBytes
  /** Which system records. */
  readonly recorder: Party
  readonly isDemo: boolean
  readonly archive: {
    /** What the site calls it. */
    readonly id: string
    /** 32 bytes that blind the completeness map. */
    readonly secret: Uint8Array
  }
  readonly authorities: readonly TimestampAuthority[]
  readonly timestampIntervalMs: number
}

/** What settling came to. */
export interface Settlement {
  /** The entry with the map's new root; absent where nothing had changed. */
  readonly mapRoot?: Receipt
  /** Tokens that were put into the log; absent where it was not time. */
  readonly tokens?: number
  /** What went wrong with timestamp authorities: the log is whole without them, and they are asked again. */
  readonly failures: readonly Error[]
}

/** A study as the map has it, and the entry that says so. */
export interface ProvenStudy {
  readonly mapRoot: Receipt
  readonly details: MapRootDetails
  readonly proof: StudyProof
}

interface LoggedMapRoot {
  readonly index: bigint
  readonly details: MapRootDetails
}

const MAP_ROOT = { kind: 'type', value: 'map-root' } as const

export class SiteLog {
  readonly log: CustodyLog
  readonly recorder: Recorder
  readonly #ports: SitePorts
  readonly #crypto: Crypto
  readonly #archive: string
  readonly #map: CompletenessMap
  readonly #timestamping: Timestamping
  #last: Promise<unknown> = Promise.resolve()

  private constructor(log: CustodyLog, ports: SitePorts, options: SiteLogOptions) {
    const { crypto, random, now, signer, recorder, isDemo, archive, authorities, timestampIntervalMs } = options
    this.log = log
    this.#ports = ports
    this.#crypto = crypto
    this.#archive = archive.id
    this.recorder = new Recorder(log, { crypto, random, now, signer: signer.ed25519, recorder, isDemo })
    this.#map = new CompletenessMap({
      archive: archive.id,
      store: ports.map,
      entries: feedFrom(ports.records),
      factsOf: factsOfStatement,
      secret: archive.secret,
      hashes: crypto.hash,
    })
    const { records } = ports
    this.#timestamping = new Timestamping(log, this.recorder, {
      crypto,
      now,
      authorities,
      intervalMs: timestampIntervalMs,
      records,
    })
  }

  /** Opens the log for appending. @throws as {@link openCustodyLog} */
  static async open(ports: SitePorts, options: SiteLogOptions): Promise<SiteLog> {
    return new SiteLog(await openCustodyLog(ports, options), ports, options)
  }

  /** Does what is owed after a run of entries. @throws {StoreError} what the log and the map say */
  settle(): Promise<Settlement> {
    return this.#inTurn(() => this.#settle())
  }

  /**
   * Has all authorities see the log now, whether or not it is time, and puts their tokens into it.
   * @throws {StoreError} `entry_missing` for an empty log; where all authorities fail, what the first one said
   */
  timestamp(): Promise<TimestampRound> {
    return this.#inTurn(() => this.#timestamp())
  }

  /**
   * All that the log knows of a study up to now, with the proof that it is all.
   * @throws {StoreError} as {@link settle}; `entry_missing` for an empty log
   */
  proveStudy(studyInstanceUid: string): Promise<ProvenStudy> {
    return this.#inTurn(() => this.#proveStudy(studyInstanceUid))
  }

  /**
   * Takes the statement of an entry out for good, and logs that this was done. Every proof holds as before.
   * @throws {StoreError} `entry_missing` if there is no such entry, `payload_erased` if it was erased before
   */
  erase(index: bigint, by: { readonly erasedBy: Party; readonly legalBasis: string }): Promise<Receipt> {
    return this.#inTurn(() => this.#erase(index, by))
  }

  async close(): Promise<void> {
    await this.log.close()
  }

  /** One after the other: a proof is of the newest map, and what is logged depends on what was logged last. */
  #inTurn<T>(steps: () => Promise<T>): Promise<T> {
    const result = this.#last.then(steps)
    this.#last = result.catch(() => undefined)
    return result
  }

  async #settle(): Promise<Settlement> {
    const mapRoot = await this.#recordMapRoot()
    const { size } = this.log.state
    if (size > 0n) await this.log.published(size - 1n)
    const logged = mapRoot && { mapRoot }
    if (!(await this.#timestamping.isDue())) return { ...logged, failures: [] }
    const { receipt, tokens, failures } = await this.#timestamping.run()
    if (receipt === undefined) return { ...logged, failures }
    await this.log.published(receipt.index)
    return { ...logged, tokens, failures }
  }

  async #timestamp(): Promise<TimestampRound> {
    const { size } = this.log.state
    if (size === 0n) throw new StoreError('entry_missing', 'the log is empty')
    await this.log.published(size - 1n)
    const round = await this.#timestamping.run()
    if (round.receipt === undefined)
      throw round.failures[0] ?? new StoreError('service_unreachable', 'there is no authority to ask')
    await this.log.published(round.receipt.index)
    return round
  }

  async #proveStudy(studyInstanceUid: string): Promise<ProvenStudy> {
    const { index, details } = await this.#currentMapRoot()
    const proof = await this.#map.proveStudy(studyInstanceUid)
    return { mapRoot: await this.log.prove(index), details, proof }
  }

  async #erase(index: bigint, by: { readonly erasedBy: Party; readonly legalBasis: string }): Promise<Receipt> {
    const { records } = this.#ports
    const { leaf } = await this.log.prove(index)
    await records.settle()
    const payload = await records.payload(index)
    if (payload === 'erased')
      throw new StoreError('payload_erased', `the statement of entry ${index} is erased already`)
    if (payload === undefined) throw new StoreError('entry_missing', `entry ${index} has no statement`)
    // What the map has to know of it is worked in before it is gone.
    await this.#recordMapRoot()
    const leafHash = hashLeaf(this.#crypto.hash, leaf)
    const receipt = await this.recorder.record({
      type: 'erased',
      instance: null,
      digests: null,
      details: { index, leafHash, ...by },
    })
    await this.log.published(receipt.index)
    await records.erase(index)
    return receipt
  }

  /** Logs the root of the map unless the one that is logged says the same. */
  async #recordMapRoot(): Promise<Receipt | undefined> {
    const { size } = this.log.state
    if (size === 0n) return undefined
    const { root: details } = await this.#map.advance(size)
    const last = await this.#lastMapRoot()
    const isKnown = last === undefined ? details.studies === 0n : isSameMap(last.details, details)
    return isKnown ? undefined : this.#record(details)
  }

  /** The entry with the map as of all entries before it; logged now, if any came since the last one. */
  async #currentMapRoot(): Promise<LoggedMapRoot> {
    const { size } = this.log.state
    if (size === 0n) throw new StoreError('entry_missing', 'the log is empty')
    const [last, map] = await Promise.all([this.#lastMapRoot(), this.#map.root()])
    if (last !== undefined && last.index + 1n === size && map.size === last.details.size) return last
    const { root: details } = await this.#map.advance(size)
    const { index } = await this.#record(details)
    return { index, details }
  }

  #record(details: MapRootDetails): Promise<Receipt> {
    return this.recorder.record({ type: 'map-root', instance: null, digests: null, details })
  }

  async #lastMapRoot(): Promise<LoggedMapRoot | undefined> {
    const { records } = this.#ports
    await records.settle()
    for (const index of await records.find({ term: MAP_ROOT, limit: 16, order: 'newest_first' })) {
      const payload = await records.payload(index)
      if (!(payload instanceof Uint8Array)) continue
      const event = parseEventStatement(payload)
      if (event.type === 'map-root' && event.details.archive === this.#archive) return { index, details: event.details }
    }
    return undefined
  }
}

/** Whether two roots say the same of all studies, however much of the log was worked in besides. */
const isSameMap = (a: MapRootDetails, b: MapRootDetails): boolean =>
  equalBytes(a.root, b.root) && a.studies === b.studies && a.instances === b.instances
