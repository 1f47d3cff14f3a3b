import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CueId, CueMeasurement } from '../cue.ts'
import { planeOf } from '../testing/chest-plane.ts'
import { type AgreementOutcome, compareWithCues } from './agreement.ts'
import type { Finding } from './finding.ts'

const plane = planeOf(200, 200, () => 0)
const at = (left: number, top: number): Finding => ({
  region: { kind: 'box', left, top, right: left + 20, bottom: top + 20 },
  label: 'fracture',
  score: null,
  frame: 0,
})
const fracture = (...values: number[]): CueMeasurement => ({
  id: 'fracture-cleanliness',
  values,
  absent: null,
  shapes: [{ kind: 'box', left: 10, top: 10, right: 30, bottom: 30 }],
})
const spine: CueMeasurement = {
  id: 'spine-straightness',
  values: [1],
  absent: null,
  shapes: [{ kind: 'line', points: Float32Array.of(100, 20, 100, 100) }],
}
const measurements = [fracture(0.1, 1, 1, 0.9), spine]
const compare = (finding: Finding, outside: readonly CueId[], isCalibrated = true) =>
  compareWithCues([finding], { plane, measurements, judgement: { outside: new Set(outside), isCalibrated } })
    .findings[0]

describe('agreement of findings and cues', () => {
  for (const [name, finding, outside, isCalibrated, outcome] of [
    ['agree where nothing is unusual', at(12, 12), [], true, 'agree'],
    ['disagree where the cue at the place is', at(12, 12), ['fracture-cleanliness'], true, 'disagree'],
    ['say so where cues elsewhere are', at(12, 12), ['spine-straightness'], true, 'picture'],
    ['are unknown without a norm', at(12, 12), ['fracture-cleanliness'], false, 'unknown'],
    ['are unknown where nothing was measured', at(150, 150), [], true, 'unknown'],
    ['are unknown outside of the picture', at(900, 900), [], true, 'unknown'],
    ['disagree at a line as at a box', at(90, 90), ['spine-straightness'], true, 'disagree'],
  ] as const satisfies readonly (readonly [string, Finding, readonly CueId[], boolean, AgreementOutcome])[]) {
    it(name, () => assert.equal(compare(finding, outside, isCalibrated)?.outcome, outcome))
  }

  it('name what is unusual at the place, and how the line looks', () => {
    const found = compare(at(12, 12), ['fracture-cleanliness'])
    assert.deepEqual(found?.unusual, ['fracture-cleanliness'])
    assert.match(found?.sentence ?? '', /smooth and one-sided/)
  })

  it('keep the order of findings and count them', () => {
    const all = compareWithCues([at(12, 12), at(150, 150)], {
      plane,
      measurements,
      judgement: { outside: new Set(), isCalibrated: true },
    })
    assert.deepEqual(
      all.findings.map(({ finding }) => finding),
      [0, 1],
    )
    assert.match(all.sentence, /^Of 2 findings, 1 lie/)
  })

  it('say that nothing was marked', () => {
    assert.equal(
      compareWithCues([], { plane, measurements, judgement: { outside: new Set(), isCalibrated: true } }).findings
        .length,
      0,
    )
  })
})
