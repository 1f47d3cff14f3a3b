/**
 * Codec: shrunk and enlarged, and coded with loss, as a picture on its way through messengers and web pages.
 *
 * The tone range is brought to 8 bits for it; values outside keep their distance to the range.
 */
import { compressJpeg } from '../../attack/jpeg.ts'
import { type Picture, toByte } from '../../attack/picture.ts'
import { resizePicture, scalePicture } from '../../attack/resize.ts'
import { defineTechnique } from '../define.ts'
import { mirrorIndex } from '../field.ts'
import { GLOBAL_SIGHT } from '../sight.ts'
import type { Host, Technique } from '../technique.ts'
import { type ToneRange, toneRange } from '../tone-range.ts'

/** Above this the size is left as it is. */
const UNSCALED = 0.95

export const CODEC: Technique = defineTechnique({
  id: 'codec',
  title: 'The picture is shrunk, enlarged and coded as JPEG',
  reach: 'global',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  leastSide: 32,
  parameters: [
    { name: 'quality', low: 25, high: 60, usual: null, meaning: 'JPEG quality, rounded' },
    {
      name: 'passes',
      low: 1,
      high: 2,
      usual: null,
      meaning: 'below 1.5 coded once, else twice, the second time on a shifted grid',
    },
    {
      name: 'shift',
      low: 1,
      high: 7,
      usual: null,
      meaning: 'shift of the second grid along both axes, samples, rounded',
    },
    {
      name: 'scale',
      low: 0.55,
      high: 1.1,
      usual: null,
      meaning: `factor of the sides in between; above ${UNSCALED} they are kept`,
    },
  ],
  // A header says nothing of a loss that was undone into plain samples; a reader sees blocks at the low end.
  expected: GLOBAL_SIGHT,
  forge(host, _random, { quality = 40, passes = 1, shift = 4, scale = 1 }) {
    const range = host.white <= 255 ? { low: 0, high: host.white } : toneRange(host)
    const shown = showBytes(host, range)
    let made = scale > UNSCALED ? shown : resizePicture(scalePicture(shown, scale), host, 'bilinear')
    made = compressJpeg(made, Math.round(quality))
    if (passes >= 1.5) {
      const by = Math.round(shift)
      made = slide(compressJpeg(slide(made, by), Math.round(quality)), -by)
    }
    return { samples: addChange(host, shown, made, range), spot: null }
  },
})

function showBytes({ width, height, samples }: Host, { low, high }: ToneRange): Picture {
  return { width, height, samples: Uint8Array.from(samples, (value) => toByte((255 * (value - low)) / (high - low))) }
}

/** Within the range the value that was decoded, outside it the change that its nearest end underwent. */
function addChange({ samples }: Host, shown: Picture, made: Picture, { low, high }: ToneRange): Float32Array {
  const step = (high - low) / 255
  return samples.map((value, i) => {
    const after = made.samples[i] as number
    if (value >= low && value <= high) return low + after * step
    return value + (after - (shown.samples[i] as number)) * step
  })
}

/** Moved right and down; what comes in is what stands mirrored there. */
function slide({ width, height, samples }: Picture, by: number): Picture {
  const moved = new Uint8Array(samples.length)
  for (let y = 0, i = 0; y < height; y++) {
    const from = mirrorIndex(y - by, height) * width
    for (let x = 0; x < width; x++, i++) moved[i] = samples[from + mirrorIndex(x - by, width)] as number
  }
  return { width, height, samples: moved }
}
