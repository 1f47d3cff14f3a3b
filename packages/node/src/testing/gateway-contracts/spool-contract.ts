/** Contract of a spool: whole files by keys of its own making; what was committed is there, what was not is not. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { Spool } from '../../services/gateway/ports.ts'
import { collect, type Harness, hex, type Owner, storeError } from '../log-contracts/harness.ts'

export interface SpoolHarness extends Harness<Spool> {
  /** A new spool that has room for so many bytes. */
  small(t: Owner, roomBytes: number): Promise<Spool>
}

/** Sizes around those at which adapters do something else: buffers, parts, what is read whole. */
const SIZES = [0, 1, 4_095, 65_535, 65_536, 262_144, 262_145, 600_000, 5_000_000]

/** Registers the tests. @param name  of the adapter */
export function spoolContract(name: string, { fresh, reopen, small }: SpoolHarness): void {
  describe(`spool contract: ${name}`, () => {
    it('has nothing at first', async (t) => {
      const spool = await fresh(t)
      assert.deepEqual(await collect(spool.list()), [])
      assert.equal(await spool.sweep(), 0)
    })

    for (const pieceBytes of [1_000, 16_384, 100_000, 1_000_000]) {
      it(`keeps files of all sizes that come in pieces of ${pieceBytes} bytes`, async (t) => {
        const spool = await fresh(t)
        for (const size of SIZES) {
          const bytes = bytesOf(size)
          const { key, result } = await store(spool, bytes, pieceBytes)
          assert.equal(result.lengthBytes, size)
          assert.equal(hex(result.sha256), sha256(bytes))
          await checkFile(spool, key, bytes)
        }
        assert.equal((await collect(spool.list())).length, SIZES.length)
      })
    }

    it('keeps pieces of uneven sizes', async (t) => {
      const spool = await fresh(t)
      const bytes = bytesOf(900_000)
      const writer = spool.create()
      for (let at = 0, piece = 1; at < bytes.length; at += piece, piece = (piece * 7 + 13) % 200_000) {
        writer.write(bytes.subarray(at, at + piece))
      }
      assert.equal(hex((await writer.commit()).sha256), sha256(bytes))
      await checkFile(spool, writer.key, bytes)
    })

    it('takes bytes over when it is given them', async (t) => {
      const spool = await fresh(t)
      const writer = spool.create()
      const buffer = new Uint8Array(100_000)
      const expected = []
      for (const length of [100, 100_000, 70_000, 5]) {
        buffer.fill(expected.length + 1)
        writer.write(buffer.subarray(0, length))
        expected.push(buffer.slice(0, length))
      }
      buffer.fill(0xff)
      await writer.commit()
      await checkFile(spool, writer.key, new Uint8Array(Buffer.concat(expected)))
    })

    it('tells length and digest before the file is durable', async (t) => {
      const spool = await fresh(t)
      const writer = spool.create()
      const bytes = bytesOf(10_000)
      writer.write(bytes)
      const finished = writer.finish()
      assert.equal(finished.lengthBytes, bytes.length)
      assert.equal(hex(finished.sha256), sha256(bytes))
      assert.throws(() => writer.write(bytes), TypeError)
      assert.deepEqual(await writer.commit(), finished)
      await checkFile(spool, writer.key, bytes)
    })

    it('makes keys that name nothing and come in the order of time', async (t) => {
      const spool = await fresh(t)
      const keys = []
      for (let i = 0; i < 20; i++) keys.push((await store(spool, bytesOf(i))).key)
      assert.equal(new Set(keys).size, 20)
      for (const key of keys) assert.match(key, /^[0-9A-HJKMNP-TV-Z]{26}$/)
      const times = keys.map((key) => key.slice(0, 10))
      assert.deepEqual(times, times.toSorted())
    })

    it('leaves nothing of what was aborted', async (t) => {
      const spool = await fresh(t)
      for (const size of [0, 10, 1_000_000]) {
        for (const isFinished of [false, true]) {
          const writer = spool.create()
          writer.write(bytesOf(size))
          if (isFinished) writer.finish()
          await writer.abort()
          await writer.abort()
          assert.throws(() => writer.write(bytesOf(1)), TypeError)
          await assert.rejects(writer.commit(), TypeError)
          await assert.rejects(spool.open(writer.key), storeError('spool_corrupted'))
        }
      }
      assert.deepEqual(await collect(spool.list()), [])
      assert.equal(await spool.sweep(), 0)
    })

    it('leaves alone what is aborted after it was committed', async (t) => {
      const spool = await fresh(t)
      const writer = spool.create()
      writer.write(bytesOf(10))
      await writer.commit()
      await writer.abort()
      await assert.rejects(writer.commit(), TypeError)
      await checkFile(spool, writer.key, bytesOf(10))
    })

    it('lists what was committed, and sweeps what was not', async (t) => {
      const spool = await fresh(t)
      const { key } = await store(spool, bytesOf(500_000))
      const begun = spool.create()
      begun.write(bytesOf(500_000))
      assert.deepEqual(await collect(spool.list()), [key])
      const other = await reopen(spool, t)
      assert.deepEqual(await collect(other.list()), [key])
      assert.equal(await other.sweep(), 1)
      assert.equal(await other.sweep(), 0)
      await checkFile(other, key, bytesOf(500_000))
      await begun.abort()
    })

    it('removes files, also such as are not there', async (t) => {
      const spool = await fresh(t)
      const { key } = await store(spool, bytesOf(1_000))
      const other = (await store(spool, bytesOf(1_001))).key
      await spool.remove(key)
      await spool.remove(key)
      await assert.rejects(spool.open(key), storeError('spool_corrupted'))
      await assert.rejects(spool.pathOf(key), storeError('spool_corrupted'))
      assert.deepEqual(await collect(spool.list()), [other])
    })

    it('makes no path of what is no key', async (t) => {
      const spool = await fresh(t)
      for (const key of [
        '',
        '../../../etc/passwd',
        '1.2.3',
        '/etc/passwd',
        `01JGZ0${'\0'.repeat(20)}`,
        'A'.repeat(26),
      ]) {
        await assert.rejects(spool.open(key), RangeError)
        await assert.rejects(spool.pathOf(key), RangeError)
        await assert.rejects(spool.remove(key), RangeError)
      }
    })

    it('takes many files at the same time', async (t) => {
      const spool = await fresh(t)
      const writers = Array.from({ length: 40 }, () => spool.create())
      const whole = bytesOf(300_000)
      for (let at = 0; at < whole.length; at += 30_000) {
        for (const [i, writer] of writers.entries())
          writer.write(whole.subarray(i, at + 30_000).subarray(at > i ? at - i : 0))
      }
      await Promise.all(writers.map((writer) => writer.commit()))
      for (const [i, { key }] of writers.entries()) await checkFile(spool, key, whole.subarray(i))
      await Promise.all(writers.map(({ key }) => spool.remove(key)))
      assert.deepEqual(await collect(spool.list()), [])
    })

    it('keeps room that is held', async (t) => {
      const spool = await small(t, 300_000)
      spool.hold(200_000)
      const free = (await spool.freeBytes()) ?? assert.fail()
      const writer = spool.create()
      assert.throws(() => writer.write(bytesOf(150_000)), storeError('spool_full'))
      await writer.abort()
      spool.hold(-200_000)
      assert.equal((await spool.freeBytes()) ?? 0, free + 200_000)
      await store(spool, bytesOf(150_000))
    })

    it('takes nothing when there is no room, and goes on when there is', async (t) => {
      const spool = await small(t, 1_000_000)
      const writer = spool.create()
      assert.throws(() => {
        for (let i = 0; i < 20; i++) writer.write(bytesOf(100_000))
      }, storeError('spool_full'))
      await writer.abort()
      const { key } = await store(spool, bytesOf(200_000))
      await checkFile(spool, key, bytesOf(200_000))
      const none = await small(t, 0)
      assert.throws(() => none.create(), storeError('spool_full'))
    })
  })
}

async function store(spool: Spool, bytes: Uint8Array, pieceBytes = 65_536) {
  const writer = spool.create()
  for (let at = 0; at < bytes.length; at += pieceBytes) writer.write(bytes.subarray(at, at + pieceBytes))
  return { key: writer.key, result: await writer.commit() }
}

async function checkFile(spool: Spool, key: string, expected: Uint8Array): Promise<void> {
  await using file = await spool.open(key)
  assert.equal(file.length, expected.length)
  const pieces = Array.from(file.chunks(0, file.length), (piece) => Uint8Array.from(piece))
  assert.equal(sha256(Buffer.concat(pieces)), sha256(expected))
  const half = Math.floor(expected.length / 2)
  assert.equal(sha256(file.view(half, expected.length)), sha256(expected.subarray(half)))
  assert.equal(sha256(readFileSync(await spool.pathOf(key))), sha256(expected))
}

/** Bytes that differ at every place. */
function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff
  return bytes
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
