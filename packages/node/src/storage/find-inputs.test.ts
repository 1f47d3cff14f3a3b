import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { run, temporaryFolder } from '../testing/peers.ts'
import { unprivileged } from '../testing/unprivileged.ts'
import { type FindOptions, findInputs, type Input } from './find-inputs.ts'

interface Folder {
  after(cleanUp: () => void): void
}

/** A folder with files of these names. */
function folderOf(owner: Folder, ...names: readonly string[]): string {
  const folder = temporaryFolder(owner)
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), 'x')
  }
  return folder
}

async function found(words: readonly string[], options?: FindOptions): Promise<Input[]> {
  using inputs = findInputs(words, options)
  return await listed(inputs)
}

async function listed(inputs: AsyncIterable<Input>): Promise<Input[]> {
  const list: Input[] = []
  for await (const input of inputs) list.push(input)
  return list
}

async function namesIn(folder: string, ...words: readonly string[]): Promise<string[]> {
  return (await found(words.map((word) => join(folder, word)))).map(({ path }) => relative(folder, path))
}

const storeError = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code

async function* streamOf(...pieces: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}

describe('findInputs', () => {
  it('takes files as they are named, in the order of the words, each once', async (t) => {
    const folder = folderOf(t, 'b', 'a', '.hidden')
    assert.deepEqual(await namesIn(folder, 'b', 'a', 'b', './a', '.hidden'), ['b', 'a', '.hidden'])
  })

  it('walks folders in the order of names and passes over hidden ones', async (t) => {
    const folder = folderOf(t, 'z', 'B/2', 'B/10', 'a/deep/er/x', '.git/config', 'a/.DS_Store', 'DICOMDIR', 'notes.txt')
    assert.deepEqual(await namesIn(folder, '.'), ['B/10', 'B/2', 'DICOMDIR', 'a/deep/er/x', 'notes.txt', 'z'])
  })

  it('walks a hidden folder that is named', async (t) => {
    const folder = folderOf(t, '.cache/x')
    assert.deepEqual(await namesIn(folder, '.cache'), ['.cache/x'])
  })

  it('gives the folder that was searched as the root', async (t) => {
    const folder = folderOf(t, 'study/series/1', 'study/2', 'other/3')
    const roots = (await found([join(folder, 'study'), join(folder, 'other/3')])).map(({ root }) =>
      relative(folder, root),
    )
    assert.deepEqual(roots, ['study', 'study', 'other'])
    const matched = await found([join(folder, '*', 'series', '*')])
    assert.deepEqual(
      matched.map(({ root }) => root),
      [folder],
    )
  })

  it('offers nothing for an empty folder', async (t) => {
    assert.deepEqual(await namesIn(folderOf(t), '.'), [])
  })

  it('comes to an end where links lead back, and walks each folder once', async (t) => {
    const folder = folderOf(t, 'a/x', 'b/y')
    symlinkSync(folder, join(folder, 'a', 'up'))
    symlinkSync(join(folder, 'a'), join(folder, 'b', 'side'))
    symlinkSync(join(folder, 'a', 'x'), join(folder, 'link'))
    assert.deepEqual(await namesIn(folder, '.'), ['a/x', 'b/y', 'link'])
  })

  it('offers what cannot be opened, so that opening it tells why', async (t) => {
    const folder = folderOf(t)
    symlinkSync('nowhere', join(folder, 'broken'))
    assert.deepEqual(await namesIn(folder, '.', 'missing', 'no-match-*.dcm'), ['broken', 'missing', 'no-match-*.dcm'])
  })

  it('offers a folder that may not be entered', async (t) => {
    const folder = folderOf(t, 'closed/x', 'z')
    chmodSync(join(folder, 'closed'), 0)
    const names = await unprivileged(folder, () => namesIn(folder, '.'))
    assert.deepEqual(names, ['closed', 'z'])
  })

  it('passes over pipes in folders', async (t) => {
    const folder = folderOf(t, 'x')
    assert.equal((await run('mkfifo', [join(folder, 'pipe')])).code, 0)
    assert.deepEqual(await namesIn(folder, '.'), ['x'])
  })

  it('expands patterns, passing over hidden names', async (t) => {
    const folder = folderOf(t, 'a.dcm', 'b.dcm', 'c.txt', '.d.dcm', 'sub/e.dcm', 'sub/f.txt', '.hid/g.dcm')
    assert.deepEqual(await namesIn(folder, '*.dcm'), ['a.dcm', 'b.dcm'])
    assert.deepEqual(await namesIn(folder, '**/*.dcm'), ['a.dcm', 'b.dcm', 'sub/e.dcm'])
    assert.deepEqual(await namesIn(folder, 's*'), ['sub/e.dcm', 'sub/f.txt'])
    assert.deepEqual(await namesIn(folder, '{a,c}.*'), ['a.dcm', 'c.txt'])
  })

  it('takes a name with wildcards literally where such a file exists', async (t) => {
    const folder = folderOf(t, 'scan[1].dcm', 'scan1.dcm')
    assert.deepEqual(await namesIn(folder, 'scan[1].dcm'), ['scan[1].dcm'])
  })

  it('leaves seals to their images and offers seals whose image is gone', async (t) => {
    const folder = folderOf(t, 'a.dcm', 'a.dcm.fiducial.json', 'gone.dcm.fiducial.json')
    assert.deepEqual(await namesIn(folder, '.'), ['a.dcm', 'gone.dcm.fiducial.json'])
    assert.deepEqual(await namesIn(folder, '*'), ['a.dcm', 'gone.dcm.fiducial.json'])
    assert.deepEqual(await namesIn(folder, 'a.dcm', 'a.dcm.fiducial.json'), ['a.dcm'])
    assert.deepEqual(await namesIn(folder, 'a.dcm.fiducial.json'), ['a.dcm.fiducial.json'])
  })

  it('keeps standard input in a private file until it is disposed of', async () => {
    const inputs = findInputs(['-', '-'], { standardInput: streamOf('ab', '', 'c') })
    const [input, ...others] = await listed(inputs)
    assert.ok(input !== undefined)
    assert.deepEqual(others, [])
    assert.equal(input.label, '-')
    assert.equal(readFileSync(input.path, 'utf8'), 'abc')
    assert.equal(statSync(input.path).mode & 0o777, 0o600)
    assert.equal(statSync(dirname(input.path)).mode & 0o777, 0o700)
    inputs[Symbol.dispose]()
    assert.equal(existsSync(dirname(input.path)), false)
  })

  it('refuses a standard input that is empty, breaks off or carries too much', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x')
      throw new Error('made up')
    }
    await assert.rejects(found(['-'], { standardInput: streamOf() }), storeError('input_empty'))
    await assert.rejects(found(['-'], { standardInput: broken() }), storeError('input_unreadable'))
    const options = { standardInput: streamOf('abc', 'def'), standardInputBytes: 5 }
    await assert.rejects(found(['-'], options), storeError('input_unreadable'))
  })
})
