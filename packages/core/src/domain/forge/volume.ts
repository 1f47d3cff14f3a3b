/**
 * Volume: what techniques over slices do alike: the check of a host, places within it, and grain that hangs together across slices.
 *
 * Limits: a lung is what is dark and enclosed by what is bright in its slice; bowel gas and sinuses are taken for lungs too.
 */
import type { Random } from '../attack/random.ts'
import type { GreyView } from '../pixels/grey-view.ts'
import { checkFilled, chooseValues, clipTo, type Values } from './define.ts'
import { blurField, type Field } from './field.ts'
import { FINE, makeGrain, residualField } from './grain.ts'
import { cutField, grainAround } from './patch.ts'
import type { ForgedVolume, Spot, VolumeHost, VolumeTechnique } from './technique.ts'

/** Part of a volume: a box and slices `first` up to, not including, `last`. */
export type Block = ForgedVolume['spot']

export interface VolumeRecipe extends Omit<VolumeTechnique, 'make'> {
  /** @returns new samples for the slices of the block, in their order */
  forge(
    host: VolumeHost,
    random: Random,
    values: Values,
  ): { readonly changed: readonly Float32Array[]; readonly spot: Block }
}

export function defineVolumeTechnique({ forge, ...technique }: VolumeRecipe): VolumeTechnique {
  return {
    ...technique,
    make(host, random, chosen = {}) {
      checkVolume(technique, host)
      const parameters = chooseValues(technique.parameters, random, chosen)
      const { changed, spot } = forge(host, random, parameters)
      const slices = host.slices.map((slice, z) => {
        const made = changed[z - spot.first]
        return made === undefined ? slice.samples : clipTo(made, slice.white)
      })
      return { slices, parameters, spot }
    },
  }
}

function checkVolume({ kinds, leastSide, leastSlices }: Omit<VolumeTechnique, 'make'>, host: VolumeHost): void {
  const [first] = host.slices
  if (first === undefined || host.slices.length < leastSlices) throw new RangeError(`fewer than ${leastSlices} slices`)
  if (!kinds.includes(host.kind)) throw new RangeError(`not for volumes of kind ${host.kind}`)
  if (Math.min(first.width, first.height) < leastSide)
    throw new RangeError(`a side has fewer than ${leastSide} samples`)
  if (!(host.spacingMm > 0 && host.sliceSpacingMm > 0)) throw new RangeError('distances have to be above 0')
  for (const slice of host.slices) {
    checkFilled(slice)
    if (slice.width !== first.width || slice.height !== first.height) throw new RangeError('slices differ in size')
  }
}

export interface Voxel {
  readonly x: number
  readonly y: number
  /** Index of the slice. */
  readonly z: number
}

/** How far something reaches, in samples and in slices. */
export interface Reach {
  readonly samples: number
  readonly slices: number
}

export interface Tissues {
  /** Between what is dark and what is bright. */
  readonly threshold: number
  /** Median of what is above the threshold. */
  readonly bright: number
  /** 99th percentile less 1st. */
  readonly span: number
}

const TRIES = 3000

/** Source: Otsu (1979), over 128 classes. */
export function measureTissues({ slices }: VolumeHost): Tissues {
  const stride = Math.max(1, Math.floor((slices.length * (slices[0] as GreyView).samples.length) / 60_000))
  const looked: number[] = []
  for (const { samples } of slices) for (let i = 0; i < samples.length; i += stride) looked.push(samples[i] as number)
  const sorted = Float64Array.from(looked).sort()
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] as number
  const [low, high] = [at(0.01), at(0.99)]
  let [best, threshold, sum] = [-1, low, 0]
  const total = sorted.reduce((all, value) => all + value, 0)
  for (let i = 0; i < sorted.length - 1; i++) {
    sum += sorted[i] as number
    const count = i + 1
    const rest = sorted.length - count
    const between = count * rest * (sum / count - (total - sum) / rest) ** 2
    if (between > best) [best, threshold] = [between, sorted[i] as number]
  }
  const above = sorted.filter((value) => value > threshold)
  return { threshold, bright: above[above.length >> 1] ?? high, span: high - low }
}

/**
 * Places within lungs where there are any (CT only), else within tissue.
 *
 * @throws {RangeError} for a volume without either
 */
export function chooseVoxels(
  host: VolumeHost,
  random: Random,
  reach: Reach,
  count: number,
): { voxels: Voxel[]; isLung: boolean } {
  const { width, height } = host.slices[0] as GreyView
  const { threshold } = measureTissues(host)
  const margin = Math.ceil(reach.samples) + 4
  const deep = Math.ceil(reach.slices) + 1
  if (width <= 2 * margin || height <= 2 * margin || host.slices.length <= 2 * deep) {
    throw new RangeError('the volume has no place for it')
  }
  const [lung, tissue]: [Voxel[], Voxel[]] = [[], []]
  const wide = Math.round(reach.samples)
  for (let i = 0; i < TRIES; i++) {
    const x = margin + random.integer(width - 2 * margin)
    const y = margin + random.integer(height - 2 * margin)
    const z = deep + random.integer(host.slices.length - 2 * deep)
    const { samples } = host.slices[z] as GreyView
    const isBright = (u: number, v: number): boolean => (samples[v * width + u] as number) > threshold
    const isAll = [0, -wide, wide].every(
      (by) => isBright(x + by, y) === isBright(x, y) && isBright(x, y + by) === isBright(x, y),
    )
    if (!isAll) continue
    if (isBright(x, y)) tissue.push({ x, y, z })
    else if (host.kind === 'ct' && isEnclosed(x, y, isBright, { width, height })) lung.push({ x, y, z })
  }
  const isLung = lung.length >= TRIES / 200
  const found = isLung ? lung : tissue
  if (found.length === 0) throw new RangeError('the volume has no place for it')
  return { voxels: Array.from({ length: count }, () => found[random.integer(found.length)] as Voxel), isLung }
}

