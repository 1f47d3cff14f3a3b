import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex } from '../../bytes/hex.ts'
import { joinBytes } from '../../bytes/text.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import { sq, text, us } from '../../formats/dicom/values.ts'
import { toyElements, toyFile } from '../../testing/toy-seal.ts'
import { checkFragments } from './fragments.ts'

const JPEG_BASELINE = '1.2.840.10008.1.2.4.50'
const JPEG_2000 = '1.2.840.10008.1.2.4.90'
const RLE = '1.2.840.10008.1.2.5'
const DEFLATED = '1.2.840.10008.1.2.8.1'
const MPEG_4 = '1.2.840.10008.1.2.4.102'

const hex = (spelled: string): Uint8Array => decodeHex(spelled.replace(/\s+/g, ''))
const TAG = hex('feff00e0')

/** A codestream of the JPEG family with this entropy-coded data. */
const jpeg = (data: string): Uint8Array => even(hex(`ffd8 ffc0 0008 080001000101 ffda 0006 01003f00 ${data} ffd9`))
/** One of JPEG 2000 with one tile part. */
const jpeg2000 = (data: string, length?: string): Uint8Array => {
  const count = data.replace(/\s+/g, '').length / 2 + 14
  return even(
    hex(`ff4f ff51 0004 0000 ff90 000a 0000 ${length ?? count.toString(16).padStart(8, '0')} 0001 ff93 ${data} ffd9`),
  )
}
/** A frame of 1 row and 16 columns of 8 bits, as literal bytes. */
const rle = (literals: string): Uint8Array => {
  const bytes = hex(literals)
  const data = joinBytes([Uint8Array.of(bytes.length - 1), bytes])
  const header = new Uint8Array(64)
  header.set([1, 0, 0, 0, 64])
  return even(joinBytes([header, data]))
}
/** The same frame in a stored block of deflate. */
const stored = (literals: string): Uint8Array => even(joinBytes([hex('01 1000 efff'), hex(literals)]))

const even = (bytes: Uint8Array): Uint8Array => (bytes.length % 2 === 0 ? bytes : joinBytes([bytes, new Uint8Array(1)]))

const SIXTEEN = '000102030405060708090a0b0c0d0e0f'
const WITH_TAG = '0001020304feff00e0090a0b0c0d0e0f'
const ROW: readonly NewElement[] = [us(0x00280010, 1), us(0x00280011, 16), us(0x00280100, 8), us(0x00280101, 8)]

interface Image {
  readonly fragments: readonly Uint8Array[]
  /** The basic offset table; empty unless said otherwise. */
  readonly table?: Uint8Array
  readonly frames?: string
  readonly more?: readonly NewElement[]
}

function check(
  transferSyntaxUid: string,
  { fragments, table = new Uint8Array(0), frames = '1', more = [] }: Image,
): string {
  const pixels: NewElement = { tag: 0x7fe00010, vr: 'OB', fragments: [table, ...fragments] }
  const file = toyFile(toyElements([...ROW, text(0x00280008, 'IS', frames), ...more, pixels]), transferSyntaxUid)
  const result = checkFragments(file)
  if (result.outcome === 'holds') return 'holds'
  const { path, fragment, frame } = result.where
  const place = `${path}fragment ${fragment}${frame === undefined ? '' : ` of frame ${frame}`}`
  return `${result.outcome} ${result.reason} ${place}`
}

/** Offsets of frames that have one fragment each. */
function tableOf(...fragments: readonly Uint8Array[]): Uint8Array {
  const offsets = new Uint32Array(fragments.length)
  let at = 0
  for (const [i, { length }] of fragments.entries()) {
    offsets[i] = at
    at += length + 8
  }
  return new Uint8Array(offsets.buffer)
}
const merge = (...fragments: readonly Uint8Array[]): Uint8Array =>
  joinBytes(fragments.flatMap((fragment, i) => (i === 0 ? [fragment] : [TAG, fragment])))

const [a, b, c] = [jpeg('0102'), jpeg('0304'), jpeg('0506')]

