import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { embeddedAuthority } from '../../keys/embedded-authority.ts'
import { initKeyRing } from '../../keys/key-ring.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import type { TimestampAuthority } from '../ports.ts'
import { TimestampedLog } from './log-times.ts'
import type { SiteLog } from './site-log.ts'

const MADE = new Date('2026-01-01T00:00:00Z')
/** Minutes after ten. */
const at = (minutes: number): Date => new Date(Date.parse('2026-03-03T10:00:00.123Z') + minutes * 60_000)
const minutesOf = (time: Date | undefined): number | undefined =>
  time && Math.round((time.getTime() - at(0).getTime()) / 60_000)

/** A timestamp authority with real keys, whose clock is set by hand. */
interface Clock {
  readonly authority: TimestampAuthority
  readonly anchors: TrustAnchors
  now: Date
}

describe('TimestampedLog', () => {
  const folder = temporaryFolder()
  let clock: Clock
  let second: Clock
  before(async () => {
    clock = await makeClock('one')
    second = await makeClock('two')
  })

  async function makeClock(name: string): Promise<Clock> {
    const ring = await initKeyRing(join(folder, name), { site: name, now: () => MADE })
    const made: { now: Date; anchors: TrustAnchors } = { now: at(0), anchors: ring.trust() }
    return Object.assign(made, { authority: await embeddedAuthority(ring, () => made.now) })
  }

  const seal = async ({ recorder }: SiteLog): Promise<bigint> => (await recorder.recordSeal(await makeToySeal())).index

  /** Timestamps by these authorities, both at one moment. */
  async function stamp(site: MemorySite, minutes: number, ...clocks: readonly Clock[]): Promise<void> {
    site.now = at(minutes)
    for (const one of clocks) one.now = at(minutes)
    await site.fill((open) => open.timestamp(), { authorities: clocks.map(({ authority }) => authority) })
  }
  const grow = (site: MemorySite, count: number): Promise<void> =>
    site.fill(async (open) => {
      for (let i = 0; i < count; i++) await seal(open)
    })
  const timesOf = async (site: MemorySite, anchors = clock.anchors): Promise<TimestampedLog> =>
    new TimestampedLog(await site.view(), { crypto: nativeCrypto, anchors, records: site.ports.records })

  /** A log of entries 0 to 7: 0, 1; stamped (2); 3, 4; stamped (5); 6; and 7. */
  async function stampedTwice(): Promise<MemorySite> {
    const site = new MemorySite()
    await grow(site, 2)
    await stamp(site, 10, clock)
    await grow(site, 2)
    await stamp(site, 20, clock)
    await grow(site, 2)
    return site
  }

  it('bounds entries from above by the first token that covers them', async () => {
    const times = await timesOf(await stampedTwice())
    const bounds = await Promise.all(
      [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map(async (i) => minutesOf(await times.notAfter(i))),
    )
    assert.deepEqual(bounds, [10, 10, 20, 20, 20, undefined, undefined, undefined])
  })

  it('bounds trees from below by the last token that stands in them', async () => {
    const times = await timesOf(await stampedTwice())
    const bounds = await Promise.all(
      [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n].map(async (size) => minutesOf(await times.notBefore(size))),
    )
    assert.deepEqual(bounds, [undefined, undefined, undefined, 10, 10, 10, 20, 20, 20])
  })

  it('states whole token times, to the millisecond', async () => {
    const times = await timesOf(await stampedTwice())
    assert.deepEqual(await times.notAfter(0n), at(10))
  })

  it('knows nothing of a log that nobody stamped', async () => {
    const site = new MemorySite()
    await grow(site, 3)
    const times = await timesOf(site)
    assert.deepEqual([await times.notAfter(0n), await times.notBefore(3n)], [undefined, undefined])
  })

  it('counts for nothing what an authority says that is not believed', async () => {
    const site = await stampedTwice()
    const times = await timesOf(site, second.anchors)
    assert.deepEqual([await times.notAfter(0n), await times.notBefore(8n)], [undefined, undefined])
    const nobody = await timesOf(site, { roots: [], intermediates: [], crls: [] })
    assert.deepEqual([await nobody.notAfter(0n), await nobody.notBefore(8n)], [undefined, undefined])
  })

  it('takes the earlier of two tokens for the upper bound, and the later one for the lower', async () => {
    const site = new MemorySite()
    await grow(site, 1)
    site.now = at(10)
    clock.now = at(12)
    second.now = at(15)
    await site.fill((open) => open.timestamp(), { authorities: [second.authority, clock.authority] })
    await grow(site, 1)
    const both = {
      roots: [...clock.anchors.roots, ...second.anchors.roots],
      intermediates: [],
      crls: [],
    }
    const bounds = async (anchors: TrustAnchors) => {
      const times = await timesOf(site, anchors)
      return [minutesOf(await times.notAfter(0n)), minutesOf(await times.notBefore(2n))]
    }
    assert.deepEqual(await bounds(both), [12, 15])
    assert.deepEqual(await bounds(clock.anchors), [12, 12])
    assert.deepEqual(await bounds(second.anchors), [15, 15])
  })

  it('passes over tokens that are not believed, to the next ones that are', async () => {
    const site = new MemorySite()
    site.now = at(0)
    await grow(site, 1)
    for (let i = 1; i <= 20; i++) await stamp(site, i, second)
    await stamp(site, 30, clock)
    for (let i = 31; i <= 50; i++) await stamp(site, i, second)
    const times = await timesOf(site)
    assert.equal(minutesOf(await times.notAfter(0n)), 30)
    assert.equal(minutesOf(await times.notBefore((await site.view()).size)), 30)
  })

  /** Has a `timestamped` entry logged that no honest log would make. */
  async function recordStamp(site: MemorySite, note: string, token: Uint8Array): Promise<void> {
    const { root } = parseCheckpoint(parseNote(note).text)
    await site.fill((open) =>
      open.recorder.record({
        type: 'timestamped',
        instance: null,
        digests: null,
        details: { note, root, tokens: [token] },
      }),
    )
  }
  const tokenOver = (note: string): Promise<Uint8Array> =>
    clock.authority.timestamp('sha256', new Uint8Array(hash('sha256', encodeUtf8(note), 'buffer')))
  const noteOf = async (site: MemorySite): Promise<string> => (await site.ports.published.read()) ?? assert.fail()

  it('counts for nothing a token over another note', async () => {
    const site = new MemorySite()
    await grow(site, 1)
    const old = await noteOf(site)
    await grow(site, 1)
    clock.now = at(40)
    await recordStamp(site, await noteOf(site), await tokenOver(old))
    const times = await timesOf(site)
    assert.deepEqual([await times.notAfter(0n), await times.notBefore(3n)], [undefined, undefined])
  })

  it('counts for nothing a stamp of another history of the same log', async () => {
    const site = new MemorySite()
    await grow(site, 2)
    const forked = new MemorySite(site.signer)
    await grow(forked, 2)
    const note = await noteOf(forked)
    await recordStamp(site, note, await tokenOver(note))
    const times = await timesOf(site)
    assert.deepEqual([await times.notAfter(0n), await times.notBefore(3n)], [undefined, undefined])
  })

  it('counts for nothing a stamp of a tree larger than the log', async () => {
    const site = new MemorySite()
    await grow(site, 1)
    const { origin, root } = (await site.view()).checkpoint.checkpoint
    const note = await signCheckpoint({ origin, root, size: 999n, extensions: [] }, site.signer, 1n)
    await recordStamp(site, note, await tokenOver(note))
    const times = await timesOf(site)
    assert.deepEqual([await times.notAfter(0n), await times.notBefore(2n)], [undefined, undefined])
  })

  it('does not bound an entry that the stamped tree does not hold', async () => {
    const site = new MemorySite()
    await grow(site, 1)
    const old = await noteOf(site)
    await grow(site, 1)
    clock.now = at(7)
    // Its checkpoint is of one entry, though it stands behind two.
    await recordStamp(site, old, await tokenOver(old))
    const times = await timesOf(site)
    assert.equal(minutesOf(await times.notAfter(0n)), 7)
    assert.equal(await times.notAfter(1n), undefined)
    assert.equal(minutesOf(await times.notBefore(3n)), 7)
  })

  it('counts for nothing a stamp whose statement was erased or exchanged', async () => {
    const site = await stampedTwice()
    const { records } = site.ports
    const view = await site.view()
    const exchanged = {
      find: records.find.bind(records),
      payload: async (index: bigint) => (index === 5n ? records.payload(2n) : records.payload(index)),
    }
    const times = new TimestampedLog(view, { crypto: nativeCrypto, anchors: clock.anchors, records: exchanged })
    assert.equal(await times.notAfter(3n), undefined)
    assert.equal(minutesOf(await times.notBefore(8n)), 10)
    await records.erase(5n)
    const later = await timesOf(site)
    assert.equal(await later.notAfter(3n), undefined)
    assert.equal(minutesOf(await later.notBefore(8n)), 10)
  })

  it('is not led astray by an index that names other events', async () => {
    const site = await stampedTwice()
    const { records } = site.ports
    const wrong = { find: async () => [0n, 1n, 3n], payload: records.payload.bind(records) }
    const times = new TimestampedLog(await site.view(), {
      crypto: nativeCrypto,
      anchors: clock.anchors,
      records: wrong,
    })
    assert.deepEqual([await times.notAfter(0n), await times.notBefore(8n)], [undefined, undefined])
  })

  it('checks each token once for many entries', async () => {
    const site = await stampedTwice()
    let count = 0
    const crypto = {
      ...nativeCrypto,
      verifyDigest: (...given: Parameters<typeof nativeCrypto.verifyDigest>) => {
        count++
        return nativeCrypto.verifyDigest(...given)
      },
      verifyMessage: (...given: Parameters<typeof nativeCrypto.verifyMessage>) => {
        count++
        return nativeCrypto.verifyMessage(...given)
      },
    }
    const { records } = site.ports
    const times = new TimestampedLog(await site.view(), { crypto, anchors: clock.anchors, records })
    await times.notAfter(0n)
    const once = count
    assert.ok(once > 0)
    await Promise.all(Array.from({ length: 50 }, () => times.notAfter(1n)))
    assert.equal(count, once)
  })

  it('bounds what no token covers by the time at which a quorum cosigned', async () => {
    const site = new MemorySite()
    await grow(site, 1)
    const view = await site.view()
    const witnessed = Object.create(view, {
      quorum: { value: { ...view.quorum, notAfter: 1_772_532_000n } },
    }) as typeof view
    const options = { crypto: nativeCrypto, anchors: clock.anchors, records: site.ports.records }
    assert.deepEqual(await new TimestampedLog(witnessed, options).notAfter(0n), new Date(1_772_532_000_000))
    const absurd = Object.create(view, {
      quorum: { value: { ...view.quorum, notAfter: (1n << 63n) - 1n } },
    }) as typeof view
    assert.equal(await new TimestampedLog(absurd, options).notAfter(0n), undefined, 'a time that no calendar has')
  })
})
