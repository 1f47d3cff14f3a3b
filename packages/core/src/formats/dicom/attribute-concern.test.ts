import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Concern, concernOf } from './attribute-concern.ts'
import { lookUp, tagOf } from './dictionary.ts'
import { formatTag } from './element.ts'

/** One attribute that a reader would name for each concern, and a few that are easily taken for another. */
const KEYWORDS: Readonly<Record<string, Concern>> = {
  PatientName: 'patient',
  PatientID: 'patient',
  PatientBirthDate: 'patient',
  PatientSex: 'patient',
  StudyDate: 'date',
  AcquisitionDateTime: 'date',
  TimezoneOffsetFromUTC: 'date',
  OperatorsName: 'operator',
  OperatorIdentificationSequence: 'operator',
  Manufacturer: 'device',
  StationName: 'device',
  DeviceSerialNumber: 'device',
  DeviceUID: 'device',
  SOPClassUID: 'identity',
  SOPInstanceUID: 'identity',
  StudyInstanceUID: 'identity',
  SeriesInstanceUID: 'identity',
  AccessionNumber: 'identity',
  PixelSpacing: 'geometry',
  ImagerPixelSpacing: 'geometry',
  ImagePositionPatient: 'geometry',
  ImageLaterality: 'geometry',
  PerFrameFunctionalGroupsSequence: 'geometry',
  Rows: 'pixels',
  PhotometricInterpretation: 'pixels',
  PixelData: 'pixels',
  WindowCenter: 'display',
  VOILUTSequence: 'display',
  VOILUTFunction: 'display',
  RescaleSlope: 'display',
  ShutterShape: 'display',
  PresentationLUTShape: 'display',
  ICCProfile: 'display',
  BodyPartExamined: 'geometry',
  StudyDescription: 'other',
  Modality: 'other',
}

describe('concernOf', () => {
  for (const [keyword, concern] of Object.entries(KEYWORDS)) {
    it(`takes ${keyword} for ${concern}`, () => {
      const tag = tagOf(keyword)
      assert.ok(tag !== undefined)
      assert.equal(concernOf(tag), concern)
    })
  }

  it('knows every overlay group, and the curves', () => {
    for (let group = 0x6000; group <= 0x601e; group += 2) assert.equal(concernOf(group * 0x10000 + 0x3000), 'overlay')
    for (let group = 0x5000; group <= 0x501e; group += 2) assert.equal(concernOf(group * 0x10000 + 0x3000), 'overlay')
    for (const tag of [0x52009229, 0x54000100, 0x50200010]) assert.notEqual(concernOf(tag), 'overlay')
  })

  it('takes private attributes for other, save in groups that mean one thing', () => {
    for (const tag of [0x00091010, 0x00290010, 0x7fe11010]) assert.equal(concernOf(tag), 'other')
  })

  it('names attributes of the standard only', () => {
    const named = [0x00080000, 0x00180000, 0x00200000, 0x00280000, 0x00400000].flatMap((group) =>
      Array.from({ length: 0x10000 }, (_, element) => group + element).filter((tag) => concernOf(tag) !== 'other'),
    )
    assert.ok(named.length > 80)
    assert.deepEqual(named.filter((tag) => lookUp(tag) === undefined).map(formatTag), [])
  })
})
