import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { publicKeyOf } from '@fiducial/core/bytes/sign-ed25519.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { equalBytes, joinBytes } from '@fiducial/core/bytes/text.ts'
import { deriveMarkKeys } from '@fiducial/core/domain/mark/keys.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { isNativeSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { locateChanges } from '../services/mark/locate.ts'
import { prepareMark } from '../services/mark/mark-instance.ts'
import type { MarkMeans } from '../services/mark/ports.ts'
import { prepareRestore } from '../services/mark/restore.ts'
import { openPixels } from '../services/open-pixels.ts'
import { memoryMarkRecords } from '../testing/memory-mark-records.ts'
import { peer, run, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'
import { openMarkMeans, openPngPixels } from '../wiring/mark.ts'

const markKey = new Uint8Array(32).fill(77)
const freshMeans = (): MarkMeans => ({ ...openMarkMeans('nowhere'), records: memoryMarkRecords() })
const device = {
  id: 'device-room-1',
  markKey,
  publicKey: publicKeyOf(deriveMarkKeys(freshMeans().hash, markKey).signatureSeed),
  isDemo: true,
}
const look = { devices: [device] }

/** What images that cannot be marked are refused with. */
const REFUSALS: ReadonlySet<string> = new Set([
  'pixels_absent',
  'pixels_unsuited',
  'mark_lossy_source',
  'mark_no_capacity',
  'codec_unsupported',
  'codec_failed',
  'dicom_fragments_malformed',
  'dicom_duplicate_tag',
])
/** Elements that belong to the encoding of pixels: photometric interpretation, offset tables, the pixels. */
const OF_PIXELS: ReadonlySet<number> = new Set([0x00280004, 0x7fe00001, 0x7fe00002, 0x7fe00010])

interface Opened {
  readonly pixels: ImagePixels
  readonly dicom: DicomFile | undefined
}
type Open = (bytes: Uint8Array) => Promise<Opened>

const openDicom =
  (means: MarkMeans): Open =>
  async (bytes) => {
    const dicom = parseDicom(memorySource(bytes))
    return { pixels: await openPixels(dicom, means), dicom }
  }
const openPng: Open = async (bytes) => ({ pixels: openPngPixels(bytes), dicom: undefined })

const gather = (pieces: Iterable<Uint8Array>): Uint8Array => joinBytes([...pieces].map((piece) => piece.slice()))

/** Marks, looks, alters, restores. @returns the marked file, or undefined where the image is refused as it should be */
async function goRound(bytes: Uint8Array, open: Open, means: MarkMeans): Promise<Uint8Array | undefined> {
  let marked: Uint8Array
  const { pixels, dicom } = await open(bytes)
  try {
    const prepared = await prepareMark(pixels, { device, layers: 'both' }, means)
    marked = gather(prepared.pieces())
    await prepared.finish()
  } catch (error) {
    assert.ok(error instanceof FormatError && REFUSALS.has(error.code), String(error))
    return undefined
  }
  const again = await open(marked)
  const found = await locateChanges(again.pixels, look, means)
  assert.equal(found.outcome, 'holds')
  assert.ok(found.planes.every(({ reading }) => reading.signature === 'holds'))
  await alterOne(again.pixels, open, means)
  const restored = gather((await prepareRestore(again.pixels, look, means)).pieces())
  assertSamePixels((await open(restored)).pixels, pixels)
  if (dicom !== undefined && again.dicom !== undefined) {
    assertSameHeader(dicom, again.dicom)
    if (isNativeSyntax(dicom.transferSyntaxUid) && !dicom.isDeflated) assert.ok(equalBytes(restored, bytes))
  }
  return marked
}

/** One sample by one: exactly its tile stops to hold, and is put right. */
async function alterOne(marked: ImagePixels, open: Open, means: MarkMeans): Promise<void> {
  const at = Math.floor((marked.width * marked.height * 5) / 7)
  const altered = gather(
    marked.write((frame, planes) =>
      planes.map((plane, component) => {
        const samples = plane.samples.slice()
        if (frame === 0 && component === 0) samples[at] = (samples[at] as number) ^ 1
        return { ...plane, samples }
      }),
    ),
  )
  const { outcome, planes } = await locateChanges((await open(altered)).pixels, look, means)
  const tiles = planes.reduce((sum, { reading }) => sum + reading.held.length, 0)
  const lost = planes.flatMap(({ reading }) => reading.grid.tiles.filter((_, i) => reading.held[i] === 0))
  if (tiles === 1) return
  assert.equal(outcome, 'altered')
  assert.equal(lost.length, 1)
  const [{ x, y, width, height } = { x: 0, y: 0, width: 0, height: 0 }] = lost
  const [column, row] = [at % marked.width, Math.floor(at / marked.width)]
  assert.ok(column >= x && column < x + width && row >= y && row < y + height)
  assert.deepEqual(
    planes.flatMap(({ repairs }) => repairs).map((repair) => [repair.x, repair.y]),
    [[column, row]],
  )
}

function assertSamePixels(found: ImagePixels, expected: ImagePixels): void {
  assert.equal(found.frames, expected.frames)
  for (let frame = 0; frame < expected.frames; frame++) {
    for (const [i, plane] of expected.read(frame).entries())
      assert.deepEqual(found.read(frame)[i]?.samples, plane.samples, `frame ${frame}`)
  }
}

/** Every element but those of the pixels, and everything before the data set. */
function assertSameHeader(before: DicomFile, after: DicomFile): void {
  const bytesOf = ({ dataSet }: DicomFile) =>
    dataSet.elements.filter(({ tag }) => !OF_PIXELS.has(tag)).map(({ start, end }) => dataSet.source.view(start, end))
  assert.ok(equalBytes(joinBytes(bytesOf(before)), joinBytes(bytesOf(after))))
  assert.ok(equalBytes(before.source.view(0, before.dataSetStart), after.source.view(0, after.dataSetStart)))
}

describe('the mark, on every image of the shared data', { skip: sharedSkip }, () => {
  const counts = { marked: 0, refused: 0 }
  for (const { path, name } of [...sharedFiles('data/dicom'), ...sharedFiles('data/ct/real')]) {
    if (/\.(?:txt|md|json|csv|png|gz|tar|zip)$|LICENSE/i.test(name)) continue
    it(name, async () => {
      const means = freshMeans()
      const bytes = new Uint8Array(readFileSync(path))
      let marked: Uint8Array | undefined
      try {
        marked = await goRound(bytes, openDicom(means), means)
      } catch (error) {
        // Files that are broken on purpose, or no DICOM.
        if (!(error instanceof FormatError)) throw error
      }
      counts[marked === undefined ? 'refused' : 'marked']++
    })
  }

  it('is on more than a hundred of them', (t) => {
    t.diagnostic(`${counts.marked} marked, ${counts.refused} refused`)
    assert.ok(counts.marked > 100)
  })

  for (const { path, name } of sharedFiles('data/cxr/real/nih-chestxray14').filter((_, i) => i % 20 === 0)) {
    it(name, async () => {
      const means = freshMeans()
      const opened = openPngPixels(new Uint8Array(readFileSync(path)))
      assert.equal(opened.width, 1024)
      assert.ok((await goRound(new Uint8Array(readFileSync(path)), openPng, means)) !== undefined)
    })
  }
})

describe('a marked file', { skip: sharedSkip }, () => {
  const NATIVE = 'dicom/pydicom/test_files/CT_small.dcm'
  const programs = [
    ['dcmcjpls', 'dcmdjpls'],
    ['dcmcrle', 'dcmdrle'],
    ['dcmcjpeg', 'dcmdjpeg'],
  ] as const
  for (const [encoder, decoder] of programs) {
    const tool = peer(encoder)
    it(`keeps its mark through ${encoder} and ${decoder}`, { skip: tool.skip }, async (t) => {
      const folder = temporaryFolder(t)
      const means = freshMeans()
      const source = sharedFiles('data').find(({ name }) => name === NATIVE)
      const marked = await goRound(new Uint8Array(readFileSync(source?.path ?? '')), openDicom(means), means)
      writeFileSync(join(folder, 'marked.dcm'), marked ?? '')
      assert.equal((await run(tool.path, ['marked.dcm', 'packed.dcm'], { cwd: folder })).code, 0)
      assert.equal((await run(peer(decoder).path, ['packed.dcm', 'plain.dcm'], { cwd: folder })).code, 0)
      for (const name of ['packed.dcm', 'plain.dcm']) {
        const { pixels } = await openDicom(means)(new Uint8Array(readFileSync(join(folder, name))))
        const found = await locateChanges(pixels, look, means)
        assert.equal(found.outcome, 'holds', name)
        assert.ok(found.planes.every(({ reading }) => reading.signature === 'holds'))
      }
    })
  }

  const dump = peer('dcmdump')
  it('is read by dcmdump as the original is', { skip: dump.skip }, async (t) => {
    const folder = temporaryFolder(t)
    const means = freshMeans()
    for (const { path, name } of sharedFiles('data/dicom/cornerstone').filter((file) => /^CT[^/]*$/.test(file.name))) {
      const bytes = new Uint8Array(readFileSync(path))
      const marked = await goRound(bytes, openDicom(means), means)
      if (marked === undefined) continue
      writeFileSync(join(folder, 'before.dcm'), bytes)
      writeFileSync(join(folder, 'after.dcm'), marked)
      const [before, after] = await Promise.all(
        ['before.dcm', 'after.dcm'].map((one) => run(dump.path, ['+L', '-M', one], { cwd: folder })),
      )
      assert.equal(after?.code, 0, name)
      const header = (text = '') =>
        text.split('\n').filter((line) => !/^ *\((?:7fe0,0010|fffe,e0(?:00|dd))\)/.test(line))
      assert.deepEqual(header(after?.stdout), header(before?.stdout), name)
    }
  })
})
