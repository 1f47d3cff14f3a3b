/** Gateway id: the number of a group of gateways in a database, and our words for what fails there. */
import { StoreError } from '@fiducial/core/errors.ts'
import type { PostgresDatabase } from '../../log/postgres/database.ts'

const MAKE = `
  WITH made AS (
    INSERT INTO fiducial.gateway (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id
  ) SELECT id FROM made UNION ALL SELECT id FROM fiducial.gateway WHERE name = $1 LIMIT 1`

/** A group gets a number where it has none. @throws {StoreError} as {@link inOurWords} */
export async function gatewayId(database: PostgresDatabase, name: string): Promise<number> {
  for (let round = 0; round < 2; round++) {
    const statement = { name: 'gateway_make', text: MAKE, values: [name] }
    const [row] = await inOurWords(() => database.write<{ readonly id: number }>(statement))
    // None in the first round where somebody else has made it since the statement began.
    if (row !== undefined) return row.id
  }
  throw new StoreError('spool_unwritable', 'the database gave the gateway no number')
}

/**
 * The words of a log's database as those of a gateway's.
 * @throws {StoreError} `spool_unwritable`, `service_unreachable`, `service_refused`
 */
export async function inOurWords<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    if (!(cause instanceof StoreError) || !cause.code.startsWith('log_')) throw cause
    throw new StoreError('spool_unwritable', cause.message, { cause })
  }
}
