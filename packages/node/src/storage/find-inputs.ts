/**
 * Find inputs: from what stands on a command line to the files that are meant.
 *
 * A file stands for itself; a folder for all regular files in it and below, in the order of their names; a pattern
 * for what it matches; `-` for standard input, which is kept in a private temporary file. What cannot be found or
 * entered is offered under its own name, so that opening it reports why.
 *
 * No file is judged by its name, with two exceptions: in folders and patterns names that begin with a dot are passed
 * over, and nowhere is the seal `X.fiducial.json` offered together with its file `X`, with which it is read. A DICOMDIR is
 * offered like any other file: whoever reads it knows it by its SOP Class.
 */
import {
  closeSync,
  existsSync,
  globSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve, sep } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'

/** What a seal is called: the name of its image and this. */
export const SEAL_SUFFIX = '.fiducial.json'
/** What the proof is called that an image is in a custody log (C2SP tlog-proof): the name of its image and this. */
export const PROOF_SUFFIX = '.tlog-proof'

const STANDARD_INPUT_BYTES = 2 ** 32

/** One file to read. */
export interface Input {
  /** Where it lies; for standard input, the temporary file. */
  readonly path: string
  /** The folder that was searched, so that a copy elsewhere can keep what lies below it; of a named file, its folder. */
  readonly root: string
  /** What to call it in a report: the path, or `-`. */
  readonly label: string
}

/** The files in order, found while they are asked for. Disposing of it removes what was kept of standard input. */
export interface Inputs extends AsyncIterable<Input>, Disposable {}

export interface FindOptions {
  /** Read for `-`. Default: `process.stdin`. */
  readonly standardInput?: AsyncIterable<Uint8Array>
  /** The most bytes that `-` may carry. Default: 4 GiB. */
  readonly standardInputBytes?: number
}

/**
 * Finds the files that the words of a command line stand for; each file once.
 *
 * @param words  files, folders, patterns such as `**\/*.dcm`, and `-`
 * @throws {StoreError} on iteration, for standard input alone: `input_empty`, `input_unreadable` over the limit or if it
 *   breaks off, `output_unwritable` where it cannot be kept
 */
export function findInputs(words: readonly string[], options: FindOptions = {}): Inputs {
  const spool = new Spool()
  return {
    [Symbol.asyncIterator]: () => walkWords(words, spool, options),
    [Symbol.dispose]: () => spool.remove(),
  }
}

async function* walkWords(words: readonly string[], spool: Spool, options: FindOptions): AsyncGenerator<Input> {
  const seen = new Set<string>()
  const named = new Set(words)
  for (const word of words) {
    if (isSealOf(word, (image) => named.has(image))) continue
    if (word === '-') {
      if (!spool.isFilled) yield { ...(await spool.fill(options)), label: '-' }
      continue
    }
    for (const input of walkWord(word)) {
      const path = resolve(input.path)
      if (seen.has(path)) continue
      seen.add(path)
      yield input
    }
  }
}

function* walkWord(word: string): Generator<Input> {
  const kind = kindOf(word)
  if (kind === 'folder') yield* walkFolder(word, word, new Set())
  else if (kind !== 'missing' || !isPattern(word)) yield { path: word, root: dirname(word), label: word }
  else yield* walkPattern(word)
}

function* walkPattern(pattern: string): Generator<Input> {
  const root = rootOf(pattern)
  const paths = globSync(pattern).toSorted(compare)
  if (paths.length === 0) yield { path: pattern, root, label: pattern }
  const found = new Set(paths)
  for (const path of paths) {
    const kind = kindOf(path)
    if (kind === 'folder') yield* walkFolder(path, root, new Set())
    else if (kind !== 'other' && !isSealOf(path, (image) => found.has(image) || existsSync(image)))
      yield { path, root, label: path }
  }
}

/**
 * @param entered  identities of the folders on the way and of all those walked before: a link can lead back to one
 */
