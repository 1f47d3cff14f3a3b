/**
 * Sweep rows: examinations and findings as JSON in a row, and back.
 *
 * What stands in columns of its own may have changed there since: the columns count.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { DatedFinding, Examined } from '../../services/audit/ports.ts'

type Row = Readonly<Record<string, unknown>>

export const writeExamined = ({ findings: _, ...examined }: Examined): string => JSON.stringify(examined)

/** Null where the instance could not be read. @throws {StoreError} `sweep_corrupted` */
export function readExamined(text: unknown, { findings, standing, first_entry }: Row): Examined | null {
  if (typeof text !== 'string') return null
  const stored = parse(text) as Omit<Examined, 'findings'>
  return {
    ...stored,
    findings: readFindings(findings).map(({ foundIn: _, ...finding }) => finding),
    standing: standing as Examined['standing'],
    firstEntry: first_entry === null ? null : String(first_entry),
    nextLookAt: stored.nextLookAt === null ? null : new Date(stored.nextLookAt),
  }
}

/** @throws {StoreError} `sweep_corrupted` */
export const readFindings = (text: unknown): readonly DatedFinding[] => parse(String(text)) as readonly DatedFinding[]

/** Written by ourselves: what is no JSON was damaged since. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new StoreError('sweep_corrupted', 'a row of the memory of sweeps is damaged', { cause })
  }
}
