/**
 * Ray: what one ray meets on its way, as stretches of tissue painted over each other.
 *
 * Places on the ray run from 0, the source, to 1, the detector.
 */
import type { Mixture } from './materials.ts'
import { CHANNELS } from './materials.ts'

/** One ray as stretches of tissue: a later coat covers an earlier one, and each layer books what it changed. */
export class Ray {
  /** Layer × channel. */
  readonly sums: Float64Array
  private readonly fills: readonly Mixture[]
  private readonly starts: Float64Array
  private readonly tissues: Int16Array
  private count = 1

  constructor(fills: readonly Mixture[], layerCount: number) {
    this.fills = fills
    // Every coat adds at most two stretches.
    this.starts = new Float64Array(2 * fills.length + 1)
    this.tissues = new Int16Array(2 * fills.length + 1)
    this.sums = new Float64Array(layerCount * CHANNELS.length)
  }

  /** Nothing but air from source to detector. */
  clear(): void {
    this.sums.fill(0)
    this.count = 1
    this.starts[0] = 0
    this.tissues[0] = -1
  }

  /** A stretch of one tissue, by its place in the list of fills; 0 ≤ start < end ≤ 1. */
  paint(start: number, end: number, tissue: number, layer: number): void {
    const { starts, tissues } = this
    let first = this.count - 1
    while (first > 0 && (starts[first] as number) > start) first--
    let last = first
    while (last + 1 < this.count && (starts[last + 1] as number) < end) last++
    for (let i = first; i <= last; i++) {
      const from = Math.max(start, starts[i] as number)
      const to = Math.min(end, i + 1 < this.count ? (starts[i + 1] as number) : 1)
      this.book(tissues[i] as number, from - to, layer)
    }
    this.book(tissue, end - start, layer)
    // What is left of the last stretch behind the new one.
    const rest = tissues[last] as number
    const keepsFirst = (starts[first] as number) < start ? 1 : 0
    const endOfLast = last + 1 < this.count ? (starts[last + 1] as number) : 1
    const keepsRest = endOfLast > end ? 1 : 0
    const shift = first + keepsFirst + 1 + keepsRest - (last + 1)
    if (shift !== 0) {
      starts.copyWithin(last + 1 + shift, last + 1, this.count)
      tissues.copyWithin(last + 1 + shift, last + 1, this.count)
      this.count += shift
    }
    const at = first + keepsFirst
    starts[at] = start
    tissues[at] = tissue
    if (keepsRest === 1) {
      starts[at + 1] = end
      tissues[at + 1] = rest
    }
  }

  private book(tissue: number, length: number, layer: number): void {
    if (tissue < 0) return
    const fill = this.fills[tissue] as Mixture
    const base = layer * CHANNELS.length
    for (let i = 0; i < fill.length; i++) {
      const density = fill[i] as number
      if (density !== 0) this.sums[base + i] = (this.sums[base + i] as number) + density * length
    }
  }
}
