/** Files as PS3.10 section 7 has them, and as they turn up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import {
  DATA_SET_START,
  element,
  file,
  item,
  itemEnd,
  meta,
  sequenceEnd,
  UNDEFINED,
  uint32,
} from '../../testing/spelled-by-hand.ts'
import { deflateDataSet } from './inflate.ts'
import { type DicomFile, parseDicom } from './parse.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN as DEFLATED,
  EXPLICIT_LITTLE_ENDIAN as EXPLICIT,
  EXPLICIT_BIG,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE,
  IMPLICIT_LITTLE_ENDIAN as IMPLICIT,
  IMPLICIT_LITTLE,
} from './transfer-syntax.ts'

const parse = (bytes: Uint8Array): DicomFile => parseDicom(memorySource(bytes))
const codesIn = ({ findings }: DicomFile): string[] => findings.map(({ code, offset }) => `${code}@${offset}`)
const formatError = (code: string, offset: number) => (error: unknown) =>
  error instanceof FormatError && error.code === code && error.offset === offset

const modality = element(0x00080060, 'CS', 'CT')
const patientId = element(0x00100020, 'LO', 'id')
/** Of {@link dataSet}: `printf '\x08\0\x60\0CS\2\0CT\x10\0\x20\0LO\2\0id' | gzip | tail -c 8`. */
const GZIP_CHECKSUM = 0xab6b1d32
const dataSet = concatBytes(modality, patientId)

describe('a file', () => {
  it('has a preamble, meta information and a data set', () => {
    const {
      preamble,
      meta: group2,
      transferSyntaxUid,
      dataSetStart,
      dataSet: read,
      isDeflated,
      findings,
    } = parse(file(dataSet, EXPLICIT))
    assert.equal(preamble, 'empty')
    assert.deepEqual(
      group2.map(({ tag }) => tag),
      [0x00020000, 0x00020010],
    )
    assert.equal(transferSyntaxUid, EXPLICIT)
    assert.equal(dataSetStart, DATA_SET_START)
    assert.equal(isDeflated, false)
    assert.deepEqual(read.elements, [
      {
        tag: 0x00080060,
        vr: 'CS',
        start: 184,
        valueStart: 192,
        valueEnd: 194,
        end: 194,
        hasUndefinedLength: false,
        encoding: EXPLICIT_LITTLE,
      },
      {
        tag: 0x00100020,
        vr: 'LO',
        start: 194,
        valueStart: 202,
        valueEnd: 204,
        end: 204,
        hasUndefinedLength: false,
        encoding: EXPLICIT_LITTLE,
      },
    ])
    assert.deepEqual([read.start, read.end], [184, 204])
    assert.deepEqual(findings, [])
  })

  it('may have no data set', () => {
    const { dataSet: read, findings } = parse(file(new Uint8Array(0), EXPLICIT))
    assert.deepEqual([read.start, read.end, read.elements.length, findings.length], [184, 184, 0, 0])
  })

  it('may start with meta information', () => {
    const { preamble, dataSetStart, dataSet: read, findings } = parse(concatBytes(meta(EXPLICIT), dataSet))
    assert.equal(preamble, 'absent')
    assert.equal(dataSetStart, 52)
    assert.equal(read.elements.length, 2)
    assert.deepEqual(findings, [])
  })

  it('may have a preamble and no meta information', () => {
    const { meta: group2, dataSet: read } = parse(concatBytes(file(new Uint8Array(0), '').subarray(0, 132), dataSet))
    assert.equal(group2.length, 0)
    assert.equal(read.elements.length, 2)
  })

  it('may state the transfer syntax without padding or with a space', () => {
    for (const padding of ['', '\0', ' ', '\0\0 ']) {
      const uid = element(0x00020010, 'UI', `${IMPLICIT}${padding}`)
      const read = parse(concatBytes(uid, element(0x00080060, 'CS', 'CT', { encoding: IMPLICIT_LITTLE })))
      assert.equal(read.transferSyntaxUid, IMPLICIT)
      assert.deepEqual(read.findings, [])
    }
  })

  for (const [encoding, uid] of [
    [EXPLICIT_LITTLE, EXPLICIT],
    [IMPLICIT_LITTLE, IMPLICIT],
    [EXPLICIT_BIG, EXPLICIT_BIG_ENDIAN],
  ] as const) {
    const bare = concatBytes(
      element(0x00080060, 'CS', 'CT', { encoding }),
      element(0x00100020, 'LO', 'id', { encoding }),
    )
    it(`is recognised as ${uid} without preamble and meta information`, () => {
      const { preamble, meta: group2, transferSyntaxUid, dataSet: read, findings } = parse(bare)
      assert.equal(preamble, 'absent')
      assert.equal(transferSyntaxUid, uid)
      assert.deepEqual(group2, [])
      assert.deepEqual(
        read.elements.map(({ vr }) => vr),
        ['CS', 'LO'],
      )
      assert.deepEqual(read.encoding, encoding)
      assert.deepEqual(findings, [])
    })

    it(`is read as ${uid} where meta information does not say`, () => {
      const read = parse(concatBytes(element(0x00020012, 'UI', '1.2'), bare))
      assert.equal(read.transferSyntaxUid, uid)
      assert.equal(read.dataSet.elements.length, 2)
    })
  }

  it('is recognised where it starts with a sequence of undefined length', () => {
    const bytes = concatBytes(
      element(0x00081140, 'SQ', '', { encoding: IMPLICIT_LITTLE, length: UNDEFINED }),
      item('', { length: UNDEFINED }),
      itemEnd(),
      sequenceEnd(),
    )
    for (const read of [parse(bytes), parse(file(bytes, IMPLICIT))]) {
      assert.equal(read.transferSyntaxUid, IMPLICIT)
      assert.equal(read.dataSet.elements[0]?.items?.length, 1)
      assert.deepEqual(read.findings, [])
    }
    assert.deepEqual(codesIn(parse(file(bytes, EXPLICIT))), ['dicom_element_malformed@184'])
  })

  it('is read as it is written where that is not as stated, with a finding', () => {
    const implicit = element(0x00080060, 'CS', 'CT', { encoding: IMPLICIT_LITTLE })
    const one = parse(file(implicit, EXPLICIT))
    assert.deepEqual(codesIn(one), ['dicom_element_malformed@184'])
    assert.deepEqual(
      one.dataSet.elements.map(({ vr, valueStart }) => [vr, valueStart]),
      [['CS', 192]],
    )
    assert.equal(one.transferSyntaxUid, EXPLICIT)
    const other = parse(file(dataSet, IMPLICIT))
    assert.deepEqual(codesIn(other), ['dicom_element_malformed@184'])
    assert.equal(other.dataSet.elements.length, 2)
  })

  it('is refused in strict mode with code and offset of the first finding', () => {
    const bytes = file(concatBytes(modality, modality, patientId, patientId), EXPLICIT)
    assert.deepEqual(codesIn(parse(bytes)), ['dicom_duplicate_tag@194', 'dicom_duplicate_tag@214'])
    assert.throws(() => parseDicom(memorySource(bytes), { isStrict: true }), formatError('dicom_duplicate_tag', 194))
    assert.equal(parseDicom(memorySource(file(dataSet, EXPLICIT)), { isStrict: true }).dataSet.elements.length, 2)
  })
})

