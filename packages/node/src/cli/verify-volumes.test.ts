import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SliceAnswer } from './mark-answer.ts'
import type { VerifyRecord } from './verify-record.ts'
import { findBrokenVolumes } from './verify-volumes.ts'

const VOLUME = '00'.repeat(16)
const slice = (index: number, more: Partial<SliceAnswer> = {}): VerifyRecord =>
  ({
    path: `${index}.dcm`,
    mark: {
      claimed: null,
      state: 'not_looked',
      slice: { volume: VOLUME, index, count: 3, series: '2.25.1', position: 5 * index, ...more },
    },
  }) as unknown as VerifyRecord

const kinds = (found: readonly VerifyRecord[], isComplete = false): readonly string[] =>
  findBrokenVolumes(found, isComplete).map(({ kind }) => kind)

describe('findBrokenVolumes', () => {
  it('finds nothing wrong with a whole volume, nor with images of their own', () => {
    assert.deepEqual(kinds([slice(0), slice(1), slice(2)], true), [])
    const { mark, ...rest } = slice(0)
    assert.deepEqual(kinds([{ ...rest, mark: { ...mark, slice: null } }], true), [])
  })

  it('misses slices where all were asked for', () => {
    assert.deepEqual(kinds([slice(0), slice(2)]), [])
    assert.deepEqual(kinds([slice(0), slice(2)], true), ['missing'])
  })

  it('sees slices twice, in another order and from elsewhere', () => {
    assert.deepEqual(kinds([slice(0), slice(1), { ...slice(1), path: 'copy.dcm' }, slice(2)]), ['doubled'])
    assert.deepEqual(kinds([slice(0, { position: 5 }), slice(1, { position: 0 }), slice(2)]), ['reordered'])
    assert.deepEqual(kinds([slice(0), slice(1), slice(2, { volume: '11'.repeat(16) })]), ['foreign'])
  })
})
