/**
 * Flips: no single changed bit of a sealed image, of what surrounds its data set, or of its seal goes unseen.
 *
 * Positions are drawn from a seeded generator, half of them in or near the headers of elements, at any depth. More of
 * them: FIDUCIAL_FLIPS=200 (of each file), another seed: FIDUCIAL_SEED=7.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { inflateRawSync } from 'node:zlib'
import { FormatError } from '@fiducial/core/errors.ts'
import { type Element, findElement, type Tag } from '@fiducial/core/formats/dicom/element.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { readText } from '@fiducial/core/formats/dicom/values.ts'
import type { VerifiedInstance } from '../services/verify-instance.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { createSealingSite, type SealedImage, type SealingSite } from './sealing-site.ts'
import { parse, type SignatureSubject, signatureSubjects, subjectNamed } from './signature-subjects.ts'

const FLIPS = Number(process.env.FIDUCIAL_FLIPS ?? 10)
const SEED = Number(process.env.FIDUCIAL_SEED ?? 1)
/** Larger files take longer and say nothing more. */
const LARGEST_BYTES = 400_000

/** Numbers from 0 up to a limit, the same in every run (mulberry32). */
function dice(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), 1 | state)
    word ^= word + Math.imul(word ^ (word >>> 7), 61 | word)
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

function flip(bytes: Uint8Array, position: number, bit: number): Uint8Array {
  const flipped = bytes.slice()
  flipped[position] = (flipped[position] as number) ^ (1 << bit)
  return flipped
}

const everyElement = (elements: readonly Element[]): readonly Element[] =>
  elements.flatMap((element) => [element, ...(element.items ?? []).flatMap((item) => everyElement(item.elements))])

/** Whether two deflated files hold the same data set. */
function inflatesAlike(a: Uint8Array, b: Uint8Array, start: number): boolean {
  const [one, other] = [a, b].map((bytes) => inflateRawSync(bytes.subarray(start)))
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0
}

