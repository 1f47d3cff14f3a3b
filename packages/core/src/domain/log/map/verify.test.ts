import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MapRootDetails } from '../event-details.ts'
import type { InstanceProof } from './instance-proof.ts'
import { hashStudy, type MapRecord, summarize } from './record.ts'
import type { StudyProof } from './study-proof.ts'
import { hashes, sha256 } from './testing/plain-map.ts'
import { acquired, archiveOf } from './testing/toy-archive.ts'
import { type ProofFlaw, verifyCompleteness, verifyInstance } from './verify.ts'

const withdrawn = (studyInstanceUid: string, sopInstanceUid: string) => ({
  type: 'drill-withdrawn',
  studyInstanceUid,
  sopInstanceUid,
})

const archive = await archiveOf([
  ...acquired('1', 5),
  ...acquired('2', 1),
  ...acquired('3', 12),
  withdrawn('1', '1.2'),
  withdrawn('2', '2.0'),
])
const { mapRoot } = archive
const refused = (reason: ProofFlaw) => ({ outcome: 'refused', reason })

describe('verifyCompleteness', () => {
  it('says how many instances a study has, and shows those that are gone', async () => {
    for (const [uid, present, recorded] of [
      ['1', 4, 5],
      ['2', 0, 1],
      ['3', 12, 12],
    ] as const) {
      const finding = verifyCompleteness(hashes, {
        mapRoot,
        proof: await archive.proveStudy(uid),
        studyInstanceUid: uid,
      })
      assert.equal(finding.outcome, 'complete')
      if (finding.outcome !== 'complete') continue
      assert.deepEqual([finding.present, finding.records.length], [present, recorded])
      assert.deepEqual(finding.records, archive.recordsOf(uid))
    }
    assert.equal(mapRoot.instances, 16n)
  })

  it('says that a study has no record', async () => {
    const proof = await archive.proveStudy('4')
    assert.deepEqual(verifyCompleteness(hashes, { mapRoot, proof, studyInstanceUid: '4' }), { outcome: 'absent' })
  })

  it('says that a study has no record in an empty archive', async () => {
    const empty = await archiveOf([])
    const claim = { mapRoot: empty.mapRoot, proof: await empty.proveStudy('4'), studyInstanceUid: '4' }
    assert.deepEqual(verifyCompleteness(hashes, claim), { outcome: 'absent' })
  })

  /** What the holder of a proof may try. */
  const lies: readonly {
    readonly name: string
    readonly reason: ProofFlaw
    readonly lie: (proof: StudyProof, records: readonly MapRecord[]) => StudyProof
    readonly root?: Partial<MapRootDetails>
  }[] = [
    {
      name: 'one record less',
      reason: 'path_wrong',
      lie: (proof, records) => withRecords(proof, records.slice(1)),
    },
    {
      name: 'no records',
      reason: 'records_wrong',
      lie: (proof) => withRecords(proof, []),
    },
    {
      name: 'one record twice',
      reason: 'records_wrong',
      lie: (proof, records) => withRecords(proof, [...records, ...records.slice(-1)]),
    },
    {
      name: 'records in another order',
      reason: 'records_wrong',
      lie: (proof, records) => withRecords(proof, records.toReversed()),
    },
    {
      name: 'a record more',
      reason: 'path_wrong',
      lie: (proof, [first, ...rest]) =>
        withRecords(proof, [...[first, ...rest].flatMap((record) => record ?? []), made]),
    },
    {
      name: 'an instance present again that is gone',
      reason: 'path_wrong',
      lie: (proof, records) =>
        withRecords(
          proof,
          records.map((record) => ({ ...record, state: 'present' })),
        ),
    },
    {
      name: 'an instance with an earlier first entry',
      reason: 'path_wrong',
      lie: (proof, records) =>
        withRecords(
          proof,
          records.map((record) => ({ ...record, first: 0n, newest: 0n, entries: 1 })),
        ),
    },
    {
      name: 'a record that contradicts itself',
      reason: 'records_wrong',
      lie: (proof, records) =>
        withRecords(
          proof,
          records.map((record) => ({ ...record, entries: 9 })),
        ),
    },
    {
      name: 'a record of an entry that the map has not worked in',
      reason: 'records_wrong',
      lie: (proof, records) =>
        withRecords(
          proof,
          records.map((record) => ({ ...record, newest: mapRoot.size, entries: 2 })),
        ),
    },
    {
      name: 'another salt',
      reason: 'path_wrong',
      lie: (proof) => ({ ...proof, study: proof.study && { ...proof.study, salt: sha256() } }),
    },
    {
      name: 'a salt of another length',
      reason: 'path_wrong',
      lie: (proof) => ({ ...proof, study: proof.study && { ...proof.study, salt: new Uint8Array(31) } }),
    },
    { name: 'a study denied', reason: 'path_wrong', lie: (proof) => ({ ...proof, study: null }) },
    {
      name: 'another blinding key',
      reason: 'blinding_key_wrong',
      lie: (proof) => ({ ...proof, blindingKey: sha256() }),
    },
    { name: 'a root of another size', reason: 'other_map', lie: (proof) => proof, root: { size: mapRoot.size + 1n } },
    { name: 'another root', reason: 'other_map', lie: (proof) => proof, root: { root: sha256() } },
    {
      name: 'another root, named in the proof too',
      reason: 'path_wrong',
      lie: (proof) => ({ ...proof, map: { ...proof.map, root: sha256() } }),
      root: { root: sha256() },
    },
    { name: 'another commitment', reason: 'blinding_key_wrong', lie: (proof) => proof, root: { blinding: sha256() } },
  ]
  for (const { name, reason, lie, root } of lies) {
    it(`refuses ${name}`, async () => {
      const proof = lie(await archive.proveStudy('1'), archive.recordsOf('1'))
      const claim = { mapRoot: { ...mapRoot, ...root }, proof, studyInstanceUid: '1' }
      assert.deepEqual(verifyCompleteness(hashes, claim), refused(reason))
    })
  }

  it('refuses the proof of one study for another, and of absence for a study that is there', async () => {
    for (const uid of ['1', '2', '3', '4']) {
      const proof = await archive.proveStudy(uid)
      for (const other of ['1', '2', '3', '4', '']) {
        if (other === uid || (other === '' && proof.study === null)) continue
        const finding = verifyCompleteness(hashes, { mapRoot, proof, studyInstanceUid: other })
        // That one study is absent may show that another is, which then is so.
        if (finding.outcome === 'absent') assert.ok(!['1', '2', '3'].includes(other))
        else assert.deepEqual(finding, refused('path_wrong'))
      }
    }
  })

  it('refuses a proof from an archive with another secret', async () => {
    const other = await archiveOf(acquired('1', 5), sha256())
    const claim = { mapRoot, proof: await other.proveStudy('1'), studyInstanceUid: '1' }
    assert.deepEqual(verifyCompleteness(hashes, claim), refused('other_map'))
  })

  it('holds an archive that counts wrong to the records that it shows', async () => {
    const records = archive.recordsOf('1')
    const summary = summarize(hashes, archive.saltOf('1'), records)
    assert.notDeepEqual(hashStudy(hashes, summary), hashStudy(hashes, { ...summary, present: summary.present - 1n }))
    assert.notDeepEqual(hashStudy(hashes, summary), hashStudy(hashes, { ...summary, size: summary.size + 1n }))
  })
})

