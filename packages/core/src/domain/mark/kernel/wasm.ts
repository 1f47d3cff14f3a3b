/**
 * The mark's kernel as the runtime has it: with vectors, without, or not at all.
 *
 * Source: packages/kernel/assembly/mark.ts, compiled into mark-simd.ts and mark-scalar.ts by tools/build-kernel.ts.
 */
import { decodeBase64 } from '../../../bytes/base64.ts'
import { MARK_SCALAR_KERNEL } from './mark-scalar.ts'
import { MARK_SIMD_KERNEL } from './mark-simd.ts'

/** Which build of the kernel: with vectors, or without. */
export type KernelBuild = 'simd' | 'scalar'

/** What the kernel exports; lengths in bytes, places in its memory. What each does is said in its source. */
export interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  scratchBytes(width: number, height: number, streamBytes: number): number
  plan(maximum: number, streamBytes: number, keys: number, scratch: number): void
  embed(tile: number, pitch: number, width: number, height: number, pad: number, stream: number): number
  read(tile: number, pitch: number, width: number, height: number, pad: number, stream: number, target: number): number
  sum(tile: number, pitch: number, width: number, height: number, keys: number): number
  sumRows(rows: number, width: number, count: number, sums: number): void
}

/** The runtime's own WebAssembly, as much of it as is used here. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
  validate(bytes: Uint8Array): boolean
}

const PAGE_BYTES = 65_536
const KERNELS: Readonly<Record<KernelBuild, string>> = { simd: MARK_SIMD_KERNEL, scalar: MARK_SCALAR_KERNEL }

/** The faster build that this runtime can run; undefined where it has no WebAssembly. */
export function findBuild(): KernelBuild | undefined {
  const wasm = findWasm()
  return (['simd', 'scalar'] as const).find((name) => wasm?.validate(decodeBase64(KERNELS[name])))
}

/**
 * A kernel with memory of its own.
 * @throws {TypeError} where the runtime has no WebAssembly; what it throws itself where it has no vectors
 */
export function createKernel(build: KernelBuild): Kernel {
  const wasm = findWasm()
  if (wasm === undefined) throw new TypeError('this runtime has no WebAssembly')
  // Runtimes keep what they have compiled as long as it is in use.
  return new wasm.Instance(new wasm.Module(decodeBase64(KERNELS[build]))).exports as Kernel
}

/** Makes sure that memory reaches up to a place. Growing takes earlier views away. */
export function reserve(kernel: Kernel, end: number): void {
  const missing = end - kernel.memory.buffer.byteLength
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE_BYTES))
}

const findWasm = (): Wasm | undefined => (globalThis as unknown as { readonly WebAssembly?: Wasm }).WebAssembly
