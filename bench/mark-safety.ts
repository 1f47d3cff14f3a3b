/**
 * What does a mark change in a picture, beside the noise that is there anyway?
 *
 *   node bench/mark-safety.ts [--images N] [--pictures DIR]
 *
 * Each image is marked with tiles, with chips and with both, as faint as by default for its kind. Noise is looked at block by block: 32 × 32
 * samples, those that are one value left out. With --pictures, before, after and 30 times the difference are drawn side by side.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import { chipLimitsOf } from '@fiducial/core/domain/mark/chip-limits.ts'
import { embedChips } from '@fiducial/core/domain/mark/chips/embed-chips.ts'
import { createTileCoder } from '@fiducial/core/domain/mark/kernel/mark-kernel.ts'
import { markFrame } from '@fiducial/core/domain/mark/mark-frame.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { encodePng } from '../packages/node/src/storage/png.ts'
import { psnr, ssim } from './likeness.ts'
import { publishReport } from './log-report.ts'
import { type MarkImage, markImages, renderView } from './mark-images.ts'
import { summarise } from './statistics.ts'

const { values: flags } = parseArgs({
  options: { images: { type: 'string', default: '20' }, pictures: { type: 'string' } },
})

/** What one way of marking does to one view of an image. */
interface Change {
  readonly image: string
  readonly modality: string
  readonly layers: Layers
  readonly storedPsnr: number
  readonly displayPsnr: number
  readonly ssim: number
  /** Stored values. */
  readonly maxChange: number
  /** Grey levels of the view. */
  readonly maxShown: number
  /** Largest change of each block over the deviation of its noise; 95 of 100 blocks are below. */
  readonly changeInNoise: number
  /** Power of the change over that of the noise, middle one of all blocks. */
  readonly addedPower: number
}

type Layers = 'tiles' | 'chips' | 'both'
const LAYERS: readonly Layers[] = ['tiles', 'chips', 'both']
const BLOCK = 32

const keyOf = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest())
const means = { hash: nativeCrypto.hash, createCoder: createTileCoder }
const changes: Change[] = []

for await (const image of markImages({ chestXrays: Number(flags.images) })) {
  for (const layers of LAYERS) {
    const marked = markWith(image, layers)
    if (marked === undefined) continue
    for (const [i, view] of image.views.entries()) {
      const before = renderView(image.planes, view)
      const after = renderView(marked, view)
      changes.push(compare(image, layers, marked, [before, after]))
      if (layers === 'both') draw(`${image.modality}-${image.name}-${i}`, before, after)
    }
  }
}
publish()

function markWith({ name, planes, views, modality }: MarkImage, layers: Layers): readonly Plane[] | undefined {
  const limits = chipLimitsOf({ bits: planes[0]?.bits ?? 8, modality })
  const recordId = keyOf(name).subarray(0, 8)
  const chips = { key: keyOf('bench: chips'), views: views.map(([low, high]) => [low, high] as const), limits }
  if (layers === 'chips') return embedChips(planes, { ...chips, id: recordId })?.planes
  const marked = markFrame(
    planes,
    {
      imageKey: keyOf(`image key of ${name}`),
      header: { recordId, volumeNonce: new Uint8Array(16), index: 0, count: 1, planes: planes.length },
      frame: 0,
      ...(layers === 'both' && { chips }),
      sign: () => new Uint8Array(64),
    },
    means,
  )
  return layers === 'both' && marked.report === undefined ? undefined : marked.planes
}

function compare(
  { name, modality, planes }: MarkImage,
  layers: Layers,
  marked: readonly Plane[],
  [before, after]: readonly [Picture, Picture],
): Change {
  const first = planes[0] as Plane
  const samples = (marked[0] as Plane).samples
  const noise = blocksOf(first, samples)
  return {
    ...{ image: name, modality, layers },
    storedPsnr: psnr(first.samples, samples, 2 ** first.bits - 1),
    displayPsnr: psnr(before.samples, after.samples, 255),
    ssim: ssim(before, after),
    maxChange: largest(first.samples, samples),
    maxShown: largest(before.samples, after.samples),
    changeInNoise: quantile(
      noise.map(({ inNoise }) => inNoise),
      0.95,
    ),
    addedPower: quantile(
      noise.map(({ added }) => added),
      0.5,
    ),
  }
}

function largest(first: ArrayLike<number>, second: ArrayLike<number>): number {
  let most = 0
  for (let i = 0; i < first.length; i++) most = Math.max(most, Math.abs((first[i] as number) - (second[i] as number)))
  return most
}

