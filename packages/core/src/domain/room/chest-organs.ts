/**
 * Chest organs: skin, muscle, lungs, mediastinum, heart, great vessels, airways and what lies under the diaphragm.
 *
 * In the order of a list of solids: a later organ pushes an earlier one aside.
 */
import type { ChestFrame, LungFrame, Side } from './chest-frame.ts'
import { SIDES } from './chest-frame.ts'
import type { Mixture } from './materials.ts'
import { TISSUES } from './materials.ts'
import { ellipsoid, mapped, moved } from './quadric.ts'
import type { Random } from './random.ts'
import type { Layer, Piece, Solid } from './shapes.ts'
import { ball, cut, tubeSolids } from './shapes.ts'
import type { Matrix, Vector } from './vector.ts'
import { dot, rotation, smoothCurve } from './vector.ts'

/** Height of a dome of the diaphragm above its own rim. */
const DOME_MM = 64

export function growOrgans(frame: ChestFrame, random: Random): Layer[] {
  return [
    {
      softnessMm: 5,
      solids: [...growTrunk(frame, TISSUES.fat, frame.body.fatMm), ...growTrunk(frame, TISSUES.muscle, 0)],
    },
    { softnessMm: 3, solids: growBreasts(frame, random) },
    { softnessMm: 0.7, solids: [...growLungs(frame), ...growDiaphragm(frame)] },
    { softnessMm: 2, solids: [...growMediastinum(frame), ...growHeart(frame, random)] },
    { softnessMm: 0.8, solids: [...growAirways(frame), ...growBowel(frame, random)] },
  ]
}

const growLungs = ({ lungs }: ChestFrame): Solid[] =>
  lungs.map((lung): Solid => ({ piece: lungPiece(lung), fill: TISSUES.lung }))

/** One lung, the diaphragm not yet risen into it. */
export function lungPiece({ center, radii, leanX, leanY }: LungFrame): Piece {
  const upright: Matrix = [
    [1, 0, -leanX],
    [0, 1, -leanY],
    [0, 0, 1],
  ]
  const surface = moved(mapped(ellipsoid([0, 0, 0], radii), upright), center)
  const reach: Vector = [radii[0] + Math.abs(leanX) * radii[2], radii[1] + Math.abs(leanY) * radii[2], radii[2]]
  // The recess behind the liver ends along a plane that falls towards the back.
  const floor = { n: [0, -0.22, -1] as Vector, h: 146 }
  return {
    quadrics: [surface],
    planes: [floor],
    low: [center[0] - reach[0], center[1] - reach[1], center[2] - reach[2]],
    high: [center[0] + reach[0], center[1] + reach[1], center[2] + reach[2]],
  }
}

/** The dome of the diaphragm on each side, with what fills it. */
export function domePiece(frame: ChestFrame, side: Side): Piece {
  const lung = frame.lungs[side < 0 ? 0 : 1]
  const top = frame.domes[side < 0 ? 0 : 1]
  return ball([lung.center[0] - side * 3, -10, top - DOME_MM], [lung.radii[0] + 0.5, lung.radii[1] - 1, DOME_MM])
}

function growDiaphragm(frame: ChestFrame): Solid[] {
  const domes = SIDES.map(
    (side): Solid => ({ piece: domePiece(frame, side), fill: side < 0 ? TISSUES.liver : TISSUES.muscle }),
  )
  const skirts = SIDES.map((side): Solid => {
    const lung = frame.lungs[side < 0 ? 0 : 1]
    const z = frame.domes[side < 0 ? 0 : 1] - DOME_MM
    return {
      piece: cut(ball([lung.center[0] - side * 3, -10, z], [lung.radii[0] + 0.5, lung.radii[1] - 1, 400]), {
        n: [0, 0, 1],
        h: z,
      }),
      fill: TISSUES.liver,
    }
  })
  const middle = Math.min(...frame.domes) - 4
  return [
    ...domes,
    ...skirts,
    { piece: ball([20, -14, middle - 80], [78, 78, 95], rotation(0, 2)), fill: TISSUES.muscle },
  ]
}