function* walkFolder(folder: string, root: string, entered: Set<string>): Generator<Input> {
  let names: Set<string>
  try {
    const { dev, ino } = statSync(folder, { bigint: true })
    if (entered.has(`${dev}:${ino}`)) return
    entered.add(`${dev}:${ino}`)
    names = new Set(readdirSync(folder).toSorted(compare))
  } catch {
    // Opening it as a file tells why.
    yield { path: folder, root, label: folder }
    return
  }
  for (const name of names) {
    if (name.startsWith('.') || isSealOf(name, (image) => names.has(image))) continue
    const path = join(folder, name)
    const kind = kindOf(path)
    if (kind === 'folder') yield* walkFolder(path, root, entered)
    else if (kind !== 'other') yield { path, root, label: path }
  }
}

/** `other`: a device, pipe or socket, which has no place in an archive. */
function kindOf(path: string): 'file' | 'folder' | 'missing' | 'other' {
  try {
    const stats = statSync(path)
    return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other'
  } catch {
    return 'missing'
  }
}

/** Whether a file belongs to an image beside it: as its seal, or as its proof. */
const isSealOf = (name: string, hasImage: (image: string) => boolean): boolean =>
  [SEAL_SUFFIX, PROOF_SUFFIX].some((suffix) => name.endsWith(suffix) && hasImage(name.slice(0, -suffix.length)))

const isPattern = (word: string): boolean => /[*?[\]{}]/.test(word)

/** The part of a pattern before its first wildcard, up to a whole folder. */
function rootOf(pattern: string): string {
  const parts = pattern.split(/[\\/]/)
  const fixed = parts.slice(0, parts.findIndex(isPattern))
  return fixed.length === 0 ? '.' : fixed.join(sep) || sep
}

/** By code units: the same order on every machine. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Standard input in a file that only this user can read, in a folder of its own. */
class Spool {
  isFilled = false
  #folder: string | undefined
  readonly #onExit = (): void => this.remove()

  async fill(options: FindOptions): Promise<{ path: string; root: string }> {
    const { standardInput = process.stdin, standardInputBytes = STANDARD_INPUT_BYTES } = options
    this.isFilled = true
    const root = attempt(() => mkdtempSync(join(tmpdir(), 'fiducial-')))
    this.#folder = root
    // The end of the process is the last chance to remove what may hold a patient's image.
    process.once('exit', this.#onExit)
    const path = join(root, 'standard-input')
    const descriptor = attempt(() => openSync(path, 'wx', 0o600))
    try {
      const length = await copyInto(descriptor, standardInput, standardInputBytes)
      if (length === 0) throw new StoreError('input_empty', 'standard input is empty')
      return { path, root }
    } catch (error) {
      this.remove()
      throw error
    } finally {
      closeSync(descriptor)
    }
  }

  remove(): void {
    if (this.#folder === undefined) return
    process.off('exit', this.#onExit)
    rmSync(this.#folder, { recursive: true, force: true })
    this.#folder = undefined
  }
}

async function copyInto(descriptor: number, input: AsyncIterable<Uint8Array>, limit: number): Promise<number> {
  let length = 0
  try {
    for await (const piece of input) {
      length += piece.length
      if (length > limit) throw new StoreError('input_unreadable', `standard input carries more than ${limit} bytes`)
      writeAll(descriptor, piece)
    }
  } catch (cause) {
    throw cause instanceof StoreError
      ? cause
      : new StoreError('input_unreadable', 'standard input broke off', { cause })
  }
  return length
}

function writeAll(descriptor: number, piece: Uint8Array): void {
  for (let taken = 0; taken < piece.length; ) {
    const from = taken
    taken += attempt(() => writeSync(descriptor, piece, from))
  }
}

function attempt<T>(step: () => T): T {
  try {
    return step()
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    throw new StoreError('output_unwritable', `standard input cannot be kept in a temporary file (${code})`, { cause })
  }
}
