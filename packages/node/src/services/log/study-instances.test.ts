import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CustodyStatement } from '@fiducial/core/domain/log/event-details.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import type { RecordStore } from './ports.ts'
import type { EventNews } from './recorder.ts'
import type { SiteLog } from './site-log.ts'
import { knownInstances } from './study-instances.ts'

const code = (expected: string) => (error: unknown) => error instanceof StoreError && error.code === expected
const STUDY = '2.25.1'

async function known(
  site: MemorySite,
  study = STUDY,
  records: Pick<RecordStore, 'find' | 'payload'> = site.ports.records,
) {
  const instances = await knownInstances(study, await site.view(), { records, crypto: nativeCrypto })
  return instances.map(({ name, state, digest }) => {
    assert.equal(digest, null)
    return `${name} ${state}`
  })
}

const seal = async ({ recorder }: SiteLog, uid: string, study = STUDY): Promise<bigint> =>
  (await recorder.recordSeal(await makeToySeal({ uid, study }))).index

/** An event about an image of the study. */
async function happen(
  { recorder }: SiteLog,
  type: CustodyStatement['type'],
  uid: string | null,
  study: string | null = STUDY,
) {
  const { instance, ...event } = toyEvent(type)
  assert.ok(instance)
  await recorder.record({
    ...event,
    instance: { ...instance, sopInstanceUid: uid, studyInstanceUid: study },
  } as EventNews)
}

describe('knownInstances', () => {
  it('names every image of a study once, as it was last', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open, '2.25.10')
      await seal(open, '2.25.11')
      await seal(open, '2.25.10')
      await seal(open, '2.25.20', '2.25.2')
      await happen(open, 'drill-injected', '2.25.12')
      await happen(open, 'drill-withdrawn', '2.25.12')
    })
    assert.deepEqual(await known(site), ['2.25.10 present', '2.25.11 present', '2.25.12 withdrawn'])
    assert.deepEqual(await known(site, '2.25.2'), ['2.25.20 present'])
    assert.deepEqual(await known(site, '2.25.404'), [])
  })

  it('is not told of an image by what does not say that it is there', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      for (const type of ['verified', 'forwarded', 'flagged', 'quarantined', 'disclosed'] as const) {
        await happen(open, type, '2.25.10')
      }
    })
    assert.deepEqual(await known(site), [])
  })

  it('passes over images without a name, and over those whose every statement was erased', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await happen(open, 'received', null)
      const index = await seal(open, '2.25.10')
      await seal(open, '2.25.11')
      await open.erase(index, { erasedBy: { id: 'u', name: 'n' }, legalBasis: 'law' })
    })
    assert.deepEqual(await known(site), ['2.25.11 present'])
  })

  it('finds them all, however many there are', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await Promise.all(Array.from({ length: 2100 }, (_, i) => happen(open, 'received', `2.25.${10_000 + i}`)))
    })
    const names = await known(site)
    assert.equal(names.length, 2100)
    assert.equal(new Set(names).size, 2100)
  })

  it('knows no more than the checkpoint that is published', async () => {
    const site = new MemorySite()
    await site.fill((open) => seal(open, '2.25.10'))
    const note = (await site.ports.published.read()) as string
    await site.fill((open) => seal(open, '2.25.11'))
    site.state.cells.set('published', note)
    assert.deepEqual(await known(site), ['2.25.10 present'])
  })

  it('never believes a statement that is not the one of its entry', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open, '2.25.10')
      await seal(open, '2.25.11')
    })
    const { records } = site.ports
    const swapped = { find: records.find.bind(records), payload: async () => records.payload(1n) }
    await assert.rejects(known(site, STUDY, swapped), code('log_corrupted'))
  })

  it('is not led astray by an index that names entries of other studies', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open, '2.25.10')
      await seal(open, '2.25.20', '2.25.2')
    })
    const { records } = site.ports
    const wrong = { find: async () => [0n, 1n], payload: records.payload.bind(records) }
    assert.deepEqual(await known(site, STUDY, wrong), ['2.25.10 present'])
  })

  it('says so where an entry is damaged', async () => {
    const site = new MemorySite()
    await site.fill((open) => seal(open, '2.25.10'))
    site.state.objects.set('tile/entries/000.p/1', Uint8Array.of(0, 1, 7))
    await assert.rejects(known(site), code('log_corrupted'))
  })
})
