/**
 * Chest bones: ribs, spine, clavicles, shoulder blades and the heads of the upper arms.
 *
 * Each bone is a wall of cortical bone around spongy bone, set into flesh. Twelve ribs a side: they rise over the back,
 * fall towards the side and fall more steeply towards the front, where cartilage takes over.
 */
import type { ChestFrame, Side } from './chest-frame.ts'
import { SIDES } from './chest-frame.ts'
import type { Mixture } from './materials.ts'
import { TISSUES } from './materials.ts'
import type { Plane } from './quadric.ts'
import { ellipsoid } from './quadric.ts'
import type { Random } from './random.ts'
import type { Detail, TubeSection } from './shapes.ts'
import { ball, cut, shell, tubeDetails } from './shapes.ts'
import type { Matrix, Vector } from './vector.ts'
import { add, cross, dot, normalize, rotation, scale, smoothCurve, subtract } from './vector.ts'

const BONE = { wall: TISSUES.cortical, core: TISSUES.spongy, base: TISSUES.muscle } as const

/** How far round each rib goes, from the back (0°) past the side (90°) to the front, and how far it falls by 180°. */
const RIBS = [
  { end: 178, fall: 48 },
  { end: 186, fall: 76 },
  { end: 186, fall: 96 },
  { end: 183, fall: 108 },
  { end: 176, fall: 116 },
  { end: 167, fall: 122 },
  { end: 157, fall: 126 },
  { end: 145, fall: 126 },
  { end: 132, fall: 122 },
  { end: 116, fall: 116 },
  { end: 92, fall: 108 },
  { end: 55, fall: 104 },
] as const

/** Ribs are taller than thick. */
const RIB_SQUASH: Matrix = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 0.54],
]

export function growBones(frame: ChestFrame, random: Random): Detail[] {
  // Bone thins with age, sooner in women.
  const loss = Math.max(0, frame.body.age - (frame.body.sex === 'F' ? 50 : 62)) * 0.006
  const wall = 1 - Math.min(0.25, loss)
  const spongy = TISSUES.spongy.map((density, i) => (i === 4 ? density * (1 - loss) : density)) as unknown as Mixture
  const tissues = { ...BONE, core: spongy }
  const light = { ...BONE, core: TISSUES.vertebra }
  return [
    ...SIDES.flatMap((side) => RIBS.flatMap((_, index) => growRib(frame, side, index, wall, tissues, random))),
    ...growSpine(frame, wall, light, random),
    ...SIDES.flatMap((side) => growShoulder(frame, side, wall, tissues, random)),
    ...growSternum(tissues),
  ]
}

type Tissues = { readonly wall: Mixture; readonly core: Mixture; readonly base: Mixture }

/** The middle line of a rib: head, neck, then along the wall of the chest. */
export function ribLine(frame: ChestFrame, side: Side, index: number, fallShift = 0, rise = 0): Vector[] {
  const { end, fall } = RIBS[index] as (typeof RIBS)[number]
  const z = (frame.vertebrae[index] as number) + 8
  const [sx, sy] = frame.spineAt(z)
  const back = frame.cageAt(side, z)
  const rear = back.y + back.ry
  const points: Vector[] = [
    [sx + side * 15, Math.min(sy + 14, rear - 8), z],
    [sx + side * 29, Math.min(sy + 25, rear - 2), z + 1],
  ]
  for (let angle = -24; angle <= end; angle += 8) {
    const share = Math.max(0, angle + 14) / 194
    const height = z + 2 + rise * Math.sin(share * 5) - (fall + fallShift) * share ** 1.3
    const wall = frame.cageAt(side, height)
    const radians = (angle * Math.PI) / 180
    const x = wall.x + side * wall.rx * Math.sin(radians)
    if (side * (x - sx) < 40) continue
    points.push([x, wall.y + wall.ry * Math.cos(radians), height])
  }
  return points
}

