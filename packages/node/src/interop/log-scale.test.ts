/** A custody log as it runs at scale: entries in PostgreSQL, tiles and checkpoints in S3. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keysOfSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type CustodyLog, openCustodyLog } from '../services/log/custody-log.ts'
import type { Receipt } from '../services/log/receipt.ts'
import { openPostgresLog } from '../storage/log/postgres/open.ts'
import { openS3Log } from '../storage/log/s3/open.ts'
import { type Owner, storeError } from '../testing/log-contracts/harness.ts'
import { makeLogEntry, makeLogOptions, makeLogSigner, ORIGIN } from '../testing/log-site.ts'
import { postgres, startPostgres } from '../testing/postgres.ts'
import { type S3Double, startS3Double } from '../testing/s3-double.ts'

const signer = makeLogSigner()
const keys = keysOfSigner(signer)
const surroundings = { now: () => new Date(), random: () => 0, sleep: async () => undefined }

/** Checks a receipt as somebody would who knows the log's keys and nothing else. */
function checkReceipt({ index, leaf, proof, checkpoint }: Receipt): void {
  const verified = verifyCheckpoint(checkpoint, keys, nativeCrypto)
  assert.ok(verified.state === 'valid')
  const { size, root } = verified.checkpoint
  assert.ok(verifyInclusion(nativeCrypto.hash, { entry: leaf, index, size, proof, root }))
}

describe('a custody log over PostgreSQL and S3', { skip: postgres.skip }, () => {
  const cluster = postgres.skip === false ? startPostgres() : undefined
  const names = ['one', 'two', 'three'].values()

  /** Somewhere to open one log as often as a test likes. */
  async function stage(t: Owner) {
    const double = await startS3Double({}, t)
    const name = names.next().value
    // Each log has a prefix in the bucket, and here a name in the database.
    const origin = `${ORIGIN}/${name}`
    const open = async (): Promise<CustodyLog> => {
      const database = await openPostgresLog(origin, { url: (await cluster)?.url() ?? '' })
      t.after(() => database.close())
      const objects = await openS3Log(s3Options(double))
      return openCustodyLog(
        { ...objects, sequencer: database.sequencer, records: database.records },
        makeLogOptions(signer),
      )
    }
    return { double, open }
  }

  const s3Options = ({ endpoint, region, bucket, accessKeyId, secretAccessKey }: S3Double) => ({
    endpoint,
    region,
    bucket,
    prefix: 'log/',
    credentials: { accessKeyId, secretAccessKey },
    surroundings,
  })
  const entries = (name: string, count: number) => Array.from({ length: count }, (_, i) => makeLogEntry(`${name} ${i}`))

  it('acknowledges with proofs, and knows everything after a restart', async (t) => {
    const { double, open } = await stage(t)
    const log = await open()
    const receipts = await Promise.all(entries('a', 700).map((entry) => log.append(entry)))
    for (const receipt of receipts) checkReceipt(receipt)
    await log.close()
    assert.ok(double.objects.has('log/tile/0/000') && double.objects.has('log/tile/entries/001'))
    assert.match(double.objects.get('log/checkpoint')?.toString() ?? '', /\n700\n/)

    const again = await open()
    assert.equal(again.state.size, 700n)
    const known = await again.append(makeLogEntry('a 333'))
    assert.deepEqual([known.index, known.isNew], [receipts[333]?.index, false])
    checkReceipt(await again.append(makeLogEntry('new')))
    await again.close()
  })

  it('lets the newer of two openers append, and only that one', async (t) => {
    const { open } = await stage(t)
    const older = await open()
    checkReceipt(await older.append(makeLogEntry('first')))
    const newer = await open()
    await assert.rejects(older.append(makeLogEntry('second')), storeError('fence_lost'))
    const receipt = await newer.append(makeLogEntry('third'))
    assert.equal(receipt.index, 1n)
    checkReceipt(receipt)
    await older.close().catch(storeError('fence_lost', 'log_stopped', 'checkpoint_moved'))
    await newer.close()
  })

  it('acknowledges nothing that it loses when S3 goes away for a while', async (t) => {
    const { double, open } = await stage(t)
    const log = await open()
    await Promise.all(entries('a', 300).map((entry) => log.append(entry)))
    double.fail({ when: 'after', how: 'cut', method: 'PUT', times: 10_000 })
    const attempts = await Promise.allSettled(entries('b', 300).map((entry) => log.append(entry)))
    const acknowledged = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
    for (const receipt of acknowledged) checkReceipt(receipt)
    await log.close().catch(storeError('log_unwritable', 'log_stopped'))

    double.heal()
    const again = await open()
    for (const { index, leaf } of acknowledged) assert.deepEqual((await again.prove(index)).leaf, leaf)
    const receipts = await Promise.all(entries('b', 300).map((entry) => again.append(entry)))
    for (const receipt of receipts) checkReceipt(receipt)
    await again.close()
    assert.match(double.objects.get('log/checkpoint')?.toString() ?? '', /\n600\n/)
  })
})
