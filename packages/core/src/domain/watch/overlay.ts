/**
 * Overlay: where cues were measured, drawn on the picture that was given.
 *
 * Amber is outside of what true images of the stratum show, a muted colour is within it. A drawing shows where a number comes from; it does not show that
 * something was changed there.
 */
import { type Colour, drawFrame, drawText, fillBox, type Raster } from '../../formats/picture/raster.ts'
import type { CueId, CueMeasurement, CueShape } from './cue.ts'
import type { NormalPlane } from './normal-plane.ts'

const UNUSUAL: Colour = [255, 176, 32]
const SHADOW: Colour = [0, 0, 0]
const STYLES: Readonly<Record<CueId, { readonly label: string; readonly muted: Colour }>> = {
  'lung-symmetry': { label: 'SYMMETRY', muted: [104, 156, 190] },
  'spine-straightness': { label: 'SPINE', muted: [124, 176, 132] },
  'bone-smoothness': { label: 'BONE', muted: [176, 168, 140] },
  'fracture-cleanliness': { label: 'FRACTURE', muted: [186, 140, 172] },
  'grain-uniformity': { label: 'GRAIN', muted: [140, 148, 190] },
}

/** A shape of the normal plane in samples of the picture that the plane was made from. */
export function mapShape(shape: CueShape, { crop, shrink }: Pick<NormalPlane, 'crop' | 'shrink'>): CueShape {
  const [across, down] = [(x: number): number => crop.left + x * shrink, (y: number): number => crop.top + y * shrink]
  if (shape.kind === 'line')
    return { kind: 'line', points: shape.points.map((value, i) => (i % 2 === 0 ? across(value) : down(value))) }
  const { left, top, right, bottom } = shape
  return { kind: 'box', left: across(left), top: down(top), right: across(right), bottom: down(bottom) }
}

/**
 * Draws boxes and lines of all cues that were measured; those outside of the norm last, so that they lie on top.
 * @param raster  the picture that was given, at its own size
 */
export function drawCues(raster: Raster, plane: NormalPlane, { measurements, outside }: DrawnCues): void {
  const ordered = [...measurements].sort((a, b) => Number(outside.has(a.id)) - Number(outside.has(b.id)))
  const dot = Math.max(1, Math.round(Math.min(raster.width, raster.height) / 400))
  for (const { id, shapes } of ordered) {
    const { label, muted } = STYLES[id]
    const colour = outside.has(id) ? UNUSUAL : muted
    for (const [i, shape] of shapes.entries()) {
      const mapped = mapShape(shape, plane)
      drawShape(raster, mapped, { colour, thickness: dot })
      if (i === 0) drawLabel(raster, label, { ...placeLabel(mapped, dot), colour, dot })
    }
  }
}

export interface DrawnCues {
  readonly measurements: readonly CueMeasurement[]
  /** Cues outside of the norm. */
  readonly outside: ReadonlySet<CueId>
}

interface Pen {
  readonly colour: Colour
  readonly thickness: number
}

function drawShape(raster: Raster, shape: CueShape, { colour, thickness }: Pen): void {
  if (shape.kind === 'box') {
    const [left, top, right, bottom] = [shape.left, shape.top, shape.right, shape.bottom].map(Math.round) as [
      number,
      number,
      number,
      number,
    ]
    drawFrame(raster, { left, top, right, bottom }, colour, thickness)
    return
  }
  const { points } = shape
  for (let i = 0; i + 3 < points.length; i += 2) {
    drawSegment(raster, points.subarray(i, i + 4), { colour, thickness })
  }
}

function drawSegment(raster: Raster, [x1 = 0, y1 = 0, x2 = 0, y2 = 0]: Float32Array, { colour, thickness }: Pen): void {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x2 - x1), Math.abs(y2 - y1))))
  for (let i = 0; i <= steps; i++) {
    const left = Math.round(x1 + ((x2 - x1) * i) / steps)
    const top = Math.round(y1 + ((y2 - y1) * i) / steps)
    fillBox(raster, { left, top, right: left + thickness, bottom: top + thickness }, colour)
  }
}

interface LabelPlace {
  readonly x: number
  readonly y: number
  readonly colour: Colour
  readonly dot: number
}

/** Over the upper left corner of a box, or beside the upper end of a line. */
function placeLabel(shape: CueShape, dot: number): { readonly x: number; readonly y: number } {
  if (shape.kind === 'box') return { x: Math.round(shape.left), y: Math.round(shape.top) - 9 * dot }
  return { x: Math.round(shape.points[0] as number) + 4 * dot, y: Math.round(shape.points[1] as number) }
}

function drawLabel(raster: Raster, label: string, { x, y, colour, dot }: LabelPlace): void {
  const top = Math.max(0, y)
  drawText(raster, label, x + dot, top + dot, SHADOW, dot)
  drawText(raster, label, x, top, colour, dot)
}
