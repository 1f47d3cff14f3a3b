/**
 * Rotate: a picture turned by any angle, or mirrored.
 *
 * Turning is about the middle, bilinear; what comes from outside is black. {@link straighten} leaves the largest part of the same
 * aspect that has no black corners, as somebody does who straightens a photograph.
 */
import { cropPicture } from './crop.ts'
import { createPicture, type Picture } from './picture.ts'

/** From where in the old picture the samples of the new one come: x = a·column + b·row + c, y = d·column + e·row + f. */
export interface Affine {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly e: number
  readonly f: number
}

/** Counter-clockwise, same size. */
export function rotatePicture(picture: Picture, degrees: number): Picture {
  const angle = (degrees * Math.PI) / 180
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const [x, y] = [(picture.width - 1) / 2, (picture.height - 1) / 2]
  return warpPicture(picture, { a: cos, b: -sin, c: x - cos * x + sin * y, d: sin, e: cos, f: y - sin * x - cos * y })
}

/** Turned, and cropped to what has no black corners. */
export function straighten(picture: Picture, degrees: number): Picture {
  const turned = rotatePicture(picture, degrees)
  const angle = Math.abs((degrees * Math.PI) / 180)
  const { width, height } = picture
  const kept = 1 / (Math.cos(angle) + Math.sin(angle) * Math.max(width / height, height / width))
  const area = { width: Math.max(1, Math.floor(width * kept) - 1), height: Math.max(1, Math.floor(height * kept) - 1) }
  return cropPicture(turned, { left: (width - area.width) >> 1, top: (height - area.height) >> 1, ...area })
}

/** Draws `picture` anew, bilinear, same size; black where it comes from outside. */
export function warpPicture(picture: Picture, { a, b, c, d, e, f }: Affine): Picture {
  const { width, height, samples } = picture
  const result = createPicture(width, height)
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to++) {
      const x = a * column + b * row + c
      const y = d * column + e * row + f
      if (x < 0 || y < 0 || x > width - 1 || y > height - 1) continue
      const left = Math.floor(x)
      const top = Math.floor(y)
      const at = top * width + left
      const right = left + 1 < width ? 1 : 0
      const below = at + (top + 1 < height ? width : 0)
      const first = (samples[at] as number) * (left + 1 - x) + (samples[at + right] as number) * (x - left)
      const second = (samples[below] as number) * (left + 1 - x) + (samples[below + right] as number) * (x - left)
      result.samples[to] = first + (second - first) * (y - top) + 0.5
    }
  }
  return result
}

/** Columns in reverse. */
export function flipSideways({ width, height, samples }: Picture): Picture {
  const result = createPicture(width, height)
  for (let i = 0; i < samples.length; i++) {
    const column = i % width
    result.samples[i - column + width - 1 - column] = samples[i] as number
  }
  return result
}

/** Rows in reverse. */
export function flipUpsideDown({ width, height, samples }: Picture): Picture {
  const result = createPicture(width, height)
  for (let row = 0; row < height; row++) {
    result.samples.set(samples.subarray(row * width, (row + 1) * width), (height - 1 - row) * width)
  }
  return result
}

/** By quarters of a full turn, counter-clockwise, without loss. */
export function turnQuarters(picture: Picture, quarters: number): Picture {
  let turned = picture
  for (let i = 0; i < ((quarters % 4) + 4) % 4; i++) turned = turnQuarter(turned)
  return turned
}

function turnQuarter({ width, height, samples }: Picture): Picture {
  const result = createPicture(height, width)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      result.samples[(width - 1 - column) * height + row] = samples[row * width + column] as number
    }
  }
  return result
}
