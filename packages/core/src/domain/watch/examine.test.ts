import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compressJpeg } from '../attack/jpeg.ts'
import { createRandom } from '../attack/random.ts'
import { CUES } from './cues.ts'
import { examinePicture } from './examine.ts'
import { MEASURE_NAMES, measureView, pictureByRule } from './measure-view.ts'
import type { Sample } from './model/feature-table.ts'
import { trainWatchModel } from './model/train-model.ts'
import type { WatchModel } from './model/watch-model.ts'

const view = pictureByRule()
const facts = { modality: 'DX', bodyPart: 'CHEST', stationName: 'ROOM1', rows: 256, columns: 256, bits: 8 }

/** Learnt from the numbers of one picture with a little chance on them: that picture is as usual as can be. */
function modelOfOne(): WatchModel {
  const random = createRandom(3)
  const measured = measureView(view, 'chest')
  if (typeof measured === 'string') throw new RangeError(measured)
  const shifted = (shift: number): Float64Array =>
    measured.values.map((value) => value + (0.01 * random.normal() + shift) * Math.max(0.01, Math.abs(value)))
  const samples = Array.from({ length: 240 }, (_, i): readonly Sample[] => [
    { label: 'real', group: `p${i}`, source: 'one', values: shifted(0) },
    { label: 'made', group: `p${i}`, source: 'one', values: shifted(0.05) },
  ]).flat()
  return trainWatchModel(
    { names: MEASURE_NAMES, samples },
    {
      ...{ name: 'one', seed: 1, source: 'made by rule', codeHash: '0'.repeat(64), dataManifestHash: '0'.repeat(64) },
      features: MEASURE_NAMES,
      cues: CUES.flatMap(({ measures }) => measures.map(({ name, perfect }) => ({ name, perfect }))),
      stratum: {
        id: 'room-1',
        selector: { stationName: 'ROOM1' },
        limits: { rows: [256, 256], columns: [256, 256], bits: [8] },
      },
    },
  )
}

const model = modelOfOne()

describe('examinePicture', () => {
  it('calls a picture usual that is like the true ones, and says that this is no proof', () => {
    const { report, plane } = examinePicture({ view, facts, model })
    assert.equal(report.outcome, 'usual')
    assert.ok((report.score?.combinedP ?? 0) > 0.2)
    assert.match(report.sentence, /no proof/)
    assert.notEqual(plane, null)
  })

  it('calls a picture unusual that went through heavy compression, with the smallest p there is', () => {
    const samples = Uint8Array.from(view.samples)
    const pressed = Float32Array.from(compressJpeg({ width: 256, height: 256, samples }, 20).samples)
    const { report } = examinePicture({ view: { ...view, samples: pressed }, facts, model, alpha: 0.05 })
    assert.equal(report.outcome, 'unusual')
    assert.ok(report.cues.some(({ isUnusual }) => isUnusual === true))
    assert.doesNotMatch(report.sentence, /fake|%/)
  })

  it('goes by the smallest p-value that its true images can give, where less is asked for', () => {
    const samples = Uint8Array.from(view.samples)
    const pressed = Float32Array.from(compressJpeg({ width: 256, height: 256, samples }, 20).samples)
    const { report } = examinePicture({ view: { ...view, samples: pressed }, facts, model, alpha: 0.001 })
    assert.equal(report.outcome, 'unusual')
    assert.equal(report.alpha, report.score?.smallestP)
  })

  const abstentions = [
    ['another station', { ...facts, stationName: 'ROOM2' }, 'no_stratum'],
    ['a header that says nothing', { rows: 256, columns: 256, bits: 8 }, 'no_stratum'],
    ['another size', { ...facts, rows: 512 }, 'size_not_calibrated'],
    ['another depth', { ...facts, bits: 12 }, 'bits_not_calibrated'],
  ] as const
  for (const [name, other, reason] of abstentions) {
    it(`abstains for ${name}, and still shows what it measured`, () => {
      const { report } = examinePicture({ view, facts: other, model })
      assert.deepEqual([report.outcome, report.reason, report.score], ['abstained', reason, null])
      assert.ok(report.cues.some(({ measures }) => measures.length > 0))
      assert.ok(report.cues.every(({ p, isUnusual }) => p === null && isUnusual === null))
    })
  }

  it('refuses colour, black and small pictures without a figure', () => {
    const black = { ...view, samples: new Float32Array(view.samples.length) }
    for (const [bad, reason] of [
      ['colour', 'colour'],
      [black, 'blank'],
      [pictureByRule(64), 'too_small'],
    ] as const) {
      const { report, plane } = examinePicture({ view: bad, facts, model })
      assert.deepEqual([report.outcome, report.reason, report.score, plane], ['refused', reason, null, null])
    }
  })

  it('puts findings of a diagnostic model beside its cues', () => {
    const finding = {
      region: { kind: 'box', left: 40, top: 60, right: 90, bottom: 120 },
      label: 'x',
      score: 0.9,
      frame: 0,
    } as const
    const { report } = examinePicture({ view, facts, model, findings: [finding] })
    assert.equal(report.agreement?.findings.length, 1)
    assert.equal(examinePicture({ view, facts, model }).report.agreement, null)
  })

  it('does not know a stratum that the model lacks', () => {
    assert.throws(() => examinePicture({ view, facts, model, stratum: 'room-9' }), RangeError)
    assert.equal(
      examinePicture({ view, facts: { ...facts, stationName: 'X' }, model, stratum: 'room-1' }).report.outcome,
      'usual',
    )
  })
})
