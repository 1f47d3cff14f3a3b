import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { run, temporaryFolder } from '../testing/peers.ts'
import { unprivileged } from '../testing/unprivileged.ts'
import { openFileSource } from './file-source.ts'

const LENGTHS = [0, 1, 8, 4096, 4097, 65_536, 65_537, 1_500_000]
const STREAMED = { inMemoryBytes: 0 }

/** Bytes that differ at every distance below 251. */
const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) % 251)

const storeError = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code

function joined(chunks: Iterable<Uint8Array>): Uint8Array {
  return Buffer.concat(Array.from(chunks, (chunk) => chunk.slice()))
}

describe('openFileSource', () => {
  const folder = temporaryFolder()
  const write = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, bytes)
    return path
  }

  for (const [mode, options] of [
    ['read whole', {}],
    ['streamed', STREAMED],
  ] as const) {
    it(`gives every range of a file that is ${mode}`, () => {
      const bytes = pattern(3_000_001)
      using source = openFileSource(write(`ranges-${mode}`, bytes), options)
      assert.equal(source.length, bytes.length)
      assert.equal(source.isInMemory, mode === 'read whole')
      const kept: [Uint8Array, number, number][] = []
      for (let i = 0; i < 400; i++) {
        const start = (i * 7919 * 131) % bytes.length
        const end = Math.min(bytes.length, start + (LENGTHS[i % 8] ?? 0))
        kept.push([source.view(start, end), start, end])
        if (i % 16 === 0) assert.ok(Buffer.from(bytes.subarray(start, end)).equals(joined(source.chunks(start, end))))
      }
      for (const [view, start, end] of kept) assert.ok(Buffer.from(view).equals(bytes.subarray(start, end)))
    })

    it(`refuses ranges outside a file that is ${mode}`, () => {
      using source = openFileSource(write(`outside-${mode}`, pattern(100)), options)
      for (const [start, end] of [
        [-1, 5],
        [0, 101],
        [101, 101],
        [6, 5],
      ] as const) {
        assert.throws(() => source.view(start, end), RangeError)
        assert.throws(() => [...source.chunks(start, end)], RangeError)
      }
    })
  }

  it('keeps iterations apart that run at the same time', () => {
    const bytes = pattern(2_500_000)
    using source = openFileSource(write('interleaved', bytes), STREAMED)
    const first = source.chunks(0, 2_400_000)[Symbol.iterator]()
    const second = source.chunks(100_000, 2_500_000)[Symbol.iterator]()
    let offset = 0
    let pieces = 0
    while (offset < 2_400_000) {
      const a = first.next().value as Uint8Array
      const b = second.next().value as Uint8Array
      assert.ok(Buffer.from(a).equals(bytes.subarray(offset, offset + a.length)))
      assert.ok(Buffer.from(b).equals(bytes.subarray(100_000 + offset, 100_000 + offset + b.length)))
      offset += a.length
      pieces++
    }
    assert.ok(pieces > 1)
    assert.equal(first.next().done, true)
  })

  it('names each trouble with its code', () => {
    mkdirSync(join(folder, 'sub'))
    symlinkSync('loop', join(folder, 'loop'))
    assert.throws(() => openFileSource(join(folder, 'nowhere')), storeError('input_missing'))
    assert.throws(() => openFileSource(join(write('file', pattern(1)), 'below')), storeError('input_missing'))
    assert.throws(() => openFileSource(join(folder, 'sub')), storeError('input_unreadable'))
    assert.throws(() => openFileSource(join(folder, 'loop')), storeError('input_unreadable'))
    assert.throws(() => openFileSource('/dev/null'), storeError('input_unreadable'))
    assert.throws(() => openFileSource(write('empty', pattern(0))), storeError('input_empty'))
  })

  it('does not wait for a writer at a named pipe', async () => {
    const pipe = join(folder, 'pipe')
    assert.equal((await run('mkfifo', [pipe])).code, 0)
    assert.throws(() => openFileSource(pipe), storeError('input_unreadable'))
  })

  it('refuses a file that it may not read', async () => {
    const path = write('forbidden', pattern(10))
    chmodSync(path, 0)
    await unprivileged(folder, () => assert.throws(() => openFileSource(path), storeError('input_unreadable')))
  })

  it('refuses to go on when the file becomes shorter', () => {
    const path = write('shrinks', pattern(400_000))
    using source = openFileSource(path, STREAMED)
    assert.equal(source.view(0, 10).length, 10)
    truncateSync(path, 200_000)
    assert.throws(() => source.view(300_000, 300_010), storeError('input_unreadable'))
    assert.throws(() => source.view(100_000, 300_000), storeError('input_unreadable'))
    assert.throws(() => [...source.chunks(0, 400_000)], storeError('input_unreadable'))
    assert.equal(source.view(100, 110).length, 10)
  })

  it('tells whether a streamed file was written to', () => {
    const path = write('changes', pattern(1000))
    using source = openFileSource(path, STREAMED)
    assert.equal(source.hasChanged(), false)
    writeFileSync(path, pattern(1000).fill(1))
    utimesSync(path, 1, 1)
    assert.equal(source.hasChanged(), true)
  })

  it('can be closed twice, and refuses reads afterwards', () => {
    const source = openFileSource(write('closed', pattern(1000)), STREAMED)
    const view = source.view(0, 1000)
    source.close()
    source.close()
    assert.deepEqual(view, pattern(1000))
    assert.throws(() => source.view(0, 1), TypeError)
  })
})
