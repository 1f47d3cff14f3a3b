import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { MemoryInstances } from '../../storage/gateway/memory-instances.ts'
import { GatewayTime } from '../../testing/gateway-time.ts'
import type { Observation } from './observation.ts'
import { type EventLog, Outbox, type OutboxOptions } from './outbox.ts'

const NEVER = new AbortController().signal

async function createBox(names: readonly string[], options: Partial<OutboxOptions> = {}) {
  const [store, time] = [new MemoryInstances(), new GatewayTime()]
  await store.addEvents(names.map((news) => ({ news })))
  const [logged, observations]: [string[], Observation[]] = [[], []]
  const state = { isAway: false, settlements: 0 }
  const log: EventLog = {
    async record(news) {
      if (news.startsWith('bad')) throw new FormatError('event_malformed', 'no event')
      if (state.isAway || news === 'late') throw new StoreError('log_overloaded', 'not now')
      return BigInt(logged.push(news) - 1)
    },
    async settle() {
      state.settlements++
    },
  }
  const observe = (observation: Observation): void => void observations.push(observation)
  const outbox = new Outbox({ store, log, now: time.now, observe, ...options })
  return { store, time, logged, observations, state, outbox }
}

describe('the outbox', () => {
  it('records in order, more than a batch at once, and then settles', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `event ${i}`)
    const { outbox, logged, store, state } = await createBox(names, { batch: 3 })
    assert.equal(await outbox.work(NEVER), true)
    assert.deepEqual(logged, names)
    assert.equal((await store.counts()).pendingEvents, 0)
    assert.equal(state.settlements, 1)
    assert.equal(await outbox.work(NEVER), false)
  })

  it('settles no more often than it should, and only after events', async () => {
    const { outbox, store, time, state } = await createBox(['a'], { settleMs: 10_000 })
    await outbox.work(NEVER)
    await store.addEvents([{ news: 'b' }])
    await outbox.work(NEVER)
    assert.equal(state.settlements, 1)
    time.advance(10_000)
    await outbox.work(NEVER)
    time.advance(60_000)
    await outbox.work(NEVER)
    assert.equal(state.settlements, 2)
  })

  it('passes over an event that the log never takes, and tells of it once', async () => {
    const { outbox, logged, observations } = await createBox(['bad 1', 'a', 'bad 2', 'b', 'c'], { batch: 2 })
    await outbox.work(NEVER)
    await outbox.work(NEVER)
    assert.deepEqual(logged, ['a', 'b', 'c'])
    assert.equal(outbox.refused, 2)
    assert.equal(observations.filter(({ kind }) => kind === 'event_refused').length, 2)
  })

  it('keeps what a log does not take now, and what it took is not recorded again', async () => {
    const { outbox, logged, store, observations, state } = await createBox(['a', 'late', 'b'])
    await assert.rejects(outbox.work(NEVER), { code: 'log_overloaded' })
    assert.equal(outbox.awayBecause, 'log_overloaded')
    assert.deepEqual(logged, ['a', 'b'])
    assert.equal((await store.counts()).pendingEvents, 1)
    state.isAway = true
    await assert.rejects(outbox.work(NEVER), { code: 'log_overloaded' })
    assert.deepEqual(logged, ['a', 'b'])
    assert.equal(observations.filter(({ kind }) => kind === 'log_away').length, 1)
  })
})
