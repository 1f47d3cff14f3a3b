import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { toyTable } from '../../../testing/toy-features.ts'
import type { FeatureTable } from '../model/feature-table.ts'
import { type AuditOptions, auditModels, flipRates, probeArea } from './audit-models.ts'
import type { AuditResult, FamilyArea, Method } from './audit-result.ts'

const table = toyTable({
  patients: 200,
  seed: 1,
  // `spot` is a local technique that nobody can see; `down` and `up` move one feature to opposite sides.
  shifts: { down: [-2.5], up: [2.5], spot: [] },
  cues: ['cue.one'],
})
const options: AuditOptions = {
  model: { name: 'toy', dataManifestHash: '0'.repeat(64), codeHash: '1'.repeat(64), seed: 3 },
  source: 'normal deviates',
  seed: 3,
  folds: 3,
  cues: [{ name: 'cue.one', perfect: 'high' }],
  features: table.names.filter((name) => name !== 'cue.one'),
  local: new Set(['spot']),
  draws: 100,
}

let result: AuditResult
before(() => {
  result = auditModels(table, options)
})

const areaOf = (technique: string, method: Method, setting: 'seen' | 'unseen'): FamilyArea =>
  result.areas.find(
    (one) => one.technique === technique && one.method === method && one.setting === setting,
  ) as FamilyArea

describe('auditModels', () => {
  it('finds that seen techniques are seen', () => {
    for (const technique of ['down', 'up']) {
      const { area, low, high } = areaOf(technique, 'boosting', 'seen')
      assert.ok(area > 0.8 && low < area && area < high, String(area))
    }
  })

  it('finds that boosting is blind for what it was not shown, and one-class is not', () => {
    assert.ok(areaOf('up', 'boosting', 'unseen').area < 0.6)
    assert.ok(areaOf('up', 'one-class', 'unseen').area > 0.65)
  })

  it('finds that local techniques are no better than chance, and leaves them out of what was left out', () => {
    const { low, high, isLocal } = areaOf('spot', 'boosting', 'seen')
    assert.ok(isLocal && low < 0.5 && high > 0.5)
    assert.equal(areaOf('spot', 'boosting', 'unseen'), undefined)
  })

  it('counts false alarms near the level, on held-out and on foreign true images', () => {
    assert.deepEqual([...new Set(result.alarms.map(({ group }) => group))], ['held-out', 'even', 'odd'])
    for (const { low, rate, high } of result.alarms) assert.ok(low < 0.08 && rate < 0.14 && high > 0.01)
  })

  it('finds false alarms where a foreign source is not like the own', () => {
    const samples = table.samples.map((sample) => ({
      ...sample,
      values: sample.source === 'odd' ? sample.values.map((value) => value * 1.8) : sample.values,
    }))
    const { alarms } = auditModels({ ...table, samples }, options)
    const rate = alarms.find(({ group, method }) => group === 'odd' && method === 'one-class')?.rate ?? 0
    assert.ok(rate > 0.3, String(rate))
  })

  it('says what an alarm is worth', () => {
    const [even, , , rare] = result.worth
    assert.ok((even?.trueShare ?? 0) > 0.7 && (rare?.trueShare ?? 1) < 0.05)
  })

  it('gives the same figures again', () => {
    assert.deepEqual(auditModels(table, options), result)
  })

  it('is plain data', () => assert.deepEqual(JSON.parse(JSON.stringify(result)), result))
})

describe('probeArea', () => {
  it('is near ½ for what says nothing, and finds a shortcut', () => {
    const size = (sizeOf: (isForged: boolean, patient: number) => number): FeatureTable => ({
      names: ['width'],
      samples: table.samples.map((sample) => ({
        ...sample,
        values: Float64Array.of(sizeOf(sample.label !== 'real', Number(sample.group.slice(1)))),
      })),
    })
    const fair = probeArea(
      'size',
      size((_, patient) => (patient * 7919) % 31),
      options,
    )
    const unfair = probeArea(
      'size',
      size((isForged) => (isForged ? 112 : 1024)),
      options,
    )
    assert.ok(fair.low < 0.52 && fair.high > 0.48, JSON.stringify(fair))
    assert.equal(unfair.area, 1)
  })
})

describe('flipRates', () => {
  it('counts alarms that come or go', () => {
    const at = (p: number) => ({ score: 1 - p, p })
    const pairs = [
      { change: 'png', before: at(0.01), after: at(0.01) },
      { change: 'png', before: at(0.5), after: at(0.5) },
      { change: 'jpeg', before: at(0.01), after: at(0.2) },
      { change: 'jpeg', before: at(0.2), after: at(0.04) },
    ]
    const [png, jpeg] = flipRates(pairs, 0.05)
    assert.deepEqual([png?.flips, png?.count, png?.correlation], [0, 2, 1])
    assert.deepEqual([jpeg?.flips, jpeg?.count, jpeg?.correlation], [2, 2, -1])
  })
})
