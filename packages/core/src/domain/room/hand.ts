/**
 * Hand: bones and flesh of one hand, laid flat with the palm on the detector.
 *
 * Axes of the picture, not of the patient: z runs from the wrist to the fingertips, x towards the thumb of a left hand,
 * y from the detector to the tube. Lengths are common figures for adults in millimetres.
 */
import type { Body } from './body.ts'
import type { Mixture } from './materials.ts'
import { TISSUES } from './materials.ts'
import type { Random } from './random.ts'
import type { Detail, Scene, Solid, TubeSection } from './shapes.ts'
import { ball, shell, tubeDetails, tubeSolids } from './shapes.ts'
import type { Matrix, Vector } from './vector.ts'
import { add, mix, rotation, scale, smoothCurve } from './vector.ts'

/** One ray of the hand: where its metacarpal starts, the lengths of its bones and how they lean towards the thumb. */
interface Digit {
  readonly base: Vector
  readonly lengths: readonly number[]
  readonly leans: readonly number[]
  readonly girth: number
}

const DIGITS: readonly Digit[] = [
  { base: [25, 2, 9], lengths: [44, 31, 23], leans: [44, 30, 24], girth: 1.08 },
  { base: [13, 1, 19], lengths: [67, 40, 23, 17], leans: [9, 8, 7, 6], girth: 1 },
  { base: [1.5, 1, 21], lengths: [64, 44, 28, 18], leans: [0.5, 1, 0.5, 0], girth: 1.02 },
  { base: [-9.5, 1, 18], lengths: [57, 41, 26, 18], leans: [-8, -8, -7, -6], girth: 0.95 },
  { base: [-19.5, 0, 13], lengths: [53, 33, 18, 16], leans: [-17, -20, -18, -15], girth: 0.87 },
]

/** Place, half axes and lean of the eight bones of the wrist. */
const CARPALS: readonly (readonly [center: Vector, radii: Vector, lean: number])[] = [
  [[14, 0, -4.5], [6.8, 6, 13], 38],
  [[1, 1, -9], [8.6, 7, 8], 0],
  [[-11, 1, -5], [7.4, 6, 6.8], -25],
  [[-13.5, -8, -2.5], [5, 4, 5.6], 0],
  [[22.5, -2, 4], [7.6, 6.4, 6.6], -30],
  [[13, 2, 12], [5.8, 6.2, 6.2], 0],
  [[2, 2, 8.5], [7.2, 7.2, 12.2], 3],
  [[-10.5, 1, 9], [8, 7, 9.2], -18],
]
/** Gap between two bones of a digit. */
const JOINT_MM = 1.9
const BONE = { wall: TISSUES.cortical, base: TISSUES.muscle } as const

export function growHand(body: Body, random: Random): Scene {
  // Shafts lose their walls with age.
  const loss = Math.max(0, body.age - (body.sex === 'F' ? 50 : 62)) * 0.007
  const wall = (1 - Math.min(0.3, loss)) * random.around(1, 0.06)
  const core = TISSUES.spongy.map((density, i) =>
    i === 4 ? density * (1 - loss) * 1.1 : density,
  ) as unknown as Mixture
  const digits = DIGITS.map((digit): Vector[] => layDigit(digit, random))
  const details = [
    ...digits.flatMap((joints, i) => growDigit(joints, (DIGITS[i] as Digit).girth, wall, core, random)),
    ...CARPALS.map(([center, radii, lean]) =>
      shell(jitter(center, 0.4, random), radii, 0.6 * wall, { ...BONE, core }, rotation(0, lean + random.around(0, 3))),
    ),
    ...growForearm(wall, core),
    ...growSesamoids(digits[0] as Vector[], core),
  ]
  return {
    layers: [
      {
        softnessMm: 1.5,
        solids: [...growFlesh(digits, TISSUES.fat, 1.6 + body.fatMm * 0.05), ...growFlesh(digits, TISSUES.muscle, 0)],
      },
    ],
    details,
  }
}

/** The joints of a digit, from the base of its metacarpal to the fingertip. */
function layDigit({ base, lengths, leans }: Digit, random: Random): Vector[] {
  const joints: Vector[] = [jitter(base, 0.5, random)]
  const spread = random.around(0, 1.6)
  for (const [i, length] of lengths.entries()) {
    const lean = (((leans[i] as number) + spread + random.around(0, 1)) * Math.PI) / 180
    const rise = i === 0 ? 0.03 : i === 1 ? 0.06 : -0.05
    const reach = length * random.around(1, 0.012)
    joints.push(add(joints.at(-1) as Vector, [reach * Math.sin(lean), reach * rise, reach * Math.cos(lean)]))
  }
  return joints
}

