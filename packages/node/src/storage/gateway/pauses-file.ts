/** Pauses file: which destinations somebody has held back, so that a gateway that starts again does not send to them. */
import { existsSync, readFileSync } from 'node:fs'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Pauses } from '../../services/gateway/ports.ts'
import { writeFileAtomically } from '../write-file.ts'

const PRIVATE_FILE = 0o600

/** @throws {StoreError} `input_unreadable` for a file that is not ours; also `keep`: `output_unwritable` */
export function openPauses(path: string): Pauses {
  return {
    names: new Set(existsSync(path) ? read(path) : []),
    keep(names) {
      const bytes = Buffer.from(`${JSON.stringify([...names].sort())}\n`)
      writeFileAtomically(path, [bytes], { isOverwriting: true, mode: PRIVATE_FILE })
    },
  }
}

function read(path: string): readonly string[] {
  const names = parse(readFileSync(path, 'utf8'))
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw new StoreError('input_unreadable', 'the file of destinations that are held back cannot be read')
  return names
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
