import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { GatewayTime } from '../../testing/gateway-time.ts'
import { Loop, type LoopOptions } from './loop.ts'

function start(work: LoopOptions['work'], options: Partial<LoopOptions> = {}) {
  const time = new GatewayTime()
  const troubles: string[] = []
  const onTrouble = (where: string, code: string): void => void troubles.push(`${where} ${code}`)
  const loop = new Loop({ name: 'test', work, pause: time.pause, idleMs: 1_000, onTrouble, ...options })
  return { loop, time, troubles, began: time.now().getTime() }
}

describe('a loop', () => {
  it('works on while there is anything, and then waits', async () => {
    let left = 5
    let rounds = 0
    const { loop, time, began } = start(async () => {
      rounds++
      return left-- > 0
    })
    await time.until(() => rounds === 6)
    assert.ok(time.now().getTime() - began < 1_000, 'no wait while there is work')
    await time.until(() => rounds === 7)
    assert.ok(time.now().getTime() - began >= 1_000)
    await loop.stop()
  })

  it('works at once when it is called, also while it works', async () => {
    let rounds = 0
    const { loop, time, began } = start(async () => {
      if (++rounds === 2) loop.call()
      return false
    })
    await time.until(() => rounds === 1)
    loop.call()
    await time.until(() => rounds === 3)
    assert.ok(time.now().getTime() - began < 1_000)
    await loop.stop()
  })

  it('gathers calls of a moment', async () => {
    let rounds = 0
    const { loop, time } = start(
      async () => {
        rounds++
        return false
      },
      { gatherMs: () => 200 },
    )
    await time.until(() => rounds === 1)
    for (let i = 0; i < 10; i++) loop.call()
    await time.until(() => rounds === 2)
    await time.until(() => true)
    assert.equal(rounds, 2)
    await loop.stop()
  })

  it('goes on after a failure, later each time, and tells of each', async () => {
    const moments: number[] = []
    const { loop, time, troubles } = start(async () => {
      moments.push(time.now().getTime())
      if (moments.length < 5) throw moments.length < 4 ? new StoreError('service_unreachable', 'x') : new TypeError('x')
      return false
    })
    await time.until(() => moments.length >= 5)
    const waits = moments.slice(1).map((moment, i) => moment - (moments[i] as number))
    assert.deepEqual(
      waits,
      waits.toSorted((a, b) => a - b),
    )
    assert.deepEqual(troubles, [...Array(3).fill('test service_unreachable'), 'test defect'])
    await loop.stop()
  })

  it('ends once its work has', async () => {
    const ended = Promise.withResolvers<boolean>()
    let isStopped = false
    let hasBegun = false
    const { loop, time } = start(async () => {
      hasBegun = true
      return ended.promise
    })
    await time.until(() => hasBegun)
    const stopped = loop.stop().then(() => {
      isStopped = true
    })
    await time.until(() => true)
    assert.equal(isStopped, false)
    ended.resolve(true)
    await stopped
  })
})
