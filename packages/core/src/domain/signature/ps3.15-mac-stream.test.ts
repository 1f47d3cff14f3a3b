/** The MAC stream, rule by rule (docs/explanation/signatures.md); the bytes that are expected are spelled by hand. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { type ByteSource, memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { sq, text, us } from '../../formats/dicom/values.ts'
import { MacStream, type Padding, type StreamContext } from './mac-stream.ts'

const EXPLICIT = '1.2.840.10008.1.2.1'
const IMPLICIT = '1.2.840.10008.1.2'
const BIG_ENDIAN = '1.2.840.10008.1.2.2'
const RLE = '1.2.840.10008.1.2.5'

const hex = (spelled: string): Uint8Array => decodeHex(spelled.replace(/\s+/g, ''))

/** A file with a data set that is spelled by hand. */
function fileOf(transferSyntaxUid: string, dataSet: string): ReturnType<typeof parseDicom> {
  const uid = new TextEncoder().encode(transferSyntaxUid + (transferSyntaxUid.length % 2 === 1 ? '\0' : ''))
  const syntax = joinBytes([hex('02001000 5549'), Uint8Array.of(uid.length, 0), uid])
  const length = Uint8Array.of(2, 0, 0, 0, 0x55, 0x4c, 4, 0, syntax.length, 0, 0, 0)
  const prefix = new Uint8Array(132)
  prefix.set(new TextEncoder().encode('DICM'), 128)
  return parseDicom(memorySource(joinBytes([prefix, length, syntax, hex(dataSet)])))
}

interface Streamed {
  readonly stream: string
  readonly isPaddingUnusual: boolean
}

/** The stream over all elements of a data set, in hexadecimal digits. */
function stream(
  transferSyntaxUid: string,
  dataSet: string,
  padding: Padding = 'as_stored',
  more: Partial<StreamContext> = {},
): Streamed {
  const file = fileOf(transferSyntaxUid, dataSet)
  assert.deepEqual(file.findings, [])
  const pieces: Uint8Array[] = []
  const context = { source: file.dataSet.source, isSignedPixels: false, ...more }
  const mac = new MacStream(context, padding, (bytes) => pieces.push(bytes.slice()))
  for (const element of file.dataSet.elements) mac.element(element)
  mac.flush()
  return { stream: encodeHex(joinBytes(pieces)), isPaddingUnusual: mac.isPaddingUnusual }
}

const expectStream = (actual: Streamed, spelled: string): void =>
  assert.equal(actual.stream, spelled.replace(/\s+/g, ''))

// (0010,0020) LO "AB", (0028,0010) US 4, (0028,0009) AT, (0018,9074) FD, in each syntax.
const NAME = '1000 2000 4c4f 0200 4142'
const ROWS = '2800 1000 5553 0200 0400'

