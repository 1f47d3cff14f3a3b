import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { encodeElements, type NewElement } from '../../formats/dicom/encode.ts'
import { type DataSet, parseDataSet } from '../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN, encodingOf, IMPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { sq, text } from '../../formats/dicom/values.ts'
import {
  bindOrder,
  type ObservedOrder,
  type OrderQuestion,
  type PerformedStep,
  readPerformedStep,
  readScheduledStep,
  scheduledStepId,
  updatePerformedStep,
} from './orders.ts'

const made = (elements: readonly NewElement[], syntax = IMPLICIT_LITTLE_ENDIAN): DataSet =>
  parseDataSet(memorySource(encodeElements(elements, encodingOf(syntax))), syntax)

const ENTRY = [
  text(0x00080005, 'CS', 'ISO_IR 192'),
  text(0x00080050, 'SH', 'ACC-1'),
  text(0x00100010, 'PN', 'Doe^Jane'),
  text(0x0020000d, 'UI', '1.2.3'),
  sq(0x00400100, [
    text(0x00080060, 'CS', 'DX'),
    text(0x00400001, 'AE', 'ROOM1'),
    text(0x00400002, 'DA', '20260303'),
    text(0x00400003, 'TM', '101530.25'),
    text(0x00400009, 'SH', 'SPS-7'),
  ]),
  text(0x00401001, 'SH', 'RP-5'),
]

const REPORT = [
  text(0x00080060, 'CS', 'DX'),
  text(0x00100010, 'PN', 'Doe^Jane'),
  text(0x00400241, 'AE', 'ROOM1'),
  text(0x00400242, 'SH', 'Room 1'),
  text(0x00400244, 'DA', '20260303'),
  text(0x00400245, 'TM', '102000'),
  text(0x00400250, 'DA'),
  text(0x00400252, 'CS', 'IN PROGRESS'),
  sq(0x00400270, [
    text(0x00080050, 'SH', 'ACC-1'),
    text(0x0020000d, 'UI', '1.2.3'),
    text(0x00400009, 'SH', 'SPS-7'),
    text(0x00401001, 'SH', 'RP-5'),
  ]),
  sq(0x00400340),
]

const UPDATE = [
  text(0x00400250, 'DA', '20260303'),
  text(0x00400251, 'TM', '102501'),
  text(0x00400252, 'CS', 'COMPLETED'),
  sq(0x00400340, [text(0x00081070, 'PN', 'Roe^Richard', 'Poe^Pat'), text(0x0020000e, 'UI', '1.2.3.4')]),
]

const at = (minute: number): Date => new Date(Date.UTC(2026, 2, 3, 10, minute))
const question = (given: Partial<OrderQuestion>): OrderQuestion => ({
  studyInstanceUid: null,
  seriesInstanceUid: null,
  accessionNumber: null,
  callingAet: null,
  ...given,
})

const scheduled = (
  given: Partial<Extract<ObservedOrder, { kind: 'scheduled' }>['step']>,
  minute = 0,
): ObservedOrder => {
  const step = { ...(readScheduledStep(made(ENTRY)) ?? assert.fail()), ...given }
  return { kind: 'scheduled', id: scheduledStepId(step), seenAt: at(minute), step }
}

const performed = (given: Partial<PerformedStep> = {}, minute = 1): ObservedOrder => {
  const step = updatePerformedStep(readPerformedStep('1.2.9', made(REPORT)), readPerformedStep('1.2.9', made(UPDATE)))
  return { kind: 'performed', id: '1.2.9', seenAt: at(minute), step: { ...step, ...given } }
}

