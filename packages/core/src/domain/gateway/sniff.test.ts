import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concatBytes } from '../../bytes/text.ts'
import { encodeFile } from '../../formats/dicom/encode.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { text } from '../../formats/dicom/values.ts'
import { seeded } from '../../testing/seeded.ts'
import { sniffInstance } from './sniff.ts'

const NOTHING = {
  sopClassUid: null,
  sopInstanceUid: null,
  seriesInstanceUid: null,
  studyInstanceUid: null,
  transferSyntaxUid: null,
}

const encode = (transferSyntaxUid: string): Uint8Array =>
  concatBytes(
    ...encodeFile({
      transferSyntaxUid,
      elements: [
        text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
        text(0x00080018, 'UI', '2.25.1'),
        text(0x0020000d, 'UI', '2.25.3'),
        text(0x0020000e, 'UI', '2.25.4'),
        { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(10_000) },
      ],
    }),
  )

describe('sniffing', () => {
  for (const syntax of [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
    it(`reads the UIDs from the beginning of a file in ${syntax}`, () => {
      assert.deepEqual(sniffInstance(encode(syntax).subarray(0, 800)), {
        sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
        sopInstanceUid: '2.25.1',
        seriesInstanceUid: '2.25.4',
        studyInstanceUid: '2.25.3',
        transferSyntaxUid: syntax,
      })
    })
  }

  it('says nothing of a deflated data set that is cut off', () => {
    const whole = encode(DEFLATED_EXPLICIT_LITTLE_ENDIAN)
    assert.deepEqual(sniffInstance(whole.subarray(0, whole.length - 20)), NOTHING)
  })

  it('says nothing of what is no DICOM', () => {
    assert.deepEqual(sniffInstance(new Uint8Array(0)), NOTHING)
    assert.deepEqual(sniffInstance(new Uint8Array(1_000).fill(0x41)), NOTHING)
  })

  it('never throws, whatever is cut off or damaged', () => {
    const whole = encode(EXPLICIT_LITTLE_ENDIAN).subarray(0, 800)
    const random = seeded(7)
    for (let length = 0; length < whole.length; length++) sniffInstance(whole.subarray(0, length))
    for (let i = 0; i < 500; i++) {
      const damaged = whole.slice()
      damaged[random(damaged.length)] = random(256)
      sniffInstance(damaged)
    }
  })
})
