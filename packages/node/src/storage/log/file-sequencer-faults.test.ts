/** What a sequencer in files holds and refuses when its process dies, its disk fails, or its files were changed. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it, type TestContext } from 'node:test'
import { collect, hex, instance, makeBatch, makeEntry, storeError } from '../../testing/log-contracts/harness.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { FileRecordStore } from './file-records.ts'
import { FileSequencer } from './file-sequencer.ts'

function open(folder: string, t: TestContext) {
  const sequencer = new FileSequencer(folder)
  t.after(() => sequencer.close())
  return { sequencer, records: new FileRecordStore(sequencer) }
}

const segments = (folder: string): string[] => readdirSync(join(folder, 'wal')).filter((name) => name.endsWith('.wal'))

describe('a sequencer in files whose process is killed', () => {
  /** Appends batches of 1 to 5 entries for ever, and says of each when it is durable; releases and erases on the way. */
  const SCRIPT = `
    const [storage, contracts, folder] = process.argv.slice(2)
    const { FileSequencer } = await import(storage)
    const { makeBatch } = await import(contracts)
    const sequencer = new FileSequencer(folder)
    const { fence, size } = await sequencer.claim()
    let next = Number(size)
    for (let round = 0; ; round++) {
      const count = 1 + (next % 5)
      await sequencer.append(makeBatch(next, count, { payload: Buffer.from('statement ' + next) }), fence)
      next += count
      console.log('appended ' + next)
      if (round % 4 === 3) sequencer.release(BigInt(next - 3)).then(() => {}, () => {})
      if (round % 7 === 6) {
        const index = next - 1
        await sequencer.erase(BigInt(index))
        console.log('erased ' + index)
      }
    }`

  /** Lets a process work until it has said so many things, and kills it. @returns what it said */
  async function killAfter(folder: string, lines: number): Promise<string[]> {
    const here = (path: string): string => new URL(path, import.meta.url).href
    const args = [here('./file-sequencer.ts'), here('../../testing/log-contracts/harness.ts'), folder]
    const script = join(dirname(folder), 'append.mjs')
    writeFileSync(script, SCRIPT)
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const said: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line)
      if (said.length === lines) child.kill('SIGKILL')
    }
    assert.ok(said.length >= lines, 'it was killed while it worked')
    return said
  }

  it('has everything that was acknowledged, each time', async (t) => {
    const folder = join(temporaryFolder(t), 'log')
    const erased = new Set<number>()
    let acknowledged = 0
    for (const lines of [1, 20, 3, 90]) {
      for (const line of await killAfter(folder, lines)) {
        const [what, number] = line.split(' ')
        if (what === 'appended') acknowledged = Number(number)
        else erased.add(Number(number))
      }
      const { sequencer, records } = open(folder, t)
      const { size } = await sequencer.claim()
      assert.ok(size >= BigInt(acknowledged), `${size} entries, ${acknowledged} acknowledged`)
      const identities = Array.from({ length: Number(size) + 5 }, (_, i) => makeEntry(i).identity)
      const found = await sequencer.find(identities)
      assert.deepEqual(
        found,
        identities.map((_, i) => (i < size ? BigInt(i) : undefined)),
      )
      await records.settle()
      for (let i = 0; i < size; i++) {
        const payload = await records.payload(BigInt(i))
        if (erased.has(i)) assert.equal(payload, 'erased')
        else if (payload !== 'erased') assert.match(String(payload && Buffer.from(payload)), /^statement \d+$/)
      }
      await checkUnreleased(sequencer)
      await sequencer.close()
    }
    assert.ok(erased.size > 5)
  })

  async function isReleased(sequencer: FileSequencer, index: bigint): Promise<boolean> {
    try {
      await sequencer.read(index).next()
      return false
    } catch (error) {
      return storeError('log_corrupted')(error)
    }
  }

  /** What is not released is there, without a gap, up to the end. */
  async function checkUnreleased(sequencer: FileSequencer): Promise<void> {
    const { size } = await sequencer.claim()
    let first = 0n
    while (await isReleased(sequencer, first)) first++
    assert.ok(first <= size)
    let next = first
    for (const batch of await collect(sequencer.read(first))) {
      // The first of them may have begun with entries that are released.
      assert.ok(next === first ? batch.first <= next : batch.first === next)
      next = batch.first
      for (const [i, entry] of batch.entries.entries()) {
        assert.equal(hex(entry.leaf), hex(makeEntry(Number(batch.first) + i).leaf))
      }
      next += BigInt(batch.entries.length)
    }
    assert.equal(next, size)
  }
})

