import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { SequencedBatch } from '../../services/log/ports.ts'
import { collect, makeBatch, plainBatch, storeError } from '../../testing/log-contracts/harness.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { WriteAheadLog } from './wal.ts'
import { BLOCK, encodeRecord, encodeSegmentHeader, recordBound } from './wal-format.ts'

const buffer = (bytes: number): Buffer => Buffer.alloc(bytes, 0xee)
const SALT = new Uint8Array(16).fill(9)

async function recover(folder: string, released = 0n, segmentBytes?: number) {
  const firsts: bigint[] = []
  const wal = await WriteAheadLog.recover(folder, {
    released,
    onRecord: async ({ header }) => void firsts.push(header.first),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
  })
  return { wal, firsts }
}

/** A folder with some batches of one entry, all in one segment; cut to its length. */
async function written(folder: string, count: number): Promise<string> {
  const { wal } = await recover(folder)
  for (let i = 0; i < count; i++)
    await wal.append(makeBatch(i, 1, { payload: Buffer.from(`statement ${i}`) }), 1n, buffer)
  await wal.close()
  return join(folder, '00000000000000000000.wal')
}

/** Changes one bit of a file. */
function damage(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 0x10
  writeFileSync(path, bytes)
}

/** A segment as another program could have written it. */
function forge(
  folder: string,
  first: number,
  fence: bigint,
  batches: readonly SequencedBatch[],
  recordFence = fence,
): void {
  const parts = [encodeSegmentHeader({ first: BigInt(first), fence, salt: SALT })]
  for (const batch of batches) {
    const target = buffer(recordBound(batch))
    const length = encodeRecord(batch, recordFence, SALT, target)
    parts.push(target.subarray(0, Math.ceil(length / BLOCK) * BLOCK))
  }
  writeFileSync(join(folder, `${String(first).padStart(20, '0')}.wal`), Buffer.concat(parts))
}

