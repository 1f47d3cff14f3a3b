import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { peer } from '../packages/node/src/testing/peers.ts'
import {
  compileKernel,
  FIRMWARE,
  FIRMWARE_FILES,
  formatKernel,
  KERNELS,
  translateFirmware,
  WASM2C_VERSION,
} from './build-kernel.ts'

/** As much of it as is used here; it is in Node, not in the language's types. */
interface Wasm {
  readonly Module: (new (
    bytes: Uint8Array,
  ) => object) & {
    imports(module: object): readonly object[]
    exports(module: object): readonly { readonly name: string; readonly kind: string }[]
  }
}
const { Module } = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly

const SHA256_EXPORTS = [
  'function hashMessages',
  'function hashNodes',
  'global BLOCKS',
  'global CAPACITY',
  'global OUTPUT',
  'memory memory',
]
const MARK_EXPORTS = [
  'function embed',
  'function plan',
  'function read',
  'function scratchBytes',
  'function sum',
  'function sumRows',
  'memory memory',
]

describe('build-kernel', () => {
  for (const build of KERNELS) {
    it(`compiles the source to the kernel that is committed, and that only computes: ${build.purpose}`, async () => {
      const binary = await compileKernel(build)
      const committed = readFileSync(join(import.meta.dirname, '..', build.file), 'utf8')
      assert.equal(formatKernel(build, binary), committed)
      const kernel = new Module(binary)
      assert.deepEqual(Module.imports(kernel), [])
      const names = Module.exports(kernel).map(({ name, kind }) => `${kind} ${name}`)
      assert.deepEqual(names.sort(), build.constant === 'SHA256_KERNEL' ? SHA256_EXPORTS : MARK_EXPORTS)
    })
  }

  it('compiles a kernel for firmware that needs nothing', async () => {
    assert.deepEqual(Module.imports(new Module(await compileKernel(FIRMWARE))), [])
  })

  it('translates it to the C that is committed', { skip: peer('wasm2c').skip }, async (t) => {
    const texts = await translateFirmware()
    if (texts === undefined) return t.skip(`wasm2c is not ${WASM2C_VERSION}`)
    const committed = FIRMWARE_FILES.map((file) => readFileSync(join(import.meta.dirname, '..', file), 'utf8'))
    assert.deepEqual(texts, committed)
  })
})
