import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pause } from './pause.ts'

/** Longer than any test runs: who waits for it does not come back. */
const FOREVER_MS = 2 ** 31 - 1

describe('pause', () => {
  it('ends by itself', async () => {
    await pause(1, new AbortController().signal)
  })

  it('ends at once where nobody waits any more', async () => {
    await pause(FOREVER_MS, AbortSignal.abort())
  })

  it('ends when somebody says so, and as if nothing were wrong', async () => {
    const controller = new AbortController()
    const waiting = pause(FOREVER_MS, controller.signal)
    controller.abort(new TypeError('whatever the reason'))
    assert.equal(await waiting, undefined)
  })

  it('leaves nothing behind on the signal', async () => {
    const controller = new AbortController()
    const { signal } = controller
    let added = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      added++
      add(...given)
    }
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      added--
      remove(...given)
    }
    for (let i = 0; i < 20; i++) await pause(0, signal)
    assert.ok(added <= 1, `${added} listeners`)
  })
})
