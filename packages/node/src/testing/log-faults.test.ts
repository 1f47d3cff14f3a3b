import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { createMemoryState, openMemoryLog } from '../storage/log/memory.ts'
import { collect, makeBatch, storeError } from './log-contracts/harness.ts'
import { type Fault, FaultPlan, faultFiles, withFaults } from './log-faults.ts'

function open(fault?: Fault) {
  const state = createMemoryState()
  const plan = new FaultPlan(fault)
  const { sequencer, published: cell } = openMemoryLog(state)
  return { state, plan, sequencer: withFaults('sequencer', sequencer, plan), cell: withFaults('cell', cell, plan) }
}

describe('withFaults', () => {
  it('lists the steps of all ports in one row, and changes nothing without a fault', async () => {
    const { plan, sequencer, cell } = open()
    const { fence } = await sequencer.claim()
    await sequencer.append(makeBatch(0, 2), fence)
    await cell.compareAndSwap(undefined, 'note')
    assert.equal((await collect(sequencer.read(0n))).length, 1)
    await sequencer.close()
    assert.deepEqual(plan.steps, ['sequencer.claim', 'sequencer.append', 'cell.compareAndSwap', 'sequencer.read'])
    assert.equal(plan.hasStruck, false)
  })

  it('lets a step fail before it takes effect', async () => {
    const { plan, state, sequencer } = open({ step: 1, moment: 'before' })
    const { fence } = await sequencer.claim()
    await assert.rejects(sequencer.append(makeBatch(0, 1), fence), storeError('log_unwritable'))
    assert.equal(state.size, 0n)
    assert.ok(plan.hasStruck)
  })

  it('lets a step fail after it took effect', async () => {
    const { state, sequencer } = open({ step: 1, moment: 'after' })
    const { fence } = await sequencer.claim()
    await assert.rejects(sequencer.append(makeBatch(0, 1), fence), storeError('log_unwritable'))
    assert.equal(state.size, 1n)
  })

  it('lets every step after a final fault fail without effect, and still closes', async () => {
    const { state, sequencer, cell } = open({ step: 0, moment: 'after' })
    await assert.rejects(sequencer.claim(), storeError('log_unwritable'))
    await assert.rejects(sequencer.append(makeBatch(0, 1), 1n), storeError('log_unwritable'))
    await assert.rejects(cell.compareAndSwap(undefined, 'note'), storeError('log_unwritable'))
    await assert.rejects(collect(sequencer.read(0n)), storeError('log_unwritable'))
    assert.equal(state.size, 0n)
    assert.equal(state.cells.size, 0)
    await sequencer.close()
  })

  it('lets only one step fail where the fault passes', async () => {
    const { state, sequencer } = open({ step: 1, moment: 'before', isFinal: false })
    const { fence } = await sequencer.claim()
    await assert.rejects(sequencer.append(makeBatch(0, 1), fence), storeError('log_unwritable'))
    await sequencer.append(makeBatch(0, 1), fence)
    assert.equal(state.size, 1n)
  })

  it('lets a reading fail at its beginning or at its end', async () => {
    for (const [moment, expected] of [
      ['before', 0],
      ['after', 2],
    ] as const) {
      const { sequencer } = open({ step: 3, moment })
      const { fence } = await sequencer.claim()
      for (const first of [0, 1]) await sequencer.append(makeBatch(first, 1), fence)
      let seen = 0
      const reading = (async () => {
        for await (const _ of sequencer.read(0n)) seen++
      })()
      await assert.rejects(reading, StoreError)
      assert.equal(seen, expected)
    }
  })

  it('passes errors of the port on, and no fault on top of them', async () => {
    const { plan, sequencer } = open({ step: 1, moment: 'after' })
    await sequencer.claim()
    await assert.rejects(sequencer.append(makeBatch(5, 1), 1n), storeError('checkpoint_moved'))
    assert.equal(plan.hasStruck, false)
  })

  it('counts only the calls of a name where the fault has one', async () => {
    const { state, plan, sequencer, cell } = open({ name: 'cell.compareAndSwap', step: 1, moment: 'before' })
    const { fence } = await sequencer.claim()
    await cell.compareAndSwap(undefined, 'one')
    await sequencer.append(makeBatch(0, 1), fence)
    await assert.rejects(cell.compareAndSwap('one', 'two'), storeError('log_unwritable'))
    assert.deepEqual([state.size, [...state.cells.values()], plan.hasStruck], [1n, ['one'], true])
  })
})

describe('faultFiles', () => {
  /** A table of calls that write down what they do. */
  function table() {
    const done: string[] = []
    const calls = {
      open: async (name: string) => done.push(`open ${name}`),
      close: async (descriptor: number) => void done.push(`close ${descriptor}`),
      write: async (descriptor: number) => void done.push(`write ${descriptor}`),
      renameSync: (name: string) => void done.push(`rename ${name}`),
    }
    return { done, calls, whole: { ...calls } }
  }
  const isRefused = { code: 'EIO' }

  it('lets a call fail as the system would, before or after it took effect, and puts the calls back', async () => {
    for (const [moment, expected] of [
      ['before', ['open a']],
      ['after', ['open a', 'write 1']],
    ] as const) {
      const { done, calls, whole } = table()
      const restore = faultFiles(calls, new FaultPlan({ name: 'files.write', step: 0, moment, isFinal: false }))
      await assert.rejects(calls.write(await calls.open('a')), isRefused)
      assert.deepEqual(done, expected)
      await calls.write(1)
      restore()
      assert.deepEqual(calls, whole)
    }
  })

  it('lets calls that do not wait fail, too', () => {
    const { done, calls } = table()
    faultFiles(calls, new FaultPlan({ name: 'files.renameSync', step: 1, moment: 'after' }))
    calls.renameSync('a')
    assert.throws(() => calls.renameSync('b'), isRefused)
    assert.throws(() => calls.renameSync('c'), isRefused)
    assert.deepEqual(done, ['rename a', 'rename b'])
  })

  it('leaves nothing open: what was opened and not told of, and what has to be closed after the end', async () => {
    const opened = table()
    faultFiles(opened.calls, new FaultPlan({ name: 'files.open', step: 0, moment: 'after' }))
    await assert.rejects(opened.calls.open('a'), isRefused)
    await assert.rejects(opened.calls.close(7), isRefused)
    assert.deepEqual(opened.done, ['open a', 'close 1', 'close 7'])
    const closed = table()
    faultFiles(closed.calls, new FaultPlan({ name: 'files.close', step: 0, moment: 'after' }))
    await assert.rejects(closed.calls.close(5), isRefused)
    assert.deepEqual(closed.done, ['close 5'], 'and not twice')
  })
})
