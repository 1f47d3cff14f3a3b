/** Memory orders: observed orders of one process, for tests and gateways that keep none. */
import { keysOf, type ObservedOrder } from '@fiducial/core/domain/gateway/orders.ts'
import { ORDERS_FOUND, type OrderStore } from '../../services/gateway/ports.ts'

export class MemoryOrders implements OrderStore {
  readonly #orders = new Map<string, ObservedOrder>()

  async put(order: ObservedOrder): Promise<void> {
    this.#orders.set(order.id, order)
  }

  async get(id: string): Promise<ObservedOrder | undefined> {
    return this.#orders.get(id)
  }

  async find({ studyInstanceUid, accessionNumber }: Parameters<OrderStore['find']>[0]): Promise<ObservedOrder[]> {
    return [...this.#orders.values()]
      .filter((order) => {
        const { studies, accessionNumbers } = keysOf(order)
        const isStudy = studyInstanceUid !== null && studies.includes(studyInstanceUid)
        return isStudy || (accessionNumber !== null && accessionNumbers.includes(accessionNumber))
      })
      .sort((a, b) => Number(b.seenAt) - Number(a.seenAt))
      .slice(0, ORDERS_FOUND)
  }

  async forget(before: Date): Promise<number> {
    const old = [...this.#orders.values()].filter(({ seenAt }) => seenAt < before)
    for (const { id } of old) this.#orders.delete(id)
    return old.length
  }

  async close(): Promise<void> {}
}
