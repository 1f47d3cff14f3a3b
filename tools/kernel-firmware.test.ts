/** What the kernel for firmware has beside the tiles, against the libraries that core uses. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { encodeHex } from '../packages/core/src/bytes/hex.ts'
import { encodeStream, layStream } from '../packages/core/src/domain/mark/tiles/stream.ts'
import { makeKeyTable, makePads } from '../packages/core/src/domain/mark/tiles/tile-keys.ts'
import { seeded } from '../packages/core/src/testing/seeded.ts'
import { compileKernel, FIRMWARE } from './build-kernel.ts'

const imageKey = Uint8Array.from({ length: 32 }, (_, i) => 7 * i)
const signature = Uint8Array.from({ length: 64 }, (_, i) => 255 - i)

/** As much of it as is used here; it is in Node, not in the language's types. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
}

interface FirmwareKernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  chacha20(key: number, nonce0: number, nonce1: number, nonce2: number, counter: number, block: number): void
  makeKeys(key: number, count: number, first: number, second: number, block: number): void
  makePads(key: number, plane: number, from: number, count: number, pads: number, block: number): void
  addParity(stream: number, data: number, length: number, work: number): void
}

describe('ciphers and codes for firmware', () => {
  const AT = { key: 64, block: 128, work: 256, first: 1024, second: 131_072 }
  let kernel: FirmwareKernel
  let memory: Uint8Array

  before(async () => {
    const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly
    kernel = new Instance(new Module(await compileKernel(FIRMWARE))).exports as FirmwareKernel
    kernel.memory.grow(4)
    memory = new Uint8Array(kernel.memory.buffer)
  })

  it('makes the block of RFC 8439 section 2.3.2', () => {
    memory.set(
      Uint8Array.from({ length: 32 }, (_, i) => i),
      AT.key,
    )
    kernel.chacha20(AT.key, 0x0900_0000, 0x4a00_0000, 0, 1, AT.block)
    assert.equal(
      encodeHex(memory.subarray(AT.block, AT.block + 64)),
      '10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4ed2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e',
    )
  })

  it('makes the key table', () => {
    const table = makeKeyTable(imageKey, 32)
    memory.set(imageKey, AT.key)
    kernel.makeKeys(AT.key, table.first.length, AT.first, AT.second, AT.block)
    assert.deepEqual(new Uint32Array(memory.buffer, AT.first, table.first.length), table.first)
    assert.deepEqual(new Uint32Array(memory.buffer, AT.second, table.first.length), table.second)
    memory.fill(0, AT.second)
    kernel.makeKeys(AT.key, 33, AT.first, 0, AT.block)
    assert.ok(memory.subarray(AT.second).every((byte) => byte === 0))
  })

  it('makes the pads of any tiles of any plane', () => {
    memory.set(imageKey, AT.key)
    for (const [plane, from, count] of [
      [0, 0, 1],
      [1, 0, 50],
      [258, 13, 40],
      [0xfffe, 16, 16],
      [3, 31, 2],
    ] as const) {
      kernel.makePads(AT.key, plane, from, count, AT.first, AT.block)
      const pads = new Uint32Array(memory.buffer, AT.first, count)
      assert.deepEqual(pads, makePads(imageKey, plane, from + count).slice(from))
    }
  })

  it('makes the parity of a stream', () => {
    const random = seeded(4)
    const header = Uint8Array.from({ length: 48 }, () => random(256))
    for (const [tiles, sideBytes] of [
      [1, 0],
      [3, 100],
      [4, 0],
      [24, 0],
      [151, 0],
      [256, 0],
      [1000, 700],
      [6, 1400],
    ] as const) {
      const side = Uint8Array.from({ length: sideBytes }, () => random(256))
      const layout = layStream(tiles, sideBytes)
      const stream = encodeStream({ header, signature, side }, layout)
      const at = AT.first
      memory.fill(255, at, at + stream.length)
      memory.set(stream.subarray(0, layout.dataBytes), at)
      kernel.addParity(at, layout.dataBytes, stream.length, AT.work)
      assert.deepEqual(memory.slice(at, at + stream.length), stream)
    }
  })
})
