import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../../bytes/hex.ts'
import { StoreError } from '../../../errors.ts'
import { seeded } from '../../../testing/seeded.ts'
import { applyChanges } from './apply.ts'
import { decodePage, encodePage, type Page } from './page.ts'
import { hashes, keyOfBits, MemoryMap, type Pair, pairsFor, plainRoot, sha256 } from './testing/plain-map.ts'

const value = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const isCorrupted = (error: unknown): boolean => error instanceof StoreError && error.code === 'log_corrupted'

async function mapOf(pairs: readonly Pair[], batch = pairs.length): Promise<MemoryMap> {
  const map = new MemoryMap()
  for (let i = 0; i < pairs.length; i += batch) await map.apply(pairs.slice(i, i + batch))
  return map
}

describe('applyChanges', () => {
  it('agrees with a map that is built anew, after every batch, for random keys', async () => {
    for (const [seed, size, batch] of [
      [1, 40, 1],
      [2, 300, 7],
      [3, 2000, 250],
      [4, 2000, 2000],
    ] as const) {
      const pairs = pairsFor(seed, size)
      const map = new MemoryMap()
      for (let i = 0; i < size; i += batch) {
        await map.apply(pairs.slice(i, i + batch))
        if (i % (8 * batch) === 0 || i + batch >= size) {
          assert.deepEqual(map.root, plainRoot(pairs.slice(0, i + batch)), `seed ${seed}, ${i + batch} keys`)
        }
      }
    }
  })

  it('agrees for every size from none to 70', async () => {
    const pairs = pairsFor(5, 70)
    const map = new MemoryMap()
    assert.deepEqual(map.root, plainRoot([]))
    for (const [i, pair] of pairs.entries()) {
      await map.apply([pair])
      assert.deepEqual(map.root, plainRoot(pairs.slice(0, i + 1)))
    }
  })

  it('agrees for keys that have long beginnings in common', async () => {
    const pairs = pairsFor(6, 400, 0x11)
    const map = await mapOf(pairs, 33)
    assert.deepEqual(map.root, plainRoot(pairs))
  })

  it('agrees for two keys that differ in one bit, whichever it is', async () => {
    for (let bit = 0; bit < 256; bit++) {
      const pairs = [
        { key: keyOfBits(''), value: value(1) },
        { key: keyOfBits(`${'0'.repeat(bit)}1`), value: value(2) },
      ]
      assert.deepEqual((await mapOf(pairs, 1)).root, plainRoot(pairs), `bit ${bit}`)
    }
  })

  it('comes to the same pages in every order and in batches of any size', async () => {
    const pairs = pairsFor(7, 500, 0x07)
    const random = seeded(8)
    const shuffled = [...pairs].sort(() => random(3) - 1)
    const [one, other] = [await mapOf(pairs, 1), await mapOf(shuffled, 61)]
    assert.deepEqual(one.root, other.root)
    assert.deepEqual([...one.nodes].sort(), [...other.nodes].sort())
  })

  it('replaces values, alone and together with keys that are new beside them', async () => {
    const random = seeded(9)
    const pairs = pairsFor(9, 300)
    const map = await mapOf(pairs.slice(0, 200))
    for (let round = 0; round < 5; round++) {
      const again = pairs.slice(0, 200 + 20 * round).filter(() => random(4) === 0)
      await map.apply([
        ...again.map(({ key }) => ({ key, value: value(round + 1) })),
        ...pairs.slice(200 + 20 * round, 220 + 20 * round),
      ])
      assert.deepEqual(map.root, plainRoot(map.pairs()))
    }
  })

  it('changes no page when nothing changes', async () => {
    const map = await mapOf(pairsFor(10, 20))
    const { root, nodes } = await applyChanges(hashes, map.read, map.root, [])
    assert.deepEqual([root, nodes.size], [map.root, 0])
  })

  it('reads each level once, whatever the number of changes', async () => {
    const pairs = pairsFor(11, 2000)
    const map = await mapOf(pairs)
    map.reads = 0
    await map.apply(pairs.slice(0, 1000).map(({ key }) => ({ key, value: value(7) })))
    assert.ok(map.reads <= 8, `${map.reads} readings`)
  })

  it('has another root for another value, another key and one key less', async () => {
    const pairs = pairsFor(12, 50)
    const roots = [
      pairs,
      pairs.slice(1),
      pairs.with(3, { ...(pairs[3] as Pair), value: value(0) }),
      pairs.with(3, { ...(pairs[3] as Pair), key: value(0) }),
    ].map(async (some) => encodeHex((await mapOf(some)).root))
    assert.equal(new Set(await Promise.all(roots)).size, roots.length)
  })

  it('refuses a key that comes twice, and bytes of another length', async () => {
    const [pair] = pairsFor(13, 1) as [Pair]
    const map = new MemoryMap()
    await assert.rejects(map.apply([pair, pair]), RangeError)
    await assert.rejects(map.apply([{ ...pair, key: pair.key.subarray(1) }]), RangeError)
    await assert.rejects(map.apply([{ ...pair, value: new Uint8Array(33) }]), RangeError)
    assert.equal(map.nodes.size, 0)
  })

  it('refuses to build on a page that is missing', async () => {
    const pairs = pairsFor(14, 200)
    const map = await mapOf(pairs)
    for (const name of [...map.nodes.keys()]) {
      const bytes = map.nodes.get(name) as Uint8Array
      map.nodes.delete(name)
      await assert.rejects(map.apply(pairs.map(({ key }) => ({ key, value: value(1) }))), isCorrupted, name)
      map.nodes.set(name, bytes)
    }
  })

  it('refuses to build on a page of which any byte was changed', async () => {
    const pairs = pairsFor(15, 40)
    const map = await mapOf(pairs)
    const news = pairs.map(({ key }) => ({ key, value: value(1) }))
    for (const [name, bytes] of [...map.nodes]) {
      for (let i = 0; i < bytes.length; i += 5) {
        const damaged = bytes.slice()
        damaged[i] = (damaged[i] as number) ^ 1
        map.nodes.set(name, damaged)
        await assert.rejects(map.apply(news), isCorrupted, `${name} byte ${i}`)
      }
      map.nodes.set(name, bytes)
    }
    await map.apply(news)
  })

  it('refuses a change of a key that has another value than the caller was told', async () => {
    const pairs = pairsFor(16, 60)
    const map = await mapOf(pairs)
    const [{ key, value: was }] = pairs as [Pair]
    const stranger = sha256(key)
    const attempts = [
      { key, value: value(1), before: undefined },
      { key, value: value(1), before: value(2) },
      { key: stranger, value: value(1), before: value(2) },
    ]
    for (const change of attempts) {
      await assert.rejects(applyChanges(hashes, map.read, map.root, [change]), isCorrupted)
      // Also where the page below is made by another change of the same batch.
      const beside = { key: neighbourOf(change.key), value: value(3), before: undefined }
      await assert.rejects(applyChanges(hashes, map.read, map.root, [change, beside]), isCorrupted)
    }
    await applyChanges(hashes, map.read, map.root, [{ key, value: value(1), before: was }])
  })
})

