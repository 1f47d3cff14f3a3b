/** Every call of every port fails in turn, over storage in memory. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMemoryState, type MemoryState, openMemoryLog } from '../../storage/log/memory.ts'
import { FaultMatrix, formatMatrix, portSteps, type Storage } from '../../testing/log-fault-matrix.ts'

function memory(state: MemoryState = createMemoryState()): Storage {
  return {
    open: async () => ({ ...openMemoryLog(state), close: async () => undefined }),
    copy: () => memory(structuredClone(state)),
  }
}

/** Where one step fails and the log ends itself, a run in between looks at so many calls of each kind. */
const CALLS = process.env.FIDUCIAL_SOAK === undefined ? 5 : undefined

describe('a custody log in memory, each of whose steps fails in turn', () => {
  it('keeps its word where the process dies at a step, before or after it took effect', async (t) => {
    const matrix = new FaultMatrix(portSteps, memory())
    const calls = await matrix.all(true)
    for (const line of formatMatrix(matrix.cells).split('\n')) t.diagnostic(line)
    const expected = [...calls].flatMap(([step, count]) => Array.from({ length: 2 * count }, () => step))
    assert.deepEqual(
      matrix.cells.map(({ step }) => step),
      expected,
      'each call failed in both ways',
    )
    assert.equal(calls.size, 13, 'every port is used')
  })

  it('keeps its word where only that step fails, before or after it took effect', async (t) => {
    const matrix = new FaultMatrix(portSteps, memory())
    const calls = await matrix.all(false, CALLS)
    for (const line of formatMatrix(matrix.cells).split('\n')) t.diagnostic(line)
    assert.deepEqual(new Set(matrix.cells.map(({ step }) => step)), new Set(calls.keys()), 'each kind of step failed')
  })
})
