/**
 * CLAHE: contrast-limited adaptive histogram equalisation, which viewers offer as "enhance".
 *
 * Source: K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV (1994), with the choices of
 * OpenCV's `createCLAHE`: what is clipped is spread evenly, the rest over every n-th level; curves are interpolated
 * between the middles of the fields; a picture that does not divide into fields is mirrored beyond its edge.
 */
import type { Area } from './crop.ts'
import { createPicture, type Picture } from './picture.ts'

/**
 * @param limit   how steep a curve may be, as a multiple of the straight one
 * @param fields  fields along each side
 */
export function equaliseLocally(picture: Picture, limit = 3, fields = 8): Picture {
  const { width, height, samples } = picture
  const fieldWidth = Math.ceil(width / fields)
  const fieldHeight = Math.ceil(height / fields)
  const curves = new Uint8Array(fields * fields * 256)
  for (let row = 0; row < fields; row++) {
    for (let column = 0; column < fields; column++) {
      const area = { left: column * fieldWidth, top: row * fieldHeight, width: fieldWidth, height: fieldHeight }
      curves.set(curveOf(countField(picture, area), limit, fieldWidth * fieldHeight), (row * fields + column) * 256)
    }
  }
  const result = createPicture(width, height)
  for (let y = 0, at = 0; y < height; y++) {
    const v = y / fieldHeight - 0.5
    const upper = Math.max(0, Math.floor(v)) * fields
    const lower = Math.min(fields - 1, Math.floor(v) + 1) * fields
    const down = v - Math.floor(v)
    for (let x = 0; x < width; x++, at++) {
      const u = x / fieldWidth - 0.5
      const left = Math.max(0, Math.floor(u))
      const right = Math.min(fields - 1, Math.floor(u) + 1)
      const along = u - Math.floor(u)
      const value = samples[at] as number
      const [first, second] = [256 * left + value, 256 * right + value]
      const above = mix(curves[256 * upper + first] as number, curves[256 * upper + second] as number, along)
      const below = mix(curves[256 * lower + first] as number, curves[256 * lower + second] as number, along)
      result.samples[at] = mix(above, below, down) + 0.5
    }
  }
  return result
}

function countField({ width, height, samples }: Picture, area: Area): Int32Array {
  const histogram = new Int32Array(256)
  for (let y = area.top; y < area.top + area.height; y++) {
    const at = mirror(y, height) * width
    for (let x = area.left; x < area.left + area.width; x++) {
      const value = samples[at + mirror(x, width)] as number
      histogram[value] = (histogram[value] as number) + 1
    }
  }
  return histogram
}

function curveOf(histogram: Int32Array, limit: number, area: number): Uint8Array {
  const most = Math.max(1, Math.floor((limit * area) / 256))
  let clipped = 0
  for (let i = 0; i < 256; i++) {
    const over = (histogram[i] as number) - most
    if (over <= 0) continue
    clipped += over
    histogram[i] = most
  }
  const share = Math.floor(clipped / 256)
  let rest = clipped - share * 256
  const step = Math.max(1, Math.floor(256 / Math.max(1, rest)))
  const curve = new Uint8Array(256)
  let sum = 0
  for (let i = 0; i < 256; i++) {
    const extra = i % step === 0 && rest > 0 ? 1 : 0
    rest -= extra
    sum += (histogram[i] as number) + share + extra
    curve[i] = Math.min(255, Math.round((sum * 255) / area))
  }
  return curve
}

function mix(first: number, second: number, part: number): number {
  return first + (second - first) * part
}

function mirror(index: number, length: number): number {
  return index < length ? index : Math.max(0, 2 * length - 2 - index)
}
