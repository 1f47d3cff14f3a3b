/**
 * Lead marker: the letters on the detector that say which side is which.
 *
 * A letter is bent from wire: strokes join the dots of the font, so that its size does not show in its edges.
 */
import { GLYPH_HEIGHT, textWidth, traceText } from '../../formats/picture/font.ts'
import type { Size } from './field.ts'

/** Transmission of 1.5 mm lead: next to nothing, but scatter gets round it. */
const LEAD_SHARE = 0.02

export interface Marker {
  readonly text: string
  /** Upper left corner, in millimetres from the upper left corner of the detector. */
  readonly leftMm: number
  readonly topMm: number
  /** Height of a letter. */
  readonly heightMm: number
}

type Point = readonly [x: number, y: number]

/** What markers let pass: 1 beside them. A marker that would not fit is moved to the left. */
export function layMarkers({ columns, rows }: Size, pixelMm: number, markers: readonly Marker[]): Float32Array {
  const map = new Float32Array(columns * rows).fill(1)
  for (const { text, leftMm, topMm, heightMm } of markers) {
    const dot = heightMm / GLYPH_HEIGHT / pixelMm
    const left = Math.min(leftMm / pixelMm, columns - textWidth(text) * dot)
    for (const [from, to] of strokesOf(text)) {
      const place = ([x, y]: Point): Point => [left + (x + 0.5) * dot, topMm / pixelMm + (y + 0.5) * dot]
      layStroke(map, { columns, rows }, place(from), place(to), dot * 0.55)
    }
  }
  return map
}

/** Lines between neighbouring dots; across a corner only where no straight way leads round it. */
function strokesOf(text: string): (readonly [Point, Point])[] {
  const dots: Point[] = []
  traceText(text, (x, y) => dots.push([x, y]))
  const isMarked = (x: number, y: number): boolean => dots.some(([u, v]) => u === x && v === y)
  return dots.flatMap(([x, y]) => {
    const ways: (readonly [Point, Point])[] = [
      [
        [x, y],
        [x, y],
      ],
    ]
    if (isMarked(x + 1, y))
      ways.push([
        [x, y],
        [x + 1, y],
      ])
    if (isMarked(x, y + 1))
      ways.push([
        [x, y],
        [x, y + 1],
      ])
    for (const side of [-1, 1]) {
      const isCorner = isMarked(x + side, y) || isMarked(x, y + 1)
      if (!isCorner && isMarked(x + side, y + 1))
        ways.push([
          [x, y],
          [x + side, y + 1],
        ])
    }
    return ways
  })
}

function layStroke(map: Float32Array, { columns, rows }: Size, from: Point, to: Point, radius: number): void {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]]
  const square = dx * dx + dy * dy
  const reach = radius + 1
  for (
    let v = Math.max(0, Math.floor(Math.min(from[1], to[1]) - reach));
    v < Math.min(rows, Math.max(from[1], to[1]) + reach);
    v++
  ) {
    for (
      let u = Math.max(0, Math.floor(Math.min(from[0], to[0]) - reach));
      u < Math.min(columns, Math.max(from[0], to[0]) + reach);
      u++
    ) {
      const along = square === 0 ? 0 : Math.max(0, Math.min(1, ((u - from[0]) * dx + (v - from[1]) * dy) / square))
      // One pixel of slope at the rim stands for the pixel's own extent.
      const cover = Math.max(
        0,
        Math.min(1, radius + 0.5 - Math.hypot(u - from[0] - along * dx, v - from[1] - along * dy)),
      )
      const at = v * columns + u
      map[at] = Math.min(map[at] as number, 1 - cover * (1 - LEAD_SHARE))
    }
  }
}
