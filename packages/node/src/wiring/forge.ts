/** Forge: what forgeries are written with on this machine, and the generators of others that are asked. */
import { httpDiffusion } from '../generators/http-diffusion.ts'
import { openaiImages } from '../generators/openai-images.ts'
import type { PictureGenerator } from '../services/forge/ports.ts'
import type { TogetherFile } from '../services/forge/together.ts'
import type { PixelMeans } from '../services/open-pixels.ts'
import { encodePng } from '../storage/png.ts'
import { writeGroup } from '../storage/write-group.ts'

const MODEL = 'gpt-image-1'

/** Files that appear together or not at all, pictures as PNG. @throws {StoreError} `output_exists`, `output_unwritable` */
export function writeTogether(files: readonly TogetherFile[], isOverwriting: boolean): void {
  const encoded = files.map((file) => ({ path: file.path, bytes: 'bytes' in file ? file.bytes : encode(file) }))
  writeGroup(encoded, isOverwriting)
}

const encode = (file: Exclude<TogetherFile, { bytes: Uint8Array }>): Uint8Array =>
  encodePng('picture' in file ? file.picture : file)

export interface GeneratorPlace {
  readonly api: 'openai' | 'sdapi'
  readonly url: string
  readonly model?: string
  /** Secret. */
  readonly token?: string
}

/** @throws {RangeError} for an address that is none, or that would send pictures in the open */
export function openGenerator(
  { api, url, model = MODEL, token }: GeneratorPlace,
  { codecs }: PixelMeans,
): PictureGenerator {
  const service = { url, codecs, ...(token !== undefined && { authorization: async () => `Bearer ${token}` }) }
  return api === 'openai' ? openaiImages({ ...service, model }) : httpDiffusion(service)
}
