/**
 * File tokens: the record of each token in a file of its own, readable by its owner only.
 *
 * A file appears whole and disappears whole, so that processes that make and revoke tokens at once need no lock.
 */
import { mkdirSync, readdirSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { decodeUtf8, encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { formatTokenRecord, parseTokenRecord, type TokenRecord } from '@fiducial/core/domain/access/token.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { formatCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import { parseJson } from '@fiducial/core/formats/json/parse.ts'
import { writeFileAtomically } from '../write-file.ts'

const PRIVATE_FOLDER = 0o700
const PRIVATE_FILE = 0o600
const NAME = /^[0-9a-f]{16}\.json$/

export class FileTokens {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** In the order in which they were made; none where there is no folder. */
  async read(): Promise<readonly TokenRecord[]> {
    const names = unlessMissing(() => readdirSync(this.#folder)) ?? []
    const records = names.filter((name) => NAME.test(name)).flatMap((name) => this.#readRecord(name) ?? [])
    return records.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
  }

  async add(record: TokenRecord): Promise<void> {
    const text = `${formatCanonicalJson(formatTokenRecord(record))}\n`
    attempt(() => mkdirSync(this.#folder, { recursive: true, mode: PRIVATE_FOLDER }))
    writeFileAtomically(this.#pathOf(record.id), [encodeUtf8(text)], { mode: PRIVATE_FILE })
  }

  async remove(id: string): Promise<boolean> {
    if (!NAME.test(`${id}.json`)) return false
    const unlink = (): true => {
      unlinkSync(this.#pathOf(id))
      return true
    }
    return attempt(() => unlessMissing(unlink) ?? false)
  }

  #pathOf(id: string): string {
    return join(this.#folder, `${id}.json`)
  }

  /** Undefined where it was revoked meanwhile. */
  #readRecord(name: string): TokenRecord | undefined {
    const bytes = unlessMissing(() => readFileSync(join(this.#folder, name)))
    if (bytes === undefined) return undefined
    try {
      const record = parseTokenRecord(parseJson(decodeUtf8(bytes)))
      if (`${record.id}.json` === name) return record
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause
      throw new FormatError('settings_malformed', 'a file of tokens holds something else', { cause })
    }
    throw new FormatError('settings_malformed', 'a file of tokens holds another one')
  }
}

function unlessMissing<T>(step: () => T): T | undefined {
  try {
    return step()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause instanceof StoreError
      ? cause
      : new StoreError('input_unreadable', 'the tokens cannot be read', { cause })
  }
}

function attempt<T>(step: () => T): T {
  try {
    return step()
  } catch (cause) {
    throw new StoreError('output_unwritable', 'the tokens cannot be changed', { cause })
  }
}