describe('bytes that are not DICOM', () => {
  const texts = {
    nothing: '',
    'seven bytes': 'abcdefg',
    'a PNG': `\x89PNG\r\n\x1a\n${'\0'.repeat(200)}`,
    'a text': 'Dear Sir or Madam, '.repeat(20),
    'an executable without prefix': `MZ${'\0'.repeat(300)}`,
    zeros: '\0'.repeat(300),
    'an implicit element longer than the file': '\x08\0\x05\0\xff\0\0\0',
  }
  for (const [name, text] of Object.entries(texts)) {
    it(`are refused: ${name}`, () => {
      const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0))
      assert.throws(() => parse(bytes), formatError('dicom_not_dicom', 0))
    })
  }
})

describe('the preamble', () => {
  it('may hold data, such as the header of a TIFF file', () => {
    const { preamble, findings } = parse(file(dataSet, EXPLICIT, 'II*\0'))
    assert.equal(preamble, 'data')
    assert.deepEqual(findings, [])
  })

  const executables = {
    'Windows or DOS': 'MZ\x90\0',
    ELF: '\x7fELF',
    'a script': '#!/bin/sh\n',
    'Mach-O, 32 bits': '\xfe\xed\xfa\xce',
    'Mach-O, 64 bits': '\xfe\xed\xfa\xcf',
    'Mach-O, 32 bits, little endian': '\xce\xfa\xed\xfe',
    'Mach-O, 64 bits, little endian': '\xcf\xfa\xed\xfe',
    'Mach-O for several processors, or Java': '\xca\xfe\xba\xbe',
    'Mach-O for several processors, 64 bits': '\xca\xfe\xba\xbf',
  }
  for (const [name, magic] of Object.entries(executables)) {
    it(`is refused when it is that of a program: ${name}`, () => {
      const read = parse(file(dataSet, EXPLICIT, magic))
      assert.equal(read.preamble, 'executable')
      assert.deepEqual(codesIn(read), ['dicom_preamble_executable@0'])
      assert.equal(read.dataSet.elements.length, 2)
    })
  }
})