describe('the write-ahead log', () => {
  it('holds what was appended, and goes on after each reopening', async (t) => {
    const folder = temporaryFolder(t)
    const batches = [0, 3, 6].map((first) => makeBatch(first, 3))
    for (const [i, batch] of batches.entries()) {
      const { wal, firsts } = await recover(folder)
      assert.equal(wal.next, batch.first)
      assert.equal(firsts.length, i)
      await wal.append(batch, BigInt(i + 1), buffer)
      assert.equal(wal.fence, BigInt(i + 1))
      await wal.close()
    }
    const { wal } = await recover(folder)
    assert.deepEqual((await collect(wal.read(0n))).map(plainBatch), batches.map(plainBatch))
    assert.equal(readdirSync(folder).length, 3)
  })

  it('begins a new segment when one is full, or another claim appends', async (t) => {
    const folder = temporaryFolder(t)
    const { wal } = await recover(folder, 0n, 4 * BLOCK)
    for (let i = 0; i < 7; i++) await wal.append(makeBatch(i, 1), 1n, buffer)
    assert.deepEqual(
      readdirSync(folder).map((name) => Number(name.slice(0, 20))),
      [0, 3, 6],
    )
    await wal.append(makeBatch(7, 1), 2n, buffer)
    await wal.append(makeBatch(8, 1, { leafBytes: 60_000 }), 2n, buffer)
    assert.deepEqual(
      readdirSync(folder).map((name) => Number(name.slice(0, 20))),
      [0, 3, 6, 7, 8],
    )
    assert.equal((await collect(wal.read(0n))).length, 9)
    await wal.close()
    const { firsts } = await recover(folder, 0n, 4 * BLOCK)
    assert.equal(firsts.length, 9)
  })

  it('drops segments that are released as a whole', async (t) => {
    const folder = temporaryFolder(t)
    const { wal } = await recover(folder, 0n, 4 * BLOCK)
    for (let i = 0; i < 8; i++) await wal.append(makeBatch(i, 1), 1n, buffer)
    await wal.drop(5n)
    assert.deepEqual(
      readdirSync(folder).map((name) => Number(name.slice(0, 20))),
      [3, 6],
    )
    await wal.drop(8n)
    assert.deepEqual(
      readdirSync(folder).map((name) => Number(name.slice(0, 20))),
      [6],
      'the open one stays',
    )
    await wal.close()
    await assert.rejects(recover(folder, 5n), storeError('log_corrupted'))
    const again = await recover(folder, 6n)
    assert.deepEqual(again.firsts, [6n, 7n])
    await again.wal.drop(8n)
    assert.deepEqual(readdirSync(folder), [])
    const { wal: empty } = await recover(folder, 8n)
    assert.equal(empty.next, 8n)
  })

  it('goes on where it ended before what was released was dropped', async (t) => {
    const folder = temporaryFolder(t)
    const { wal } = await recover(folder, 0n, 4 * BLOCK)
    for (let i = 0; i < 8; i++) await wal.append(makeBatch(i, 1), 1n, buffer)
    await wal.close()
    for (const released of [0n, 2n, 3n, 4n, 5n, 7n, 8n]) {
      const { wal: again, firsts } = await recover(folder, released, 4 * BLOCK)
      assert.equal(again.next, 8n)
      assert.equal(firsts.length, 8)
    }
  })

  it('takes payload and terms out of a sealed segment', async (t) => {
    const folder = temporaryFolder(t)
    const { wal } = await recover(folder)
    for (let i = 0; i < 3; i++)
      await wal.append(makeBatch(i, 1, { payload: Buffer.from(`statement ${i}`) }), 1n, buffer)
    assert.ok(wal.isOpen(1n))
    await wal.seal()
    assert.ok(!wal.isOpen(1n))
    await wal.erase(1n)
    await wal.erase(99n)
    const payloads = (await collect(wal.read(0n))).map(({ entries }) => entries[0]?.payload)
    assert.deepEqual(
      payloads.map((payload) => payload && Buffer.from(payload).toString()),
      ['statement 0', undefined, 'statement 2'],
    )
    assert.ok(!readFileSync(join(folder, '00000000000000000000.wal')).includes('statement 1'))
    await wal.append(makeBatch(3, 1), 1n, buffer)
    await wal.close()
    assert.equal((await recover(folder)).firsts.length, 4)
  })

  it('passes over the leftovers of an erasure that was cut off', async (t) => {
    const folder = temporaryFolder(t)
    const path = await written(folder, 2)
    copyFileSync(path, join(folder, '.rewritten-00000000000000000000.tmp'))
    await recover(folder)
    assert.deepEqual(readdirSync(folder), ['00000000000000000000.wal'])
  })
})

