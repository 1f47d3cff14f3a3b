import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ByteSource, memorySource } from '../../bytes/source.ts'
import { Window } from './window.ts'

const BYTES = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) % 256)

/** A source that is not memory, and the ranges that were asked of it. */
function slowSource(): { source: ByteSource; ranges: (readonly [number, number])[] } {
  const ranges: (readonly [number, number])[] = []
  const { view, chunks, length } = memorySource(BYTES)
  return {
    ranges,
    source: {
      length,
      isInMemory: false,
      chunks,
      view(start, end) {
        ranges.push([start, end])
        return view(start, end)
      },
    },
  }
}

describe('Window', () => {
  for (const name of ['memory', 'a file']) {
    it(`reads the same numbers as a view of everything, over ${name}`, () => {
      const window = new Window(name === 'memory' ? memorySource(BYTES) : slowSource().source)
      const view = new DataView(BYTES.buffer)
      for (const step of [1, 7, 2047, 65_535, 70_001]) {
        for (let offset = 0; offset + 4 <= BYTES.length; offset += step) {
          assert.equal(window.uint16(offset, true), view.getUint16(offset, true))
          assert.equal(window.uint32(offset, false), view.getUint32(offset, false))
          assert.equal(
            window.tag(offset, true),
            view.getUint16(offset, true) * 65_536 + view.getUint16(offset + 2, true),
          )
          assert.equal(window.tag(offset, false), view.getUint32(offset, false))
        }
      }
      assert.equal(window.uint16(BYTES.length - 2, true), view.getUint16(BYTES.length - 2, true))
      assert.equal(window.uint16(0, true), view.getUint16(0, true))
    })
  }

  it('asks for little where headers stand far apart', () => {
    const { source, ranges } = slowSource()
    const window = new Window(source)
    for (let offset = 0; offset < BYTES.length - 8; offset += 50_000) window.tag(offset, true)
    assert.ok(
      ranges.slice(1).every(([start, end]) => end - start <= 256),
      JSON.stringify(ranges),
    )
    assert.equal(ranges.length, 5)
  })

  it('asks seldom where headers stand close together', () => {
    const { source, ranges } = slowSource()
    const window = new Window(source)
    for (let offset = 0; offset < BYTES.length - 8; offset += 8) window.tag(offset, true)
    assert.ok(ranges.length <= 12, `${ranges.length} times`)
  })
})
