/**
 * Mark images: what of the shared data a mark is measured on.
 *
 * Every image whose shorter side has 250 pixels or more and that was not compressed with loss, frame 0, grey or colour; the same
 * pixels only once, whatever the file around them. Images are split by a hash of their name (of the patient, for chest
 * X-rays) into those that parameters may be chosen on and those that figures are reported on.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { openPixels } from '../packages/node/src/services/open-pixels.ts'
import { loadWasm } from '../packages/node/src/storage/wasm.ts'
import { sharedFiles } from '../packages/node/src/testing/shared-files.ts'

const { decode: decodePng } = createRequire(join(import.meta.dirname, '../packages/node/package.json'))('fast-png')

/** The least shorter side that chips are offered for. */
const LEAST_SIDE = 250

export interface MarkImage {
  readonly name: string
  /** CXR stands for a chest X-ray of 8 bits from a collection, RGB for colour of any kind; else the modality of the file. */
  readonly modality: string
  /** Frame 0: 1 plane, or 3. */
  readonly planes: readonly Plane[]
  /** Stored values (canonical) shown as 0 and 255, in every way in which the image is expected to be looked at. At least one. */
  readonly views: readonly (readonly [low: number, high: number])[]
  /** Parameters may be chosen on it; else figures are reported on it. */
  readonly isForTuning: boolean
}

export interface ImageChoice {
  /** Chest X-rays of the collection at most; they are spread evenly over it. */
  readonly chestXrays: number
  readonly split?: 'tuning' | 'held-out' | 'all'
}

/** One after another, chest X-rays first. */
export async function* markImages({ chestXrays, split = 'all' }: ImageChoice): AsyncGenerator<MarkImage> {
  const isWanted = ({ isForTuning }: { readonly isForTuning: boolean }): boolean =>
    split === 'all' || isForTuning === (split === 'tuning')
  const xrays = sharedFiles('data/cxr/real/nih-chestxray14')
    .filter(({ name }) => name.endsWith('.png'))
    .map((file) => ({ ...file, isForTuning: isTuningName(basename(file.name).slice(0, 8)) }))
    .filter(isWanted)
  const step = Math.max(1, xrays.length / chestXrays)
  for (let i = 0; i < xrays.length && i / step < chestXrays; i += step) {
    const file = xrays[Math.floor(i)]
    const image = file === undefined ? undefined : openPng(file.path, file.isForTuning)
    if (image !== undefined) yield image
  }
  const seen = new Set<string>()
  for (const folder of ['data/dicom', 'data/ct/real']) {
    for (const { path, name } of sharedFiles(folder)) {
      const image = await openDicom(path, name)
      if (image === undefined) continue
      const digest = digestOf(image)
      if (seen.has(digest) || !isWanted(image)) continue
      seen.add(digest)
      yield image
    }
  }
}

/** The picture that a view shows: 8 bits, colour as its luma (Rec. ITU-R BT.601), rounded. */
export function renderView(planes: readonly Plane[], [low, high]: readonly [number, number]): Picture {
  const [red, green, blue] = planes as readonly [Plane, Plane?, Plane?]
  const gain = 255 / (high - low)
  const show = (value: number): number => Math.max(0, Math.min(255, (value - low) * gain))
  const samples = Uint8Array.from(red.samples, (value, i) =>
    green === undefined || blue === undefined
      ? show(value) + 0.5
      : 0.299 * show(value) + 0.587 * show(green.samples[i] as number) + 0.114 * show(blue.samples[i] as number) + 0.5,
  )
  return { width: red.width, height: red.height, samples }
}

function openPng(path: string, isForTuning: boolean): MarkImage | undefined {
  const { width, height, channels, depth, data } = decodePng(readFileSync(path))
  if (channels !== 1 || depth !== 8) return undefined
  const plane = { width, height, bits: 8, samples: Uint16Array.from(data as Uint8Array) }
  return { name: basename(path), modality: 'CXR', planes: [plane], views: [[0, 255]], isForTuning }
}

const means = { codecs: createCodecs(loadWasm), encoders: createEncoders(loadWasm) }

async function openDicom(path: string, name: string): Promise<MarkImage | undefined> {
  try {
    const file = parseDicom(memorySource(new Uint8Array(readFileSync(path))))
    const pixels = await openPixels(file, means)
    if (Math.min(pixels.width, pixels.height) < LEAST_SIDE || pixels.isLossy) return undefined
    const planes = pixels.read(0).map((plane) => ({ ...plane, samples: plane.samples.slice() }))
    const modality = pixels.components === 3 ? 'RGB' : (textAt(file.dataSet, 0x00080060) ?? 'OT').trim()
    const asked = pixels.windows.map(({ low, high }) => [low, high] as const).filter((view) => shows(planes, view))
    const views = asked.length > 0 ? asked : [ownView(planes)]
    return views[0] === undefined || views[0][1] <= views[0][0]
      ? undefined
      : { name: basename(name), modality, planes, views, isForTuning: isTuningName(basename(name)) }
  } catch {
    return undefined // No image, damaged on purpose, or of a kind that carries no mark.
  }
}

/** A window through which a tenth of the samples or more are neither black nor white. */
function shows([plane]: readonly Plane[], [low, high]: readonly [number, number]): boolean {
  if (plane === undefined) return false
  const inside = plane.samples.reduce((count, value) => count + (value > low && value < high ? 1 : 0), 0)
  return inside > plane.samples.length / 10
}

/** From 0.5 % to 99.5 % of the values, or all of 8 bits. */
function ownView(planes: readonly Plane[]): readonly [number, number] {
  const [plane] = planes
  if (plane === undefined || plane.bits <= 8) return [0, 255]
  const sorted = plane.samples.slice().sort()
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number
  return [at(0.005), at(0.995)]
}

function isTuningName(name: string): boolean {
  return (createHash('sha256').update(name).digest()[0] as number) % 2 === 0
}

function digestOf({ planes }: MarkImage): string {
  const hash = createHash('sha256')
  for (const { width, height, samples } of planes) hash.update(`${width} ${height} `).update(samples)
  return hash.digest('hex')
}
