/**
 * Bone smoothness: how clean the borders of bright ridges are, and how little texture lies inside them.
 *
 * Source: Radiology, March 2026 (smooth bone). Ridges are the tiles in which a bright band with a clear direction lies: ribs, clavicles, shafts; in a chest the
 * borders of heart and diaphragm may be among them. Trabeculae are finer than most chest radiographs resolve: what is measured there is texture, not trabeculae.
 */
import type { WatchKind } from '../body-part.ts'
import type { Cue, CueMeasurement } from '../cue.ts'
import type { NormalPlane } from '../normal-plane.ts'
import { quantileOf } from './grid.ts'
import { bendEnergy, layTiles, levelOf, slantOf, type Tile } from './tiles.ts'

const SIDE = 24
/** Tiles that are taken for bone, and the least number of them that says anything. */
const MOST = 24
const LEAST = 6
const BOXES = 3

export const boneSmoothness: Cue = {
  id: 'bone-smoothness',
  title: 'Smoothness of bone',
  kinds: ['chest', 'limb'],
  measures: [
    { name: 'bone.coherence', meaning: 'how far gradients along bone share one direction, 0 to 1', perfect: 'high' },
    { name: 'bone.edge', meaning: 'fine over coarse steepness of borders, logarithm', perfect: 'low' },
    {
      name: 'bone.texture',
      meaning: 'texture over 2 samples against the contrast of the border, logarithm',
      perfect: 'low',
    },
    { name: 'bone.fine', meaning: 'texture over 1 sample against that over 2, logarithm', perfect: 'low' },
    { name: 'bone.band', meaning: 'texture over 2 samples against that over 4, logarithm', perfect: 'low' },
    { name: 'bone.coarse', meaning: 'texture over 4 samples against that over 8, logarithm', perfect: 'low' },
    {
      name: 'bone.spread',
      meaning: 'how much texture differs from part to part, standard deviation of the logarithm',
      perfect: 'low',
    },
  ],
  measure: measureBone,
}

function measureBone(plane: NormalPlane, kind: WatchKind): CueMeasurement {
  if (kind !== 'chest' && kind !== 'limb') return absent('other_body_part')
  const parts = findBone(plane).map((tile) => ({ tile, ...measurePart(plane, tile) }))
  if (parts.length < LEAST) return absent('no_bone')
  const middle = (pick: (part: (typeof parts)[number]) => number): number =>
    quantileOf(Float64Array.from(parts, pick), 0.5)
  const textures = parts.map(({ texture }) => texture)
  const mean = textures.reduce((sum, value) => sum + value, 0) / textures.length
  const spread = Math.sqrt(textures.reduce((sum, value) => sum + (value - mean) ** 2, 0) / textures.length)
  const values = [
    middle((part) => part.coherence),
    middle((part) => part.edge),
    mean,
    middle((part) => part.fine),
    middle((part) => part.band),
    middle((part) => part.coarse),
    spread,
  ]
  const smoothest = [...parts].sort((a, b) => a.texture - b.texture).slice(0, BOXES)
  return { id: 'bone-smoothness', values, absent: null, shapes: smoothest.map(({ tile }) => boxOf(tile)) }
}

const absent = (reason: string): CueMeasurement => ({ id: 'bone-smoothness', values: null, absent: reason, shapes: [] })

export function boxOf({ left, top, side }: Tile) {
  return { kind: 'box', left, top, right: left + side, bottom: top + side } as const
}

/** Tiles with the strongest edges of one direction, among those that are not dark. */
export function findBone(plane: NormalPlane): readonly Tile[] {
  return (
    layTiles(plane, SIDE)
      .map((tile) => ({ tile, slant: slantOf(plane, tile, 4), level: levelOf(plane, tile) }))
      .filter(({ slant, level }) => slant.energy > 100 && slant.coherence > 0.3 && level > 40)
      // Where a tile reaches into the dark around a patient, its border is skin.
      .filter(({ tile }) => darkestOf(plane, tile) >= 32)
      .sort((a, b) => b.slant.energy * b.slant.coherence - a.slant.energy * a.slant.coherence)
      .slice(0, MOST)
      .map(({ tile }) => tile)
  )
}

function darkestOf({ width, samples }: NormalPlane, { left, top, side }: Tile): number {
  let darkest = 255
  for (let y = top; y < top + side; y += 3) {
    for (let x = left; x < left + side; x += 3) darkest = Math.min(darkest, samples[y * width + x] as number)
  }
  return darkest
}

function measurePart(plane: NormalPlane, tile: Tile) {
  const [one, two, four, eight] = [1, 2, 4, 8].map((distance) => lesser(bendEnergy(plane, tile, distance))) as [
    number,
    number,
    number,
    number,
  ]
  const [fine, wide] = [slantOf(plane, tile, 1), slantOf(plane, tile, 4)]
  return {
    coherence: slantOf(plane, tile, 2).coherence,
    edge: ratio(fine.energy, wide.energy),
    texture: ratio(two, wide.energy),
    fine: ratio(one, two),
    band: ratio(two, four),
    coarse: ratio(four, eight),
  }
}

/** Along the border there is less of its own bend, so that what is left is texture. */
const lesser = ([across, down]: readonly [number, number]): number => Math.min(across, down)
/** A hundredth of a grey step squared keeps the logarithm finite for a tile that is perfectly flat. */
const ratio = (above: number, below: number): number => Math.log((above + 0.01) / (below + 0.01))
