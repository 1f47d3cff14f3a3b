/**
 * Facts: what is known of an instance when its route is chosen. Plain values, so that they cross threads.
 */
import type { InstanceVerdict } from './instance.ts'
import type { Origin } from './origin.ts'

export const STANDINGS = ['new', 'duplicate', 'uid_reused'] as const
/**
 * `new`: no instance of this UID was here before · `duplicate`: one with the same bytes was · `uid_reused`: one with other
 * bytes was.
 */
export type Standing = (typeof STANDINGS)[number]

export const TROUBLES = [
  'undetermined',
  'unexamined',
  'unlogged',
  'unreadable',
  'seal_failed',
  'transcode_failed',
  'deidentify_failed',
] as const
/**
 * What keeps an instance from the straight way, without being evidence against it.
 *
 * `undetermined`: nobody can say whether it is authentic · `unexamined`: examining it failed, or took too long ·
 * `unlogged`: the custody log could not be asked · `unreadable`: it is no DICOM that could be judged · `seal_failed`: it could not be sealed at the gateway ·
 * `transcode_failed`: it could not be transcoded without a change of its pixels · `deidentify_failed`: a copy without names could
 * not be made. Nobody gets one with names instead: whoever fails open lets the other destinations have theirs.
 */
export type Trouble = (typeof TROUBLES)[number]

export interface RouteFacts {
  readonly origin: Origin
  /** By the names of `attributesAsked`: the values, or undefined where the file has no such attribute. */
  readonly attributes: Readonly<Record<string, readonly string[] | undefined>>
  /** Null where it was not examined. */
  readonly verdict: InstanceVerdict | null
  /** It came with a seal or a signature of its device. */
  readonly isSealed: boolean
  readonly standing: Standing
  /** Codes that header rules and other watchers raised. */
  readonly flags: readonly string[]
  /** What was met until now; what is met later is asked of `onTrouble`. */
  readonly troubles: readonly Trouble[]
}
