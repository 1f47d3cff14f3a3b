/**
 * Picture files: what generators take and give, as grey pictures of eight bits.
 *
 * PNG goes out, three times the same plane, since services expect colour; PNG or JPEG comes in. An answer is read by the readers that everything
 * else here is read by, and refused where they refuse.
 */
import { createPicture, type Picture, toByte } from '@fiducial/core/domain/attack/picture.ts'
import { isJpeg, openJpeg } from '@fiducial/core/domain/pixels/jpeg-picture.ts'
import type { Picture as Decoded } from '@fiducial/core/domain/pixels/picture-pixels.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import { parseJpeg } from '@fiducial/core/formats/codec/jpeg-stream.ts'
import { encode } from 'fast-png'
import { isPng, openPng } from '../storage/mark/png-file.ts'
import { refused } from './service-calls.ts'

/** Of an answer; the largest that services draw today have 16 million. */
const PIXEL_LIMIT = 2 ** 25

export function encodePicture({ width, height, samples }: Picture): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(samples.length * 3)
  for (let i = 0; i < samples.length; i++) data.fill(samples[i] as number, 3 * i, 3 * i + 3)
  return new Uint8Array(encode({ width, height, data, depth: 8, channels: 3 }))
}

/** @throws {StoreError} `service_refused` for what is no picture */
export async function decodePicture(bytes: Uint8Array, codecs: Codecs): Promise<Picture> {
  try {
    if (isPng(bytes)) {
      checkSize(sizeOfPng(bytes))
      return greyOf(openPng(bytes).picture)
    }
    if (isJpeg(bytes)) {
      checkSize(parseJpeg(bytes).frame)
      return greyOf(await openJpeg(bytes, codecs))
    }
  } catch (cause) {
    if (cause instanceof FormatError) throw refused('the answer is no picture that can be read', cause)
    throw cause
  }
  throw refused('the answer is no PNG and no JPEG picture')
}

/** The picture in an answer's base64, with or without a data address in front. @throws {StoreError} `service_refused` */
export async function decodeBase64Picture(text: unknown, codecs: Codecs): Promise<Picture> {
  if (typeof text !== 'string') throw refused('the answer has no picture')
  return decodePicture(Buffer.from(text.replace(/^data:image\/[a-z]+;base64,/, ''), 'base64'), codecs)
}

/** @throws {StoreError} `service_refused` for what is no JSON object */
export function parseAnswer(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (cause) {
    throw refused('the answer is no JSON', cause)
  }
  throw refused('the answer is no JSON object')
}

/** A small file may ask for memory without end. */
function checkSize({ rows, columns }: { readonly rows: number; readonly columns: number }): void {
  if (rows * columns > PIXEL_LIMIT) throw refused(`a picture of more than ${PIXEL_LIMIT} pixels`)
}

/** As its first chunk says, whether or not that is well-formed. */
function sizeOfPng(bytes: Uint8Array): { readonly rows: number; readonly columns: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return bytes.length < 24 ? { rows: 0, columns: 0 } : { columns: view.getUint32(16), rows: view.getUint32(20) }
}

/** The mean of the colours, the upper byte of 16 bits; opacity is left out. */
function greyOf({ width, height, depth, channels, bytes }: Decoded): Picture {
  const picture = createPicture(width, height)
  const [size, colours] = [depth / 8, channels < 3 ? 1 : 3]
  for (let i = 0; i < picture.samples.length; i++) {
    let sum = 0
    for (let k = 0; k < colours; k++) sum += bytes[(i * channels + k) * size + size - 1] as number
    picture.samples[i] = toByte(sum / colours)
  }
  return picture
}
