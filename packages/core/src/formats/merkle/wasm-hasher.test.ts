import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { seeded } from '../../testing/seeded.ts'
import { createPlainHasher, emptyRoot, joinWith, type NodeHasher } from './node-hasher.ts'
import { hashLeaf, hashNode } from './tree.ts'
import { createHasher, createWasmHasher } from './wasm-hasher.ts'

const hashes = portableCrypto.hash
const below = seeded(2)
const randomBytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256))
const many = randomBytes(64 * 2500)

const hashers: readonly (readonly [string, () => NodeHasher])[] = [
  ['createPlainHasher', () => createPlainHasher(hashes)],
  ['createWasmHasher', createWasmHasher],
  ['createHasher', () => createHasher(hashes)],
]

for (const [name, create] of hashers) {
  describe(name, () => {
    const hasher = create()

    it('hashes nodes as one by one, however many', () => {
      for (const count of [0, 1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 1023, 1024, 1025, 2500]) {
        const pairs = many.subarray(0, 64 * count)
        const digests = hasher.hashNodes(pairs)
        assert.equal(digests.length, 32 * count)
        for (let i = 0; i < count; i += 1 + (count >> 5)) {
          const [left, right] = [pairs.subarray(64 * i, 64 * i + 32), pairs.subarray(64 * i + 32, 64 * i + 64)]
          const expected = encodeHex(hashNode(hashes, left, right))
          assert.equal(encodeHex(digests.subarray(32 * i, 32 * i + 32)), expected, `${i} of ${count}`)
          assert.equal(encodeHex(joinWith(hasher)(left, right)), expected)
        }
      }
    })

    it('hashes leaves of every length up to 260 in one call', () => {
      const entries = Array.from({ length: 261 }, (_, i) => many.subarray(i, i + i))
      checkLeaves(hasher, entries)
      checkLeaves(hasher, entries.toReversed())
    })

    it('hashes long and short leaves side by side', () => {
      const lengths = [65_535, 0, 1, 55, 54, 56, 63, 64, 65, 118, 119, 120, 65_534, 3, 3_000]
      checkLeaves(
        hasher,
        lengths.map((length, i) => many.subarray(i, i + length)),
      )
    })

    it('gives a published leaf hash, and nothing for nothing', () => {
      // Source: test vectors of certificate-transparency-go, testonly/testdata.
      const empty = hasher.hashLeaves([new Uint8Array(0)])
      assert.equal(encodeHex(empty), '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
      assert.equal(hasher.hashLeaves([]).length, 0)
    })

    it('takes views at odd places, and keeps no hold on results or arguments', () => {
      const pairs = many.subarray(3, 3 + 64 * 5)
      const before = pairs.slice()
      const first = hasher.hashNodes(pairs)
      const kept = encodeHex(first)
      assert.deepEqual(pairs, before)
      hasher.hashNodes(many.subarray(0, 64 * 9))
      hasher.hashLeaves([many])
      assert.equal(encodeHex(first), kept)
      assert.equal(encodeHex(hasher.hashNodes(pairs)), kept)
      first.fill(0)
      assert.equal(encodeHex(hasher.hashNodes(pairs)), kept)
    })

    it('refuses pairs that are no whole number of nodes', () => {
      for (const length of [1, 32, 63, 65, 96, 64 * 1024 + 32]) {
        assert.throws(() => hasher.hashNodes(many.subarray(0, length)), RangeError)
      }
    })
  })
}

describe('createWasmHasher', () => {
  it('hashes more leaves than fit in one call, by number and by length', () => {
    const hasher = createWasmHasher()
    checkLeaves(
      hasher,
      Array.from({ length: 2300 }, (_, i) => many.subarray(i, i + (i % 70))),
      97,
    )
    checkLeaves(
      hasher,
      Array.from({ length: 40 }, (_, i) => many.subarray(i, i + 40_000)),
      13,
    )
  })

  it('hashes a leaf that is longer than its memory', () => {
    checkLeaves(createWasmHasher(), [many, new Uint8Array(1_500_000), many.subarray(7)])
  })

  it('gives the same digests after its memory has grown', () => {
    const hasher = createWasmHasher()
    const before = encodeHex(hasher.hashNodes(many.subarray(0, 640)))
    hasher.hashLeaves([new Uint8Array(3_000_000)])
    assert.equal(encodeHex(hasher.hashNodes(many.subarray(0, 640))), before)
  })
})

describe('createHasher', () => {
  it('hashes without the kernel where the runtime cannot run it', () => {
    const runtime = globalThis as { WebAssembly?: unknown }
    const { WebAssembly } = runtime
    const expected = encodeHex(createPlainHasher(hashes).hashNodes(many.subarray(0, 640)))
    try {
      for (const poorer of [undefined, { validate: () => false }]) {
        runtime.WebAssembly = poorer
        assert.equal(encodeHex(createHasher(hashes).hashNodes(many.subarray(0, 640))), expected)
      }
      runtime.WebAssembly = undefined
      assert.throws(createWasmHasher, TypeError)
    } finally {
      runtime.WebAssembly = WebAssembly
    }
  })
})

describe('emptyRoot', () => {
  it('is the digest of nothing, new each time', () => {
    assert.deepEqual(emptyRoot(), hashes('sha256').digest())
    emptyRoot().fill(0)
    assert.deepEqual(emptyRoot(), hashes('sha256').digest())
  })
})

/** Compares every `step`th leaf hash with the one by itself. */
function checkLeaves(hasher: NodeHasher, entries: readonly Uint8Array[], step = 1): void {
  const digests = hasher.hashLeaves(entries)
  assert.equal(digests.length, 32 * entries.length)
  for (let i = 0; i < entries.length; i += step) {
    const expected = encodeHex(hashLeaf(hashes, entries[i] as Uint8Array))
    assert.equal(encodeHex(digests.subarray(32 * i, 32 * i + 32)), expected, `leaf ${i}`)
  }
}
