/** Transcoded copies of the shared images: the same pixels by our decoders, and by those of others. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { equalBytes, joinBytes } from '@fiducial/core/bytes/text.ts'
import { BASIC_PROFILE } from '@fiducial/core/domain/deidentify/profile.ts'
import { describePixels } from '@fiducial/core/domain/seal/pixels.ts'
import { TRANSCODE_TARGETS, type TranscodeTarget } from '@fiducial/core/domain/transcode/target.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { findElement } from '@fiducial/core/formats/dicom/element.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { createDerive } from '../services/gateway/derive-instance.ts'
import { loadDecoder } from '../services/pixel-decoding.ts'
import { openFileSource } from '../storage/file-source.ts'
import { loadWasm } from '../storage/wasm.ts'
import { peer, run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

const codecs = createCodecs(loadWasm)
const encoders = createEncoders(loadWasm)
const derive = createDerive({
  hashes: nativeCrypto.hash,
  codecs,
  encoders,
  keyFor: () => new Uint8Array(32).fill(1),
})
const hasData = sharedSkip === false

/** Larger ones have nothing that smaller ones have not, but take longer. */
const LIMIT_BYTES = 200_000

async function framesOf(file: DicomFile): Promise<readonly string[] | undefined> {
  return describePixels(file, nativeCrypto.hash, await loadDecoder(file, codecs))?.frames.map(encodeHex)
}

async function copyOf(path: string, transcode: TranscodeTarget | null, profile = false): Promise<Uint8Array> {
  using source = openFileSource(path)
  const { segments } = await derive(source, { transcode, profile: profile ? BASIC_PROFILE : null })
  return joinBytes([...piecesOf(segments)].map((piece) => piece.slice()))
}

for (const target of TRANSCODE_TARGETS) {
  describe(`images as ${target}`, { skip: sharedSkip }, () => {
    let same = 0
    let refused = 0
    after(() => process.stdout.write(`${target}: ${same} images with the same pixels, ${refused} refused\n`))
    it('have the pixels that they had, whatever they came in', async () => {
      for (const { path, name } of hasData ? sharedFiles('data/dicom') : []) {
        using source = openFileSource(path)
        if (source.length > LIMIT_BYTES) continue
        try {
          const before = await framesOf(parseDicom(source))
          if (before === undefined) continue
          const copy = parseDicom(memorySource(await copyOf(path, target)), { isStrict: true })
          assert.deepEqual(await framesOf(copy), before, name)
          same++
        } catch (error) {
          assert.ok(error instanceof FormatError, name)
          refused++
        }
      }
      assert.ok(same > 60, `${same} images`)
    })
  })
}

describe('a transcoded CT slice', { skip: sharedSkip }, () => {
  const folder = temporaryFolder()
  const path = hasData ? join(sharedPath('data/dicom/pydicom/test_files'), 'CT_small.dcm') : ''
  const samples = (): Uint8Array => {
    const { dataSet } = parseDicom(memorySource(new Uint8Array(readFileSync(path))))
    const pixels = findElement(dataSet.elements, 0x7fe00010)
    assert.ok(pixels !== undefined)
    return dataSet.source.view(pixels.valueStart, pixels.valueEnd)
  }
  const write = async (target: TranscodeTarget): Promise<string> => {
    const file = join(folder, `${target}.dcm`)
    writeFileSync(file, await copyOf(path, target))
    return file
  }

  for (const [target, name] of [
    ['rle', 'dcmdrle'],
    ['jpeg_ls', 'dcmdjpls'],
  ] as const) {
    const decoder = peer(name)
    it(`is read by ${name} as it was`, { skip: decoder.skip }, async () => {
      const native = join(folder, `${target}-native.dcm`)
      assert.equal((await run(decoder.path, [await write(target), native])).code, 0)
      const { dataSet } = parseDicom(memorySource(new Uint8Array(readFileSync(native))))
      const pixels = findElement(dataSet.elements, 0x7fe00010)
      assert.ok(pixels !== undefined)
      assert.ok(equalBytes(dataSet.source.view(pixels.valueStart, pixels.valueEnd), samples()))
    })
  }

  const codestreamOf = async (target: TranscodeTarget, ending: string): Promise<string> => {
    const { dataSet } = parseDicom(memorySource(await copyOf(path, target)))
    const [, fragment] = findElement(dataSet.elements, 0x7fe00010)?.fragments ?? []
    assert.ok(fragment !== undefined)
    const file = join(folder, `codestream.${ending}`)
    writeFileSync(file, dataSet.source.view(fragment.valueStart, fragment.end))
    return file
  }

  const opj = peer('opj_decompress')
  it('is read by OpenJPEG as it was', { skip: opj.skip }, async () => {
    const raw = join(folder, 'opj.rawl')
    assert.equal((await run(opj.path, ['-i', await codestreamOf('jpeg_2000', 'j2k'), '-o', raw])).code, 0)
    assert.ok(equalBytes(new Uint8Array(readFileSync(raw)), samples()))
  })

  it('is read by OpenJPEG as it was when it is HTJ2K', { skip: opj.skip }, async () => {
    const raw = join(folder, 'htj2k.rawl')
    assert.equal((await run(opj.path, ['-i', await codestreamOf('htj2k', 'j2k'), '-o', raw])).code, 0)
    assert.ok(equalBytes(new Uint8Array(readFileSync(raw)), samples()))
  })

  it('may be de-identified in the same step', async () => {
    const file = parseDicom(memorySource(await copyOf(path, 'htj2k', true)), { isStrict: true })
    assert.equal(textAt(file.dataSet, 0x00120062), 'YES')
    assert.deepEqual(await framesOf(file), await framesOf(parseDicom(memorySource(new Uint8Array(readFileSync(path))))))
  })
})

describe('an image that may show its patient', { skip: sharedSkip }, () => {
  it('is not de-identified', async () => {
    const path = join(sharedPath('data/dicom/pydicom/test_files'), 'SC_rgb_small_odd.dcm')
    await assert.rejects(
      copyOf(path, null, true),
      (error) => error instanceof FormatError && error.code === 'pixels_identifying',
    )
  })
})
