/**
 * Terms: as rows of log_term, and as one value beside their entry.
 *
 * The numbers of the kinds stand in databases: they never change, and new kinds get new ones.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { Term, TermKind } from '../../../services/log/ports.ts'

export const KIND_NUMBERS = {
  type: 1,
  instance: 2,
  series: 3,
  study: 4,
  device: 5,
  person: 6,
  key: 7,
  digest: 8,
} as const satisfies Record<TermKind, number>

/** The value as it stands in log_term. */
export const valueBytes = ({ value }: Pick<Term, 'value'>): Buffer => Buffer.from(value, 'utf8')

/** All terms of an entry: a JSON list of kind and value by turns. */
export function encodeTerms(terms: readonly Term[]): Buffer {
  return Buffer.from(JSON.stringify(terms.flatMap(({ kind, value }) => [kind, value])), 'utf8')
}

/** The inverse of {@link encodeTerms}. @throws {StoreError} `log_corrupted` for everything else */
export function decodeTerms(bytes: Uint8Array): Term[] {
  const list = parse(bytes)
  if (list === undefined || list.length % 2 !== 0) throw malformed()
  return Array.from({ length: list.length / 2 }, (_, i) => {
    const [kind, value] = [list[2 * i], list[2 * i + 1]]
    if (!isKind(kind) || typeof value !== 'string') throw malformed()
    return { kind, value }
  })
}

function parse(bytes: Uint8Array): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isKind = (value: unknown): value is TermKind => typeof value === 'string' && Object.hasOwn(KIND_NUMBERS, value)

const malformed = (): StoreError => new StoreError('log_corrupted', 'the terms of an entry cannot be read')
