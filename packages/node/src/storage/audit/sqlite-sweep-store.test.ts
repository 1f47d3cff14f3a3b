import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, it } from 'node:test'
import { finding } from '@fiducial/core/domain/audit/finding.ts'
import type { Sighting, SweepStore } from '../../services/audit/ports.ts'
import { MemoryArchive, type ToyImage, toyDigest } from '../../testing/memory-archive.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { openSweepStore } from './sqlite-sweep-store.ts'

const AT = new Date('2026-05-01T02:00:00Z')
const LATER = new Date('2026-05-02T02:00:00Z')

function sighting(key: string, image: ToyImage = {}): Sighting {
  const archive = new MemoryArchive()
  archive.images.set(key, image)
  const examined = archive.examine(key)
  const listed = { key, version: 'v1', sopInstanceUid: null, seriesInstanceUid: null, studyInstanceUid: null }
  return { kind: 'read', listed, examined, findings: examined.findings }
}

describe('openSweepStore', () => {
  const root = temporaryFolder()
  let folder: string
  let path: string

  beforeEach(() => {
    folder = mkdtempSync(join(root, 'home-'))
    path = join(folder, 'audit', 'sweeps.sqlite')
  })

  it('makes a file with its folder, and finds what was written', async () => {
    const store = openSweepStore(path)
    await store.begin({ at: AT, isFull: false, cursor: 'c' })
    await store.saw([sighting('a')], 10, AT)
    await store.close()
    const again = openSweepStore(path)
    assert.deepEqual(await again.current(), {
      number: 1,
      startedAt: AT,
      endedAt: null,
      isFull: false,
      cursor: 'c',
      counts: { read: 1, unchanged: 0, failed: 0, bytes: 10 },
    })
    assert.equal((await again.known(['a'])).get('a')?.readIn, 1)
    await again.close()
  })

  it('refuses a file of another kind', () => {
    const other = join(folder, 'other.sqlite')
    const database = new DatabaseSync(other)
    database.exec('CREATE TABLE t (x)')
    database.close()
    assert.throws(() => openSweepStore(other), { code: 'sweep_corrupted' })
    const text = join(folder, 'text')
    writeFileSync(text, 'no database at all '.repeat(200))
    assert.throws(() => openSweepStore(text), { code: 'sweep_corrupted' })
  })

  it('refuses a second process, and where it cannot write', async () => {
    const store = openSweepStore(path)
    await store.setNote('a', 'b')
    assert.throws(() => openSweepStore(path), { code: 'output_unwritable' })
    await store.close()
    writeFileSync(join(folder, 'file'), '')
    assert.throws(() => openSweepStore(join(folder, 'file', 'x.sqlite')), { code: 'output_unwritable' })
    assert.ok(existsSync(path))
  })
})

