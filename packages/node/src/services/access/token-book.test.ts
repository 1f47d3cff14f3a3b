import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { FileTokens } from '../../storage/access/file-tokens.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { TokenBook } from './token-book.ts'

const request = { person: 'p-1', name: 'Console', role: 'security' } as const

function openBook(test: TestContext) {
  const folder = join(temporaryFolder(test), 'tokens')
  const clock = { now: new Date('2026-03-03T10:14:00.000Z') }
  const open = () =>
    new TokenBook({
      store: new FileTokens(folder),
      crypto: nativeCrypto,
      random: (length) => new Uint8Array(randomBytes(length)),
      now: () => clock.now,
    })
  return { folder, clock, open, book: open() }
}

describe('token book', () => {
  it('makes tokens that are known at once, also by another process', async (test) => {
    const { book, open } = openBook(test)
    assert.equal(await book.find('fiducial_x_y'), undefined)
    const { text, record } = await book.create(request)
    assert.equal((await book.find(text))?.id, record.id)
    assert.equal((await open().find(text))?.person, 'p-1')
  })

  it('knows a revoked token no more, in another process after two seconds', async (test) => {
    const { book, open, clock } = openBook(test)
    const { text, record } = await book.create(request)
    const other = open()
    assert.ok(await other.find(text))
    await book.revoke(record.id)
    assert.equal(await book.find(text), undefined)
    clock.now = new Date(clock.now.getTime() + 2_001)
    assert.equal(await other.find(text), undefined)
    await assert.rejects(book.revoke(record.id), { code: 'input_missing' })
    await assert.rejects(book.revoke('../../etc/passwd'), { code: 'input_missing' })
  })

  it('knows a token that another process has just made', async (test) => {
    const { book, open, clock } = openBook(test)
    await book.create(request)
    assert.equal(await book.find('fiducial_0_0'), undefined)
    const { text } = await open().create(request)
    clock.now = new Date(clock.now.getTime() + 101)
    assert.ok(await book.find(text))
  })

  it('ends a token after its days', async (test) => {
    const { book, clock } = openBook(test)
    const { text } = await book.create({ ...request, validDays: 1 })
    clock.now = new Date(clock.now.getTime() + 86_399_000)
    assert.ok(await book.find(text))
    clock.now = new Date(clock.now.getTime() + 1_000)
    assert.equal(await book.find(text), undefined)
  })

  it('keeps the records to their owner, and no secret in them', async (test) => {
    const { book, folder } = openBook(test)
    const { text } = await book.create(request)
    const [name = ''] = readdirSync(folder)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600)
    assert.ok(!readFileSync(join(folder, name), 'utf8').includes(text.slice(-64)))
  })

  it('refuses a folder in which a record is another one', async (test) => {
    const { book, folder } = openBook(test)
    await book.create(request)
    const [name = ''] = readdirSync(folder)
    writeFileSync(join(folder, '0000000000000000.json'), readFileSync(join(folder, name)))
    await assert.rejects(book.list(), { code: 'settings_malformed' })
  })
})
