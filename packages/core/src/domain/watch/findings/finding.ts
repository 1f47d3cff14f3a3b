/**
 * Finding: something that a diagnostic model, or a person, marked in a picture, whatever file or service it came from.
 *
 * Places are in samples of the stored picture, columns to the right and rows down; 0, 0 is the upper left corner of the upper left sample, as
 * PS3.3 section C.18.6.1.1 counts.
 */
import { FormatError } from '../../../errors.ts'
import type { NormalPlane, SourceBox } from '../normal-plane.ts'

export type FindingRegion =
  | {
      readonly kind: 'box'
      readonly left: number
      readonly top: number
      readonly right: number
      readonly bottom: number
    }
  | { readonly kind: 'circle'; readonly x: number; readonly y: number; readonly radius: number }
  | { readonly kind: 'point'; readonly x: number; readonly y: number }

export interface Finding {
  readonly region: FindingRegion
  /** What was found, in the words of whoever found it; at most {@link LABEL_LIMIT} characters, none of them a control character. */
  readonly label: string
  /** How sure it is, 0 to 1; null where nobody says. */
  readonly score: number | null
  /** From 0. */
  readonly frame: number
}

/** Most findings of one picture; a model that marks more has failed. */
export const FINDING_LIMIT = 1000
export const LABEL_LIMIT = 64
/** Largest row or column: Rows and Columns are 16-bit numbers. */
export const COORDINATE_LIMIT = 65535
/** A point stands for a square of this half side, in samples of the normal plane. */
const POINT_REACH = 16

/** @throws {FormatError} `findings_malformed` */
export function refuseFindings(problem: string): FormatError {
  return new FormatError('findings_malformed', problem)
}

/** A label that is safe to show: control characters become spaces, what is too long is cut; `finding` for an empty one. */
export function cleanLabel(text: string): string {
  const printable = Array.from(text, (character) => (character < ' ' || character === '\u007f' ? ' ' : character))
  return printable.slice(0, LABEL_LIMIT).join('').trim() || 'finding'
}

/** The smallest box around a region, in samples of the picture; a point gives an empty one. */
export function boxOfRegion(region: FindingRegion): SourceBox {
  if (region.kind === 'box') return { left: region.left, top: region.top, right: region.right, bottom: region.bottom }
  const reach = region.kind === 'circle' ? region.radius : 0
  return { left: region.x - reach, top: region.y - reach, right: region.x + reach, bottom: region.y + reach }
}

/** The box of a finding in samples of the normal plane, whole numbers, kept inside; null where it lies outside of what was kept. */
export function placeFinding({ region }: Finding, { width, height, crop, shrink }: NormalPlane): SourceBox | null {
  const { left, top, right, bottom } = boxOfRegion(region)
  const reach = region.kind === 'point' ? POINT_REACH : 0
  const box = {
    left: Math.max(0, Math.floor((left - crop.left) / shrink) - reach),
    top: Math.max(0, Math.floor((top - crop.top) / shrink) - reach),
    right: Math.min(width, Math.ceil((right - crop.left) / shrink) + reach),
    bottom: Math.min(height, Math.ceil((bottom - crop.top) / shrink) + reach),
  }
  return box.right > box.left && box.bottom > box.top ? box : null
}
