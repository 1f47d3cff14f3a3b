/** Contract of the states of instances: accepted, judged, held, released, done, forgotten; and of their events. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { InstanceStore, Judged } from '../../services/gateway/ports.ts'
import { type Harness, outcomes, storeError } from '../log-contracts/harness.ts'
import { copyTo, describedAs, idOf, judged, keyOf, lease, minute, news, received, verdict } from './made-up.ts'

const ANNA = { id: 'anna', name: 'Anna Ärztin' }
const BEN = { id: 'ben', name: 'Ben' }
const OWNER = 'gateway-1'

export function instanceStatesContract(name: string, { fresh, reopen }: Harness<InstanceStore>): void {
  describe(`instance store contract, states: ${name}`, () => {
    it('has nothing at first', async (t) => {
      const store = await fresh(t)
      assert.deepEqual(await store.claimReceived(lease(0)), [])
      assert.equal(await store.get(idOf(1)), undefined)
      assert.deepEqual(await store.list({ limit: 10 }), [])
      assert.deepEqual(await store.pendingEvents(10), [])
      assert.deepEqual(await store.waitingDestinations(), [])
      assert.deepEqual(await store.expired(minute(1_000), 10), [])
      assert.equal(await store.knowsKey(keyOf(1)), false)
    })

    it('keeps an instance as it was accepted, for whoever opens it later', async (t) => {
      const store = await fresh(t)
      const plain = received(1)
      const odd = received(2, {
        origin: { protocol: 'file', callingAet: null, calledAet: null, address: null, peer: 'quote \' " \\ ☢' },
        sopClassUid: null,
        sopInstanceUid: null,
        studyInstanceUid: null,
        transferSyntaxUid: null,
        orderKey: "o'rder ☢",
        lengthBytes: 2 ** 40,
      })
      for (const instance of [plain, odd]) await store.accept(instance, [])
      const other = await reopen(store, t)
      for (const instance of [plain, odd]) {
        assert.deepEqual(await other.get(instance.id), {
          ...instance,
          state: 'received',
          route: null,
          reasons: [],
          verdict: null,
          description: null,
          sealed: null,
          otherKeys: [],
          attempts: 0,
          judgedAt: null,
          doneAt: null,
          releaseAskedBy: null,
          deliveries: [],
        })
        assert.equal(await other.knowsKey(instance.spoolKey), true)
      }
    })

    it('keeps all that was judged', async (t) => {
      const store = await fresh(t)
      const given = judged({
        state: 'quarantined',
        route: 'ct',
        reasons: ['not_authentic', 'uid_reused'],
        verdict: verdict('not_authentic'),
        description: describedAs('1.2.3.1'),
        sealed: { spoolKey: keyOf(1, 'sealed'), sealKey: keyOf(1, 'seal') },
        otherKeys: [keyOf(1, 'other')],
        deliveries: [copyTo('PACS', 1), { ...copyTo('VNA', 1), spoolKey: keyOf(1, 'copy') }],
        events: [news('verified')],
      })
      await judgeNew(store, 1, given)
      const { state, deliveries, events, ...rest } = given
      const found = await (await reopen(store, t)).get(idOf(1))
      assert.ok(found)
      for (const [key, value] of Object.entries(rest)) assert.deepEqual(found[key as keyof typeof found], value, key)
      assert.equal(found.state, state)
      assert.deepEqual(found.judgedAt, minute(1))
      assert.equal(found.doneAt, null)
      assert.equal(found.attempts, 1)
      assert.deepEqual(
        found.deliveries.map(({ id, ...delivery }) => delivery),
        deliveries.map((delivery) => ({
          ...delivery,
          instanceId: idOf(1),
          orderKey: 'study-1',
          state: 'held',
          attempts: 0,
          dueAt: minute(1),
          lastError: null,
          sentAt: null,
          committedAt: null,
        })),
      )
      assert.equal(new Set(found.deliveries.map(({ id }) => id)).size, 2)
      assert.deepEqual(
        (await store.pendingEvents(10)).map(({ news }) => news),
        events.map(({ news }) => news),
      )
      for (const kind of ['1', 'sealed', 'seal', 'other', 'copy']) assert.ok(await store.knowsKey(keyOf(1, kind)), kind)
    })

    it('takes whatever senders say, and goes on with it', async (t) => {
      const store = await fresh(t)
      const odd = ['a\0b', '\ud800', '\u2028', '" \\ \' ; --', '\u{1f600}'.repeat(20)]
      for (const [n, text] of odd.entries()) {
        const { origin } = received(n)
        const changes = { sopClassUid: text, sopInstanceUid: text, studyInstanceUid: text, transferSyntaxUid: text }
        await store.accept(received(n, { ...changes, orderKey: text, origin: { ...origin, callingAet: text } }), [
          news('x'),
        ])
        await store.claimReceived(lease(n))
        await store.findEarlier(text, idOf(n))
        const copy = { ...copyTo('PACS', n), sopClassUid: text, sopInstanceUid: text, transferSyntaxUid: text }
        const given = judged({
          reasons: [text],
          description: describedAs(text, text),
          deliveries: [copy],
          events: [news(text)],
        })
        await store.judge(idOf(n), OWNER, given, minute(n))
        await store.list({
          limit: 10,
          sopInstanceUid: text,
          studyInstanceUid: text,
          callingAet: text,
          destination: text,
        })
        const [delivery] = await store.claimDeliveries('PACS', lease(n))
        assert.equal(delivery?.instanceId, idOf(n), JSON.stringify(text))
        await store.failed(delivery?.id ?? '', OWNER, text, minute(n))
        const [again] = await store.claimDeliveries('PACS', lease(n))
        await store.sent(again?.id ?? '', OWNER, minute(n), [news(text)])
        assert.equal((await store.get(idOf(n)))?.state, 'done')
      }
    })

    it('takes an id once', async (t) => {
      const store = await fresh(t)
      const results = await outcomes(
        [1, 2, 3].map((n) => store.accept(received(1, { spoolKey: keyOf(n) }), [news('a')])),
      )
      assert.equal(results.kept, 1)
      for (const error of results.errors) storeError('instance_moved')(error)
      assert.equal((await store.pendingEvents(10)).length, 1)
    })

    it('takes back what was never acknowledged, and what was to be said of it', async (t) => {
      const store = await fresh(t)
      await store.accept(received(1), [news('one')])
      await store.accept(received(2), [news('two')])
      await store.withdraw(idOf(1))
      await store.withdraw(idOf(1))
      assert.equal(await store.get(idOf(1)), undefined)
      assert.equal(await store.knowsKey(keyOf(1)), false)
      assert.deepEqual(
        (await store.pendingEvents(10)).map(({ instanceId }) => instanceId),
        [idOf(2)],
      )
      await store.claimReceived(lease(2))
      await store.judge(idOf(2), OWNER, judged(), minute(2))
      await assert.rejects(store.withdraw(idOf(2)), storeError('instance_moved'))
      const { states, verdicts } = await store.counts()
      assert.deepEqual([states.received, states.done, verdicts.none, verdicts.authentic], [0, 1, 0, 1])
    })

    it('hands out what was received, oldest first, each to one, and counts its attempts', async (t) => {
      const store = await fresh(t)
      for (const n of [3, 1, 2]) await store.accept(received(n), [])
      const first = await store.claimReceived(lease(10, { limit: 2 }))
      assert.deepEqual(
        first.map(({ id, attempts }) => [id, attempts]),
        [
          [idOf(1), 1],
          [idOf(2), 1],
        ],
      )
      const rest = await store.claimReceived(lease(10))
      assert.deepEqual(
        rest.map(({ id }) => id),
        [idOf(3)],
      )
      assert.deepEqual(await store.claimReceived(lease(10, { owner: 'gateway-2' })), [])
      const again = await store.claimReceived(lease(11, { owner: 'gateway-2' }))
      assert.deepEqual(
        again.map(({ attempts }) => attempts),
        [2, 2, 2],
      )
    })

    it('shares what was received among many who claim at the same time', async (t) => {
      const store = await fresh(t)
      const other = await reopen(store, t)
      for (let n = 1; n <= 40; n++) await store.accept(received(n), [])
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 === 0 ? store : other).claimReceived(lease(50, { owner: `gateway-${i}`, limit: 3 })),
        ),
      )
      const ids = claims.flat().map(({ id }) => id)
      assert.equal(new Set(ids).size, ids.length)
      assert.equal(ids.length, 40)
    })

    it('lets only the holder judge, and only once', async (t) => {
      const store = await fresh(t)
      await store.accept(received(1), [])
      const judge = (owner: string) => store.judge(idOf(1), owner, judged({ events: [news(owner)] }), minute(1))
      await assert.rejects(judge(OWNER), storeError('instance_moved'))
      await assert.rejects(store.judge(idOf(9), OWNER, judged(), minute(1)), storeError('instance_moved'))
      await store.claimReceived(lease(0))
      await store.claimReceived(lease(2, { owner: 'gateway-2' }))
      await assert.rejects(judge(OWNER), storeError('instance_moved'))
      const results = await outcomes([judge('gateway-2'), judge('gateway-2'), judge('gateway-2')])
      assert.equal(results.kept, 1)
      for (const error of results.errors) storeError('instance_moved')(error)
      assert.deepEqual(
        (await store.pendingEvents(10)).map(({ news }) => news),
        [news('gateway-2').news],
      )
    })

    it('lets a holder whose lease has ended judge while nobody else has it', async (t) => {
      const store = await fresh(t)
      await store.accept(received(1), [])
      await store.claimReceived(lease(0))
      await store.judge(idOf(1), OWNER, judged(), minute(500))
      assert.equal((await store.get(idOf(1)))?.state, 'done')
    })

    it('refuses deliveries of what is done', async (t) => {
      const store = await fresh(t)
      await store.accept(received(1), [])
      await store.claimReceived(lease(0))
      const wrong = judged({ state: 'done', deliveries: [copyTo('PACS', 1)] })
      await assert.rejects(store.judge(idOf(1), OWNER, wrong, minute(1)), RangeError)
      assert.equal((await store.get(idOf(1)))?.state, 'received')
    })

    it('gives an instance back until a moment, with or without its attempt', async (t) => {
      const store = await fresh(t)
      await store.accept(received(1), [])
      await assert.rejects(store.postpone(idOf(1), OWNER, minute(5), true), storeError('instance_moved'))
      await store.claimReceived(lease(0))
      await store.postpone(idOf(1), OWNER, minute(5), true)
      await assert.rejects(store.judge(idOf(1), OWNER, judged(), minute(1)), storeError('instance_moved'))
      assert.deepEqual(await store.claimReceived(lease(4)), [])
      assert.equal((await store.claimReceived(lease(5)))[0]?.attempts, 2)
      await store.postpone(idOf(1), OWNER, minute(5), false)
      assert.equal((await store.claimReceived(lease(5)))[0]?.attempts, 2)
    })

    it('is done at once where there is nowhere to go', async (t) => {
      const store = await fresh(t)
      await judgeNew(store, 1, judged({ state: 'done', reasons: ['duplicate'] }))
      await judgeNew(store, 2, judged({ state: 'forwarding' }))
      for (const n of [1, 2]) {
        const found = await store.get(idOf(n))
        assert.deepEqual([found?.state, found?.doneAt], ['done', minute(n)])
      }
    })

    it('tells of earlier instances of a UID, by what their headers say', async (t) => {
      const store = await fresh(t)
      const uid = '1.2.3.77'
      for (const n of [1, 2, 3, 5]) await store.accept(received(n, { sopInstanceUid: uid }), [])
      await store.accept(received(4, { sopInstanceUid: '1.2.3.78' }), [])
      await store.claimReceived(lease(10))
      await store.judge(idOf(2), OWNER, judged({ description: describedAs('1.2.3.79') }), minute(10))
      await store.judge(idOf(4), OWNER, judged({ description: describedAs(uid) }), minute(10))
      const found = await store.findEarlier(uid, idOf(5))
      assert.deepEqual(
        found.map(({ id, state }) => [id, state]),
        [
          [idOf(1), 'received'],
          [idOf(3), 'received'],
          [idOf(4), 'done'],
        ],
      )
      assert.deepEqual(found[2], {
        id: idOf(4),
        sha256: received(4).sha256,
        state: 'done',
        description: describedAs(uid),
        receivedAt: minute(4),
      })
      assert.deepEqual(
        (await store.findEarlier(uid, idOf(1))).map(({ id }) => id),
        [idOf(4)],
        'what came later and is judged already was earlier in that',
      )
    })

    it('releases from quarantine when a second person confirms', async (t) => {
      const store = await fresh(t)
      await judgeNew(store, 1, judged({ state: 'quarantined', deliveries: [copyTo('PACS', 1)] }))
      const release = (by: typeof ANNA) => store.release(idOf(1), by, minute(7), [news(`released by ${by.id}`)])
      await assert.rejects(release(ANNA), storeError('approval_missing'))
      await store.askRelease(idOf(1), ANNA)
      assert.deepEqual((await store.get(idOf(1)))?.releaseAskedBy, ANNA)
      await assert.rejects(release({ ...ANNA, name: 'somebody else' }), storeError('approval_missing'))
      assert.deepEqual(await store.claimDeliveries('PACS', lease(8)), [])
      const results = await outcomes([release(BEN), release(BEN)])
      assert.equal(results.kept, 1)
      storeError('instance_moved')(results.errors[0])
      const found = await store.get(idOf(1))
      assert.deepEqual([found?.state, found?.releaseAskedBy, found?.doneAt], ['forwarding', null, null])
      assert.deepEqual(
        (await store.pendingEvents(10)).map(({ news }) => news),
        [news('released by ben').news],
      )
      const [claimed] = await store.claimDeliveries('PACS', lease(8))
      assert.deepEqual([claimed?.state, claimed?.dueAt], ['waiting', minute(7)])
    })

    it('is done with a release that has nowhere to go', async (t) => {
      const store = await fresh(t)
      await judgeNew(store, 1, judged({ state: 'quarantined', route: null }))
      await store.askRelease(idOf(1), ANNA)
      await store.release(idOf(1), BEN, minute(7), [])
      const found = await store.get(idOf(1))
      assert.deepEqual([found?.state, found?.doneAt], ['done', minute(7)])
    })

    it('puts what is in quarantine back to be judged anew', async (t) => {
      const store = await fresh(t)
      const held = { ...copyTo('PACS', 1), spoolKey: keyOf(1, 'copy') }
      await judgeNew(store, 1, judged({ state: 'quarantined', deliveries: [held] }))
      await store.askRelease(idOf(1), ANNA)
      await store.reexamine(idOf(1))
      const found = await store.get(idOf(1))
      assert.deepEqual([found?.state, found?.attempts, found?.judgedAt], ['received', 0, null])
      assert.deepEqual([found?.releaseAskedBy, found?.deliveries], [null, []])
      assert.ok(await store.knowsKey(keyOf(1, 'copy')), 'its files are still its own')
      await assert.rejects(store.reexamine(idOf(1)), storeError('instance_moved'))
      await assert.rejects(store.reexamine(idOf(2)), storeError('instance_missing'))
      const [again] = await store.claimReceived(lease(1))
      assert.equal(again?.attempts, 1)
      await store.judge(idOf(1), OWNER, judged({ deliveries: [copyTo('PACS', 1)] }), minute(2))
      assert.equal((await store.claimDeliveries('PACS', lease(2))).length, 1)
    })

    it('ends all leases for whoever knows that their holders are dead', async (t) => {
      const store = await fresh(t)
      for (const n of [1, 2, 3]) await store.accept(received(n), [])
      await store.claimReceived(lease(3))
      await store.judge(idOf(1), OWNER, judged({ deliveries: [copyTo('PACS', 1)] }), minute(3))
      await store.postpone(idOf(3), OWNER, minute(50), true)
      await store.claimDeliveries('PACS', lease(3))
      await store.abandonClaims()
      assert.deepEqual(
        (await store.claimReceived(lease(3, { owner: 'gateway-2' }))).map(({ id }) => id),
        [idOf(2)],
        'what is to wait waits',
      )
      const [delivery] = await store.claimDeliveries('PACS', lease(3, { owner: 'gateway-2' }))
      assert.equal(delivery?.instanceId, idOf(1))
      await assert.rejects(store.sent(delivery?.id ?? '', OWNER, minute(3), []), storeError('instance_moved'))
    })

    it('rejects for good', async (t) => {
      const store = await fresh(t)
      await judgeNew(store, 1, judged({ state: 'quarantined', deliveries: [copyTo('PACS', 1)] }))
      await store.reject(idOf(1), minute(7), [news('rejected')])
      const found = await store.get(idOf(1))
      assert.deepEqual([found?.state, found?.doneAt, found?.deliveries], ['rejected', minute(7), []])
      assert.equal((await store.counts()).deliveries.held, 0)
      await assert.rejects(store.reject(idOf(1), minute(8), []), storeError('instance_moved'))
      await assert.rejects(store.askRelease(idOf(1), ANNA), storeError('instance_moved'))
      await assert.rejects(store.release(idOf(1), BEN, minute(8), []), storeError('instance_moved'))
    })

    it('knows what it does not have', async (t) => {
      const store = await fresh(t)
      await assert.rejects(store.askRelease(idOf(1), ANNA), storeError('instance_missing'))
      await assert.rejects(store.release(idOf(1), ANNA, minute(1), []), storeError('instance_missing'))
      await assert.rejects(store.reject(idOf(1), minute(1), []), storeError('instance_missing'))
    })

    it('gives events in the order of their steps until they are logged', async (t) => {
      const store = await fresh(t)
      await store.accept(received(1), [news('1 a'), news('1 b')])
      await store.addEvents([news('order')])
      await store.claimReceived(lease(1))
      await store.judge(idOf(1), OWNER, judged({ deliveries: [copyTo('PACS', 1)], events: [news('1 c')] }), minute(1))
      const [delivery] = await store.claimDeliveries('PACS', lease(1))
      await store.sent(delivery?.id ?? '', OWNER, minute(2), [news('1 d')])
      const pending = await store.pendingEvents(10)
      assert.deepEqual(
        pending.map(({ instanceId, news }) => [instanceId, news]),
        [
          [idOf(1), news('1 a').news],
          [idOf(1), news('1 b').news],
          ['', news('order').news],
          [idOf(1), news('1 c').news],
          [idOf(1), news('1 d').news],
        ],
      )
      assert.equal((await store.pendingEvents(2)).length, 2)
      assert.equal((await store.counts()).pendingEvents, 5)
      const [a, b, order] = pending
      await store.logged([
        { id: order?.id ?? '', index: 7n },
        { id: a?.id ?? '', index: 2n ** 40n },
      ])
      await store.logged([{ id: a?.id ?? '', index: 8n }])
      const left = await (await reopen(store, t)).pendingEvents(10)
      assert.deepEqual(
        left.map(({ id }) => id),
        [b, pending[3], pending[4]].map((event) => event?.id),
      )
      assert.equal((await store.counts()).pendingEvents, 3)
    })

    it('gives the keys of what is done once it is old and logged, until they are forgotten', async (t) => {
      const store = await fresh(t)
      await judgeNew(store, 1, judged({ state: 'done', otherKeys: [keyOf(1, 'other')], events: [news('a')] }))
      await judgeNew(
        store,
        2,
        judged({ state: 'quarantined', deliveries: [{ ...copyTo('PACS', 2), spoolKey: keyOf(2, 'copy') }] }),
      )
      await store.reject(idOf(2), minute(3), [])
      await judgeNew(store, 4, judged({ deliveries: [copyTo('PACS', 4)] }))
      await store.forgotten([idOf(4)])
      assert.equal(await store.knowsKey(keyOf(4)), true, 'what is under way is not forgotten')
      const expired = async (at: number, limit = 10) =>
        (await store.expired(minute(at), limit)).map(({ id, keys }) => [id, [...keys].sort()])
      assert.deepEqual(await expired(3), [])
      const second = [idOf(2), [keyOf(2), keyOf(2, 'copy')].sort()]
      assert.deepEqual(await expired(4), [second])
      const [event] = await store.pendingEvents(1)
      await store.logged([{ id: event?.id ?? '', index: 1n }])
      const first = [idOf(1), [keyOf(1), keyOf(1, 'other')].sort()]
      assert.deepEqual(await expired(4), [first, second])
      assert.deepEqual(await expired(4, 1), [first])
      await store.forgotten([idOf(1), idOf(2), idOf(9)])
      assert.deepEqual(await expired(4), [])
      assert.equal(await store.knowsKey(keyOf(1)), false)
      assert.equal(await store.knowsKey(keyOf(2, 'copy')), false)
      assert.equal((await store.get(idOf(1)))?.spoolKey, keyOf(1), 'the record stays')
    })

    it('removes old records whose files are gone, and no others', async (t) => {
      const store = await fresh(t)
      const sealed = { spoolKey: keyOf(1, 'sealed'), sealKey: keyOf(1, 'seal') }
      for (const n of [1, 2, 3]) await judgeNew(store, n, judged({ sealed: n === 1 ? sealed : null }))
      await judgeNew(store, 4, judged({ state: 'quarantined', deliveries: [copyTo('PACS', 4)] }))
      await judgeNew(store, 5, judged({ deliveries: [copyTo('PACS', 5)] }))
      const [delivery] = await store.claimDeliveries('PACS', lease(6))
      await store.sent(delivery?.id ?? '', OWNER, minute(6), [news('sent')])
      assert.equal(await store.purge(minute(99), 10), 0, 'no file was removed yet')
      await store.forgotten([1, 2, 3, 5].map(idOf))
      assert.equal(await store.purge(minute(1), 10), 0)
      assert.equal(await store.purge(minute(3), 1), 1)
      assert.equal(await store.purge(minute(3), 10), 1)
      assert.equal(await store.purge(minute(3), 10), 0)
      assert.equal(await store.purge(minute(99), 10), 2)
      assert.deepEqual(
        (await store.list({ limit: 10 })).map(({ id }) => id),
        [idOf(4)],
      )
      const { states, deliveries, pendingEvents } = await store.counts()
      assert.deepEqual([states.done, states.quarantined, deliveries.sent, deliveries.held], [0, 1, 0, 1])
      assert.equal(pendingEvents, 1, 'an event that is not logged stays')
    })

    it('goes on where it was when it is closed and opened', async (t) => {
      const store = await fresh(t)
      await store.accept(received(1), [news('a')])
      await store.claimReceived(lease(0))
      await store.close()
      const other = await reopen(store, t)
      assert.deepEqual(await other.claimReceived(lease(0, { owner: 'gateway-2' })), [])
      await other.judge(idOf(1), OWNER, judged(), minute(1))
      assert.equal((await other.pendingEvents(5)).length, 1)
      assert.equal((await other.counts()).states.done, 1)
    })
  })
}

/** Accepts, claims and judges an instance, at the minute of its number. */
async function judgeNew(store: InstanceStore, number: number, given: Judged): Promise<void> {
  await store.accept(received(number), [])
  await store.claimReceived(lease(number))
  await store.judge(idOf(number), OWNER, given, minute(number))
}
