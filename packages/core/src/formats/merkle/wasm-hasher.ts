/**
 * WASM hasher: digests of a Merkle tree, four at a time, in the lanes of a vector.
 *
 * Source: RFC 6962 section 2.1; FIPS 180-4 section 5.1.1 (padding). The kernel is packages/kernel/assembly/sha256.ts,
 * compiled into sha256-kernel.ts; this file is the other side of its memory. It makes one instance, synchronously.
 */
import { decodeBase64 } from '../../bytes/base64.ts'
import type { HashFactory } from '../../bytes/hash.ts'
import { countPairs, createPlainHasher, type NodeHasher, PAIR_BYTES } from './node-hasher.ts'
import { SHA256_KERNEL } from './sha256-kernel.ts'
import { HASH_BYTES } from './tree.ts'

/** What the kernel exports. */
interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  /** Messages of one call at most. */
  readonly CAPACITY: { readonly value: number }
  /** Where digests come out. */
  readonly OUTPUT: { readonly value: number }
  /** Where the numbers of blocks of messages go in, 4 bytes each. */
  readonly BLOCKS: { readonly value: number }
  hashNodes(input: number, count: number): void
  hashMessages(input: number, count: number): void
}

/** The runtime's own WebAssembly, as much of it as is used here; it is in Node and browsers, not in the language's types. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
  validate(bytes: Uint8Array): boolean
}

const PAGE_BYTES = 65_536
/** Messages go in behind the page that the kernel's tables lie in. */
const INPUT = PAGE_BYTES
/** What the kernel may read behind its last message. */
const SLACK_BYTES = 256
const BLOCK_BYTES = 64
/** What padding adds to an entry at least: the prefix, the end mark and the length. */
const PADDING_BYTES = 1 + 1 + 8
/** Padded messages of one call, a longer single one excepted. */
const INPUT_LIMIT_BYTES = 1024 * 1024

/** The fastest hasher that this runtime can run: the kernel, or the plain one where there are no vectors. */
export function createHasher(hashes: HashFactory): NodeHasher {
  const wasm = findWasm()
  return wasm?.validate(decodeBase64(SHA256_KERNEL)) ? createWasmHasher() : createPlainHasher(hashes)
}

/**
 * A hasher that runs the kernel, with memory of its own: some 1.2 MiB, more for a longer entry.
 * @throws {TypeError} where the runtime has no WebAssembly; what it throws itself where it has no vectors
 */
export function createWasmHasher(): NodeHasher {
  const wasm = findWasm()
  if (wasm === undefined) throw new TypeError('this runtime has no WebAssembly')
  const kernel = new wasm.Instance(new wasm.Module(decodeBase64(SHA256_KERNEL))).exports as Kernel
  return {
    hashNodes: (pairs) => hashNodes(kernel, pairs),
    hashLeaves: (entries) => hashLeaves(kernel, entries),
  }
}

function hashNodes(kernel: Kernel, pairs: Uint8Array): Uint8Array {
  const count = countPairs(pairs)
  const digests = new Uint8Array(count * HASH_BYTES)
  const most = kernel.CAPACITY.value
  for (let first = 0; first < count; first += most) {
    const some = Math.min(most, count - first)
    const memory = reserve(kernel, some * PAIR_BYTES)
    memory.set(pairs.subarray(first * PAIR_BYTES, (first + some) * PAIR_BYTES), INPUT)
    kernel.hashNodes(INPUT, some)
    takeDigests(kernel, memory, some, digests, first)
  }
  return digests
}

function hashLeaves(kernel: Kernel, entries: readonly Uint8Array[]): Uint8Array {
  const digests = new Uint8Array(entries.length * HASH_BYTES)
  for (let first = 0; first < entries.length; ) {
    const { count, lengthBytes } = nextMessages(entries, first, kernel.CAPACITY.value)
    const memory = reserve(kernel, lengthBytes)
    const blocks = new DataView(memory.buffer, kernel.BLOCKS.value)
    let at = INPUT
    for (let i = 0; i < count; i++) {
      const entry = entries[first + i] as Uint8Array
      const paddedBytes = padLeaf(memory, at, entry)
      blocks.setUint32(4 * i, paddedBytes / BLOCK_BYTES, true)
      at += paddedBytes
    }
    // Lanes behind the last message have no blocks.
    for (let i = count; i % 4 !== 0; i++) blocks.setUint32(4 * i, 0, true)
    kernel.hashMessages(INPUT, count)
    takeDigests(kernel, memory, count, digests, first)
    first += count
  }
  return digests
}

/** As many messages as go into one call: one at least. */
function nextMessages(
  entries: readonly Uint8Array[],
  first: number,
  most: number,
): { readonly count: number; readonly lengthBytes: number } {
  let count = 0
  let lengthBytes = 0
  for (; count < most && first + count < entries.length; count++) {
    const next = paddedLength((entries[first + count] as Uint8Array).length)
    if (count > 0 && lengthBytes + next > INPUT_LIMIT_BYTES) break
    lengthBytes += next
  }
  return { count, lengthBytes }
}

const paddedLength = (lengthBytes: number): number =>
  Math.ceil((lengthBytes + PADDING_BYTES) / BLOCK_BYTES) * BLOCK_BYTES

/** Writes the message of a leaf, padded to whole blocks; gives its length back. */
function padLeaf(memory: Uint8Array, at: number, entry: Uint8Array): number {
  const paddedBytes = paddedLength(entry.length)
  const messageBytes = entry.length + 1
  memory[at] = 0
  memory.set(entry, at + 1)
  memory.fill(0, at + messageBytes, at + paddedBytes)
  memory[at + messageBytes] = 0x80
  const bits = new DataView(memory.buffer, at + paddedBytes - 8, 8)
  bits.setUint32(0, Math.floor(messageBytes / 2 ** 29))
  bits.setUint32(4, messageBytes * 8)
  return paddedBytes
}

function takeDigests(kernel: Kernel, memory: Uint8Array, count: number, digests: Uint8Array, first: number): void {
  const from = kernel.OUTPUT.value
  digests.set(memory.subarray(from, from + count * HASH_BYTES), first * HASH_BYTES)
}

/** The kernel's memory, with room for input of a length. Growing takes earlier views away. */
function reserve(kernel: Kernel, lengthBytes: number): Uint8Array {
  const missing = INPUT + lengthBytes + SLACK_BYTES - kernel.memory.buffer.byteLength
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE_BYTES))
  return new Uint8Array(kernel.memory.buffer)
}

const findWasm = (): Wasm | undefined => (globalThis as unknown as { readonly WebAssembly?: Wasm }).WebAssembly
