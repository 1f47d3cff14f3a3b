/** The shipped model: whole, made with the code of today, and right about images of its kind. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { forgeView } from '@fiducial/core/domain/forge/forge-view.ts'
import { findTechnique } from '@fiducial/core/domain/forge/techniques/all.ts'
import { viewGrey } from '@fiducial/core/domain/pixels/grey-view.ts'
import { openPicturePixels } from '@fiducial/core/domain/pixels/picture-pixels.ts'
import { examinePicture } from '@fiducial/core/domain/watch/examine.ts'
import { MEASURE_NAMES } from '@fiducial/core/domain/watch/measure-view.ts'
import { SHOWN, UNSHOWN } from '../cli/watch/train.ts'
import { openPng } from '../storage/mark/png-file.ts'
import { sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'
import { shippedModel, watchCodeHash } from '../wiring/watch.ts'

const FOLDER = 'data/cxr/real/nih-chestxray14-512/no_finding'

describe('the shipped model', async () => {
  const model = await shippedModel()

  it('was made with the features, cues and techniques of this version: train, audit and ship it again where not', () => {
    assert.deepEqual(model.featureNames, MEASURE_NAMES)
    assert.equal(model.codeHash, watchCodeHash([...SHOWN, ...UNSHOWN]))
  })

  it('carries figures of its audit, each with an interval', () => {
    assert.ok(model.metrics.length > 3)
    assert.ok(model.metrics.every(({ value, low, high }) => low <= value && value <= high))
  })

  it('is chosen by name alone: it knows no device', () => {
    assert.deepEqual(
      model.strata.map(({ selector }) => selector),
      [{}],
    )
  })
})

describe('the shipped model on chests of its kind', { skip: sharedSkip }, async () => {
  const model = await shippedModel()
  const facts = { rows: 512, columns: 512, bits: 8 }
  const views = sharedFiles(FOLDER)
    .filter((_, i) => i % 80 === 0)
    .map(({ path }) => {
      const pixels = openPicturePixels(openPng(readFileSync(path)).picture, () => [])
      const [plane] = pixels.read(0)
      return viewGrey(plane ?? assert.fail(), pixels)
    })
  const judge = (view: (typeof views)[number], other = facts) =>
    examinePicture({ view, facts: other, model, kind: 'chest', stratum: 'nih-chest-512' }).report

  it('finds nothing to say of most true ones, and something of round trips through a network', () => {
    const autoencoder = findTechnique('autoencoder') ?? assert.fail()
    let [alarms, finds] = [0, 0]
    for (const view of views) {
      const forged = forgeView(autoencoder, { ...view, kind: 'chest', spacingMm: null }, 1)
      const fake = { ...view, samples: Float32Array.from(forged.samples) }
      if ((judge(view).score?.combinedP ?? 0) <= 0.05) alarms++
      if ((judge(fake).score?.combinedP ?? 1) <= 0.05) finds++
    }
    assert.ok(views.length >= 6)
    assert.ok(alarms <= 1, `${alarms} alarms`)
    assert.ok(finds >= views.length - 1, `${finds} of ${views.length}`)
  })

  it('abstains for another size and depth', () => {
    const [view = assert.fail()] = views
    assert.equal(judge(view, { ...facts, rows: 1024 }).reason, 'size_not_calibrated')
    assert.equal(judge(view, { ...facts, bits: 12 }).reason, 'bits_not_calibrated')
  })
})
