import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { ExportFolder } from './export-folder.ts'

const NAMES = { mark: 'checkpoint', index: 'index.jsonl' }
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const file = (name: string, text: string) => ({ name, bytes: bytes(text) })
const hasCode = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code
const place = (test: TestContext): string => join(temporaryFolder(test), 'export')
const open = (folder: string): Promise<ExportFolder> => ExportFolder.open(folder, NAMES)

async function exportAll(folder: string, ...files: readonly ReturnType<typeof file>[]): Promise<ExportFolder> {
  const opened = await open(folder)
  await opened.begin()
  await opened.write([file('checkpoint', 'note'), ...files, file('index.jsonl', '1\n')])
  await opened.write([file('index.jsonl', '2\n')])
  await opened.finish()
  await opened[Symbol.asyncDispose]()
  return opened
}

describe('a folder for an export', () => {
  it('holds the files, and the parts of the index one behind the other', async (test) => {
    const folder = place(test)
    const { counts } = await exportAll(folder, file('events/1.json', 'one'), file('events/2.json', 'two'))
    assert.deepEqual(counts, { written: 3, kept: 0 })
    assert.deepEqual(readdirSync(folder).sort(), ['checkpoint', 'events', 'index.jsonl'])
    assert.equal(readFileSync(join(folder, 'index.jsonl'), 'utf8'), '1\n2\n')
    assert.equal(readFileSync(join(folder, 'events/2.json'), 'utf8'), 'two')
  })

  it('leaves alone what is right already, and replaces what is not', async (test) => {
    const folder = place(test)
    await exportAll(folder, file('events/1.json', 'one'), file('events/2.json', 'two'))
    const before = statSync(join(folder, 'events/1.json')).ino
    const { counts } = await exportAll(folder, file('events/1.json', 'one'), file('events/2.json', 'TWO'))
    assert.deepEqual(counts, { written: 1, kept: 2 })
    assert.equal(statSync(join(folder, 'events/1.json')).ino, before)
    assert.equal(readFileSync(join(folder, 'events/2.json'), 'utf8'), 'TWO')
  })

  it('is whole only once it was finished, and not any more once it was begun again', async (test) => {
    const folder = place(test)
    const cutOff = await open(folder)
    await cutOff.begin()
    await cutOff.write([file('checkpoint', 'note'), file('index.jsonl', '1\n')])
    await cutOff[Symbol.asyncDispose]()
    assert.deepEqual(readdirSync(folder), ['checkpoint'])
    assert.equal(await (await open(folder)).isWhole(), false)
    const whole = await exportAll(folder)
    assert.equal(await whole.isWhole(), true)
    const again = await open(folder)
    await again.begin()
    assert.equal(await again.isWhole(), false)
    assert.deepEqual(await again.read('checkpoint'), bytes('note').length > 0 ? Buffer.from('note') : undefined)
    assert.equal(await again.read('events/9.json'), undefined)
  })

  it('clears away what a run has left that was killed', async (test) => {
    const folder = place(test)
    await exportAll(folder)
    writeFileSync(join(folder, '.fiducial-export-1.tmp'), 'half')
    await open(folder)
    assert.ok(!existsSync(join(folder, '.fiducial-export-1.tmp')))
  })

  it('is refused where other things lie, or a file has its name', async (test) => {
    const folder = place(test)
    mkdirSync(folder)
    writeFileSync(join(folder, 'thesis.txt'), 'mine')
    await assert.rejects(open(folder), hasCode('output_exists'))
    await assert.rejects(open(join(folder, 'thesis.txt')), hasCode('output_unwritable'))
  })

  it('says what cannot be written, and leaves no part of it', async (test) => {
    const folder = place(test)
    const opened = await open(folder)
    mkdirSync(join(folder, 'events'))
    mkdirSync(join(folder, 'events', '1.json'))
    const writing = opened.write([file('events/1.json', 'one'), file('events/2.json', 'two')])
    await assert.rejects(writing, hasCode('output_unwritable'))
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('.')),
      [],
    )
  })
})
