import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { AuditResult } from './audit-result.ts'
import { metricsOf } from './metrics.ts'

it('takes means of what was not shown, and the false alarms of the models that judge', () => {
  const area = { area: 0.9, low: 0.8, high: 0.95, negatives: 10, positives: 20 }
  const alarm = { alarms: 1, count: 20, rate: 0.05, low: 0.01, high: 0.2 }
  const metrics = metricsOf({
    alpha: 0.05,
    means: [
      { method: 'combined', setting: 'unseen', ...area },
      { method: 'combined', setting: 'seen', ...area, area: 0.99 },
    ],
    alarms: [
      { method: 'combined', group: 'held-out', ...alarm },
      { method: 'cues', group: 'held-out', ...alarm },
    ],
  } as unknown as AuditResult)
  assert.deepEqual(
    metrics.map(({ value, count }) => [value, count]),
    [
      [0.9, 20],
      [0.05, 20],
    ],
  )
  assert.equal(new Set(metrics.map(({ name }) => name)).size, 2)
})