describe('SweepStore', () => {
  let store: SweepStore

  beforeEach(async () => {
    store = openSweepStore(':memory:')
    await store.begin({ at: AT, isFull: false, cursor: null })
  })

  it('lets one sweep be under way', async () => {
    await assert.rejects(store.begin({ at: AT, isFull: true, cursor: null }), { code: 'sweep_corrupted' })
    await store.end(LATER, 'next')
    assert.equal(await store.current(), undefined)
    await assert.rejects(store.saw([sighting('a')], 0, AT), { code: 'sweep_corrupted' })
    assert.equal(await store.note('cursor'), 'next')
    const second = await store.begin({ at: LATER, isFull: true, cursor: null })
    assert.deepEqual([second.number, second.isFull], [2, true])
    assert.deepEqual(
      (await store.ended(5)).map(({ number, endedAt }) => [number, endedAt]),
      [[1, LATER]],
    )
  })

  it('gives back all that was seen of an instance', async () => {
    const image = {
      signers: ['ca:1'],
      nextLookAt: LATER,
      firstEntry: '12',
      findings: [finding('stale', ['x'])],
    } as const
    const seen = sighting('a', image)
    await store.saw([seen], 0, AT)
    const [instance] = await store.instances('all', { limit: 5 })
    assert.deepEqual(instance, {
      key: 'a',
      firstSeenAt: AT,
      seenAt: AT,
      readAt: AT,
      sopInstanceUid: '1.a',
      studyInstanceUid: '1.5',
      examined: seen.kind === 'read' ? seen.examined : null,
      findings: [{ ...finding('stale', ['x']), foundIn: 1 }],
    })
  })

  it('takes down nothing of a batch of which one part cannot be', async () => {
    const broken = { ...sighting('b'), listed: { ...sighting('b'), key: null } } as unknown as Sighting
    await assert.rejects(store.saw([sighting('a'), broken], 0, AT))
    assert.deepEqual(await store.instances('all', { limit: 5 }), [])
    assert.equal((await store.current())?.counts.read, 0)
  })

  it('gives lists in slices', async () => {
    await store.saw(
      ['c', 'a', 'b'].map((key) => sighting(key)),
      0,
      AT,
    )
    const keys = async (after?: string): Promise<readonly string[]> =>
      (await store.instances('all', { limit: 2, ...(after !== undefined && { after }) })).map(({ key }) => key)
    assert.deepEqual([await keys(), await keys('b'), await keys('c')], [['a', 'b'], ['c'], []])
  })

  it('counts how instances stand, without those that are gone', async () => {
    await store.saw([sighting('a'), sighting('b', { standing: 'undetermined' }), sighting('c')], 0, AT)
    await store.forget(['c'], AT)
    assert.deepEqual(await store.standings(), {
      authentic: 1,
      recorded: 0,
      undetermined: 1,
      not_authentic: 0,
      unreadable: 0,
      other: 0,
    })
  })

  it('offers for enrolment what is readable, unrecorded and without an alarm', async () => {
    await store.saw(
      [
        sighting('unknown', { standing: 'undetermined', findings: [finding('unknown'), finding('duplicate')] }),
        sighting('known', { standing: 'recorded', firstEntry: '3' }),
        sighting('forged', { standing: 'not_authentic', findings: [finding('altered')] }),
        sighting('replayed', { standing: 'undetermined', findings: [finding('replayed')] }),
        { ...sighting('broken'), kind: 'failed', findings: [finding('unreadable')] } as Sighting,
      ],
      0,
      AT,
    )
    const unrecorded = await store.instances('unrecorded', { limit: 9 })
    assert.deepEqual(
      unrecorded.map(({ key }) => key),
      ['unknown'],
    )
    await store.enrolled([{ key: 'unknown', index: 77n }])
    assert.deepEqual(await store.instances('unrecorded', { limit: 9 }), [])
    const [enrolled] = (await store.instances('all', { limit: 9 })).filter(({ key }) => key === 'unknown')
    assert.deepEqual([enrolled?.examined?.standing, enrolled?.examined?.firstEntry], ['recorded', '77'])
    assert.deepEqual(enrolled?.findings, [{ ...finding('duplicate'), foundIn: 1 }])
  })

  it('keeps the sweep in which each finding was found first', async () => {
    const since = async (): Promise<readonly string[]> =>
      (await store.instances('all', { limit: 1 })).flatMap(({ findings }) =>
        findings.map(({ code, foundIn }) => `${code} ${foundIn}`),
      )
    await store.saw([sighting('a', { findings: [finding('unknown')] })], 0, AT)
    await store.end(AT, null)
    await store.begin({ at: LATER, isFull: false, cursor: null })
    await store.saw([sighting('a', { findings: [finding('altered'), finding('unknown')] })], 0, LATER)
    assert.deepEqual(await since(), ['altered 2', 'unknown 1'])
    await store.saw([sighting('a')], 0, LATER)
    await store.saw([sighting('a', { findings: [finding('unknown')] })], 0, LATER)
    assert.deepEqual(await since(), ['unknown 2'])
  })

  it('groups what shares pixels or an identifier', async () => {
    await store.saw(
      [sighting('a', { frames: 'x' }), sighting('b', { frames: 'x' }), sighting('c', { sop: '1.a', frames: null })],
      0,
      AT,
    )
    const groupsOf = async (what: 'frames' | 'uid') =>
      (await store.sharing(what, { limit: 9 })).map(({ value, members }) => [value, members.map(({ key }) => key)])
    assert.deepEqual(await groupsOf('frames'), [[toyDigest('x'), ['a', 'b']]])
    assert.deepEqual(await groupsOf('uid'), [['1.a', ['a', 'c']]])
  })

  it('tells that a row was damaged', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 's.sqlite')
    const written = openSweepStore(path)
    await written.begin({ at: AT, isFull: false, cursor: null })
    await written.saw([sighting('a')], 0, AT)
    await written.close()
    const database = new DatabaseSync(path)
    database.exec("UPDATE instance SET findings = '{'")
    database.close()
    const damaged = openSweepStore(path)
    await assert.rejects(damaged.instances('all', { limit: 1 }), { code: 'sweep_corrupted' })
    await damaged.close()
  })
})
