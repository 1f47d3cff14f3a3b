import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Finding, finding } from '@fiducial/core/domain/audit/finding.ts'
import type { ReportEntry } from '../../services/audit/report.ts'
import { CSV_HEAD, formatCsvEntry } from './csv-report.ts'

const dated = (one: Finding) => ({ ...one, foundIn: 3 })

const entryOf = (more: Partial<ReportEntry>): ReportEntry => ({
  sopInstanceUid: '1.2.3',
  studyInstanceUid: '1.2',
  seriesInstanceUid: null,
  key: null,
  standing: 'undetermined',
  level: 'P0',
  sentence: null,
  findings: [dated(finding('unknown'))],
  readAt: new Date('2026-05-01T02:00:00Z'),
  ...more,
})

describe('formatCsvEntry', () => {
  it('writes one line for each finding, with as many cells as the head', () => {
    const entry = entryOf({ findings: [finding('altered', ['pixels_changed']), finding('synthetic')].map(dated) })
    const lines = formatCsvEntry(entry).split('\r\n')
    assert.deepEqual([lines.length, lines.at(-1)], [3, ''])
    assert.match(
      lines[0] ?? '',
      /^alarm,altered,Changed since it was signed,1\.2\.3,,1\.2,,pixels_changed,,undetermined,P0,3,2026-05-01T02:00:00\.000Z,/,
    )
    assert.equal(CSV_HEAD.split(',').length, 14)
  })

  for (const key of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '\r=1']) {
    it(`lets no spreadsheet take ${JSON.stringify(key)} for a formula`, () => {
      assert.ok(formatCsvEntry(entryOf({ key })).includes(`"'${key}"`))
    })
  }

  it('keeps commas, quotes and ends of lines inside a cell', () => {
    assert.ok(formatCsvEntry(entryOf({ key: 'a,"b"\r\nc' })).includes(',"a,""b""\r\nc",'))
  })
})
