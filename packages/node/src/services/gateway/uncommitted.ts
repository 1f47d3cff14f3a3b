/** Uncommitted: deliveries whose destination was to commit to them and has not, such as those that a restart cut off. */
import type { InstanceStore, StoredDelivery } from './ports.ts'

/** Instances that are looked at together. */
const PAGE = 500

/**
 * Deliveries to a destination that arrived there and were never committed to, a page of instances at a time.
 *
 * @param since  of instances that were received then or later
 * @throws {StoreError} where the records cannot be read
 */
export async function* uncommittedDeliveries(
  instances: Pick<InstanceStore, 'list'>,
  destination: string,
  since: Date,
): AsyncGenerator<readonly StoredDelivery[]> {
  let after: string | undefined
  for (;;) {
    const page = await instances.list({
      destination,
      since,
      states: ['forwarding', 'done'],
      order: 'oldest_first',
      limit: PAGE,
      ...(after !== undefined && { after }),
    })
    const found = page.flatMap(({ deliveries }) =>
      deliveries.filter((one) => one.destination === destination && one.state === 'sent' && one.committedAt === null),
    )
    if (found.length > 0) yield found
    after = page.at(-1)?.id
    if (page.length < PAGE) return
  }
}
