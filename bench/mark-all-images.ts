/**
 * Mark all images: every image of the shared data that tiles can be put into, of any size, with the kind of sensor it comes from.
 *
 * DICOM files whose frames can be had without loss, chest X-rays in PNG, and LiDAR fields, which lie as PNG inside OSF recordings.
 * The same pixels in another transfer syntax count once. What chips are measured on is in mark-images.ts.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { checkMarkable, type ImagePixels, type Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { openPicturePixels } from '@fiducial/core/domain/pixels/picture-pixels.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { openPixels } from '../packages/node/src/services/open-pixels.ts'
import { loadWasm } from '../packages/node/src/storage/wasm.ts'
import { type SharedFile, sharedFiles } from '../packages/node/src/testing/shared-files.ts'

const { decode } = createRequire(join(import.meta.dirname, '../packages/node/package.json'))('fast-png')

export interface AnyImage {
  readonly name: string
  /** CR, CT, MR, US …; `chest X-ray` for pictures of such, `LiDAR`, `colour` for whatever has three components. */
  readonly kind: string
  readonly pixels: ImagePixels
}

/** An image, or why there is none. */
export type Found = AnyImage | { readonly name: string; readonly refusal: string }

const means = { codecs: createCodecs(loadWasm), encoders: createEncoders(loadWasm) }
const PNG_START = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** @param pictures  chest X-rays to take of each folder at most, spread evenly over it */
export async function* allImages(pictures: number): AsyncGenerator<Found> {
  const seen = new Set<string>()
  for await (const found of findAll(pictures)) {
    const digest = 'pixels' in found ? digestOf(found.pixels) : undefined
    if (!('pixels' in found)) yield found
    else if (digest === undefined) yield { name: found.name, refusal: 'frames cannot be read' }
    else if (!seen.has(digest)) yield found
    if (digest !== undefined) seen.add(digest)
  }
}

async function* findAll(pictures: number): AsyncGenerator<Found> {
  for (const folder of ['data/dicom', 'data/ct/real']) {
    for (const file of sharedFiles(folder)) yield await openDicom(file)
  }
  for (const folder of ['data/cxr/real/nih-chestxray14', 'data/cxr/real/nih-chestxray14-512']) {
    const files = sharedFiles(folder).filter(({ name }) => name.endsWith('.png'))
    const step = Math.max(1, files.length / pictures)
    for (let at = 0; at < files.length; at += step) {
      const { name, path } = files[Math.floor(at)] as SharedFile
      yield openPng(name, 'chest X-ray', readFileSync(path))
    }
  }
  for (const file of sharedFiles('data/robot/ouster/osfs')) yield* openOsf(file)
}

async function openDicom({ name, path }: SharedFile): Promise<Found> {
  try {
    const file = parseDicom(memorySource(new Uint8Array(readFileSync(path))))
    const pixels = await openPixels(file, means)
    checkMarkable(pixels)
    const modality = textAt(file.dataSet, 0x00080060) ?? ''
    return { name, kind: pixels.components === 3 ? 'colour' : modality || 'other', pixels }
  } catch (error) {
    return refuse(name, error)
  }
}

function openPng(name: string, kind: string, bytes: Uint8Array): Found {
  try {
    const { width, height, depth, channels, data } = decode(bytes)
    const samples = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const pixels = openPicturePixels({ width, height, depth, channels, bytes: samples, isLossy: false }, () => [])
    checkMarkable(pixels)
    return { name, kind: pixels.components === 3 ? 'colour' : kind, pixels }
  } catch (error) {
    return refuse(name, error)
  }
}

/** Grey fields: signal, near infrared, reflectivity. */
function* openOsf({ name, path }: SharedFile): Generator<Found> {
  const bytes = readFileSync(path)
  for (let at = bytes.indexOf(PNG_START); at >= 0; at = bytes.indexOf(PNG_START, at + 1)) {
    const end = bytes.indexOf('IEND', at) + 8
    const isGrey = bytes[at + 25] === 0
    if (isGrey && end > at) yield openPng(`${name} at ${at}`, 'LiDAR', new Uint8Array(bytes.subarray(at, end)))
  }
}

function refuse(name: string, error: unknown): Found {
  if (error instanceof FormatError) return { name, refusal: error.code }
  if (error instanceof Error) return { name, refusal: 'not a picture' }
  throw error
}

/** Of the first frame, which tells images apart. */
function digestOf(pixels: ImagePixels): string | undefined {
  let planes: Planes
  try {
    planes = pixels.read(0)
  } catch {
    return undefined
  }
  const hash = createHash('sha256')
  for (const { samples } of planes) hash.update(samples)
  return `${pixels.width} ${pixels.height} ${pixels.bits} ${hash.digest('hex')}`
}