/** Change against noise in each block; noise is what a sample differs by from the mean of its four neighbours. */
function blocksOf(
  { width, height, samples }: Plane,
  marked: Uint16Array,
): { readonly inNoise: number; readonly added: number }[] {
  const found: { inNoise: number; added: number }[] = []
  for (let top = 1; top + BLOCK < height; top += BLOCK) {
    for (let left = 1; left + BLOCK < width; left += BLOCK) {
      let [noise, change, most] = [0, 0, 0]
      for (let y = top; y < top + BLOCK; y++) {
        for (let x = left; x < left + BLOCK; x++) {
          const at = y * width + x
          const own = samples[at] as number
          const around =
            (samples[at - 1] as number) +
            (samples[at + 1] as number) +
            (samples[at - width] as number) +
            (samples[at + width] as number)
          noise += (own - around / 4) ** 2
          const by = Math.abs((marked[at] as number) - own)
          change += by * by
          most = Math.max(most, by)
        }
      }
      // White noise of deviation s differs from the mean of four neighbours by s·√(5/4).
      const deviation = Math.sqrt(noise / (BLOCK * BLOCK) / 1.25)
      if (deviation === 0) continue
      found.push({ inNoise: most / deviation, added: change / (BLOCK * BLOCK) / deviation ** 2 })
    }
  }
  return found
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

function draw(name: string, before: Picture, after: Picture): void {
  if (flags.pictures === undefined) return
  const { width, height } = before
  const grey = new Uint8Array(3 * width * height)
  for (let i = 0; i < before.samples.length; i++) {
    const x = i % width
    const at = ((i - x) / width) * 3 * width + x
    const difference = 128 + 30 * ((after.samples[i] as number) - (before.samples[i] as number))
    grey[at] = before.samples[i] as number
    grey[at + width] = after.samples[i] as number
    grey[at + 2 * width] = Math.max(0, Math.min(255, difference))
  }
  mkdirSync(flags.pictures, { recursive: true })
  writeFileSync(join(flags.pictures, `${name}.png`), encodePng({ width: 3 * width, height, grey }))
}

function publish(): void {
  const modalities = [...new Set(changes.map(({ modality }) => modality))].sort()
  const spread = (list: readonly Change[], key: keyof Change, digits: number, factor = 1): string => {
    const values = list.map((change) => factor * (change[key] as number)).filter(Number.isFinite)
    if (values.length === 0) return ''
    const { median, lowest, highest } = summarise(values)
    return `${median.toFixed(digits)} (${lowest.toFixed(digits)}–${highest.toFixed(digits)})`
  }
  const both = changes.filter(({ layers }) => layers === 'both')
  const lowest = (list: readonly Change[], key: 'storedPsnr' | 'displayPsnr') =>
    Math.min(...list.map((change) => change[key]))
  const aimOf = (aim: string, list: readonly Change[], key: 'storedPsnr' | 'displayPsnr', least: number) => ({
    aim,
    found:
      list.length === 0
        ? 'no image'
        : `${lowest(list, key).toFixed(1)} dB at least, ${new Set(list.map(({ image }) => image)).size} images`,
    isMet: list.length > 0 && lowest(list, key) >= least,
  })
  const chips = changes.filter(({ layers }) => layers === 'chips')
  publishReport({
    name: 'mark-safety',
    question: 'What does a mark change in a picture, beside the noise that is there anyway?',
    input: `${new Set(changes.map(({ image }) => image)).size} images of the shared data with a shorter side of 250 pixels or more, ${flags.images} chest X-rays at most, in every view in which they are expected to be shown; median (lowest–highest)`,
    aims: [
      aimOf('chips: display PSNR of 48 dB in every view', chips, 'displayPsnr', 48),
      aimOf(
        'chips: stored PSNR of 55 dB, chest X-rays of 8 bits',
        chips.filter(({ modality }) => modality === 'CXR'),
        'storedPsnr',
        55,
      ),
      aimOf(
        'chips: stored PSNR of 46 dB, ultrasound',
        chips.filter(({ modality }) => modality === 'US'),
        'storedPsnr',
        46,
      ),
      aimOf(
        'chips: stored PSNR of 62 dB, CR, CT, MR',
        chips.filter(({ modality }) => /^(CR|CT|MR)$/.test(modality)),
        'storedPsnr',
        62,
      ),
      {
        aim: 'both: SSIM of 0.99 in every view',
        found: Math.min(...both.map((change) => change.ssim)).toFixed(4),
        isMet: both.every((change) => change.ssim >= 0.99),
      },
    ],
    tables: LAYERS.map((layers) => ({
      title: layers === 'both' ? 'Both layers' : `${layers[0]?.toUpperCase()}${layers.slice(1)} alone`,
      columns: [
        'modality',
        'views',
        'stored PSNR, dB',
        'display PSNR, dB',
        'SSIM',
        'largest change',
        'grey levels shown',
        'in σ of noise, 95 % of blocks',
        'power added to noise, %',
      ],
      rows: modalities.map((modality) => {
        const of = changes.filter((change) => change.layers === layers && change.modality === modality)
        return [
          modality,
          of.length,
          spread(of, 'storedPsnr', 1),
          spread(of, 'displayPsnr', 1),
          spread(of, 'ssim', 4),
          spread(of, 'maxChange', 0),
          spread(of, 'maxShown', 0),
          spread(of, 'changeInNoise', 2),
          spread(of, 'addedPower', 1, 100),
        ]
      }),
    })),
    remarks: [
      'Noise is what samples differ by from the mean of their neighbours, which edges are part of; power added is that of all of the change, whatever its frequency, over that noise, in the middle one of the blocks of an image.',
      'None of these figures says anything of diagnosis. The image without the mark is one command away, to the bit.',
    ],
    measurements: changes,
  })
}