describe('flipped bits', { skip: sharedSkip }, () => {
  const folder = temporaryFolder()
  let site: SealingSite
  let subjects: readonly SignatureSubject[] = []
  before(async () => {
    site = await createSealingSite(folder)
    subjects = signatureSubjects().filter(({ bytes }) => bytes.length <= LARGEST_BYTES)
  })

  /** The judgement, or nothing where there is nothing to judge. Every other exception fails the test. */
  async function judge(image: Uint8Array, seal: Uint8Array): Promise<VerifiedInstance | undefined> {
    try {
      return await site.verify(image, seal)
    } catch (error) {
      if (error instanceof FormatError) return undefined
      throw error
    }
  }

  const describePlace = (file: DicomFile, position: number): string => {
    const element = everyElement(file.dataSet.elements).findLast(
      ({ start, end }) => start <= position && position < end,
    )
    return element === undefined
      ? `offset ${position}`
      : `offset ${position}, ${position - element.start} into ${element.tag.toString(16)} ${element.vr}`
  }

  it('of the data set never leave it authentic, but for bits of a deflated stream that inflate to the same', async () => {
    const roll = dice(SEED)
    let [flips, alike] = [0, 0]
    for (const { name, bytes } of subjects) {
      const { image, seal } = await site.seal(bytes)
      const file = parse(image)
      const headers = file.isDeflated ? [] : everyElement(file.dataSet.elements)
      for (let i = 0; i < FLIPS; i++) {
        const near = headers[roll(headers.length)]
        const anywhere = file.dataSetStart + roll(image.length - file.dataSetStart)
        const position =
          near === undefined || i % 2 === 0 ? anywhere : Math.min(near.start + roll(16), image.length - 1)
        const bit = roll(8)
        const flipped = flip(image, position, bit)
        flips++
        const judged = await judge(flipped, seal)
        if (judged?.verdict !== 'authentic') continue
        const place = `${name}, ${describePlace(file, position)}, bit ${bit}`
        assert.ok(file.isDeflated && inflatesAlike(flipped, image, file.dataSetStart), place)
        alike++
      }
    }
    assert.ok(flips >= 190 * FLIPS, `${flips} flips`)
    assert.ok(alike < flips / 100, `${alike} of ${flips} flips changed nothing`)
  })

  it('of the parts that hold the signatures never leave it authentic', async () => {
    const roll = dice(SEED + 1)
    for (const name of [
      'CTImage.dcm',
      'MR_small_implicit.dcm',
      'MR_small_bigendian.dcm',
      'MR_small_jpeg_ls_lossless.dcm',
      'reportsi.dcm',
    ]) {
      const { image, seal } = await site.seal(subjectNamed(name).bytes)
      const { dataSet } = parse(image)
      for (const tag of [0x4ffe0001, 0xfffafffa]) {
        const { start, end } = dataSet.elements.find((element) => element.tag === tag) as Element
        const positions = Array.from({ length: 10 * FLIPS }, (_, i) => (i < 64 ? start + i : start + roll(end - start)))
        for (const position of positions) {
          const judged = await judge(flip(image, position, roll(8)), seal)
          assert.notEqual(judged?.verdict, 'authentic', `${name}, offset ${position}`)
        }
      }
    }
  })

  it('of group 0002 leave it authentic only where class, instance and transfer syntax stay what they were', async () => {
    const stated = ({ meta, source }: DicomFile, tag: Tag): string | undefined => {
      const element = findElement(meta, tag)
      return element === undefined ? undefined : readText(source, element)
    }
    for (const name of ['CTImage.dcm', 'MR_small_RLE.dcm', 'MR_small_jpeg_ls_lossless.dcm', 'MR_small_bigendian.dcm']) {
      const { image, seal } = await site.seal(subjectNamed(name).bytes)
      const file = parse(image)
      let unseen = 0
      for (let position = 132; position < file.dataSetStart; position++) {
        const flipped = flip(image, position, position % 8)
        const judged = await judge(flipped, seal)
        if (judged?.verdict !== 'authentic') continue
        unseen++
        assert.equal(judged.content, 'unchanged')
        for (const tag of [0x00020002, 0x00020003, 0x00020010]) {
          const said = stated(parse(flipped), tag)
          assert.ok(said === undefined || said === stated(file, tag), `${name}, offset ${position}`)
        }
      }
      assert.ok(unseen > 0 || file.preamble === 'data', 'titles and versions are nobody’s concern')
    }
  })

  it('of the preamble never leave it authentic', async () => {
    for (const name of ['CTImage.dcm', 'CT_small.dcm', 'MR_small_jpeg_ls_lossless.dcm']) {
      const { image, seal } = await site.seal(subjectNamed(name).bytes)
      for (let position = 0; position < 132; position++) {
        const judged = await judge(flip(image, position, position % 8), seal)
        assert.notEqual(judged?.verdict, 'authentic', `${name}, offset ${position}`)
        if (position >= 128) continue
        assert.equal(judged?.content, 'unchanged')
        const encoding = judged.checks.find(({ subject }) => subject === 'encoding')
        assert.ok(encoding?.outcome === 'unknown' && encoding.reason === 'preamble_unsigned')
      }
    }
  })

  it('of the seal never leave it authentic', async () => {
    const roll = dice(SEED + 2)
    const names = ['CTImage.dcm', 'MR_small_RLE.dcm', 'rtdose.dcm', 'reportsi.dcm', 'MR_small_padded.dcm']
    const sealed: SealedImage[] = []
    for (const name of names) sealed.push(await site.seal(subjectNamed(name).bytes))
    const [ct] = sealed as [SealedImage]
    // A series that waits for its technologist has another shape.
    sealed.push(await site.seal(subjectNamed('CTImage.dcm').bytes, { isSeries: true }))
    for (const [i, { image, seal }] of sealed.entries()) {
      const before = await judge(image, seal)
      for (let k = 0; k < 12 * FLIPS; k++) {
        const position = roll(seal.length)
        const judged = await judge(image, flip(seal, position, roll(8)))
        assert.notEqual(judged?.verdict, 'authentic', `seal of ${names[i]}, offset ${position}`)
        if (before?.verdict === 'authentic') assert.ok(judged !== undefined, 'there is an image to judge')
      }
    }
    for (const cut of [0, 1, 2, ct.seal.length - 1]) {
      assert.equal((await judge(ct.image, ct.seal.subarray(0, cut)))?.verdict, 'not_authentic')
    }
  })
})
