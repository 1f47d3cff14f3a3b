import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { reasonToRead } from './due.ts'
import type { KnownVersion } from './ports.ts'

const DAY_MS = 86_400_000
const NOW = new Date('2026-05-01T02:00:00Z')
const SWEEP = { number: 7, isFull: false }
const RULE = { rereadDays: 30, now: NOW }
const listed = (key = 'a', version: string | null = 'v1') => ({
  key,
  version,
  sopInstanceUid: null,
  seriesInstanceUid: null,
  studyInstanceUid: null,
})
const known = (more: Partial<KnownVersion> = {}): KnownVersion => ({
  version: 'v1',
  seenIn: 6,
  readIn: 6,
  readAt: new Date(NOW.getTime() - DAY_MS),
  isDue: false,
  content: null,
  ...more,
})

describe('reasonToRead', () => {
  it('names why an instance is read', () => {
    assert.equal(reasonToRead(listed(), undefined, SWEEP, RULE), 'new')
    assert.equal(reasonToRead(listed('a', 'v2'), known(), SWEEP, RULE), 'changed')
    assert.equal(reasonToRead(listed(), known({ isDue: true }), SWEEP, RULE), 'asked')
    assert.equal(reasonToRead(listed(), known(), { ...SWEEP, isFull: true }, RULE), 'full')
    assert.equal(reasonToRead(listed(), known({ readAt: new Date(NOW.getTime() - 30 * DAY_MS) }), SWEEP, RULE), 'turn')
    assert.equal(reasonToRead(listed(), known(), SWEEP, RULE), undefined)
  })

  it('reads nothing twice in one sweep, however often that goes on', () => {
    const read = known({ readIn: 7, isDue: true })
    assert.equal(reasonToRead(listed('a', 'v2'), read, { ...SWEEP, isFull: true }, RULE), undefined)
  })

  it('passes over what has no version until its turn comes', () => {
    assert.equal(reasonToRead(listed('a', null), known({ version: null }), SWEEP, RULE), undefined)
  })

  it('gives the instances of an archive their turns on different days', () => {
    const readAt = new Date(NOW.getTime() - 20 * DAY_MS)
    const due = Array.from({ length: 3000 }, (_, i) => `study/${i}.dcm`).filter(
      (key) => reasonToRead(listed(key), known({ readAt }), SWEEP, RULE) === 'turn',
    )
    assert.ok(due.length > 40 && due.length < 200, `${due.length} of 3000`)
  })
})
