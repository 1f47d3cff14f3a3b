/**
 * Check own events: whether what a log says of itself is true of it: the checkpoints that its statements quote, the
 * timestamps that it holds, and the roots of its completeness map.
 *
 * Fed in the order of the log, while the log is read; keeps no more than the last of each.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { MapRootDetails, TimestampedDetails } from '@fiducial/core/domain/log/event-details.ts'
import { keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { rootAt } from '@fiducial/core/domain/log/tile-proofs.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import type { CheckedBundle, FoundQuote, OwnEvent } from './check-bundle.ts'
import { Findings } from './check-findings.ts'
import { judgeTokens } from './judge-tokens.ts'
import type { ImmutableStore } from './ports.ts'
import { tilesOf } from './tiles-of.ts'

export interface OwnEventOptions {
  readonly crypto: Crypto
  readonly hasher: NodeHasher
  readonly policy: WitnessPolicy
  /** Whose tokens can be judged. */
  readonly anchors: TrustAnchors
  readonly origin: string
  /** Entries under the checkpoint. */
  readonly size: bigint
  readonly objects: Pick<ImmutableStore, 'get'>
}

/** Roots of earlier trees that are kept. */
const ROOTS_KEPT = 256

export class OwnEventCheck {
  readonly counts = { quotes: 0, mapRoots: 0, tokens: 0, unknownTokens: 0 }
  readonly #options: OwnEventOptions
  readonly #findings: Findings
  /** By size; undefined where tiles do not come to one. */
  readonly #roots = new Map<bigint, Promise<Uint8Array | undefined>>()
  readonly #quoted = new Set<string>()
  /** What contradicts the tiles: told at the end, unless it was the tiles that are wrong. */
  readonly #suspects = new Findings()
  #lastMapRoot: MapRootDetails | undefined

  constructor(options: OwnEventOptions, findings: Findings) {
    this.#options = options
    this.#findings = findings
  }

  /** What the newest `map-root` entry says; undefined where there is none. */
  get lastMapRoot(): MapRootDetails | undefined {
    return this.#lastMapRoot
  }

  /** Looks at what a bundle handed on. @throws {StoreError} where tiles cannot be read */
  async add({ quotes, own }: Pick<CheckedBundle, 'quotes' | 'own'>): Promise<void> {
    for (const quote of quotes) await this.#quote(quote)
    for (const event of own) await this.#event(event)
  }

  /** Tells what could be wrong with the tiles as well. @param areTilesSound  whether each of them was right */
  finish(areTilesSound: boolean): void {
    if (areTilesSound) this.#findings.addAll(this.#suspects.list, this.#suspects.count)
  }

  async #quote({ origin, size, root, index }: FoundQuote): Promise<void> {
    // What another log was like, this one does not know.
    if (origin !== this.#options.origin) return
    const key = `${size} ${encodeHex(root)}`
    if (this.#quoted.has(key)) return
    this.counts.quotes++
    remember(this.#quoted, key)
    if (!(await this.#hadRoot(size, root, index))) this.#suspects.add('quote_wrong', `entry ${index}`)
  }

  async #event({ index, payload }: OwnEvent): Promise<void> {
    const event = parseEventStatement(payload)
    if (event.type === 'map-root') this.#mapRoot(index, event.details)
    if (event.type === 'timestamped') await this.#stamp(index, event.details)
  }

  /** A map only grows, and stays that of one archive. */
  #mapRoot(index: bigint, details: MapRootDetails): void {
    this.counts.mapRoots++
    const last = this.#lastMapRoot
    const isSound =
      details.size <= index &&
      (last === undefined ||
        (details.archive === last.archive &&
          equalBytes(details.blinding, last.blinding) &&
          details.size >= last.size &&
          details.studies >= last.studies))
    if (!isSound) this.#findings.add('map_root_wrong', `entry ${index}`)
    this.#lastMapRoot = details
  }

  async #stamp(index: bigint, details: TimestampedDetails): Promise<void> {
    const { crypto, policy, anchors, origin } = this.#options
    const verified = verifyCheckpoint(details.note, keysOfPolicy(policy), crypto)
    const checkpoint = verified.state === 'valid' ? verified.checkpoint : undefined
    const isOwn = checkpoint?.origin === origin && (await this.#hadRoot(checkpoint.size, checkpoint.root, index))
    if (!isOwn) this.#suspects.add('stamp_wrong', `entry ${index}`)
    for (const { outcome } of judgeTokens(details, anchors, crypto)) {
      if (outcome === 'fails') this.#findings.add('token_wrong', `entry ${index}`)
      else if (outcome === 'unknown') this.counts.unknownTokens++
      else this.counts.tokens++
    }
  }

  /** Whether the log had this root, when the entry was not there yet. */
  async #hadRoot(size: bigint, root: Uint8Array, index: bigint): Promise<boolean> {
    if (size > index) return false
    const own = await this.#rootAt(size)
    return own !== undefined && equalBytes(own, root)
  }

  #rootAt(size: bigint): Promise<Uint8Array | undefined> {
    const known = this.#roots.get(size)
    if (known !== undefined) return known
    const root = this.#readRoot(size)
    this.#roots.set(size, root)
    const [oldest] = this.#roots.keys()
    if (this.#roots.size > ROOTS_KEPT && oldest !== undefined) this.#roots.delete(oldest)
    return root
  }

  /** Tiles that are damaged are findings of their own. */
  async #readRoot(size: bigint): Promise<Uint8Array | undefined> {
    const { objects, hasher } = this.#options
    try {
      return await rootAt(size, tilesOf(objects, this.#options.size), hasher)
    } catch (error) {
      const isDamage = error instanceof FormatError || (error instanceof StoreError && error.code === 'log_corrupted')
      if (isDamage) return undefined
      throw error
    }
  }
}

function remember(seen: Set<string>, key: string): void {
  seen.add(key)
  const [oldest] = seen
  if (seen.size > ROOTS_KEPT && oldest !== undefined) seen.delete(oldest)
}
