/**
 * Copy and move: a piece of the picture is laid over another piece of it, as one hides what should not be seen.
 *
 * Limits: no turning, scaling or mirroring of the piece.
 */
import { clonePatch, seamOf } from '../clone.ts'
import { defineTechnique } from '../define.ts'
import { mirrorIndex } from '../field.ts'
import { choosePlaces, type Place } from '../place.ts'
import { LOCAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'

/** Places that the piece may come from; the one that fits best is taken. */
const TRIES = 24

export const COPY_MOVE: Technique = defineTechnique({
  id: 'copy-move',
  title: 'A piece of the picture is copied over another',
  reach: 'local',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  leastSide: 96,
  parameters: [
    { name: 'radius', low: 0.025, high: 0.07, usual: null, meaning: 'share of the shorter side' },
    { name: 'roundness', low: 0.6, high: 1, usual: null, meaning: 'shorter axis over longer axis' },
    {
      name: 'feather',
      low: 0.15,
      high: 0.4,
      usual: null,
      meaning: 'outer share of the radius over which old and new are blended',
    },
  ],
  expected: LOCAL_SIGHT,
  forge(host, random, { radius: share = 0.04, roundness = 1, feather = 0.3 }) {
    const { width, height, samples } = host
    const radius = Math.max(5, share * Math.min(width, height))
    const [target, ...others] = choosePlaces(host, random, radius, 1 + TRIES) as [Place, ...Place[]]
    const ellipse = { ...target, across: radius, down: radius * roundness, turn: random.between(0, Math.PI) }
    const sourceAt =
      (source: Place) =>
      (x: number, y: number): number =>
        samples[
          mirrorIndex(y + source.y - target.y, height) * width + mirrorIndex(x + source.x - target.x, width)
        ] as number
    const far = others.filter(({ x, y }) => Math.hypot(x - target.x, y - target.y) > 2 * radius)
    if (far.length === 0) throw new RangeError('the picture has no second place')
    // Who hides something takes a piece that fits.
    const seams = far.map((source) => ({ source, seam: seamOf(host, ellipse, sourceAt(source)) }))
    const { source } = seams.reduce((best, other) => (other.seam < best.seam ? other : best))
    return clonePatch(host, ellipse, feather, sourceAt(source))
  },
})
