/**
 * Lesion removal: an ellipse is filled with what continues its surroundings, and with grain of their kind.
 *
 * Of several places the one that stands out most is taken, as a lesion would. Limits: lines that cross the ellipse end at its outline.
 */
import { defineTechnique } from '../define.ts'
import { blurField, type Field } from '../field.ts'
import { FINE, makeGrain } from '../grain.ts'
import {
  boxAround,
  cutField,
  type Ellipse,
  fillHarmonic,
  grainAround,
  MARGIN,
  pasteField,
  spotOf,
  weighEllipse,
} from '../patch.ts'
import { choosePlaces, type Place } from '../place.ts'
import { LOCAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'

const PLACES = 24

export const LESION_REMOVAL: Technique = defineTechnique({
  id: 'lesion-removal',
  title: 'A lesion is taken out and the place filled',
  reach: 'local',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  leastSide: 96,
  parameters: [
    { name: 'radius', low: 0.015, high: 0.04, usual: null, meaning: 'of the longer axis, share of the shorter side' },
    { name: 'roundness', low: 0.6, high: 1, usual: null, meaning: 'shorter axis over longer axis' },
    {
      name: 'feather',
      low: 0.2,
      high: 0.5,
      usual: null,
      meaning: 'outer share of the radius over which old and new are blended',
    },
  ],
  expected: LOCAL_SIGHT,
  forge(host, random, { radius: share = 0.025, roundness = 1, feather = 0.3 }) {
    const radius = Math.max(4, share * Math.min(host.width, host.height))
    const place = choosePlaces(host, random, radius, PLACES).reduce((best, other) =>
      standsOut(host, other, radius) > standsOut(host, best, radius) ? other : best,
    )
    const ellipse: Ellipse = { ...place, across: radius, down: radius * roundness, turn: random.between(0, Math.PI) }
    const box = boxAround(place, radius + MARGIN, host)
    const part = cutField(host, box)
    const weight = weighEllipse(ellipse, feather, box)
    // Grain at the outline would be drawn into the fill as streaks.
    const smooth = blurField(part, FINE)
    const filled = fillHarmonic(smooth, weight)
    const grain = makeGrain(part.width, part.height, grainAround(part, weight), random)
    const samples = part.samples.map((value, i) => {
      const share = weight[i] as number
      const under = smooth.samples[i] as number
      const angle = (Math.PI / 2) * share
      // What lies under the grain is blended as it is, grain so that its level stays.
      const base = under + share * ((filled[i] as number) - under)
      return base + Math.cos(angle) * (value - under) + Math.sin(angle) * (grain[i] as number)
    })
    return { samples: pasteField(host, box, { ...part, samples }, weight), spot: spotOf(weight, box) }
  },
})

/** How much brighter a disc is than the ring around it. */
function standsOut({ width, samples }: Field, { x, y }: Place, radius: number): number {
  let [inner, ring, within, around] = [0, 0, 0, 0]
  const reach = Math.floor(1.5 * radius)
  const stride = Math.max(1, Math.floor(radius / 8))
  for (let v = -reach; v <= reach; v += stride) {
    for (let u = -reach; u <= reach; u += stride) {
      const value = samples[(y + v) * width + x + u]
      const away = Math.hypot(u, v) / radius
      if (value === undefined || away > 1.5) continue
      if (away < 0.7) {
        inner += value
        within++
      } else if (away > 1) {
        ring += value
        around++
      }
    }
  }
  return inner / Math.max(1, within) - ring / Math.max(1, around)
}
