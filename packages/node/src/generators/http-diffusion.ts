/**
 * HTTP diffusion: a Stable Diffusion server of one's own, such as AUTOMATIC1111's web UI, Forge or SD.Next with their API switched on.
 *
 * Source: POST /sdapi/v1/img2img and GET /sdapi/v1/sd-models as AUTOMATIC1111 documents them at /docs of the running server. It takes sides that
 * are multiples of 8.
 */
import type { Size } from '@fiducial/core/domain/attack/resize.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import type { PictureGenerator } from '../services/forge/ports.ts'
import { decodeBase64Picture, encodePicture, parseAnswer } from './picture-files.ts'
import { openService, type ServiceOptions } from './service-calls.ts'

export interface HttpDiffusionOptions extends ServiceOptions {
  /** Default: 30. */
  readonly steps?: number
  /** Longer side at which it draws, samples: 512 for Stable Diffusion 1, 1024 for SDXL. Default: 512. */
  readonly side?: number
  /** What not to draw. Default: nothing. */
  readonly negativePrompt?: string
  readonly codecs: Codecs
}

export interface HttpDiffusion extends PictureGenerator {
  /** Names of the models that it has. @throws {StoreError} as {@link PictureGenerator.regenerate} */
  checkHealth(signal?: AbortSignal): Promise<readonly string[]>
}

const STEPS = 30
const SIDE = 512
const GRID = 8

/** @throws {RangeError} as {@link openService} */
export function httpDiffusion(options: HttpDiffusionOptions): HttpDiffusion {
  const { steps = STEPS, side = SIDE, negativePrompt = '', codecs } = options
  const call = openService(options)
  return {
    name: 'http-diffusion img2img',
    sizeFor: (size) => fitSize(size, side),
    async regenerate({ picture, prompt, strength, seed, signal }) {
      const body = {
        ...{ init_images: [Buffer.from(encodePicture(picture)).toString('base64')], prompt },
        ...{ negative_prompt: negativePrompt, denoising_strength: strength, seed, steps },
        ...{ width: picture.width, height: picture.height, batch_size: 1, n_iter: 1 },
      }
      const path = '/sdapi/v1/img2img'
      const { images } = parseAnswer(
        await call({ method: 'POST', path, body, ...(signal !== undefined && { signal }) }),
      )
      return decodeBase64Picture(Array.isArray(images) ? images[0] : undefined, codecs)
    },
    async checkHealth(signal) {
      const models = parseAnswer(
        await call({ method: 'GET', path: '/sdapi/v1/sd-models', ...(signal !== undefined && { signal }) }),
      )
      const named = Array.isArray(models) ? (models as readonly { readonly model_name?: unknown }[]) : []
      return named.flatMap((model) => (typeof model?.model_name === 'string' ? [model.model_name] : []))
    },
  }
}

/** The same proportions with the longer side as asked, both sides multiples of 8. */
function fitSize({ width, height }: Size, side: number): Size {
  const scale = side / Math.max(width, height)
  const fit = (length: number): number => Math.max(GRID, Math.round((length * scale) / GRID) * GRID)
  return { width: fit(width), height: fit(height) }
}