function growRib(
  frame: ChestFrame,
  side: Side,
  index: number,
  wall: number,
  tissues: Tissues,
  random: Random,
): Detail[] {
  const line = smoothCurve(ribLine(frame, side, index, random.around(0, 4), random.around(0, 1.6)), 2)
  const size = (index === 0 ? 1.05 : index > 9 ? 0.8 : 1) * random.around(1, 0.04)
  const sections = line.map((at, i): TubeSection => {
    const share = i / (line.length - 1)
    // Narrow at the neck, broad at the front.
    const radius = size * (2.7 + 0.6 * Math.min(1, share * 6) + 0.8 * share)
    return { at, radius, wall: wall * (0.66 - 0.26 * share) * Math.min(1, 0.15 + (1 - share) * 12) }
  })
  return tubeDetails(sections, tissues, RIB_SQUASH)
}

function growSpine(frame: ChestFrame, wall: number, tissues: Tissues, random: Random): Detail[] {
  const heights = [...frame.vertebrae]
  for (let i = 0; i < 4; i++) heights.unshift((heights[0] as number) + 17)
  for (let i = 0; i < 3; i++) heights.push((heights.at(-1) as number) - 30)
  const details: Detail[] = []
  for (const [i, z] of heights.entries()) {
    const below = heights[i + 1] ?? z - 30
    details.push(...growVertebra(frame, z, (z - below) * 0.4, Math.min(1.25, 0.62 + 0.04 * i), wall, tissues, random))
  }
  return details
}

function growVertebra(
  frame: ChestFrame,
  z: number,
  half: number,
  size: number,
  wall: number,
  tissues: Tissues,
  random: Random,
): Detail[] {
  const [x, y] = frame.spineAt(z)
  const [rx, ry] = [19.5 * size, 17 * size]
  const end = 0.16 * wall
  const body = (shrinkSide: number, center: Vector) => ellipsoid(center, [rx - shrinkSide, ry - shrinkSide, half * 2.2])
  const center: Vector = [x, y, z]
  const slab = (h: number): { n: Vector; h: number }[] => [
    { n: [0, 0, 1], h: z + h },
    { n: [0, 0, -1], h: -(z - h) },
  ]
  const box = ball(center, [rx, ry, half])
  const core = { surface: body(0.7 * wall, center), fill: tissues.core }
  const details: Detail[] = [
    {
      piece: cut({ ...box, quadrics: [body(0, center)] }, ...slab(half - end)),
      wall: tissues.wall,
      base: tissues.base,
      core,
    },
  ]
  // End plates: thin discs of cortical bone above and below.
  for (const at of [z + half - end / 2, z - half + end / 2]) {
    const disc: Vector = [x, y, at]
    const planes = [
      { n: [0, 0, 1] as Vector, h: at + end / 2 },
      { n: [0, 0, -1] as Vector, h: -(at - end / 2) },
    ]
    details.push({
      piece: cut({ ...ball(disc, [rx, ry, end]), quadrics: [ellipsoid(disc, [rx, ry, half * 3])] }, ...planes),
      wall: tissues.wall,
      base: tissues.base,
    })
  }
  const post = (from: Vector, to: Vector, radiusFrom: number, radiusTo: number, thick: number): void => {
    details.push(
      ...tubeDetails(
        [
          { at: add(center, from), radius: radiusFrom, wall: thick },
          { at: add(center, to), radius: radiusTo, wall: thick },
        ],
        tissues,
      ),
    )
  }
  const up = half * 0.35
  for (const side of SIDES) {
    post([side * rx * 0.66, ry * 0.8, up], [side * rx * 0.7, ry + 13 * size, up], 3.9 * size, 3.9 * size, 0.45 * wall)
    post(
      [side * rx * 0.75, ry + 14 * size, up],
      [side * (rx + 14 * size), ry + 22 * size, up + 2],
      4.6 * size,
      3.6 * size,
      0.6 * wall,
    )
    post([side * rx * 0.66, ry + 15 * size, up - 2], [0, ry + 21 * size, -half * 0.5], 4 * size, 3.4 * size, 0.6 * wall)
  }
  post(
    [random.around(0, 0.7), ry + 21 * size, -half * 0.3],
    [random.around(0, 1.2), ry + 38 * size, -half - 13 * size],
    3.8 * size,
    2.8 * size,
    0.6 * wall,
  )
  return details
}

