import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SendersFirst } from './senders-first.ts'

const { signal } = new AbortController()

describe('senders first', () => {
  it('waits for as long as images come in', async () => {
    const steps = ['receiving', 'came', 'receiving', 'rest', 'rest', 'rest', 'never']
    assert.deepEqual(await waits(steps, 1_000), steps.slice(0, 6))
  })

  it('lets one that came alone go at once', async () => {
    assert.deepEqual(await waits(['rest', 'never'], 1_000), ['rest'])
  })

  it('takes no pause between two requests for the end of a burst', async () => {
    const burst = Array.from({ length: 10 }, () => ['came', 'rest', 'rest']).flat()
    const calm = Array.from({ length: 20 }, () => 'rest')
    // 280 ms of images are over after 70 ms without one, of which two steps belong to the burst's own end.
    assert.equal((await waits([...burst, ...calm], 10_000)).length, burst.length + 5)
  })

  it('waits no longer than it may', async () => {
    const steps = Array.from({ length: 10 }, () => 'came')
    assert.deepEqual(await waits(steps, 50), steps.slice(0, 5))
    assert.deepEqual(await waits(steps, 0), [])
  })

  it('ends with the work', async () => {
    const stopping = new AbortController()
    let count = 0
    const pause = async (): Promise<void> => {
      count++
      stopping.abort()
    }
    await new SendersFirst({ isReceiving: () => true, pause, longestMs: 1_000 }).wait(stopping.signal)
    assert.equal(count, 1)
  })
})

/** What happened in each pause, of a list of what is going to. */
async function waits(steps: readonly string[], longestMs: number): Promise<readonly (string | undefined)[]> {
  const passed: (string | undefined)[] = []
  const pause = async (): Promise<void> => {
    passed.push(steps[passed.length])
    if (passed.at(-1) === 'came') first.came()
  }
  const first = new SendersFirst({ isReceiving: () => passed.at(-1) === 'receiving', pause, longestMs })
  await first.wait(signal)
  return passed
}
