import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { makeLogEntry } from '../../testing/log-site.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { FileSequencer } from './file-sequencer.ts'
import { readBatches, type WrittenBatch } from './wal-reader.ts'

const rootOf = (number: number): Uint8Array => new Uint8Array(32).fill(number)
const hasCode = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code
const read = (folder: string): Promise<WrittenBatch[]> => Array.fromAsync(readBatches(folder))

/** Segments of so many claims, each with batches of two and of one entry. */
async function makeSegments(test: TestContext, claims: number): Promise<string> {
  const folder = temporaryFolder(test)
  for (let claim = 0; claim < claims; claim++) {
    const sequencer = new FileSequencer(folder)
    const { fence, size } = await sequencer.claim()
    const entries = ['a', 'b', 'c'].map((name) => makeLogEntry(`${claim} ${name}`))
    await sequencer.append({ first: size, entries: entries.slice(0, 2), root: rootOf(2 * claim + 1) }, fence)
    await sequencer.append({ first: size + 2n, entries: entries.slice(2), root: rootOf(2 * claim + 2) }, fence)
    await sequencer.close()
  }
  return join(folder, 'wal')
}

const segmentsOf = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.wal'))
    .sort()
    .map((name) => join(folder, name))

describe('a reader of write-ahead segments', () => {
  it('gives every batch with its root, in order, and changes nothing', async (test) => {
    const folder = await makeSegments(test, 3)
    const before = segmentsOf(folder).map((path) => readFileSync(path))
    const batches = await read(folder)
    assert.deepEqual(
      batches.map(({ next }) => next),
      [2n, 3n, 5n, 6n, 8n, 9n],
    )
    assert.deepEqual(
      batches.map(({ root }) => root),
      [1, 2, 3, 4, 5, 6].map(rootOf),
    )
    assert.deepEqual(
      segmentsOf(folder).map((path) => readFileSync(path)),
      before,
    )
  })

  it('gives nothing for a folder that is not there, or holds other things', async (test) => {
    const folder = temporaryFolder(test)
    assert.deepEqual(await read(join(folder, 'missing')), [])
    mkdirSync(join(folder, 'wal'))
    writeFileSync(join(folder, 'wal', 'notes.txt'), 'x')
    assert.deepEqual(await read(join(folder, 'wal')), [])
  })

  it('passes over a torn record at the very end, which is being written or was never acknowledged', async (test) => {
    const folder = await makeSegments(test, 2)
    const last = segmentsOf(folder).at(-1) ?? assert.fail()
    truncateSync(last, 4096 + 4096 + 100)
    assert.equal((await read(folder)).length, 3)
    truncateSync(last, 4096 + 4096)
    appendFileSync(last, 'noise')
    assert.equal((await read(folder)).length, 3)
  })

  it('refuses a damaged record, a gap, and a segment of another name', async (test) => {
    const damaged = await makeSegments(test, 2)
    const [first] = segmentsOf(damaged) as [string, string]
    const bytes = readFileSync(first)
    bytes[4096 + 300] = (bytes[4096 + 300] as number) ^ 1
    writeFileSync(first, bytes)
    await assert.rejects(read(damaged), hasCode('log_corrupted'))

    const gapped = await makeSegments(test, 3)
    rmSync(segmentsOf(gapped)[1] ?? assert.fail())
    await assert.rejects(read(gapped), hasCode('log_corrupted'))

    const renamed = await makeSegments(test, 1)
    renameSync(segmentsOf(renamed)[0] ?? assert.fail(), join(renamed, `${'7'.padStart(20, '0')}.wal`))
    await assert.rejects(read(renamed), hasCode('log_corrupted'))
  })
})
