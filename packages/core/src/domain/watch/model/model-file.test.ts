import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { decodeUtf8, encodeUtf8, equalBytes } from '../../../bytes/text.ts'
import { FormatError } from '../../../errors.ts'
import { seeded } from '../../../testing/seeded.ts'
import { toyTable } from '../../../testing/toy-features.ts'
import { toyTraining } from '../../../testing/toy-watch-model.ts'
import { formatWatchModel, parseWatchModel } from './model-file.ts'
import { scoreSample } from './score-sample.ts'
import { trainWatchModel } from './train-model.ts'
import type { Stratum, WatchModel } from './watch-model.ts'

const SHIFTS = { up: [2], down: [0, -2] }
const table = toyTable({ patients: 120, seed: 3, shifts: SHIFTS, cues: ['symmetry.mirror'] })
const options = toyTraining({ cues: [{ name: 'symmetry.mirror', perfect: 'high' }] })

let model: WatchModel
let bytes: Uint8Array
before(() => {
  model = trainWatchModel(table, options)
  bytes = formatWatchModel(model)
})

const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'watch_model_malformed'

describe('formatWatchModel', () => {
  it('writes the same bytes for the same table, options and seed', () => {
    assert.ok(equalBytes(formatWatchModel(trainWatchModel(table, options)), bytes))
  })

  it('writes other bytes for another seed', () => {
    assert.ok(!equalBytes(formatWatchModel(trainWatchModel(table, { ...options, seed: options.seed + 1 })), bytes))
  })

  it('stays far below a megabyte for as many features as we have', () => {
    const wide = toyTable({ patients: 100, seed: 4, shifts: SHIFTS, width: 150 })
    assert.ok(formatWatchModel(trainWatchModel(wide, toyTraining({}))).length < 400_000)
  })
})