/** A key that differs in its last bit only. */
const neighbourOf = (key: Uint8Array): Uint8Array => key.with(31, (key[31] as number) ^ 1)

describe('decodePage', () => {
  const key = value(0xab)
  const leaf = { kind: 'leaf', key, value: value(1) } as const
  const page: Page = Array.from({ length: 16 }, (_, digit) =>
    digit === 0xb ? leaf : digit === 0xc ? { kind: 'page', hash: value(2) } : undefined,
  )
  const bytes = encodePage(page)
  const body = bytes.subarray(0, 65)

  it('reads what encodePage writes', () => {
    assert.deepEqual(decodePage(bytes, 'a'), page)
    assert.deepEqual(decodePage(body, 'a')[0xb], leaf)
  })

  const refusals: readonly { readonly name: string; readonly bytes: Uint8Array; readonly path?: string }[] = [
    { name: 'a page without a slot', bytes: new Uint8Array() },
    { name: 'a page that is cut short', bytes: bytes.subarray(0, -1) },
    { name: 'a leaf that is cut short', bytes: body.subarray(0, 64) },
    { name: 'a byte too many', bytes: Uint8Array.of(...bytes, 0x1d) },
    { name: 'an unknown kind', bytes: bytes.with(0, 0x2b) },
    { name: 'an unknown kind of high bits', bytes: bytes.with(65, 0xfc) },
    { name: 'one slot twice', bytes: Uint8Array.of(...body, ...body) },
    { name: 'slots out of order', bytes: Uint8Array.of(...bytes.subarray(65), ...body) },
    { name: 'a key in the slot of another digit', bytes: bytes.with(0, 0x0a) },
    { name: 'a key of another path', bytes, path: 'b' },
    { name: 'a key of another longer path', bytes, path: 'abb' },
  ]
  for (const { name, bytes: damaged, path = 'a' } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => decodePage(damaged, path), isCorrupted))
  }

  it('reads or refuses random bytes, and nothing else happens', () => {
    const random = seeded(20)
    let read = 0
    for (let round = 0; round < 3000; round++) {
      const noise = Uint8Array.from({ length: random(140) }, () => random(256))
      if (noise.length > 0) noise[0] = 0x10 | random(16)
      try {
        assert.deepEqual(encodePage(decodePage(noise, '')), noise)
        read += 1
      } catch (error) {
        assert.ok(isCorrupted(error))
      }
    }
    assert.ok(read > 0)
  })
})
