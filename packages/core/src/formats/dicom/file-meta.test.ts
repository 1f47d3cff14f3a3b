/** File Meta Information for a data set that came over a network. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes } from '../../bytes/text.ts'
import { encodeElements, IMPLEMENTATION_CLASS_UID } from './encode.ts'
import { formatFileMeta, IMPLEMENTATION_VERSION } from './file-meta.ts'
import { parseDicom } from './parse.ts'
import { EXPLICIT_LITTLE } from './transfer-syntax.ts'
import { text, textAt } from './values.ts'

const META = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '1.2.3.4',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  sourceAet: 'CT_1',
}
const DATA_SET = encodeElements([text(0x00080016, 'UI', META.sopClassUid)], EXPLICIT_LITTLE)

describe('formatFileMeta', () => {
  it('makes a file that reads without findings', () => {
    const file = parseDicom(memorySource(concatBytes(formatFileMeta(META), DATA_SET)))
    assert.deepEqual(file.findings, [])
    assert.equal(file.transferSyntaxUid, META.transferSyntaxUid)
    const meta = { ...file.dataSet, elements: file.meta, source: memorySource(concatBytes(formatFileMeta(META))) }
    assert.equal(textAt(meta, 0x00020002), META.sopClassUid)
    assert.equal(textAt(meta, 0x00020003), META.sopInstanceUid)
    assert.equal(textAt(meta, 0x00020012), IMPLEMENTATION_CLASS_UID)
    assert.equal(textAt(meta, 0x00020013), IMPLEMENTATION_VERSION)
    assert.equal(textAt(meta, 0x00020016), META.sourceAet)
  })

  it('leaves the title out where there is none', () => {
    const file = parseDicom(memorySource(concatBytes(formatFileMeta({ ...META, sourceAet: null }), DATA_SET)))
    assert.deepEqual(file.findings, [])
    assert.ok(file.meta.every(({ tag }) => tag !== 0x00020016))
  })
})
