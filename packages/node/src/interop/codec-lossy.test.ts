/** Pictures that other programs compress with loss, against those programs' own decoders. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { concatBytes, encodeLatin1 } from '@fiducial/core/bytes/text.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'
import { makePicture, type Picture, writePicture } from './codec-images.ts'
import { assertSameBytes, codecs, decodeSubject, joinFrames, readSubject } from './codec-subjects.ts'

const JPEG = '1.2.840.10008.1.2.4.'
const GREY = makePicture('8 bits', { bitsAllocated: 8 })
const GREY12 = makePicture('12 of 16 bits', { bitsAllocated: 16, bitsStored: 12, numberOfFrames: 2 })
const COLOUR = makePicture('RGB', { bitsAllocated: 8, samplesPerPixel: 3 })
/** Three columns of chroma at half of the columns: the least that is interpolated. */
const SMALL = makePicture('RGB of 5 columns', { bitsAllocated: 8, samplesPerPixel: 3, rows: 3, columns: 5 })
const NARROW = makePicture('RGB of 3 columns', { bitsAllocated: 8, samplesPerPixel: 3, rows: 4, columns: 3 })

describe('lossy JPEG and JPEG-LS of DCMTK', {
  skip: peer('dcmcjpeg').skip || peer('dcmdjpeg').skip || peer('dcmcjpls').skip || peer('dcmdjpls').skip,
}, () => {
  const processes = [['+eb'], ['+ee'], ['+es'], ['+ep'], ['+ep', '+q', '30'], ['-ho', '+eb']]
  const samplings = ['+s2', '+s4', '+n1', '+n2', '+np', '+cr']
  const cases = [
    ...processes.map((options) => ({ picture: GREY, options })),
    ...processes.filter((options) => !options.includes('+eb')).map((options) => ({ picture: GREY12, options })),
    ...[COLOUR, SMALL, NARROW].flatMap((picture) =>
      samplings.map((sampling) => ({ picture, options: ['+eb', sampling] })),
    ),
    ...['+s2', '+np'].map((sampling) => ({ picture: COLOUR, options: ['+ep', sampling] })),
  ]
  for (const { picture, options } of cases) {
    it(`${picture.title}: dcmcjpeg ${options.join(' ')} gives the samples of dcmdjpeg`, async (t) => {
      await compare(picture, ['dcmcjpeg', ...options], ['dcmdjpeg', '+px'], temporaryFolder(t))
    })
  }
  for (const { picture, deviation } of [GREY, GREY12, COLOUR].flatMap((picture) =>
    [1, 7].map((deviation) => ({ picture, deviation })),
  )) {
    it(`${picture.title}: dcmcjpls +en +md ${deviation} gives the samples of dcmdjpls`, async (t) => {
      await compare(picture, ['dcmcjpls', '+en', '+md', String(deviation)], ['dcmdjpls', '+px'], temporaryFolder(t))
    })
  }
})

describe('JPEG of libjpeg-turbo', { skip: peer('cjpeg').skip || peer('djpeg').skip }, () => {
  const cases = [
    { picture: GREY, options: ['-restart', '1'] },
    { picture: GREY, options: ['-restart', '3B'] },
    { picture: GREY, options: ['-progressive', '-restart', '2'] },
    { picture: COLOUR, options: ['-sample', '1x1', '-restart', '1'] },
    { picture: COLOUR, options: ['-sample', '2x2', '-restart', '2B'] },
    { picture: COLOUR, options: ['-sample', '2x1', '-progressive', '-restart', '1'] },
    { picture: COLOUR, options: ['-sample', '4x1'] },
    { picture: COLOUR, options: ['-sample', '4x2', '-quality', '5'] },
    { picture: COLOUR, options: ['-rgb', '-progressive', '-quality', '100'] },
  ]
  for (const { picture, options } of cases) {
    it(`${picture.title}: cjpeg ${options.join(' ')} gives the samples of djpeg`, async (t) => {
      const codestream = await compressJpeg(picture, options, temporaryFolder(t))
      const { path } = peer('djpeg')
      const { code, output, stderr } = await run(path, ['-dct', 'int', '-pnm'], { input: codestream })
      assert.equal(code, 0, stderr)
      const codec = await codecs.load(`${JPEG}50`)
      const isYbr = picture === COLOUR && !options.includes('-rgb')
      const shape = {
        ...picture.shape,
        photometricInterpretation: isYbr ? 'YBR_FULL_422' : picture.shape.photometricInterpretation,
      }
      const { bytes, photometricInterpretation, isLossless } = codec.decode(codestream, shape)
      assertSameBytes(bytes, output.subarray(output.length - bytes.length))
      assert.equal(photometricInterpretation, picture.shape.photometricInterpretation)
      assert.equal(isLossless, false)
    })
  }

  it('refuses arithmetic coding', async (t) => {
    const codestream = await compressJpeg(GREY, ['-arithmetic'], temporaryFolder(t))
    const codec = await codecs.load(`${JPEG}51`)
    assert.throws(
      () => codec.decode(codestream, GREY.shape),
      (error) => error instanceof FormatError && error.code === 'codec_unsupported',
    )
  })
})

