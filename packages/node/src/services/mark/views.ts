/** Views: in which ranges of values a frame is expected to be shown. */
import type { View } from '@fiducial/core/domain/mark/chips/look.ts'
import { middleWindow } from '@fiducial/core/domain/mark/heat-map.ts'
import type { ImagePixels, Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'

/** The first is what a picture of the frame most likely shows. @returns at least one */
export function viewsOf(
  planes: Planes,
  { windows, bits }: Pick<ImagePixels, 'windows' | 'bits'>,
): readonly [View, ...View[]] {
  const whole: View = [0, 2 ** bits - 1]
  const [first, ...others] = windows.map(({ low, high }): View => [low, high])
  if (first !== undefined) return [first, ...others]
  const [only, ...colours] = planes
  if (only === undefined || colours.length > 0 || bits === 8) return [whole]
  const { low, high } = middleWindow(only)
  return [[low, high]]
}
