/**
 * Sealed images that went through the programs of DCMTK: what was only spelled otherwise is told from what was changed.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { type Comparison, compareInstance } from '@fiducial/core/domain/seal/compare.ts'
import { describeInstance } from '@fiducial/core/domain/seal/instance.ts'
import { describePixels } from '@fiducial/core/domain/seal/pixels.ts'
import type { AcquisitionStatement } from '@fiducial/core/domain/seal/statement.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { isNativeSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { loadDecoder } from '../services/pixel-decoding.ts'
import { loadWasm } from '../storage/wasm.ts'
import { peer, run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

const codecs = createCodecs(loadWasm)
const hashes = nativeCrypto.hash
const NO_DIGEST = new Uint8Array(32)
const salt = new Uint8Array(16).fill(3)

type Sealed = Pick<AcquisitionStatement, 'dataset'> & {
  readonly statement: AcquisitionStatement
  readonly frames: readonly Uint8Array[]
}

const read = (path: string): DicomFile => parseDicom(memorySource(new Uint8Array(readFileSync(path))))

/** What a seal would state about a file; of its holders only what a comparison looks at. */
async function seal(file: DicomFile): Promise<Sealed> {
  const decodeFrame = await loadDecoder(file, codecs)
  const { frames, ...facts } = describeInstance(file, hashes, salt, {
    digests: new Digests(file.dataSet, hashes),
    random: salt,
    ...(decodeFrame && { decodeFrame }),
  })
  const holder = { id: '1', name: 'x', certificates: { dicom: [], statement: [NO_DIGEST], postQuantum: [NO_DIGEST] } }
  const statement: AcquisitionStatement = {
    ...facts,
    file: NO_DIGEST,
    original: NO_DIGEST,
    isDemo: false,
    device: { ...holder, manufacturer: null, model: null, serial: null },
    operator: holder,
    signatures: { device: { uid: '1', sha256: NO_DIGEST }, operator: null },
    mark: null,
    sealedAt: new Date(0),
    checkpoint: null,
  }
  return { dataset: facts.dataset, statement, frames }
}

/** The comparison without the signatures, which nobody made here. */
async function compare({ statement, frames }: Sealed, file: DicomFile): Promise<Comparison> {
  const decodeFrame = await loadDecoder(file, codecs)
  const options = { hashes, digests: new Digests(file.dataSet, hashes), frames, ...(decodeFrame && { decodeFrame }) }
  const comparison = compareInstance(statement, file, options)
  return { ...comparison, changes: comparison.changes.filter(({ what }) => what !== 'signature_removed') }
}

const spell = ({ kind, changes }: Comparison): readonly string[] => [
  kind,
  ...changes.map(({ what, tag, frame }) =>
    [what, tag?.toString(16), frame].filter((part) => part !== undefined).join(' '),
  ),
]

async function convert(tool: string, options: readonly string[], from: string, to: string): Promise<boolean> {
  const { code } = await run(peer(tool).path, [...options, from, to])
  return code === 0
}

const tools = ['dcmconv', 'dcmodify', 'dcmcrle', 'dcmdrle', 'dcmcjpeg', 'dcmdjpeg', 'dcmcjpls', 'dcmdjpls'].map(peer)
const skip = sharedSkip || (tools.find((tool) => tool.skip)?.skip ?? false)

/** Files of others that hold the same samples, each in another syntax, byte order, plane order or cut of bits. */
const TWINS: readonly { readonly folder: string; readonly names: RegExp; readonly count: number }[] = [
  { folder: 'cornerstone', names: /^CTImage\.dcm(_.*(Endian|Deflated|Lossless|Process14).*)?$/, count: 10 },
  {
    folder: 'pydicom/test_files',
    names: /^MR_small(_RLE|_bigendian|_expb|_implicit|_jp2klossless|_jpeg_ls_lossless)?\.dcm$/,
    count: 7,
  },
  {
    folder: 'pydicom-data',
    names: /^emri_small(_RLE|_big_endian|_jpeg_2k_lossless|_jpeg_ls_lossless)?\.dcm$/,
    count: 5,
  },
  { folder: 'pydicom-data', names: /^liver(_deflate|_expb|_j2k|_rle)?\.dcm$/, count: 5 },
  { folder: 'pydicom-data', names: /^liver_nonbyte_aligned(_deflate|_j2k|_rle)?\.dcm$/, count: 4 },
  { folder: 'pydicom-data', names: /^color-p[lx]\.dcm$/, count: 2 },
  { folder: 'pydicom-data', names: /^OBXXXX1A(_expb|_rle)?_2frame\.dcm$/, count: 3 },
  { folder: 'pydicom-data', names: /^SC_rgb(_expb)?_32bit_2frame\.dcm$/, count: 2 },
]