describe('MAC stream of PS3.15', () => {
  it('spells elements as they are in explicit little endian', () => {
    expectStream(stream(EXPLICIT, NAME + ROWS), NAME + ROWS)
  })

  it('adds the VR that an implicit file leaves out', () => {
    expectStream(stream(IMPLICIT, '1000 2000 02000000 4142  2800 1000 02000000 0400'), NAME + ROWS)
  })

  it('takes xs for SS where samples are signed, else for US', () => {
    const smallest = '2800 0601 02000000 feff'
    expectStream(stream(IMPLICIT, smallest, 'as_stored', { isSignedPixels: true }), '2800 0601 5353 0200 feff')
    expectStream(stream(IMPLICIT, smallest), '2800 0601 5553 0200 feff')
  })

  it('takes other VRs where it is told to', () => {
    const vrs = new Map([[0x00280106, 'SS']])
    expectStream(stream(IMPLICIT, '2800 0601 02000000 feff', 'as_stored', { vrs }), '2800 0601 5353 0200 feff')
  })

  it('turns the words of a big endian file round, and leaves letters and bytes alone', () => {
    expectStream(stream(BIG_ENDIAN, '0010 0020 4c4f 0002 4142  0028 0010 5553 0002 0004'), NAME + ROWS)
    expectStream(stream(BIG_ENDIAN, '0018 9074 4644 0008 0102030405060708'), '1800 7490 4644 0800 0807060504030201')
    expectStream(stream(BIG_ENDIAN, '0028 0009 4154 0004 00181063'), '2800 0900 4154 0400 18006310')
    expectStream(stream(BIG_ENDIAN, '7fe0 0010 4f57 0000 00000004 01020304'), 'e07f 1000 4f57 0000 04000000 02010403')
    expectStream(stream(BIG_ENDIAN, '7fe0 0010 4f42 0000 00000004 01020304'), 'e07f 1000 4f42 0000 04000000 01020304')
  })

  it('takes native pixel data of an implicit file for OW', () => {
    expectStream(stream(IMPLICIT, 'e07f 1000 04000000 01020304'), 'e07f 1000 4f57 0000 04000000 01020304')
  })

  const CODE = '0800 0001 5348 0200 4120'
  const SEQUENCE = '1800 1200 5351 0000'
  const ITEM = 'feff 00e0'
  const END = 'feff dde0'

  it('leaves out the lengths of sequences and items, and ends each sequence with a bare delimiter', () => {
    const expected = `${SEQUENCE} ${ITEM} ${CODE} ${ITEM} ${CODE} ${END}`
    const defined = `${SEQUENCE} 24000000 ${ITEM} 0a000000 ${CODE} ${ITEM} 0a000000 ${CODE}`
    expectStream(stream(EXPLICIT, defined), expected)
    const undefinedLengths = `${SEQUENCE} ffffffff ${ITEM} ffffffff ${CODE} feff0de000000000 ${ITEM} 0a000000 ${CODE} ${END} 00000000`
    expectStream(stream(EXPLICIT, undefinedLengths), expected)
    const implicit = `1800 1200 12000000 ${ITEM} 0a000000 0800 0001 02000000 4120`
    expectStream(stream(IMPLICIT, implicit), `${SEQUENCE} ${ITEM} ${CODE} ${END}`)
  })

  it('ends an empty sequence, too', () => {
    expectStream(stream(EXPLICIT, `${SEQUENCE} 00000000`), `${SEQUENCE} ${END}`)
    expectStream(stream(EXPLICIT, `${SEQUENCE} ffffffff ${END} 00000000`), `${SEQUENCE} ${END}`)
  })

  it('leaves out what cannot be signed inside an item: group lengths and unknown VRs', () => {
    const length = '0800 0000 554c 0400 0a000000'
    const unknown = '0900 0110 554e 0000 02000000 0102'
    expectStream(
      stream(EXPLICIT, `${SEQUENCE} 2c000000 ${ITEM} 24000000 ${length} ${CODE} ${unknown}`),
      `${SEQUENCE} ${ITEM} ${CODE} ${END}`,
    )
  })

  it('leaves out the lengths of fragments, the offset table among them, and pads each to an even number', () => {
    const pixels = 'e07f 1000 4f42 0000'
    expectStream(
      stream(RLE, `${pixels} ffffffff ${ITEM} 04000000 00000000 ${ITEM} 02000000 0102 ${END} 00000000`),
      `${pixels} ${ITEM} 00000000 ${ITEM} 0102 ${END}`,
    )
    expectStream(
      stream(RLE, `${pixels} ffffffff ${ITEM} 00000000 ${ITEM} 03000000 010203 ${END} 00000000`),
      `${pixels} ${ITEM} ${ITEM} 01020300 ${END}`,
    )
  })

  it('cannot tell two fragments from one with an item tag in it: the flaw that checkFragments is for', () => {
    const pixels = `e07f 1000 4f42 0000 ffffffff ${ITEM} 00000000`
    const two = stream(RLE, `${pixels} ${ITEM} 02000000 0102 ${ITEM} 02000000 0304 ${END} 00000000`)
    const one = stream(RLE, `${pixels} ${ITEM} 08000000 0102 ${ITEM} 0304 ${END} 00000000`)
    assert.equal(two.stream, one.stream)
  })

  it('spells the first of two readings of padding as stored, and the other as DCMTK does', () => {
    const cases: readonly [stored: string, normalised: string, isUnusual: boolean][] = [
      ['1000 2000 4c4f 0200 4142', '1000 2000 4c4f 0200 4142', false],
      ['1000 2000 4c4f 0400 41424320', '1000 2000 4c4f 0400 41424320', false],
      ['1000 2000 4c4f 0400 41202020', '1000 2000 4c4f 0200 4120', true],
      ['1000 2000 4c4f 0400 41422020', '1000 2000 4c4f 0200 4142', true],
      ['1000 2000 4c4f 0200 2020', '1000 2000 4c4f 0000', true],
      // A NUL is no padding of text.
      ['1000 2000 4c4f 0200 4100', '1000 2000 4c4f 0200 4100', false],
      ['0800 1800 5549 0400 312e3200', '0800 1800 5549 0400 312e3200', false],
      ['0800 1800 5549 0400 312e3220', '0800 1800 5549 0400 312e3200', true],
      ['0800 1800 5549 0400 31320000', '0800 1800 5549 0200 3132', true],
      ['0800 1800 5549 0400 31002000', '0800 1800 5549 0200 3100', true],
      // Binary values are what they are.
      ['1800 7490 4644 0800 0000000000000000', '1800 7490 4644 0800 0000000000000000', false],
      ['1100 0110 4f42 0000 02000000 4100', '1100 0110 4f42 0000 02000000 4100', false],
    ]
    for (const [stored, normalised, isUnusual] of cases) {
      const asStored = stream(EXPLICIT, stored)
      expectStream(asStored, stored)
      assert.equal(asStored.isPaddingUnusual, isUnusual, stored)
      expectStream(stream(EXPLICIT, stored, 'normalised'), normalised)
    }
  })

  it('makes values of odd length even, with the padding of their VR', () => {
    expectStream(stream(EXPLICIT, '1000 2000 4c4f 0100 41'), '1000 2000 4c4f 0200 4120')
    expectStream(stream(EXPLICIT, '0800 1800 5549 0300 312e32'), '0800 1800 5549 0400 312e3200')
    expectStream(stream(EXPLICIT, '1100 0110 4f42 0000 03000000 010203'), '1100 0110 4f42 0000 04000000 01020300')
    // An odd value ends without padding: nothing to read otherwise.
    assert.equal(stream(EXPLICIT, '1000 2000 4c4f 0300 414243').isPaddingUnusual, false)
  })

  it('spells a value over 64 KiB under a short VR as UN with a long length', () => {
    const value = '41'.repeat(0x10000)
    const { stream: spelled } = stream(IMPLICIT, `1000 0040 00000100 ${value}`)
    assert.ok(spelled.startsWith('10000040554e000000000100'), spelled.slice(0, 24))
    assert.equal(spelled.length, 2 * (12 + 0x10000))
    const longest = stream(IMPLICIT, `1000 0040 feff0000 ${value.slice(4)}`)
    assert.ok(longest.stream.startsWith('100000404c54feff'), longest.stream.slice(0, 24))
  })

  it('spells new elements as it would spell them in a file', () => {
    const pieces: Uint8Array[] = []
    const source = memorySource(new Uint8Array(0))
    const mac = new MacStream({ source, isSignedPixels: false }, 'as_stored', (bytes) => pieces.push(bytes.slice()))
    mac.newElement(text(0x00100020, 'LO', 'AB'))
    mac.newElement(us(0x00280010, 4))
    mac.newElement(sq(0x00180012, [text(0x00080100, 'SH', 'A')]))
    mac.flush()
    assert.equal(encodeHex(joinBytes(pieces)), `${NAME}${ROWS}${SEQUENCE}${ITEM}${CODE}${END}`.replace(/\s+/g, ''))
    assert.throws(() => mac.newElement({ tag: 0x7fe00010, vr: 'OB', fragments: [] }), TypeError)
  })

  it('puts samples in the place of encapsulated pixels', () => {
    const pieces: Uint8Array[] = []
    const source = memorySource(new Uint8Array(0))
    const mac = new MacStream({ source, isSignedPixels: false }, 'as_stored', (bytes) => pieces.push(bytes.slice()))
    mac.nativePixels('OB', 3, [Uint8Array.of(1, 2), Uint8Array.of(3)])
    mac.flush()
    assert.equal(encodeHex(joinBytes(pieces)), 'e07f10004f4200000400000001020300')
  })

  it('gives the same stream over a source that hands out small pieces', () => {
    const values = Array.from(
      { length: 40 },
      (_, i) => `0028 ${(0x1000 + i).toString(16)} 4644 0008 ${'0123456789abcdef'}`,
    )
    const words = `7fe0 0010 4f57 0000 00004000 ${'0a0b0c0d'.repeat(0x1000)}`
    const file = fileOf(BIG_ENDIAN, [...values, words].join(''))
    const streamOver = (source: ByteSource): string => {
      const pieces: Uint8Array[] = []
      const mac = new MacStream({ source, isSignedPixels: false }, 'as_stored', (bytes) => pieces.push(bytes.slice()))
      for (const element of file.dataSet.elements) mac.element(element)
      mac.flush()
      return encodeHex(joinBytes(pieces))
    }
    const whole = streamOver(file.dataSet.source)
    for (const size of [1, 3, 7, 4095]) assert.equal(streamOver(inPieces(file.dataSet.source, size)), whole, `${size}`)
  })
})

/** The same bytes, and chunks of at most so many of them. */
function inPieces(source: ByteSource, size: number): ByteSource {
  return {
    length: source.length,
    isInMemory: false,
    view: (start, end) => source.view(start, end),
    *chunks(start, end) {
      for (let at = start; at < end; at += size) yield source.view(at, Math.min(at + size, end))
    },
  }
}