function growTrunk(frame: ChestFrame, fill: Mixture, coat: number): Solid[] {
  const slope = 0.36
  const top = 184 + coat * 0.4
  const trunk = cut(
    ball([0, 4, -25], [164 + coat, 114 + coat * 1.1, 430]),
    { n: [slope, 0, 1], h: top },
    { n: [-slope, 0, 1], h: top },
    // Front and back slope towards the neck.
    { n: [0, -1.3, 1], h: 208 + coat * 1.6 },
    { n: [0, 2, 1], h: 285 + coat * 2 },
  )
  const solids: Solid[] = [{ piece: trunk, fill }]
  const tubeOf = (points: readonly Vector[], radii: readonly number[], squash?: Matrix): void => {
    const curve = smoothCurve(points, 4)
    const sections = curve.map((at, i) => {
      const place = (i / (curve.length - 1)) * (radii.length - 1)
      const low = Math.min(radii.length - 2, Math.floor(place))
      return {
        at,
        radius:
          (radii[low] as number) + (place - low) * ((radii[low + 1] as number) - (radii[low] as number)) + coat * 0.6,
      }
    })
    solids.push(...tubeSolids(sections, fill, squash))
  }
  for (const side of SIDES) {
    tubeOf(
      [
        [side * 8, 26, 200],
        [side * 38, 28, 172],
        [side * 82, 26, 138],
        [side * 128, 22, 112],
        [side * 165, 14, 92],
      ],
      [38, 40, 44, 46, 44],
    )
    if (frame.posture === 'standing')
      solids.push({
        piece: ball([side * 162, 14, 92], [48 + coat * 0.6, 48 + coat * 0.8, 52 + coat * 0.6], rotation(0, side * 30)),
        fill,
      })
    if (frame.posture === 'standing')
      tubeOf(
        [
          [side * 172, 12, 110],
          [side * 196, 4, 40],
          [side * 216, -8, -60],
          [side * 226, -20, -180],
        ],
        [44, 44, 40, 36],
      )
  }
  tubeOf(
    [
      [0, 26, 90],
      [0, 22, 130],
      [0, 12, 180],
      [0, -2, 230],
      [0, -10, 290],
    ],
    [62, 60, 57, 56, 58],
    [
      [1, 0, 0],
      [0, 0.95, 0],
      [0, 0, 1],
    ],
  )
  return solids
}

function growBreasts({ body }: ChestFrame, random: Random): Solid[] {
  if (body.sex === 'M') return []
  const size = random.between(0.8, 1.15) * (0.8 + body.fatMm / 60)
  return SIDES.flatMap((side): Solid[] => {
    const low = -78 - 12 * size + random.around(0, 3)
    const wall = -96 - body.fatMm
    // Full below, thin above: only the lower fold draws an edge.
    return [
      {
        piece: ball([side * 72, wall + 10, low + 52], [66 * size, 24 * size, 92 * size], rotation(-14)),
        fill: TISSUES.fat,
      },
      {
        piece: ball([side * 76, wall, low], [58 * size, 36 * size, 44 * size], rotation(-10)),
        fill: [0.35, 0.63, 0, 0, 0],
      },
    ]
  })
}

function growMediastinum(frame: ChestFrame): Solid[] {
  const heights = [215, 170, 130, 90, 50, 10, -30, -70, -110, -150, -200, -240]
  const column = heights.map((z) => {
    const [x, y] = frame.spineAt(z)
    return { at: [x + 1.5, y + 2, z] as Vector, radius: z > 100 ? 25 : 22 }
  })
  return [
    ...tubeSolids(column, TISSUES.muscle, [
      [1, 0, 0],
      [0, 0.62, 0],
      [0, 0, 1],
    ]),
    // Front: thymus bed and fat between the lungs.
    { piece: ball([1, -38, 25], [19, 38, 110], rotation(9)), fill: [0.6, 0.38, 0, 0, 0] },
    { piece: ball([0, 5, 90], [25, 40, 66]), fill: [0.8, 0.2, 0, 0, 0] },
    // Great vessels of neck and arms spread above the arch.
    ...SIDES.flatMap((side) =>
      tubeSolids(
        smoothCurve(
          [
            [side * 8, -18, 62],
            [side * 17, -12, 95],
            [side * 25, -2, 125],
            [side * 36, 6, 160],
          ],
          3,
        ).map((at) => ({ at, radius: 13 })),
        TISSUES.blood,
      ),
    ),
  ]
}

function growBowel(frame: ChestFrame, random: Random): Solid[] {
  const [, leftTop] = frame.domes
  const solids: Solid[] = []
  // Gas at the top of the stomach over a level of fluid.
  const up: Vector = frame.posture === 'standing' ? [0, 0, -1] : [0, 1, 0]
  const bubble: Vector = [60 + random.around(0, 8), -18 + random.around(0, 8), leftTop - 30 + random.around(0, 3)]
  const radii: Vector = [random.between(14, 32), random.between(16, 28), random.between(9, 18)]
  const level = dot(up, bubble) + (frame.posture === 'standing' ? radii[2] : radii[1]) * random.between(0.2, 0.9)
  solids.push({
    piece: cut(ball(bubble, radii, rotation(0, random.around(6, 8))), { n: up, h: level }),
    fill: TISSUES.air,
  })
  // A loop of large bowel in the left flank: pouches in a row.
  const start: Vector = [random.between(82, 112), random.between(-30, 10), leftTop - random.between(40, 70)]
  const step: Vector = [random.between(-10, 6), random.between(-4, 4), -random.between(8, 13)]
  for (let i = random.integer(7); i > 0; i--) {
    const at: Vector = [start[0] + i * step[0] + random.around(0, 2), start[1] + i * step[1], start[2] + i * step[2]]
    solids.push({
      piece: ball(
        at,
        [random.between(7, 13), random.between(6, 13), random.between(5, 8.5)],
        rotation(0, random.between(-40, 40)),
      ),
      fill: TISSUES.air,
    })
  }
  return solids
}

