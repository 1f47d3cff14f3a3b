/** Contract of the one cell that changes: whoever swaps says what was there before, and one of two wins. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CheckpointCell } from '../../services/log/ports.ts'
import { type Harness, outcomes, storeError } from './harness.ts'

const note = (size: number): string =>
  `example-hospital.example/log\n${size}\nroot=\n\n— example-hospital.example/log sig${size}==\n`

/** Registers the tests. @param name  of the adapter */
export function checkpointCellContract(name: string, { fresh, reopen }: Harness<CheckpointCell>): void {
  describe(`checkpoint cell contract: ${name}`, () => {
    it('is empty at first', async (t) => {
      assert.equal(await (await fresh(t)).read(), undefined)
    })

    it('gives back the newest text, letter by letter, also to others', async (t) => {
      const cell = await fresh(t)
      const other = await reopen(cell, t)
      let before: string | undefined
      for (const next of [note(1), note(2), `${note(3)}— witness.example ☢ \u{1f600} é\n`, note(1)]) {
        await cell.compareAndSwap(before, next)
        for (const reader of [cell, other, await reopen(cell, t)]) assert.equal(await reader.read(), next)
        before = next
      }
    })

    it('refuses whoever expects something else, and changes nothing', async (t) => {
      const cell = await fresh(t)
      await assert.rejects(cell.compareAndSwap(note(1), note(2)), storeError('checkpoint_moved'))
      assert.equal(await cell.read(), undefined)
      await cell.compareAndSwap(undefined, note(1))
      for (const expected of [undefined, note(2), '', `${note(1)}\n`, note(1).trimEnd()]) {
        await assert.rejects(cell.compareAndSwap(expected, note(3)), storeError('checkpoint_moved'))
      }
      assert.equal(await cell.read(), note(1))
    })

    it('takes the same text again from whoever expects it', async (t) => {
      const cell = await fresh(t)
      await cell.compareAndSwap(undefined, note(1))
      await cell.compareAndSwap(note(1), note(1))
      assert.equal(await cell.read(), note(1))
    })

    it('lets one of two with the same expectation win, the first time too', async (t) => {
      const one = await fresh(t)
      const other = await reopen(one, t)
      let before: string | undefined
      for (let round = 0; round < 10; round++) {
        const rivals = [note(round * 10 + 1), note(round * 10 + 2), note(round * 10 + 3)]
        const [first, second, third] = rivals as [string, string, string]
        const { kept, errors } = await outcomes([
          one.compareAndSwap(before, first),
          other.compareAndSwap(before, second),
          one.compareAndSwap(before, third),
        ])
        assert.equal(kept, 1)
        for (const error of errors) storeError('checkpoint_moved')(error)
        before = await one.read()
        assert.ok(before !== undefined && rivals.includes(before))
        assert.equal(await other.read(), before)
      }
    })
  })
}
