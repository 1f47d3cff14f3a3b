import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { crc32, inflateSync } from 'node:zlib'
import { StoreError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { encodePng, writePng } from './png.ts'

interface Chunk {
  readonly type: string
  readonly data: Uint8Array
}

/** Cuts a file into chunks and checks their sums (ISO/IEC 15948 section 5). */
function chunksOf(file: Uint8Array): Chunk[] {
  const bytes = Buffer.from(file)
  assert.deepEqual([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const chunks: Chunk[] = []
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    const body = bytes.subarray(at + 4, at + 8 + length)
    assert.equal(crc32(body), bytes.readUInt32BE(at + 8 + length))
    chunks.push({ type: body.toString('latin1', 0, 4), data: body.subarray(4) })
    at += length + 12
  }
  return chunks
}

/** Undoes the five filters of section 9. */
function unfilter(raw: Uint8Array, stride: number, step: number): Uint8Array {
  const rows = raw.length / (stride + 1)
  const out = new Uint8Array(rows * stride)
  for (let y = 0; y < rows; y++) {
    const filter = raw[y * (stride + 1)] as number
    for (let x = 0; x < stride; x++) {
      const left = x < step ? 0 : (out[y * stride + x - step] as number)
      const above = y === 0 ? 0 : (out[(y - 1) * stride + x] as number)
      const corner = x < step || y === 0 ? 0 : (out[(y - 1) * stride + x - step] as number)
      const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter] as number
      out[y * stride + x] = (raw[y * (stride + 1) + 1 + x] as number) + guess
    }
  }
  return out
}

function paeth(left: number, above: number, corner: number): number {
  const sum = left + above - corner
  const [l, a, c] = [Math.abs(sum - left), Math.abs(sum - above), Math.abs(sum - corner)]
  return l <= a && l <= c ? left : a <= c ? above : corner
}

function readPng(file: Uint8Array): { width: number; height: number; channels: number; data: Uint8Array } {
  const chunks = chunksOf(file)
  assert.equal(chunks[0]?.type, 'IHDR')
  assert.equal(chunks.at(-1)?.type, 'IEND')
  const header = Buffer.from((chunks[0] as Chunk).data)
  const [width, height, depth, colour] = [header.readUInt32BE(0), header.readUInt32BE(4), header[8], header[9]]
  assert.equal(depth, 8)
  const channels = colour === 0 ? 1 : 3
  assert.ok(colour === 0 || colour === 2)
  const packed = Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data))
  return { width, height, channels, data: unfilter(inflateSync(packed), width * channels, channels) }
}

const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * i * 31 + i * 7) & 255)

describe('png', () => {
  it('writes colour pictures that a reader of the standard gets back', () => {
    const raster = { width: 17, height: 9, data: noise(17 * 9 * 3) }
    const back = readPng(encodePng(raster))
    assert.deepEqual(back, { ...raster, channels: 3 })
  })

  it('writes grey pictures with one channel', () => {
    const grey = noise(31 * 5)
    const back = readPng(encodePng({ width: 31, height: 5, grey }))
    assert.deepEqual(back, { width: 31, height: 5, channels: 1, data: grey })
  })

  it('refuses values that do not fill the picture', () => {
    assert.throws(() => encodePng({ width: 4, height: 4, grey: new Uint8Array(15) }), RangeError)
    assert.throws(() => encodePng({ width: 4, height: 4, data: new Uint8Array(16) }), RangeError)
  })

  it('puts whole files on the disk and does not write over others', (context) => {
    const path = join(temporaryFolder(context), 'a.png')
    const picture = { width: 3, height: 2, grey: noise(6) }
    const written = writePng(path, picture)
    assert.deepEqual(new Uint8Array(readFileSync(path)), new Uint8Array(encodePng(picture)))
    assert.equal(written, readFileSync(path).length)
    assert.throws(
      () => writePng(path, picture),
      (error) => error instanceof StoreError && error.code === 'output_exists',
    )
    writePng(path, { ...picture, grey: noise(7).subarray(1) }, { isOverwriting: true })
    assert.deepEqual(readPng(readFileSync(path)).data, noise(7).subarray(1))
  })
})
