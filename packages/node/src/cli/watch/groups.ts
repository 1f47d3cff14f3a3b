/**
 * Groups: which images are of one patient, so that nobody is judged by a model that has seen him.
 *
 * A table says it, or Patient ID, or, of pictures, the name of the file up to its first `_`; a picture without one stands for itself.
 */
import { basename, dirname } from 'node:path'
import { FormatError } from '@fiducial/core/errors.ts'

/** Patients by the ends of paths. */
export type Groups = ReadonlyMap<string, string>

const LEAST = 2
const GROUP_COLUMNS = ['patient_or_group', 'patient', 'group']

/**
 * Reads a table with a column `path` and one of `patient_or_group`, `patient`, `group`; comma separated, fields may be quoted.
 * @throws {FormatError} `watch_groups_malformed`
 */
export function parseGroups(text: string): Groups {
  const [head, ...rows] = text.split(/\r?\n/).filter((line) => line !== '')
  const columns = head === undefined ? [] : cutRow(head)
  const path = columns.indexOf('path')
  const group = columns.findIndex((name) => GROUP_COLUMNS.includes(name))
  if (path < 0 || group < 0)
    throw new FormatError('watch_groups_malformed', 'the table has no columns path and patient')
  const groups = new Map<string, string>()
  for (const row of rows) {
    const cells = cutRow(row)
    const [name, patient] = [cells[path], cells[group]]
    if (name !== undefined && patient !== undefined && patient !== '') groups.set(endOf(name), patient)
  }
  return groups
}

/** The patient of an image, or what stands for one. @param patient  by its header */
export function groupOf(path: string, patient: string | null, groups?: Groups): string {
  const told = groups?.get(endOf(path))
  if (told !== undefined) return told
  if (patient !== null) return patient
  const name = basename(path)
  const cut = name.indexOf('_')
  return cut > 0 ? name.slice(0, cut) : name
}

/** Where an image is from, for comparisons: the name of its folder. */
export const sourceOf = (path: string): string => basename(dirname(path))

/** The last names of a path: enough to tell images apart, and the same wherever the folder lies. */
const endOf = (path: string): string =>
  path
    .split('/')
    .slice(-LEAST - 1)
    .join('/')

function cutRow(row: string): readonly string[] {
  const cells: string[] = []
  for (const [, quoted, plain] of row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    cells.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'))
  }
  return cells
}
