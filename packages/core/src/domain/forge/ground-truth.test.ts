import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatTruth, type GroundTruth, NOTICE, truthOf } from './ground-truth.ts'
import { TECHNIQUES } from './techniques/all.ts'

describe('the ground truth', () => {
  for (const technique of TECHNIQUES) {
    it(`says what ${technique.id} is, and who may notice`, () => {
      const truth: GroundTruth = {
        ...{ notice: NOTICE, forge: { version: '1.2.3' }, ...truthOf(technique), seed: 7, kind: 'chest' },
        images: [],
      }
      const text = formatTruth(truth)
      assert.deepEqual(JSON.parse(text), truth)
      assert.match(text, /^\{\n {2}"notice": "SYNTHETIC/)
      assert.ok(text.endsWith('}\n'))
    })
  }

  it('describes every technique in words that a DICOM header can hold', () => {
    for (const { id, title } of TECHNIQUES) {
      assert.match(id, /^[a-z][a-z0-9-]*$/)
      assert.match(title, /^[ -[\]-~]+$/)
      assert.ok(title.length <= 200)
    }
  })
})
