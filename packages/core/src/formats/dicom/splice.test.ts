import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { DATA_SET_START, element, file } from '../../testing/spelled-by-hand.ts'
import { deflateDataSet } from './inflate.ts'
import { parseDicom } from './parse.ts'
import { type Change, lengthOf, piecesOf, spliceDataSet, spliceFile } from './splice.ts'
import { DEFLATED_EXPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN } from './transfer-syntax.ts'

const parse = (bytes: Uint8Array) => parseDicom(memorySource(bytes))
const A = element(0x00080060, 'CS', 'CT')
const B = element(0x00100010, 'PN', 'Some^One')
const C = element(0x00100020, 'LO', 'id')
const D = element(0x7fe00010, 'OW', new Uint8Array(100))
const NOTHING = new Uint8Array(0)

const change = (tag: number, bytes: Uint8Array): Change => ({ tag, bytes })
const NEW_B = element(0x00100010, 'PN', 'Other^Person')
const NEW_E = element(0x00200010, 'SH', 'study')

/** The data set that comes out, by way of the file and by way of the data set alone. */
function spliced(dataSet: readonly Uint8Array[], changes: readonly Change[]): Uint8Array {
  const bytes = file(joinBytes(dataSet), EXPLICIT_LITTLE_ENDIAN)
  const segments = spliceFile(parse(bytes), changes)
  const whole = joinBytes([...piecesOf(segments)])
  assert.equal(lengthOf(segments), whole.length)
  assert.deepEqual(whole.subarray(0, DATA_SET_START), bytes.subarray(0, DATA_SET_START))
  const body = whole.subarray(DATA_SET_START)
  assert.deepEqual(joinBytes([...piecesOf(spliceDataSet(parse(bytes), changes))]), body)
  return body
}

describe('spliceFile', () => {
  const cases: readonly (readonly [string, readonly Uint8Array[], readonly Change[], readonly Uint8Array[]])[] = [
    ['nothing', [A, B, C, D], [], [A, B, C, D]],
    ['an element put in the middle', [A, B, C, D], [change(0x00200010, NEW_E)], [A, B, C, NEW_E, D]],
    ['an element put first', [B, C], [change(0x00080060, A)], [A, B, C]],
    ['an element put last', [A, B], [change(0x7fe00010, D)], [A, B, D]],
    ['an element put into nothing', [], [change(0x00080060, A)], [A]],
    ['an element replaced', [A, B, C, D], [change(0x00100010, NEW_B)], [A, NEW_B, C, D]],
    ['an element removed', [A, B, C, D], [change(0x00100010, NOTHING)], [A, C, D]],
    ['an element removed that is not there', [A, C, D], [change(0x00100010, NOTHING)], [A, C, D]],
    ['all elements removed', [A, B], [change(0x00080060, NOTHING), change(0x00100010, NOTHING)], []],
    [
      'changes in any order',
      [A, B, C, D],
      [change(0x7fe00010, NOTHING), change(0x00200010, NEW_E), change(0x00100010, NEW_B)],
      [A, NEW_B, C, NEW_E],
    ],
    ['two put in one place', [A, D], [change(0x00100020, C), change(0x00100010, B)], [A, B, C, D]],
    [
      'one put before one that is replaced',
      [A, C, D],
      [change(0x00100020, NEW_E), change(0x00100010, B)],
      [A, B, NEW_E, D],
    ],
    ['elements out of order', [C, A, D], [change(0x00100020, NEW_E), change(0x00080060, NOTHING)], [NEW_E, D]],
    ['one put among elements out of order', [C, A, D], [change(0x00100010, B)], [B, C, A, D]],
    [
      'bytes behind the last element',
      [A, Uint8Array.of(1, 2, 3)],
      [change(0x00100010, B)],
      [A, B, Uint8Array.of(1, 2, 3)],
    ],
  ]
  for (const [name, before, changes, after] of cases) {
    it(`leaves all else as it is: ${name}`, () => {
      assert.deepEqual(
        Buffer.from(spliced(before, changes)).toString('hex'),
        Buffer.from(joinBytes(after)).toString('hex'),
      )
    })
  }

  it('deflates a deflated data set anew, and leaves it alone without a change', () => {
    const bytes = file(deflateDataSet([A, B, D]), DEFLATED_EXPLICIT_LITTLE_ENDIAN)
    assert.deepEqual(joinBytes([...piecesOf(spliceFile(parse(bytes), []))]), bytes)
    const changed = joinBytes([...piecesOf(spliceFile(parse(bytes), [change(0x00100020, C)]))])
    const { source } = parse(changed).dataSet
    assert.deepEqual(source.view(0, source.length), concatBytes(A, B, C, D))
    assert.deepEqual(changed.subarray(0, DATA_SET_START), bytes.subarray(0, DATA_SET_START))
  })

  it('refuses to replace an element that occurs twice', () => {
    for (const dataSet of [
      [A, A],
      [A, B, A],
    ]) {
      const read = parse(file(joinBytes(dataSet), EXPLICIT_LITTLE_ENDIAN))
      const offset = DATA_SET_START + joinBytes(dataSet).length - A.length
      assert.throws(
        () => spliceFile(read, [change(0x00080060, NOTHING)]),
        (error) => error instanceof FormatError && error.code === 'dicom_duplicate_tag' && error.offset === offset,
      )
    }
  })

  it('refuses two changes of one tag', () => {
    const read = parse(file(A, EXPLICIT_LITTLE_ENDIAN))
    assert.throws(() => spliceFile(read, [change(0x00100010, B), change(0x00100010, NOTHING)]), TypeError)
  })
})
