import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { CustodyStatement } from '@fiducial/core/domain/log/event-details.ts'
import { toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { openSweepStore } from '../../storage/audit/sqlite-sweep-store.ts'
import { MemoryArchive } from '../../testing/memory-archive.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import type { EventNews } from '../log/recorder.ts'
import type { SiteLog } from '../log/site-log.ts'
import { enrolUnrecorded } from './enrol.ts'
import { learnLog } from './learn-log.ts'
import type { SweepStore } from './ports.ts'
import { recordFindings } from './record-findings.ts'

const STUDY = '2.25.1'
const { signal } = new AbortController()
const AT = new Date('2026-05-01T02:00:00Z')

const seal = async ({ recorder }: SiteLog, uid: string): Promise<bigint> =>
  (await recorder.recordSeal(await makeToySeal({ uid, study: STUDY }))).index

async function happen({ recorder }: SiteLog, type: CustodyStatement['type'], uid: string): Promise<void> {
  const { instance, ...event } = toyEvent(type)
  assert.ok(instance)
  const about = { ...instance, sopInstanceUid: uid, studyInstanceUid: STUDY }
  await recorder.record({ ...event, instance: about } as EventNews)
}

describe('learnLog', () => {
  let site: MemorySite
  let store: SweepStore
  const learn = async (): Promise<bigint> =>
    learnLog({ view: await site.view(), records: site.ports.records, store, crypto: nativeCrypto, signal })
  const known = async (): Promise<readonly string[]> =>
    (await store.notArchived({ limit: 99 })).map(
      ({ sopInstanceUid, state, isQuarantined, forwardedAt }) =>
        `${sopInstanceUid} ${state}${isQuarantined ? ' quarantined' : ''}${forwardedAt === null ? '' : ' sent'}`,
    )

  beforeEach(() => {
    site = new MemorySite()
    store = openSweepStore(':memory:')
  })

  it('takes down what each image is, and whether it was sent or held back', async () => {
    await site.fill(async (open) => {
      await seal(open, '2.25.10')
      await seal(open, '2.25.11')
      await happen(open, 'forwarded', '2.25.11')
      await happen(open, 'drill-injected', '2.25.12')
      await happen(open, 'drill-withdrawn', '2.25.12')
      await happen(open, 'received', '2.25.13')
      await happen(open, 'quarantined', '2.25.13')
      await happen(open, 'received', '2.25.14')
      await happen(open, 'quarantined', '2.25.14')
      await happen(open, 'released', '2.25.14')
    })
    assert.ok((await learn()) >= 10n)
    assert.deepEqual(await known(), [
      '2.25.10 present',
      '2.25.11 present sent',
      '2.25.12 withdrawn',
      '2.25.13 present quarantined',
      '2.25.14 present',
    ])
  })

  it('reads only what is new', async () => {
    await site.fill(async (open) => void (await seal(open, '2.25.10')))
    await learn()
    assert.equal(await learn(), 0n)
    await site.fill(async (open) => void (await seal(open, '2.25.11')))
    assert.ok((await learn()) > 0n)
    assert.deepEqual(await known(), ['2.25.10 present', '2.25.11 present'])
  })

  it('learns that a statement was erased', async () => {
    let index = 0n
    await site.fill(async (open) => {
      index = await seal(open, '2.25.10')
    })
    await learn()
    await site.fill(async (open) => {
      await open.erase(index, { erasedBy: { id: 'a', name: 'A' }, legalBasis: 'Art. 17' })
    })
    await learn()
    assert.deepEqual(await known(), ['2.25.10 erased'])
  })

  it('refuses a log that has become shorter', async () => {
    await site.fill(async (open) => void (await seal(open, '2.25.10')))
    await learn()
    await store.learn([], [], 999n)
    await assert.rejects(learn(), { code: 'log_corrupted' })
  })
})

describe('enrolUnrecorded and recordFindings', () => {
  it('record each instance once, also where nobody remembers that they did', async () => {
    const site = new MemorySite()
    const archive = new MemoryArchive()
    const finding = { code: 'unknown', severity: 'warning', reasons: [], where: [] } as const
    const alarm = { ...finding, code: 'replaced', severity: 'alarm' } as const
    archive.images.set('a', { sop: '1.1', standing: 'undetermined', findings: [finding] })
    archive.images.set('b', { sop: '1.2', standing: 'undetermined', findings: [finding] })
    archive.images.set('c', { sop: '1.3', standing: 'not_authentic', findings: [alarm] })
    const open = async (): Promise<SweepStore> => {
      const store = openSweepStore(':memory:')
      await store.begin({ at: AT, isFull: false, cursor: null })
      const sightings = [...archive.images.keys()].map((key) => {
        const examined = archive.examine(key)
        const listed = { key, version: 'v', sopInstanceUid: null, seriesInstanceUid: null, studyInstanceUid: null }
        return { kind: 'read', listed, examined, findings: examined.findings } as const
      })
      await store.saw(sightings, 0, AT)
      return store
    }
    const sizes: bigint[] = []
    const counts: number[] = []
    for (let i = 0; i < 2; i++) {
      const store = await open()
      await site.fill(async ({ recorder, log }) => {
        counts.push(await enrolUnrecorded({ store, recorder, kind: 'folder', signal }))
        counts.push(await recordFindings({ store, recorder, policy: 'acquisition', signal }))
        sizes.push(log.state.size)
      })
      assert.equal((await store.standings()).recorded, 2)
    }
    assert.deepEqual(counts, [2, 2, 2, 2])
    const [first = 0n, second = 0n] = sizes
    // Settling may add a root of the map, and nothing else is added the second time.
    assert.ok(first >= 4n && second - first <= 1n, `${sizes}`)
  })
})
