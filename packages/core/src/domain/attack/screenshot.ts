/**
 * Screenshot: what becomes of a picture that is copied from a screen instead of from its file.
 *
 * {@link captureScreen} models the whole screen: the picture fitted between black bars, with a line of text over it as viewers
 * draw it. {@link captureWindow} models what is passed around: the picture cut out by hand, a little narrower than it was,
 * at the size at which it was shown, with the gamma of the screen, a block of something drawn over it, as JPEG.
 */
import { traceText } from '../../formats/picture/font.ts'
import { cropSides } from './crop.ts'
import { compressJpeg } from './jpeg.ts'
import { createPicture, type Picture } from './picture.ts'
import { resizePicture, type Size, scalePicture } from './resize.ts'
import { applyGamma } from './tone.ts'

/** Cut by 4 % of each side, scaled to 0.83, gamma 1.1, a chequered band of 40 % × 6 % drawn over it, JPEG 80. */
export function captureWindow(picture: Picture, seed: number): Picture {
  const shown = applyGamma(scalePicture(cropSides(picture, 0.04, seed), 0.83), 1.1)
  const { width, height, samples } = shown
  for (let y = Math.floor(height * 0.04); y < height * 0.1; y++) {
    for (let x = Math.floor(width * 0.05); x < width * 0.45; x++) {
      samples[y * width + x] = ((x >> 2) + (y >> 2)) & 1 ? 255 : 0
    }
  }
  return compressJpeg(shown, 80)
}

/** The whole screen without loss: the picture fitted into it, black around, `text` at its upper left. */
export function captureScreen(picture: Picture, screen: Size, text: string): Picture {
  const scale = Math.min(screen.width / picture.width, screen.height / picture.height)
  const size = { width: fit(picture.width * scale), height: fit(picture.height * scale) }
  const shown = resizePicture(picture, size, 'bilinear')
  const result = createPicture(screen.width, screen.height)
  const left = (screen.width - size.width) >> 1
  const top = (screen.height - size.height) >> 1
  for (let row = 0; row < size.height; row++) {
    const line = shown.samples.subarray(row * size.width, (row + 1) * size.width)
    result.samples.set(line, (top + row) * screen.width + left)
  }
  drawText(result, text, left + 8, top + 8)
  return result
}

/** White, two samples a dot. */
function drawText({ width, height, samples }: Picture, text: string, left: number, top: number): void {
  traceText(text, (column, row) => {
    for (let i = 0; i < 4; i++) {
      const x = left + 2 * column + (i & 1)
      const y = top + 2 * row + (i >> 1)
      if (x < width && y < height) samples[y * width + x] = 255
    }
  })
}

function fit(length: number): number {
  return Math.max(1, Math.round(length))
}
