/** Contract of a store of immutable objects: a path leads to the same bytes for ever. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ImmutableStore } from '../../services/log/ports.ts'
import { type Harness, hex, outcomes, storeError } from './harness.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Paths that no adapter takes: they are no tlog-tiles paths, and in a folder some would lead outside it. */
const WRONG_PATHS = [
  '',
  '/',
  'tile',
  'checkpoint',
  '/tile/0/001',
  'tile/0/001/',
  'tile//001',
  'tile/../001',
  '../tile/001',
  'tile/./001',
  'tile/0/..',
  'tile\\0\\001',
  'tile/0/a b',
  'tile/0/é',
  'tile/0/001\0',
  'tile/0/001\n',
  'tile/.hidden/001',
  'tile/0/.001',
  'C:/tile/0',
  `tile/${'0'.repeat(256)}`,
  `tile/${'000/'.repeat(300)}0`,
]

/** Registers the tests. @param name  of the adapter */
export function immutableStoreContract(name: string, { fresh, reopen }: Harness<ImmutableStore>): void {
  describe(`immutable store contract: ${name}`, () => {
    it('has nothing at first', async (t) => {
      assert.equal(await (await fresh(t)).get('tile/0/000'), undefined)
    })

    it('gives back what was put, also to others', async (t) => {
      const store = await fresh(t)
      const objects = {
        'tile/0/x001/x234/067': new Uint8Array(8_192).fill(9),
        'tile/0/x001/x234/067.p/112': new Uint8Array(3_584).fill(8),
        'tile/entries/000': bytes('entries'),
        'tile/63/000': Uint8Array.of(0),
        'timestamp/000/0a1B-c_d.tsr': bytes('token'),
      }
      for (const [path, content] of Object.entries(objects)) await store.putOnce(path, content)
      for (const reader of [store, await reopen(store, t)]) {
        for (const [path, content] of Object.entries(objects)) assert.equal(hex(await got(reader, path)), hex(content))
        assert.equal(await reader.get('tile/0/x001/x234/068'), undefined)
        assert.equal(await reader.get('tile/0/x001/x234'), undefined)
      }
    })

    it('takes the same bytes again, and refuses others', async (t) => {
      const store = await fresh(t)
      await store.putOnce('tile/0/000', bytes('one'))
      await store.putOnce('tile/0/000', bytes('one'))
      for (const other of ['two', 'on', 'one ', '']) {
        await assert.rejects(store.putOnce('tile/0/000', bytes(other)), storeError('object_conflict'))
      }
      const again = await reopen(store, t)
      await again.putOnce('tile/0/000', bytes('one'))
      await assert.rejects(again.putOnce('tile/0/000', bytes('two')), storeError('object_conflict'))
      assert.equal(hex(await got(store, 'tile/0/000')), hex(bytes('one')))
    })

    it('lets one of two writers of other bytes win', async (t) => {
      const one = await fresh(t)
      const other = await reopen(one, t)
      for (let round = 0; round < 10; round++) {
        const path = `tile/0/${String(round).padStart(3, '0')}`
        const { kept, errors } = await outcomes([
          one.putOnce(path, bytes(`first ${round}`)),
          other.putOnce(path, bytes(`second ${round}`)),
        ])
        assert.equal(kept, 1)
        storeError('object_conflict')(errors[0])
        assert.equal(hex(await got(one, path)), hex(await got(other, path)))
      }
    })

    it('lets all writers of the same bytes win', async (t) => {
      const one = await fresh(t)
      const other = await reopen(one, t)
      const content = new Uint8Array(10_000).fill(1)
      await Promise.all([one, other, one, other].map((store) => store.putOnce('tile/1/000', content)))
      assert.equal(hex(await got(one, 'tile/1/000')), hex(content))
    })

    it('puts several at once', async (t) => {
      const store = await fresh(t)
      const objects = Array.from({ length: 60 }, (_, i) => ({
        path: `tile/${i % 3}/x${String(i % 7).padStart(3, '0')}/${String(i).padStart(3, '0')}`,
        bytes: bytes(`object ${i}`),
      }))
      await store.putAll([])
      await store.putAll(objects)
      await store.putAll([...objects, ...objects])
      for (const object of objects) assert.equal(hex(await got(store, object.path)), hex(object.bytes))
    })

    it('refuses several at once if one of them conflicts, and never changes that one', async (t) => {
      const store = await fresh(t)
      await store.putOnce('tile/0/001', bytes('old'))
      const objects = ['000', '001', '002'].map((name) => ({ path: `tile/0/${name}`, bytes: bytes('new') }))
      await assert.rejects(store.putAll(objects), storeError('object_conflict'))
      assert.equal(hex(await got(store, 'tile/0/001')), hex(bytes('old')))
      const twice = ['a', 'b'].map((text) => ({ path: 'tile/0/009', bytes: bytes(text) }))
      await assert.rejects(store.putAll(twice), storeError('object_conflict'))
    })

    it('keeps its own copy', async (t) => {
      const store = await fresh(t)
      const content = bytes('content')
      await store.putOnce('tile/0/000', content)
      content.fill(0)
      const first = await got(store, 'tile/0/000')
      assert.equal(hex(first), hex(bytes('content')))
      first.fill(0)
      assert.equal(hex(await got(store, 'tile/0/000')), hex(bytes('content')))
    })

    it('removes partial objects, and only those', async (t) => {
      const store = await fresh(t)
      await store.putAll(
        ['tile/0/000', 'tile/0/000.p/5', 'tile/0/000.p/6'].map((path) => ({ path, bytes: bytes(path) })),
      )
      await store.removePartial('tile/0/000.p/5')
      await store.removePartial('tile/0/000.p/5')
      await store.removePartial('tile/0/x001/007.p/255')
      assert.equal(await store.get('tile/0/000.p/5'), undefined)
      assert.notEqual(await store.get('tile/0/000.p/6'), undefined)
      for (const path of [
        'tile/0/000',
        'tile/0/000.p',
        'tile/0/000.p/',
        'tile/0/000.p/x',
        'tile/0/000.p/0',
        'tile/0/000.p/256',
      ]) {
        await assert.rejects(store.removePartial(path), RangeError)
      }
      assert.notEqual(await store.get('tile/0/000'), undefined)
    })

    it('refuses paths that are none as a mistake of the caller', async (t) => {
      const store = await fresh(t)
      for (const path of WRONG_PATHS) {
        await assert.rejects(store.putOnce(path, bytes('x')), RangeError, JSON.stringify(path))
        await assert.rejects(store.putAll([{ path, bytes: bytes('x') }]), RangeError, JSON.stringify(path))
        await assert.rejects(store.get(path), RangeError, JSON.stringify(path))
        await assert.rejects(store.removePartial(path), RangeError, JSON.stringify(path))
      }
    })
  })
}

async function got(store: ImmutableStore, path: string): Promise<Uint8Array> {
  const found = await store.get(path)
  assert.ok(found !== undefined, `${path} is there`)
  return found
}
