import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../testing/peers.ts'
import { createFile, isCode, replaceFile } from './durable.ts'

const modeOf = (path: string): number => statSync(path).mode & 0o777
const hasModes = process.platform !== 'win32'

describe('durable files', () => {
  it('replaces what stood there, with the mode asked for and nothing left beside it', (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'file')
    writeFileSync(path, 'old', { mode: 0o644 })
    replaceFile(path, 'new', 0o600)
    assert.equal(readFileSync(path, 'utf8'), 'new')
    if (hasModes) assert.equal(modeOf(path), 0o600)
    assert.deepEqual(readdirSync(folder), ['file'])
  })

  it('creates a file only once', (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'file')
    assert.equal(createFile(path, Uint8Array.of(1), 0o600), true)
    assert.equal(createFile(path, Uint8Array.of(2), 0o600), false)
    assert.deepEqual([...readFileSync(path)], [1])
    assert.deepEqual(readdirSync(folder), ['file'])
  })

  it('leaves nothing behind where it cannot write', (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'taken'))
    assert.throws(
      () => replaceFile(join(folder, 'taken'), 'new', 0o600),
      (error: unknown) => isCode(error, 'EISDIR', 'EEXIST', 'EPERM'),
    )
    assert.throws(
      () => replaceFile(join(folder, 'none', 'file'), 'new', 0o600),
      (error: unknown) => isCode(error, 'ENOENT'),
    )
    assert.deepEqual(readdirSync(folder), ['taken'])
  })
})
