/**
 * Mark records: in a folder, a file for each record, `ID.fmr`, with the id in hexadecimal.
 *
 * A record appears whole or not at all, and is never changed.
 */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { headLength } from '@fiducial/core/domain/mark/record.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { MarkRecords } from '../../services/mark/ports.ts'
import { writeFileAtomically } from '../write-file.ts'

const NAME = /^[0-9a-f]{16}\.fmr$/
/** Holds most heads. */
const FIRST_BYTES = 4096
/** What is kept behind a head: the digest of the first plane. */
const BEHIND_BYTES = 96

/** @param folder  made when something is first stored */
export function openMarkRecords(folder: string): MarkRecords {
  // Records are never changed, so what was read of one stays true.
  const known = new Map<string, KnownHead>()
  const pathOf = (recordId: Uint8Array) => join(folder, `${encodeHex(recordId)}.fmr`)
  return {
    get: async (recordId) => readWhole(pathOf(recordId)),

    put: async (recordId, bytes) => {
      const path = pathOf(recordId)
      makeFolder(folder)
      try {
        writeFileAtomically(path, [bytes], { mode: 0o600 })
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'output_exists') throw error
        const stored = readWhole(path)
        if (stored === undefined || !equalBytes(stored, bytes))
          throw new StoreError('object_conflict', 'another record of a mark has this id', { cause: error })
      }
    },

    async *heads() {
      for (const { head } of newestFirst(folder, known)) if (head !== undefined) yield head
    },
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new StoreError('output_unwritable', 'the folder of the mark records cannot be made', { cause })
  }
}

/** The beginning of a file, and since when it is there. */
interface KnownHead {
  readonly at: number
  /** Undefined for what is no record. */
  readonly head: Uint8Array | undefined
}

function newestFirst(folder: string, known: Map<string, KnownHead>): readonly KnownHead[] {
  const names = (attempt(() => readdirSync(folder)) ?? []).filter((name) => NAME.test(name))
  for (const name of names) {
    const path = join(folder, name)
    if (!known.has(name)) known.set(name, { at: attempt(() => statSync(path))?.mtimeMs ?? 0, head: readHead(path) })
  }
  const there = names.toSorted().map((name) => known.get(name) as KnownHead)
  return there.toSorted((a, b) => b.at - a.at)
}

const readWhole = (path: string): Uint8Array | undefined => {
  const file = attempt(() => readFileSync(path))
  return file === undefined ? undefined : new Uint8Array(file)
}

/** Undefined for what is no record. */
function readHead(path: string): Uint8Array | undefined {
  const file = attempt(() => openSync(path, 'r'))
  if (file === undefined) return undefined
  try {
    const first = readBytes(file, FIRST_BYTES)
    const length = headLength(first) + BEHIND_BYTES
    // No more is kept in mind than is needed.
    return length <= first.length || first.length < FIRST_BYTES ? first.slice(0, length) : readBytes(file, length)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  } finally {
    closeSync(file)
  }
}

function readBytes(file: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  const read = attempt(() => readSync(file, bytes, 0, length, 0)) ?? 0
  return bytes.subarray(0, read)
}

/** Undefined where there is no such file. */
function attempt<T>(step: () => T): T | undefined {
  try {
    return step()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new StoreError('input_unreadable', `a mark record cannot be read (${code ?? 'unknown'})`, { cause })
  }
}
