/** Together: the files of one forgery, which appear together or not at all. */
import type { Raster } from '@fiducial/core/formats/picture/raster.ts'

/** One of several files that appear together. */
export type TogetherFile =
  | { readonly path: string; readonly bytes: Uint8Array }
  | { readonly path: string; readonly picture: Raster }
  /** One byte a sample. */
  | { readonly path: string; readonly grey: Uint8Array; readonly width: number; readonly height: number }