describe('a sequencer in files whose disk fails', () => {
  const descriptors = '/proc/self/fd'
  const skip = existsSync(descriptors) ? false : 'open files cannot be listed here'

  /** Takes the open segment away from a sequencer in this process. */
  function breakSegment(folder: string): void {
    for (const name of readdirSync(descriptors)) {
      let target = ''
      try {
        target = readlinkSync(join(descriptors, name))
      } catch {
        // The descriptor of the listing itself.
      }
      if (target.startsWith(join(folder, 'wal')) && target.endsWith('.wal')) closeSync(Number(name))
    }
  }

  it('refuses the batch, stops, and loses nothing that was acknowledged', { skip }, async (t) => {
    const folder = temporaryFolder(t)
    const { sequencer, records } = open(folder, t)
    const { fence } = await sequencer.claim()
    await sequencer.append(makeBatch(0, 3, { payload: Buffer.from('x') }), fence)
    breakSegment(folder)
    await assert.rejects(sequencer.append(makeBatch(3, 1), fence), storeError('log_unwritable'))
    await assert.rejects(sequencer.append(makeBatch(3, 1), fence), storeError('log_stopped'))
    await assert.rejects(sequencer.claim(), storeError('log_stopped'))
    assert.deepEqual(await sequencer.find([makeEntry(2).identity, makeEntry(3).identity]), [2n, undefined])
    await records.settle()
    assert.equal(String(await records.payload(2n)), String(Buffer.from('x')))
    await sequencer.close()
    const next = open(folder, t).sequencer
    const claim = await next.claim()
    assert.equal(claim.size, 3n)
    await next.append(makeBatch(3, 1), claim.fence)
  })

  it('stops when its index cannot be written', async (t) => {
    const folder = temporaryFolder(t)
    const { sequencer } = open(folder, t)
    const { fence } = await sequencer.claim()
    await sequencer.append(makeBatch(0, 1), fence)
    await sequencer.settle()
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(join(folder, 'index.sqlite'))
    database.exec('ALTER TABLE entry ADD COLUMN more TEXT')
    database.close()
    // The append itself is durable; the index fails after it.
    await sequencer.append(makeBatch(1, 1), fence)
    await assert.rejects(sequencer.settle(), storeError('log_unwritable'))
    await assert.rejects(sequencer.append(makeBatch(2, 1), fence), storeError('log_unwritable'))
    await assert.rejects(sequencer.append(makeBatch(2, 1), fence), storeError('log_stopped'))
    assert.deepEqual(await sequencer.find([makeEntry(1).identity]), [1n])
  })
})

