import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import type { DicomJson } from '../../formats/dicom-json/model.ts'
import { seeded } from '../../testing/seeded.ts'
import { matchesKey, matchesQuery, matchesWildcards } from './match.ts'
import { keyOf, parsePath, parseSearch, RESULTS_LIMIT } from './query.ts'

const refused = { code: 'query_malformed' }

describe('query, PS3.18 section 8.3.4', () => {
  it('reads attributes by keyword, tag and path, and what the answer is to hold', () => {
    const query = parseSearch(
      'series',
      new URLSearchParams(
        'PatientName=Doe*&00080060=CT&00400275.00400007=x&includefield=00081032,PatientID&includefield=all&limit=5&offset=10&fuzzymatching=true&accept=x',
      ),
      { study: '1.2.3' },
    )
    assert.deepEqual(
      query.keys.map(({ path, vr, value }) => [path, vr, value]),
      [
        [[0x00100010], 'PN', 'Doe*'],
        [[0x00080060], 'CS', 'CT'],
        [[0x00400275, 0x00400007], 'LO', 'x'],
        [[0x0020000d], 'UI', '1.2.3'],
      ],
    )
    assert.equal(query.include, 'all')
    assert.deepEqual([query.limit, query.offset, query.isFuzzy], [5, 10, true])
  })

  it('takes UIDs separated by commas, and no more results than there is room for', () => {
    const query = parseSearch('study', [
      ['StudyInstanceUID', '1.2,1.3'],
      ['limit', '999999999'],
      ['includefield', 'PatientID'],
    ])
    assert.equal(query.keys[0]?.value, '1.2\\1.3')
    assert.equal(query.limit, RESULTS_LIMIT)
    assert.deepEqual(query.include, new Set([0x00100020]))
  })

  for (const text of [
    'NoSuchKeyword=1',
    '0008006=1',
    'limit=-1',
    'limit=x',
    'offset=1e3',
    'fuzzymatching=yes',
    'includefield=Nothing',
    'Modality=CT&00080060=MR',
    `PatientID=${'x'.repeat(2000)}`,
    'PatientID=%00',
    `${Array.from({ length: 70 }, (_, i) => `0009${(0x1000 + i).toString(16)}=1`).join('&')}`,
  ]) {
    it(`refuses ${text.slice(0, 40)}`, () => {
      assert.throws(() => parseSearch('study', new URLSearchParams(text)), refused)
    })
  }
})

describe('query, fuzzed', () => {
  it('reads random parameters, or refuses them with an error of its own (20,000 texts)', () => {
    const random = seeded(11)
    const words = [
      'PatientName',
      '00100010',
      '=',
      '&',
      'limit',
      'offset',
      '9',
      '-',
      '*',
      '?',
      '.',
      ',',
      'all',
      'includefield',
      '%00',
      '%2A',
      'é',
      '\\\\',
    ]
    for (let i = 0; i < 20_000; i++) {
      const text = Array.from({ length: random(12) }, () => words[random(words.length)]).join('')
      try {
        const query = parseSearch('study', new URLSearchParams(text))
        matchesQuery({ '00100010': { vr: 'PN', Value: [{ Alphabetic: 'x' }] } }, query)
      } catch (error) {
        assert.ok(error instanceof FormatError && error.code === 'query_malformed', text)
      }
    }
  })
})

describe('match, PS3.4 section C.2.2.2', () => {
  const model: DicomJson = {
    '00080020': { vr: 'DA', Value: ['20260303'] },
    '00080030': { vr: 'TM', Value: ['101455.5'] },
    '0008002A': { vr: 'DT', Value: ['20260303101455'] },
    '00080060': { vr: 'CS', Value: ['CT'] },
    '00080061': { vr: 'CS', Value: ['CT', 'SR'] },
    '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Doe^Jane', Ideographic: '山田^太郎' }] },
    '00100020': { vr: 'LO', Value: ['A-1'] },
    '00100030': { vr: 'DA' },
    '0020000D': { vr: 'UI', Value: ['1.2.3'] },
    '00200013': { vr: 'IS', Value: [7] },
    '00400275': { vr: 'SQ', Value: [{}, { '00400007': { vr: 'LO', Value: ['Chest'] } }] },
  }
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['Modality', 'CT', true],
    ['Modality', 'ct', false],
    ['Modality', '', true],
    ['Modality', '*', true],
    ['Modality', 'C?', true],
    ['Modality', '?', false],
    ['ModalitiesInStudy', 'SR', true],
    ['ModalitiesInStudy', 'MR', false],
    ['PatientName', 'doe^*', true],
    ['PatientName', '*JANE', true],
    ['PatientName', '山田*', true],
    ['PatientName', 'Doe', false],
    ['PatientID', 'A*1', true],
    ['PatientID', 'B*', false],
    ['StudyInstanceUID', '1.2.3', true],
    ['StudyInstanceUID', '9,1.2.3', true],
    ['StudyInstanceUID', '1.2.*', false],
    ['StudyInstanceUID', '1.2', false],
    ['InstanceNumber', '7', true],
    ['InstanceNumber', '07', true],
    ['InstanceNumber', '8', false],
    ['StudyDate', '20260303', true],
    ['StudyDate', '2026', false],
    ['StudyDate', '20260301-20260331', true],
    ['StudyDate', '20260304-', false],
    ['StudyDate', '-20260303', true],
    ['StudyDate', '-20260302', false],
    ['StudyTime', '1014', true],
    ['StudyTime', '10:14-10:15', true],
    ['StudyTime', '1015-', false],
    ['StudyTime', '-1014', true],
    ['AcquisitionDateTime', '20260303-20260303', true],
    ['AcquisitionDateTime', '20260304-', false],
    ['PatientBirthDate', '19700101', false],
    ['PatientBirthDate', '', true],
    ['PatientSex', 'F', false],
    ['00400275.00400007', 'Ch*', true],
    ['00400275.00400007', 'Head', false],
  ]
  for (const [name, value, expected] of cases) {
    it(`${expected ? 'finds' : 'does not find'} ${name} = ${value}`, () => {
      assert.equal(matchesKey(model, keyOf(parsePath(name), value)), expected)
    })
  }

  it('asks for all of several attributes', () => {
    const query = (text: string) => parseSearch('study', new URLSearchParams(text))
    assert.equal(matchesQuery(model, query('Modality=CT&PatientID=A*')), true)
    assert.equal(matchesQuery(model, query('Modality=CT&PatientID=B*')), false)
    assert.equal(matchesQuery(model, query('')), true)
  })

  it('finds wildcards without going through all ways to place them', () => {
    assert.equal(matchesWildcards('a'.repeat(1000), `${'*a'.repeat(400)}b`), false)
    assert.equal(matchesWildcards('', '**'), true)
    assert.equal(matchesWildcards('a*b', 'a?b'), true)
    assert.equal(matchesWildcards('ab', 'a*b*'), true)
    assert.equal(matchesWildcards('', '?'), false)
  })
})
