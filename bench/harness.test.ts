import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Comparison, compare, formatResult, publish, type Result } from './harness.ts'

/** A comparison whose contestants write down when they run. */
function recorded(calls: string[]): Comparison {
  const contestant = (name: string) => ({
    name,
    work: () => calls.push(name),
    prepare: () => calls.push(`prepare ${name}`),
  })
  return {
    name: 'recorded',
    question: 'Who is called when?',
    input: 'nothing',
    volume: { amount: 10, of: 'calls' },
    ours: contestant('us'),
    others: [contestant('them')],
    rounds: 2,
    warmUps: 1,
  }
}

describe('a comparison', () => {
  it('runs all in turn, each prepared, and leaves warm-ups out of the times', async () => {
    const calls: string[] = []
    const result = await compare(recorded(calls))
    const round = ['prepare us', 'us', 'prepare them', 'them']
    assert.deepEqual(calls, [...round, ...round, ...round])
    assert.deepEqual(
      result.entries.map(({ name, timesMs }) => [name, timesMs.length]),
      [
        ['us', 2],
        ['them', 2],
      ],
    )
    assert.equal(result.entries[0]?.ratio.median, 1)
  })

  it('runs commands, and fails when one does', async () => {
    const command = (code: number) => ({ program: process.execPath, args: ['-e', `process.exit(${code})`] })
    const base = recorded([])
    const others = [{ name: 'command', work: { ...command(1), codes: [1] } }]
    const result = await compare({ ...base, others, rounds: 1, warmUps: 0 })
    assert.ok((result.entries[1]?.timeMs.median ?? 0) > 0)
    const failing = [{ name: 'command', work: command(3) }]
    await assert.rejects(compare({ ...base, others: failing, rounds: 1, warmUps: 0 }), /command ended with 3/)
  })

  it('refuses two contestants of one name', async () => {
    const base = recorded([])
    await assert.rejects(compare({ ...base, others: [base.ours] }), TypeError)
  })
})

const result: Result = {
  name: 'example',
  question: 'How fast?',
  input: 'one file',
  volume: { amount: 200, of: 'files' },
  entries: [
    {
      name: 'us',
      timesMs: [100, 200, 300],
      timeMs: { median: 200, lowest: 100, highest: 300, interquartileRange: 100 },
      rate: 1000,
      ratio: { median: 1, lowest: 1, highest: 1, interquartileRange: 0 },
    },
    {
      name: 'them',
      timesMs: [400, 400, 600],
      timeMs: { median: 400, lowest: 400, highest: 600, interquartileRange: 100 },
      rate: 500,
      ratio: { median: 2, lowest: 2, highest: 4, interquartileRange: 1 },
    },
  ],
  machine: 'a machine',
  runtime: 'Node v24',
  revision: 'abc',
  command: 'node bench/example.ts',
  date: '2026-01-01T00:00:00.000Z',
}

describe('a result', () => {
  it('is written as a table with medians, spread, rate and ratio', () => {
    const text = formatResult(result)
    assert.match(text, /^\| us \| 200 \| 100–300 \| 1000 \| 1 \|$/m)
    assert.match(text, /^\| them \| 400 \| 400–600 \| 500 \| 2 \(2–4\) \|$/m)
    for (const part of ['one file', 'a machine', 'Node v24', 'abc', '2026-01-01', 'bench/example.ts']) {
      assert.ok(text.includes(part))
    }
  })

  it('is kept whole as JSON beside the table', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fiducial-bench-'))
    t.after(() => rmSync(folder, { recursive: true }))
    t.mock.method(process.stdout, 'write', () => true)
    publish(result, folder)
    assert.deepEqual(JSON.parse(readFileSync(join(folder, 'example.json'), 'utf8')), result)
    assert.equal(readFileSync(join(folder, 'example.md'), 'utf8'), formatResult(result))
  })
})
