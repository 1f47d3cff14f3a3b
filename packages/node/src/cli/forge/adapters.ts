/** Adapters: what the commands of the forge need from storage, and the pictures of generators that run elsewhere. */

import type { PictureGenerator } from '../../services/forge/ports.ts'
import type { TogetherFile } from '../../services/forge/together.ts'
import type { PixelMeans } from '../../services/open-pixels.ts'

/** Which API a generator speaks: that of OpenAI's images, or that of Stable Diffusion web UIs. */
export type GeneratorApi = 'openai' | 'sdapi'

/** What is opened for a run. */
export interface GeneratorOrder {
  readonly api: GeneratorApi
  readonly url: string
  readonly model?: string
  /** Secret. */
  readonly token?: string
}

export interface ForgeAdapters {
  /** Of this program, for what is written beside forgeries. */
  readonly version: string
  /** A PNG file with words in it. @throws {FormatError} `picture_malformed` */
  addPngTexts(
    file: Uint8Array,
    texts: readonly { readonly keyword: string; readonly text: string }[],
  ): Promise<Uint8Array>
  /** @throws {UsageError} for an address at which no generator is spoken to */
  openGenerator(order: GeneratorOrder, means: PixelMeans): Promise<PictureGenerator>
  /** All of the files or none; their folders are made, the last one appears last. @throws {StoreError} `output_exists`, `output_unwritable` */
  writeTogether(files: readonly TogetherFile[], isOverwriting: boolean): Promise<void>
}
