/**
 * OpenAI images: a generator behind the images API of OpenAI, or of a server that speaks it.
 *
 * Source: OpenAI API reference, "Images": POST /v1/images/edits (multipart) and /v1/images/generations (JSON). There is no strength and no seed:
 * both are passed over, and the same wish gives another picture each time. Pictures by address are fetched from the same host only.
 */
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import type { Size } from '@fiducial/core/domain/attack/resize.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import type { PictureGenerator } from '../services/forge/ports.ts'
import { decodeBase64Picture, decodePicture, encodePicture, parseAnswer } from './picture-files.ts'
import { type CallService, openService, refused, type ServiceOptions } from './service-calls.ts'

export interface OpenaiImagesOptions extends ServiceOptions {
  /** Such as `gpt-image-1`. */
  readonly model: string
  /** `edit` begins with the picture; `generate` draws from the words alone, and is aligned with nothing. Default: `edit`. */
  readonly way?: 'edit' | 'generate'
  /** What the model can draw. Default: the three sizes of gpt-image-1. */
  readonly sizes?: readonly Size[]
  readonly codecs: Codecs
}

const SIZES: readonly Size[] = [
  { width: 1024, height: 1024 },
  { width: 1536, height: 1024 },
  { width: 1024, height: 1536 },
]
/** Models that always answer in base64, and refuse to be asked for it. */
const BASE64_ONLY = /^gpt-image|^chatgpt-image/

/** @throws {RangeError} as {@link openService} */
export function openaiImages(options: OpenaiImagesOptions): PictureGenerator {
  const { model, way = 'edit', sizes = SIZES, codecs } = options
  // People copy the root with or without the version.
  const call = openService({ ...options, url: options.url.replace(/\/v1\/?$/, '') })
  return {
    name: `openai-images ${model}`,
    sizeFor: (size) => nearestSize(size, sizes),
    async regenerate({ picture, prompt, signal }) {
      const { width, height } = picture
      const fields = {
        ...{ model, prompt, n: 1, size: `${width}x${height}` },
        ...(BASE64_ONLY.test(model) ? {} : { response_format: 'b64_json' }),
      }
      const body = way === 'generate' ? fields : formOf(fields, picture)
      const path = way === 'generate' ? '/v1/images/generations' : '/v1/images/edits'
      const bytes = await call({ method: 'POST', path, body, ...(signal !== undefined && { signal }) })
      return readImage(parseAnswer(bytes), { call, codecs, ...(signal !== undefined && { signal }) })
    },
  }
}

/** The size whose sides are most alike in proportion, the first of several. */
function nearestSize({ width, height }: Size, sizes: readonly Size[]): Size {
  const off = (size: Size): number => Math.abs(Math.log((size.width * height) / (size.height * width)))
  return sizes.reduce((best, size) => (off(size) < off(best) ? size : best))
}

function formOf(fields: Readonly<Record<string, string | number>>, picture: Picture): FormData {
  const form = new FormData()
  form.set('image', new Blob([encodePicture(picture)], { type: 'image/png' }), 'image.png')
  for (const [name, value] of Object.entries(fields)) form.set(name, String(value))
  return form
}

interface Reading {
  readonly call: CallService
  readonly codecs: Codecs
  readonly signal?: AbortSignal
}

async function readImage({ data }: Readonly<Record<string, unknown>>, { call, codecs, signal }: Reading) {
  const [first] = Array.isArray(data)
    ? (data as readonly { readonly b64_json?: unknown; readonly url?: unknown }[])
    : []
  if (typeof first?.url === 'string' && first.b64_json == null) {
    if (first.url.startsWith('/')) throw refused('the address of the picture is not whole')
    const bytes = await call({ method: 'GET', path: first.url, ...(signal !== undefined && { signal }) })
    return decodePicture(bytes, codecs)
  }
  return decodeBase64Picture(first?.b64_json, codecs)
}
