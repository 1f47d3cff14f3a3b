import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { encodeFile, type NewElement } from './encode.ts'
import { readInstanceUids, uidOrNull } from './instance-uids.ts'
import { parseDicom } from './parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from './transfer-syntax.ts'
import { text } from './values.ts'

const read = (elements: readonly NewElement[]) =>
  readInstanceUids(
    parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements })))),
  )

describe('the UIDs of an instance', () => {
  it('are as written, without padding', () => {
    const uids = read([
      text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
      text(0x00080018, 'UI', '1.2.3'),
      text(0x0020000d, 'UI', '1.2.4'),
      text(0x0020000e, 'UI', '1.2.5'),
    ])
    assert.deepEqual(uids, {
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
      sopInstanceUid: '1.2.3',
      studyInstanceUid: '1.2.4',
      seriesInstanceUid: '1.2.5',
      transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
    })
  })

  it('are null where there are none, or something else stands there', () => {
    const uids = read([
      text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
      text(0x00080018, 'UI', '1.2.3'),
      text(0x0020000d, 'UI', 'DOE^JOHN'),
    ])
    assert.equal(uids.studyInstanceUid, null)
    assert.equal(uids.seriesInstanceUid, null)
  })

  it('are digits and dots, 64 at most', () => {
    assert.equal(uidOrNull('1.2'), '1.2')
    assert.equal(uidOrNull('1'.repeat(64)), '1'.repeat(64))
    for (const none of [undefined, '', '.1', '1 2', '1.2\n', '1'.repeat(65)]) assert.equal(uidOrNull(none), null)
  })
})
