/** Stratum id: what people call the true images that others are compared with. */
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

const ID = /^[a-z0-9][a-z0-9-]{0,62}$/

/** @throws {UsageError} */
export function checkId(id: string): void {
  if (!ID.test(id))
    throw new UsageError(`--id ${visible(id)} is no name`, 'lower case, digits and hyphens, such as room-1')
}
