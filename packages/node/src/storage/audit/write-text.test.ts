import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../../testing/peers.ts'
import { writeText } from './write-text.ts'

async function* pieces(...texts: readonly string[]): AsyncGenerator<string> {
  yield* texts
}

describe('writeText', () => {
  it('writes pieces one after the other, makes the folder, and replaces what stood there', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'a', 'b.txt')
    await writeText(path, pieces('one'))
    await writeText(path, pieces('x'.repeat(70_000), 'ü', ''))
    assert.equal(readFileSync(path, 'utf8'), `${'x'.repeat(70_000)}ü`)
    assert.deepEqual(readdirSync(join(folder, 'a')), ['b.txt'])
  })

  it('leaves what stood there, and nothing else, where the pieces break off', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'b.txt')
    writeFileSync(path, 'before')
    const broken = async function* (): AsyncGenerator<string> {
      yield 'half'
      throw new RangeError('broke off')
    }
    await assert.rejects(writeText(path, broken()), { message: 'broke off' })
    assert.equal(readFileSync(path, 'utf8'), 'before')
    assert.deepEqual(readdirSync(folder), ['b.txt'])
  })

  it('says where it cannot write', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    await assert.rejects(writeText(join(folder, 'file', 'b.txt'), pieces('a')), { code: 'output_unwritable' })
    assert.ok(!existsSync(join(folder, 'b.txt')))
  })
})
