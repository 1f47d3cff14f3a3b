/**
 * CT removal: an ellipsoid across slices is filled with what continues its surroundings in all three directions, and with their grain.
 *
 * Source: the attack is that of Mirsky and others (2019, CT-GAN); Laplace's equation stands in for their network. Of several places the one that
 * stands out most is taken.
 */
import type { GreyView } from '../../pixels/grey-view.ts'
import { blurField, type Field } from '../field.ts'
import { FINE } from '../grain.ts'
import { MARGIN, pasteField, spotOf } from '../patch.ts'
import { LOCAL_SIGHT } from '../sight.ts'
import type { VolumeHost, VolumeTechnique } from '../technique.ts'
import {
  type Block,
  blendParts,
  blockAround,
  boundsOf,
  chooseVoxels,
  cutBlock,
  defineVolumeTechnique,
  grainAcross,
  type Reach,
  type Voxel,
} from '../volume.ts'

const PLACES = 40

export const CT_REMOVAL: VolumeTechnique = defineVolumeTechnique({
  id: 'ct-removal',
  title: 'A lesion is taken out of slices of a volume',
  reach: 'volume',
  kinds: ['ct', 'mr'],
  leastSide: 64,
  leastSlices: 5,
  parameters: [
    { name: 'radiusMm', low: 3, high: 9, usual: null, meaning: 'millimetres, two samples at least' },
    {
      name: 'feather',
      low: 0.2,
      high: 0.5,
      usual: null,
      meaning: 'outer share of the radius over which old and new are blended',
    },
  ],
  expected: LOCAL_SIGHT,
  forge(host, random, { radiusMm = 5, feather = 0.3 }) {
    const samples = Math.max(2, radiusMm / host.spacingMm)
    const reach = { samples, slices: (samples * host.spacingMm) / host.sliceSpacingMm }
    const { voxels } = chooseVoxels(host, random, reach, PLACES)
    const voxel = voxels.reduce((best, other) =>
      standsOut(host, other, samples) > standsOut(host, best, samples) ? other : best,
    )
    const block = blockAround(voxel, { samples: samples + MARGIN, slices: reach.slices + 1 }, host)
    const parts = cutBlock(host, block)
    const weights = weighEllipsoid(voxel, reach, feather, block)
    const smooth = parts.map((part) => blurField(part, FINE))
    const bases = fillAcross(smooth, weights, (host.spacingMm / host.sliceSpacingMm) ** 2)
    const made = blendParts(parts, weights, bases, grainAcross(parts, weights, random))
    const spot = boundsOf(weights, block, (weight) => spotOf(weight, block))
    const changed = made
      .map((part, k) => pasteField(host.slices[block.first + k] as GreyView, block, part, weights[k] as Float32Array))
      .slice(spot.first - block.first, spot.last - block.first)
    return { changed, spot }
  },
})

function weighEllipsoid({ x, y, z }: Voxel, reach: Reach, feather: number, block: Block): Float32Array[] {
  const width = block.right - block.left
  return Array.from({ length: block.last - block.first }, (_, k) =>
    Float32Array.from({ length: width * (block.bottom - block.top) }, (_value, i) => {
      const u = (block.left + (i % width) - x) / reach.samples
      const v = (block.top + Math.floor(i / width) - y) / reach.samples
      const away = Math.hypot(u, v, (block.first + k - z) / Math.max(0.6, reach.slices))
      const t = Math.min(1, Math.max(0, (1 - away) / feather))
      return t * t * (3 - 2 * t)
    }),
  )
}

/** @param across  weight of the slices above and below against that of neighbours within a slice */
function fillAcross(parts: readonly Field[], weights: readonly Float32Array[], across: number): Float32Array[] {
  const filled = parts.map(({ samples }) => samples.slice())
  const { width } = parts[0] as Field
  const inside = weights.map((weight) => [...weight.keys()].filter((i) => (weight[i] as number) > 0))
  const total = 4 + 2 * across
  const passes = 60 + 2 * width
  for (let pass = 0; pass < passes; pass++) {
    for (const [k, list] of inside.entries()) {
      const here = filled[k] as Float32Array
      const above = filled[k - 1] ?? here
      const below = filled[k + 1] ?? here
      for (const i of list) {
        const within =
          (here[i - 1] as number) + (here[i + 1] as number) + (here[i - width] as number) + (here[i + width] as number)
        const mean = (within + across * ((above[i] as number) + (below[i] as number))) / total
        here[i] = (here[i] as number) + 1.6 * (mean - (here[i] as number))
      }
    }
  }
  return filled
}

/** How much brighter a disc is than the ring around it, in its slice. */
function standsOut({ slices }: VolumeHost, { x, y, z }: Voxel, radius: number): number {
  const { width, samples } = slices[z] as GreyView
  const reach = Math.ceil(1.4 * radius)
  let [inner, ring, within, around] = [0, 0, 0, 0]
  for (let v = -reach; v <= reach; v++) {
    for (let u = -reach; u <= reach; u++) {
      const value = samples[(y + v) * width + x + u]
      const away = Math.hypot(u, v) / radius
      if (value === undefined || away > 1.4) continue
      if (away < 0.7) [inner, within] = [inner + value, within + 1]
      else if (away > 1) [ring, around] = [ring + value, around + 1]
    }
  }
  return inner / Math.max(1, within) - ring / Math.max(1, around)
}
