import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { renderAuditReport } from './audit-report.ts'
import { AUDIT_FORMAT, type AuditResult, type FamilyArea, METHODS } from './audit-result.ts'

const interval = { low: 0.4, high: 0.9 }

const areaOf = (technique: string, setting: 'seen' | 'unseen', isLocal: boolean): readonly FamilyArea[] =>
  METHODS.map((method) => ({
    technique,
    isLocal,
    method,
    setting,
    ...interval,
    area: 0.8125,
    negatives: 90,
    positives: 91,
    detected: 0.25,
    detectedInterval: interval,
  }))

const RESULT: AuditResult = {
  format: AUDIT_FORMAT,
  version: 1,
  model: { name: 'chest', dataManifestHash: 'a'.repeat(64), codeHash: 'b'.repeat(64), seed: 7 },
  data: { source: 'a data set', reals: 1340, patients: 640, forgeries: 9000, features: 150, folds: 5 },
  alpha: 0.05,
  areas: [...areaOf('codec', 'unseen', false), ...areaOf('codec', 'seen', false), ...areaOf('nodule', 'seen', true)],
  means: [{ method: 'combined', setting: 'unseen', area: 0.873, low: 0.851, high: 0.894, negatives: 9, positives: 9 }],
  alarms: ['held-out', 'pneumonia'].flatMap((group, i) =>
    METHODS.map((method) => ({
      method,
      group,
      alarms: 5 + 15 * i,
      count: 100,
      rate: 0.05 + 0.15 * i,
      low: 0.02,
      high: 0.3,
    })),
  ),
  sources: METHODS.map((method) => ({
    method,
    source: 'pneumonia',
    area: 0.7,
    ...interval,
    negatives: 50,
    positives: 50,
  })),
  probes: [{ name: 'size only', area: 0.5, low: 0.45, high: 0.55, negatives: 50, positives: 50 }],
  flips: [{ change: 'jpeg 75', flips: 3, count: 100, rate: 0.03, low: 0.01, high: 0.08, correlation: 0.97 }],
  curves: [
    {
      technique: 'all',
      method: 'one-class',
      points: [
        { falseAlarms: 0, hits: 0 },
        { falseAlarms: 1, hits: 1 },
      ],
    },
  ],
  calibration: METHODS.map((method) => ({ method, nominal: 0.05, observed: 0.045 })),
  worth: [{ prevalence: 0.001, sensitivity: 0.3, falseAlarms: 0.05, trueShare: 0.006, falsePerTrue: 166.5 }],
  notes: ['Nothing was chosen after looking.'],
}

const EMPTY: AuditResult = {
  ...RESULT,
  areas: [],
  alarms: [],
  sources: [],
  probes: [],
  flips: [],
  curves: [],
  calibration: [],
  worth: [],
  notes: [],
}

/** Elements that are opened and not closed, or the other way round. */
function unbalanced(html: string): readonly string[] {
  const open: string[] = []
  const wrong: string[] = []
  for (const [, close, name = '', , self] of html.matchAll(/<(\/?)([a-zA-Z0-9]+)((?:\s[^>]*?)?)(\/?)>/g)) {
    if (['meta', 'br'].includes(name) || self === '/') continue
    if (close === '') open.push(name)
    else if (open.pop() !== name) wrong.push(name)
  }
  return [...wrong, ...open]
}

describe('renderAuditReport', () => {
  const html = renderAuditReport(RESULT)

  it('says first where the models are blind, in figures', () => {
    const blind = html.indexOf('Where it is blind')
    assert.ok(blind > 0 && blind < html.indexOf('What an alarm is worth') && blind < html.indexOf('<svg'))
    assert.match(html, /nodule \.813 \(\.400–\.900\)/)
    assert.match(html, /gave 20\.0 % \(2\.0 %–30\.0 %\) on the source “pneumonia”/)
  })

  it('is well formed, with and without figures', () => {
    assert.deepEqual(unbalanced(html.replace(/^<!doctype html>/, '')), [])
    assert.deepEqual(unbalanced(renderAuditReport(EMPTY).replace(/^<!doctype html>/, '')), [])
    assert.doesNotMatch(html + renderAuditReport(EMPTY), /NaN|undefined|Infinity/)
  })

  it('names what each table and drawing shows', () => {
    const count = (pattern: RegExp): number => [...html.matchAll(pattern)].length
    assert.equal(count(/<table>\n<caption>[^<]+<\/caption>/g), count(/<table>/g))
    assert.equal(count(/<svg [^>]*role="img"><title>[^<]+<\/title>/g), count(/<svg /g))
    assert.equal(count(/<th scope="(?:col|row)"/g), count(/<th[ >]/g))
  })

  it('asks for nothing from elsewhere and runs nothing', () => {
    assert.doesNotMatch(html, /<script|<link|<img|https?:|url\(|@import/)
    assert.match(html, /default-src 'none'/)
  })

  it('looks after day and night', () => assert.match(html, /prefers-color-scheme: dark/))

  it('shows whatever comes from data as text', () => {
    const evil = `</title><script>alert("1")</script>'\u202e\u0007`
    const page = renderAuditReport({
      ...RESULT,
      model: { ...RESULT.model, name: evil, codeHash: evil },
      data: { ...RESULT.data, source: evil },
      areas: RESULT.areas.map((one) => ({ ...one, technique: evil })),
      alarms: RESULT.alarms.map((one) => ({ ...one, group: evil })),
      sources: RESULT.sources.map((one) => ({ ...one, source: evil })),
      probes: RESULT.probes.map((one) => ({ ...one, name: evil })),
      flips: RESULT.flips.map((one) => ({ ...one, change: evil })),
      curves: RESULT.curves.map((one) => ({ ...one, technique: evil })),
      notes: [evil],
    })
    assert.doesNotMatch(page, /<script|\u202e|\u0007/)
    assert.deepEqual(unbalanced(page.replace(/^<!doctype html>/, '')), [])
  })

  it('draws the same bytes again', () => assert.equal(renderAuditReport(RESULT), html))
})
