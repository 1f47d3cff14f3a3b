/**
 * Ledger: what the reading of one file has found wrong, and what it has cost so far.
 *
 * Findings are kept, not thrown: whether to go on is for the reader's caller. Going over a limit ends the reading.
 */
import { type FormatCode, FormatError } from '../../errors.ts'
import type { Limits } from './limits.ts'

/** Something that a strict reader refuses: two readers may see two different objects. */
export interface Finding {
  readonly code: FormatCode
  /** Offset in the file; for what lies in a deflated data set, in the inflated bytes. */
  readonly offset: number
  /** Plain words with tags and lengths, never values. */
  readonly message: string
}

/** Damage can make findings without end; the first ones tell what there is to tell. */
const FINDINGS_KEPT = 1000

export class Ledger {
  readonly #limits: Limits
  readonly #findings: Finding[] = []
  #parts = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** In the order of their offsets; of more than 1000, those that were met first. */
  get findings(): readonly Finding[] {
    return this.#findings.toSorted((a, b) => a.offset - b.offset)
  }

  hasFindingFrom(offset: number): boolean {
    return this.#findings.some((finding) => finding.offset >= offset)
  }

  find(code: FormatCode, offset: number, message: string): void {
    if (this.#findings.length < FINDINGS_KEPT) this.#findings.push({ code, offset, message })
  }

  /** One more element, item or fragment. @throws {FormatError} `dicom_limit_exceeded` */
  count(offset: number): void {
    if (++this.#parts <= this.#limits.parts) return
    throw new FormatError('dicom_limit_exceeded', `more than ${this.#limits.parts} elements, items and fragments`, {
      offset,
    })
  }

  /** @throws {FormatError} `dicom_limit_exceeded` where sequences are nested too deeply */
  checkDepth(depth: number, offset: number): void {
    if (depth <= this.#limits.depth) return
    throw new FormatError('dicom_limit_exceeded', `sequences nested deeper than ${this.#limits.depth}`, { offset })
  }
}
