/** Render: the parameters of a request for a picture. Source: PS3.18 section 8.3.5. */
import type { PictureOrder, ViewWindow } from '@fiducial/core/domain/view/render-frame.ts'
import { FormatError } from '@fiducial/core/errors.ts'

/** `center,width` or `center,width,linear`. @throws {FormatError} `query_malformed` */
export function parseWindow(text: string): ViewWindow {
  const [, center, width, rule] = /^(-?\d{1,9}(?:\.\d{1,9})?),(\d{1,9}(?:\.\d{1,9})?)(?:,([a-z-]+))?$/.exec(text) ?? []
  if (center === undefined || Number(width) < 1) throw new FormatError('query_malformed', 'not a window')
  if (rule !== undefined && rule !== 'linear') throw new FormatError('query_malformed', 'only linear windows are known')
  return { center: Number(center), width: Number(width) }
}

/** `width,height`. @throws {FormatError} `query_malformed` */
export function parseViewport(text: string): NonNullable<PictureOrder['largest']> {
  const [, width, height] = /^([1-9]\d{0,4}),([1-9]\d{0,4})$/.exec(text) ?? []
  if (width === undefined) throw new FormatError('query_malformed', 'not a viewport')
  return { width: Number(width), height: Number(height) }
}
