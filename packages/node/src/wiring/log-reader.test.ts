import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { initKeyRing } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { leafOfSeal } from '../services/log/seal-entry.ts'
import { makeLogSigner } from '../testing/log-site.ts'
import { makeToySeal } from '../testing/memory-site.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { instanceLogOf, knownInstancesOf, logFolder, openLogReader, readPolicy } from './log-reader.ts'
import { createSiteLog, openSiteLog } from './site-log.ts'

const hasCode = (code: string) => (error: unknown) =>
  (error instanceof StoreError || error instanceof FormatError) && error.code === code

describe('openLogReader', () => {
  const folder = temporaryFolder()
  const home = join(folder, 'site')
  const log = logFolder(home)
  let seal: Seal
  let copies = 0
  before(async () => {
    const ring = await initKeyRing(home, { site: 'A' })
    await createSiteLog(home, ring, { origin: 'a.example/log' })
    seal = await makeToySeal({ uid: '2.25.10', study: '2.25.1' })
    await using open = await openSiteLog(home)
    await open.site.recorder.recordSeal(seal)
    await open.site.settle()
  })
  /** What a web server shows of the log. */
  function publicCopy(): string {
    const copy = join(folder, `copy-${++copies}`)
    cpSync(log, copy, { recursive: true, filter: (path) => !path.includes('/.') })
    return copy
  }
  const question = () => ({ sopInstanceUid: '2.25.10', digests: {}, seal: leafOfSeal(seal, nativeCrypto) })
  const trust = { anchors: { roots: [], intermediates: [], crls: [] }, ownRoots: [] }

  it('reads the log of a site, with what stands beside it', async () => {
    await using reader = await openLogReader(log)
    const view = await reader.view()
    assert.equal(view?.origin, 'a.example/log')
    assert.equal((await view?.prove(0n))?.index, 0n)
    const evidence = await instanceLogOf(reader, trust)?.lookUp(question())
    assert.ok(evidence?.state === 'consulted')
    assert.equal(evidence.entry?.index, 0n)
    assert.deepEqual(
      (await knownInstancesOf(reader, '2.25.1')).map(({ name }) => name),
      ['2.25.10'],
    )
  })

  it('disturbs nobody who appends, and sees what came since', async () => {
    await using reader = await openLogReader(log)
    const first = await reader.view()
    assert.equal(await reader.view(), first, 'the same view while nothing is new')
    await using open = await openSiteLog(home, { waitMs: 0 })
    const { index } = await open.site.recorder.recordSeal(await makeToySeal({ uid: '2.25.11', study: '2.25.9' }))
    await open.site.log.published(index)
    const second = await reader.view()
    assert.notEqual(second, first)
    assert.ok((second?.size ?? 0n) > index)
    assert.ok((first?.size ?? 0n) <= index, 'a view stays what it is')
  })

  it('reads a copy of the public part, which has no statements and knows no image', async () => {
    const copy = publicCopy()
    await using reader = await openLogReader(copy)
    assert.equal(reader.records, undefined)
    const view = await reader.view()
    assert.deepEqual((await view?.prove(0n))?.index, 0n)
    assert.equal(instanceLogOf(reader, trust), undefined)
    assert.deepEqual(await knownInstancesOf(reader, '2.25.1'), [])
  })

  it('leaves the records alone where only the public part is wanted', async () => {
    await using reader = await openLogReader(log, { isPublicOnly: true })
    assert.equal(reader.records, undefined)
    assert.notEqual(await reader.view(), undefined)
  })

  it('believes whom it is told to, and not the policy that lies beside a copy', async () => {
    const copy = publicCopy()
    const own = readPolicy(readFileSync(join(log, 'policy')))
    const stranger = makeLogSigner('a.example/log')
    writeFileSync(join(copy, 'policy'), `log ${formatVerifierKey(stranger.ed25519.key)}\nquorum none\n`)
    await using misled = await openLogReader(copy)
    await assert.rejects(misled.view(), hasCode('log_corrupted'), 'the checkpoint is of another key')
    await using told = await openLogReader(copy, { policy: own })
    assert.notEqual(await told.view(), undefined)
    rmSync(join(copy, 'policy'))
    await using alone = await openLogReader(copy, { policy: own })
    assert.notEqual(await alone.view(), undefined)
  })

  it('says what is missing', async () => {
    await assert.rejects(openLogReader(join(folder, 'nowhere')), hasCode('log_missing'))
    const copy = publicCopy()
    rmSync(join(copy, 'policy'))
    await assert.rejects(openLogReader(copy), hasCode('log_missing'))
    const bare = join(folder, 'bare')
    mkdirSync(bare)
    await assert.rejects(openLogReader(bare), hasCode('log_missing'))
  })

  it('refuses a policy or config that is damaged', async () => {
    const copy = publicCopy()
    writeFileSync(join(copy, 'policy'), 'quorum nobody\n')
    await assert.rejects(openLogReader(copy), hasCode('witness_policy_malformed'))
    const damaged = join(folder, 'damaged')
    cpSync(log, damaged, { recursive: true })
    writeFileSync(join(damaged, '.private', 'config.json'), '{}')
    await assert.rejects(openLogReader(damaged), hasCode('log_corrupted'))
  })

  it('has no view before the first checkpoint, and refuses one that is none', async () => {
    const copy = publicCopy()
    rmSync(join(copy, 'checkpoint'))
    await using reader = await openLogReader(copy)
    assert.equal(await reader.view(), undefined)
    for (const text of ['', 'x', 'a.example/log\n5\n']) {
      writeFileSync(join(copy, 'checkpoint'), text)
      await assert.rejects(reader.view(), hasCode('log_corrupted'))
    }
  })

  it('reads no more of a hostile copy than a log can have', async () => {
    const tile = join('tile', '0', '000.p')
    for (const name of ['checkpoint', 'policy', tile]) {
      const copy = publicCopy()
      const own = readPolicy(readFileSync(join(log, 'policy')))
      const path = name === tile ? join(copy, tile, String((await viewOf(copy)).size)) : join(copy, name)
      truncateSync(path, 3 * 2 ** 40)
      await assert.rejects(
        async () => {
          await using reader = await openLogReader(copy, name === 'policy' ? {} : { policy: own })
          await (await reader.view())?.prove(0n)
        },
        (error) => error instanceof StoreError || error instanceof FormatError,
        name,
      )
    }
  })

  async function viewOf(copy: string) {
    await using reader = await openLogReader(copy)
    return (await reader.view()) ?? assert.fail()
  }

  it('does not follow a loop of links', async () => {
    const copy = publicCopy()
    rmSync(join(copy, 'checkpoint'))
    symlinkSync(join(copy, 'checkpoint'), join(copy, 'checkpoint'))
    await using reader = await openLogReader(copy)
    await assert.rejects(reader.view(), StoreError)
  })

  it('knows a seal of the site by the root that it stands under', async () => {
    await using reader = await openLogReader(log)
    const other = leafOfSeal(await makeToySeal({ uid: '2.25.77' }), nativeCrypto)
    const digest = new Uint8Array(32).fill(9)
    const unknown = { sopInstanceUid: '2.25.77', digests: { file: digest }, seal: other }
    assert.deepEqual(await instanceLogOf(reader, trust)?.lookUp(unknown), { state: 'not_consulted' })
    const [root] = (await makeToySeal()).statement.device.certificates.statement.slice(-1)
    const ownRoots = [Buffer.from(root as Uint8Array).toString('hex')]
    const evidence = await instanceLogOf(reader, { ...trust, ownRoots })?.lookUp(unknown)
    assert.equal(evidence?.state, 'consulted')
    const junk = { ...unknown, seal: { ...other, payload: encodeUtf8('{}') } }
    assert.deepEqual(await instanceLogOf(reader, { ...trust, ownRoots })?.lookUp(junk), { state: 'not_consulted' })
  })
})