function growHeart(frame: ChestFrame, random: Random): Solid[] {
  const { body, lungs } = frame
  const chest = lungs[1].center[0] + lungs[1].radii[0] - (lungs[0].center[0] - lungs[0].radii[0])
  const size = (body.heartRatio * chest) / 128
  const floor = Math.min(...frame.domes)
  const base = floor + 46
  const tilt = random.around(36, 5)
  const blood = TISSUES.blood
  const heart = (x: number, y: number, z: number, rx: number, ry: number, rz: number, turn?: Matrix): Solid => ({
    piece: ball([x * size, y, base + z * size], [rx * size, ry * size, rz * size], turn),
    fill: blood,
  })
  const knob = body.age > 60 ? 3.5 : 0
  const arch: Vector[] = [
    [-12, -28, base + 22],
    [-19, -26, 28],
    [-13, -14, 56],
    [6, 10, 68],
    [20 + knob, 32, 60],
    [24 + knob, 46, 40],
    [24, 52, 5],
  ]
  const down: Vector[] = [
    [24, 52, 5],
    [23, 54, -40],
    [18, 54, -90],
    [12, 50, -140],
    [6, 46, -220],
  ]
  const cava: Vector[] = [
    [-20, -8, 120],
    [-22, -8, 60],
    [-24, -6, 15],
    [-24, -6, base],
  ]
  const trunk: Vector[] = [
    [14, -44, base + 20],
    [24, -30, base + 46],
    [27, -8, base + 58],
    [18, 10, base + 60],
  ]
  const tubeOf = (points: readonly Vector[], radius: number): Solid[] =>
    tubeSolids(
      smoothCurve(points, 3).map((at) => ({ at, radius })),
      blood,
    )
  return [
    ...tubeOf(cava, 9),
    ...tubeOf(arch, 13 + knob * 0.5),
    ...tubeOf(down, 11.5),
    ...tubeOf(trunk, 14),
    // Right and left pulmonary artery, out to the hila.
    ...tubeOf(
      [
        [10, -4, base + 56],
        [-16, 8, base + 52],
        [-36, 18, base + 44],
        [-46, 22, base + 22],
        [-49, 26, base - 4],
      ],
      8.6,
    ),
    ...tubeOf(
      [
        [22, -8, base + 60],
        [34, 14, base + 66],
        [42, 28, base + 52],
        [45, 32, base + 24],
      ],
      8.4,
    ),
    heart(31, -30, -8, 64, 46, 42, rotation(0, tilt, 14)),
    heart(14, -44, -20, 56, 40, 36, rotation(0, 10)),
    heart(24, -36, -2, 48, 40, 46, rotation(0, 48)),
    heart(-13, -20, 2, 33, 40, 46, rotation(0, -10)),
    heart(8, 10, 22, 38, 28, 30),
    heart(34, -30, -30, 48, 42, 26, rotation(0, 14)),
    heart(26, -22, 30, 24, 26, 30, rotation(0, 30)),
  ]
}

function growAirways(frame: ChestFrame): Solid[] {
  const [sx] = frame.spineAt(60)
  const wind: Vector[] = [
    [0, -14, 250],
    [0, -4, 205],
    [sx * 0.4, 6, 150],
    [sx * 0.6 - 1, 14, 100],
    [sx * 0.6 - 3, 20, 50],
  ]
  const right: Vector[] = [
    [sx * 0.6 - 3, 20, 54],
    [-16, 22, 38],
    [-32, 25, 22],
    [-40, 28, 4],
  ]
  const left: Vector[] = [
    [sx * 0.6 - 3, 20, 54],
    [12, 22, 37],
    [30, 27, 25],
    [45, 32, 14],
  ]
  const section = (radius: number) => (at: Vector, i: number) => ({ at, radius: radius - i * 0.15 })
  return [
    ...tubeSolids(
      smoothCurve(wind, 3).map((at) => ({ at, radius: frame.body.sex === 'F' ? 7.6 : 8.8 })),
      TISSUES.air,
    ),
    ...tubeSolids(smoothCurve(right, 3).map(section(6.8)), TISSUES.air),
    ...tubeSolids(smoothCurve(left, 3).map(section(6)), TISSUES.air),
  ]
}
