/** Record keys: who is certified by the site, and who no longer is, as events of its custody log. */
import { createHash } from 'node:crypto'
import type { SiteLog } from '../../services/log/site-log.ts'
import type { Holder } from '../ring.ts'

/**
 * Logs that holders were certified, and revoked where they are. What is in the log already is not logged again.
 * @throws {StoreError} what the log says
 */
export async function recordKeys(site: SiteLog, holders: readonly Holder[]): Promise<void> {
  await Promise.all(holders.map((holder) => recordHolder(site, holder)))
}

async function recordHolder(
  { recorder }: SiteLog,
  { id, name, role, certificates, revocation }: Holder,
): Promise<void> {
  const known = Object.values(certificates).filter((certificate) => certificate !== undefined)
  const [first] = known
  if (role === 'uncertified' || first === undefined) return
  const event = { instance: null, digests: null } as const
  const details = {
    holder: { id, name },
    role,
    certificates: known.map(({ bytes }) => new Uint8Array(createHash('sha256').update(bytes).digest())),
  }
  await recorder.record({
    ...event,
    type: 'key-enrolled',
    at: first.notBefore,
    details: { ...details, reason: 'enrolled' },
  })
  if (revocation === undefined) return
  const { revokedAt: at, reason } = revocation
  await recorder.record({ ...event, type: 'key-revoked', at, details: { ...details, reason: String(reason) } })
}
