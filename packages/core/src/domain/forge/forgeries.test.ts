import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { joinBytes } from '../../bytes/text.ts'
import { encodeRle } from '../../formats/codec/rle-encode.ts'
import { type Element, findElement, type Tag } from '../../formats/dicom/element.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { piecesOf, spliceFile } from '../../formats/dicom/splice.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { text, us } from '../../formats/dicom/values.ts'
import { device, hashes, operator, toyCrypto, toyElements } from '../../testing/toy-seal.ts'
import { Digests, macStreamBytes } from '../signature/digest.ts'
import { readSignatures } from '../signature/read.ts'
import { signFile } from '../signature/sign.ts'
import { openImage } from './edit.ts'
import { addNodule, FORGERIES, findForgery, flipPixel, mergeFragments, removeDevice, stripAll } from './forgeries.ts'
import { PIXEL_DATA, readGrey } from './samples.ts'
import { maskShown, showImage } from './show.ts'

const SIZE = 80
const RLE = '1.2.840.10008.1.2.5'
const pixels = Uint16Array.from({ length: SIZE * SIZE }, (_, i) => (i * 7) % 3000)

const plain: readonly NewElement[] = toyElements([
  text(0x0008002a, 'DT', '20260303101359.5'),
  text(0x00200060, 'CS', 'L'),
  text(0x00280008, 'IS', '1'),
  us(0x00280010, SIZE),
  us(0x00280011, SIZE),
  { tag: PIXEL_DATA, vr: 'OW', value: new Uint8Array(pixels.buffer) },
])

const cine: readonly NewElement[] = toyElements([
  text(0x00280008, 'IS', '3'),
  us(0x00280010, SIZE),
  us(0x00280011, SIZE),
  {
    tag: PIXEL_DATA,
    vr: 'OB',
    fragments: [
      new Uint8Array(0),
      ...[1, 2, 3].map((n) =>
        encodeRle(
          pixels.map((value) => value >> n),
          SIZE,
        ),
      ),
    ],
  },
])

/** A file with the device's and the technologist's signature. */
async function sign(elements: readonly NewElement[], transferSyntaxUid: string): Promise<Uint8Array> {
  const file = openImage(joinBytes(encodeFile({ transferSyntaxUid, elements })))
  const request = { hash: 'sha256', dateTime: '20260303101400.000000+0000' } as const
  const { changes } = await signFile(file, {
    digests: new Digests(file.dataSet, hashes),
    crypto: toyCrypto,
    requests: [
      { ...request, signer: device.dicom as Required<typeof device>['postQuantum'], purpose: '14', uid: '2.25.71' },
      { ...request, signer: operator.dicom as Required<typeof operator>['postQuantum'], purpose: '1', uid: '2.25.72' },
    ],
  })
  return joinBytes([...piecesOf(spliceFile(file, changes))].map((piece) => piece.slice()))
}

/** Top-level elements as bytes, by their place in the list. */
function contents(file: Uint8Array): Map<string, string> {
  const { dataSet } = openImage(file)
  const seen = new Map<Tag, number>()
  return new Map(
    dataSet.elements.map(({ tag, start, end }) => {
      const nth = (seen.get(tag) ?? 0) + 1
      seen.set(tag, nth)
      return [`${tag.toString(16).padStart(8, '0')}#${nth}`, encodeHex(dataSet.source.view(start, end))]
    }),
  )
}

/** Which elements differ, were added or are gone. */
function differences(before: Uint8Array, after: Uint8Array): string[] {
  const [a, b] = [contents(before), contents(after)]
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key)).sort()
}

const MAC = '4ffe0001#1'
const SIGNATURES = 'fffafffa#1'

/** What each forgery touches, and nothing else. */
const TOUCHED: Readonly<Record<string, readonly string[]>> = {
  'pixel-flip': ['7fe00010#1'],
  nodule: ['7fe00010#1'],
  'patient-swap': ['00100010#1', '00100020#1'],
  'side-swap': ['00200060#1'],
  'second-pixels': ['7fe00010#2'],
  'second-patient': ['00100020#2'],
  overlay: ['60000010#1', '60000011#1', '60000040#1', '60000050#1', '60000100#1', '60000102#1', '60003000#1'],
  shutter: ['00181600#1', '00181602#1', '00181604#1', '00181606#1', '00181608#1'],
  window: ['00281050#1', '00281051#1'],
  replay: ['00080020#1', '00080022#1', '0008002a#1'],
  'device-removed': [MAC, SIGNATURES],
  stripped: [MAC, SIGNATURES],
  'stripped-bare': [MAC, SIGNATURES],
  program: [],
  'fragments-merged': ['7fe00010#1'],
}

