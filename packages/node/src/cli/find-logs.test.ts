import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { toyCertificate } from '@fiducial/core/testing/toy-pki.ts'
import { CommandContext } from '../testing/command-context.ts'
import { findLogs } from './find-logs.ts'
import { UsageError } from './usage-error.ts'

const root = toyCertificate({ name: 'Hospital CA' })
const anchors = { roots: [root], intermediates: [], crls: [] }

describe('findLogs', () => {
  it('finds the log of the site, and under which roots its own images are sealed', async () => {
    const context = new CommandContext({ anchors })
    assert.deepEqual(await findLogs({ log: true }, context), {
      logPolicies: [],
      log: { folder: '/home/log', ownRoots: [createHash('sha256').update(root.bytes).digest('hex')] },
    })
  })

  it('asks for no keys to do so', async () => {
    const context = new CommandContext({ anchors })
    let secrets: unknown
    const { openRing } = context.adapters
    const adapters = {
      ...context.adapters,
      openRing: (home: string, given: object) => {
        secrets = given
        return openRing(home, given)
      },
    }
    await findLogs({ log: true }, Object.assign(Object.create(context), { adapters }) as CommandContext)
    assert.deepEqual(secrets, {})
  })

  it('leaves the log alone where it is not to be asked, and where there is none', async () => {
    assert.deepEqual(await findLogs({ log: false }, new CommandContext()), { logPolicies: [] })
    assert.deepEqual(await findLogs({ log: true }, new CommandContext({ hasLog: false })), { logPolicies: [] })
  })

  it('reads the policies of other logs, in their order, with and without a log of its own', async () => {
    for (const log of [true, false]) {
      const context = new CommandContext({ anchors })
      context.files.set('one', encodeUtf8('1'))
      context.files.set('two', encodeUtf8('2'))
      const { logPolicies } = await findLogs({ log, logPolicy: ['two', 'one'] }, context)
      assert.deepEqual(logPolicies, [encodeUtf8('2'), encodeUtf8('1')])
    }
  })

  it('says so where a policy is not there, before anything is verified', async () => {
    const context = new CommandContext()
    context.files.set('one', encodeUtf8('1'))
    await assert.rejects(findLogs({ log: true, logPolicy: ['one', 'two'] }, context), UsageError)
  })

  it('shows the name of such a policy as it is, and nothing that moves the cursor', async () => {
    await assert.rejects(
      findLogs({ log: false, logPolicy: ['\u001b[2Jx'] }, new CommandContext()),
      (error) => error instanceof UsageError && !error.message.includes('\u001b'),
    )
  })

  it('does not pass over a log that is damaged', async () => {
    const find = () => Promise.reject(new StoreError('log_corrupted', 'damaged'))
    const context = new CommandContext({ log: { find } })
    await assert.rejects(
      findLogs({ log: true }, context),
      (error) => error instanceof StoreError && error.code === 'log_corrupted',
    )
    assert.deepEqual(await findLogs({ log: false }, context), { logPolicies: [] })
  })
})
