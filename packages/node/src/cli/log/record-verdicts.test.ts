import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { CustodyStatement } from '@fiducial/core/domain/log/event-details.ts'
import { type Check, fails, holds, unknown } from '@fiducial/core/domain/verdict/check.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { CommandContext } from '../../testing/command-context.ts'
import type { VerifyRecord } from '../verify-record.ts'
import { recordVerdicts } from './record-verdicts.ts'

const digest = new Uint8Array(32).fill(7)
const verified = (more: Partial<VerifyRecord> = {}): VerifyRecord => ({
  path: 'a.dcm',
  instance: { sopInstanceUid: '2.25.10', studyInstanceUid: '2.25.1' },
  verdict: 'not_authentic',
  level: 'P0',
  content: 'altered',
  sentence: 'Do not rely on this file.',
  isSynthetic: false,
  checks: [holds('encoding'), fails('content', 'pixels_changed'), unknown('log', 'unrecorded')],
  signatures: [],
  seal: { state: 'absent' },
  log: { state: 'not_consulted' },
  mark: { claimed: null, slice: null, state: 'not_looked' },
  fileSha256: encodeHex(digest),
  ...more,
})

async function eventAt(
  { site }: CommandContext,
  index: bigint,
): Promise<Extract<CustodyStatement, { type: 'verified' }>> {
  const payload = await site.ports.records.payload(index)
  assert.ok(payload instanceof Uint8Array)
  const event = parseEventStatement(payload)
  assert.ok(event.type === 'verified')
  return event
}

const record = (context: CommandContext, ...records: readonly VerifyRecord[]): Promise<void> =>
  recordVerdicts(records, ACQUISITION_POLICY, {}, context)

describe('recordVerdicts', () => {
  it('logs what an image was found to be', async () => {
    const context = new CommandContext()
    await record(context, verified())
    const { instance, digests, details } = await eventAt(context, 0n)
    assert.deepEqual(instance, {
      sopClassUid: null,
      sopInstanceUid: '2.25.10',
      seriesInstanceUid: null,
      studyInstanceUid: '2.25.1',
      transferSyntaxUid: null,
    })
    assert.deepEqual(digests, { file: digest, dataset: null, pixels: null, frames: null })
    assert.deepEqual(details, {
      verdict: 'not_authentic',
      level: 'P0',
      content: 'altered',
      policy: 'acquisition',
      failing: [{ subject: 'content', reason: 'pixels_changed' }],
    })
    assert.deepEqual(context.records, [{ state: 'recorded', path: 'a.dcm', index: '0' }])
    assert.deepEqual(context.counts, { opened: 1, closed: 1, made: 0 })
  })

  it('takes no identifier from a file that is none', async () => {
    const context = new CommandContext()
    const odd = ['', 'x', '2.25.1 ', '.1', '2.25.1\u0000', '1'.repeat(65), "1'; DROP TABLE", '../..']
    await record(
      context,
      ...odd.map((uid, i) =>
        verified({
          instance: { sopInstanceUid: uid, studyInstanceUid: '2.25.1' },
          fileSha256: encodeHex(digest.map(() => i)),
        }),
      ),
    )
    for (const i of odd.keys()) {
      const { instance } = await eventAt(context, BigInt(i))
      assert.deepEqual([instance?.sopInstanceUid, instance?.studyInstanceUid], [null, '2.25.1'])
    }
  })

  it('names no instance where the file names none', async () => {
    const context = new CommandContext()
    await record(context, verified({ instance: { sopInstanceUid: null, studyInstanceUid: null } }))
    assert.equal((await eventAt(context, 0n)).instance, null)
  })

  it('lists no more failing checks than an event holds', async () => {
    const context = new CommandContext()
    const checks: readonly Check[] = Array.from({ length: 200 }, () => fails('content', 'pixels_changed'))
    await record(context, verified({ checks }))
    assert.equal((await eventAt(context, 0n)).details.failing.length, 64)
  })

  it('logs more verdicts than the log has room for at once', async () => {
    const context = new CommandContext({ siteOptions: { admission: { entries: 600 } } })
    const many = Array.from({ length: 1500 }, (_, i) =>
      verified({ path: `${i}`, fileSha256: i.toString(16).padStart(64, '0') }),
    )
    await record(context, ...many)
    assert.equal(context.records.length, 1500)
    assert.ok(context.site.state.size >= 1500n)
  })

  it('publishes what it logged', async () => {
    const context = new CommandContext()
    await record(context, verified())
    assert.equal((await context.site.view()).size, context.site.state.size)
  })

  it('says so where there is no log', async () => {
    const context = new CommandContext({ hasLog: false })
    await assert.rejects(
      record(context, verified()),
      (error) => error instanceof StoreError && error.code === 'log_missing',
    )
  })

  it('lets the log go where one verdict cannot be logged', async () => {
    const context = new CommandContext()
    const { fileSha256: _, ...undigested } = verified()
    await assert.rejects(record(context, verified(), undigested), TypeError)
    assert.equal(context.counts.closed, 1)
  })
})
