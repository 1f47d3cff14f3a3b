import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEntryOf, isSignatureRight, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { CustodyStatement } from '@fiducial/core/domain/log/event-details.ts'
import { signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { spkiOfVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { CUSTODY_TYPES, toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { makeLogSigner, ORIGIN } from '../../testing/log-site.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import { type EventNews, quoteCheckpoint } from './recorder.ts'
import type { SiteLog } from './site-log.ts'

const hasCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

/** What happened, without what the recorder adds. */
function newsOf(event: CustodyStatement): EventNews {
  const { salt: _, isDemo: __, recorder: ___, checkpoint: ____, ...news } = event
  return news as EventNews
}

async function statementAt(site: MemorySite, index: bigint): Promise<CustodyStatement> {
  const payload = await site.ports.records.payload(index)
  assert.ok(payload instanceof Uint8Array)
  const event = parseEventStatement(payload)
  assert.ok(event.type !== 'acquired')
  return event
}

describe('Recorder', () => {
  const run = (steps: (open: SiteLog, site: MemorySite) => Promise<void>, site = new MemorySite()): Promise<void> =>
    site.fill((open) => steps(open, site))

  it('logs an event of every kind, signed with the key of the log', () =>
    run(async ({ recorder }, site) => {
      for (const [i, type] of CUSTODY_TYPES.entries()) {
        const { index, leaf, isNew } = await recorder.record(newsOf(toyEvent(type)))
        assert.deepEqual([index, isNew], [BigInt(i), true])
        const payload = (await site.ports.records.payload(index)) as Uint8Array
        const entry = readEntry(leaf)
        assert.ok(isEntryOf(entry, payload, nativeCrypto.hash))
        assert.ok(isSignatureRight(entry, payload, nativeCrypto))
        assert.deepEqual(entry.spki, spkiOfVerifierKey(site.signer.ed25519.key))
        assert.equal((await statementAt(site, index)).type, type)
      }
    }))

  it('adds who recorded it, a salt of its own, and the newest checkpoint', () =>
    run(async ({ recorder, log }, site) => {
      const first = await recorder.record(newsOf(toyEvent('flagged')))
      const before = await statementAt(site, first.index)
      assert.deepEqual([before.recorder, before.isDemo, before.checkpoint], [{ id: 'log-1', name: 'Log' }, true, null])
      await log.published(first.index)
      const second = await recorder.record(newsOf(toyEvent('quarantined')))
      const after = await statementAt(site, second.index)
      assert.deepEqual(after.checkpoint, quoteCheckpoint(log.publishedCheckpoint))
      assert.equal(after.checkpoint?.size, 1n)
      assert.notDeepEqual(before.salt, after.salt)
    }))

  it('says now where nobody says when it was', () =>
    run(async ({ recorder }, site) => {
      const { at: _, ...news } = newsOf(toyEvent('flagged')) as EventNews & { at?: Date }
      const { index } = await recorder.record(news as EventNews)
      assert.deepEqual((await statementAt(site, index)).at, site.now)
      const stated = await recorder.record({ ...news, at: new Date(0) } as EventNews)
      assert.deepEqual((await statementAt(site, stated.index)).at, new Date(0))
    }))

  it('logs the same event of the same moment once, whatever its salt and checkpoint', () =>
    run(async ({ recorder, log }) => {
      const news = newsOf(toyEvent('flagged'))
      const first = await recorder.record(news)
      await log.published(first.index)
      const again = await recorder.record(news)
      assert.deepEqual([again.index, again.isNew, again.leaf], [first.index, false, first.leaf])
      const other = await recorder.record({ ...news, at: new Date(1) } as EventNews)
      assert.deepEqual([other.index, other.isNew], [1n, true])
    }))

  it('logs a sealed image once, as its device stated it', () =>
    run(async ({ recorder }, site) => {
      const seal = await makeToySeal()
      const first = await recorder.recordSeal(seal)
      const again = await recorder.recordSeal(seal)
      assert.deepEqual([first.isNew, again.isNew, again.index], [true, false, first.index])
      assert.deepEqual(await site.ports.records.payload(first.index), seal.envelope.payload)
    }))

  it('logs no seal whose device has not signed what it says', () =>
    run(async ({ recorder, log }) => {
      const seal = await makeToySeal()
      const other = await makeToySeal()
      const { envelope } = seal
      const forged: readonly Seal[] = [
        { ...seal, envelope: { ...envelope, payload: other.envelope.payload } },
        { ...seal, envelope: { ...envelope, signatures: other.envelope.signatures } },
        {
          ...seal,
          envelope: {
            ...envelope,
            signatures: envelope.signatures.map(({ keyid, sig }) => ({ keyid, sig: sig.map((byte) => byte ^ 1) })),
          },
        },
      ]
      for (const bad of forged) await assert.rejects(recorder.recordSeal(bad), hasCode('seal_malformed'))
      assert.equal(log.state.size, 0n)
    }))

  it('logs a whole statement as it is', () =>
    run(async ({ recorder }, site) => {
      const statement = toyEvent('released')
      const { index } = await recorder.recordStatement(statement)
      assert.deepEqual(await statementAt(site, index), statement)
    }))

  it('logs nothing that no log could read again', () =>
    run(async ({ recorder, log }) => {
      const flagged = newsOf(toyEvent('flagged'))
      const bad: readonly EventNews[] = [
        { ...flagged, digests: null } as EventNews,
        { ...flagged, details: { by: 'x'.repeat(300), reasons: [] } } as EventNews,
        { ...flagged, details: { by: 'line\nbreak', reasons: ['noise'] } } as EventNews,
        {
          ...newsOf(toyEvent('timestamped')),
          details: { note: 'x', root: new Uint8Array(32), tokens: [] },
        } as EventNews,
        { ...flagged, at: new Date(Number.NaN) } as EventNews,
      ]
      for (const news of bad) await assert.rejects(recorder.record(news), hasCode('event_malformed'))
      assert.equal(log.state.size, 0n)
      assert.equal((await recorder.record(flagged)).index, 0n)
    }))

  it('names no value of an event in what it refuses', () =>
    run(async ({ recorder }) => {
      const secret = 'Example^Patient\u0000'
      const news = { ...newsOf(toyEvent('flagged')), details: { by: secret, reasons: ['noise'] } } as EventNews
      await assert.rejects(recorder.record(news), (error) => !String(error).includes('Example'))
    }))
})

describe('quoteCheckpoint', () => {
  const noteOf = (size: bigint): Promise<string> =>
    signCheckpoint(
      { origin: ORIGIN, size, root: new Uint8Array(32).fill(3), extensions: ['more'] },
      makeLogSigner(),
      1n,
    )

  it('takes name, size and root', async () => {
    assert.deepEqual(quoteCheckpoint(await noteOf(7n)), { origin: ORIGIN, size: 7n, root: new Uint8Array(32).fill(3) })
  })

  it('quotes none where there is none, and not that of an empty log, which everybody knows', async () => {
    assert.equal(quoteCheckpoint(undefined), null)
    assert.equal(quoteCheckpoint(await noteOf(0n)), null)
  })

  it('refuses what is no checkpoint', () => {
    assert.throws(() => quoteCheckpoint(''), FormatError)
    assert.throws(() => quoteCheckpoint('a\n1\n\n— a AAAAAAAA\n'), FormatError)
  })
})
