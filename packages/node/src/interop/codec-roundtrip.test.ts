/** Pictures that other programs compress without loss come back to the exact native bytes. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import type { FrameShape } from '@fiducial/core/formats/codec/codec.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'
import { makePicture, type Picture, writePicture } from './codec-images.ts'
import { assertSameBytes, codecs, decodeSubject, joinFrames, readSubject, type Subject } from './codec-subjects.ts'

const JPEG = '1.2.840.10008.1.2.4.'

const GREY: readonly Picture[] = [
  makePicture('8 bits', { bitsAllocated: 8 }),
  makePicture('12 of 16 bits', { bitsAllocated: 16, bitsStored: 12 }),
  makePicture('12 of 16 bits, signed', { bitsAllocated: 16, bitsStored: 12, isSigned: true }),
  makePicture('16 bits', { bitsAllocated: 16 }),
  makePicture('16 bits, signed', { bitsAllocated: 16, isSigned: true }),
  makePicture('16 bits, signed, three frames', { bitsAllocated: 16, isSigned: true, numberOfFrames: 3 }),
]
const COLOUR: readonly Picture[] = [
  makePicture('RGB by pixel', { bitsAllocated: 8, samplesPerPixel: 3 }),
  makePicture('RGB by plane', { bitsAllocated: 8, samplesPerPixel: 3, planarConfiguration: 1 }),
  makePicture('RGB by pixel, two frames', { bitsAllocated: 8, samplesPerPixel: 3, numberOfFrames: 2 }),
]

interface Encoder {
  readonly program: string
  readonly options: readonly string[]
}
const jpeg = (...options: string[]): Encoder => ({ program: 'dcmcjpeg', options })
const jpegLs = (...options: string[]): Encoder => ({ program: 'dcmcjpls', options })
const rle = (...options: string[]): Encoder => ({ program: 'dcmcrle', options })

const FOR_ALL: readonly Encoder[] = [
  rle(),
  jpeg('+e1'),
  ...[1, 2, 3, 4, 5, 6, 7].map((predictor) => jpeg('+el', '+sv', String(predictor))),
  jpegLs('+el'),
  // In its cooked mode the encoder stops at samples that are signed and do not fill their cells.
  jpegLs('+el', '+pc'),
]
const FOR_COLOUR: readonly Encoder[] = [jpegLs('+el', '+is'), jpegLs('+el', '+in')]
const FOR_FRAGMENTS: readonly Encoder[] = [
  jpeg('+e1', '+fs', '1', '+ot'),
  jpeg('+e1', '+fs', '1', '-ot'),
  jpegLs('+el', '+fs', '1', '+ot'),
  jpegLs('+el', '+fs', '1', '-ot'),
]

const skip =
  ['dcmcjpeg', 'dcmcjpls', 'dcmcrle'].map((name) => peer(name).skip).find((reason) => reason !== false) ?? false

describe('what DCMTK compresses without loss', { skip }, () => {
  const cases = [
    ...GREY.flatMap((picture) => FOR_ALL.map((encoder) => ({ picture, encoder }))),
    ...COLOUR.flatMap((picture) => [...FOR_ALL, ...FOR_COLOUR].map((encoder) => ({ picture, encoder }))),
    ...[GREY[5] as Picture, COLOUR[2] as Picture].flatMap((picture) =>
      FOR_FRAGMENTS.map((encoder) => ({ picture, encoder })),
    ),
  ]
  const isRefused = ({ picture, encoder }: (typeof cases)[number]): boolean =>
    encoder.options.includes('+pc') && picture.shape.isSigned && picture.shape.bitsStored < picture.shape.bitsAllocated
  for (const { picture, encoder } of cases.filter((each) => !isRefused(each))) {
    it(`${picture.title}: ${encoder.program} ${encoder.options.join(' ')}`, async (t) => {
      const subject = await compress(picture, encoder, temporaryFolder(t))
      const frames = await decodeSubject(subject)
      assert.ok(frames.every(({ isLossless }) => isLossless))
      assertSameBytes(joinFrames(frames), byPixel(picture))
    })
  }
})

describe('what OpenJPEG compresses without loss', { skip: peer('opj_compress').skip }, () => {
  const pictures = [...GREY, makePicture('8 bits, signed', { bitsAllocated: 8, isSigned: true }), COLOUR[1] as Picture]
  for (const picture of pictures) {
    for (const options of [[], ['-t', '32,32'], ['-r', '8,2,1', '-p', 'RLCP']]) {
      it(`${picture.title}: opj_compress ${options.join(' ')}`, async (t) => {
        const { shape, frames } = picture
        const folder = temporaryFolder(t)
        const [source, target] = [join(folder, 'frame.rawl'), join(folder, 'frame.j2k')]
        const codec = await codecs.load(`${JPEG}90`)
        const { rows, columns, samplesPerPixel, bitsStored, isSigned } = shape
        for (const [i, frame] of frames.entries()) {
          writeFileSync(source, frame)
          const layout = `${columns},${rows},${samplesPerPixel},${bitsStored},${isSigned ? 's' : 'u'}`
          const { code, stdout } = await run(peer('opj_compress').path, [
            '-i',
            source,
            '-o',
            target,
            '-F',
            layout,
            ...options,
          ])
          assert.equal(code, 0, stdout)
          const decoded = codec.decode(new Uint8Array(readFileSync(target)), shape)
          assert.equal(decoded.isLossless, true)
          assertSameBytes(decoded.bytes, byPixel({ ...picture, frames: [frames[i] as Uint8Array] }))
        }
      })
    }
  }
})

describe('what OpenJPH compresses without loss', { skip: peer('ojph_compress').skip }, () => {
  const pictures = [...GREY, makePicture('8 bits, signed', { bitsAllocated: 8, isSigned: true })]
  for (const picture of pictures) {
    it(`${picture.title}: ojph_compress`, async (t) => {
      const { shape, frames } = picture
      const folder = temporaryFolder(t)
      const [source, target] = [join(folder, 'frame.yuv'), join(folder, 'frame.j2c')]
      const codec = await codecs.load(`${JPEG}201`)
      // The program reads raw samples as unsigned. A signed codestream is that of the samples plus half of their range,
      // with the sign bit in its size segment (T.800 section G.1.1).
      writeFileSync(source, shape.isSigned ? plusHalf(frames[0] as Uint8Array, shape) : (frames[0] as Uint8Array))
      const layout = ['-dims', `{${shape.columns},${shape.rows}}`, '-num_comps', '1', '-downsamp', '{1,1}']
      const samples = ['-signed', 'false', '-bit_depth', String(shape.bitsStored)]
      const { code, stdout, stderr } = await run(peer('ojph_compress').path, [
        ...['-i', source, '-o', target, '-reversible', 'true'],
        ...layout,
        ...samples,
      ])
      assert.equal(code, 0, stdout + stderr)
      const codestream = new Uint8Array(readFileSync(target))
      if (shape.isSigned) codestream[42] = (codestream[42] as number) | 0x80
      const decoded = codec.decode(codestream, shape)
      assert.equal(decoded.isLossless, true)
      assertSameBytes(decoded.bytes, frames[0] as Uint8Array)
    })
  }
})

async function compress(picture: Picture, { program, options }: Encoder, folder: string): Promise<Subject> {
  const [source, target] = [join(folder, 'native.dcm'), join(folder, 'compressed.dcm')]
  writePicture(picture, source)
  const { code, stderr } = await run(peer(program).path, [...options, source, target])
  assert.equal(code, 0, stderr)
  const subject = readSubject(target)
  assert.ok(subject !== undefined && subject.native.length === 0)
  return subject
}

/** Samples of bitsStored bits, signed, as unsigned ones. */
function plusHalf(bytes: Uint8Array, { bitsAllocated, bitsStored }: FrameShape): Uint8Array {
  if (bitsAllocated === 8) return bytes.map((value) => value ^ (1 << (bitsStored - 1)))
  const shifted = bytes.slice()
  const view = new DataView(shifted.buffer)
  for (let at = 0; at < shifted.length; at += 2)
    view.setUint16(at, view.getInt16(at, true) + 2 ** (bitsStored - 1), true)
  return shifted
}

/** The native bytes of all frames, colour by pixel. */
function byPixel({ shape, frames }: Picture): Uint8Array {
  if (shape.planarConfiguration === 0) return concatBytes(...frames)
  return concatBytes(
    ...frames.map((frame) =>
      frame.map((_, at) => frame[(at % 3) * shape.rows * shape.columns + Math.floor(at / 3)] as number),
    ),
  )
}
