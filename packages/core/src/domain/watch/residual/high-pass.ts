/**
 * High pass: what is left of a picture when everything smooth is taken away, at the finest scale and at the next one.
 *
 * Source: J. Immerkær, "Fast noise variance estimation" (1996): the second difference along x of the second difference along y is blind to slopes and
 * to straight edges along the axes. At step 2 the same kernel looks at samples two apart. On whole samples both are whole.
 */
import type { GreyView } from '../../pixels/grey-view.ts'

export interface HighPass {
  /** Kernel (1 −2 1)ᵀ(1 −2 1): independent noise of variance v gives 36 v. Zero in a frame of one sample. */
  readonly fine: Float32Array
  /** The same with steps of two samples. Zero in a frame of two samples. */
  readonly coarse: Float32Array
}

/** Variance that independent noise of variance 1 has after either kernel. */
export const KERNEL_GAIN = 36

/** Cost: four buffers of the picture's size, two of them kept. */
export function highPass(view: Pick<GreyView, 'width' | 'height' | 'samples'>): HighPass {
  return { fine: crossDifference(view, 1), coarse: crossDifference(view, 2) }
}

/** The kernel at one step. */
export function crossDifference(
  { width, height, samples }: Pick<GreyView, 'width' | 'height' | 'samples'>,
  step: number,
): Float32Array {
  const across = new Float32Array(samples.length)
  for (let y = 0; y < height; y++) {
    const end = y * width + width - step
    for (let i = y * width + step; i < end; i++)
      across[i] = (samples[i - step] as number) - 2 * (samples[i] as number) + (samples[i + step] as number)
  }
  const both = new Float32Array(samples.length)
  const stride = step * width
  const last = samples.length - stride
  for (let i = stride; i < last; i++)
    both[i] = (across[i - stride] as number) - 2 * (across[i] as number) + (across[i + stride] as number)
  return both
}
