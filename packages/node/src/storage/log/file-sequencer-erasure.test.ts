/** What a sequencer in files keeps of a statement that was erased: nothing, in no file. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import type { NewEntry } from '../../services/log/ports.ts'
import { hex, instance, makeBatch, makeEntry, storeError, type } from '../../testing/log-contracts/harness.ts'
import { run, temporaryFolder } from '../../testing/peers.ts'
import { FileRecordStore } from './file-records.ts'
import { FileSequencer } from './file-sequencer.ts'

function open(folder: string, t: TestContext) {
  const sequencer = new FileSequencer(folder)
  t.after(() => sequencer.close())
  return { sequencer, records: new FileRecordStore(sequencer) }
}

/** Files below a folder that hold one of the texts; looked at by another process, since closing a file unlocks it. */
async function holders(folder: string, texts: readonly string[]): Promise<string[]> {
  const script = `
    const { readdirSync, readFileSync, statSync } = require('node:fs')
    const [folder, ...texts] = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
    for (const name of readdirSync(folder, { recursive: true })) {
      const path = folder + '/' + name
      if (!statSync(path).isFile()) continue
      const bytes = readFileSync(path)
      for (const text of texts) if (bytes.includes(text)) console.log(name + ' ' + text)
    }`
  const { stdout, code, stderr } = await run(process.execPath, ['-e', script], {
    input: JSON.stringify([folder, ...texts]),
  })
  assert.equal(code, 0, stderr)
  return stdout.split('\n').filter((line) => line !== '')
}

describe('a sequencer in files that erases', () => {
  it('keeps no copy of a statement or its terms in any file', async (t) => {
    const folder = temporaryFolder(t)
    const { sequencer, records } = open(folder, t)
    const { fence } = await sequencer.claim()
    const random = seeded(1)
    const secret = (i: number): string => `secret-${hex(makeEntry(i).identity).slice(0, 20)}`
    const person = (i: number): string => `person-${hex(makeEntry(i).identity).slice(0, 20)}`
    const count = 600
    const entry = (i: number): NewEntry =>
      makeEntry(i, {
        payload: Buffer.from(secret(i).repeat(1 + random(300))),
        terms: [type('acquired'), instance(i), { kind: 'person', value: person(i) }],
      })
    const erased = new Set<number>()
    const texts = (): string[] => [...erased].flatMap((i) => [secret(i), person(i)])
    for (let first = 0; first < count; first += 20) {
      const entries = Array.from({ length: 20 }, (_, i) => entry(first + i))
      await sequencer.append({ ...makeBatch(first, 1), entries }, fence)
      if (first % 160 === 0 && first > 0) await sequencer.release(BigInt(first - random(100)))
      if (first % 200 !== 180) continue
      for (let i = 0; i < 20; i++) {
        const number = random(first + 20)
        assert.equal(await records.erase(BigInt(number)), !erased.has(number))
        erased.add(number)
      }
      assert.deepEqual(await holders(folder, texts()), [])
    }
    const kept = Array.from({ length: count }, (_, i) => i).filter((i) => !erased.has(i))
    const seen = await holders(folder, kept.map(secret))
    assert.ok(
      kept.every((i) => seen.some((line) => line.endsWith(secret(i)))),
      'all others are there',
    )
    await sequencer.close()
    assert.deepEqual(await holders(folder, texts()), [])
    const again = open(folder, t)
    await again.sequencer.claim()
    for (const i of erased) assert.equal(await again.records.payload(BigInt(i)), 'erased')
    for (const i of kept.slice(0, 50)) assert.ok((await again.records.payload(BigInt(i))) instanceof Uint8Array)
  })

  it('can be asked again while appends go on', async (t) => {
    const folder = temporaryFolder(t)
    const { sequencer, records } = open(folder, t)
    const { fence } = await sequencer.claim()
    const erasures: Promise<boolean>[] = []
    for (let i = 0; i < 40; i++) {
      await sequencer.append(makeBatch(i, 1, { payload: Buffer.from(`statement ${i}`) }), fence)
      if (i % 4 === 0) erasures.push(records.erase(BigInt(i)), records.erase(BigInt(i)))
      if (i % 10 === 9) await sequencer.release(BigInt(i))
    }
    const results = await Promise.all(erasures)
    assert.equal(results.filter((result) => result).length, 10)
    for (let i = 0; i < 40; i++) {
      const payload = await records.payload(BigInt(i))
      if (i % 4 === 0) assert.equal(payload, 'erased')
      else if (i < 39) assert.equal(String(payload && Buffer.from(payload as Uint8Array)), `statement ${i}`)
    }
  })

  it('erases nothing in a log that is not claimed, or is closed', async (t) => {
    const { sequencer, records } = open(temporaryFolder(t), t)
    await assert.rejects(records.erase(0n), storeError('log_stopped'))
    const { fence } = await sequencer.claim()
    await sequencer.append(makeBatch(0, 1, { payload: Buffer.from('statement') }), fence)
    await sequencer.close()
    await assert.rejects(records.erase(0n), storeError('log_stopped'))
  })

  it('goes on where a reader is in the way, and erases the last copy when it is asked again', async (t) => {
    const folder = temporaryFolder(t)
    const { sequencer, records } = open(folder, t)
    const { fence } = await sequencer.claim()
    await sequencer.append(makeBatch(0, 1, { payload: Buffer.from('statement one') }), fence)
    await records.settle()
    const reader = new DatabaseSync(join(folder, 'index.sqlite'), { readOnly: true })
    reader.exec('BEGIN; SELECT * FROM entry')
    await assert.rejects(records.erase(0n), storeError('log_locked'))
    assert.equal(await records.payload(0n), 'erased')
    assert.notDeepEqual(await holders(folder, ['statement one']), [])
    await sequencer.append(makeBatch(1, 1), fence)
    reader.close()
    assert.equal(await records.erase(0n), false)
    assert.deepEqual(await holders(folder, ['statement one']), [])
  })
})
