import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseWitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { initKeyRing, type KeyRing, openKeyRing } from '../keys/key-ring.ts'
import { createNoteSigner } from '../keys/log-signer.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { OpenSiteLog } from '../services/log/log-access.ts'
import { makeToySeal } from '../testing/memory-site.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { hasLog, logFolder } from './log-reader.ts'
import { createSiteLog, findSiteLog, openSiteLog } from './site-log.ts'

const hasCode = (code: string) => (error: unknown) =>
  (error instanceof StoreError || error instanceof KeyError || error instanceof FormatError) && error.code === code

describe('the log of a site', () => {
  const folder = temporaryFolder()
  const template = join(folder, 'template')
  let count = 0
  before(async () => {
    await initKeyRing(template, { site: 'Krankenhaus Süd', isDemo: true })
  })
  /** A site with keys of its own, which are made once for all of them. */
  async function makeHome(): Promise<{ home: string; ring: KeyRing }> {
    const home = join(folder, `site-${++count}`)
    cpSync(template, home, { recursive: true })
    return { home, ring: await openKeyRing(home) }
  }
  const record = async ({ site }: OpenSiteLog): Promise<bigint> =>
    (await site.recorder.recordSeal(await makeToySeal())).index

  it('is not there before it is made', async () => {
    const { home } = await makeHome()
    assert.equal(findSiteLog(home), undefined)
    assert.equal(hasLog(home), false)
    await assert.rejects(openSiteLog(home), hasCode('log_missing'))
  })

  it('is made with two keys of the ring, and a name that no other log has', async () => {
    const { home, ring } = await makeHome()
    const facts = await createSiteLog(home, ring)
    assert.deepEqual(findSiteLog(home), facts)
    assert.equal(hasLog(home), true)
    assert.match(facts.origin, /^demo-krankenhaus-su-d-[0-9a-f]{8}\.fiducial\.internal\/log$/)
    assert.deepEqual(
      facts.keys.map(({ type, name }) => [type, name === facts.origin]),
      [
        ['ed25519', true],
        ['cosignature-ml-dsa-44', true],
      ],
    )
    assert.deepEqual([facts.isDemo, facts.timestampMinutes, facts.timestampUrls], [true, 60, []])
    assert.equal(ring.find(facts.holder).role, 'log')
  })

  it('is made once', async () => {
    const { home, ring } = await makeHome()
    const facts = await createSiteLog(home, ring, { origin: 'a.example/log' })
    const holders = ring.list().length
    await assert.rejects(createSiteLog(home, ring, { origin: 'b.example/log' }), hasCode('log_exists'))
    assert.deepEqual(findSiteLog(home), facts)
    assert.equal(ring.list().length, holders, 'and no keys are made for a second one')
  })

  it('makes no keys for an order that is none', async () => {
    const { home, ring } = await makeHome()
    const orders = [
      [{ origin: 'with space' }, RangeError],
      [{ origin: '' }, RangeError],
      [{ objects: 's3://x' }, RangeError],
      [{ policy: encodeUtf8('junk') }, FormatError],
      [{ policy: encodeUtf8('quorum nobody\n') }, FormatError],
    ] as const
    for (const [order, kind] of orders) await assert.rejects(createSiteLog(home, ring, order), kind)
    assert.equal(ring.list().filter(({ role }) => role === 'log').length, 0)
    assert.equal(findSiteLog(home), undefined)
  })

  it('takes entries, and publishes them when it is closed', async () => {
    const { home, ring } = await makeHome()
    const { keys } = await createSiteLog(home, ring)
    {
      await using open = await openSiteLog(home)
      assert.equal(await record(open), 0n)
    }
    const note = readFileSync(join(logFolder(home), 'checkpoint'), 'utf8')
    const verified = verifyCheckpoint(note, keys, nativeCrypto)
    assert.ok(verified.state === 'valid')
    assert.deepEqual([verified.checkpoint.size, verified.valid.length], [1n, 2])
    await using again = await openSiteLog(home)
    assert.equal(again.site.log.state.size, 1n)
    assert.equal(await record(again), 1n)
    const { failures, tokens } = await again.site.settle()
    assert.deepEqual([failures, tokens], [[], 1], 'the authority of the ring saw it')
  })

  it('admits one process at a time, and says log_locked to the other', async () => {
    const { home, ring } = await makeHome()
    await createSiteLog(home, ring)
    const first = await openSiteLog(home)
    await assert.rejects(openSiteLog(home, { waitMs: 0 }), hasCode('log_locked'))
    await assert.rejects(openSiteLog(home, { waitMs: 150 }), hasCode('log_locked'))
    assert.equal(await record(first), 0n, 'the first is not disturbed')
    await first[Symbol.asyncDispose]()
    await using second = await openSiteLog(home, { waitMs: 0 })
    assert.equal(second.site.log.state.size, 1n)
  })

  it('lets the other one in once the first is done', async () => {
    const { home, ring } = await makeHome()
    await createSiteLog(home, ring)
    const first = await openSiteLog(home)
    const second = openSiteLog(home)
    await record(first)
    await first[Symbol.asyncDispose]()
    await using open = await second
    assert.equal(await record(open), 1n)
  })

  it('waits no longer than somebody wants it to', async () => {
    const { home, ring } = await makeHome()
    await createSiteLog(home, ring)
    await using _first = await openSiteLog(home)
    const controller = new AbortController()
    const second = openSiteLog(home, { signal: controller.signal })
    controller.abort()
    await assert.rejects(second, hasCode('log_locked'))
  })

  it('publishes nothing where its policy asks for a witness that does not answer', async () => {
    const { home, ring } = await makeHome()
    const { privateKey } = generateKeyPairSync('ed25519')
    const { key } = createNoteSigner('w.example', 'cosignature-ed25519', privateKey, nativeCrypto.hash)
    // A port that nobody listens at.
    const policy = encodeUtf8(`witness w ${formatVerifierKey(key)} http://127.0.0.1:1/\nquorum w\n`)
    await createSiteLog(home, ring, { policy })
    const open = await openSiteLog(home)
    const index = await record(open)
    await assert.rejects(open.site.log.published(index), hasCode('witness_quorum_missing'))
    await open[Symbol.asyncDispose]()
    assert.equal(existsSync(join(logFolder(home), 'checkpoint')), false)
  })

  it('adds its keys to the policy that it is given', async () => {
    const { home, ring } = await makeHome()
    const { privateKey } = generateKeyPairSync('ed25519')
    const { key } = createNoteSigner('w.example', 'cosignature-ed25519', privateKey, nativeCrypto.hash)
    const { keys } = await createSiteLog(home, ring, {
      policy: encodeUtf8(`witness w ${formatVerifierKey(key)} http://127.0.0.1:1/\nquorum none\n`),
    })
    const policy = parseWitnessPolicy(readFileSync(join(logFolder(home), 'policy')), nativeCrypto.hash)
    assert.deepEqual(
      policy.logs.map((log) => formatVerifierKey(log.key)),
      keys.map(formatVerifierKey),
    )
    assert.deepEqual(
      policy.witnesses.map(({ name }) => name),
      ['w'],
    )
  })

  it('does not open with the keys of another site', async () => {
    const { home, ring } = await makeHome()
    await createSiteLog(home, ring, { origin: 'a.example/log' })
    {
      await using open = await openSiteLog(home)
      await record(open)
    }
    const other = await makeHome()
    await createSiteLog(other.home, other.ring, { origin: 'a.example/log' })
    rmSync(join(other.home, 'log'), { recursive: true })
    cpSync(join(home, 'log'), join(other.home, 'log'), { recursive: true })
    await assert.rejects(openSiteLog(other.home), hasCode('log_corrupted'))
  })

  it('does not open without its secret, its policy or its keys', async () => {
    const { home, ring } = await makeHome()
    const { holder } = await createSiteLog(home, ring)
    const refusedWithout = async (path: string): Promise<string> => {
      const kept = readFileSync(path)
      rmSync(path)
      try {
        await openSiteLog(home)
        return 'opened'
      } catch (error) {
        return error instanceof StoreError || error instanceof KeyError ? error.code : String(error)
      } finally {
        writeFileSync(path, kept)
      }
    }
    assert.equal(await refusedWithout(join(logFolder(home), '.private', 'map.secret')), 'log_corrupted')
    assert.equal(await refusedWithout(join(logFolder(home), 'policy')), 'log_missing')
    await ring.revoke(holder, 'keyCompromise')
    await assert.rejects(openSiteLog(home), hasCode('key_revoked'))
  })

  it('lays down nothing that others may read but its public part', async () => {
    const before = process.umask(0)
    try {
      const { home, ring } = await makeHome()
      await createSiteLog(home, ring)
      {
        await using open = await openSiteLog(home)
        await record(open)
        await open.site.settle()
      }
      const hidden = join(logFolder(home), '.private')
      assert.equal(statSync(hidden).mode & 0o077, 0, 'nobody else looks into the folder')
      for (const name of ['map.secret', 'config.json']) {
        assert.equal(statSync(join(hidden, name)).mode & 0o077, 0, name)
      }
      const secret = readFileSync(join(hidden, 'map.secret'))
      for (const name of readdirSync(logFolder(home), { recursive: true, withFileTypes: true })) {
        if (!name.isFile() || name.name === 'map.secret') continue
        const bytes = readFileSync(join(name.parentPath, name.name))
        assert.equal(bytes.includes(secret), false, `${name.name} does not hold the secret`)
        assert.equal(bytes.includes('PRIVATE KEY'), false, `${name.name} holds no key`)
      }
    } finally {
      process.umask(before)
    }
  })
})
