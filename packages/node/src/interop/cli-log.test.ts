/** The commands of the log on a larger scale than a transcript, and with what other programs make of it. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { before, describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { parseStudyFile } from '@fiducial/core/domain/log/study-file.ts'
import { peer, repositoryRoot, run } from '../testing/peers.ts'
import { takeImage } from '../testing/transcript-stage.ts'
import { LogHomes, records, statements } from './cli-log-homes.ts'

const homes = new LogHomes()
before(() => homes.prepare())

describe('a log of thousands of entries', () => {
  /** More than one thread checks. */
  const COUNT = 2_200
  before(async () => {
    await homes.make('large')
    const appended = records(await homes.must('large', ['log', 'append', '-', '--json'], statements(0, COUNT)))
    assert.deepEqual(
      appended.map(({ index, state }) => [index, state]),
      Array.from({ length: COUNT }, (_, i) => [String(i), 'appended']),
    )
  })
  const check = async (): Promise<Record<string, unknown>> => {
    const { stdout } = await homes.run('large', ['log', 'check', '--json'])
    return records(stdout)[0] ?? assert.fail()
  }
  /** Changes the index for as long as a check takes. */
  async function checkAfter(change: string, undo: string): Promise<unknown> {
    const database = new DatabaseSync(homes.at('large/log/.private/index.sqlite'))
    try {
      database.exec(change)
      return (await check()).findings
    } finally {
      database.exec(undo)
      database.close()
    }
  }

  it('knows again what it was told before', async () => {
    const again = records(await homes.must('large', ['log', 'append', '-', '--json'], statements(1000, 1050)))
    assert.deepEqual(
      again.map(({ index, state }) => [index, state]),
      Array.from({ length: 50 }, (_, i) => [String(1000 + i), 'already']),
    )
  })

  it('is clean from end to end', async () => {
    const { findings, size, statements: seen, signatures, mapRoots } = await check()
    assert.deepEqual(findings, [])
    assert.equal(seen, Number(size))
    assert.equal(signatures, seen)
    assert.equal(mapRoots, 1)
  })

  it('is not with a statement that was exchanged, damaged or lost, and the place is told', async () => {
    const swap = (from: string, to: string, type = 'BLOB'): string =>
      `UPDATE payload SET body = CAST(replace(CAST(body AS TEXT), '${from}', '${to}') AS ${type}) WHERE number = 1711`
    const exchanged = await checkAfter(swap('dimse', 'dimze'), swap('dimze', 'dimse'))
    assert.deepEqual(exchanged, [{ flaw: 'statement_wrong', where: 'entry 1711' }])
    const damaged = await checkAfter(swap('dimse', 'dimse', 'TEXT'), swap('dimse', 'dimse'))
    assert.deepEqual(damaged, [{ flaw: 'index_damaged', where: 'entries 1536 to 1791' }])
    const renamed = (from: number, to: number): string => `UPDATE entry SET number = ${to} WHERE number = ${from}`
    const moved = await checkAfter(renamed(1712, 9_999_999), renamed(9_999_999, 1712))
    assert.ok(Array.isArray(moved) && moved.length > 0)
    assert.deepEqual(moved.at(-1), { flaw: 'statement_missing', where: 'entry 1791' })
  })

  it('has exactly the images of a study that were received, which another program sees, too', async (t) => {
    await homes.must('large', ['log', 'prove', '--study', '2.25.9100', '--out', 'study.json'])
    const [report] = records(await homes.must('large', ['log', 'verify', 'study.json', '--json']))
    assert.equal((report as { study?: { present?: number } }).study?.present, 16)
    const python = peer('python3')
    if (python.skip !== false) return t.skip(python.skip)
    const { statement, completeness } = parseStudyFile(new Uint8Array(readFileSync(homes.at('study.json'))))
    const event = parseEventStatement(statement)
    assert.ok(event.type === 'map-root')
    const { size, root, blinding } = event.details
    const file = JSON.parse(readFileSync(homes.at('study.json'), 'utf8')) as { completeness: object }
    writeFileSync(homes.at('proof.json'), JSON.stringify(file.completeness))
    const facts = { size: String(size), root: encodeHex(root), blinding: encodeHex(blinding) }
    writeFileSync(homes.at('root.json'), JSON.stringify(facts))
    const page = readFileSync(join(repositoryRoot, 'docs/reference/completeness.md'), 'utf8')
    writeFileSync(homes.at('check.py'), /```python\n([\s\S]*?)```/.exec(page)?.[1] ?? assert.fail())
    const args = ['check.py', 'root.json', '2.25.9100', 'proof.json']
    assert.equal((await run(python.path, args, { cwd: homes.folder })).stdout, '16\n')
    assert.ok(completeness.study)
  })

  it('finds by several filters, newest first or in a range', async () => {
    const study = ['--study', '2.25.9100']
    const ids = async (...words: readonly string[]): Promise<readonly unknown[]> =>
      records(await homes.must('large', ['log', 'show', ...study, ...words, '--json'])).map(({ index }) =>
        Number(index),
      )
    assert.deepEqual(await ids('--newest', '--limit', '2'), [1615, 1614])
    assert.deepEqual(await ids('--from', '1603', '--to', '1606'), [1603, 1604, 1605])
    assert.deepEqual(await ids('--instance', '2.25.1607', '--type', 'received'), [1607])
  })

  it('is exported in several goes, and holds', async () => {
    const words = ['log', 'export', 'handed-over', '--from', '0', '--to', '150']
    const first = await homes.interrupt('large', words, () => homes.list('handed-over/events').length > 20)
    assert.equal(first.code, 130, first.stderr)
    assert.match(first.stderr, /interrupted/)
    assert.ok(!existsSync(homes.at('handed-over/index.jsonl')))
    const [second] = records(await homes.must('large', [...words, '--json']))
    const { kept, written } = (second as { files: { kept: number; written: number } }).files
    assert.ok(kept > 0 && written > 0, `${kept} ${written}`)
    assert.equal(kept + written, 304)
    const held = await homes.must('large', ['log', 'verify', 'handed-over'])
    assert.match(held, /^300 files: 300 hold, 0 fail, 0 unknown/m)
    assert.deepEqual(
      readdirSync(homes.at('handed-over')).filter((name) => name.startsWith('.')),
      [],
    )
  })

  it('is the same beside and without what only its keeper has', async () => {
    cpSync(homes.at('large/log'), homes.at('copy'), {
      recursive: true,
      filter: (path) => !path.includes('.private'),
    })
    const [copied] = records(
      await homes.must('large', ['log', 'check', 'copy', '--policy', 'large/log/policy', '--json']),
    )
    const { size } = await check()
    assert.deepEqual([copied?.size, copied?.statements, copied?.findings], [size, 0, []])
  })
})

describe('an image that was compressed', () => {
  const dcmcrle = peer('dcmcrle')
  it('is found by the pixels that it shares with the original', { skip: dcmcrle.skip }, async () => {
    await homes.make('pixels')
    writeFileSync(homes.at('chest.dcm'), takeImage('chest'))
    assert.equal((await run(dcmcrle.path, ['chest.dcm', 'chest-rle.dcm'], { cwd: homes.folder })).code, 0)
    const words = ['log', 'append', '--event', 'received', '--details', '{"protocol":"file"}']
    await homes.must('pixels', [...words, 'chest.dcm', 'chest-rle.dcm'])
    const [original, compressed] = records(
      await homes.must('pixels', ['log', 'show', '--type', 'received', '--json']),
    ).map(({ event }) => (event as { digests: { file: string; pixels: string; frames: { root: string } } }).digests)
    assert.ok(original && compressed)
    assert.notEqual(original.file, compressed.file)
    assert.equal(original.pixels, compressed.pixels)
    assert.deepEqual(original.frames, compressed.frames)
    for (const digest of [original.pixels, original.frames.root])
      assert.equal(records(await homes.must('pixels', ['log', 'show', '--digest', digest, '--json'])).length, 2)
  })
})
