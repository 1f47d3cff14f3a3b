import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { writeGroup } from './write-group.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const withCode = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code

describe('writeGroup', () => {
  it('writes all of its files, and makes their folders', (t) => {
    const folder = temporaryFolder(t)
    const paths = ['a/mask', 'a/b/truth', 'image'].map((name) => join(folder, name))
    writeGroup(paths.map((path) => ({ path, bytes: bytesOf(path) })))
    for (const path of paths) assert.equal(readFileSync(path, 'utf8'), path)
    assert.deepEqual(readdirSync(folder), ['a', 'image'])
  })

  it('writes none where one is there already', (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'image'), 'old')
    const files = ['mask', 'truth', 'image'].map((name) => ({ path: join(folder, name), bytes: bytesOf('new') }))
    assert.throws(() => writeGroup(files), withCode('output_exists'))
    assert.deepEqual(readdirSync(folder), ['image'])
    assert.equal(readFileSync(join(folder, 'image'), 'utf8'), 'old')
  })

  it('takes back what has its name where the last one cannot take its own', (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'image'))
    writeFileSync(join(folder, 'truth'), 'old')
    const files = ['mask', 'truth', 'image'].map((name) => ({ path: join(folder, name), bytes: bytesOf('new') }))
    assert.throws(() => writeGroup(files, true), withCode('output_unwritable'))
    assert.deepEqual(readdirSync(folder), ['image', 'truth'])
  })

  it('replaces all where that is asked for', (t) => {
    const folder = temporaryFolder(t)
    const files = (text: string) =>
      ['mask', 'image'].map((name) => ({ path: join(folder, name), bytes: bytesOf(text) }))
    writeGroup(files('one'))
    writeGroup(files('two'), true)
    for (const { path } of files('')) assert.equal(readFileSync(path, 'utf8'), 'two')
    assert.deepEqual(readdirSync(folder), ['image', 'mask'])
  })
})