describe('verifyInstance', () => {
  const verify = async (uid: string, sopInstanceUid: string, lie = (proof: InstanceProof): InstanceProof => proof) => {
    const proof = lie(await archive.proveInstance(uid, sopInstanceUid))
    return verifyInstance(hashes, { mapRoot, proof, studyInstanceUid: uid, sopInstanceUid })
  }

  it('shows the record of every instance', async () => {
    for (const uid of ['1', '2', '3']) {
      const count = archive.recordsOf(uid).length
      for (let i = 0; i < count; i++) {
        const finding = await verify(uid, `${uid}.${i}`)
        assert.equal(finding.outcome, 'recorded')
        if (finding.outcome !== 'recorded') continue
        assert.deepEqual(finding.record.digest, sha256(new TextEncoder().encode(`${uid}.${i}`)))
        assert.equal(finding.record.state, ['1.2', '2.0'].includes(`${uid}.${i}`) ? 'withdrawn' : 'present')
      }
    }
  })

  it('shows that an instance is missing, at either end and between others', async () => {
    const counts = new Map<number, number>()
    for (const uid of ['1', '2', '3']) {
      for (let i = 0; i < 40; i++) {
        assert.deepEqual(await verify(uid, `9.${i}`), { outcome: 'absent', hasStudy: true })
        const { records } = await archive.proveInstance(uid, `9.${i}`)
        counts.set(records.length, (counts.get(records.length) ?? 0) + 1)
      }
    }
    assert.deepEqual([...counts.keys()].sort(), [1, 2])
    assert.deepEqual(await verify('4', '4.0'), { outcome: 'absent', hasStudy: false })
  })

  const lies: readonly {
    readonly name: string
    readonly sop: string
    readonly reason: ProofFlaw
    readonly lie: (proof: InstanceProof) => InstanceProof
  }[] = [
    { name: 'no record', sop: '3.1', reason: 'place_wrong', lie: (proof) => ({ ...proof, records: [] }) },
    {
      name: 'a study denied',
      sop: '3.1',
      reason: 'path_wrong',
      lie: (proof) => ({ ...proof, study: null, records: [] }),
    },
    { name: 'records without a study', sop: '3.1', reason: 'place_wrong', lie: (proof) => ({ ...proof, study: null }) },
    {
      name: 'another count',
      sop: '3.1',
      reason: 'path_wrong',
      lie: (proof) => ({ ...proof, study: proof.study && { ...proof.study, present: 11n } }),
    },
    {
      name: 'more present than there are',
      sop: '3.1',
      reason: 'records_wrong',
      lie: (proof) => ({ ...proof, study: proof.study && { ...proof.study, present: 13n } }),
    },
    {
      name: 'another digest',
      sop: '3.1',
      reason: 'place_wrong',
      lie: (proof) => mapRecords(proof, (record) => ({ ...record, digest: sha256() })),
    },
    {
      name: 'a record that contradicts itself',
      sop: '3.1',
      reason: 'records_wrong',
      lie: (proof) => mapRecords(proof, (record) => ({ ...record, newest: record.first - 1n })),
    },
    {
      name: 'another place',
      sop: '3.1',
      reason: 'place_wrong',
      lie: (proof) => ({ ...proof, records: proof.records.map((placed) => ({ ...placed, index: placed.index ^ 1n })) }),
    },
  ]
  for (const { name, sop, reason, lie } of lies) {
    it(`refuses ${name}`, async () => assert.deepEqual(await verify('3', sop, lie), refused(reason)))
  }

  it('refuses absence by neighbours that are none, and by one that is not at an end', async () => {
    const uids = Array.from({ length: 12 }, (_, i) => `3.${i}`)
    const placed = (await Promise.all(uids.map((uid) => archive.proveInstance('3', uid)))).flatMap(
      ({ records }) => records,
    )
    placed.sort((a, b) => Number(a.index - b.index))
    for (let i = 0; i < 20; i++) {
      const honest = await archive.proveInstance('3', `9.${i}`)
      const isHonest = (indexes: readonly bigint[]): boolean =>
        honest.records.map(({ index }) => index).join() === indexes.join()
      for (const a of placed) {
        for (const records of [[a], ...placed.map((b) => [a, b])]) {
          if (isHonest(records.map(({ index }) => index))) continue
          assert.deepEqual(await verify('3', `9.${i}`, (proof) => ({ ...proof, records })), refused('place_wrong'))
        }
      }
    }
  })

  it('refuses the record of another instance', async () => {
    const other = await archive.proveInstance('3', '3.1')
    assert.deepEqual(await verify('3', '3.2', () => other), refused('place_wrong'))
  })
})

const made: MapRecord = {
  key: new Uint8Array(32).fill(0xff),
  series: sha256(),
  digest: null,
  first: 1n,
  newest: 1n,
  entries: 1,
  state: 'present',
}

const withRecords = (proof: StudyProof, records: readonly MapRecord[]): StudyProof => ({
  ...proof,
  study: proof.study && { ...proof.study, records },
})

const mapRecords = (proof: InstanceProof, change: (record: MapRecord) => MapRecord): InstanceProof => ({
  ...proof,
  records: proof.records.map((placed) => ({ ...placed, record: change(placed.record) })),
})
