/**
 * Carriers: the samples of a tile that may change, what their neighbours predict, and in which order they are used.
 *
 * Source: docs/reference/mark.md, "Carriers". Half the samples, as on a checkerboard, never change: prediction and order are
 * the same for whoever embeds and whoever reads. Calm places come first, so that most tiles change where it costs least
 * (sorting by context: Sachnev et al. 2009).
 */

/** Carriers of one tile in the order of their use. */
export interface Carriers {
  /** Positions in the tile. */
  readonly positions: Uint32Array
  /** Rounded mean of the neighbours, for each of {@link positions}. */
  readonly predictions: Uint16Array
}

/** Ranges of neighbours by their number of bits, 0 to 16. */
const CLASSES = 17

export function findCarriers(samples: Uint16Array, width: number, height: number): Carriers {
  const count = Math.floor((width * height) / 2)
  const positions = new Uint32Array(count)
  const predictions = new Uint16Array(count)
  const classes = new Uint8Array(count)
  const starts = new Uint32Array(CLASSES + 1)
  let next = 0
  for (let y = 0; y < height; y++) {
    for (let x = 1 - (y & 1); x < width; x += 2) {
      const position = y * width + x
      // A neighbour that is not there counts as another that is: it changes neither extreme, and is taken out of the sum.
      const inner = x > 0 ? (samples[position - 1] as number) : (samples[position + 1] as number)
      const left = inner
      const right = x < width - 1 ? (samples[position + 1] as number) : inner
      const above = y > 0 ? (samples[position - width] as number) : inner
      const below = y < height - 1 ? (samples[position + width] as number) : inner
      const missing = (x > 0 ? 0 : 1) + (x < width - 1 ? 0 : 1) + (y > 0 ? 0 : 1) + (y < height - 1 ? 0 : 1)
      const found = 4 - missing
      const sum = left + right + above + below - missing * inner
      const range = Math.max(left, right, above, below) - Math.min(left, right, above, below)
      const bits = 32 - Math.clz32(range)
      positions[next] = position
      predictions[next] = Math.floor((sum + (found >> 1)) / found)
      classes[next++] = bits
      starts[bits + 1] = (starts[bits + 1] as number) + 1
    }
  }
  return sortByClass({ positions, predictions, classes }, starts)
}

/** Counting sort; stable. */
function sortByClass(found: Carriers & { readonly classes: Uint8Array }, starts: Uint32Array): Carriers {
  for (let i = 1; i <= CLASSES; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number)
  const positions = new Uint32Array(found.positions.length)
  const predictions = new Uint16Array(found.positions.length)
  for (let i = 0; i < positions.length; i++) {
    const bits = found.classes[i] as number
    const to = starts[bits] as number
    starts[bits] = to + 1
    positions[to] = found.positions[i] as number
    predictions[to] = found.predictions[i] as number
  }
  return { positions, predictions }
}
