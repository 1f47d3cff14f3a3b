import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PoolOptions, runInPool } from './pool.ts'

/** A thread that does as the task says. */
const SCRIPT = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from 'node:worker_threads'
    let last = Promise.resolve()
    const perform = async ({ id, task }) => {
      if (task.does === 'exit') process.exit(7)
      if (task.does === 'throw') throw new TypeError('broken')
      await new Promise((resolve) => setTimeout(resolve, task.afterMs ?? 0))
      parentPort.postMessage({ id, result: { number: task.number, setup: workerData } })
    }
    parentPort.on('message', (message) => {
      last = last.then(() => perform(message))
    })
    parentPort.postMessage('ready')
  `)}`,
)

interface Task {
  readonly number: number
  readonly afterMs?: number
  readonly does?: 'exit' | 'throw'
}

interface Result {
  readonly number: number
  readonly setup?: string
  readonly crash?: string
}

const options: PoolOptions<Task, Result> = {
  script: SCRIPT,
  setup: 'shared',
  threads: 2,
  onCrash: ({ number }, { message }) => ({ number, crash: message }),
}

async function* stream(tasks: readonly Task[]): AsyncGenerator<Task> {
  yield* tasks
}

const run = (tasks: readonly Task[], changes: Partial<PoolOptions<Task, Result>> = {}): Promise<Result[]> =>
  Array.fromAsync(runInPool(stream(tasks), { ...options, ...changes }))

describe('runInPool', () => {
  it('gives results in the order of the tasks, however long each takes', async () => {
    const tasks = Array.from({ length: 60 }, (_, number) => ({ number, afterMs: (number * 7) % 5 }))
    const results = await run(tasks)
    assert.deepEqual(
      results.map(({ number }) => number),
      tasks.map(({ number }) => number),
    )
    assert.ok(results.every(({ setup }) => setup === 'shared'))
  })

  it('starts no thread for no task', async () => {
    assert.deepEqual(await run([], { script: new URL('file:///nowhere.js') }), [])
  })

  it('answers for the task whose thread died, and does the others', async () => {
    const tasks: Task[] = Array.from({ length: 20 }, (_, number) => ({ number }))
    tasks[5] = { number: 5, does: 'exit' }
    tasks[6] = { number: 6, does: 'throw' }
    tasks[19] = { number: 19, does: 'exit' }
    const results = await run(tasks)
    assert.deepEqual(
      results.map(({ number }) => number),
      tasks.map(({ number }) => number),
    )
    assert.deepEqual(
      results.flatMap(({ number, crash }) => (crash === undefined ? [] : [[number, crash]])),
      [
        [5, 'a thread ended with code 7'],
        [6, 'broken'],
        [19, 'a thread ended with code 7'],
      ],
    )
  })

  it('gives up when threads cannot begin', async () => {
    const script = new URL(`data:text/javascript,${encodeURIComponent("throw new RangeError('no start')")}`)
    await assert.rejects(run([{ number: 1 }, { number: 2 }], { script }), { name: 'RangeError', message: 'no start' })
  })

  it('passes on what the tasks throw, and stops its threads', async () => {
    async function* failing(): AsyncGenerator<Task> {
      yield { number: 1 }
      throw new RangeError('no more')
    }
    await assert.rejects(Array.fromAsync(runInPool(failing(), options)), RangeError)
  })

  it('ends early, in order, once the signal is set off', async () => {
    const controller = new AbortController()
    const numbers: number[] = []
    async function* endless(): AsyncGenerator<Task> {
      for (let number = 0; ; number++) yield { number, afterMs: 1 }
    }
    for await (const { number } of runInPool(endless(), { ...options, signal: controller.signal })) {
      numbers.push(number)
      if (number === 10) controller.abort()
    }
    assert.deepEqual(numbers, Array.from(numbers.keys()))
    assert.ok(numbers.length >= 11 && numbers.length < 60, String(numbers.length))
  })

  it('does not run far ahead of a slow reader', async () => {
    let asked = 0
    async function* counted(): AsyncGenerator<Task> {
      for (let number = 0; number < 500; number++) {
        asked++
        yield { number }
      }
    }
    const results = runInPool(counted(), options)
    for (let i = 0; i < 5; i++) await results.next()
    assert.ok(asked < 60, String(asked))
    await results.return()
  })

  it('leaves no thread behind when its reader leaves while answers come in', async () => {
    const before = process.getActiveResourcesInfo().length
    for (let round = 0; round < 30; round++) {
      const results = runInPool(stream(Array.from({ length: 40 }, (_, number) => ({ number }))), options)
      await results.next()
      await results.return()
    }
    assert.equal(process.getActiveResourcesInfo().length, before)
  })
})
