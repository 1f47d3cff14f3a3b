/**
 * Split view: evidence that a log has shown two histories, for anybody to check who knows its keys.
 *
 * Two checkpoints, both signed by the log. Of the same size and with different roots they are proof by themselves. Of
 * different sizes they are proof with a consistency proof that leads to the larger one from *another* root than that of
 * the smaller one: the larger tree then begins with a tree that is not the smaller one (RFC 6962 section 2.1.2). The
 * document is canonical JSON, of our own; its fields are those of {@link SplitView}.
 */

import { encodeBase64 } from '../../bytes/base64.ts'
import type { Crypto } from '../../bytes/crypto.ts'
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { encodeUtf8, equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import { type Consistency, followConsistency, verifyConsistency } from '../../formats/merkle/consistency.ts'
import { HASH_BYTES, hashNode, PROOF_LIMIT } from '../../formats/merkle/tree.ts'
import { NOTE_LIMIT, parseNote } from '../../formats/note/note.ts'
import type { VerifierKey } from '../../formats/note/verifier-key.ts'
import { isSignedBy, verifyCheckpoint } from './verify-checkpoint.ts'

/** A checkpoint, and who has shown it. */
export interface Sighting {
  /** An address, `record` (what a witness remembers) or `submission` (what was sent to it); 1 to 1,024 characters. */
  readonly source: string
  /** A signed note. */
  readonly note: string
}

export interface SplitView {
  /** Name of the log. */
  readonly origin: string
  /** By the clock of whoever found it, to the millisecond. */
  readonly foundAt: Date
  /** Of two of the same size, any. */
  readonly smaller: Sighting
  readonly larger: Sighting
  /** RFC 6962 consistency proof that was tried; at most 63 hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[]
  /**
   * Root, 32 bytes, from which the proof does lead to the larger tree: that of its first entries, as many as the smaller
   * one has. Missing where no such root was found.
   */
  readonly prefixRoot?: Uint8Array
}

/**
 * `proven`: the log has signed two histories. `unproven`: it has signed both, and nothing here shows whether they fit.
 * `consistent`: the larger tree begins with the smaller one. `unsigned`: the log has not signed both.
 */
export type SplitViewFinding = 'proven' | 'unproven' | 'consistent' | 'unsigned'

const FORMAT = 'fiducial.dev/split-view/v1'
const CODE = 'split_view_malformed'
const LIMITS = { depth: 4, length: 3 * NOTE_LIMIT }

/** Writes the document; the inverse of {@link parseSplitView}. */
export function formatSplitView({ origin, foundAt, smaller, larger, proof, prefixRoot }: SplitView): Uint8Array {
  return encodeCanonicalJson({
    format: FORMAT,
    origin,
    foundAt: foundAt.toISOString(),
    smaller: { source: smaller.source, note: smaller.note },
    larger: { source: larger.source, note: larger.note },
    proof: proof.map(encodeBase64),
    prefixRoot: prefixRoot === undefined ? null : encodeBase64(prefixRoot),
  })
}

/**
 * Reads the document; what it shows is for {@link judgeSplitView} to say.
 * @throws {FormatError} `split_view_malformed`
 */
export function parseSplitView(bytes: Uint8Array): SplitView {
  const fields = new JsonFields(parseJson(bytes), CODE)
  fields.constant('format', FORMAT)
  const prefixRoot = fields.isNull('prefixRoot') ? fields.null('prefixRoot') : fields.base64('prefixRoot', HASH_BYTES)
  const view = {
    origin: fields.string('origin', /^[^\x00-\x1f]{1,1024}$/u),
    foundAt: fields.time('foundAt'),
    smaller: fields.object('smaller', readSighting),
    larger: fields.object('larger', readSighting),
    proof: fields.base64s('proof', PROOF_LIMIT, HASH_BYTES),
    ...(prefixRoot && { prefixRoot }),
  }
  fields.finish()
  if ([...view.proof, ...(prefixRoot ? [prefixRoot] : [])].some(({ length }) => length !== HASH_BYTES)) {
    throw new FormatError(CODE, 'not a split view: a hash of another length')
  }
  return view
}

/** What a document shows to somebody who knows the keys of the log. Cost: one check for each line of one of the keys. */
export function judgeSplitView(view: SplitView, keys: readonly VerifierKey[], crypto: Crypto): SplitViewFinding {
  const [smaller, larger] = [view.smaller, view.larger].map(({ note }) => {
    const result = verifyCheckpoint(note, keys, crypto)
    return result.state === 'valid' && result.checkpoint.origin === view.origin ? result.checkpoint : undefined
  })
  if (smaller === undefined || larger === undefined) return 'unsigned'
  if (smaller.size === larger.size) return equalBytes(smaller.root, larger.root) ? 'consistent' : 'proven'
  const { proof, prefixRoot } = view
  const claim = { firstSize: smaller.size, secondSize: larger.size, secondRoot: larger.root, proof }
  if (verifyConsistency(crypto.hash, { ...claim, firstRoot: smaller.root })) return 'consistent'
  const isProven = prefixRoot !== undefined && verifyConsistency(crypto.hash, { ...claim, firstRoot: prefixRoot })
  return isProven ? 'proven' : 'unproven'
}

/**
 * Of these keys, those that have signed both checkpoints. In a view that is proven, each of them has vouched for two
 * histories: the log, and witnesses that lie for it.
 */
export function findEquivocators(
  { smaller, larger }: SplitView,
  keys: readonly VerifierKey[],
  crypto: Crypto,
): readonly VerifierKey[] {
  const [first, second] = [smaller, larger].map(({ note }) => verifyCheckpoint(note, keys, crypto))
  if (first?.state !== 'valid' || second?.state !== 'valid') return []
  return keys.filter((key) => isSignedBy(first, key) && isSignedBy(second, key))
}

/**
 * The root from which a proof leads to the second tree, where it does not lead there from the first root.
 *
 * @returns undefined where the proof is wrong altogether, or right; and for a first tree that is complete, whose root a
 *   proof does not tell
 */
export function findPrefixRoot(hashes: HashFactory, claim: Consistency): Uint8Array | undefined {
  const { firstSize, secondSize, secondRoot, firstRoot } = claim
  if (firstSize <= 0n || firstSize >= secondSize) return undefined
  const roots = followConsistency((left, right) => hashNode(hashes, left, right), claim)
  if (roots === undefined || !equalBytes(roots.second, secondRoot)) return undefined
  return equalBytes(roots.first, firstRoot) ? undefined : roots.first
}

/** Names what a document shows, whoever found it when: 64 lower-case hexadecimal digits. */
export function splitViewId({ origin, smaller, larger, prefixRoot }: SplitView, hashes: HashFactory): string {
  const texts = [smaller, larger].map(({ note }) => parseNote(note).text)
  const parts = [FORMAT, origin, ...texts, prefixRoot === undefined ? 'unproven' : 'proven']
  return encodeHex(digestOf(hashes, 'sha256', encodeUtf8(JSON.stringify(parts))))
}

function parseJson(bytes: Uint8Array) {
  try {
    return parseCanonicalJson(bytes, LIMITS)
  } catch (cause) {
    if (cause instanceof FormatError) throw new FormatError(CODE, 'not a split view: not canonical JSON', { cause })
    throw cause
  }
}

function readSighting(fields: JsonFields): Sighting {
  return { source: fields.string('source', /^[^\x00-\x1f]{1,1024}$/u), note: fields.string('note', /^/) }
}
