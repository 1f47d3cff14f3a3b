/**
 * Shown: a picture as networks see it, from −1 (black) to 1 (white), and the way back to the host's values.
 */
import type { GreyView } from '../../pixels/grey-view.ts'
import type { Field } from '../field.ts'
import { toneRange } from '../tone-range.ts'

/** @param view  read through its window, or from 0.5 % to 99.5 % of its samples; what lies beyond is black or white */
export function showView(view: GreyView): Field {
  const { low, high } = toneRange(view)
  const samples = view.samples.map((value) => Math.min(1, Math.max(-1, (2 * (value - low)) / (high - low) - 1)))
  return { width: view.width, height: view.height, samples }
}

/**
 * The view's values with another picture in them: what lay beyond black and white stays as far beyond.
 * @param made  from −1 to 1; what is beyond is cut
 */
export function takeShown(view: GreyView, made: Field): Float32Array {
  const { low, high } = toneRange(view)
  const before = showView(view).samples
  const step = (high - low) / 2
  return view.samples.map((value, i) => {
    const beyond = value - (low + step * ((before[i] as number) + 1))
    const shown = Math.min(1, Math.max(-1, made.samples[i] as number))
    return low + step * (shown + 1) + (Math.abs(before[i] as number) < 1 ? 0 : beyond)
  })
}
