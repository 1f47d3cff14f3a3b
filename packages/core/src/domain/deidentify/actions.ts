/**
 * Actions: what the profile does to an attribute.
 *
 * Source: PS3.15 table E.1-1 (profile-data.ts), with its action codes of table E.1-1a. Where a row leaves a choice by the type
 * of the attribute in its IOD, the one is taken that is right for every type: empty instead of removed, a dummy instead of empty.
 */
import { lookUp } from '../../formats/dicom/dictionary.ts'
import { isPrivateTag, type Tag } from '../../formats/dicom/element.ts'
import type { Retained } from './profile.ts'
import { CONFIDENTIALITY_TABLE } from './profile-data.ts'

/**
 * `keep`: as it is, but for what a sequence holds · `remove` · `empty`: no value · `dummy`: a value that says nothing · `uid`:
 * another UID · `shift`: dates moved.
 */
export type Action = 'keep' | 'remove' | 'empty' | 'dummy' | 'uid' | 'shift'

interface Row {
  readonly action: Action
  readonly options: string
}

const ACTIONS: Readonly<Record<string, Action>> = {
  X: 'remove',
  Z: 'empty',
  D: 'dummy',
  U: 'uid',
  'X/Z': 'empty',
  'X/D': 'dummy',
  'Z/D': 'dummy',
  'X/Z/D': 'dummy',
  // Sequences of references: what they hold is replaced, and they stay.
  'X/Z/U*': 'keep',
}

const LETTERS: Readonly<Record<Retained, string>> = {
  uids: 'u',
  device: 'd',
  institution: 'i',
  patient_characteristics: 'p',
  full_dates: 't',
  modified_dates: 't',
}

/** Not in the table, and yet nothing to hand on: what is encrypted, signed, or behind the last element. */
const REMOVED = new Set<Tag>([0x04000500, 0x04000510, 0x04000520, 0x4ffe0001, 0xfffafffa, 0xfffcfffc])

let rows: Map<string, Row> | undefined

function readRows(): Map<string, Row> {
  return new Map(
    CONFIDENTIALITY_TABLE.trim()
      .split('\n')
      .map((line) => {
        const [tag = '', action = '', options = ''] = line.split(' ')
        return [tag, { action: ACTIONS[action] ?? 'remove', options }]
      }),
  )
}

/** The row of a tag: its own, or that of its repeating group. */
function rowOf(tag: Tag): Row | undefined {
  rows ??= readRows()
  const digits = tag.toString(16).padStart(8, '0')
  const own = rows.get(digits)
  if (own !== undefined) return own
  // The table takes the data of an overlay away; what describes it would describe nothing.
  return digits.startsWith('50') || digits.startsWith('60') ? rows.get('50xxxxxx') : undefined
}

/** What is to be done with a public attribute; private ones are decided by their creators. */
export function actionOf(tag: Tag, retain: readonly Retained[]): Action {
  // Group lengths would be wrong, and no table knows what a reader of tomorrow makes of the rest.
  if ((tag & 0xffff) === 0 || REMOVED.has(tag) || isPrivateTag(tag)) return 'remove'
  const row = rowOf(tag)
  if (row === undefined) return actionWithoutRow(tag)
  const kept = retain.find((option) => row.options.includes(LETTERS[option]))
  if (kept === undefined) return row.action
  return kept === 'modified_dates' ? 'shift' : 'keep'
}

function actionWithoutRow(tag: Tag): Action {
  const entry = lookUp(tag)
  if (entry === undefined) return 'remove'
  return entry.vr === 'PN' ? 'dummy' : 'keep'
}
