/**
 * Quarantine: lets an instance out by two persons, or takes it out for good by one.
 *
 * What was held back is no part of the archive; that it came is logged when it is released.
 */
import { formatGatewayEvent, type GatewayEvent } from '@fiducial/core/domain/gateway/gateway-events.ts'
import { receivedNews, unreadImage } from '@fiducial/core/domain/gateway/judgement.ts'
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { imageOf } from './forwarding.ts'
import type { Observe } from './observation.ts'
import type { InstanceStore, PendingEvent, Spool, StoredInstance } from './ports.ts'

export interface QuarantineOptions {
  readonly store: InstanceStore
  readonly spool: Spool
  readonly now: () => Date
  readonly observe: Observe
  /** Called where there is something to send, to judge or to log. */
  readonly onChange: () => void
}

export class Quarantine {
  readonly #options: QuarantineOptions

  constructor(options: QuarantineOptions) {
    this.#options = options
  }

  /**
   * Asks for a release, or confirms what somebody else has asked for.
   * @param reason  1 to 256 characters, for the log; of who confirms
   * @throws {StoreError} `instance_missing`, `instance_moved`; `approval_missing` where the same person asked
   */
  async release(id: string, by: Party, reason: string): Promise<'asked' | 'released'> {
    const { store, now, observe, onChange } = this.#options
    const instance = await this.#find(id)
    const { releaseAskedBy } = instance
    if (releaseAskedBy === null) {
      await store.askRelease(id, by)
      return 'asked'
    }
    if (releaseAskedBy.id === by.id) throw new StoreError('approval_missing', 'a release needs another person')
    const at = now()
    await store.release(
      id,
      by,
      at,
      releaseEvents(instance, { releasedBy: releaseAskedBy, confirmedBy: by, reason }, at),
    )
    observe({ kind: 'released', id })
    onChange()
    return 'released'
  }

  /**
   * Takes an instance out of quarantine for good.
   * @param reason  for the log, which names it with the person
   * @throws {StoreError} `instance_missing`, `instance_moved`
   */
  async reject(id: string, by: Party, reason: string): Promise<void> {
    const { store, now, observe, onChange } = this.#options
    const instance = await this.#find(id)
    const at = now()
    const news = { type: 'flagged', details: { by: wordsOf(by, reason), reasons: ['rejected'] } } as const
    await store.reject(id, at, [write({ ...whatIsHeld(instance), at, news })])
    observe({ kind: 'rejected', id })
    onChange()
  }

  /** Has an instance judged anew, by the routes that are in force now. @throws {StoreError} as {@link reject} */
  async reexamine(id: string): Promise<void> {
    const { store, spool, observe, onChange } = this.#options
    const { otherKeys } = await this.#find(id)
    await store.reexamine(id)
    for (const key of otherKeys) await spool.remove(key)
    observe({ kind: 'reexamined', id })
    onChange()
  }

  async #find(id: string): Promise<StoredInstance> {
    const instance = await this.#options.store.get(id)
    if (instance === undefined) throw new StoreError('instance_missing', 'there is no such instance')
    if (instance.state !== 'quarantined') throw new StoreError('instance_moved', 'it is not in quarantine')
    return instance
  }
}

function releaseEvents(
  instance: StoredInstance,
  details: { readonly releasedBy: Party; readonly confirmedBy: Party; readonly reason: string },
  at: Date,
): readonly PendingEvent[] {
  const image = whatIsHeld(instance)
  const released: GatewayEvent = { ...image, at, news: { type: 'released', details } }
  // Without a destination it enters nothing.
  if (instance.deliveries.length === 0) return [write(released)]
  const received: GatewayEvent = { ...image, at: instance.receivedAt, news: receivedNews(instance) }
  const made = [...new Map(instance.deliveries.map((delivery) => [delivery.spoolKey, delivery])).values()]
  const derived = made
    .filter(({ spoolKey }) => instance.otherKeys.includes(spoolKey))
    .map((delivery): GatewayEvent => {
      const { sopInstanceUid, transferSyntaxUid } = image.instance
      const source = { sopInstanceUid, transferSyntaxUid, digests: image.digests }
      const type = delivery.sopInstanceUid === sopInstanceUid ? 'transcoded' : 'derived'
      const news = { type, details: { source, method: 'gateway_copy', software: null } } as const
      return { ...imageOf(instance, delivery), at, news }
    })
  return [received, ...derived, released].map(write)
}

const whatIsHeld = (instance: StoredInstance) => instance.description ?? unreadImage(instance)
const write = (event: GatewayEvent): PendingEvent => ({ news: formatGatewayEvent(event) })
/** An event says who raised it in a text of at most 256 characters. */
const wordsOf = ({ id, name }: Party, reason: string): string => `${id} (${name}): ${reason}`.slice(0, 256)