describe('recovery of the write-ahead log', () => {
  it('cuts the last record off wherever its writing ended', async (t) => {
    const folder = temporaryFolder(t)
    const path = await written(folder, 3)
    const whole = readFileSync(path)
    const start = 3 * BLOCK
    const length = whole.readUInt32BE(start + 8)
    for (let end = start; end <= start + length; end++) {
      // The rest is missing, or is zeros, as in a segment that was made longer ahead of time.
      const hasZeros = end % 2 === 1
      const bytes = hasZeros ? Buffer.concat([whole.subarray(0, end), Buffer.alloc(10_000)]) : whole.subarray(0, end)
      writeFileSync(path, bytes)
      const { wal, firsts } = await recover(folder)
      // The digest at its end may itself end in zeros.
      const isZeros = whole.subarray(end, start + length).every((byte) => byte === 0)
      const isWhole = end === start + length || (hasZeros && isZeros)
      assert.equal(wal.next, isWhole ? 3n : 2n, `cut at ${end - start} of ${length}`)
      assert.equal(firsts.length, isWhole ? 3 : 2)
      if (end % 97 !== 0) continue
      assert.equal(statSync(path).size, isWhole ? whole.length : start)
      await wal.append(makeBatch(Number(wal.next), 1), 2n, buffer)
      await wal.close()
      assert.equal((await recover(folder)).wal.next, isWhole ? 4n : 3n)
      for (const name of readdirSync(folder).slice(1)) rmSync(join(folder, name))
    }
  })

  it('cuts nothing away where fewer entries are left than somebody has seen', async (t) => {
    for (const count of [1, 3]) {
      const folder = temporaryFolder(t)
      const path = await written(folder, count)
      damage(path, statSync(path).size - BLOCK + 200)
      const whole = readFileSync(path)
      const options = { released: 0n, onRecord: async () => undefined }
      const known = BigInt(count)
      await assert.rejects(WriteAheadLog.recover(folder, { ...options, known }), storeError('log_corrupted'))
      assert.ok(readFileSync(path).equals(whole), 'it is there to be looked at')
      const wal = await WriteAheadLog.recover(folder, { ...options, known: known - 1n })
      assert.equal(wal.next, known - 1n)
      await wal.close()
    }
  })

  it('cuts the last record off whichever of its blocks were written', async (t) => {
    const folder = temporaryFolder(t)
    const { wal } = await recover(folder)
    await wal.append(makeBatch(0, 1), 1n, buffer)
    await wal.append(makeBatch(1, 1, { leafBytes: 15_000 }), 1n, buffer)
    await wal.close()
    const path = join(folder, '00000000000000000000.wal')
    const whole = readFileSync(path)
    for (let mask = 0; mask < 15; mask++) {
      const bytes = Buffer.from(whole)
      for (let block = 0; block < 4; block++) {
        if ((mask & (1 << block)) === 0) bytes.fill(0, (2 + block) * BLOCK, (3 + block) * BLOCK)
      }
      writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(BLOCK)]))
      assert.equal((await recover(folder)).wal.next, 1n, `blocks ${mask.toString(2)}`)
    }
    writeFileSync(path, whole)
    assert.equal((await recover(folder)).wal.next, 2n)
  })

  it('finds each changed byte that something follows', async (t) => {
    const folder = temporaryFolder(t)
    const path = await written(folder, 3)
    const whole = readFileSync(path)
    const length = whole.readUInt32BE(2 * BLOCK + 8)
    const places = Array.from({ length }, (_, i) => 2 * BLOCK + i)
    for (const at of [...places, 0, 8, 16, 24, 71, 72, BLOCK - 1, 3 * BLOCK - 1, BLOCK + 5]) {
      writeFileSync(path, whole)
      damage(path, at)
      await assert.rejects(recover(folder), storeError('log_corrupted'), `offset ${at}`)
      assert.equal(statSync(path).size, whole.length, 'nothing is cut away')
    }
  })

  it('finds a damaged record that is followed by a damaged one', async (t) => {
    const folder = temporaryFolder(t)
    const path = await written(folder, 3)
    for (const block of [2, 3]) damage(path, block * BLOCK + 100)
    await assert.rejects(recover(folder), storeError('log_corrupted'))
  })

  it('finds anything that stands behind the last record', async (t) => {
    const folder = temporaryFolder(t)
    const path = await written(folder, 2)
    const whole = readFileSync(path)
    damage(path, whole.length - 1)
    await assert.rejects(recover(folder), storeError('log_corrupted'))
    // A first block that is no header of ours is a record that was never finished.
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(BLOCK), Buffer.from('rest')]))
    assert.equal((await recover(folder)).wal.next, 2n)
    assert.equal(statSync(path).size, whole.length)
  })

  it('finds a torn record in a segment that is not the last', async (t) => {
    const folder = temporaryFolder(t)
    const path = await written(folder, 2)
    const { wal } = await recover(folder)
    await wal.append(makeBatch(2, 1), 2n, buffer)
    await wal.close()
    truncateSync(path, 3 * BLOCK - 1)
    assert.equal((await recover(folder)).wal.next, 3n, 'only zeros are missing')
    truncateSync(path, 2 * BLOCK + 100)
    await assert.rejects(recover(folder), storeError('log_corrupted'))
    truncateSync(path, 2 * BLOCK)
    await assert.rejects(recover(folder), storeError('log_corrupted'))
    truncateSync(path, 0)
    await assert.rejects(recover(folder), storeError('log_corrupted'))
  })

  it('finds a segment that is missing', async (t) => {
    const folder = temporaryFolder(t)
    const { wal } = await recover(folder, 0n, 3 * BLOCK)
    for (let i = 0; i < 6; i++) await wal.append(makeBatch(i, 1), 1n, buffer)
    await wal.close()
    const names = readdirSync(folder)
    for (const name of names.slice(0, -1)) {
      const bytes = readFileSync(join(folder, name))
      rmSync(join(folder, name))
      await assert.rejects(recover(folder), storeError('log_corrupted'))
      writeFileSync(join(folder, name), bytes)
    }
    assert.equal((await recover(folder)).wal.next, 6n)
  })

  const forgeries: Readonly<Record<string, (folder: string) => void>> = {
    'entries that are left out in a segment': (folder) => forge(folder, 0, 1n, [makeBatch(0, 1), makeBatch(2, 1)]),
    'entries that are there twice': (folder) => forge(folder, 0, 1n, [makeBatch(0, 2), makeBatch(1, 1)]),
    'a segment under the name of another': (folder) => {
      forge(folder, 1, 1n, [makeBatch(1, 1)])
      copyFileSync(join(folder, '00000000000000000001.wal'), join(folder, '00000000000000000000.wal'))
      rmSync(join(folder, '00000000000000000001.wal'))
    },
    'a record of another claim than its segment': (folder) => forge(folder, 0, 2n, [makeBatch(0, 1)], 1n),
    'a claim that is older than the one before': (folder) => {
      forge(folder, 0, 5n, [makeBatch(0, 1)])
      forge(folder, 1, 4n, [makeBatch(1, 1)])
    },
    'segments that overlap': (folder) => {
      forge(folder, 0, 1n, [makeBatch(0, 3)])
      forge(folder, 2, 1n, [makeBatch(2, 3)])
    },
    'a first segment that begins too late': (folder) => forge(folder, 1, 1n, [makeBatch(1, 1)]),
  }
  for (const [what, make] of Object.entries(forgeries)) {
    it(`refuses ${what}`, async (t) => {
      const folder = temporaryFolder(t)
      make(folder)
      await assert.rejects(recover(folder), storeError('log_corrupted'))
    })
  }

  it('accepts segments as they are forged here, when they are right', async (t) => {
    const folder = temporaryFolder(t)
    forge(folder, 0, 4n, [makeBatch(0, 1), makeBatch(1, 2)])
    forge(folder, 3, 5n, [makeBatch(3, 1)])
    assert.equal((await recover(folder)).wal.next, 4n)
  })

  it('forgets a segment in which nothing was acknowledged', async (t) => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(BLOCK),
      Buffer.from('FidW'),
      encodeSegmentHeader({ first: 2n, fence: 2n, salt: SALT }),
    ]) {
      const folder = temporaryFolder(t)
      await written(folder, 2)
      writeFileSync(join(folder, '00000000000000000002.wal'), bytes)
      const { wal } = await recover(folder)
      assert.equal(wal.next, 2n)
      await wal.append(makeBatch(2, 1), 3n, buffer)
      await wal.close()
      assert.equal((await recover(folder)).wal.next, 3n)
    }
  })

  it('leaves files alone that are no segments', async (t) => {
    const folder = temporaryFolder(t)
    await written(folder, 1)
    for (const name of ['README', '1.wal', '00000000000000000001.wal.bak']) writeFileSync(join(folder, name), 'x')
    assert.equal((await recover(folder)).wal.next, 1n)
    assert.equal(readdirSync(folder).length, 4)
  })

  it('is not misled by a statement that looks like a record', async (t) => {
    const folder = temporaryFolder(t)
    await written(folder, 1)
    // Whoever sends a statement may send bytes of the format, but cannot know the salt.
    const inner = makeBatch(2, 1)
    const record = buffer(recordBound(inner))
    encodeRecord(inner, 1n, SALT, record)
    const { wal } = await recover(folder)
    // Of the record, header 64, header of the entry 41, leaf 40: then the statement is at the next block.
    const payload = Buffer.concat([Buffer.alloc(BLOCK - 145), record, record])
    await wal.append(makeBatch(1, 1, { payload }), 2n, buffer)
    await wal.close()
    const last = join(folder, '00000000000000000001.wal')
    const whole = readFileSync(last)
    assert.equal(whole.toString('latin1', 2 * BLOCK, 2 * BLOCK + 8), 'FidWalR1')
    writeFileSync(last, Buffer.concat([whole.subarray(0, BLOCK), Buffer.alloc(BLOCK), whole.subarray(2 * BLOCK)]))
    assert.equal((await recover(folder)).wal.next, 1n)
  })
})