describe('forgeries', () => {
  for (const { id, title, victim, apply } of FORGERIES) {
    for (const syntax of victim === 'cine' ? [RLE] : [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN]) {
      it(`make ${title} and change nothing else (${syntax})`, async () => {
        const file = await sign(victim === 'cine' ? cine : plain, syntax)
        const kept = file.slice()
        const forged = apply(file)
        assert.deepEqual(file, kept, 'the sealed file itself stays as it is')
        assert.deepEqual(differences(file, forged), [...(TOUCHED[id] ?? ['no such forgery'])].sort())
        assert.notDeepEqual(forged, file)
      })
    }
  }

  it('have one name each', () => {
    assert.equal(new Set(FORGERIES.map(({ id }) => id)).size, FORGERIES.length)
    assert.equal(findForgery('nodule')?.apply, addNodule)
    assert.equal(findForgery('nothing'), undefined)
    assert.deepEqual(FORGERIES.map(({ id }) => id).sort(), Object.keys(TOUCHED).sort())
  })

  it('flip one bit of one pixel', async () => {
    const file = await sign(plain, EXPLICIT_LITTLE_ENDIAN)
    const [before, after] = [readGrey(file).samples, readGrey(flipPixel(file)).samples]
    const changed = [...before].flatMap((value, i) => (value === after[i] ? [] : [value ^ (after[i] as number)]))
    assert.deepEqual(changed, [1])
  })

  it('paint a nodule that is round, brighter and in one place', async () => {
    const file = await sign(plain, EXPLICIT_LITTLE_ENDIAN)
    const mask = maskShown(showImage(file), showImage(addNodule(file)))
    const [before, after] = [readGrey(file).samples, readGrey(addNodule(file)).samples]
    let count = 0
    for (const [i, isChanged] of mask.entries()) {
      if (isChanged === 0) continue
      count++
      assert.ok((after[i] as number) > (before[i] as number))
      assert.ok(Math.hypot((i % SIZE) - 0.32 * SIZE, Math.floor(i / SIZE) - 0.4 * SIZE) < 4)
    }
    assert.ok(count >= 3, String(count))
  })

  it('leave the technologist’s signature when the device’s goes, byte for byte', async () => {
    const file = await sign(plain, EXPLICIT_LITTLE_ENDIAN)
    const before = readSignatures(openImage(file).dataSet).signatures
    const after = readSignatures(openImage(removeDevice(file)).dataSet).signatures
    assert.deepEqual(
      before.map(({ purpose }) => purpose),
      ['14', '1'],
    )
    assert.deepEqual(
      after.map(({ purpose }) => purpose),
      ['1'],
    )
    assert.deepEqual(after[0]?.value, before[1]?.value)
    assert.deepEqual(readSignatures(openImage(stripAll(file)).dataSet).signatures, [])
  })

  it('merge fragments so that the stream under the signatures stays the same', async () => {
    const file = await sign(cine, RLE)
    const merged = mergeFragments(file)
    const fragmentsOf = (bytes: Uint8Array): number =>
      (findElement(openImage(bytes).dataSet.elements, PIXEL_DATA) as Element).fragments?.length ?? 0
    assert.equal(fragmentsOf(merged), fragmentsOf(file) - 1)
    assert.deepEqual(openImage(merged).findings, [])
    const streams = [file, merged].map((bytes) => {
      const { dataSet } = openImage(bytes)
      const [first] = readSignatures(dataSet).signatures
      assert.ok(first)
      return encodeHex(joinBytes(macStreamBytes(dataSet.source, dataSet, first, 'normalised')))
    })
    assert.equal(streams[0], streams[1])
  })

  it('refuse images of another kind', async () => {
    const [file, film] = [await sign(plain, EXPLICIT_LITTLE_ENDIAN), await sign(cine, RLE)]
    assert.throws(() => mergeFragments(file), RangeError)
    assert.throws(() => flipPixel(film), RangeError)
    for (const syntax of [EXPLICIT_BIG_ENDIAN, DEFLATED_EXPLICIT_LITTLE_ENDIAN]) {
      const other = await sign(plain, syntax)
      assert.deepEqual(readGrey(other).samples, readGrey(file).samples)
      assert.throws(() => flipPixel(other), RangeError)
    }
    assert.throws(() => removeDevice(stripAll(file)), RangeError)
  })
})

describe('showImage', () => {
  const shown = async (id: string): Promise<[ReturnType<typeof showImage>, ReturnType<typeof showImage>]> => {
    const file = await sign(plain, EXPLICIT_LITTLE_ENDIAN)
    return [showImage(file), showImage((findForgery(id) as (typeof FORGERIES)[number]).apply(file))]
  }

  it('shows the last of two Pixel Data', async () => {
    const [before, after] = await shown('second-pixels')
    assert.ok(maskShown(before, after).includes(1))
  })

  it('draws overlays white, covers what a shutter covers', async () => {
    const [, overlay] = await shown('overlay')
    const ring = [...overlay.cover].flatMap((cover, i) => (cover === 1 ? [overlay.grey[i]] : []))
    assert.ok(ring.length > 20 && ring.every((grey) => grey === 255))
    const [, shutter] = await shown('shutter')
    assert.equal(shutter.cover[0], 2)
    assert.equal(shutter.grey[0], 0)
    assert.equal(shutter.cover.at(-1), 0)
  })

  it('tells a window by what is seen and not by what lies behind', async () => {
    const [before, after] = await shown('window')
    assert.ok(!maskShown(before, after).includes(1))
    assert.notDeepEqual(before.grey, after.grey)
  })
})
