import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { boundMask, CHANGE_COLOUR, composeChange, maskChange } from './change.ts'
import type { Raster } from './raster.ts'

const [columns, rows] = [180, 140]
const before = new Uint8Array(columns * rows).fill(60)
const after = before.slice()
for (let y = 20; y < 26; y++) after.fill(200, y * columns + 40, y * columns + 50)

const countColour = ({ data }: Raster): number => {
  let count = 0
  for (let i = 0; i < data.length; i += 3) if (CHANGE_COLOUR.every((value, k) => data[i + k] === value)) count++
  return count
}

describe('change', () => {
  it('finds what differs, and the box around it', () => {
    const mask = maskChange(before, after)
    assert.equal(
      mask.reduce((sum, value) => sum + value, 0),
      60,
    )
    assert.deepEqual(boundMask(mask, columns), { left: 40, top: 20, right: 50, bottom: 26 })
  })

  it('finds a change of one bit of one sample, at either corner', () => {
    for (const place of [0, columns * rows - 1]) {
      const samples = new Uint16Array(columns * rows).fill(1000)
      const changed = samples.slice()
      changed[place] = 1001
      const box = boundMask(maskChange(samples, changed), columns)
      assert.deepEqual(
        box,
        place === 0 ? { left: 0, top: 0, right: 1, bottom: 1 } : { left: 179, top: 139, right: 180, bottom: 140 },
      )
    }
  })

  it('finds nothing in equal pictures, and refuses pictures of two sizes', () => {
    assert.equal(boundMask(maskChange(before, before.slice()), columns), undefined)
    assert.throws(() => maskChange(before, before.subarray(1)), RangeError)
  })

  it('shows the change framed on both pictures and enlarged beside them', () => {
    const sheet = composeChange({ columns, rows, before, after, mask: maskChange(before, after), captions: ['A', 'B'] })
    // The box of 10 × 6 grows by 3 on each side; two frames around it, two thick; then the enlarged outline.
    const frame = 20 * 16 - 16 * 12
    assert.ok(countColour(sheet) > 2 * frame, `${countColour(sheet)}`)
    assert.ok(sheet.width > 3 * 12 + 2 * columns + 30)
  })

  it('shows two plain pictures where nothing changed', () => {
    const sheet = composeChange({
      columns,
      rows,
      before,
      after: before,
      mask: maskChange(before, before),
      captions: ['A', 'B'],
    })
    assert.equal(countColour(sheet), 0)
    assert.equal(sheet.width, 3 * 12 + 2 * columns)
  })

  it('keeps wide pictures within a sheet, whatever was changed', () => {
    const wide = { columns: 1200, rows: 900 }
    const grey = new Uint8Array(wide.columns * wide.rows).fill(80)
    for (const mask of [new Uint8Array(grey.length).fill(1), new Uint8Array(grey.length).fill(1, 0, 1)]) {
      const sheet = composeChange({ ...wide, before: grey, after: grey, mask, captions: ['A', 'B'] })
      assert.ok(sheet.width < 1700 && sheet.height < 600, `${sheet.width} × ${sheet.height}`)
      assert.ok(countColour(sheet) > 10)
    }
  })
})
