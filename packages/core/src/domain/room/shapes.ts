/**
 * Shapes: convex pieces cut from quadrics and planes, with the tissue that fills them.
 *
 * Two ways to add a piece to a scene. A *solid* takes the place of every solid before it in the list: organs push each
 * other aside. A *detail* lies wholly inside one known tissue and replaces it: bones in flesh, vessels in lung. Details
 * cost no bookkeeping, so there may be thousands.
 */
import type { Mixture } from './materials.ts'
import type { Plane, Quadric } from './quadric.ts'
import { cone, ellipsoid, mapped } from './quadric.ts'
import type { Matrix, Vector } from './vector.ts'
import { add, dot, lengthOf, multiply, normalize, scale, subtract, transpose } from './vector.ts'

/** The points inside all quadrics and all planes. */
export interface Piece {
  readonly quadrics: readonly Quadric[]
  readonly planes: readonly Plane[]
  /** Axis-parallel box around it. */
  readonly low: Vector
  readonly high: Vector
}

export interface Solid {
  readonly piece: Piece
  readonly fill: Mixture
}

/** A wall around a core; without a core the wall's tissue fills all of it. */
export interface Detail {
  readonly piece: Piece
  readonly wall: Mixture
  readonly core?: { readonly surface: Quadric; readonly fill: Mixture }
  /** The tissue it lies in. */
  readonly base: Mixture
}

/** Solids whose edges are equally soft: skin and heart have no edges like bone. */
export interface Layer {
  readonly solids: readonly Solid[]
  /** Standard deviation of the softening, in the plane of the detector. */
  readonly softnessMm: number
}

/** Everything in the beam; later layers push earlier ones aside. */
export interface Scene {
  readonly layers: readonly Layer[]
  readonly details: readonly Detail[]
}

/** An ellipsoid, its box found from its own quadric; radii must be finite. */
export function ball(center: Vector, radii: Vector, turn?: Matrix): Piece {
  const reach = ellipsoidReach(radii, turn)
  return {
    quadrics: [ellipsoid(center, radii, turn)],
    planes: [],
    low: subtract(center, reach),
    high: add(center, reach),
  }
}

/** A piece cut by planes; the box stays. */
export const cut = (piece: Piece, ...planes: readonly Plane[]): Piece => ({
  ...piece,
  planes: [...piece.planes, ...planes],
})

/** The part of `piece` that lies inside the other too. */
export const within = (piece: Piece, other: Piece): Piece => ({
  quadrics: [...piece.quadrics, ...other.quadrics],
  planes: [...piece.planes, ...other.planes],
  low: piece.low.map((value, i) => Math.max(value, other.low[i] as number)) as unknown as Vector,
  high: piece.high.map((value, i) => Math.min(value, other.high[i] as number)) as unknown as Vector,
})

/** An ellipsoid with a wall of even thickness around a core. */
export function shell(
  center: Vector,
  radii: Vector,
  wallMm: number,
  tissues: Omit<Detail, 'piece' | 'core'> & { readonly core: Mixture },
  turn?: Matrix,
): Detail {
  const inner = radii.map((radius) => Math.max(radius * 0.2, radius - wallMm)) as unknown as Vector
  return {
    piece: ball(center, radii, turn),
    wall: tissues.wall,
    base: tissues.base,
    core: { surface: ellipsoid(center, inner, turn), fill: tissues.core },
  }
}

export interface TubeSection {
  readonly at: Vector
  readonly radius: number
  /** Thickness of the wall; 0 fills the tube with the wall's tissue. */
  readonly wall?: number
}

export interface TubePiece {
  readonly piece: Piece
  readonly inner?: Quadric
}

/**
 * A bent tube as a row of cones that meet in mitred joints, so that no point lies in two of them.
 * @param squash  map under which the tube is round; identity if absent
 */
export function tube(sections: readonly TubeSection[], squash?: Matrix): TubePiece[] {
  const round =
    squash === undefined ? sections : sections.map((section) => ({ ...section, at: multiply(squash, section.at) }))
  const directions = round.slice(1).map((section, i) => normalize(subtract(section.at, (round[i] as TubeSection).at)))
  const back = squash === undefined ? undefined : transpose(squash)
  const pieces: TubePiece[] = []
  for (let i = 0; i < directions.length; i++) {
    const [from, to] = [round[i] as TubeSection, round[i + 1] as TubeSection]
    const here = directions[i] as Vector
    const start = jointPlane(from.at, directions[i - 1] ?? here, here)
    const end = jointPlane(to.at, here, directions[i + 1] ?? here)
    const planes = [{ n: scale(start.n, -1), h: -start.h }, end].map((plane) =>
      back === undefined ? plane : { n: multiply(back, plane.n), h: plane.h },
    )
    const own = (radiusFrom: number, radiusTo: number): Quadric => {
      const surface = cone(from.at, to.at, radiusFrom, radiusTo)
      return squash === undefined ? surface : mapped(surface, squash)
    }
    const [worldFrom, worldTo] = [sections[i] as TubeSection, sections[i + 1] as TubeSection]
    const reach = Math.max(from.radius, to.radius) * 1.25 * (squash === undefined ? 1 : stretchOf(squash))
    const piece: Piece = {
      quadrics: [own(from.radius, to.radius)],
      planes,
      low: [0, 1, 2].map(
        (axis) => Math.min(worldFrom.at[axis] as number, worldTo.at[axis] as number) - reach,
      ) as unknown as Vector,
      high: [0, 1, 2].map(
        (axis) => Math.max(worldFrom.at[axis] as number, worldTo.at[axis] as number) + reach,
      ) as unknown as Vector,
    }
    const [wallFrom, wallTo] = [from.wall ?? 0, to.wall ?? 0]
    pieces.push(
      wallFrom + wallTo === 0
        ? { piece }
        : { piece, inner: own(Math.max(0.1, from.radius - wallFrom), Math.max(0.1, to.radius - wallTo)) },
    )
  }
  return pieces
}

/** A tube as details of a scene. */
export const tubeDetails = (
  sections: readonly TubeSection[],
  tissues: { readonly wall: Mixture; readonly core: Mixture; readonly base: Mixture },
  squash?: Matrix,
): Detail[] =>
  tube(sections, squash).map(({ piece, inner }) => ({
    piece,
    wall: tissues.wall,
    base: tissues.base,
    ...(inner === undefined ? {} : { core: { surface: inner, fill: tissues.core } }),
  }))

/** A tube as solids of a scene. */
export const tubeSolids = (sections: readonly TubeSection[], fill: Mixture, squash?: Matrix): Solid[] =>
  tube(sections, squash).map(({ piece }) => ({ piece, fill }))

function jointPlane(at: Vector, before: Vector, after: Vector): Plane {
  const sum = add(before, after)
  const n = lengthOf(sum) < 1e-6 ? after : normalize(sum)
  return { n, h: dot(n, at) }
}

/** How far an ellipsoid reaches along each axis of the patient. */
function ellipsoidReach(radii: Vector, turn?: Matrix): Vector {
  if (turn === undefined) return radii
  const along = (row: Vector): number => Math.hypot(row[0] * radii[0], row[1] * radii[1], row[2] * radii[2])
  return [along(turn[0]), along(turn[1]), along(turn[2])]
}

/** Greatest stretching of the inverse of a diagonal squashing map. */
const stretchOf = (squash: Matrix): number => Math.max(1 / squash[0][0], 1 / squash[1][1], 1 / squash[2][2])
