import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { fastFolder } from '../../testing/fast-folder.ts'
import { copyTo, idOf, judged, lease, minute, news, received } from '../../testing/gateway-contracts/made-up.ts'
import { type CallAnswer, type InstanceCall, InstanceCalls } from './instance-calls.ts'
import { openInstanceDatabase } from './instance-schema.ts'

const OWNER = 'gateway-1'

/** The life of two instances, in groups of calls that are one transaction each. */
const LIFE: readonly (readonly Omit<InstanceCall, 'id'>[])[] = [
  [
    { name: 'accept', args: [received(1), [news('1 accepted')]] },
    { name: 'accept', args: [received(2), [news('2 accepted')]] },
  ],
  [{ name: 'claimReceived', args: [lease(1)] }],
  [
    {
      name: 'judge',
      args: [idOf(1), OWNER, judged({ deliveries: [copyTo('PACS', 1)], events: [news('1 judged')] }), minute(2)],
    },
    { name: 'judge', args: [idOf(2), OWNER, judged({ state: 'quarantined', events: [news('2 held')] }), minute(2)] },
  ],
  [{ name: 'claimDeliveries', args: ['PACS', lease(3)] }],
  [
    { name: 'sent', args: ['1', OWNER, minute(4), [news('1 sent')]] },
    { name: 'reject', args: [idOf(2), minute(4), [news('2 rejected')]] },
  ],
  [{ name: 'forgotten', args: [[idOf(1), idOf(2)]] }],
]

/** What stands in the end of it, however often it was interrupted. */
function endOf(calls: InstanceCalls): unknown {
  const [first, second, counts, events] = ask(calls, [
    { name: 'get', args: [idOf(1)] },
    { name: 'get', args: [idOf(2)] },
    { name: 'counts', args: [] },
    { name: 'pendingEvents', args: [100] },
  ]).map((answer) => ('result' in answer ? answer.result : answer.code))
  return { first, second, counts, events }
}

const ask = (calls: InstanceCalls, given: readonly Omit<InstanceCall, 'id'>[]): readonly CallAnswer[] =>
  calls.perform(given.map((call, id) => ({ id, ...call })))

/** A database whose commit of a number fails, before or after it took effect. */
function failing(database: DatabaseSync, commit: number, moment: 'before' | 'after'): DatabaseSync {
  let commits = 0
  return new Proxy(database, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        const isDue = name === 'exec' && args[0] === 'COMMIT' && commits++ === commit
        const fail = (): never => {
          throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
        }
        if (isDue && moment === 'before') fail()
        const result: unknown = Reflect.apply(value, target, args)
        return isDue ? fail() : result
      }
    },
  })
}

describe('calls that are done together', () => {
  it('are refused one by one', (t) => {
    const database = openInstanceDatabase(join(fastFolder(), 'a.db'))
    t.after(() => database.close())
    const answers = ask(new InstanceCalls(database), [
      { name: 'accept', args: [received(1), []] },
      { name: 'accept', args: [received(1, { spoolKey: 'other' }), [news('never')]] },
      { name: 'judge', args: [idOf(1), OWNER, judged(), minute(1)] },
      { name: 'list', args: [{ limit: 0 }] },
      { name: 'accept', args: [received(2), [news('kept')]] },
      { name: 'pendingEvents', args: [10] },
      { name: 'knowsKey', args: ['other'] },
    ])
    assert.deepEqual(
      answers.map((answer) => ('code' in answer ? answer.code : 'done')),
      ['done', 'instance_moved', 'instance_moved', 'RangeError', 'done', 'done', 'done'],
    )
    const [events, knows] = answers.slice(-2).map((answer) => ('result' in answer ? answer.result : undefined))
    assert.deepEqual(events, [{ id: '1', instanceId: idOf(2), ...news('kept') }])
    assert.equal(knows, false)
  })

  it('are all refused where the commit fails, and can be asked again: each takes effect once', () => {
    const whole = new InstanceCalls(openInstanceDatabase(join(fastFolder(), 'a.db')))
    for (const group of LIFE) ask(whole, group)
    const expected = endOf(whole)
    for (let commit = 0; commit < LIFE.length; commit++) {
      for (const moment of ['before', 'after'] as const) {
        const path = join(fastFolder(), 'a.db')
        const database = openInstanceDatabase(path)
        const calls = new InstanceCalls(failing(database, commit, moment))
        for (const [i, group] of LIFE.entries()) {
          const answers = ask(calls, group)
          assert.ok(
            answers.every(
              (answer) => ('code' in answer ? answer.code : '') === (i === commit ? 'spool_unwritable' : ''),
            ),
          )
          if (i === commit) break
        }
        database.close()
        // As after a restart: whoever was refused asks again.
        const again = openInstanceDatabase(path)
        const later = new InstanceCalls(again)
        for (const [i, group] of LIFE.entries()) {
          if (i < commit) continue
          const codes = ask(later, group).map((answer) => ('code' in answer ? answer.code : 'done'))
          const isRepeated = i === commit && moment === 'after'
          const isChange = !group.every(({ name }) => name.startsWith('claim') || name === 'forgotten')
          assert.ok(
            codes.every((code) => code === (isRepeated && isChange ? 'instance_moved' : 'done')),
            `${commit} ${moment}`,
          )
          // What was claimed before the crash is claimed by nobody else for a while: its holder is the same here.
        }
        assert.deepEqual(withoutAttempts(endOf(later)), withoutAttempts(expected), `${commit} ${moment}`)
        again.close()
      }
    }
  })
})

/** A claim that nobody heard of counts an attempt. */
function withoutAttempts(value: unknown): string {
  return JSON.stringify(value, (key, each) => (key === 'attempts' ? 0 : each))
}