function growDigit(joints: readonly Vector[], girth: number, wall: number, core: Mixture, random: Random): Detail[] {
  const isThumb = joints.length === 4
  const details: Detail[] = []
  for (let i = 0; i + 1 < joints.length; i++) {
    const [from, to] = [joints[i] as Vector, joints[i + 1] as Vector]
    const place = isThumb && i > 0 ? i + 1 : i
    const isLast = i + 2 === joints.length
    const profile = isLast ? TIP : place === 0 ? METACARPAL : PHALANX
    const size = girth * (place === 0 ? 1 : place === 1 ? 0.93 : place === 2 ? 0.8 : 0.74) * random.around(1, 0.02)
    const length = Math.hypot(...add(to, scale(from, -1)))
    const [start, end] = [JOINT_MM / 2 / length, 1 - (isLast ? 2.2 : JOINT_MM / 2) / length]
    const sections = smoothProfile(profile).map(
      ([share, radius, thick]): TubeSection => ({
        at: mix(from, to, start + share * (end - start)),
        radius: radius * size,
        wall: Math.min(radius * size * 0.75, thick * size * wall),
      }),
    )
    details.push(...tubeDetails(sections, { ...BONE, core }, FLAT))
  }
  return details
}

/** Bones of a hand are a little flatter than wide. */
const FLAT: Matrix = [
  [1, 0, 0],
  [0, 1.15, 0],
  [0, 0, 1],
]

/** Share of the length, radius and thickness of the wall. */
type Profile = readonly (readonly [share: number, radius: number, wall: number])[]
const METACARPAL: Profile = [
  [0, 4.2, 0.4],
  [0.02, 6.1, 0.5],
  [0.07, 6.9, 0.6],
  [0.14, 6.4, 0.8],
  [0.24, 4.9, 1.3],
  [0.38, 4.05, 1.8],
  [0.52, 3.9, 1.9],
  [0.66, 4.2, 1.6],
  [0.78, 5.1, 1],
  [0.86, 6.2, 0.6],
  [0.92, 6.6, 0.5],
  [0.96, 6.1, 0.45],
  [0.985, 4.8, 0.4],
  [1, 2.4, 0.4],
]
const PHALANX: Profile = [
  [0, 4.6, 0.4],
  [0.02, 6.3, 0.5],
  [0.07, 6.9, 0.55],
  [0.14, 6.2, 0.7],
  [0.26, 4.9, 1.1],
  [0.42, 4.2, 1.55],
  [0.6, 3.9, 1.7],
  [0.74, 4.1, 1.3],
  [0.85, 4.9, 0.75],
  [0.92, 5.4, 0.5],
  [0.965, 5, 0.45],
  [0.99, 3.9, 0.4],
  [1, 2.6, 0.4],
]
const TIP: Profile = [
  [0, 4.6, 0.4],
  [0.03, 6, 0.5],
  [0.1, 6.3, 0.55],
  [0.2, 5, 0.8],
  [0.36, 3.6, 1.1],
  [0.56, 2.7, 1.3],
  [0.7, 2.8, 1.1],
  [0.82, 3.7, 0.7],
  [0.91, 4.2, 0.5],
  [0.97, 3.4, 0.45],
  [1, 1.6, 0.4],
]

/** Sections close enough that no edge shows. */
const smoothProfile = (profile: Profile): readonly Vector[] =>
  smoothCurve(
    profile.map(([share, radius, wall]): Vector => [share, radius, wall]),
    3,
  )

