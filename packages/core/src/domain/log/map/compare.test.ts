import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compareStudies, type StudyAt } from './compare.ts'
import type { MapRecord } from './record.ts'
import { sha256 } from './testing/plain-map.ts'
import { acquired, archiveOf, type ToyEvent } from './testing/toy-archive.ts'

const withdrawn = (sopInstanceUid: string): ToyEvent => ({
  type: 'drill-withdrawn',
  studyInstanceUid: '1',
  sopInstanceUid,
})

async function studyAfter(events: readonly ToyEvent[]): Promise<StudyAt> {
  const archive = await archiveOf(events)
  return { size: archive.mapRoot.size, salt: archive.saltOf('1'), records: archive.recordsOf('1') }
}

describe('compareStudies', () => {
  const events = [...acquired('1', 3), ...acquired('2', 2)]
  const more = [...events, { studyInstanceUid: '1', sopInstanceUid: '1.7' }, withdrawn('1.1'), withdrawn('1.9')]

  it('shows what was added and changed since', async () => {
    const { added, changed, contradictions } = compareStudies(await studyAfter(events), await studyAfter(more))
    assert.deepEqual(added.map(({ first, state }) => [first, state]).sort(), [
      [5n, 'present'],
      [7n, 'withdrawn'],
    ])
    assert.deepEqual(
      changed.map(({ first, newest, state }) => [first, newest, state]),
      [[1n, 6n, 'withdrawn']],
    )
    assert.deepEqual(contradictions, [])
  })

  it('shows nothing between a study and itself, nor where others grew', async () => {
    const study = await studyAfter(events)
    const nothing = { added: [], changed: [], contradictions: [] }
    assert.deepEqual(compareStudies(study, study), nothing)
    assert.deepEqual(compareStudies(study, await studyAfter([...events, ...acquired('3', 3)])), nothing)
  })

  const lies: readonly {
    readonly name: string
    readonly reason: string
    readonly lie: (records: readonly MapRecord[]) => readonly MapRecord[]
  }[] = [
    { name: 'a record that vanished', reason: 'vanished', lie: (records) => records.slice(1) },
    {
      name: 'a back-dated instance',
      reason: 'back_dated',
      lie: (records) => [
        ...records,
        { ...(records[0] as MapRecord), key: sha256(), first: 2n, newest: 2n, entries: 1 },
      ],
    },
    {
      name: 'a back-dated instance with a newer entry',
      reason: 'back_dated',
      lie: (records) => [
        ...records,
        { ...(records[0] as MapRecord), key: sha256(), first: 2n, newest: 9n, entries: 2 },
      ],
    },
    { name: 'another digest', reason: 'rewritten', lie: (records) => changeOne(records, { digest: sha256() }) },
    { name: 'another series', reason: 'rewritten', lie: (records) => changeOne(records, { series: sha256() }) },
    {
      name: 'another first entry',
      reason: 'rewritten',
      lie: (records) => changeOne(records, { first: 4n, newest: 6n, entries: 2 }),
    },
    {
      name: 'a state without an entry',
      reason: 'rewritten',
      lie: (records) => changeOne(records, { state: 'erased' }),
    },
    {
      name: 'a new entry from before',
      reason: 'rewritten',
      lie: (records) => changeOne(records, { newest: 4n, entries: 2 }),
    },
    {
      name: 'a new entry that is not counted',
      reason: 'rewritten',
      lie: (records) => changeOne(records, { newest: 6n }),
    },
  ]
  for (const { name, reason, lie } of lies) {
    it(`finds ${name}`, async () => {
      const study = await studyAfter(events)
      const later = { ...study, size: 20n, records: lie(study.records) }
      assert.deepEqual(
        compareStudies(study, later).contradictions.map((found) => found.reason),
        [reason],
      )
    })
  }

  it('finds all records changed under another salt', async () => {
    const study = await studyAfter(events)
    const other = await archiveOf(events, sha256())
    const later = { size: study.size, salt: other.saltOf('1'), records: other.recordsOf('1') }
    const { contradictions } = compareStudies(study, later)
    assert.deepEqual(contradictions.map(({ reason }) => reason).sort(), [
      'back_dated',
      'back_dated',
      'back_dated',
      'vanished',
      'vanished',
      'vanished',
    ])
  })

  it('refuses a later study of a smaller log', async () => {
    const [earlier, later] = [await studyAfter(events), await studyAfter(more)]
    assert.throws(() => compareStudies(later, earlier), RangeError)
  })
})

const changeOne = (records: readonly MapRecord[], change: Partial<MapRecord>): readonly MapRecord[] =>
  records.with(0, { ...(records[0] as MapRecord), ...change })
