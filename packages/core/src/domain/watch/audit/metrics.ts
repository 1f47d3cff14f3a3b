/** Metrics: the few figures of an audit that go with a model wherever it goes. */
import { rounded } from '../model/rounding.ts'
import type { Metric } from '../model/watch-model.ts'
import type { AuditResult } from './audit-result.ts'

/** Areas over techniques that were not shown, by each method; and false alarms on patients, and on sources, that were not met. */
export function metricsOf({ means, alarms, alpha }: AuditResult): readonly Metric[] {
  return [
    ...means
      .filter(({ setting }) => setting === 'unseen')
      .map(({ method, area, low, high, positives }) => ({
        name: `area under the curve, techniques not shown, ${method}`,
        ...{ value: rounded(area), low: rounded(low), high: rounded(high), count: positives },
      })),
    ...alarms
      .filter(({ method }) => method === 'combined' || method === 'one-class')
      .map(({ method, group, rate, low, high, count }) => ({
        name: `false alarms at p ≤ ${alpha}, ${method}, ${group === 'held-out' ? 'other patients' : `only ${group}, nothing learnt from it`}`,
        ...{ value: rounded(rate), low: rounded(low), high: rounded(high), count },
      })),
  ]
}
