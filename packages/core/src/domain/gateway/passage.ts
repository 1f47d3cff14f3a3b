/**
 * Passage: what is known of an instance on its way through, step by step, and what the gateway itself says to it.
 *
 * Plain values, so that they cross threads. Which route takes an instance is left to decide-route.ts.
 */
import { equalBytes } from '../../bytes/text.ts'
import type { FormatCode } from '../../errors.ts'
import type { ContentDigests, EventInstance } from '../log/event-parts.ts'
import type { RouteFacts, Standing, Trouble } from './facts.ts'
import type { InstanceState, InstanceVerdict, ReceivedInstance } from './instance.ts'

/** Which image it is: its UIDs, and its digests. */
export interface KnownImage {
  readonly instance: EventInstance
  readonly digests: ContentDigests
}

/** What could be read was looked at. */
export interface ExaminedImage {
  readonly state: 'examined'
  readonly description: KnownImage
  readonly verdict: InstanceVerdict
  /** It came with a seal, or with a signature. */
  readonly isSealed: boolean
  /** Codes of header rules, and of what advisors saw. */
  readonly flags: readonly string[]
  /** By name of the attribute path, as routes ask for them. */
  readonly attributes: RouteFacts['attributes']
  /** Whether a custody log was asked about it: it could not be, where it is `unavailable`. */
  readonly log: 'not_consulted' | 'unavailable' | 'consulted' | 'proof'
}

/** What examining an instance came to. */
export type Examination =
  | ExaminedImage
  /** Nothing that could be judged: the code of the parser. */
  | { readonly state: 'unreadable'; readonly code: FormatCode }
  /** Nobody could look: the examiner is not there. */
  | { readonly state: 'unexamined' }
  /** Each attempt killed its thread, or took too long. */
  | { readonly state: 'failed' }

/** An instance with the same SOP Instance UID that came before. */
export interface EarlierPassage {
  readonly sha256: Uint8Array
  readonly state: InstanceState
  readonly description: KnownImage | null
}

/** How an instance stands to those that came before under its UID. */
export interface Passed<Earlier extends EarlierPassage> {
  /** `unknown`: an earlier one is not judged yet. */
  readonly standing: Standing | 'unknown'
  /** Earlier ones with the same content, rejected ones left out. */
  readonly same: readonly Earlier[]
  /** The same content was rejected before. */
  readonly isRejectedBefore: boolean
}

/** Whether two files are one image: the same bytes, or every attribute and sample the same. */
function isSame(one: Omit<EarlierPassage, 'state'>, other: Omit<EarlierPassage, 'state'>): boolean {
  if (equalBytes(one.sha256, other.sha256)) return true
  const [a, b] = [one.description?.digests.dataset, other.description?.digests.dataset]
  return a != null && b != null && equalBytes(a, b)
}

/**
 * Compares an instance with those that came before it under its UID.
 *
 * What was rejected does not count as the bearer of the UID; what is still held back does. A copy that was compressed in
 * another way has other attributes, and counts as other content: nobody can tell from digests that it is the same picture
 * with the same header.
 */
export function standingOf<Earlier extends EarlierPassage>(
  instance: Omit<EarlierPassage, 'state'>,
  earlier: readonly Earlier[],
): Passed<Earlier> {
  const alike = earlier.filter((one) => isSame(instance, one))
  const same = alike.filter(({ state }) => state !== 'rejected')
  const others = earlier.filter((one) => !alike.includes(one) && one.state !== 'rejected')
  const isOpen = earlier.some(({ state }) => state === 'received')
  const standing = isOpen ? 'unknown' : same.length > 0 ? 'duplicate' : others.length > 0 ? 'uid_reused' : 'new'
  return { standing, same, isRejectedBefore: same.length === 0 && alike.length > 0 }
}

/** Codes that hold an instance back whatever its route says. */
export const ALWAYS_HELD = ['examination_failed', 'rejected_before', 'not_deliverable'] as const

/** What routes are asked with. */
export function routeFactsOf(
  { origin }: Pick<ReceivedInstance, 'origin'>,
  examination: Examination,
  {
    standing,
    isRejectedBefore,
    isLogAway,
  }: { readonly standing: Standing; readonly isRejectedBefore: boolean; readonly isLogAway: boolean },
): RouteFacts {
  const examined = examination.state === 'examined' ? examination : undefined
  return {
    origin,
    attributes: examined?.attributes ?? {},
    verdict: examined?.verdict ?? null,
    isSealed: examined?.isSealed ?? false,
    standing,
    flags: [...(examined?.flags ?? []), ...(isRejectedBefore ? ['rejected_before'] : [])],
    troubles: troublesOf(examination, isLogAway),
  }
}

function troublesOf(examination: Examination, isLogAway: boolean): readonly Trouble[] {
  const isUnasked = examination.state === 'examined' && examination.log === 'unavailable'
  const unlogged: readonly Trouble[] = isLogAway || isUnasked ? ['unlogged'] : []
  if (examination.state === 'examined') return unlogged
  return [examination.state === 'unreadable' ? 'unreadable' : 'unexamined', ...unlogged]
}