function growForearm(wall: number, core: Mixture): Detail[] {
  const radius: TubeSection[] = [
    { at: [12, 1, -16.5], radius: 10, wall: 0.6 },
    { at: [11.5, 1, -19], radius: 14.2, wall: 0.7 },
    { at: [10.5, 1, -27], radius: 14.4, wall: 0.8 },
    { at: [9.5, 1, -38], radius: 11, wall: 1.2 },
    { at: [8.8, 1, -52], radius: 8.2, wall: 1.9 },
    { at: [8.4, 1, -75], radius: 7, wall: 2.4 },
    { at: [8, 1, -140], radius: 7, wall: 2.6 },
  ]
  const ulna: TubeSection[] = [
    { at: [-14, 2, -19.5], radius: 5, wall: 0.5 },
    { at: [-14, 2, -21], radius: 7.6, wall: 0.7 },
    { at: [-14, 2, -28], radius: 7.4, wall: 0.9 },
    { at: [-14.6, 2, -38], radius: 5.8, wall: 1.5 },
    { at: [-15.4, 2, -60], radius: 5.8, wall: 2.1 },
    { at: [-16.5, 2, -140], radius: 6.4, wall: 2.3 },
  ]
  const styloid: TubeSection[] = [
    { at: [-19, 2, -24], radius: 2.6, wall: 0.7 },
    { at: [-19.6, 2, -16.5], radius: 1.4, wall: 0.6 },
  ]
  const outer: TubeSection[] = [
    { at: [21, 1, -24], radius: 4.6, wall: 0.8 },
    { at: [23, 1, -13.5], radius: 2.2, wall: 0.6 },
  ]
  const scaled = (sections: readonly TubeSection[]): TubeSection[] => {
    const places = smoothCurve(
      sections.map(({ at }) => at),
      4,
    )
    const sizes = smoothCurve(
      sections.map((section): Vector => [section.radius, section.wall ?? 0, 0]),
      4,
    )
    return places.map((at, i) => ({ at, radius: (sizes[i] as Vector)[0], wall: (sizes[i] as Vector)[1] * wall }))
  }
  return [
    ...tubeDetails(scaled(radius), { ...BONE, core }, FLAT),
    ...[ulna, styloid, outer].flatMap((sections) => tubeDetails(scaled(sections), { ...BONE, core })),
  ]
}

/** The two small bones in the tendons at the thumb's second joint. */
function growSesamoids(thumb: readonly Vector[], core: Mixture): Detail[] {
  const joint = thumb[1] as Vector
  return [-4.4, 4.4].map((x) => shell(add(joint, [x, -9, -3.5]), [2.2, 2, 2.6], 0.5, { ...BONE, core }))
}

function growFlesh(digits: readonly (readonly Vector[])[], fill: Mixture, coat: number): Solid[] {
  const solids: Solid[] = []
  for (const [i, joints] of digits.entries()) {
    const girth = (DIGITS[i] as Digit).girth
    const radii = joints.length === 4 ? [13, 11.5, 9.8, 7] : [11.5, 11, 9.3, 8.3, 6.2]
    const sections = joints.map((at, k) => ({ at, radius: (radii[k] as number) * girth + coat }))
    const [tip, before] = [sections.at(-1) as TubeSection, sections.at(-2) as TubeSection]
    const end = add(tip.at, scale(add(tip.at, scale(before.at, -1)), 0.06))
    solids.push(...tubeSolids(dense(sections), fill), {
      piece: ball(end, [tip.radius, tip.radius * 0.9, tip.radius]),
      fill,
    })
  }
  const pad = (center: Vector, radii: Vector, lean = 0): void => {
    solids.push({ piece: ball(center, [radii[0] + coat, radii[1] + coat, radii[2] + coat], rotation(0, lean)), fill })
  }
  pad([-2, -1, 46], [36, 14, 40], -3)
  pad([-1, -1, 66], [36, 12, 22], -6)
  pad([25, -3, 22], [18, 14, 34], 32)
  pad([-23, -2, 24], [14, 15, 34], -10)
  pad([1, 0, -2], [31, 19, 34])
  solids.push(
    ...tubeSolids(
      [
        { at: [1, 0, 12], radius: 30 + coat },
        { at: [-1, 0, -20], radius: 28 + coat },
        { at: [-3, 0, -60], radius: 28.5 + coat },
        { at: [-5, 0, -150], radius: 35 + coat },
      ],
      fill,
      [
        [1, 0, 0],
        [0, 1.45, 0],
        [0, 0, 1],
      ],
    ),
  )
  return solids
}

/** Four sections for each one: soft outlines between joints, a little waist between two of them. */
function dense(sections: readonly TubeSection[]): TubeSection[] {
  const out: TubeSection[] = []
  for (let i = 0; i + 1 < sections.length; i++) {
    const [from, to] = [sections[i] as TubeSection, sections[i + 1] as TubeSection]
    for (let k = 0; k < 4; k++) {
      const share = k / 4
      const waist = i === 0 ? 0 : 0.7 * Math.sin(Math.PI * share)
      out.push({ at: mix(from.at, to.at, share), radius: from.radius + share * (to.radius - from.radius) - waist })
    }
  }
  out.push(sections.at(-1) as TubeSection)
  return out
}

const jitter = (p: Vector, size: number, random: Random): Vector =>
  add(p, [random.around(0, size), random.around(0, size), random.around(0, size)])
