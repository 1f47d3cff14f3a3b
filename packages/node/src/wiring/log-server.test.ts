import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import { ToyLog } from '@fiducial/core/testing/toy-log.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { serveLog } from './log-server.ts'

const log = new ToyLog(40)
const POLICY = `log ${formatVerifierKey(log.signer.ed25519.key)}\nquorum none\n`

async function layOut(t: TestContext): Promise<string> {
  const folder = temporaryFolder(t)
  const tile = { level: 0, index: 0n, width: 40 }
  mkdirSync(dirname(join(folder, tilePath(tile))), { recursive: true })
  writeFileSync(join(folder, tilePath(tile)), await log.readTile(tile))
  writeFileSync(join(folder, 'checkpoint'), await log.checkpoint())
  return folder
}

async function serve(t: TestContext, folder: string) {
  const server = await serveLog(folder, {})
  t.after(() => server[Symbol.asyncDispose]())
  const get = async (path: string) => fetch(`${server.url}${path}`)
  return { ...server, get }
}

describe('A log that is served from a folder', () => {
  it('is there for programs and people, whoever made the copy', async (t) => {
    const folder = await layOut(t)
    const { get, published } = await serve(t, folder)
    assert.deepEqual([published?.origin, published?.size], [log.origin, 40n])
    assert.equal(await (await get('/checkpoint')).text(), await log.checkpoint())
    assert.equal((await (await get('/tile/0/000.p/40')).bytes()).length, 40 * 32)
    assert.match(await (await get('/')).text(), /not checked/)
    assert.equal((await get('/policy')).status, 404)
  })

  it('is checked for people by the policy beside it', async (t) => {
    const folder = await layOut(t)
    writeFileSync(join(folder, 'policy'), POLICY)
    const { get } = await serve(t, folder)
    assert.match(await (await get('/')).text(), /Signed by the log\./)
    assert.equal(await (await get('/policy')).text(), POLICY)
  })

  it('gives nothing out that is private, and nothing from elsewhere', async (t) => {
    const folder = await layOut(t)
    mkdirSync(join(folder, '.private'))
    writeFileSync(join(folder, '.private', 'map.secret'), 'secret')
    writeFileSync(join(folder, 'notes.txt'), 'secret')
    const { get } = await serve(t, folder)
    for (const path of [
      '/.private/map.secret',
      '/tile/../.private/map.secret',
      '/tile/%2e%2e/.private/map.secret',
      '/tile/0/../../.private/map.secret',
      '/notes.txt',
      '/tile/..%2fnotes.txt',
      '/.private/',
      '//etc/passwd',
    ]) {
      const response = await get(path)
      assert.equal(response.status, 404, path)
      assert.doesNotMatch(await response.text(), /secret/)
    }
  })

  it('is served without anything being written there', async (t) => {
    const folder = await layOut(t)
    const before = readdirSync(folder, { recursive: true })
    const { get } = await serve(t, folder)
    for (const path of ['/', '/checkpoint', '/healthz', '/tile/0/000.p/40', '/tile/0/001']) await get(path)
    assert.deepEqual(readdirSync(folder, { recursive: true }), before)
  })

  it('is there before its first checkpoint, and shows it as soon as there is one', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'policy'), POLICY)
    const { get, published } = await serve(t, folder)
    assert.equal(published, undefined)
    assert.equal((await get('/checkpoint')).status, 404)
    writeFileSync(join(folder, 'checkpoint'), await log.checkpoint(7))
    assert.equal(await (await get('/checkpoint')).text(), await log.checkpoint(7))
  })

  it('is missed in a folder that holds something else, and in none', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'notes.txt'), 'no log')
    await assert.rejects(serveLog(folder, {}), { code: 'log_missing' })
    await assert.rejects(serveLog(join(folder, 'none'), {}), { code: 'log_missing' })
  })

  it('is refused with a policy that is none, or a checkpoint that is none', async (t) => {
    const folder = await layOut(t)
    writeFileSync(join(folder, 'policy'), 'quorum nobody\n')
    await assert.rejects(serveLog(folder, {}), { code: 'witness_policy_malformed' })
    writeFileSync(join(folder, 'policy'), POLICY)
    writeFileSync(join(folder, 'checkpoint'), 'no note')
    await assert.rejects(serveLog(folder, {}), { code: 'note_malformed' })
  })

  it('is not served where the port is taken', async (t) => {
    const folder = await layOut(t)
    const { url } = await serve(t, folder)
    await assert.rejects(serveLog(folder, { port: Number(new URL(url).port) }), { code: 'service_refused' })
  })
})
