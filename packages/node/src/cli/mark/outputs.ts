/** Outputs: where what is made of an input goes, so that nothing lands on an original or on another output. */
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import type { Input } from '../adapters.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

export class Outputs {
  /** As it was typed. */
  readonly #folder: string
  readonly #realFolder: string
  /** Which input has claimed an output. */
  readonly #claims = new Map<string, string>()

  constructor(folder: string) {
    this.#folder = folder
    this.#realFolder = realOf(folder)
  }

  /** Whether a file that was found is to be worked on: what was made before may lie below what is searched. */
  accepts(input: Input, words: readonly string[]): boolean {
    if (words.includes(input.label)) return true
    const real = realOf(input.path)
    return real !== this.#realFolder && !real.startsWith(this.#realFolder + sep)
  }

  /** The file in the output folder that belongs to an input. @throws {UsageError} where it is one already */
  pathFor(input: Input, suffix = ''): string {
    const name = input.label === '-' ? 'standard-input' : relative(input.root, input.path)
    const path = join(this.#folder, `${name}${suffix}`)
    if (realOf(path) === realOf(input.path))
      throw new UsageError(
        '--out is the folder that the image lies in',
        'give another folder: originals are never changed',
      )
    const other = this.#claims.get(path)
    if (other !== undefined && other !== input.label)
      throw new UsageError(
        `${visible(other)} and ${visible(input.label)} would become the same file`,
        'write them into different folders',
      )
    this.#claims.set(path, input.label)
    return path
  }
}

/** The path without links, as far as it exists. */
function realOf(path: string): string {
  const absolute = resolve(path)
  if (existsSync(absolute)) return realpathSync(absolute)
  const parent = dirname(absolute)
  return parent === absolute ? absolute : join(realOf(parent), basename(absolute))
}
