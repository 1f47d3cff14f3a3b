/**
 * Fracture cleanliness: how smooth, how sharp and how one-sided the line is that crosses a bone.
 *
 * Source: Radiology, March 2026 (clean or one-sided fractures). The line is the darkest path through a box, found by dynamic programming in both directions. The box is that of a finding of a
 * diagnostic model; in a limb without findings, the part of bone with the clearest line. No detector of fractures: it measures what somebody else marked.
 */
import type { WatchKind } from '../body-part.ts'
import type { Cue, CueMeasurement } from '../cue.ts'
import type { NormalPlane, SourceBox } from '../normal-plane.ts'
import { findBone } from './bone-smoothness.ts'

/** Shortest and longest side of a box that is looked at, samples; of a larger one its middle. */
const LEAST_SIDE = 12
const MOST_SIDE = 128
/** How far beside the path its surroundings are looked at. */
const BESIDE = 4
const CANDIDATES = 6
const FINDINGS = 8

export const fractureCleanliness: Cue = {
  id: 'fracture-cleanliness',
  title: 'Cleanliness of a fracture',
  kinds: ['chest', 'limb'],
  measures: [
    { name: 'fracture.roughness', meaning: 'root mean square bend of the line, samples', perfect: 'low' },
    { name: 'fracture.contrast', meaning: 'depth of the gap, shares of the spread in the box', perfect: 'high' },
    { name: 'fracture.evenness', meaning: 'how little the depth changes along the line, 0 to 1', perfect: 'high' },
    {
      name: 'fracture.sidedness',
      meaning: 'how far the gap is in one half of the bone alone, 0 to 1',
      perfect: 'high',
    },
  ],
  measure: measureFracture,
}

function measureFracture(plane: NormalPlane, kind: WatchKind, findings: readonly SourceBox[] = []): CueMeasurement {
  if (kind !== 'chest' && kind !== 'limb') return absent('other_body_part')
  const marked = findings.slice(0, FINDINGS)
  if (marked.length === 0 && kind === 'chest') return absent('no_finding')
  const boxes = marked.length > 0 ? marked : candidates(plane)
  const lines = boxes.map((box) => traceLine(plane, fitBox(box, plane))).filter((line) => line !== null)
  const [first, ...others] = lines
  if (first === undefined) return absent(marked.length > 0 ? 'no_finding' : 'no_bone')
  const clearest = others.reduce((best, line) => (line.contrast > best.contrast ? line : best), first)
  const values = [clearest.roughness, clearest.contrast, clearest.evenness, clearest.sidedness]
  return {
    id: 'fracture-cleanliness',
    values,
    absent: null,
    shapes: [clearest.box, { kind: 'line', points: clearest.points }],
  }
}

const absent = (reason: string): CueMeasurement => ({
  id: 'fracture-cleanliness',
  values: null,
  absent: reason,
  shapes: [],
})

function candidates(plane: NormalPlane): readonly SourceBox[] {
  return findBone(plane)
    .slice(0, CANDIDATES)
    .map(({ left, top, side }) => ({ left, top, right: left + side, bottom: top + side }))
}

/** The middle of a box, no longer than is looked at, inside the plane with room beside it. */
function fitBox({ left, top, right, bottom }: SourceBox, { width, height }: NormalPlane): SourceBox {
  const [acrossFrom, acrossTo] = fitSide(left, right, width)
  const [downFrom, downTo] = fitSide(top, bottom, height)
  return { left: acrossFrom, right: acrossTo, top: downFrom, bottom: downTo }
}

function fitSide(from: number, to: number, size: number): readonly [number, number] {
  const middle = Math.floor((from + to) / 2)
  const half = Math.min(MOST_SIDE, Math.max(LEAST_SIDE, Math.floor(to - from))) / 2
  return [Math.max(BESIDE, Math.floor(middle - half)), Math.min(size - BESIDE, Math.floor(middle + half))]
}

interface GapLine {
  readonly roughness: number
  readonly contrast: number
  readonly evenness: number
  readonly sidedness: number
  readonly box: SourceBox & { readonly kind: 'box' }
  readonly points: Float32Array
}

