/**
 * Nodule: the shadow of a small lobed ball of soft tissue, as blurred and as grainy as the picture it is put into.
 *
 * Its brightness is a share of what is left up to the bright end at its place, as that of denser tissue is on a logarithmic film curve. A part of the
 * grain under it is new, as a network would have made it. Limits: lines of vessels and ribs are seen through it.
 */
import type { Random } from '../../attack/random.ts'
import { defineTechnique } from '../define.ts'
import { edgeDeviation } from '../edge-width.ts'
import { blurField } from '../field.ts'
import { boxAround, cutField, exchangeGrain, MARGIN, pasteField, spotOf } from '../patch.ts'
import { choosePlaces, type Place } from '../place.ts'
import { LOCAL_SIGHT } from '../sight.ts'
import type { Spot, Technique } from '../technique.ts'
import { toneRange } from '../tone-range.ts'

/** Below this share of its brightness a nodule ends. */
const FAINTEST = 0.004

export const NODULE: Technique = defineTechnique({
  id: 'nodule',
  title: 'A nodule is put in',
  reach: 'local',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  leastSide: 96,
  parameters: [
    { name: 'radius', low: 0.012, high: 0.03, usual: null, meaning: 'share of the shorter side' },
    {
      name: 'contrast',
      low: 0.12,
      high: 0.35,
      usual: null,
      meaning: 'share of the way from its surroundings to the bright end',
    },
    {
      name: 'lobes',
      low: 0,
      high: 0.2,
      usual: null,
      meaning: 'how far the outline departs from a circle, share of the radius',
    },
    { name: 'regrain', low: 0.3, high: 1, usual: null, meaning: 'share of the grain under it that is new' },
  ],
  expected: LOCAL_SIGHT,
  forge(host, random, { radius: share = 0.02, contrast = 0.2, lobes = 0, regrain = 1 }) {
    const radius = share * Math.min(host.width, host.height)
    const [place] = choosePlaces(host, random, radius) as [Place]
    const deviation = edgeDeviation(host)
    const box = boxAround(place, radius * (1 + 2 * lobes) + 3 * deviation + MARGIN, host)
    const part = cutField(host, box)
    const shadow = drawBall(place, radius, lobes, box, random)
    const weight = blurField({ ...part, samples: shadow }, deviation).samples.map((value) =>
      value < FAINTEST ? 0 : value,
    )
    const rise = contrast * Math.max(0, toneRange(host).high - meanUnder(part.samples, weight))
    const grained = exchangeGrain(part, weight, regrain, random)
    const samples = grained.map((value, i) => value + rise * (weight[i] as number))
    return { samples: pasteField(host, box, { ...part, samples }, weight), spot: spotOf(weight, box) }
  },
})

/** The way through a ball whose outline has lobes, 1 through its middle. */
function drawBall({ x, y }: Place, radius: number, lobes: number, box: Spot, random: Random): Float32Array {
  const waves = [2, 3, 5].map((count) => ({
    count,
    phase: random.between(0, 2 * Math.PI),
    size: (lobes * random.uniform()) / Math.sqrt(count),
  }))
  const width = box.right - box.left
  return Float32Array.from({ length: width * (box.bottom - box.top) }, (_, i) => {
    const [u, v] = [box.left + (i % width) - x, box.top + Math.floor(i / width) - y]
    const angle = Math.atan2(v, u)
    const edge = radius * waves.reduce((sum, { count, phase, size }) => sum + size * Math.cos(count * angle + phase), 1)
    return Math.sqrt(Math.max(0, 1 - (Math.hypot(u, v) / edge) ** 2))
  })
}

function meanUnder(samples: Float32Array, weight: Float32Array): number {
  let [sum, mass] = [0, 0]
  for (let i = 0; i < samples.length; i++) {
    sum += (weight[i] as number) * (samples[i] as number)
    mass += weight[i] as number
  }
  return mass > 0 ? sum / mass : 0
}
