/**
 * Radiograph: one projection picture, from a phantom and a technique to stored values.
 *
 * Puts the steps in order: place the beam, project, give tissues their grain, collimate, expose, present. Textures that
 * no surface describes (fine vessels of the lung, fibres of muscle, trabeculae) are noise on the thickness of a tissue.
 */
import type { Technique } from './exposure.ts'
import { exposeDetector } from './exposure.ts'
import type { Size } from './field.ts'
import { blurField, noiseField } from './field.ts'
import type { Marker } from './lead-marker.ts'
import { layMarkers } from './lead-marker.ts'
import type { Presented, ToneScale } from './presentation.ts'
import { presentSignal } from './presentation.ts'
import type { Camera, Thickness, Warp } from './projector.ts'
import { projectScene } from './projector.ts'
import type { Random } from './random.ts'
import type { Scene } from './shapes.ts'
import type { Vector } from './vector.ts'
import { add, multiply, rotation, scale } from './vector.ts'

/** Resolution to which organs are projected; their edges are softer than that. */
const SOLID_MM = 1
/** A rectangle on the detector in pixels, right and bottom not included. */
export interface Field {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export interface Setup extends Size {
  readonly pixelMm: number
  readonly technique: Technique
  readonly tone: ToneScale
  /** From the middle of the object to the detector. */
  readonly objectMm: number
  /** What the middle of the detector looks at, in the phantom's millimetres. */
  readonly target: Vector
  /** Turn of the object around its long axis, degrees. */
  readonly turnDegrees: number
  /** Size of the object against the phantom. */
  readonly bodyScale: number
  /** Shows the phantom's mirror image: a right hand from the phantom of a left one. */
  readonly isMirrored: boolean
  /** Strength of the irregularity of soft parts. */
  readonly warpMm: number
  /** Size of the largest meshes of spongy bone. */
  readonly trabeculaMm: number
  readonly field: Field
  /** Whether what lies outside the field is covered with black, as by an electronic shutter. */
  readonly hasShutter: boolean
  readonly markers: readonly Marker[]
}

/** Takes a picture with the beam running from back to front (towards −y). */
export function takeRadiograph(scene: Scene, setup: Setup, random: Random): Presented {
  const camera = placeCamera(setup)
  const stride = Math.max(1, Math.round(SOLID_MM / setup.pixelMm))
  const warp = drawWarp(setup, stride, random.fork('warp'))
  const thickness = projectScene(scene, camera, { solidStride: stride, warp, bodyScale: setup.bodyScale })
  grainTissues(thickness, setup, random.fork('grain'))
  const signal = exposeDetector(
    { ...setup, thickness, collimator: collimate(setup), marker: layMarkers(setup, setup.pixelMm, setup.markers) },
    random.fork('quanta'),
  )
  const isExposed = new Uint8Array(setup.columns * setup.rows)
  forField(setup, (at) => {
    isExposed[at] = 1
  })
  const presented = presentSignal(signal, setup, setup.pixelMm, isExposed, setup.tone)
  if (setup.hasShutter) {
    const black = setup.tone.isInverted ? 2 ** setup.tone.bitsStored - 1 : 0
    const inset = Math.ceil(1 / setup.pixelMm)
    const { left, top, right, bottom } = setup.field
    for (let v = 0; v < setup.rows; v++) {
      for (let u = 0; u < setup.columns; u++) {
        const isOpen = u >= left + inset && u < right - inset && v >= top + inset && v < bottom - inset
        if (!isOpen) presented.samples[v * setup.columns + u] = black
      }
    }
  }
  return presented
}

/** Columns run to the patient's left, rows to the feet; the frontal picture is seen as if facing the patient. */
export function placeCamera(setup: Setup): Camera {
  const { columns, rows, pixelMm, technique, objectMm, target, turnDegrees, bodyScale } = setup
  const side = setup.isMirrored ? -1 : 1
  const turn = rotation(0, 0, turnDegrees)
  const place = (p: Vector): Vector => add(target, scale(multiply(turn, p), 1 / bodyScale))
  const step = (p: Vector): Vector => scale(multiply(turn, p), 1 / bodyScale)
  return {
    source: place([0, technique.distanceMm - objectMm, 0]),
    origin: place([((-(columns - 1) * side) / 2) * pixelMm, -objectMm, ((rows - 1) / 2) * pixelMm]),
    stepColumn: step([side * pixelMm, 0, 0]),
    stepRow: step([0, 0, -pixelMm]),
    columns,
    rows,
  }
}

function drawWarp({ columns, rows, pixelMm, warpMm }: Setup, stride: number, random: Random): Warp {
  const size = { columns: Math.ceil(columns / stride), rows: Math.ceil(rows / stride) }
  const unit = pixelMm * stride
  const one = (label: string): Float32Array => {
    const map = noiseField(size, random.fork(label), 62 / unit, 3, 0.4)
    for (let i = 0; i < map.length; i++) map[i] = Math.max(-4, Math.min(4, map[i] as number)) * (warpMm / unit)
    return map
  }
  return { column: one('x'), row: one('y'), reach: (4 * warpMm) / unit }
}

function grainTissues(thickness: Thickness, size: Setup, random: Random): void {
  const { pixelMm } = size
  const multiplyBy = (map: Float32Array, noise: Float32Array, strength: number): void => {
    for (let i = 0; i < map.length; i++) map[i] = (map[i] as number) * Math.max(0, 1 + strength * (noise[i] as number))
  }
  multiplyBy(thickness.lung, noiseField(size, random.fork('lung'), 9 / pixelMm, 4, 0.72), 0.07)
  multiplyBy(thickness.soft, noiseField(size, random.fork('soft'), 16 / pixelMm, 4, 0.6), 0.006)
  multiplyBy(thickness.spongy, noiseField(size, random.fork('spongy'), size.trabeculaMm / pixelMm, 3, 0.85), 0.2)
}

/** Full inside the field, nothing outside, half a millimetre of half shadow. */
function collimate(setup: Setup): Float32Array {
  const { columns, rows, field, pixelMm } = setup
  const profile = (length: number, from: number, to: number): Float32Array =>
    blurField(new Float32Array(length).fill(1, from, to), { columns: length, rows: 1 }, 0.5 / pixelMm)
  const across = profile(columns, field.left, field.right)
  const down = profile(rows, field.top, field.bottom)
  const map = new Float32Array(columns * rows)
  for (let v = 0; v < rows; v++) {
    for (let u = 0; u < columns; u++) map[v * columns + u] = (across[u] as number) * (down[v] as number)
  }
  return map
}

function forField({ field, columns }: Setup, visit: (at: number) => void): void {
  for (let v = field.top; v < field.bottom; v++) for (let u = field.left; u < field.right; u++) visit(v * columns + u)
}