describe('orders', () => {
  for (const syntax of [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN]) {
    it(`reads an entry of a worklist in ${syntax}, and nothing of the patient`, () => {
      const step = readScheduledStep(made(ENTRY, syntax))
      assert.deepEqual(step, {
        accessionNumber: 'ACC-1',
        requestedProcedureId: 'RP-5',
        scheduledProcedureStepId: 'SPS-7',
        studyInstanceUid: '1.2.3',
        stationAet: 'ROOM1',
        modality: 'DX',
        scheduledAt: '20260303101530',
      })
    })
  }

  it('passes over an entry by which no image could be found', () => {
    assert.equal(readScheduledStep(made([text(0x00401001, 'SH', 'RP-5')])), undefined)
    assert.equal(readScheduledStep(made([])), undefined)
    assert.equal(readScheduledStep(made([text(0x00080050, 'SH', 'x'.repeat(300))])), undefined)
  })

  it('reads a report, and lets a later one add to it', () => {
    const step = readPerformedStep('1.2.9', made(REPORT))
    assert.equal(step.state, 'in_progress')
    assert.equal(step.endedAt, null)
    assert.deepEqual(step.operators, [])
    assert.deepEqual(updatePerformedStep(step, readPerformedStep('1.2.9', made(UPDATE))), {
      sopInstanceUid: '1.2.9',
      state: 'completed',
      orders: [
        {
          accessionNumber: 'ACC-1',
          requestedProcedureId: 'RP-5',
          scheduledProcedureStepId: 'SPS-7',
          studyInstanceUid: '1.2.3',
        },
      ],
      stationAet: 'ROOM1',
      stationName: 'Room 1',
      modality: 'DX',
      operators: ['Roe^Richard', 'Poe^Pat'],
      startedAt: '20260303102000',
      endedAt: '20260303102501',
      seriesInstanceUids: ['1.2.3.4'],
    })
    assert.ok(!JSON.stringify(step).includes('Jane'))
  })

  it('takes no state that the standard does not know', () => {
    assert.equal(readPerformedStep('1.2', made([text(0x00400252, 'CS', 'DONE')])).state, null)
  })

  it('binds by series before study, and by study before accession number', () => {
    const all = [scheduled({}), performed()]
    assert.equal(
      bindOrder(question({ seriesInstanceUid: '1.2.3.4', studyInstanceUid: '1.2.3' }), all)?.matchedBy,
      'series',
    )
    assert.equal(bindOrder(question({ studyInstanceUid: '1.2.3', accessionNumber: 'ACC-1' }), all)?.matchedBy, 'study')
    const byNumber = bindOrder(question({ studyInstanceUid: '9.9', accessionNumber: 'ACC-1' }), all)
    assert.equal(byNumber?.matchedBy, 'accession_number')
    assert.deepEqual(byNumber?.disagreements, ['study_instance_uid'])
    assert.equal(bindOrder(question({ studyInstanceUid: '9.9', accessionNumber: 'ACC-2' }), all), null)
    assert.equal(bindOrder(question({}), all), null)
  })

  it('prefers what the modality reports to what the worklist says', () => {
    const binding = bindOrder(question({ studyInstanceUid: '1.2.3' }), [scheduled({}, 9), performed({}, 1)])
    assert.equal(binding?.source, 'performed')
    assert.equal(binding?.mppsSopInstanceUid, '1.2.9')
    assert.deepEqual(binding?.operators, ['Roe^Richard', 'Poe^Pat'])
    assert.equal(binding?.scheduledProcedureStepId, 'SPS-7')
  })

  it('prefers the station that sends, then what was seen later', () => {
    const here = scheduled({ scheduledProcedureStepId: 'A', stationAet: 'ROOM1' }, 0)
    const there = scheduled({ scheduledProcedureStepId: 'B', stationAet: 'ROOM2' }, 5)
    const asked = question({ studyInstanceUid: '1.2.3', callingAet: 'ROOM1' })
    assert.equal(bindOrder(asked, [there, here])?.scheduledProcedureStepId, 'A')
  })

  it('names no step where several fit alike', () => {
    const steps = [scheduled({ scheduledProcedureStepId: 'A' }), scheduled({ scheduledProcedureStepId: 'B' })]
    const binding = bindOrder(question({ studyInstanceUid: '1.2.3' }), steps)
    assert.equal(binding?.scheduledProcedureStepId, null)
    assert.equal(binding?.accessionNumber, 'ACC-1')
  })

  it('tells where image and order contradict each other', () => {
    const asked = question({ studyInstanceUid: '1.2.3', accessionNumber: 'ACC-2' })
    assert.deepEqual(bindOrder(asked, [performed()])?.disagreements, ['accession_number'])
  })
})