describe('parseWatchModel', () => {
  it('reads what was written, to the last bit', () => {
    const read = parseWatchModel(bytes)
    assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(model)))
    assert.ok(equalBytes(formatWatchModel(read), bytes))
  })

  it('gives a model that scores as the trained one does', () => {
    const read = parseWatchModel(bytes)
    for (const { values } of table.samples.slice(0, 30)) {
      const input = { values: values.subarray(0, 8), cueValues: values.subarray(8) }
      const scores = [model, read].map((one) => scoreSample(one, input, one.strata[0] as Stratum))
      assert.deepEqual(scores[0], scores[1])
    }
  })

  it('reads a model that sees the measures of cues as features, as trained ones do', () => {
    const features = [...table.names.slice(0, 8), 'symmetry.mirror']
    const both = formatWatchModel(trainWatchModel(table, { ...options, features }))
    assert.deepEqual(parseWatchModel(both).featureNames, features)
  })

  const change = (edit: (copy: WatchModel) => object): Uint8Array =>
    formatWatchModel(edit(JSON.parse(decodeUtf8(bytes)) as WatchModel) as WatchModel)
  const stratum = (copy: WatchModel, edit: object): object => ({
    ...copy,
    strata: [{ ...(copy.strata[0] as Stratum), ...edit }],
  })
  const REFUSED: readonly (readonly [string, (copy: WatchModel) => object])[] = [
    ['another format', (copy) => ({ ...copy, format: 'model' })],
    ['a version to come', (copy) => ({ ...copy, version: 2 })],
    ['a field that nobody knows', (copy) => ({ ...copy, extra: 1 })],
    ['no features', (copy) => ({ ...copy, featureNames: [] })],
    ['a feature named twice', (copy) => ({ ...copy, featureNames: copy.featureNames.map(() => 'same') })],
    ['a cue measure named twice', (copy) => ({ ...copy, cues: [...copy.cues, ...copy.cues] })],
    ['fewer tables than features', (copy) => ({ ...copy, featureNames: [...copy.featureNames, 'one.more'] })],
    ['a seed of more than 32 bits', (copy) => ({ ...copy, seed: 2 ** 32 })],
    ['a hash in capitals', (copy) => ({ ...copy, codeHash: 'A'.repeat(64) })],
    ['seven digits', (copy) => ({ ...copy, logistic: { ...copy.logistic, bias: 0.1234567 } })],
    [
      'a scale of zero',
      (copy) => ({ ...copy, logistic: { ...copy.logistic, scales: copy.logistic.scales.map(() => 0) } }),
    ],
    [
      'a tree that asks for a feature that is not there',
      (copy) => ({ ...copy, boosting: { trees: [{ ...copy.boosting.trees[0], features: [8, 0, 0, 0, 0, 0, 0] }] } }),
    ],
    [
      'half a feature',
      (copy) => ({ ...copy, boosting: { trees: [{ ...copy.boosting.trees[0], features: [0.5, 0, 0, 0, 0, 0, 0] }] } }),
    ],
    [
      'a table that falls',
      (copy) => ({
        ...copy,
        oneClass: { ...copy.oneClass, tables: copy.oneClass.tables.map((one) => [...one].reverse()) },
      }),
    ],
    ['no blocks', (copy) => ({ ...copy, oneClass: { ...copy.oneClass, blocks: [] } })],
    [
      'scores that do not rise',
      (copy) => stratum(copy, { oneClass: [...(copy.strata[0] as Stratum).oneClass].reverse() }),
    ],
    [
      'fewer scores than patients',
      (copy) => stratum(copy, { boosting: (copy.strata[0] as Stratum).boosting.slice(1) }),
    ],
    [
      'too few patients',
      (copy) =>
        stratum(copy, { patients: 3, oneClass: [0, 0, 0], boosting: [0, 0, 0], logistic: [0, 0, 0], cues: [[]] }),
    ],
    ['a selector of something else', (copy) => stratum(copy, { selector: { patientName: 'x' } })],
    ['an empty word in a selector', (copy) => stratum(copy, { selector: { modality: '' } })],
    ['sizes the wrong way round', (copy) => stratum(copy, { limits: { rows: [9, 8], columns: [1, 2], bits: [8] } })],
    ['no bits', (copy) => stratum(copy, { limits: { rows: [1, 8], columns: [1, 2], bits: [] } })],
    ['one stratum twice', (copy) => ({ ...copy, strata: [copy.strata[0], copy.strata[0]] })],
    ['a cue without norms', (copy) => stratum(copy, { cues: [] })],
  ]
  for (const [name, edit] of REFUSED) {
    it(`refuses ${name}`, () => assert.throws(() => parseWatchModel(change(edit)), isMalformed))
  }

  it('refuses other spellings of the same model', () => {
    const text = decodeUtf8(bytes)
    for (const other of [` ${text}`, `${text}\n`, text.replace('"version":1', '"version":1.0'), text.slice(0, -1)]) {
      assert.throws(() => parseWatchModel(encodeUtf8(other)), isMalformed)
    }
  })

  it('answers damaged files with its own error, or with a model that can score', () => {
    const below = seeded(5)
    const values = new Float64Array(8)
    for (let round = 0; round < 300; round++) {
      const damaged = bytes.slice(0, round % 3 === 0 ? below(bytes.length) : bytes.length)
      for (let edits = 1 + below(3); edits > 0; edits--) damaged[below(damaged.length)] = 0x20 + below(0x60)
      try {
        const read = parseWatchModel(damaged)
        const { combinedP } = scoreSample(read, { values, cueValues: [0.5] }, read.strata[0] as Stratum)
        assert.ok(combinedP > 0 && combinedP <= 1)
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
  })

  it('answers random bytes with its own error', () => {
    const below = seeded(6)
    for (let round = 0; round < 200; round++) {
      const random = Uint8Array.from({ length: below(64) }, () => below(256))
      assert.throws(() => parseWatchModel(random), isMalformed)
    }
  })
})
