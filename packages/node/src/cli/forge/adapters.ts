/** Adapters: what the commands of the forge need from storage, and the pictures of generators that run elsewhere. */
import type { TogetherFile } from '../../services/forge/together.ts'

export interface ForgeAdapters {
  /** Of this program, for what is written beside forgeries. */
  readonly version: string
  /** A PNG file with words in it. @throws {FormatError} `picture_malformed` */
  addPngTexts(
    file: Uint8Array,
    texts: readonly { readonly keyword: string; readonly text: string }[],
  ): Promise<Uint8Array>
  /** All of the files or none; their folders are made, the last one appears last. @throws {StoreError} `output_exists`, `output_unwritable` */
  writeTogether(files: readonly TogetherFile[], isOverwriting: boolean): Promise<void>
}