describe('the digests of the frames', { skip: sharedSkip }, () => {
  for (const { folder, names, count } of TWINS) {
    it(`are the same for ${count} spellings of the samples of ${names.source.split(/[(\\[]/)[0]?.slice(1)}`, async () => {
      const files = sharedFiles(`data/dicom/${folder}`).filter(({ name }) => names.test(name))
      assert.equal(files.length, count)
      const trees = await Promise.all(
        files.map(async ({ path }) => {
          const file = read(path)
          const pixels = describePixels(file, hashes, await loadDecoder(file, codecs))
          return JSON.stringify([pixels?.frames.map(encodeHex), pixels?.photometricInterpretation])
        }),
      )
      assert.match(trees[0] ?? '', /[0-9a-f]{64}/)
      assert.equal(new Set(trees).size, 1)
    })
  }
})

describe('a sealed image that DCMTK spelled otherwise', { skip }, () => {
  it('is unchanged in every native syntax that keeps its VRs', async (t) => {
    const folder = temporaryFolder(t)
    const target = join(folder, 'converted.dcm')
    const kinds = new Map<string, number>()
    for (const { path, name } of sharedFiles('data/dicom/pydicom').filter((_, i) => i % 3 === 0)) {
      let file: DicomFile
      try {
        file = read(path)
      } catch {
        continue
      }
      if (file.findings.length > 0 || !isNativeSyntax(file.transferSyntaxUid) || file.source.length > 400_000) continue
      const sealed = await seal(file)
      for (const option of ['+te', '+ti', '+tb', '+td']) {
        if (!(await convert('dcmconv', [option], path, target))) continue
        const converted = read(target)
        const found = await compare(sealed, converted)
        kinds.set(found.kind, (kinds.get(found.kind) ?? 0) + 1)
        // Data sets without a VR for every element: DCMTK's dictionary may fill in what ours leaves open, or drop it.
        const isRespelled = found.changes.every(({ what, tag = 0 }) => {
          if (what === 'transfer_syntax_changed' || what === 'vr_lost' || what === 'sequence_lost') return true
          const [before, after] = [sealed.statement.elements, converted.dataSet.elements].map((list) =>
            list.find((element) => element.tag === tag),
          )
          return what === 'element_changed' ? before?.vr !== after?.vr : (tag & 0xffff) === 0
        })
        assert.ok(isRespelled, `${name} ${option}: ${spell(found).join(', ')}`)
      }
    }
    assert.ok((kinds.get('equivalent') ?? 0) > 60, JSON.stringify([...kinds]))
    assert.ok((kinds.get('altered') ?? 0) < 20, JSON.stringify([...kinds]))
  })

  const natives: readonly {
    readonly file: string
    readonly how: readonly (readonly [tool: string, ...options: string[]])[]
  }[] = [
    { file: 'pydicom/test_files/CT_small.dcm', how: [['dcmcrle'], ['dcmcjpeg', '+e1'], ['dcmcjpls', '+el']] },
    { file: 'pydicom/test_files/MR_small.dcm', how: [['dcmcrle'], ['dcmcjpeg', '+el'], ['dcmcjpls', '+el']] },
    { file: 'pydicom-data/SC_rgb.dcm', how: [['dcmcrle'], ['dcmcjpls', '+el']] },
    { file: 'pydicom-data/color-pl.dcm', how: [['dcmcrle'], ['dcmcjpls', '+el']] },
    { file: 'pydicom-data/SC_rgb_16bit_2frame.dcm', how: [['dcmcrle']] },
    { file: 'pydicom-data/emri_small.dcm', how: [['dcmcrle'], ['dcmcjpeg', '+e1'], ['dcmcjpls', '+el']] },
  ]
  for (const { file: name, how } of natives) {
    for (const [tool, ...options] of how) {
      it(`has the samples of ${basename(name)} after ${tool} ${options.join(' ')}`, async (t) => {
        const target = join(temporaryFolder(t), 'compressed.dcm')
        const path = sharedPath(`data/dicom/${name}`)
        const sealed = await seal(read(path))
        assert.ok(await convert(tool, options, path, target))
        // DCMTK says in words what its JPEG encoder did.
        const note = tool === 'dcmcjpeg' ? ['derivation_noted 82111'] : []
        assert.deepEqual(spell(await compare(sealed, read(target))), [
          'transcoded',
          ...note,
          'transfer_syntax_changed 7fe00010',
        ])
      })
    }
  }

  const compressed: readonly (readonly [file: string, tool: string])[] = [
    ['pydicom/test_files/MR_small_RLE.dcm', 'dcmdrle'],
    ['pydicom/test_files/SC_rgb_rle_2frame.dcm', 'dcmdrle'],
    ['pydicom/test_files/SC_rgb_jpeg_gdcm.dcm', 'dcmdjpeg'],
    ['pydicom-data/emri_small_RLE.dcm', 'dcmdrle'],
    ['pydicom-data/emri_small_jpeg_ls_lossless.dcm', 'dcmdjpls'],
    ['pydicom-data/JPEG-LL.dcm', 'dcmdjpeg'],
    ['pydicom-data/JLSL_RGB_ILV1.dcm', 'dcmdjpls'],
  ]
  for (const [name, tool] of compressed) {
    it(`has the samples of ${basename(name)} after ${tool}`, async (t) => {
      const target = join(temporaryFolder(t), 'native.dcm')
      const path = sharedPath(`data/dicom/${name}`)
      const sealed = await seal(read(path))
      assert.notEqual(sealed.statement.pixels, null)
      assert.ok(await convert(tool, [], path, target))
      assert.deepEqual(spell(await compare(sealed, read(target))), ['transcoded', 'transfer_syntax_changed 7fe00010'])
    })
  }

  it('is derived after compression with loss, and altered once somebody edits it', async (t) => {
    const folder = temporaryFolder(t)
    const [lossy, edited] = [join(folder, 'lossy.dcm'), join(folder, 'edited.dcm')]
    const path = sharedPath('data/dicom/pydicom/test_files/CT_small.dcm')
    const sealed = await seal(read(path))
    // The encoder of DCMTK rescales the samples of a CT first, and says so in the attributes.
    assert.ok(await convert('dcmcjpeg', ['+eb'], path, lossy))
    const rescaled = await compare(sealed, read(lossy))
    assert.ok(spell(rescaled).includes('element_changed 281052'))
    assert.equal(rescaled.kind, 'derived')
    const grey = sharedPath('data/dicom/pydicom-data/emri_small.dcm')
    assert.ok(await convert('dcmcjpls', ['+en'], grey, lossy))
    const found = await compare(await seal(read(grey)), read(lossy))
    assert.equal(found.kind, 'derived', spell(found).join(', '))
    assert.ok(spell(found).includes('element_changed 282110'))
    assert.ok(await convert('dcmconv', [], path, edited))
    await run(peer('dcmodify').path, [
      '-nb',
      '-m',
      '(0010,0010)=Other^Name',
      '-e',
      '(0008,0020)',
      '-i',
      '(0028,1050)=1',
      edited,
    ])
    const after = await compare(sealed, read(edited))
    assert.deepEqual(spell(after), [
      'altered',
      'element_removed 80020',
      'element_changed 100010',
      'element_added 281050',
      'element_removed fffcfffc',
    ])
    assert.deepEqual(after.concerns, ['date', 'patient', 'display', 'other', 'device'])
  })

  it('is told frame by frame when one pixel of a compressed volume is another', async (t) => {
    const target = join(temporaryFolder(t), 'compressed.dcm')
    const path = sharedPath('data/dicom/pydicom-data/emri_small.dcm')
    const file = read(path)
    const sealed = await seal(file)
    const bytes = new Uint8Array(readFileSync(path))
    const pixels = file.dataSet.elements.find(({ tag }) => tag === 0x7fe00010) as {
      valueStart: number
      valueEnd: number
    }
    const frameBytes = (pixels.valueEnd - pixels.valueStart) / 10
    const place = pixels.valueStart + 6 * frameBytes + 100
    bytes[place] = (bytes[place] as number) ^ 1
    const forged = join(temporaryFolder(t), basename(path))
    writeFileSync(forged, bytes)
    assert.ok(await convert('dcmcrle', [], forged, target))
    const found = await compare(sealed, read(target))
    assert.deepEqual(spell(found), ['altered', 'transfer_syntax_changed 7fe00010', 'frame_changed 7fe00010 7'])
  })
})
