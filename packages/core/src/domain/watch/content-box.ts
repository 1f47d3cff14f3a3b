/**
 * Content box: what is left of a picture when flat borders are cut: padding, shutters of a collimator, frames of a screen.
 *
 * A row or column is border where nearly all of it has one value; letters burned into it do not save it. Known flaw: a shutter that
 * is round or slanted leaves corners, which the mask of usable samples takes out.
 */
import type { GreyView } from '../pixels/grey-view.ts'
import type { SourceBox } from './normal-plane.ts'

/** Share of the range of values by which a flat border may vary. */
const TOLERANCE = 0.015
/** Share of a border's samples that may be something else. */
const OTHERS = 0.02
/** Frames within frames. */
const ROUNDS = 4

/** @returns undefined for a picture of one value, or that is border throughout */
export function findContent(view: GreyView): SourceBox | undefined {
  const tolerance = TOLERANCE * rangeOf(view.samples)
  if (!(tolerance > 0)) return undefined
  let box = { left: 0, top: 0, right: view.width, bottom: view.height }
  for (let round = 0; round < ROUNDS; round++) {
    const cut = cutColumns(view, cutRows(view, box, tolerance), tolerance)
    if (cut.right - cut.left < 2 || cut.bottom - cut.top < 2) return undefined
    const isDone = cut.left === box.left && cut.top === box.top && cut.right === box.right && cut.bottom === box.bottom
    box = cut
    if (isDone) break
  }
  return box
}

function cutRows(view: GreyView, { left, right, ...box }: SourceBox, tolerance: number): SourceBox {
  const line = { count: right - left, step: 1, tolerance }
  let { top, bottom } = box
  while (top < bottom && isFlat(view.samples, { ...line, from: top * view.width + left })) top++
  while (bottom > top && isFlat(view.samples, { ...line, from: (bottom - 1) * view.width + left })) bottom--
  return { left, top, right, bottom }
}

function cutColumns(view: GreyView, { top, bottom, ...box }: SourceBox, tolerance: number): SourceBox {
  const line = { count: bottom - top, step: view.width, tolerance }
  let { left, right } = box
  while (left < right && isFlat(view.samples, { ...line, from: top * view.width + left })) left++
  while (right > left && isFlat(view.samples, { ...line, from: top * view.width + right - 1 })) right--
  return { left, top, right, bottom }
}

interface Line {
  readonly from: number
  readonly count: number
  readonly step: number
  readonly tolerance: number
}

/** Whether nearly all samples lie close to the one in the middle, or to the first: one of the two is no letter. */
function isFlat(samples: Float32Array, { from, count, step, tolerance }: Line): boolean {
  const middle = samples[from + (count >> 1) * step] as number
  const first = samples[from] as number
  const allowed = OTHERS * count
  let offMiddle = 0
  let offFirst = 0
  for (let i = 0, at = from; i < count; i++, at += step) {
    const value = samples[at] as number
    if (value > middle + tolerance || value < middle - tolerance) offMiddle++
    if (value > first + tolerance || value < first - tolerance) offFirst++
    if (offMiddle > allowed && offFirst > allowed) return false
  }
  return true
}

function rangeOf(samples: Float32Array): number {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i] as number
    if (value < least) least = value
    if (value > most) most = value
  }
  return most - least
}