describe('a sequencer in files that were changed', () => {
  /** A closed log of five batches of two entries. */
  async function closedLog(t: TestContext, released?: bigint): Promise<string> {
    const folder = temporaryFolder(t)
    const { sequencer } = open(folder, t)
    const { fence } = await sequencer.claim()
    for (let i = 0; i < 10; i += 2) await sequencer.append(makeBatch(i, 2), fence)
    if (released !== undefined) await sequencer.release(released)
    await sequencer.close()
    return folder
  }
  const claim = async (folder: string, t: TestContext) => await open(folder, t).sequencer.claim()

  it('makes the index anew from segments that hold everything', async (t) => {
    const folder = await closedLog(t)
    rmSync(join(folder, 'index.sqlite'))
    const { sequencer, records } = open(folder, t)
    assert.equal((await sequencer.claim()).size, 10n)
    assert.deepEqual(await sequencer.find([9, 0, 10].map((i) => makeEntry(i).identity)), [9n, 0n, undefined])
    await records.settle()
    assert.deepEqual(await records.find({ term: instance(4), limit: 1 }), [4n])
  })

  it('refuses segments without the index that has what they released', async (t) => {
    const folder = await closedLog(t, 4n)
    rmSync(join(folder, 'index.sqlite'))
    const { sequencer } = open(folder, t)
    // All segments are there still, since none was released as a whole.
    assert.equal((await sequencer.claim()).size, 10n)
    await sequencer.close()
    const name = segments(folder)[0] ?? ''
    writeFileSync(
      join(folder, 'wal', name.replace(/^0{20}/, '0'.repeat(19).concat('2'))),
      readFileSync(join(folder, 'wal', name)),
    )
    rmSync(join(folder, 'wal', name))
    await assert.rejects(claim(folder, t), storeError('log_corrupted'))
  })

  it('refuses an index that knows more entries than the segments hold', async (t) => {
    const folder = await closedLog(t)
    const path = join(folder, 'wal', segments(folder)[0] ?? '')
    const whole = readFileSync(path)
    truncateSync(path, whole.length - 4_096)
    await assert.rejects(claim(folder, t), storeError('log_corrupted'))
    rmSync(path)
    await assert.rejects(claim(folder, t), storeError('log_corrupted'))
    writeFileSync(path, whole.with(whole.length - 4_096 + 100, 1))
    await assert.rejects(claim(folder, t), storeError('log_corrupted'))
  })

  it('refuses a damaged segment, and gives its lock back', async (t) => {
    const folder = await closedLog(t)
    const path = join(folder, 'wal', segments(folder)[0] ?? '')
    const whole = readFileSync(path)
    writeFileSync(path, whole.with(2 * 4_096 + 100, 1))
    await assert.rejects(claim(folder, t), storeError('log_corrupted'))
    writeFileSync(path, whole)
    assert.equal((await claim(folder, t)).size, 10n)
  })

  it('refuses an index or a lock that is no database', async (t) => {
    for (const name of ['index.sqlite', 'lock.sqlite']) {
      const folder = await closedLog(t)
      writeFileSync(join(folder, name), 'x'.repeat(10_000))
      await assert.rejects(claim(folder, t), storeError('log_corrupted'))
    }
  })

  it('numbers claims above those of the segments, also where the lock was lost', async (t) => {
    const folder = temporaryFolder(t)
    const one = open(folder, t).sequencer
    for (let i = 0; i < 5; i++) await one.claim()
    const { fence } = await one.claim()
    await one.append(makeBatch(0, 1), fence)
    await one.close()
    rmSync(join(folder, 'lock.sqlite'))
    assert.ok((await claim(folder, t)).fence > fence)
  })
})

describe('a sequencer in files whose index falls behind', () => {
  it('lets appends wait, and finds everything at any moment', async (t) => {
    const { sequencer, records } = open(temporaryFolder(t), t)
    const { fence } = await sequencer.claim()
    const count = 60_000
    const step = 6_000
    for (let first = 0; first < count; first += step) {
      const numbers = Array.from({ length: step }, (_, i) => first + i)
      const entries = numbers.map((number) => makeEntry(number, { leafBytes: 1, terms: [] }))
      await sequencer.append({ ...makeBatch(first, 1), entries }, fence)
      const asked = [0, first, first + step - 1, first + step]
      const found = await sequencer.find(asked.map((number) => makeEntry(number).identity))
      assert.deepEqual(found, [0n, BigInt(first), BigInt(first + step - 1), undefined])
    }
    await records.settle()
    const some = [0, 1, 29_999, 30_000, count - 1]
    assert.deepEqual(await sequencer.find(some.map((number) => makeEntry(number).identity)), some.map(BigInt))
  })
})
