/**
 * Clone: a patch from elsewhere laid into a picture without a seam.
 *
 * Source: Pérez, Gangnet and Blake (2003): the difference at the outline, continued harmonically, is added to what is laid in.
 */
import { blurField, type Field } from './field.ts'
import { FINE } from './grain.ts'
import { boxAround, cutField, type Ellipse, fillHarmonic, MARGIN, pasteField, spotOf, weighEllipse } from './patch.ts'
import type { Spot } from './technique.ts'

/** Points of an outline that are compared. */
const STEPS = 32

/**
 * @param sourceAt  the value to lay in at a sample of the host
 * @returns a copy of the host's samples with the patch in it, and where it is
 */
export function clonePatch(
  host: Field,
  ellipse: Ellipse,
  feather: number,
  sourceAt: (x: number, y: number) => number,
): { readonly samples: Float32Array; readonly spot: Spot } {
  const box = boxAround(ellipse, Math.max(ellipse.across, ellipse.down) + MARGIN, host)
  const part = cutField(host, box)
  const weight = weighEllipse(ellipse, feather, box)
  const laid = part.samples.map((_, i) => sourceAt(box.left + (i % part.width), box.top + Math.floor(i / part.width)))
  const difference = part.samples.map((value, i) => value - (laid[i] as number))
  const offset = fillHarmonic(blurField({ ...part, samples: difference }, FINE), weight)
  const samples = part.samples.map((value, i) => {
    const made = (laid[i] as number) + (offset[i] as number)
    return value + (weight[i] as number) * (made - value)
  })
  return { samples: pasteField(host, box, { ...part, samples }, weight), spot: spotOf(weight, box) }
}

/**
 * How badly a patch fits: the deviation along the outline of the difference that would have to be bridged.
 *
 * @param sourceAt  as for {@link clonePatch}
 */
export function seamOf(
  host: Field,
  { x, y, across, down }: Ellipse,
  sourceAt: (x: number, y: number) => number,
): number {
  const radius = (across + down) / 2
  let [sum, square] = [0, 0]
  for (let i = 0; i < STEPS; i++) {
    const angle = (2 * Math.PI * i) / STEPS
    const u = Math.min(host.width - 1, Math.max(0, Math.round(x + radius * Math.cos(angle))))
    const v = Math.min(host.height - 1, Math.max(0, Math.round(y + radius * Math.sin(angle))))
    const difference = (host.samples[v * host.width + u] as number) - sourceAt(u, v)
    sum += difference
    square += difference * difference
  }
  return Math.sqrt(Math.max(0, square / STEPS - (sum / STEPS) ** 2))
}
