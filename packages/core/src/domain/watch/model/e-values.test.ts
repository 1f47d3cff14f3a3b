import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom, type Random } from '../../attack/random.ts'
import { eValueOf, type FeedOptions, type FeedState, startFeed, watchFeed } from './e-values.ts'

const IMAGES = 500
const FEEDS = 600

/** After how many images a feed has its first alarm; infinite where it has none. */
function firstAlarm(draw: () => number, options: FeedOptions, images = IMAGES): number {
  let state: FeedState = startFeed(options)
  for (let image = 1; image <= images; image++) {
    const step = watchFeed(state, draw(), options)
    if (step.isAlarm) return image
    state = step.state
  }
  return Number.POSITIVE_INFINITY
}

const uniform = (random: Random) => (): number => 1 - random.uniform()

describe('eValueOf', () => {
  it('is at most 1 on average for true images', () => {
    let sum = 0
    const steps = 200_000
    for (let i = 0; i < steps; i++) sum += eValueOf((i + 0.5) / steps)
    assert.ok(sum / steps <= 1 + 1e-6 && sum / steps > 0.8, String(sum / steps))
  })

  it('falls as p rises', () => {
    assert.ok(eValueOf(0.001) > eValueOf(0.01) && eValueOf(0.01) > 1 && eValueOf(1) < 1)
  })

  it('refuses what is no p-value', () => {
    for (const p of [0, -1, 1.01, Number.NaN]) assert.throws(() => eValueOf(p), RangeError)
  })
})

describe('watchFeed', () => {
  for (const against of ['forgeries', 'drift'] as const) {
    it(`has an alarm over ${IMAGES} true images in no more feeds than promised, against ${against}`, () => {
      const random = createRandom(11)
      const options: FeedOptions = { alpha: 0.1, against }
      const alarms = Array.from({ length: FEEDS }, () => firstAlarm(uniform(random), options)).filter(
        Number.isFinite,
      ).length
      // Four deviations of a share of so many feeds.
      assert.ok(alarms / FEEDS <= 0.1 + 4 * Math.sqrt((0.1 * 0.9) / FEEDS), String(alarms / FEEDS))
    })

    it(`keeps the promise for the coarse p-values of a calibration set, against ${against}`, () => {
      const random = createRandom(12)
      const options: FeedOptions = { alpha: 0.1, against }
      const coarse = (): number => (1 + random.integer(1000)) / 1000 - random.uniform() / 1000
      const alarms = Array.from({ length: FEEDS }, () => firstAlarm(coarse, options)).filter(Number.isFinite).length
      assert.ok(alarms / FEEDS <= 0.1 + 4 * Math.sqrt((0.1 * 0.9) / FEEDS), String(alarms / FEEDS))
    })
  }

  it('finds a feed of which a fifth is forged', () => {
    const random = createRandom(13)
    const draw = (): number => (random.uniform() < 0.2 ? 0.02 : 1) * (1 - random.uniform())
    const found = Array.from({ length: 50 }, () => firstAlarm(draw, { alpha: 0.01, against: 'forgeries' }))
    assert.ok(found.every(Number.isFinite))
    assert.ok((found.sort((a, b) => a - b)[25] as number) < 150, String(found[25]))
  })

  for (const [name, bend] of [
    ['higher', (u: number) => u ** 0.6],
    ['lower', (u: number) => u ** 1.6],
    ['closer to the middle', (u: number) => 0.2 + 0.6 * u],
    ['at the ends', (u: number) => (u < 0.5 ? 2 * u * u : 1 - 2 * (1 - u) ** 2)],
  ] as const) {
    it(`finds p-values that come to lie ${name}`, () => {
      const random = createRandom(14)
      const draw = (): number => Math.max(bend(1 - random.uniform()), 1e-9)
      const found = Array.from({ length: 20 }, () => firstAlarm(draw, { alpha: 0.01, against: 'drift' }, 1500))
      assert.ok(found.filter(Number.isFinite).length >= 19, found.join(' '))
    })
  }

  it('goes on from a state that was stored', () => {
    const options: FeedOptions = { alpha: 0.05, against: 'drift' }
    let [kept, stored] = [startFeed(options), startFeed(options)]
    const random = createRandom(15)
    for (let i = 0; i < 50; i++) {
      const p = 1 - random.uniform()
      kept = watchFeed(kept, p, options).state
      stored = JSON.parse(JSON.stringify(watchFeed(stored, p, options).state)) as FeedState
    }
    assert.deepEqual(stored, kept)
    assert.throws(() => watchFeed(kept, 0.5, { alpha: 0.05, against: 'forgeries' }), RangeError)
  })

  it('starts anew after an alarm, and counts it', () => {
    const options: FeedOptions = { alpha: 0.05, against: 'forgeries' }
    let state = startFeed(options)
    let alarms = 0
    for (let i = 0; i < 20; i++) {
      const step = watchFeed(state, 0.001, options)
      if (step.isAlarm) assert.equal(step.state.images, 0)
      alarms += step.isAlarm ? 1 : 0
      state = step.state
    }
    assert.ok(alarms > 1)
    assert.equal(state.alarms, alarms)
  })
})
