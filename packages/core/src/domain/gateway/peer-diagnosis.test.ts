import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HopChange } from './hop.ts'
import { diagnosePeer, type PeerExamination, type StoreProbe } from './peer-diagnosis.ts'

const CT = '1.2.840.10008.5.1.4.1.1.2'
const taken = (abstractSyntax: string, transferSyntax = '1.2.840.10008.1.2.1') => ({
  abstractSyntax,
  transferSyntax,
  isTaken: true,
})

const GOOD: PeerExamination = {
  host: 'pacs',
  port: 104,
  calledAet: 'PACS',
  callingAet: 'GATEWAY',
  tls: null,
  associateMs: 3,
  implementationClassUid: '1.2',
  implementationVersion: 'PACS_1',
  maximumLength: 131_072,
  echoes: Array.from({ length: 30 }, () => ({ timeMs: 1, pieces: 1, gapMs: 0 })),
  contexts: [
    taken(CT),
    taken(CT, '1.2.840.10008.1.2.4.70'),
    taken('1.2.840.10008.1.20.1'),
    taken('1.2.840.10008.5.1.4.1.2.2.3'),
  ],
  window: { granted: null, answersAll: null },
  store: null,
}
const SAME: HopChange = {
  isRawSame: true,
  isCanonicalSame: true,
  pixels: 'same',
  isSyntaxSame: true,
  removed: [],
  added: [],
  changed: [],
}
const codes = (given: Partial<PeerExamination>): string[] => diagnosePeer({ ...GOOD, ...given }).map(({ code }) => code)
const stored = (change: Partial<HopChange> | null, status = 0): Partial<PeerExamination> => {
  const probe: Omit<StoreProbe, 'change'> = {
    studyInstanceUid: '1',
    sopInstanceUid: '1.1',
    status,
    timeMs: 5,
    failure: null,
  }
  return { store: { ...probe, change: change === null ? null : { ...SAME, ...change } } }
}

describe('diagnosis of a peer', () => {
  it('finds nothing wrong with one that does all well', () => {
    assert.deepEqual(codes({}), [])
    assert.deepEqual(codes(stored({})), ['data_set_kept'])
  })

  it('tells answers that wait for an acknowledgement from those that come in parts', () => {
    const echoes = (gapMs: number) =>
      Array.from({ length: 30 }, (_, i) => ({ timeMs: 1 + gapMs, pieces: 2, gapMs: i < 16 ? 0 : gapMs }))
    assert.deepEqual(codes({ echoes: echoes(40) }), ['replies_delayed'])
    assert.deepEqual(codes({ echoes: echoes(1) }), ['replies_split'])
    assert.deepEqual(codes({ echoes: [] }), ['echo_refused'])
  })

  it('tells a window that is kept from one that is only granted', () => {
    assert.deepEqual(codes({ window: { granted: 8, answersAll: true } }), ['window_granted'])
    assert.deepEqual(codes({ window: { granted: 8, answersAll: false } }), ['window_false'])
    assert.deepEqual(codes({ window: { granted: 0, answersAll: false } }), ['window_false'])
    assert.deepEqual(codes({ window: { granted: 1, answersAll: null } }), [])
  })

  it('tells what it does not take', () => {
    const refused = ['commitment_refused', 'retrieval_refused']
    assert.deepEqual(codes({ contexts: [] }), ['storage_refused', ...refused])
    assert.deepEqual(codes({ contexts: [taken(CT, '1.2.840.10008.1.2')] }), [
      'explicit_refused',
      'compression_refused',
      ...refused,
    ])
    assert.deepEqual(codes({ contexts: [taken(CT)] }), ['compression_refused', ...refused])
    assert.deepEqual(codes({ maximumLength: 16_384 }), ['pdu_small'])
    assert.deepEqual(codes({ maximumLength: 0 }), [])
  })

  it('tells what it does to an image', () => {
    assert.deepEqual(codes(stored(null)), ['not_retrieved'])
    assert.deepEqual(codes(stored(null, 0xa700)), ['store_refused'])
    assert.deepEqual(codes(stored({}, 0xb000)), ['store_changed', 'data_set_kept'])
    assert.deepEqual(codes(stored({ isRawSame: false })), ['data_set_rewritten'])
    const differs = { isRawSame: false, isCanonicalSame: false }
    assert.deepEqual(codes(stored({ ...differs, removed: [0x00091001] })), ['private_lost'])
    assert.deepEqual(codes(stored({ ...differs, changed: [0x00100010], removed: [0x00091001] })), [
      'private_lost',
      'attributes_changed',
    ])
    assert.deepEqual(codes(stored({ ...differs, pixels: 'changed', isSyntaxSame: false })), [
      'pixels_changed',
      'syntax_changed',
    ])
  })

  it('names the gravest first, each with an advice', () => {
    const found = diagnosePeer({
      ...GOOD,
      maximumLength: 4096,
      window: { granted: 4, answersAll: false },
      contexts: [],
    })
    assert.deepEqual(
      found.map(({ weight }) => weight),
      ['problem', 'warning', 'note', 'note', 'note'],
    )
    assert.ok(found.every(({ text, advice }) => text.endsWith('.') && advice.endsWith('.')))
  })
})
