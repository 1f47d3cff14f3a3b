/** Contract of lists and counts of instances. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { InstanceFilter, InstanceStore } from '../../services/gateway/ports.ts'
import type { Harness } from '../log-contracts/harness.ts'
import { copyTo, describedAs, idOf, judged, lease, minute, received, verdict } from './made-up.ts'

const OWNER = 'gateway-1'

export function instanceReadingContract(name: string, { fresh }: Harness<InstanceStore>): void {
  describe(`instance store contract, lists: ${name}`, () => {
    it('lists by each filter and by several together', async (t) => {
      const store = await fresh(t)
      await fill(store)
      const cases: readonly [filter: Partial<InstanceFilter>, numbers: readonly number[]][] = [
        [{}, [1, 2, 3, 4, 5, 6]],
        [{ states: ['received'] }, [6]],
        [{ states: ['quarantined', 'done'] }, [2, 5]],
        [{ states: [] }, []],
        [{ states: ['rejected'] }, [4]],
        [{ verdicts: ['authentic'] }, [1, 2, 3]],
        [{ verdicts: ['not_authentic', 'undetermined'] }, [4, 5]],
        [{ verdicts: [] }, []],
        [{ studyInstanceUid: '1.2.9' }, [1, 3, 4, 5, 6]],
        [{ studyInstanceUid: '1.2.10' }, [2]],
        [{ sopInstanceUid: '1.2.3.5' }, [5]],
        [{ sopInstanceUid: '1.2.3.2' }, []],
        [{ sopInstanceUid: '1.2.3.22' }, [2]],
        [{ callingAet: 'MR_1' }, [3]],
        [{ destination: 'PACS' }, [1, 3, 5]],
        [{ destination: 'VNA' }, [1]],
        [{ hasDead: true }, [3]],
        [{ hasDead: false }, [1, 2, 4, 5, 6]],
        [{ since: minute(3) }, [3, 4, 5, 6]],
        [{ until: minute(3) }, [1, 2]],
        [{ since: minute(2), until: minute(5), states: ['forwarding'] }, [3]],
        [{ destination: 'PACS', verdicts: ['authentic'], callingAet: 'CT_1', hasDead: false }, [1]],
        [{ callingAet: "x' OR '1'='1" }, []],
      ]
      for (const [filter, expected] of cases) {
        for (const order of ['oldest_first', 'newest_first'] as const) {
          const found = await store.list({ ...filter, order, limit: 100 })
          const ids = expected.map(idOf)
          assert.deepEqual(
            found.map(({ id }) => id),
            order === 'oldest_first' ? ids : ids.reverse(),
            JSON.stringify(filter),
          )
        }
      }
    })

    it('lists page by page, in both directions', async (t) => {
      const store = await fresh(t)
      await fill(store)
      for (const order of ['oldest_first', 'newest_first'] as const) {
        for (const filter of [{}, { states: ['forwarding', 'quarantined', 'done'] }] as const) {
          const whole = await store.list({ ...filter, order, limit: 1_000 })
          const pages = []
          for (let after: string | undefined; ; after = pages.at(-1)?.id) {
            const page = await store.list({ ...filter, order, limit: 2, ...(after === undefined ? {} : { after }) })
            pages.push(...page)
            if (page.length < 2) break
          }
          assert.deepEqual(pages, whole)
        }
      }
      assert.deepEqual(await store.list({ limit: 5, after: idOf(6) }), [])
    })

    it('lists each with all that get gives', async (t) => {
      const store = await fresh(t)
      await fill(store)
      for (const instance of await store.list({ limit: 10 })) {
        assert.deepEqual(instance, await store.get(instance.id))
      }
    })

    it('refuses a limit that is none', async (t) => {
      const store = await fresh(t)
      for (const limit of [0, -1, 1_001, 1.5, Number.NaN]) await assert.rejects(store.list({ limit }), RangeError)
    })

    it('counts what there is, and since when it waits', async (t) => {
      const store = await fresh(t)
      const none = { received: 0, quarantined: 0, forwarding: 0, done: 0, rejected: 0 }
      assert.deepEqual(await store.counts(), {
        states: none,
        deliveries: { held: 0, waiting: 0, sent: 0, dead: 0 },
        verdicts: { authentic: 0, not_authentic: 0, undetermined: 0, none: 0 },
        pendingEvents: 0,
        destinations: {},
        oldestReceivedAt: null,
        oldestDueAt: null,
      })
      await fill(store)
      assert.deepEqual(await store.counts(), {
        states: { received: 1, quarantined: 1, forwarding: 2, done: 1, rejected: 1 },
        deliveries: { held: 1, waiting: 1, sent: 1, dead: 1 },
        verdicts: { authentic: 3, not_authentic: 1, undetermined: 1, none: 1 },
        pendingEvents: 1,
        destinations: { PACS: { waiting: 0, dead: 1 }, VNA: { waiting: 1, dead: 0 } },
        oldestReceivedAt: minute(6),
        oldestDueAt: minute(10),
      })
    })
  })
}

/**
 * 1 waits for one of its two destinations · 2 has other UIDs in its header than its sender said, and is done · 3 was given
 * up · 4 is rejected · 5 is held · 6 is not judged.
 */
async function fill(store: InstanceStore): Promise<void> {
  const mr = { ...received(3).origin, callingAet: 'MR_1' }
  for (const n of [1, 2, 3, 4, 5, 6]) await store.accept(received(n, n === 3 ? { origin: mr } : {}), [])
  await store.claimReceived(lease(9, { limit: 5 }))
  const judge = (n: number, given: Parameters<typeof judged>[0]) =>
    store.judge(idOf(n), OWNER, judged(given), minute(10))
  await judge(1, { deliveries: [copyTo('PACS', 1), copyTo('VNA', 1)], description: describedAs('1.2.3.1') })
  await judge(2, { state: 'done', description: describedAs('1.2.3.22', '1.2.10') })
  await judge(3, { deliveries: [copyTo('PACS', 3)] })
  await judge(4, { state: 'quarantined', verdict: verdict('not_authentic'), deliveries: [copyTo('PACS', 4)] })
  await judge(5, { state: 'quarantined', verdict: verdict('undetermined'), deliveries: [copyTo('PACS', 5)] })
  await store.reject(idOf(4), minute(11), [{ news: '{}' }])
  const [first, third] = await store.claimDeliveries('PACS', lease(11))
  await store.sent(first?.id ?? '', OWNER, minute(11), [])
  await store.failed(third?.id ?? '', OWNER, 'peer_refused', null)
}