function growShoulder(frame: ChestFrame, side: Side, wall: number, tissues: Tissues, random: Random): Detail[] {
  const lift = random.around(0, 4)
  const p = (x: number, y: number, z: number): Vector => [side * x, y, z + lift]
  const line = (points: readonly Vector[], radii: readonly number[], walls: number, squash?: Matrix): Detail[] => {
    const curve = smoothCurve(points, 5)
    const sections = curve.map((at, i): TubeSection => {
      const place = (i / (curve.length - 1)) * (radii.length - 1)
      const low = Math.min(radii.length - 2, Math.floor(place))
      const radius = (radii[low] as number) + (place - low) * ((radii[low + 1] as number) - (radii[low] as number))
      return { at, radius, wall: walls * wall }
    })
    return tubeDetails(sections, tissues, squash)
  }
  const clavicle = line(
    [p(14, -42, 97), p(45, -55, 106), p(88, -42, 117), p(125, -12, 128), p(154, 6, 131)],
    [9, 6.2, 5.4, 5.6, 7],
    1.6,
  )
  const spine = line([p(104, 84, 78), p(128, 76, 98), p(150, 52, 122), p(166, 22, 132)], [2.6, 3.8, 5.2, 6.5], 1.1)
  const lateral = line([p(132, 74, -36), p(143, 62, 10), p(152, 40, 60), p(157, 26, 84)], [2, 2.4, 3.6, 7], 0.8)
  const medial = line([p(132, 74, -36), p(119, 82, 10), p(108, 84, 62), p(110, 74, 102)], [3, 1.4, 1.2, 1.4], 0.5)
  const blade = growPlate([p(132, 74, -36), p(108, 84, 64), p(112, 78, 102), p(154, 34, 76)], 1)
  const coracoid = line([p(150, 24, 98), p(145, 6, 112), p(152, -8, 108)], [6, 5.5, 4], 0.5)
  const head = shell(p(178, 14, 92), [23, 23, 23], 1.1 * wall, tissues)
  const shaft = line([p(183, 12, 78), p(192, 6, 36), p(206, -2, -40), p(222, -16, -170)], [18, 12.5, 11, 11], 3.4)
  const arm = frame.posture === 'standing' ? [head, ...shaft] : []
  return [...clavicle, ...spine, ...lateral, ...medial, blade, ...coracoid, ...arm]
}

/** A thin plate of cortical bone; its corners go round, nearly in one plane. */
function growPlate(corners: readonly [Vector, Vector, Vector, Vector], halfMm: number): Detail {
  const [a, b, c, d] = corners
  const n = normalize(cross(subtract(c, a), subtract(d, b)))
  const middle = scale(add(add(a, b), add(c, d)), 1 / 4)
  const edge = (p: Vector, q: Vector): Plane => {
    const outward = normalize(cross(subtract(q, p), n))
    const sign = dot(outward, subtract(middle, p)) > 0 ? -1 : 1
    const side = scale(outward, sign)
    return { n: side, h: dot(side, p) }
  }
  const planes = [
    { n, h: dot(n, middle) + halfMm },
    { n: scale(n, -1), h: halfMm - dot(n, middle) },
    edge(a, b),
    edge(b, c),
    edge(c, d),
    edge(d, a),
  ]
  return { piece: cut(ball(middle, [90, 90, 90]), ...planes), wall: TISSUES.cortical, base: TISSUES.muscle }
}

function growSternum(tissues: Tissues): Detail[] {
  return [
    shell([0, -62, 82], [27, 6, 25], 1, tissues, rotation(-22)),
    shell([0, -84, 15], [17, 5.5, 52], 1, tissues, rotation(-12)),
  ]
}
