/** Check findings: what can be wrong with a log, where, and how much of it was looked at. */

/** What can be wrong with a log. */
export type LogFlaw =
  | 'checkpoint_missing'
  | 'checkpoint_malformed'
  | 'checkpoint_unsigned'
  | 'checkpoint_signature_wrong'
  | 'quorum_missing'
  | 'bundle_missing'
  | 'bundle_malformed'
  | 'entry_malformed'
  | 'tile_missing'
  | 'tile_wrong'
  | 'root_wrong'
  /** The statement beside an entry is another one. */
  | 'statement_wrong'
  | 'statement_missing'
  /** It is none of our events. */
  | 'event_malformed'
  /** The signature in the entry is not right for the statement. */
  | 'signature_wrong'
  /** A statement is not known again by its identity, or not found by its terms. */
  | 'identity_wrong'
  | 'terms_wrong'
  /** A statement quotes a checkpoint that the log never had, or one from after it. */
  | 'quote_wrong'
  /** A `timestamped` entry holds no earlier checkpoint of this log. */
  | 'stamp_wrong'
  /** A token of an authority does not hold. */
  | 'token_wrong'
  /** A `map-root` entry contradicts those before it. */
  | 'map_root_wrong'
  /** The completeness map is not what it says, or not what the log says of it. */
  | 'map_damaged'
  | 'map_behind'
  /** What is durable and what is published contradict each other. */
  | 'head_wrong'
  | 'index_behind'
  | 'index_damaged'
  | 'segment_damaged'

export interface LogFinding {
  readonly flaw: LogFlaw
  /** Path of an object, `entry N`, or what else has a name. */
  readonly where: string
}

/** What was looked at. */
export interface LogCounts {
  readonly entries: bigint
  readonly tiles: number
  readonly statements: number
  /** Entries whose statement was erased. */
  readonly erased: number
  /** Signatures of statements. */
  readonly signatures: number
  /** Checkpoints that statements quote, each once. */
  readonly quotes: number
  readonly mapRoots: number
  /** Tokens of authorities that are believed, and of others, of which nobody can say. */
  readonly tokens: number
  readonly unknownTokens: number
}

export const NO_COUNTS: LogCounts = {
  entries: 0n,
  tiles: 0,
  statements: 0,
  erased: 0,
  signatures: 0,
  quotes: 0,
  mapRoots: 0,
  tokens: 0,
  unknownTokens: 0,
}

/** The most that are told. */
export const FINDINGS_LIMIT = 1000

/** Findings as they come: all are counted, the first ones kept. */
export class Findings {
  readonly list: LogFinding[] = []
  readonly #kinds = new Set<LogFlaw>()
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Whether one of these was found. */
  has(flaws: readonly LogFlaw[]): boolean {
    return flaws.some((flaw) => this.#kinds.has(flaw))
  }

  add(flaw: LogFlaw, where: string): void {
    this.#count++
    this.#kinds.add(flaw)
    if (this.list.length < FINDINGS_LIMIT) this.list.push({ flaw, where })
  }

  /** Findings of somebody else, who may have kept fewer than there were. */
  addAll(findings: readonly LogFinding[], count = findings.length): void {
    for (const { flaw, where } of findings) this.add(flaw, where)
    this.#count += count - findings.length
  }
}