describe('irreversible JPEG 2000 of OpenJPEG', {
  skip: peer('opj_compress').skip || peer('opj_decompress').skip,
}, () => {
  for (const picture of [GREY, GREY12]) {
    it(`${picture.title}: opj_compress -I gives the samples of opj_decompress`, async (t) => {
      const folder = temporaryFolder(t)
      const [source, codestream, target] = ['frame.rawl', 'frame.j2k', 'decoded.rawl'].map((name) =>
        join(folder, name),
      ) as [string, string, string]
      const { shape, frames } = picture
      writeFileSync(source, frames[0] as Uint8Array)
      const layout = `${shape.columns},${shape.rows},1,${shape.bitsStored},u`
      const encoded = await run(peer('opj_compress').path, [
        '-i',
        source,
        '-o',
        codestream,
        '-F',
        layout,
        '-I',
        '-r',
        '10',
      ])
      assert.equal(encoded.code, 0, encoded.stdout)
      const decoded = await run(peer('opj_decompress').path, ['-i', codestream, '-o', target])
      assert.equal(decoded.code, 0, decoded.stdout)
      const codec = await codecs.load(`${JPEG}91`)
      const { bytes, isLossless } = codec.decode(new Uint8Array(readFileSync(codestream)), shape)
      assertSameBytes(bytes, new Uint8Array(readFileSync(target)))
      assert.equal(isLossless, false)
    })
  }
})

async function compare(
  picture: Picture,
  encode: readonly string[],
  decode: readonly string[],
  folder: string,
): Promise<void> {
  const [source, compressed, target] = ['native.dcm', 'compressed.dcm', 'decoded.dcm'].map((name) =>
    join(folder, name),
  ) as [string, string, string]
  writePicture(picture, source)
  for (const [command, paths] of [
    [encode, [source, compressed]],
    [decode, [compressed, target]],
  ] as const) {
    const [program, ...options] = command as [string, ...string[]]
    const { code, stderr } = await run(peer(program).path, [...options, ...paths])
    assert.equal(code, 0, stderr)
  }
  const subject = readSubject(compressed)
  const theirs = readSubject(target)
  assert.ok(subject !== undefined && theirs !== undefined)
  const frames = await decodeSubject(subject)
  assert.ok(frames.every(({ isLossless }) => !isLossless))
  assert.equal(frames[0]?.photometricInterpretation, theirs.shape.photometricInterpretation)
  const ours = joinFrames(frames)
  assertSameBytes(ours, theirs.native.subarray(0, ours.length))
}

async function compressJpeg(
  { shape, frames }: Picture,
  options: readonly string[],
  folder: string,
): Promise<Uint8Array> {
  const source = join(folder, 'frame.pnm')
  const header = encodeLatin1(`${shape.samplesPerPixel === 1 ? 'P5' : 'P6'} ${shape.columns} ${shape.rows} 255\n`)
  writeFileSync(source, concatBytes(header, frames[0] as Uint8Array))
  const { code, output, stderr } = await run(peer('cjpeg').path, [...options, source])
  assert.equal(code, 0, stderr)
  return output
}