describe('checkFragments', () => {
  it('holds for native pixels, and where there are none', () => {
    assert.deepEqual(checkFragments(toyFile()), { outcome: 'holds' })
    assert.deepEqual(checkFragments(toyFile([text(0x00080016, 'UI', '1.2'), text(0x00080018, 'UI', '1.3')])), {
      outcome: 'holds',
    })
  })

  const CLEAR: readonly { readonly name: string; readonly syntax: string; readonly image: Image }[] = [
    { name: 'one frame in one fragment', syntax: JPEG_BASELINE, image: { fragments: [a] } },
    { name: 'three frames in three fragments', syntax: JPEG_BASELINE, image: { fragments: [a, b, c], frames: '3' } },
    {
      name: 'three frames with a table',
      syntax: JPEG_BASELINE,
      image: { fragments: [a, b, c], frames: '3', table: tableOf(a, b, c) },
    },
    {
      name: 'zeros behind a codestream',
      syntax: JPEG_BASELINE,
      image: { fragments: [joinBytes([a, new Uint8Array(4)])] },
    },
    {
      name: 'two fragments of a frame that a table bounds',
      syntax: JPEG_BASELINE,
      image: {
        fragments: [a.subarray(0, 10), a.subarray(10), b],
        frames: '2',
        table: new Uint8Array(Uint32Array.of(0, a.length + 16).buffer),
      },
    },
    {
      name: 'an item tag in the data of a frame that a table bounds',
      syntax: JPEG_BASELINE,
      image: { fragments: [jpeg('01feff00e002'), b], frames: '2', table: tableOf(jpeg('01feff00e002'), b) },
    },
    {
      name: 'JPEG 2000 with an item tag in its data, which its lengths count',
      syntax: JPEG_2000,
      image: { fragments: [jpeg2000('01feff00e002')] },
    },
    {
      name: 'JPEG 2000 in two fragments, whose lengths count every byte',
      syntax: JPEG_2000,
      image: { fragments: [jpeg2000('0102').subarray(0, 20), jpeg2000('0102').subarray(20)] },
    },
    { name: 'RLE', syntax: RLE, image: { fragments: [rle(SIXTEEN)] } },
    { name: 'RLE with an item tag in its data', syntax: RLE, image: { fragments: [rle(WITH_TAG)] } },
    {
      name: 'deflated frames',
      syntax: DEFLATED,
      image: { fragments: [stored(SIXTEEN), stored(SIXTEEN)], frames: '2' },
    },
    {
      name: 'a deflated frame with an item tag in its data',
      syntax: DEFLATED,
      image: { fragments: [stored(WITH_TAG)] },
    },
    {
      name: 'a syntax that nobody here knows, in one fragment',
      syntax: MPEG_4,
      image: { fragments: [hex('0001020304050607')] },
    },
    {
      name: 'extended tables',
      syntax: JPEG_BASELINE,
      image: {
        fragments: [jpeg('01feff00e002')],
        more: [
          { tag: 0x7fe00001, vr: 'OV', value: new Uint8Array(8) },
          {
            tag: 0x7fe00002,
            vr: 'OV',
            value: new Uint8Array(BigUint64Array.of(BigInt(jpeg('01feff00e002').length)).buffer),
          },
        ],
      },
    },
  ]
  for (const { name, syntax, image } of CLEAR) {
    it(`holds for ${name}`, () => assert.equal(check(syntax, image), 'holds'))
  }

  const MERGED: readonly {
    readonly name: string
    readonly syntax: string
    readonly image: Image
    readonly at: number
  }[] = [
    { name: 'two frames of JPEG', syntax: JPEG_BASELINE, image: { fragments: [merge(a, b)], frames: '2' }, at: 1 },
    {
      name: 'the last two of three',
      syntax: JPEG_BASELINE,
      image: { fragments: [a, merge(b, c)], frames: '3' },
      at: 2,
    },
    {
      name: 'two frames in an image that claims one',
      syntax: JPEG_BASELINE,
      image: { fragments: [merge(a, b)] },
      at: 1,
    },
    {
      name: 'two frames under the old table',
      syntax: JPEG_BASELINE,
      image: { fragments: [merge(a, b), c], frames: '3', table: tableOf(a, b, c) },
      at: 1,
    },
    {
      name: 'the end of one frame and the start of the next',
      syntax: JPEG_BASELINE,
      image: { fragments: [a.subarray(0, 10), merge(a.subarray(10), b)], frames: '2' },
      at: 2,
    },
    {
      name: 'two frames of JPEG 2000',
      syntax: JPEG_2000,
      image: { fragments: [merge(jpeg2000('01'), jpeg2000('02'))], frames: '2' },
      at: 1,
    },
    {
      name: 'two frames of RLE',
      syntax: RLE,
      image: { fragments: [merge(rle(SIXTEEN), rle(SIXTEEN))], frames: '2' },
      at: 1,
    },
    {
      name: 'two frames of RLE, with the tag in their data, too',
      syntax: RLE,
      image: { fragments: [merge(rle(WITH_TAG), rle(WITH_TAG))], frames: '2' },
      at: 1,
    },
    {
      name: 'two deflated frames',
      syntax: DEFLATED,
      image: { fragments: [merge(stored(SIXTEEN), stored(SIXTEEN))] },
      at: 1,
    },
    {
      name: 'the table and the first frame',
      syntax: JPEG_BASELINE,
      image: { fragments: [b], frames: '2', table: merge(tableOf(a, b), a) },
      at: 0,
    },
    {
      name: 'an empty table and the first frame',
      syntax: RLE,
      image: { fragments: [], table: merge(new Uint8Array(0), rle(SIXTEEN)) },
      at: 0,
    },
  ]
  for (const { name, syntax, image, at } of MERGED) {
    it(`fails where fragments were made one: ${name}`, () => {
      assert.equal(check(syntax, image), `fails fragments_ambiguous fragment ${at}`)
    })
  }

  const OPEN: readonly {
    readonly name: string
    readonly syntax: string
    readonly image: Image
    readonly reason: string
  }[] = [
    {
      name: 'a frame of JPEG in two fragments without a table',
      syntax: JPEG_BASELINE,
      image: { fragments: [a.subarray(0, 10), a.subarray(10)] },
      reason: 'fragments_undecidable fragment 1 of frame 1',
    },
    {
      name: 'an item tag in the data of the last frame',
      syntax: JPEG_BASELINE,
      image: { fragments: [b, jpeg('01feff00e002')], frames: '2', table: tableOf(b, jpeg('01feff00e002')) },
      reason: 'fragments_undecidable fragment 2 of frame 2',
    },
    {
      name: 'JPEG 2000 whose last tile part has no length, with an item tag in it',
      syntax: JPEG_2000,
      image: { fragments: [jpeg2000('01feff00e002', '00000000')] },
      reason: 'fragments_undecidable fragment 1 of frame 1',
    },
    {
      name: 'something behind a codestream',
      syntax: JPEG_BASELINE,
      image: { fragments: [joinBytes([a, hex('0102')])] },
      reason: 'fragments_undecidable fragment 1 of frame 1',
    },
    {
      name: 'RLE in two fragments',
      syntax: RLE,
      image: { fragments: [rle(SIXTEEN).subarray(0, 70), rle(SIXTEEN).subarray(70)] },
      reason: 'fragments_undecidable fragment 1 of frame 1',
    },
    {
      name: 'more frames than fragments, and nothing merged',
      syntax: JPEG_BASELINE,
      image: { fragments: [a], frames: '2' },
      reason: 'fragments_undecidable fragment 0',
    },
    {
      name: 'a table that points nowhere',
      syntax: JPEG_BASELINE,
      image: { fragments: [a, b], frames: '2', table: new Uint8Array(Uint32Array.of(0, 6).buffer) },
      reason: 'fragments_undecidable fragment 0',
    },
    {
      name: 'no fragment but the table',
      syntax: JPEG_BASELINE,
      image: { fragments: [] },
      reason: 'fragments_undecidable fragment 0',
    },
    {
      name: 'a codestream without an end',
      syntax: JPEG_BASELINE,
      image: { fragments: [a, b.subarray(0, b.length - 4)], frames: '2' },
      reason: 'codestream_incomplete fragment 2 of frame 2',
    },
    {
      name: 'a syntax that nobody here knows, with an item tag in it',
      syntax: MPEG_4,
      image: { fragments: [hex('0001feff00e00607')] },
      reason: 'fragments_undecidable fragment 1 of frame 1',
    },
    {
      name: 'damaged RLE with an item tag in it',
      syntax: RLE,
      image: { fragments: [joinBytes([rle(WITH_TAG), hex('0102')])] },
      reason: 'fragments_undecidable fragment 1 of frame 1',
    },
  ]
  for (const { name, syntax, image, reason } of OPEN) {
    it(`leaves open ${name}`, () => assert.equal(check(syntax, image), `unknown ${reason}`))
  }

  it('looks into icons, and says where they stand', () => {
    const icon = (...fragments: readonly Uint8Array[]): NewElement =>
      sq(0x00880200, [...ROW, { tag: 0x7fe00010, vr: 'OB', fragments: [new Uint8Array(0), ...fragments] }])
    assert.equal(check(JPEG_BASELINE, { fragments: [a], more: [icon(b)] }), 'holds')
    const merged = check(JPEG_BASELINE, { fragments: [a], more: [icon(merge(b, c))] })
    assert.equal(merged, 'fails fragments_ambiguous (0088,0200)[1]fragment 1')
    const open = check(JPEG_BASELINE, { fragments: [a], more: [icon(b, c)] })
    assert.equal(open, 'unknown fragments_undecidable (0088,0200)[1]fragment 1 of frame 1')
  })

  it('says what fails before what nobody can say', () => {
    const open = sq(0x00880200, [{ tag: 0x7fe00010, vr: 'OB', fragments: [new Uint8Array(0), b, c] }])
    assert.equal(
      check(JPEG_BASELINE, { fragments: [merge(a, b)], more: [open] }),
      'fails fragments_ambiguous fragment 1',
    )
  })

  it('comes to an end soon on fragments made of item tags', () => {
    const tags = joinBytes(Array.from({ length: 50_000 }, () => TAG))
    const ends = joinBytes(Array.from({ length: 50_000 }, () => joinBytes([hex('ffd9'), TAG])))
    for (const syntax of [JPEG_BASELINE, RLE, DEFLATED, MPEG_4]) {
      assert.ok(check(syntax, { fragments: [tags] }).startsWith('unknown'))
      assert.ok(check(syntax, { fragments: [ends] }).startsWith('unknown'))
    }
    assert.ok(check(JPEG_BASELINE, { fragments: Array.from({ length: 20_000 }, () => a), frames: '20000' }) === 'holds')
  })
})