describe('meta information', () => {
  it('is read by its group number, and a wrong group length is a finding', () => {
    for (const stated of [0, 39, 41, 60, 0xffffffff]) {
      const read = parse(concatBytes(file(dataSet, EXPLICIT).subarray(0, 132), meta(EXPLICIT, stated), dataSet))
      assert.deepEqual(codesIn(read), ['dicom_element_malformed@132'])
      assert.equal(read.dataSetStart, DATA_SET_START)
    }
  })

  it('has its elements in order and once', () => {
    const [a, b] = [element(0x00020003, 'UI', '1.2'), element(0x00020002, 'UI', '1.2')]
    assert.deepEqual(codesIn(parse(concatBytes(meta(EXPLICIT, 40 + 22), a, b, dataSet))), [
      'dicom_order@52',
      'dicom_order@63',
    ])
    const twice = parse(concatBytes(meta(EXPLICIT, 80), meta(EXPLICIT).subarray(12), dataSet))
    assert.deepEqual(codesIn(twice), ['dicom_duplicate_tag@52'])
  })

  it('names the transfer syntax in digits and dots', () => {
    for (const uid of [`${IMPLICIT}\0.4.90`, `${EXPLICIT}\\${IMPLICIT}`, '1.2.840.x', ` ${IMPLICIT}`]) {
      const read = parse(file(dataSet, uid))
      assert.ok(codesIn(read).includes('dicom_element_malformed@144'), uid)
    }
    const long = element(0x00020010, 'UI', EXPLICIT.padEnd(66, '0'))
    assert.deepEqual(codesIn(parse(concatBytes(long, dataSet))), ['dicom_element_malformed@0'])
  })

  it('does not belong in the data set', () => {
    const read = parse(file(concatBytes(modality, element(0x00020010, 'UI', IMPLICIT)), EXPLICIT))
    assert.deepEqual(codesIn(read), ['dicom_order@194', 'dicom_element_malformed@194'])
    const command = parse(concatBytes(meta(EXPLICIT), element(0x00000002, 'UI', '1.2'), modality))
    assert.deepEqual(codesIn(command), ['dicom_element_malformed@52'])
  })
})

describe('a deflated data set', () => {
  const stream = deflateDataSet([dataSet])
  const deflated = file(stream, DEFLATED)

  it('is indexed in its inflated bytes', () => {
    for (const uid of [DEFLATED, '1.2.840.10008.1.2.4.95', '1.2.840.10008.1.2.4.205']) {
      const read = parse(file(stream, uid))
      assert.equal(read.isDeflated, true)
      assert.equal(read.dataSetStart, DATA_SET_START)
      assert.deepEqual(
        read.dataSet.elements.map(({ start, end }) => [start, end]),
        [
          [0, 10],
          [10, 20],
        ],
      )
      assert.deepEqual(read.dataSet.source.view(0, 20), dataSet)
      assert.deepEqual(read.findings, [])
    }
  })

  it('may be followed by one NUL, or by the trailer of gzip', () => {
    // One stored block, RFC 1951 section 3.2.4.
    const stored = concatBytes(Uint8Array.of(1, 20, 0, 0xeb, 0xff), dataSet)
    assert.deepEqual(parse(file(stored, DEFLATED)).findings, [])
    assert.deepEqual(parse(file(concatBytes(stored, new Uint8Array(1)), DEFLATED)).findings, [])
    const trailer = concatBytes(uint32(GZIP_CHECKSUM), uint32(20))
    assert.deepEqual(parse(file(concatBytes(stored, trailer), DEFLATED)).findings, [])
    const [wrongSum, wrongLength] = [
      concatBytes(uint32(GZIP_CHECKSUM ^ 1), uint32(20)),
      concatBytes(uint32(GZIP_CHECKSUM), uint32(21)),
    ]
    for (const rest of [Uint8Array.of(1), new Uint8Array(2), wrongSum, wrongLength, concatBytes(trailer, trailer)]) {
      const read = parse(file(concatBytes(stored, rest), DEFLATED))
      assert.deepEqual(codesIn(read), [`dicom_element_malformed@${DATA_SET_START + stored.length}`])
    }
  })

  it('is refused when it is cut off or damaged', () => {
    const offset = DATA_SET_START
    assert.throws(() => parse(file(new Uint8Array(0), DEFLATED)), formatError('dicom_truncated', offset))
    assert.throws(() => parse(deflated.subarray(0, offset + 5)), formatError('dicom_truncated', offset))
    assert.throws(() => parse(file(new Uint8Array(50).fill(0xff), DEFLATED)), formatError('dicom_truncated', offset))
  })

  it('is refused when it inflates beyond the limit', () => {
    const bomb = file(deflateDataSet([element(0x7fe00010, 'OW', new Uint8Array(1_000_000))]), DEFLATED)
    assert.ok(bomb.length < 2000)
    const limits = { depth: 64, parts: 100, inflatedBytes: 1_000_011 }
    assert.throws(() => parseDicom(memorySource(bomb), { limits }), formatError('dicom_limit_exceeded', DATA_SET_START))
    const enough = { ...limits, inflatedBytes: 1_000_012 }
    assert.equal(parseDicom(memorySource(bomb), { limits: enough }).dataSet.source.length, 1_000_012)
  })
})
