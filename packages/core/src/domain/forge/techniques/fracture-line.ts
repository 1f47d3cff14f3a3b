/**
 * Fracture line: a thin, jagged, dark line across a bone, as sharp and as grainy as the picture.
 *
 * Bone is the strongest bright ridges. Limits: no step in the outline and no displaced piece, and what is bright and long need not be bone.
 */
import type { Random } from '../../attack/random.ts'
import { defineTechnique } from '../define.ts'
import { edgeDeviation } from '../edge-width.ts'
import { type Field, shrinkField } from '../field.ts'
import { boxAround, cutField, exchangeGrain, MARGIN, pasteField, spotOf } from '../patch.ts'
import type { Place } from '../place.ts'
import { findRidges } from '../ridges.ts'
import { LOCAL_SIGHT } from '../sight.ts'
import type { Host, Spot, Technique } from '../technique.ts'
import { toneRange } from '../tone-range.ts'

/** Samples along the shorter side of the plane on which bone is looked for. */
const SIDE = 256
const FAINTEST = 0.01
/** Share of the strongest ridges that a line may cross. */
const STRONGEST = 0.15

export const FRACTURE_LINE: Technique = defineTechnique({
  id: 'fracture-line',
  title: 'A fracture line is drawn across a bone',
  reach: 'local',
  kinds: ['chest', 'limb', 'other'],
  leastSide: 96,
  parameters: [
    { name: 'length', low: 0.025, high: 0.06, usual: null, meaning: 'share of the shorter side' },
    {
      name: 'width',
      low: 0.7,
      high: 1.6,
      usual: null,
      meaning: 'of the gap before blur, in 1/512 of the shorter side',
    },
    {
      name: 'depth',
      low: 0.3,
      high: 0.7,
      usual: null,
      meaning: "share of the bone's own contrast that is lost in the gap",
    },
    { name: 'roughness', low: 0.05, high: 0.2, usual: null, meaning: 'how far the line strays, share of its length' },
  ],
  expected: LOCAL_SIGHT,
  forge(host, random, { length: share = 0.04, width = 1, depth = 0.5, roughness = 0.1 }) {
    const side = Math.min(host.width, host.height)
    const length = Math.max(6, share * side)
    const bone = chooseBone(host, random, length)
    const box = boxAround(bone, length * (0.6 + roughness) + MARGIN, host)
    const part = cutField(host, box)
    const gap = Math.max(0.5, (width * side) / 512)
    const deviation = Math.hypot(edgeDeviation(host), gap / 2)
    const path = drawPath(bone, { length, roughness }, random)
    const weight = blacken(path, { deviation, gap }, box)
    const fall = depth * contrastOf(part, toneRange(host))
    const grained = exchangeGrain(part, weight, 0.7, random)
    const samples = grained.map((value, i) => value - fall * (weight[i] as number))
    return { samples: pasteField(host, box, { ...part, samples }, weight), spot: spotOf(weight, box) }
  },
})

interface Bone extends Place {
  /** Radians from the row. */
  readonly direction: number
}

/** @throws {RangeError} where nothing is bright and long */
function chooseBone(host: Host, random: Random, length: number): Bone {
  const factor = Math.max(1, Math.floor(Math.min(host.width, host.height) / SIDE))
  const plane = shrinkField(host, factor)
  const { low, high } = toneRange(host)
  const ridges = findRidges(plane, 2, high - low)
  const margin = Math.ceil((length + MARGIN) / factor)
  const found: number[] = []
  for (let y = margin; y < plane.height - margin; y++) {
    for (let x = margin; x < plane.width - margin; x++) {
      const i = y * plane.width + x
      // Letters and metal are at the bright end.
      if ((ridges.weight[i] as number) > 0.2 && (plane.samples[i] as number) < low + 0.97 * (high - low)) found.push(i)
    }
  }
  if (found.length === 0) throw new RangeError('no bone is found in the picture')
  found.sort((a, b) => (ridges.weight[b] as number) - (ridges.weight[a] as number))
  const i = found[random.integer(Math.ceil(STRONGEST * found.length))] as number
  const [x, y] = [i % plane.width, Math.floor(i / plane.width)]
  return { x: x * factor, y: y * factor, direction: ridges.direction[i] as number }
}

interface Point extends Place {
  /** 0 at the ends, 1 in the middle. */
  readonly depth: number
}

/** Points less than half a sample apart, across the bone and up to 25 degrees off. */
function drawPath(
  { x, y, direction }: Bone,
  { length, roughness }: { length: number; roughness: number },
  random: Random,
): Point[] {
  const angle = direction + Math.PI / 2 + random.between(-0.44, 0.44)
  const knots = 4 + random.integer(4)
  const strays = Array.from({ length: knots + 1 }, () => roughness * length * random.between(-0.5, 0.5))
  const count = Math.ceil(3 * length)
  let shake = 0
  return Array.from({ length: count + 1 }, (_, i) => {
    const t = i / count
    const knot = Math.min(knots - 1, Math.floor(t * knots))
    const part = t * knots - knot
    shake = 0.8 * shake + 0.12 * random.normal()
    const aside = (strays[knot] as number) * (1 - part) + (strays[knot + 1] as number) * part + shake
    const along = (t - 0.5) * length
    return {
      x: x + along * Math.cos(angle) - aside * Math.sin(angle),
      y: y + along * Math.sin(angle) + aside * Math.cos(angle),
      depth: Math.min(1, 4 * t, 4 * (1 - t)) * (0.85 + 0.15 * Math.sin(9 * t)),
    }
  })
}

/** How dark the line makes each sample of the box: a gap, blurred, of the depth of its nearest point. */
function blacken(
  path: readonly Point[],
  { deviation, gap }: { deviation: number; gap: number },
  { left, top, right, bottom }: Spot,
): Float32Array {
  const weight = new Float32Array((right - left) * (bottom - top))
  const reach = Math.ceil(3 * deviation)
  // A gap narrower than the blur loses as much depth as it is spread.
  const peak = Math.min(1, gap / deviation)
  for (const { x, y, depth } of path) {
    for (let v = Math.max(top, Math.floor(y) - reach); v < Math.min(bottom, y + reach + 1); v++) {
      for (let u = Math.max(left, Math.floor(x) - reach); u < Math.min(right, x + reach + 1); u++) {
        const i = (v - top) * (right - left) + u - left
        const value = peak * depth * Math.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * deviation * deviation))
        if (value > FAINTEST && value > (weight[i] as number)) weight[i] = value
      }
    }
  }
  return weight
}

/** How much brighter the bone is than what lies beside it: the middle half of the values there, and a twentieth of the tones at least. */
function contrastOf({ samples }: Field, { low, high }: { low: number; high: number }): number {
  const sorted = samples.slice().sort()
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] as number
  return Math.max(0.05 * (high - low), at(0.85) - at(0.15))
}