/** Whether something bright is met on the way to all four borders. */
function isEnclosed(
  x: number,
  y: number,
  isBright: (u: number, v: number) => boolean,
  size: { width: number; height: number },
): boolean {
  const meets = (dx: number, dy: number): boolean => {
    for (let u = x, v = y; u >= 0 && v >= 0 && u < size.width && v < size.height; u += dx, v += dy)
      if (isBright(u, v)) return true
    return false
  }
  return meets(1, 0) && meets(-1, 0) && meets(0, 1) && meets(0, -1)
}

/** The block of slices around a voxel; cut at the borders. */
export function blockAround({ x, y, z }: Voxel, reach: Reach, { slices }: VolumeHost): Block {
  const { width, height } = slices[0] as GreyView
  const [far, deep] = [Math.ceil(reach.samples), Math.ceil(reach.slices)]
  return {
    left: Math.max(0, x - far),
    top: Math.max(0, y - far),
    right: Math.min(width, x + far + 1),
    bottom: Math.min(height, y + far + 1),
    first: Math.max(0, z - deep),
    last: Math.min(slices.length, z + deep + 1),
  }
}

/** New grain for each slice of a block, of its surroundings' level, as alike from slice to slice as theirs is. */
export function grainAcross(parts: readonly Field[], weights: readonly Float32Array[], random: Random): Float32Array[] {
  const alike = likenessAcross(parts, weights)
  const fresh = Math.sqrt(1 - alike * alike)
  let before: Float32Array | undefined
  return parts.map((part, k) => {
    const { level, softness } = grainAround(part, weights[k] as Float32Array)
    const drawn = makeGrain(part.width, part.height, { level: 1, softness }, random)
    const earlier = before
    const grain =
      earlier === undefined ? drawn : drawn.map((value, i) => fresh * value + alike * (earlier[i] as number))
    before = grain
    return grain.map((value) => value * level)
  })
}

/** Correlation of the residuals of neighbouring slices where nothing is changed, 0 to .95. */
function likenessAcross(parts: readonly Field[], weights: readonly Float32Array[]): number {
  const residuals = parts.map((part) => residualField(part).samples)
  let [product, square] = [0, 0]
  for (let k = 1; k < residuals.length; k++) {
    const [above, below] = [residuals[k - 1], residuals[k]] as [Float32Array, Float32Array]
    for (let i = 0; i < above.length; i++) {
      if ((weights[k] as Float32Array)[i] !== 0 || (weights[k - 1] as Float32Array)[i] !== 0) continue
      product += (above[i] as number) * (below[i] as number)
      square += ((above[i] as number) ** 2 + (below[i] as number) ** 2) / 2
    }
  }
  return square > 0 ? Math.min(0.95, Math.max(0, product / square)) : 0
}

/** The parts of a block, slice by slice. */
export const cutBlock = ({ slices }: VolumeHost, block: Block): Field[] =>
  slices.slice(block.first, block.last).map((slice) => cutField(slice, block))

/** What lies under the grain of each part, with `base` mixed in by weight, and old grain exchanged for new so that its level stays. */
export function blendParts(
  parts: readonly Field[],
  weights: readonly Float32Array[],
  bases: readonly Float32Array[],
  grains: readonly Float32Array[],
): Field[] {
  return parts.map((part, k) => {
    const [weight, base, grain] = [weights[k], bases[k], grains[k]] as [Float32Array, Float32Array, Float32Array]
    const smooth = blurField(part, FINE).samples
    const samples = part.samples.map((value, i) => {
      const under = smooth[i] as number
      const angle = (Math.PI / 2) * (weight[i] as number)
      const mixed = under + (weight[i] as number) * ((base[i] as number) - under)
      return mixed + Math.cos(angle) * (value - under) + Math.sin(angle) * (grain[i] as number)
    })
    return { ...part, samples }
  })
}

/** The bounds of what weighs more than 0 in any slice. */
export function boundsOf(
  weights: readonly Float32Array[],
  block: Block,
  spotIn: (weight: Float32Array) => Spot,
): Block {
  const used = weights
    .map((weight, k) => ({ z: block.first + k, weight }))
    .filter(({ weight }) => weight.some((value) => value > 0))
  const spots = used.map(({ weight }) => spotIn(weight))
  return {
    left: Math.min(...spots.map(({ left }) => left)),
    top: Math.min(...spots.map(({ top }) => top)),
    right: Math.max(...spots.map(({ right }) => right)),
    bottom: Math.max(...spots.map(({ bottom }) => bottom)),
    first: used[0]?.z ?? block.first,
    last: (used.at(-1)?.z ?? block.first - 1) + 1,
  }
}
