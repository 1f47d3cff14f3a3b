/** Features of true radiographs: that every one can be looked at, and that what a file is stored as hardly moves them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { compressJpeg } from '@fiducial/core/domain/attack/jpeg.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'
import { extractFeatures, FEATURES } from '@fiducial/core/domain/watch/features.ts'
import type { NormalPlane } from '@fiducial/core/domain/watch/normal-plane.ts'
import { normaliseView } from '@fiducial/core/domain/watch/normalise.ts'
import { sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

const { decode } = createRequire(import.meta.url)('fast-png')
const folder = 'data/cxr/real/nih-chestxray14'

function views(): GreyView[] {
  const files = sharedFiles(folder).filter(({ name }) => name.endsWith('.png'))
  return files
    .filter((_, i) => i % 8 === 0)
    .map(({ path }) => decode(readFileSync(path)))
    .filter(({ channels, depth }) => channels === 1 && depth === 8)
    .map(({ width, height, data }) => ({ width, height, samples: Float32Array.from(data), white: 255, window: null }))
}

function planeOf(view: GreyView): NormalPlane {
  const plane = normaliseView(view)
  return typeof plane === 'string' ? assert.fail(plane) : plane
}

describe('features of chest radiographs', { skip: sharedSkip }, () => {
  it('are finite, and vary from picture to picture', () => {
    const tables = views().map((view) => extractFeatures(planeOf(view)))
    assert.ok(tables.length >= 12)
    for (const [i, { name }] of FEATURES.entries()) {
      const column = tables.map((values) => values[i] as number)
      assert.ok(column.every(Number.isFinite), name)
      assert.ok(new Set(column).size > tables.length / 2, name)
    }
  })

  it('do not change with depth and gain', () => {
    for (const view of views().slice(0, 3)) {
      const values = extractFeatures(planeOf(view))
      const deep = { ...view, white: 65535, samples: view.samples.map((value) => 400 + 128 * value) }
      assert.deepEqual(extractFeatures(planeOf(deep)), values)
    }
  })

  it('are moved by JPEG of quality 95 by less than they vary over pictures, most of them by far', () => {
    const all = views()
    const before = all.map((view) => extractFeatures(planeOf(view)))
    const after = all.map((view) => {
      const samples = Float32Array.from(compressJpeg({ ...view, samples: Uint8Array.from(view.samples) }, 95).samples)
      return extractFeatures(planeOf({ ...view, samples }))
    })
    const moves = FEATURES.map((_, i) => {
      const column = before.map((values) => values[i] as number)
      const mean = column.reduce((sum, value) => sum + value, 0) / column.length
      const deviation = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length)
      const move =
        column.reduce((sum, value, j) => sum + Math.abs((after[j]?.[i] as number) - value), 0) / column.length
      return move / deviation
    }).sort((a, b) => a - b)
    assert.ok((moves[moves.length >> 1] as number) < 0.15, `median ${moves[moves.length >> 1]}`)
    assert.ok(
      (moves[Math.floor(moves.length * 0.95)] as number) < 0.6,
      `95 % ${moves[Math.floor(moves.length * 0.95)]}`,
    )
  })
})
