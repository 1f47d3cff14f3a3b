import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { run, temporaryFolder } from '../testing/peers.ts'
import { unprivileged } from '../testing/unprivileged.ts'
import { writeFileAtomically } from './write-file.ts'

const storeError = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code

describe('writeFileAtomically', () => {
  it('writes pieces of all sizes in order, from one buffer that is used again', (t) => {
    const folder = temporaryFolder(t)
    const sizes = [0, 1, 100, 262_143, 1, 2, 262_145, 1_000_000, 0, 5, 300_000, 262_144]
    const digest = createHash('sha256')
    const buffer = new Uint8Array(1_000_000)
    function* pieces(): Iterable<Uint8Array> {
      for (const [i, size] of sizes.entries()) yield buffer.fill(i + 1).subarray(0, size)
    }
    const path = join(folder, 'out.bin')
    const written = writeFileAtomically(path, pieces(), { onPiece: (piece) => digest.update(piece) })
    const expected = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i + 1)))
    assert.equal(written, expected.length)
    assert.ok(readFileSync(path).equals(expected))
    assert.equal(digest.digest('hex'), createHash('sha256').update(expected).digest('hex'))
    assert.deepEqual(readdirSync(folder), ['out.bin'])
  })

  it('makes the file with the permissions asked for', (t) => {
    const path = join(temporaryFolder(t), 'secret')
    writeFileAtomically(path, [Uint8Array.of(1)], { mode: 0o600 })
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })

  it('leaves a file of that name alone unless told to replace it', (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'out')
    writeFileSync(path, 'old')
    const neverAsked: Iterable<Uint8Array> = {
      [Symbol.iterator]: () => assert.fail('the pieces are not even asked for'),
    }
    assert.throws(() => writeFileAtomically(path, neverAsked), storeError('output_exists'))
    assert.equal(readFileSync(path, 'utf8'), 'old')
    writeFileAtomically(path, [Buffer.from('new')], { isOverwriting: true })
    assert.equal(readFileSync(path, 'utf8'), 'new')
    assert.deepEqual(readdirSync(folder), ['out'])
  })

  it('leaves a file alone that appears under the name while the pieces come', (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'out')
    function* pieces(): Iterable<Uint8Array> {
      yield Buffer.from('ours')
      writeFileSync(path, 'theirs')
    }
    assert.throws(() => writeFileAtomically(path, pieces()), storeError('output_exists'))
    assert.equal(readFileSync(path, 'utf8'), 'theirs')
    assert.deepEqual(readdirSync(folder), ['out'])
  })

  it('refuses a broken symbolic link of that name', (t) => {
    const folder = temporaryFolder(t)
    symlinkSync('nowhere', join(folder, 'out'))
    assert.throws(() => writeFileAtomically(join(folder, 'out'), [Uint8Array.of(1)]), storeError('output_exists'))
    assert.deepEqual(readdirSync(folder), ['out'])
  })

  for (const isOverwriting of [false, true]) {
    it(`leaves nothing behind when the pieces break off (overwriting: ${isOverwriting})`, (t) => {
      const folder = temporaryFolder(t)
      const path = join(folder, 'out')
      if (isOverwriting) writeFileSync(path, 'old')
      const cause = new FormatError('dicom_truncated', 'made up')
      function* pieces(): Iterable<Uint8Array> {
        yield new Uint8Array(2_000_000)
        assert.equal(readdirSync(folder).length, isOverwriting ? 2 : 1)
        throw cause
      }
      assert.throws(
        () => writeFileAtomically(path, pieces(), { isOverwriting }),
        (error) => error === cause,
      )
      assert.deepEqual(readdirSync(folder), isOverwriting ? ['out'] : [])
      if (isOverwriting) assert.equal(readFileSync(path, 'utf8'), 'old')
    })
  }

  it('refuses a folder that is missing, is a file, or has the name itself', (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'sub'))
    const one = [Uint8Array.of(1)]
    assert.throws(() => writeFileAtomically(join(folder, 'nowhere', 'out'), one), storeError('output_unwritable'))
    assert.throws(() => writeFileAtomically(join(folder, 'file', 'out'), one), storeError('output_unwritable'))
    const options = { isOverwriting: true }
    assert.throws(() => writeFileAtomically(join(folder, 'sub'), one, options), storeError('output_unwritable'))
    assert.deepEqual(readdirSync(folder), ['file', 'sub'])
  })

  it('refuses a folder that may not be written to', async (t) => {
    const folder = temporaryFolder(t)
    chmodSync(folder, 0o500)
    const write = (): number => writeFileAtomically(join(folder, 'out'), [Uint8Array.of(1)])
    await unprivileged(folder, () => assert.throws(write, storeError('output_unwritable')))
    assert.deepEqual(readdirSync(folder), [])
  })

  it('leaves nothing behind when the disk takes only a part', {
    skip: process.platform === 'win32' && 'no limit on file size',
  }, async (t) => {
    const folder = temporaryFolder(t)
    const module = pathToFileURL(join(import.meta.dirname, 'write-file.ts')).href
    const program = `
      import { writeFileAtomically } from ${JSON.stringify(module)}
      try {
        writeFileAtomically(process.argv[1], Array.from({ length: 10 }, () => new Uint8Array(300_000)))
      } catch ({ code, cause }) {
        console.log(code, cause.code)
      }`
    // A process that may write files of no more than 2 048 blocks of 512 or 1024 bytes meets a disk that is full.
    const command = 'ulimit -f 2048 && exec "$0" --input-type=module -e "$1" "$2"'
    const { stdout, stderr } = await run('sh', ['-c', command, process.execPath, program, join(folder, 'out')])
    assert.equal(stdout.trim(), 'output_unwritable EFBIG', stderr)
    assert.deepEqual(readdirSync(folder), [])
  })
})
