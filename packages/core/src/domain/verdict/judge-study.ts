/**
 * Judge study: whether the images at hand are all that a custody log knows of a study, and no others.
 *
 * What the log knows comes from a proof of completeness that was verified. It shows what was recorded by then, and
 * nothing about images that never came to the log.
 */
import { equalBytes } from '../../bytes/text.ts'
import type { InstanceState } from '../log/map/record.ts'

/** An instance as the log has it. */
export interface ExpectedInstance {
  /** The SOP Instance UID, or what else both lists name instances by: a proof holds keys that are made of UIDs. */
  readonly name: string
  /** SHA-256 by which the log knows its newest state; null where it gives none. */
  readonly digest: Uint8Array | null
  readonly state: InstanceState
}

/** An instance at hand. */
export interface FoundInstance {
  readonly name: string
  /** Of the same kind as the log's; null where it cannot be measured, and then it counts as unchanged. */
  readonly digest: Uint8Array | null
}

export interface StudyInstances {
  /** All instances of the study that the log has a record of, each name once. */
  readonly expected: readonly ExpectedInstance[]
  readonly found: readonly FoundInstance[]
}

export interface StudyJudgement {
  /** `incomplete`: an image is missing, and nothing worse. `contradicted`: one is extra, gone by the log, or changed. */
  readonly outcome: 'complete' | 'incomplete' | 'contradicted'
  /** How many instances the study has, by the log. */
  readonly count: number
  /** Names in the log that are not at hand, ascending. */
  readonly missing: readonly string[]
  /** At hand and unknown to the log. */
  readonly extra: readonly string[]
  /** At hand, and the log says that they were erased or withdrawn. */
  readonly gone: readonly string[]
  /** At hand with another digest, be it in one of several files of that name. */
  readonly changed: readonly string[]
  /** For a person who reads nothing else. */
  readonly sentence: string
}

/** Holds the images at hand against what the log says. An image that is found twice counts once. */
export function judgeStudy({ expected, found }: StudyInstances): StudyJudgement {
  const known = new Map(expected.map((instance) => [instance.name, instance]))
  const names = new Set(found.map(({ name }) => name))
  const present = expected.filter(({ state }) => state === 'present')
  const namesOf = (test: (instance: FoundInstance, logged: ExpectedInstance | undefined) => boolean): string[] => [
    ...new Set(found.filter((instance) => test(instance, known.get(instance.name))).map(({ name }) => name)),
  ]
  const lists = {
    missing: present.map(({ name }) => name).filter((name) => !names.has(name)),
    extra: namesOf((_, logged) => logged === undefined),
    gone: namesOf((_, logged) => logged !== undefined && logged.state !== 'present'),
    changed: namesOf(({ digest }, logged) => logged?.state === 'present' && isOther(digest, logged.digest)),
  }
  for (const list of Object.values(lists)) list.sort()
  const isContradicted = lists.extra.length + lists.gone.length + lists.changed.length > 0
  const outcome = isContradicted ? 'contradicted' : lists.missing.length > 0 ? 'incomplete' : 'complete'
  const count = present.length
  return { outcome, count, ...lists, sentence: writeStudySentence(count, lists) }
}

const isOther = (a: Uint8Array | null, b: Uint8Array | null): boolean => a !== null && b !== null && !equalBytes(a, b)

type Lists = Pick<StudyJudgement, 'missing' | 'extra' | 'gone' | 'changed'>

function writeStudySentence(count: number, { missing, extra, gone, changed }: Lists): string {
  const told = [
    tell(missing.length, 'is missing here', 'are missing here'),
    tell(changed.length, 'is not as it was recorded', 'are not as they were recorded'),
    tell(extra.length, 'that it does not know is here', 'that it does not know are here'),
    tell(gone.length, 'that it says is gone is here', 'that it says are gone are here'),
  ].filter((part) => part !== undefined)
  const images = `${count} ${count === 1 ? 'image' : 'images'}`
  const start = `The log says that this study has ${images}`
  if (told.length > 0) return `${start}; ${joinWithAnd(told)}.`
  if (count === 0) return `${start}, and none is here.`
  return `${start}, and ${count === 1 ? 'it is' : count === 2 ? 'both are' : 'all are'} here.`
}

const tell = (count: number, one: string, several: string): string | undefined =>
  count === 0 ? undefined : `${count} ${count === 1 ? one : several}`

const joinWithAnd = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