/** The deeper of the darkest paths from left to right and from top to bottom; null for a box that lies outside, or is flat. */
function traceLine(plane: NormalPlane, box: SourceBox): GapLine | null {
  const [wide, tall] = [box.right - box.left, box.bottom - box.top]
  if (wide < LEAST_SIDE || tall < LEAST_SIDE) return null
  const spread = spreadIn(plane, box)
  if (spread < 1) return null
  const { width } = plane
  const origin = box.top * width + box.left
  const across = followGap(plane.samples, { origin, along: 1, beside: width, length: wide, reach: tall })
  const down = followGap(plane.samples, { origin, along: width, beside: 1, length: tall, reach: wide })
  const isAcross = meanOf(across.depths) >= meanOf(down.depths)
  const { path, depths } = isAcross ? across : down
  const points = new Float32Array(2 * path.length)
  for (let i = 0; i < path.length; i++) {
    const [x, y] = isAcross ? [i, path[i] as number] : [path[i] as number, i]
    points.set([box.left + x + 0.5, box.top + y + 0.5], 2 * i)
  }
  return { ...describeGap(path, depths, spread), box: { kind: 'box', ...box }, points }
}

interface GapSearch {
  readonly origin: number
  /** Steps in the samples along the path, and to its side. */
  readonly along: number
  readonly beside: number
  readonly length: number
  readonly reach: number
}

interface Gap {
  readonly path: Int32Array
  /** How much darker each sample of the path is than what lies on both sides of it. */
  readonly depths: Float64Array
}

function followGap(samples: Float32Array, { origin, along, beside, length, reach }: GapSearch): Gap {
  const depth = new Float64Array(length * reach)
  for (let i = 0; i < length; i++) {
    for (let j = 0; j < reach; j++) {
      const at = origin + i * along + j * beside
      const [one, other] = [samples[at - BESIDE * beside] as number, samples[at + BESIDE * beside] as number]
      depth[i * reach + j] = Math.min(one, other) - (samples[at] as number)
    }
  }
  const best = depth.slice()
  const from = new Int8Array(best.length)
  for (let i = 1; i < length; i++) {
    for (let j = 0; j < reach; j++) {
      let step = 0
      for (const side of [-1, 1]) {
        if (j + side < 0 || j + side >= reach) continue
        if ((best[(i - 1) * reach + j + side] as number) > (best[(i - 1) * reach + j + step] as number)) step = side
      }
      best[i * reach + j] = (best[i * reach + j] as number) + (best[(i - 1) * reach + j + step] as number)
      from[i * reach + j] = step
    }
  }
  const path = new Int32Array(length)
  let at = 0
  for (let j = 1; j < reach; j++)
    if ((best[(length - 1) * reach + j] as number) > (best[(length - 1) * reach + at] as number)) at = j
  for (let i = length - 1; i >= 0; i--) {
    path[i] = at
    at += from[i * reach + at] as number
  }
  return { path, depths: Float64Array.from(path, (j, i) => depth[i * reach + j] as number) }
}

function describeGap(path: Int32Array, depths: Float64Array, spread: number) {
  let bend = 0
  for (let i = 2; i < path.length; i++)
    bend += ((path[i] as number) - 2 * (path[i - 1] as number) + (path[i - 2] as number)) ** 2
  const half = depths.length >> 1
  const [first, second] = [Math.max(0, meanOf(depths.subarray(0, half))), Math.max(0, meanOf(depths.subarray(half)))]
  const mean = meanOf(depths)
  const deviation = Math.sqrt(meanOf(depths.map((value) => (value - mean) ** 2)))
  return {
    roughness: Math.sqrt(bend / (path.length - 2)),
    contrast: mean / spread,
    evenness: 1 / (1 + deviation / Math.max(1, mean)),
    sidedness: first + second < 1e-6 ? 0 : Math.abs(first - second) / (first + second),
  }
}

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

function spreadIn({ width, samples }: NormalPlane, { left, top, right, bottom }: SourceBox): number {
  let [n, sum, squares] = [0, 0, 0]
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const value = samples[y * width + x] as number
      n++
      sum += value
      squares += value * value
    }
  }
  return Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2))
}
