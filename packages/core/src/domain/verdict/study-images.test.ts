import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import type { StudyRecords } from '../log/map/study-proof.ts'
import { hashes, sha256 } from '../log/map/testing/plain-map.ts'
import { acquired, archiveOf } from '../log/map/testing/toy-archive.ts'
import { judgeStudy, type StudyJudgement } from './judge-study.ts'
import { type NameStudyOptions, nameStudy, type StudyImage } from './study-images.ts'

const UID = '2.25.5'
const archive = await archiveOf([
  ...acquired(UID, 3),
  { studyInstanceUid: UID, sopInstanceUid: `${UID}.1`, type: 'drill-withdrawn', digest: null },
])
const study: StudyRecords = { salt: archive.saltOf(UID), records: archive.recordsOf(UID) }

const image = (number: number, changes: Partial<StudyImage> = {}): StudyImage => ({
  sopInstanceUid: `${UID}.${number}`,
  label: `file-${number}.dcm`,
  file: sha256(encodeUtf8(`file ${number}`)),
  // As the toy archive names it.
  dataset: sha256(encodeUtf8(`${UID}.${number}`)),
  ...changes,
})
const judge = (images: readonly StudyImage[], options: NameStudyOptions = {}): StudyJudgement =>
  judgeStudy(nameStudy(hashes, study, images, options))

describe('images of a study', () => {
  it('that are all there make it complete', () => {
    const { outcome, count } = judge([image(0), image(2)])
    assert.deepEqual({ outcome, count }, { outcome: 'complete', count: 2 })
  })

  it('are named by their UID where they are at hand, else by the entry that knows them', () => {
    assert.deepEqual(judge([image(2)]).missing, ['the image of entry 0'])
    assert.deepEqual(judge([image(2)], { uidOf: ({ newest }) => `1.2.${newest}` }).missing, ['1.2.0'])
  })

  it('are extra where the log does not know them, by their UID or for want of one by their file', () => {
    const { extra, outcome } = judge([image(0), image(2), image(7), image(8, { sopInstanceUid: null })])
    assert.deepEqual(extra, [`${UID}.7`, 'file-8.dcm'])
    assert.equal(outcome, 'contradicted')
  })

  it('are gone where the log says so', () => {
    assert.deepEqual(judge([image(0), image(1), image(2)]).gone, [`${UID}.1`])
  })

  it('are changed with another data set, and not with another file around the same', () => {
    const dataset = sha256(encodeUtf8('other'))
    assert.deepEqual(judge([image(0, { dataset }), image(2, { file: dataset })]).changed, [`${UID}.0`])
  })

  it('are the same where the log knows the file only', async () => {
    const file = sha256(encodeUtf8('the file'))
    const other = await archiveOf([{ studyInstanceUid: UID, sopInstanceUid: `${UID}.0`, digest: file }])
    const known = { salt: other.saltOf(UID), records: other.recordsOf(UID) }
    const judged = judgeStudy(nameStudy(hashes, known, [image(0, { file })]))
    assert.equal(judged.outcome, 'complete')
  })

  it('are all extra in a study that the log does not know', () => {
    const none = { salt: new Uint8Array(32), records: [] }
    const judged = judgeStudy(nameStudy(hashes, none, [image(0)]))
    assert.deepEqual([judged.outcome, judged.extra], ['contradicted', [`${UID}.0`]])
  })
})
