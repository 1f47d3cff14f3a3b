/** Contract of the store of the completeness map: a table that is written in one step together with its head. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MapHead, MapStore } from '../../services/log/ports.ts'
import { digestOf, type Harness, hex, outcomes, storeError } from './harness.ts'

const head = (size: number): MapHead => ({ size: BigInt(size), root: digestOf(`root ${size}`) })
const plain = (found: readonly (Uint8Array | undefined)[]) => found.map((value) => value && hex(value))

/** Registers the tests. @param name  of the adapter */
export function mapStoreContract(name: string, { fresh, reopen }: Harness<MapStore>): void {
  describe(`map store contract: ${name}`, () => {
    it('has neither head nor nodes at first', async (t) => {
      const store = await fresh(t)
      assert.equal(await store.head(), undefined)
      assert.deepEqual(await store.get(['', 'a']), [undefined, undefined])
      assert.deepEqual(await store.get([]), [])
    })

    it('writes nodes and head, and gives them to others', async (t) => {
      const store = await fresh(t)
      const nodes = new Map([
        ['', Uint8Array.of(1)],
        ['0101', digestOf('a')],
        ["it's ☢", new Uint8Array(0)],
      ])
      await store.write(nodes, head(3))
      for (const reader of [store, await reopen(store, t)]) {
        const found = await reader.get(["it's ☢", '0101', 'missing', '', '0101', '010'])
        assert.deepEqual(plain(found), ['', hex(digestOf('a')), undefined, '01', hex(digestOf('a')), undefined])
        assert.deepEqual(await plainHead(reader), { size: 3n, root: hex(digestOf('root 3')) })
      }
    })

    it('replaces and removes nodes', async (t) => {
      const store = await fresh(t)
      await store.write(
        new Map([
          ['a', Uint8Array.of(1)],
          ['b', Uint8Array.of(2)],
        ]),
        head(1),
      )
      await store.write(
        new Map([
          ['a', Uint8Array.of(3)],
          ['b', undefined],
          ['never', undefined],
        ]),
        head(2),
      )
      assert.deepEqual(plain(await store.get(['a', 'b', 'never'])), ['03', undefined, undefined])
      await store.write(new Map([['b', Uint8Array.of(4)]]), head(5))
      assert.deepEqual(plain(await store.get(['a', 'b'])), ['03', '04'])
      assert.equal((await store.head())?.size, 5n)
    })

    it('writes a head without nodes', async (t) => {
      const store = await fresh(t)
      await store.write(new Map(), head(7))
      assert.deepEqual(await plainHead(await reopen(store, t)), { size: 7n, root: hex(digestOf('root 7')) })
    })

    it('keeps a size that a floating number cannot hold', async (t) => {
      const store = await fresh(t)
      await store.write(new Map(), { size: (1n << 62n) + 1n, root: digestOf('large') })
      assert.equal((await store.head())?.size, (1n << 62n) + 1n)
    })

    it('writes many nodes at once', async (t) => {
      const store = await fresh(t)
      const keys = Array.from({ length: 5_000 }, (_, i) => i.toString(2).padStart(16, '0'))
      await store.write(new Map(keys.map((key) => [key, digestOf(key)])), head(1))
      const found = await store.get(keys)
      assert.ok(found.every((value, i) => value !== undefined && hex(value) === hex(digestOf(keys[i] ?? ''))))
    })

    it('writes only from the head that was expected, and else nothing', async (t) => {
      const store = await fresh(t)
      const a = new Map([['a', Uint8Array.of(1)]])
      await assert.rejects(store.write(a, head(2), 1n), storeError('checkpoint_moved'))
      assert.equal(await store.head(), undefined)
      await store.write(a, head(2), 0n)
      const b = new Map([
        ['a', undefined],
        ['b', Uint8Array.of(2)],
      ] as const)
      for (const expected of [0n, 1n, 3n]) {
        await assert.rejects(store.write(b, head(4), expected), storeError('checkpoint_moved'))
      }
      assert.deepEqual(plain(await store.get(['a', 'b'])), ['01', undefined])
      await (await reopen(store, t)).write(b, head(4), 2n)
      assert.deepEqual(plain(await store.get(['a', 'b'])), [undefined, '02'])
      assert.equal((await store.head())?.size, 4n)
    })

    it('lets one of two writers from the same head win', async (t) => {
      const one = await fresh(t)
      const other = await reopen(one, t)
      for (let round = 0; round < 5; round++) {
        const attempts = [one, other].map((store, i) =>
          store.write(new Map([['winner', Uint8Array.of(i)]]), head(round + 1), BigInt(round)),
        )
        const { kept, errors } = await outcomes(attempts)
        assert.equal(kept, 1)
        storeError('checkpoint_moved')(errors[0])
      }
    })

    it('counts its keys, where it can', async (t) => {
      const store = await fresh(t)
      if (store.count === undefined) return
      assert.equal(await store.count(), 0n)
      await store.write(new Map(['a', 'b', 'c'].map((key) => [key, Uint8Array.of(1)])), head(1))
      await store.write(
        new Map([
          ['b', undefined],
          ['c', Uint8Array.of(2)],
        ] as const),
        head(2),
      )
      assert.equal(await store.count(), 2n)
    })

    it('keeps its own copy', async (t) => {
      const store = await fresh(t)
      const value = Uint8Array.of(1, 2, 3)
      const root = digestOf('root 1')
      await store.write(new Map([['a', value]]), { size: 1n, root })
      value.fill(0)
      root.fill(0)
      assert.deepEqual(plain(await store.get(['a'])), ['010203'])
      assert.deepEqual(await plainHead(store), { size: 1n, root: hex(digestOf('root 1')) })
    })
  })
}

async function plainHead(store: MapStore): Promise<unknown> {
  const found = await store.head()
  return found && { size: found.size, root: hex(found.root) }
}
