import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AbsentInstance,
  judgeAbsent,
  judgeSamePixels,
  judgeSameUid,
  type SharingMember,
} from './sweep-findings.ts'

function memberOf(key: string, more: Partial<SharingMember> = {}): SharingMember {
  return {
    key,
    sopInstanceUid: `1.${key}`,
    studyInstanceUid: '1',
    dataset: `d${key}`,
    frames: 'f',
    isAuthentic: false,
    firstEntry: null,
    isDerived: false,
    ...more,
  }
}

const told = (findings: ReturnType<typeof judgeSamePixels>): readonly string[] =>
  findings.map(({ key, finding: { code, severity } }) => `${key} ${code} ${severity}`)

describe('judgeSamePixels', () => {
  it('says nothing of one image, however often it is there', () => {
    assert.deepEqual(
      judgeSamePixels([memberOf('a', { sopInstanceUid: '1' }), memberOf('b', { sopInstanceUid: '1' })]),
      [],
    )
  })

  it('calls all of them duplicates where nobody vouches for one', () => {
    const findings = judgeSamePixels([memberOf('a'), memberOf('b', { studyInstanceUid: '2' })])
    assert.deepEqual(told(findings), ['a duplicate warning', 'b duplicate warning'])
    assert.deepEqual(findings[0]?.finding.where, ['1.b'])
  })

  it('calls one replayed that stands in another study than the authentic one', () => {
    const findings = judgeSamePixels([memberOf('a', { isAuthentic: true }), memberOf('b', { studyInstanceUid: '2' })])
    assert.deepEqual(told(findings), ['b replayed alarm'])
    assert.deepEqual(findings[0]?.finding.where, ['1.a'])
  })

  it('takes the one for the original that the log knew first', () => {
    const members = [
      memberOf('a', { firstEntry: 9n, studyInstanceUid: '2' }),
      memberOf('b', { firstEntry: 4n }),
      memberOf('c', { studyInstanceUid: '3' }),
    ]
    assert.deepEqual(told(judgeSamePixels(members)), ['a duplicate warning', 'c replayed alarm'])
  })

  it('leaves out a copy whose derivation is recorded', () => {
    assert.deepEqual(judgeSamePixels([memberOf('a'), memberOf('b', { isDerived: true })]), [])
  })
})

describe('judgeSameUid', () => {
  it('alarms of other pixels, warns of other attributes, and notes identical copies', () => {
    const uid = { sopInstanceUid: '1' }
    assert.deepEqual(told(judgeSameUid([memberOf('a', uid), memberOf('b', { ...uid, frames: 'g' })])), [
      'a uid_reused alarm',
      'b uid_reused alarm',
    ])
    assert.deepEqual(told(judgeSameUid([memberOf('a', uid), memberOf('b', uid)])), [
      'a uid_reused warning',
      'b uid_reused warning',
    ])
    const same = { ...uid, dataset: 'd' }
    assert.deepEqual(told(judgeSameUid([memberOf('a', same), memberOf('b', same)])), [
      'a copied notice',
      'b copied notice',
    ])
    assert.deepEqual(judgeSameUid([memberOf('a', same)]), [])
  })

  it('does not take pixels that cannot be had for other ones', () => {
    const uid = { sopInstanceUid: '1', dataset: 'd' }
    assert.deepEqual(told(judgeSameUid([memberOf('a', uid), memberOf('b', { ...uid, frames: null })])), [
      'a copied notice',
      'b copied notice',
    ])
  })
})

describe('judgeAbsent', () => {
  const HOUR = 3_600_000
  const startedAt = new Date('2026-05-01T02:00:00Z')
  const rule = { startedAt, graceMs: 24 * HOUR }
  const before = (ms: number): Date => new Date(startedAt.getTime() - ms)
  const absent = (more: Partial<AbsentInstance>): AbsentInstance => ({
    index: 7n,
    state: 'present',
    recordedAt: before(HOUR),
    forwardedAt: null,
    isQuarantined: false,
    seenAt: null,
    ...more,
  })
  const reasonOf = (more: Partial<AbsentInstance>): string | undefined => judgeAbsent(absent(more), rule)?.reasons[0]

  it('gives a recorded image time to arrive', () => {
    assert.equal(reasonOf({}), undefined)
    assert.equal(reasonOf({ recordedAt: before(25 * HOUR) }), 'was_recorded')
  })

  it('misses at once what was sent, or was there before', () => {
    assert.equal(reasonOf({ forwardedAt: before(1) }), 'was_sent')
    assert.equal(reasonOf({ seenAt: before(HOUR) }), 'was_in_the_archive')
  })

  it('does not miss what was sent once the sweep had begun', () => {
    assert.equal(reasonOf({ forwardedAt: new Date(startedAt.getTime() + 1) }), undefined)
  })

  it('does not miss what is gone by the log, or held back', () => {
    const old = { recordedAt: before(99 * HOUR), seenAt: before(HOUR) }
    assert.equal(reasonOf({ ...old, state: 'withdrawn' }), undefined)
    assert.equal(reasonOf({ ...old, state: 'erased' }), undefined)
    assert.equal(reasonOf({ ...old, isQuarantined: true }), undefined)
  })
})
