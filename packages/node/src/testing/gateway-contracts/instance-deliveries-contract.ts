/** Contract of deliveries: each to one sender at a time, in the order of its key, until it is sent or given up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { InstanceStore, StoredDelivery } from '../../services/gateway/ports.ts'
import { type Harness, outcomes, storeError } from '../log-contracts/harness.ts'
import { copyTo, idOf, judged, keyOf, lease, minute, news, received } from './made-up.ts'

const OWNER = 'gateway-1'
const OTHER = 'gateway-2'
const numbers = (deliveries: readonly StoredDelivery[]): number[] =>
  deliveries.map(({ instanceId }) => Number(instanceId.slice(5)))

export function instanceDeliveriesContract(name: string, { fresh, reopen }: Harness<InstanceStore>): void {
  describe(`instance store contract, deliveries: ${name}`, () => {
    it('hands out copies of one order together, in their order, to one sender', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2, 3])
      const claimed = await store.claimDeliveries('PACS', lease(10))
      assert.deepEqual(numbers(claimed), [1, 2, 3])
      const { id, ...first } = claimed[0] as StoredDelivery
      assert.deepEqual(first, {
        ...copyTo('PACS', 1),
        instanceId: idOf(1),
        orderKey: 'study-1',
        state: 'waiting',
        attempts: 0,
        dueAt: minute(5),
        lastError: null,
        sentAt: null,
        committedAt: null,
      })
      for (const owner of [OWNER, OTHER])
        assert.deepEqual(await store.claimDeliveries('PACS', lease(10, { owner })), [])
      assert.deepEqual(numbers(await store.claimDeliveries('PACS', lease(11, { owner: OTHER }))), [1, 2, 3])
    })

    it('hands out no later copy while an earlier one is with a sender', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2, 3, 4])
      const [first, second] = await store.claimDeliveries('PACS', lease(10, { limit: 2 }))
      assert.deepEqual(await store.claimDeliveries('PACS', lease(10)), [])
      await store.sent(first?.id ?? '', OWNER, minute(10), [])
      assert.deepEqual(await store.claimDeliveries('PACS', lease(10)), [])
      await store.sent(second?.id ?? '', OWNER, minute(10), [])
      assert.deepEqual(numbers(await store.claimDeliveries('PACS', lease(10))), [3, 4])
    })

    it('holds copies back behind an earlier instance that is not judged', async (t) => {
      const store = await fresh(t)
      for (const n of [1, 2, 3]) await store.accept(received(n), [])
      await store.claimReceived(lease(3))
      for (const n of [1, 3]) await store.judge(idOf(n), OWNER, toPacs(n), minute(5))
      const claimed = await store.claimDeliveries('PACS', lease(5))
      assert.deepEqual(numbers(claimed), [1])
      await store.sent(claimed[0]?.id ?? '', OWNER, minute(5), [])
      assert.deepEqual(await store.claimDeliveries('PACS', lease(5)), [])
      await store.judge(idOf(2), OWNER, toPacs(2), minute(6))
      assert.deepEqual(numbers(await store.claimDeliveries('PACS', lease(6))), [2, 3])
    })

    it('holds nothing back behind one in quarantine, one that was given up, or one that goes elsewhere', async (t) => {
      const store = await fresh(t)
      for (const n of [1, 2, 3, 4]) await store.accept(received(n), [])
      await store.claimReceived(lease(4))
      await store.judge(idOf(1), OWNER, { ...toPacs(1), state: 'quarantined' }, minute(5))
      await store.judge(idOf(2), OWNER, judged({ deliveries: [copyTo('VNA', 2)] }), minute(5))
      await store.judge(idOf(3), OWNER, toPacs(3), minute(5))
      const [third] = await store.claimDeliveries('PACS', lease(5))
      await store.failed(third?.id ?? '', OWNER, 'peer_refused', null)
      await store.judge(idOf(4), OWNER, toPacs(4), minute(5))
      assert.deepEqual(numbers(await store.claimDeliveries('PACS', lease(5))), [4])
    })

    it('keeps orders apart: one that waits holds back no other one', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2], { orderKey: 'a' })
      await forward(store, [3, 4], { orderKey: 'b' })
      await store.accept(received(5, { orderKey: 'c' }), [])
      await forward(store, [6], { orderKey: 'c' })
      const [first] = await store.claimDeliveries('PACS', lease(10, { limit: 1 }))
      await store.failed(first?.id ?? '', OWNER, 'peer_timeout', minute(20))
      assert.deepEqual(numbers(await store.claimDeliveries('PACS', lease(10))), [3, 4])
      assert.deepEqual(await store.claimDeliveries('PACS', lease(10)), [], 'one waits for its time, one is not judged')
      const again = await store.claimDeliveries('PACS', lease(20, { owner: OTHER, limit: 1 }))
      assert.equal(again.length, 1)
    })

    it('keeps the order of each destination by itself', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2], {}, ['PACS', 'VNA'])
      assert.deepEqual(await store.waitingDestinations(), ['PACS', 'VNA'])
      const pacs = await store.claimDeliveries('PACS', lease(10))
      await store.failed(pacs[0]?.id ?? '', OWNER, 'peer_timeout', minute(90))
      const vna = await store.claimDeliveries('VNA', lease(10))
      assert.deepEqual(numbers(vna), [1, 2])
      for (const { id } of vna) await store.sent(id, OWNER, minute(11), [])
      assert.deepEqual(await store.waitingDestinations(), ['PACS'])
      assert.deepEqual(await store.claimDeliveries('elsewhere', lease(10)), [])
      assert.equal((await store.get(idOf(1)))?.state, 'forwarding')
    })

    it('waits with all later ones while the first of them is to be tried again', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2])
      const [first, second] = await store.claimDeliveries('PACS', lease(10))
      await store.failed(first?.id ?? '', OWNER, 'peer_timeout', minute(30))
      await store.failed(second?.id ?? '', OWNER, 'instance_moved', minute(10))
      assert.deepEqual(await store.claimDeliveries('PACS', lease(29)), [])
      const again = await store.claimDeliveries('PACS', lease(30))
      assert.deepEqual(numbers(again), [1, 2])
      assert.deepEqual([again[0]?.attempts, again[0]?.lastError, again[0]?.dueAt], [1, 'peer_timeout', minute(30)])
    })

    it('says of each copy once that it is sent, and is done with the last', async (t) => {
      const store = await fresh(t)
      await forward(store, [1], {}, ['PACS', 'VNA'])
      const [pacs] = await store.claimDeliveries('PACS', lease(10))
      const [vna] = await store.claimDeliveries('VNA', lease(10))
      const results = await outcomes(
        [1, 2, 3].map(() => store.sent(pacs?.id ?? '', OWNER, minute(11), [news('to PACS')])),
      )
      assert.equal(results.kept, 1)
      for (const error of results.errors) storeError('instance_moved')(error)
      assert.equal((await store.get(idOf(1)))?.state, 'forwarding')
      await store.sent(vna?.id ?? '', OWNER, minute(12), [news('to VNA')])
      const found = await store.get(idOf(1))
      assert.deepEqual([found?.state, found?.doneAt], ['done', minute(12)])
      assert.deepEqual(
        found?.deliveries.map(({ state, sentAt }) => [state, sentAt]),
        [
          ['sent', minute(11)],
          ['sent', minute(12)],
        ],
      )
      assert.deepEqual(
        (await store.pendingEvents(10)).map((event) => event.news),
        [news('to PACS').news, news('to VNA').news],
      )
    })

    it('listens to the holder of the lease alone', async (t) => {
      const store = await fresh(t)
      await forward(store, [1])
      const [delivery] = await store.claimDeliveries('PACS', lease(10))
      const id = delivery?.id ?? ''
      await assert.rejects(store.sent(id, OTHER, minute(10), [news('x')]), storeError('instance_moved'))
      await assert.rejects(store.failed(id, OTHER, 'peer_timeout', null), storeError('instance_moved'))
      await store.claimDeliveries('PACS', lease(11, { owner: OTHER }))
      await assert.rejects(store.sent(id, OWNER, minute(11), [news('x')]), storeError('instance_moved'))
      await assert.rejects(store.failed(id, OWNER, 'peer_timeout', null), storeError('instance_moved'))
      await store.giveBack([id], OWNER)
      assert.deepEqual(await store.claimDeliveries('PACS', lease(11)), [], 'it is with the other one')
      await store.sent(id, OTHER, minute(11), [])
      for (const missing of ['0', '999999', '', 'x', '1e3']) {
        await assert.rejects(store.sent(missing, OTHER, minute(11), [news('x')]), storeError('instance_moved'))
      }
      assert.deepEqual(await store.pendingEvents(10), [])
    })

    it('takes copies back that were not begun', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2])
      const claimed = await store.claimDeliveries('PACS', lease(10))
      await store.giveBack([...claimed.map(({ id }) => id), '999'], OWNER)
      assert.deepEqual(await store.claimDeliveries('PACS', lease(10, { owner: OTHER })), claimed)
    })

    it('gives up, and goes on when somebody revives it', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2])
      await forward(store, [3], { orderKey: 'b' }, ['VNA'])
      for (const destination of ['PACS', 'VNA']) {
        for (const { id } of await store.claimDeliveries(destination, lease(10))) {
          await store.failed(id, OWNER, 'peer_refused', null)
        }
      }
      assert.deepEqual(await store.waitingDestinations(), [])
      assert.deepEqual(await store.claimDeliveries('PACS', lease(99)), [])
      const found = await store.get(idOf(1))
      assert.deepEqual([found?.state, found?.deliveries[0]?.state], ['forwarding', 'dead'])
      assert.equal(await store.revive({ instanceId: idOf(2) }, minute(40)), 1)
      assert.equal(await store.revive({ instanceId: idOf(2) }, minute(40)), 0)
      assert.equal(await store.revive({ destination: 'PACS' }, minute(41)), 1)
      assert.equal(await store.revive({ destination: 'elsewhere' }, minute(41)), 0)
      assert.deepEqual(await store.claimDeliveries('PACS', lease(40)), [], 'the first is not due')
      const again = await store.claimDeliveries('PACS', lease(41))
      assert.deepEqual(numbers(again), [1, 2])
      assert.deepEqual([again[0]?.attempts, again[0]?.lastError], [0, 'peer_refused'])
      for (const { id } of again) await store.sent(id, OWNER, minute(42), [])
      const { states, deliveries } = await store.counts()
      assert.deepEqual([states.done, deliveries.sent, deliveries.dead], [2, 2, 1])
    })

    it('remembers what a destination committed to keep, and when first', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2])
      const [one, two] = await store.claimDeliveries('PACS', lease(10))
      await store.sent(one?.id ?? '', OWNER, minute(10), [])
      await store.committed([one?.id ?? '', '999'], minute(20))
      await store.committed([one?.id ?? '', two?.id ?? ''], minute(21))
      const found = await Promise.all([1, 2].map((n) => store.get(idOf(n))))
      assert.deepEqual(
        found.map((instance) => instance?.deliveries[0]?.committedAt),
        [minute(20), minute(21)],
      )
    })

    it('sends again what a destination has lost, and waits as after any failure', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2, 3], {}, ['PACS', 'VNA'])
      const copies = await sendAll(store, 'PACS', 10)
      await sendAll(store, 'VNA', 10)
      assert.equal((await store.counts()).states.done, 3)
      const lost = copies.slice(0, 2).map(({ id }) => id)
      const again = await store.resend([...lost, '999', 'x'], { ...LOSS, at: minute(20) })
      assert.deepEqual(
        again.toSorted((a, b) => (a.instanceId < b.instanceId ? -1 : 1)),
        lost.map((id, i) => ({ id, instanceId: idOf(i + 1), isDead: false })),
      )
      const first = await store.get(idOf(1))
      assert.deepEqual([first?.state, first?.doneAt], ['forwarding', null])
      assert.deepEqual(
        first?.deliveries.map(({ state, attempts, dueAt, lastError, sentAt }) => [
          ...[state, attempts, dueAt, lastError, sentAt],
        ]),
        [
          ['waiting', 1, minute(21), 'copy_lost', null],
          ['sent', 0, minute(5), null, minute(10)],
        ],
      )
      const { states, deliveries, destinations } = await store.counts()
      assert.deepEqual([states.forwarding, states.done, deliveries.waiting, deliveries.sent], [2, 1, 2, 4])
      assert.deepEqual(destinations, { PACS: { waiting: 2, dead: 0 } })
      assert.deepEqual(await store.expired(minute(99), 10), [{ id: idOf(3), keys: [keyOf(3)] }])
      assert.deepEqual(await store.claimDeliveries('PACS', lease(20)), [], 'it waits')
      assert.deepEqual(numbers(await store.claimDeliveries('PACS', lease(21))), [1, 2])
      for (const id of lost) await store.sent(id, OWNER, minute(22), [news(id)])
      const found = await store.get(idOf(1))
      assert.deepEqual([found?.state, found?.doneAt, found?.deliveries[0]?.attempts], ['done', minute(22), 1])
      assert.equal((await store.pendingEvents(10)).length, 2)
    })

    it('gives up what a destination loses each time, until somebody revives it', async (t) => {
      const store = await fresh(t)
      await forward(store, [1])
      const [copy] = await sendAll(store, 'PACS', 10)
      const ids = [copy?.id ?? '']
      for (const [i, wait] of [1, 5].entries()) {
        const at = 20 + 10 * i
        assert.deepEqual(
          (await store.resend(ids, { ...LOSS, at: minute(at) })).map(({ isDead }) => isDead),
          [false],
        )
        assert.deepEqual((await store.counts()).oldestDueAt, minute(at + wait))
        await sendAll(store, 'PACS', at + wait)
      }
      const lost = await store.resend(ids, { ...LOSS, at: minute(40) })
      assert.deepEqual(lost, [{ id: ids[0], instanceId: idOf(1), isDead: true }])
      const found = await store.get(idOf(1))
      assert.deepEqual([found?.state, found?.doneAt], ['forwarding', null])
      assert.deepEqual(
        found?.deliveries.map(({ state, attempts, lastError }) => [state, attempts, lastError]),
        [['dead', 3, 'copy_lost']],
      )
      assert.deepEqual((await store.counts()).destinations, { PACS: { waiting: 0, dead: 1 } })
      assert.deepEqual(await store.waitingDestinations(), [])
      assert.equal(await store.revive({ destination: 'PACS' }, minute(50)), 1)
      const [revived] = await sendAll(store, 'PACS', 50)
      assert.equal(revived?.attempts, 0)
      assert.equal((await store.get(idOf(1)))?.state, 'done')
    })

    it('sends nothing again that was committed to, is not sent, or has no file any more', async (t) => {
      const store = await fresh(t)
      await forward(store, [1, 2], { orderKey: 'a' })
      await forward(store, [3], { orderKey: 'b' })
      const copies = await store.claimDeliveries('PACS', lease(10))
      for (const { id } of copies.slice(0, 2)) await store.sent(id, OWNER, minute(10), [])
      await store.committed([copies[0]?.id ?? ''], minute(11))
      await store.forgotten([idOf(2)])
      const before = await store.counts()
      const ids = copies.map(({ id }) => id)
      assert.deepEqual(await store.resend(ids, { ...LOSS, at: minute(20) }), [])
      assert.deepEqual(await store.resend([], { ...LOSS, at: minute(20) }), [])
      assert.deepEqual(await store.counts(), before)
      assert.equal((await store.get(idOf(2)))?.state, 'done')
      await store.sent(copies[2]?.id ?? '', OWNER, minute(21), [])
    })

    it('keeps the files of what is sent again', async (t) => {
      const store = await fresh(t)
      await forward(store, [1])
      const [copy] = await sendAll(store, 'PACS', 10)
      assert.equal((await store.expired(minute(15), 10)).length, 1)
      await store.resend([copy?.id ?? ''], { ...LOSS, at: minute(20) })
      await store.forgotten([idOf(1)])
      assert.equal(await store.knowsKey(keyOf(1)), true)
      assert.equal(await store.purge(minute(99), 10), 0)
    })

    it('counts a loss once of which several are told, while other copies of the images arrive', async (t) => {
      const store = await fresh(t)
      const other = await reopen(store, t)
      const all = [1, 2, 3, 4]
      await forward(store, all, {}, ['PACS', 'VNA'])
      const ids = (await sendAll(store, 'PACS', 10)).map(({ id }) => id)
      const vna = await store.claimDeliveries('VNA', lease(10))
      const loss = { ...LOSS, at: minute(20) }
      const [first, second, third] = await Promise.all([
        store.resend(ids, loss),
        other.resend(ids.toReversed(), loss),
        store.resend(ids.slice(1), loss),
        ...vna.map(({ id }) => other.sent(id, OWNER, minute(21), [])),
      ])
      assert.equal(first.length + second.length + third.length, 4)
      const { states, deliveries } = await store.counts()
      assert.deepEqual([states.forwarding, states.done, deliveries.waiting, deliveries.sent], [4, 0, 4, 4])
      assert.deepEqual(numbers(await sendAll(other, 'PACS', 22)), all)
      assert.equal((await store.counts()).states.done, 4)
    })

    it('gives each copy to one of many who claim at the same time, and never breaks an order', async (t) => {
      const store = await fresh(t)
      const other = await reopen(store, t)
      const keys = ['a', 'b', 'c', 'd', 'e', 'f']
      for (let n = 1; n <= 36; n++) await store.accept(received(n, { orderKey: keys[n % 6] as string }), [])
      await store.claimReceived(lease(36))
      for (let n = 1; n <= 36; n++) await store.judge(idOf(n), OWNER, toPacs(n), minute(40))
      const sent: number[] = []
      const work = async (owner: string, from: InstanceStore): Promise<void> => {
        for (let idle = 0; idle < 3; ) {
          const claimed = await from.claimDeliveries('PACS', lease(40, { owner, limit: 2 }))
          idle = claimed.length === 0 ? idle + 1 : 0
          for (const { id, instanceId } of claimed) {
            sent.push(Number(instanceId.slice(5)))
            await from.sent(id, owner, minute(41), [news(id)])
          }
        }
      }
      await Promise.all([1, 2, 3, 4].map((i) => work(`gateway-${i}`, i % 2 === 0 ? store : other)))
      // Whoever was idle while others had the last ones has left them to those.
      await work('gateway-5', store)
      assert.equal(sent.length, 36)
      for (let key = 0; key < 6; key++) {
        const ofKey = sent.filter((n) => n % 6 === key)
        assert.deepEqual(
          ofKey,
          ofKey.toSorted((a, b) => a - b),
          `order ${key}`,
        )
      }
      assert.equal((await store.counts()).states.done, 36)
      assert.equal((await store.pendingEvents(100)).length, 36)
    })
  })
}

const toPacs = (number: number, destinations = ['PACS']) =>
  judged({ deliveries: destinations.map((destination) => copyTo(destination, number)) })

/** The first failure costs a minute, the second one five. */
const LOSS = { code: 'copy_lost', waitsMs: [60_000, 300_000] }

/** Claims all that is due, and says that it is sent. */
async function sendAll(store: InstanceStore, destination: string, at: number): Promise<readonly StoredDelivery[]> {
  const claimed = await store.claimDeliveries(destination, lease(at))
  for (const { id } of claimed) await store.sent(id, OWNER, minute(at), [])
  return claimed
}

/** Accepts instances and judges them at minute 5, to be forwarded. */
async function forward(
  store: InstanceStore,
  all: readonly number[],
  changes: { readonly orderKey?: string } = {},
  destinations = ['PACS'],
): Promise<void> {
  for (const n of all) await store.accept(received(n, changes), [])
  await store.claimReceived(lease(4))
  for (const n of all) await store.judge(idOf(n), OWNER, toPacs(n, destinations), minute(5))
}
