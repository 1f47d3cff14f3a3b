/** Pictures of the demonstration: each kind of image, and for each forgery that can be seen, before, after and where. */
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { maskShown, type Shown, showImage } from '@fiducial/core/domain/forge/show.ts'
import { composeChange } from '@fiducial/core/formats/picture/change.ts'
import { type Raster, rasterOfGrey, shrinkRaster } from '@fiducial/core/formats/picture/raster.ts'

const PREVIEW_COLUMNS = 560

/** A genuine image, made smaller to look at. */
export function drawPreview(file: Uint8Array): Raster {
  const { grey, columns, rows } = showImage(file)
  return shrinkRaster(rasterOfGrey(grey, columns, rows), Math.max(1, Math.ceil(columns / PREVIEW_COLUMNS)))
}

/** Before and after; undefined where both look the same and hold the same values. */
export function drawForgery(before: Shown, forged: Uint8Array): Raster | undefined {
  const after = showImage(forged)
  const mask = maskShown(before, after)
  if (mask.indexOf(1) < 0 && equalBytes(before.grey, after.grey)) return undefined
  const { columns, rows } = before
  return composeChange({
    columns,
    rows,
    before: before.grey,
    after: after.grey,
    mask,
    captions: ['DEMO: AS SEALED', 'DEMO: AS FORGED'],
  })
}
