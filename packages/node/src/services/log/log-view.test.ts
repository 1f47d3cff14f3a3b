import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { encodeUtf8, joinBytes } from '@fiducial/core/bytes/text.ts'
import { type LogSigner, signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { verifyConsistency } from '@fiducial/core/formats/merkle/consistency.ts'
import { hashTree, verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { encodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { createMemoryState, type MemoryState, openMemoryLog } from '../../storage/log/memory.ts'
import { makeLogEntry, makeLogOptions, makeLogSigner, ORIGIN } from '../../testing/log-site.ts'
import { policyOf } from '../../testing/memory-site.ts'
import { openCustodyLog } from './custody-log.ts'
import { guardStored, type LogView, openLogView, readStoredTile } from './log-view.ts'

const { hash } = nativeCrypto
const hasher = createHasher(hash)
const signer = makeLogSigner()
const policy = policyOf(signer)
const code = (expected: string) => (error: unknown) => error instanceof StoreError && error.code === expected
const leafOf = (index: number): Uint8Array => makeLogEntry(`${index}`).leaf
const rootOf = (size: number): Uint8Array =>
  hashTree(
    hash,
    Array.from({ length: size }, (_, i) => leafOf(i)),
  )

/** A log of a size, as it lies there after it was closed. */
async function logOf(size: number, by: LogSigner = signer): Promise<MemoryState> {
  const state = createMemoryState()
  const log = await openCustodyLog(openMemoryLog(state), makeLogOptions(by, { hasher }))
  await Promise.all(Array.from({ length: size }, (_, i) => log.append(makeLogEntry(`${i}`))))
  await log.close()
  return state
}

async function view(state: MemoryState, by: WitnessPolicy = policy): Promise<LogView> {
  return (await openLogView(openMemoryLog(state), { crypto: nativeCrypto, hasher, policy: by })) ?? assert.fail()
}

/** The same state with some objects changed or, where undefined, removed. */
function withObjects(state: MemoryState, changes: Readonly<Record<string, Uint8Array | undefined>>): MemoryState {
  const objects = new Map(state.objects)
  for (const [path, bytes] of Object.entries(changes)) {
    assert.ok(objects.has(path) || bytes !== undefined, path)
    if (bytes === undefined) objects.delete(path)
    else objects.set(path, bytes)
  }
  return { ...state, objects }
}

const flipped = (bytes: Uint8Array | undefined, at: number): Uint8Array =>
  (bytes ?? assert.fail()).map((byte, i) => (i === at ? byte ^ 0x40 : byte))

describe('LogView', () => {
  const states = new Map<number, MemoryState>()
  before(async () => {
    for (const size of [1, 2, 3, 255, 256, 257, 512, 600]) states.set(size, await logOf(size))
  })
  const stateOf = (size: number): MemoryState => states.get(size) ?? assert.fail()

  it('gives the entries of a log with the paths that prove them', async () => {
    for (const [size, state] of states) {
      const opened = await view(state)
      assert.deepEqual([opened.origin, opened.size], [ORIGIN, BigInt(size)])
      const { root } = opened.checkpoint.checkpoint
      assert.deepEqual(root, rootOf(size))
      for (const index of new Set([0, 1, 2, 254, 255, 256, 257, 511, 512, size - 2, size - 1])) {
        if (index < 0 || index >= size) continue
        const { leaf, proof, index: place } = await opened.prove(BigInt(index))
        assert.equal(place, BigInt(index))
        assert.deepEqual(leaf, leafOf(index))
        assert.ok(verifyInclusion(hash, { entry: leaf, index: place, size: BigInt(size), proof, root }))
      }
    }
  })

  it('has no entry outside of its checkpoint', async () => {
    const opened = await view(stateOf(257))
    for (const index of [-1n, 257n, 258n, 512n, (1n << 63n) - 1n, 1n << 64n]) {
      await assert.rejects(opened.prove(index), code('entry_missing'))
    }
  })

  it('proves that it begins with the tree of each smaller size', async () => {
    for (const size of [257, 600]) {
      const opened = await view(stateOf(size))
      const secondSize = BigInt(size)
      const secondRoot = opened.checkpoint.checkpoint.root
      for (const first of [0, 1, 2, 3, 127, 128, 255, 256, 257, size - 1, size]) {
        const proof = await opened.proveConsistency(BigInt(first))
        const claim = { firstSize: BigInt(first), firstRoot: rootOf(first), secondSize, secondRoot, proof }
        assert.ok(verifyConsistency(hash, claim), `${first} of ${size}`)
      }
      await assert.rejects(opened.proveConsistency(secondSize + 1n), code('entry_missing'))
    }
  })

  it('knows which roots the log had, for every size', async () => {
    const opened = await view(stateOf(257))
    for (let size = 0; size <= 257; size++) {
      assert.equal(await opened.hadRoot(BigInt(size), rootOf(size)), true, `${size}`)
    }
  })

  it('knows that it had no other ones', async () => {
    const opened = await view(stateOf(257))
    const zeros = new Uint8Array(32)
    for (const size of [0, 1, 2, 3, 100, 128, 255, 256, 257]) {
      assert.equal(await opened.hadRoot(BigInt(size), zeros), false, `zeros at ${size}`)
      assert.equal(await opened.hadRoot(BigInt(size), rootOf(size === 0 ? 1 : size - 1)), false, `neighbour of ${size}`)
      assert.equal(await opened.hadRoot(BigInt(size), flipped(rootOf(size), 31)), false, `last bit at ${size}`)
      assert.equal(await opened.hadRoot(BigInt(size), rootOf(size).subarray(1)), false, `short at ${size}`)
    }
    assert.equal(await opened.hadRoot(258n, rootOf(257)), false)
    assert.equal(await opened.hadRoot((1n << 63n) - 1n, zeros), false)
  })

  it('reads the full tile and bundle where the partial ones are gone', async () => {
    const old = stateOf(257)
    const young = stateOf(600)
    // What somebody sees who read the checkpoint before the log grew, and the tiles after that.
    // Partial ones go once their full ones are stored, and no sooner.
    const left = [...old.objects].filter(([path]) => !young.objects.has(path.replace(/\.p\/\d+$/, '')))
    assert.deepEqual(
      left.map(([path]) => path),
      ['tile/1/000.p/1'],
    )
    const state = { ...old, objects: new Map([...young.objects, ...left]) }
    const opened = await view(state)
    assert.equal(opened.size, 257n)
    for (const index of [0n, 255n, 256n]) assert.deepEqual((await opened.prove(index)).leaf, leafOf(Number(index)))
    assert.equal(await opened.hadRoot(256n, rootOf(256)), true)
    await assert.rejects(opened.prove(257n), code('entry_missing'))
  })

  it('says log_corrupted where a tile or bundle is gone', async () => {
    for (const path of ['tile/0/000', 'tile/0/001', 'tile/0/002.p/88', 'tile/1/000.p/2']) {
      const opened = await view(withObjects(stateOf(600), { [path]: undefined }))
      await assert.rejects(opened.prove(path === 'tile/0/001' ? 300n : 0n), code('log_corrupted'), path)
    }
    for (const [path, index] of [
      ['tile/entries/000', 7n],
      ['tile/entries/002.p/88', 599n],
    ] as const) {
      const opened = await view(withObjects(stateOf(600), { [path]: undefined }))
      await assert.rejects(opened.prove(index), code('log_corrupted'), path)
    }
  })

  it('never gives a wrong answer over changed tiles', async () => {
    const state = stateOf(600)
    for (const path of [...state.objects.keys()].filter((name) => !name.includes('entries'))) {
      const bytes = state.objects.get(path) as Uint8Array
      for (const damaged of [
        flipped(bytes, 0),
        flipped(bytes, bytes.length - 1),
        flipped(bytes, bytes.length >> 1),
        bytes.subarray(1),
        bytes.subarray(32),
        new Uint8Array(0),
        new Uint8Array(bytes.length),
        new Uint8Array(bytes.length + 1),
      ]) {
        const opened = await view(withObjects(state, { [path]: damaged }))
        const answers = await Promise.allSettled([
          ...[0n, 255n, 256n, 511n, 512n, 599n].map((index) => opened.prove(index)),
          ...[1, 255, 256, 300, 512].map(async (size) =>
            assert.equal(await opened.hadRoot(BigInt(size), rootOf(size)), true),
          ),
          ...[1, 256, 300].map(async (size) =>
            assert.equal(await opened.hadRoot(BigInt(size), new Uint8Array(32)), false),
          ),
        ])
        for (const answer of answers) {
          if (answer.status === 'rejected') assert.ok(code('log_corrupted')(answer.reason), `${path}: ${answer.reason}`)
          else if (answer.value !== undefined) assert.deepEqual(answer.value.leaf, leafOf(Number(answer.value.index)))
        }
        assert.ok(
          answers.some(({ status }) => status === 'rejected'),
          `${path}: something shows`,
        )
      }
    }
  })

  it('never gives out an entry that is not the one in the tree', async () => {
    const state = stateOf(257)
    const bundle = Array.from({ length: 256 }, (_, i) => leafOf(i))
    const swapped = [bundle[1], bundle[0], ...bundle.slice(2)] as Uint8Array[]
    const opened = await view(withObjects(state, { 'tile/entries/000': encodeBundle(swapped) }))
    for (const index of [0n, 1n]) await assert.rejects(opened.prove(index), code('log_corrupted'))
    assert.deepEqual((await opened.prove(2n)).leaf, leafOf(2), 'others are not touched by that')
    for (const damaged of [
      encodeBundle(bundle.slice(1)),
      joinBytes([encodeBundle(bundle), encodeBundle([leafOf(256)])]),
      new Uint8Array(0),
      encodeBundle(bundle).subarray(1),
      Uint8Array.of(...encodeBundle(bundle), 0),
    ]) {
      const short = await view(withObjects(state, { 'tile/entries/000': damaged }))
      await assert.rejects(short.prove(3n), code('log_corrupted'))
    }
  })

  it('reads again what could not be read once', async () => {
    const state = stateOf(257)
    let isDown = true
    const { objects, published } = openMemoryLog(state)
    const ports = {
      published,
      objects: {
        get: async (path: string) => {
          if (isDown) throw new StoreError('service_unreachable', 'no answer')
          return objects.get(path)
        },
      },
    }
    const opened = (await openLogView(ports, { crypto: nativeCrypto, hasher, policy })) ?? assert.fail()
    await assert.rejects(opened.prove(3n), code('service_unreachable'))
    isDown = false
    assert.deepEqual((await opened.prove(3n)).leaf, leafOf(3))
  })

  it('reads each tile and bundle once for many proofs', async () => {
    const { objects, published } = openMemoryLog(stateOf(600))
    const asked: string[] = []
    const get = async (path: string): Promise<Uint8Array | undefined> => {
      asked.push(path)
      return objects.get(path)
    }
    const options = { crypto: nativeCrypto, hasher, policy }
    const opened = (await openLogView({ published, objects: { get } }, options)) ?? assert.fail()
    await Promise.all(Array.from({ length: 600 }, (_, i) => opened.prove(BigInt(i))))
    assert.equal(new Set(asked).size, asked.length, 'none twice')
  })
})

describe('openLogView', () => {
  it('has nothing to show before the first checkpoint', async () => {
    const ports = openMemoryLog(createMemoryState())
    assert.equal(await openLogView(ports, { crypto: nativeCrypto, hasher, policy }), undefined)
  })

  it('refuses a checkpoint that no log of the policy has signed', async () => {
    const state = await logOf(3)
    const stranger = policyOf(makeLogSigner())
    const namesake = policyOf(makeLogSigner('log.example/other'))
    const nobody: WitnessPolicy = { ...policy, logs: [] }
    for (const by of [stranger, namesake, nobody]) await assert.rejects(view(state, by), code('log_corrupted'))
  })

  it('refuses a checkpoint of another origin, though a log of the policy signed it', async () => {
    const state = await logOf(3)
    const other = makeLogSigner('log.example/other')
    const note = await signCheckpoint({ origin: other.origin, size: 3n, root: rootOf(3), extensions: [] }, other, 1n)
    // A note with the signatures of both, under the name of the other one.
    const lines = (await openMemoryLog(state).published.read())?.split('\n\n')[1] ?? ''
    state.cells.set('published', `${note}${lines}`)
    await assert.rejects(view(state), code('log_corrupted'))
  })

  it('refuses a checkpoint that was changed, or is none', async () => {
    const state = await logOf(3)
    const note = (await openMemoryLog(state).published.read()) as string
    for (const changed of [
      '',
      'x',
      note.slice(1),
      note.replace('\n3\n', '\n4\n'),
      note.replace('\n3\n', '\n03\n'),
      `${note}\n`,
    ]) {
      state.cells.set('published', changed)
      await assert.rejects(view(state), code('log_corrupted'), JSON.stringify(changed.slice(0, 40)))
    }
  })

  it('opens the log of nothing at all', async () => {
    const state = createMemoryState()
    const root = hashTree(hash, [])
    state.cells.set('published', await signCheckpoint({ origin: ORIGIN, size: 0n, root, extensions: [] }, signer, 1n))
    const opened = await view(state)
    assert.equal(opened.size, 0n)
    await assert.rejects(opened.prove(0n), code('entry_missing'))
    assert.deepEqual(await opened.proveConsistency(0n), [])
    assert.equal(await opened.hadRoot(0n, root), true)
    assert.equal(await opened.hadRoot(0n, new Uint8Array(32)), false)
    assert.equal(await opened.hadRoot(1n, root), false)
  })
})

describe('guardStored', () => {
  it('says log_corrupted for what does not fit together, and passes on everything else', async () => {
    await assert.rejects(guardStored(Promise.reject(new FormatError('tile_malformed', 'x'))), code('log_corrupted'))
    await assert.rejects(guardStored(Promise.reject(new StoreError('service_refused', 'x'))), code('service_refused'))
    await assert.rejects(guardStored(Promise.reject(new RangeError('x'))), RangeError)
    assert.equal(await guardStored(Promise.resolve(7)), 7)
  })
})

describe('readStoredTile', () => {
  const objects = (...paths: readonly string[]) => ({
    get: async (path: string) => (paths.includes(path) ? encodeUtf8(path) : undefined),
  })
  const tile = { level: 1, index: 2n, width: 7 }

  it('prefers the partial tile, and takes the full one where that is gone', async () => {
    const both = objects('tile/1/002.p/7', 'tile/1/002')
    assert.deepEqual(await readStoredTile(both, tile), encodeUtf8('tile/1/002.p/7'))
    assert.deepEqual(await readStoredTile(objects('tile/1/002'), tile), encodeUtf8('tile/1/002'))
  })

  it('says log_corrupted where there is neither', async () => {
    await assert.rejects(readStoredTile(objects('tile/1/002.p/8'), tile), code('log_corrupted'))
    await assert.rejects(readStoredTile(objects('tile/1/002.p/7'), { ...tile, width: 256 }), code('log_corrupted'))
  })
})
