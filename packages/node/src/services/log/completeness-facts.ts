/**
 * Completeness facts: reads from a statement of the log what it says about instances.
 */
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { factsOfEvent, factsOfInstance } from '@fiducial/core/domain/log/map/event-facts.ts'
import type { EntryFacts } from '@fiducial/core/domain/log/map/facts.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'

/**
 * Facts of one statement, at most one.
 * @throws {FormatError} for what is no statement of this log, as `parseEventStatement` and `parseStatement` do
 */
export function factsOfStatement(payload: Uint8Array): readonly EntryFacts[] {
  const statement = parseEventStatement(payload)
  if (statement.type !== 'acquired') return factsOfEvent(statement)
  const { instance, dataset, file } = parseStatement(payload)
  return factsOfInstance(statement.type, instance, { dataset, file })
}
