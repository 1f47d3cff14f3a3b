/** Audit cursor: how far a repository of audit messages was told, in a file that is replaced as a whole. */
import { readFileSync } from 'node:fs'
import { StoreError } from '@fiducial/core/errors.ts'
import { writeFileAtomically } from './write-file.ts'

/** Decimal, at most 19 digits, and a newline. */
const CONTENT = /^(0|[1-9]\d{0,18})\n$/

export class FileAuditCursor {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** @throws {StoreError} `log_corrupted` for a file that holds no place: from the beginning, everything would be told twice */
  async read(): Promise<bigint> {
    let text: string
    try {
      text = readFileSync(this.#path, 'latin1')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0n
      throw new StoreError('log_corrupted', 'the place up to which the audit repository was told cannot be read', {
        cause,
      })
    }
    const [, digits] = CONTENT.exec(text) ?? []
    if (digits === undefined)
      throw new StoreError('log_corrupted', 'the place up to which the audit repository was told is none')
    return BigInt(digits)
  }

  /** @throws {StoreError} `output_unwritable` */
  async write(next: bigint): Promise<void> {
    writeFileAtomically(this.#path, [Buffer.from(`${next}\n`, 'latin1')], { isOverwriting: true })
  }
}
