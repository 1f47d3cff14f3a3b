import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { S3Answer, S3Client, S3Request } from './client.ts'
import { isPassing, sendPatiently } from './retry.ts'

const REQUEST: S3Request = { method: 'GET', key: 'head' }

const answer = (status: number | undefined, code = ''): S3Answer => ({
  status,
  code,
  etag: undefined,
  body: new Uint8Array(0),
})

/** A client that answers in turn, the last answer for ever, and notes its waits. */
function clientOf(answers: readonly S3Answer[], random = 1): { client: S3Client; waits: number[]; sent: () => number } {
  const waits: number[] = []
  let sent = 0
  const client = {
    surroundings: {
      now: () => new Date(0),
      random: () => random,
      sleep: async (ms: number) => {
        waits.push(ms)
      },
    },
    send: async () => answers[Math.min(sent++, answers.length - 1)] as S3Answer,
  } satisfies Pick<S3Client, 'send' | 'surroundings'>
  return { client: client as unknown as S3Client, waits, sent: () => sent }
}

describe('S3 retry', () => {
  it('asks once where the answer stands', async () => {
    for (const status of [200, 204, 206, 301, 304, 400, 401, 403, 404, 405, 411, 412, 416, 501]) {
      const { client, waits, sent } = clientOf([answer(status)])
      const outcome = await sendPatiently(client, REQUEST)
      assert.deepEqual(outcome, { answer: answer(status), mayHaveHappened: false })
      assert.equal(sent(), 1)
      assert.deepEqual(waits, [])
    }
  })

  it('asks again where it may pass', async () => {
    const passing = [undefined, 408, 409, 429, 500, 502, 503, 504, 507].map((status) => answer(status))
    for (const first of [...passing, answer(400, 'RequestTimeout')]) {
      assert.ok(isPassing(first))
      const { client, sent } = clientOf([first, first, answer(200)])
      assert.equal((await sendPatiently(client, REQUEST)).answer.status, 200)
      assert.equal(sent(), 3)
    }
  })

  it('knows which attempts may have taken effect', async () => {
    for (const [status, expected] of [
      [undefined, true],
      [500, true],
      [503, true],
      [409, false],
      [429, false],
      [408, false],
    ] as const) {
      const { client } = clientOf([answer(status), answer(409), answer(412)])
      const outcome = await sendPatiently(client, REQUEST)
      assert.deepEqual(outcome, { answer: answer(412), mayHaveHappened: expected })
    }
  })

  it('gives up after six attempts, with the last answer', async () => {
    const { client, waits, sent } = clientOf([answer(500), answer(undefined, 'ECONNRESET'), answer(503, 'SlowDown')])
    assert.deepEqual((await sendPatiently(client, REQUEST)).answer, answer(503, 'SlowDown'))
    assert.equal(sent(), 6)
    assert.deepEqual(waits, [100, 200, 400, 800, 1600])
  })

  it('waits a random part of a bound that grows', async () => {
    const { client, waits } = clientOf([answer(503)], 0.25)
    await sendPatiently(client, REQUEST)
    assert.deepEqual(waits, [25, 50, 100, 200, 400])
  })
})
