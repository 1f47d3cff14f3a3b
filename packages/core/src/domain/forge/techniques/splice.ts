/**
 * Splice: a piece of another patient's picture is laid into this one, at the same place of the frame, its tones matched.
 *
 * Limits: the other picture's sharpness and grain come with it; where sizes differ it is resampled, which makes its grain weaker.
 */
import { clonePatch, seamOf } from '../clone.ts'
import { defineTechnique } from '../define.ts'
import { valueAt } from '../field.ts'
import { choosePlaces } from '../place.ts'
import { LOCAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'
import { toneRange } from '../tone-range.ts'

/** Places that are tried; the one where the other picture fits best is taken. */
const TRIES = 24

export const SPLICE: Technique = defineTechnique({
  id: 'splice',
  title: "A piece of another patient's picture is laid in",
  reach: 'local',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  needsDonor: true,
  leastSide: 96,
  parameters: [
    { name: 'radius', low: 0.03, high: 0.09, usual: null, meaning: 'share of the shorter side' },
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
  forge(host, random, { radius: share = 0.05, roundness = 1, feather = 0.3 }) {
    const { donor } = host
    if (donor === undefined) throw new RangeError('a picture of another patient is needed')
    const radius = Math.max(5, share * Math.min(host.width, host.height))
    const turn = random.between(0, Math.PI)
    const scale = { x: (donor.width - 1) / (host.width - 1), y: (donor.height - 1) / (host.height - 1) }
    const [own, other] = [toneRange(host), toneRange(donor)]
    const gain = (own.high - own.low) / (other.high - other.low)
    const sourceAt = (x: number, y: number): number =>
      own.low + gain * (valueAt(donor, x * scale.x, y * scale.y) - other.low)
    const fits = choosePlaces(host, random, radius, TRIES).map((place) => {
      const ellipse = { ...place, across: radius, down: radius * roundness, turn }
      return { ellipse, seam: seamOf(host, ellipse, sourceAt) }
    })
    const { ellipse } = fits.reduce((best, next) => (next.seam < best.seam ? next : best))
    return clonePatch(host, ellipse, feather, sourceAt)
  },
})
