import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { compileKernel, formatKernel, KERNEL_FILE } from './build-kernel.ts'

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

describe('build-kernel', () => {
  it('compiles the source to the kernel that is committed', async () => {
    const committed = readFileSync(join(import.meta.dirname, '..', KERNEL_FILE), 'utf8')
    assert.equal(formatKernel(await compileKernel()), committed)
  })

  it('makes a kernel that needs nothing and can only compute', async () => {
    const kernel = new Module(await compileKernel())
    assert.deepEqual(Module.imports(kernel), [])
    const names = Module.exports(kernel).map(({ name, kind }) => `${kind} ${name}`)
    assert.deepEqual(names.sort(), [
      'function hashMessages',
      'function hashNodes',
      'global BLOCKS',
      'global CAPACITY',
      'global OUTPUT',
      'memory memory',
    ])
  })
})
