/**
 * CT nodule: a small ball of tissue put into several slices, each cut through it where the slice lies.
 *
 * Source: the attack is that of Mirsky and others (2019, CT-GAN); here geometry stands in for their network. A voxel takes the share of tissue that its
 * slice holds, the outline is blurred as the slices are, and grain is new, as alike from slice to slice as around it.
 */

import type { Random } from '../../attack/random.ts'
import type { GreyView } from '../../pixels/grey-view.ts'
import { edgeDeviation } from '../edge-width.ts'
import { blurField } from '../field.ts'
import { MARGIN, pasteField, spotOf } from '../patch.ts'
import { LOCAL_SIGHT } from '../sight.ts'
import type { VolumeTechnique } from '../technique.ts'
import {
  type Block,
  blendParts,
  blockAround,
  boundsOf,
  chooseVoxels,
  cutBlock,
  defineVolumeTechnique,
  grainAcross,
  measureTissues,
  type Reach,
  type Voxel,
} from '../volume.ts'

/** Positions within a slice's thickness that are averaged. */
const LAYERS = 5
const FAINTEST = 0.01
/** Contrast within tissue where there are no lungs, share of the span of values. */
const IN_TISSUE = 0.15

export const CT_NODULE: VolumeTechnique = defineVolumeTechnique({
  id: 'ct-nodule',
  title: 'A nodule is put into slices of a volume',
  reach: 'volume',
  kinds: ['ct', 'mr'],
  leastSide: 64,
  leastSlices: 5,
  parameters: [
    { name: 'radiusMm', low: 2.5, high: 7, usual: null, meaning: 'millimetres, one and a half samples at least' },
    {
      name: 'density',
      low: 0.6,
      high: 1,
      usual: null,
      meaning: 'share of the way from its surroundings to soft tissue',
    },
    {
      name: 'lobes',
      low: 0,
      high: 0.2,
      usual: null,
      meaning: 'how far the outline departs from a ball, share of the radius',
    },
  ],
  expected: LOCAL_SIGHT,
  forge(host, random, { radiusMm = 4, density = 1, lobes = 0 }) {
    const samples = Math.max(1.5, radiusMm / host.spacingMm)
    const ball = { samples, slices: (samples * host.spacingMm) / host.sliceSpacingMm }
    const { voxels, isLung } = chooseVoxels(host, random, ball, 1)
    const [voxel] = voxels as [Voxel]
    const deviation = edgeDeviation(host.slices[voxel.z] as GreyView)
    const around = {
      samples: samples * (1 + 2 * lobes) + 3 * deviation + MARGIN,
      slices: ball.slices * (1 + 2 * lobes) + 1,
    }
    const block = blockAround(voxel, around, host)
    const parts = cutBlock(host, block)
    const weights = drawBall(voxel, ball, lobes, block, random).map((shape, k) =>
      blurField({ ...(parts[k] as { width: number; height: number }), samples: shape }, deviation).samples.map(
        (value) => (value < FAINTEST ? 0 : value),
      ),
    )
    const { bright, span } = measureTissues(host)
    const bases = parts.map(({ samples: under }) =>
      isLung
        ? under.map((value) => value + density * (bright - value))
        : under.map((value) => value + density * IN_TISSUE * span),
    )
    const made = blendParts(parts, weights, bases, grainAcross(parts, weights, random))
    const spot = boundsOf(weights, block, (weight) => spotOf(weight, block))
    const changed = made
      .map((part, k) => pasteField(host.slices[block.first + k] as GreyView, block, part, weights[k] as Float32Array))
      .slice(spot.first - block.first, spot.last - block.first)
    return { changed, spot }
  },
})

/** For each slice the share of each voxel that lies in a ball with lobes, before blur. */
function drawBall(
  { x, y, z }: Voxel,
  { samples, slices }: Reach,
  lobes: number,
  block: Block,
  random: Random,
): Float32Array[] {
  const width = block.right - block.left
  const phases = [2, 3].map((count) => ({
    count,
    phase: random.between(0, 2 * Math.PI),
    tilt: random.between(-2, 2),
    size: (lobes * random.uniform()) / Math.sqrt(count),
  }))
  return Array.from({ length: block.last - block.first }, (_, k) => {
    const shape = new Float32Array(width * (block.bottom - block.top))
    for (let layer = 0; layer < LAYERS; layer++) {
      const w = (block.first + k - z + (layer + 0.5) / LAYERS - 0.5) / slices
      for (let i = 0; i < shape.length; i++) {
        const u = (block.left + (i % width) - x) / samples
        const v = (block.top + Math.floor(i / width) - y) / samples
        const angle = Math.atan2(v, u)
        const edge = phases.reduce(
          (sum, { count, phase, tilt, size }) => sum + size * Math.cos(count * angle + phase + tilt * w),
          1,
        )
        // One voxel's width of soft edge, so that the outline has no steps.
        const inside = Math.min(1, Math.max(0, (edge - Math.hypot(u, v, w)) * samples + 0.5))
        shape[i] = (shape[i] as number) + inside / LAYERS
      }
    }
    return shape
  })
}
