import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { createMemoryState, openMemoryLog } from '../../storage/log/memory.ts'
import { makeLogEntry, makeLogOptions, makeLogSigner } from '../../testing/log-site.ts'
import { openCustodyLog } from './custody-log.ts'

const signer = makeLogSigner()

/** A log whose witnesses a test switches on and off, and in which no pause ends by itself. */
async function setUp() {
  const witnesses = { areThere: false, asked: 0 }
  const paused = Promise.withResolvers<void>()
  const log = await openCustodyLog(
    openMemoryLog(createMemoryState()),
    makeLogOptions(signer, {
      publishIntervalMs: 0,
      witnessRetryMs: 1,
      witnessing: {
        async cosign({ note }) {
          witnesses.asked++
          if (!witnesses.areThere) throw new StoreError('witness_quorum_missing', 'nobody there')
          return note
        },
      },
      pause: (ms, signal) => {
        if (ms === 0) return Promise.resolve()
        paused.resolve()
        return new Promise((resolve) => {
          if (signal.aborted) resolve()
          else signal.addEventListener('abort', () => resolve(), { once: true })
        })
      },
    }),
  )
  return { log, witnesses, paused: paused.promise }
}

describe('A log whose witnesses were not there', () => {
  it('asks them at once again for somebody who waits', async () => {
    const { log, witnesses, paused } = await setUp()
    await log.append(makeLogEntry('one'))
    await paused
    assert.equal(witnesses.asked, 1)
    await assert.rejects(log.published(0n), { code: 'witness_quorum_missing' })
    assert.equal(witnesses.asked, 2)
    witnesses.areThere = true
    assert.match(await log.published(0n), /^log\.example\/test\n1\n/)
    await log.close()
  })

  it('asks them for what somebody waits for, once that can be published', async () => {
    const { log, witnesses, paused } = await setUp()
    await log.append(makeLogEntry('one'))
    await paused
    const later = log.published(1n)
    const failure = assert.rejects(later, { code: 'witness_quorum_missing' })
    assert.equal(witnesses.asked, 1, 'there is nothing new to ask for')
    await log.append(makeLogEntry('two'))
    await failure
    witnesses.areThere = true
    assert.match(await log.published(1n), /^log\.example\/test\n2\n/)
    await log.close()
  })

  it('asks them once more when it is closed, and no longer', async () => {
    const { log, witnesses, paused } = await setUp()
    await log.append(makeLogEntry('one'))
    await paused
    await log.close()
    assert.ok(witnesses.asked >= 2 && witnesses.asked <= 3, `${witnesses.asked}`)
    assert.equal(log.publishedCheckpoint, undefined)
  })
})
