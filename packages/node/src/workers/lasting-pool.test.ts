import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LastingPool } from './lasting-pool.ts'

/** A thread that answers with the task, waits for ever, dies, or runs in a circle. */
const script = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, threadId, workerData } from 'node:worker_threads'
    if (workerData === 'broken') throw new Error('it does not come up')
    parentPort.on('message', ({ id, task }) => {
      if (task === 'exit') process.exit(3)
      if (task === 'throw') throw new Error('as planned')
      if (task === 'circle') for (;;);
      parentPort.postMessage({ id, result: { outcome: 'done', value: { task, threadId }, cpuMs: 0 } })
    })
    parentPort.postMessage('ready')
  `)}`,
)

type Echo = { readonly task: unknown; readonly threadId: number }
const open = (options: { readonly setup?: string; readonly threads?: number; readonly timeoutMs?: number } = {}) =>
  new LastingPool({ script, setup: null, threads: 2, timeoutMs: 60_000, ...options })

describe('a lasting pool', () => {
  it('answers every task, with no more threads than it may have', async () => {
    const pool = open()
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => pool.run<Echo>(i)))
    assert.deepEqual(
      answers.map((answer) => (answer.outcome === 'done' ? answer.value.task : answer.outcome)),
      Array.from({ length: 50 }, (_, i) => i),
    )
    assert.ok(new Set(answers.map((answer) => answer.outcome === 'done' && answer.value.threadId)).size <= 2)
    await pool.close()
  })

  for (const death of ['exit', 'throw']) {
    it(`says of a task that it killed its thread (${death}), and does all others`, async () => {
      const pool = open()
      const tasks = [0, 1, death, 3, 4, death, 6]
      const answers = await Promise.all(tasks.map((task) => pool.run<Echo>(task)))
      assert.deepEqual(
        answers.map(({ outcome }) => outcome),
        tasks.map((task) => (task === death ? 'died' : 'done')),
      )
      await pool.close()
    })
  }

  it('gives a second task about the same to the thread that did the first', async () => {
    const pool = open()
    const threadOf = async (task: string, about?: string): Promise<number | string> => {
      const answer = await pool.run<Echo>(task, about)
      return answer.outcome === 'done' ? answer.value.threadId : answer.outcome
    }
    const images = Array.from({ length: 40 }, (_, i) => `image ${i}`)
    const pairs = await Promise.all(
      images.map(async (image) => [await threadOf('look', image), await threadOf('seal', image)] as const),
    )
    for (const [first, second] of pairs) assert.equal(second, first)
    assert.equal(new Set(pairs.flat()).size, 2)
    await pool.close()
  })

  it('waits for no thread that takes long, nor for one that has ended', async () => {
    const pool = open()
    const answer = await pool.run<Echo>('look', 'image')
    const circle = pool.run('circle', 'image')
    const after = await pool.run<Echo>('seal', 'image')
    assert.ok(answer.outcome === 'done' && after.outcome === 'done')
    assert.notEqual(after.value.threadId, answer.value.threadId)
    assert.equal((await pool.run('exit', 'image')).outcome, 'died')
    assert.equal((await pool.run('seal', 'image')).outcome, 'done')
    await pool.close()
    await circle
  })

  it('ends a task that never ends', async () => {
    const pool = open({ threads: 1, timeoutMs: 50 })
    assert.equal((await pool.run('circle')).outcome, 'died')
    assert.equal((await pool.run('after it')).outcome, 'done')
    await pool.close()
  })

  it('uses the thread that came up before there was a task', async () => {
    const pool = open({ threads: 1 })
    await Promise.all([pool.begin(), pool.begin()])
    assert.equal((await pool.run('first')).outcome, 'done')
    await pool.close()
    const broken = open({ setup: 'broken' })
    await broken.begin()
    assert.equal((await broken.run('first')).outcome, 'unavailable')
    await broken.close()
  })

  it('says that nobody can work where threads do not come up', async () => {
    const pool = open({ setup: 'broken' })
    const answers = await Promise.all([1, 2, 3, 4, 5].map((task) => pool.run(task)))
    assert.deepEqual(new Set(answers.map(({ outcome }) => outcome)), new Set(['unavailable']))
    assert.equal((await pool.run(6)).outcome, 'unavailable')
    await pool.close()
  })

  it('answers what is under way when it is closed', async () => {
    const pool = open({ threads: 1 })
    await pool.run('first')
    const circle = pool.run('circle')
    const waiting = pool.run('waiting')
    await pool.close()
    assert.equal((await circle).outcome, 'unavailable')
    assert.equal((await waiting).outcome, 'unavailable')
    assert.equal((await pool.run('late')).outcome, 'unavailable')
  })
})
