import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import type { TimestampAuthority } from '../ports.ts'
import type { SiteLog } from './site-log.ts'
import { isRoundDue, Timestamping, type TimestampingOptions } from './timestamping.ts'

const hasCode = (code: string) => (error: unknown) =>
  (error instanceof StoreError || error instanceof KeyError || error instanceof FormatError) && error.code === code

/** An authority whose tokens are the digests that it saw, with a name in front. */
function spellingAuthority(name: number): TimestampAuthority & { readonly seen: Uint8Array[] } {
  const seen: Uint8Array[] = []
  return {
    seen,
    async timestamp(algorithm, digest) {
      assert.equal(algorithm, 'sha256')
      seen.push(digest)
      return Uint8Array.of(0x30, name, ...digest)
    },
  }
}
const failing = (error: Error): TimestampAuthority => ({ timestamp: () => Promise.reject(error) })
const down = new StoreError('service_unreachable', 'no answer')

describe('Timestamping', () => {
  const over = (
    site: MemorySite,
    open: SiteLog,
    authorities: readonly TimestampAuthority[],
    more: Partial<TimestampingOptions> = {},
  ) =>
    new Timestamping(open.log, open.recorder, {
      crypto: nativeCrypto,
      now: () => site.now,
      authorities,
      intervalMs: 60_000,
      records: site.ports.records,
      ...more,
    })
  const seal = async ({ recorder, log }: SiteLog): Promise<void> => {
    const { index } = await recorder.recordSeal(await makeToySeal())
    await log.published(index)
  }
  const stampOf = async (site: MemorySite, index: bigint) => {
    const payload = await site.ports.records.payload(index)
    assert.ok(payload instanceof Uint8Array)
    const event = parseEventStatement(payload)
    assert.ok(event.type === 'timestamped')
    return event.details
  }

  it('puts the tokens over the published note into the log, each authority asked once', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open)
      const authorities = [spellingAuthority(1), spellingAuthority(2)]
      const note = open.log.publishedCheckpoint as string
      const digest = new Uint8Array(hash('sha256', encodeUtf8(note), 'buffer'))
      const { receipt, tokens, failures } = await over(site, open, authorities).run()
      assert.deepEqual([tokens, failures], [2, []])
      for (const { seen } of authorities) assert.deepEqual(seen, [digest])
      const details = await stampOf(site, receipt?.index ?? assert.fail())
      assert.deepEqual(details, {
        note,
        root: parseCheckpoint(parseNote(note).text).root,
        tokens: [Uint8Array.of(0x30, 1, ...digest), Uint8Array.of(0x30, 2, ...digest)],
      })
    })
  })

  it('keeps the tokens of those that answer, and says what the others said', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open)
      const { receipt, tokens, failures } = await over(site, open, [failing(down), spellingAuthority(2)]).run()
      assert.deepEqual([tokens, failures], [1, [down]])
      assert.equal((await stampOf(site, receipt?.index ?? assert.fail())).tokens.length, 1)
    })
  })

  it('appends nothing where all fail, whatever is wrong with them', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open)
      for (const error of [
        down,
        new StoreError('service_refused', 'no'),
        new KeyError('token_unavailable', 'gone'),
        new FormatError('timestamp_malformed', 'junk'),
      ]) {
        const round = await over(site, open, [failing(error), failing(down)]).run()
        assert.deepEqual(round, { receipt: undefined, tokens: 0, failures: [error, down] })
        assert.equal(open.log.state.size, 1n)
      }
    })
  })

  it('does not take a mistake of ours for a failure of an authority', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open)
      const broken = over(site, open, [spellingAuthority(1), failing(new TypeError('a mistake'))])
      await assert.rejects(broken.run(), TypeError)
      assert.equal(open.log.state.size, 1n)
    })
  })

  it('counts a token that no log takes as a failure of its authority', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open)
      for (const token of [new Uint8Array(0), new Uint8Array(1024 * 1024)]) {
        const huge: TimestampAuthority = { timestamp: async () => token }
        const { tokens, failures } = await over(site, open, [huge, spellingAuthority(2)]).run()
        assert.equal(tokens, 1)
        assert.equal(failures.length, 1)
        assert.ok(hasCode('service_refused')(failures[0]))
      }
    })
  })

  it('asks nobody before anything is published', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      const authority = spellingAuthority(1)
      await assert.rejects(over(site, open, [authority]).run(), hasCode('entry_missing'))
      assert.equal(authority.seen.length, 0)
    })
  })

  it('is due once the log has grown, and the interval is over', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      const rounds = over(site, open, [spellingAuthority(1)])
      assert.equal(await rounds.isDue(), false, 'an empty log')
      await seal(open)
      assert.equal(await rounds.isDue(), true, 'the first round is due at once')
      await rounds.run()
      site.now = new Date(site.now.getTime() + 3_600_000)
      assert.equal(await rounds.isDue(), false, 'nothing came since but the stamp itself')
      site.now = new Date(site.now.getTime() - 3_600_000 + 59_999)
      await seal(open)
      assert.equal(await rounds.isDue(), false, 'too soon')
      site.now = new Date(site.now.getTime() + 1)
      assert.equal(await rounds.isDue(), true)
      assert.equal(await over(site, open, []).isDue(), false, 'there is nobody to ask')
    })
  })

  it('is due where the statement of the last round was erased', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open)
      const { receipt } = await over(site, open, [spellingAuthority(1)]).run()
      await seal(open)
      await site.ports.records.erase(receipt?.index ?? assert.fail())
      assert.equal(await isRoundDue({ records: site.ports.records, size: 3n, intervalMs: 60_000 }, site.now), true)
    })
  })
})

describe('isRoundDue', () => {
  const records = { find: async () => [], payload: async () => undefined }

  it('is not for an empty log, and is for one that was never stamped', async () => {
    assert.equal(await isRoundDue({ records, size: 0n, intervalMs: 1 }, new Date()), false)
    assert.equal(await isRoundDue({ records, size: 1n, intervalMs: 1e12 }, new Date(0)), true)
  })
})
