import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { createMemoryState, openMemoryLog } from '../storage/log/memory.ts'
import { collect, makeBatch, storeError } from './log-contracts/harness.ts'
import { type Fault, FaultPlan, withFaults } from './log-faults.ts'

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
})
