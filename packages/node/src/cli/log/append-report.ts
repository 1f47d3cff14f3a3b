/** Append report: a line for each event that was recorded, or could not be, and what it adds up to. */

import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { hashLeaf } from '@fiducial/core/formats/merkle/tree.ts'
import type { Receipt } from '../../services/log/receipt.ts'
import type { Context } from '../context.ts'
import { type Failure, nameInput, showDetail } from '../failure.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import type { Item } from './append-items.ts'

/** An event that has its place. */
export interface Appended {
  readonly item: Item
  readonly receipt: Receipt
}

const HASH_COLUMNS = 16
const INDEX_COLUMNS = 8
const TYPE_COLUMNS = 18

export class AppendReport {
  passedOver = 0
  readonly #context: Context
  readonly #hashes: HashFactory
  readonly #counts = { appended: 0, already: 0, failed: 0 }

  constructor(context: Context, hashes: HashFactory) {
    this.#context = context
    this.#hashes = hashes
  }

  /** Whether there was nothing to record. */
  get isEmpty(): boolean {
    return Object.values(this.#counts).every((count) => count === 0)
  }

  show({ item: { label, type }, receipt: { index, isNew, leaf } }: Appended): void {
    const { output } = this.#context
    const { style } = output
    const state = isNew ? 'appended' : 'already'
    this.#counts[state]++
    const leafHash = encodeHex(hashLeaf(this.#hashes, leaf))
    output.record({ ...(label !== '' && { path: label }), state, type, index: String(index), leafHash })
    const name = label === '' ? '' : `  ${visible(label)}`
    const place = `${String(index).padEnd(INDEX_COLUMNS)}  ${type.padEnd(TYPE_COLUMNS)}  ${leafHash.slice(0, HASH_COLUMNS)}…`
    output.line(isNew ? `${style.green('✔ entry')}    ${place}${name}` : style.dim(`– already  ${place}${name}`))
  }

  fail(label: string, failure: Failure): void {
    const { output, terminal } = this.#context
    this.#counts.failed++
    const { code, message, hint } = failure
    output.record({
      ...(label !== '' && { path: label }),
      state: 'failed',
      error: { code, message, ...(hint !== undefined && { hint }) },
    })
    const named = label === '' ? failure : nameInput(label, failure)
    output.line(`${output.style.red('! not recorded')}  ${named.message} (${code})`)
    if (hint !== undefined && this.#counts.failed === 1) output.line(`    ${hint}`)
    showDetail(failure, output, terminal)
  }

  summarize(origin: string): void {
    const { appended, already, failed } = this.#counts
    const parts = [
      `${counted(appended, 'event')} recorded in ${visible(origin)}`,
      ...(already > 0 ? [`${already} there already`] : []),
      ...(failed > 0 ? [`${failed} not recorded`] : []),
      ...(this.passedOver > 0 ? [`${counted(this.passedOver, 'other file')} passed over`] : []),
    ]
    this.#context.output.line(parts.join(', '))
  }
}
