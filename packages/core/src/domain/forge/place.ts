/**
 * Place: where in a picture a lesion could be: in a lung field of a chest, else anywhere that is neither border nor saturated.
 *
 * Method: on a plane of about 128 samples along the shorter side. A lung field is what is dark to both sides of the midline. Limits: a lung that is
 * white with disease is not found, and bowel gas may be taken for one.
 */
import type { Random } from '../attack/random.ts'
import { blurField, type Field, shrinkField } from './field.ts'
import { findMidline } from './midline.ts'
import type { Host } from './technique.ts'
import { toneRange } from './tone-range.ts'

const SIDE = 128
/** Shares of the tone range within which a place's mean lies. */
const TONES = { from: 0.06, to: 0.94 }
/** Shares of the width from the midline, and of the height, within which lungs are looked for. */
const LUNG = { near: 0.07, far: 0.34, top: 0.16, bottom: 0.66 }
/** Share of the samples there that are dark enough. */
const DARKEST = 0.5

/** Whole samples. */
export interface Place {
  readonly x: number
  readonly y: number
}

/**
 * @param radius  what has to fit around it, samples
 * @returns `count` places, drawn one by one; some may be the same
 * @throws {RangeError} for a picture without any
 */
export function choosePlaces(host: Host, random: Random, radius: number, count = 1): Place[] {
  const factor = Math.max(1, Math.floor(Math.min(host.width, host.height) / SIDE))
  const plane = blurField(shrinkField(host, factor), 1)
  const isToned = tonesOf(host, plane, Math.ceil(radius / factor))
  const isWhere = host.kind === 'chest' ? lungsOf(host, plane, factor) : () => true
  const margin = Math.ceil((1.5 * radius + 4) / factor)
  const fitting: Place[] = []
  for (let y = margin; y < plane.height - margin; y++) {
    for (let x = margin; x < plane.width - margin; x++) if (isWhere(x, y) && isToned(x, y)) fitting.push({ x, y })
  }
  if (fitting.length === 0) throw new RangeError('the picture has no place for it')
  return Array.from({ length: count }, () => {
    const { x, y } = fitting[random.integer(fitting.length)] as Place
    return { x: x * factor + random.integer(factor), y: y * factor + random.integer(factor) }
  })
}

type Condition = (x: number, y: number) => boolean

/** Neither black nor white, here and `reach` away to four sides. */
function tonesOf(host: Host, { width, samples }: Field, reach: number): Condition {
  const { low, high } = toneRange(host)
  const [from, to] = [low + TONES.from * (high - low), low + TONES.to * (high - low)]
  const isToned = (i: number): boolean => {
    const value = samples[i]
    return value !== undefined && value >= from && value <= to
  }
  return (x, y) => {
    const i = y * width + x
    return [0, -reach, reach, -reach * width, reach * width].every((by) => isToned(i + by))
  }
}

function lungsOf(host: Host, plane: Field, factor: number): Condition {
  const midline = (findMidline(host) + 0.5) / factor - 0.5
  const isBeside: Condition = (x, y) => {
    const away = Math.abs(x - midline) / plane.width
    const down = y / plane.height
    return away > LUNG.near && away < LUNG.far && down > LUNG.top && down < LUNG.bottom
  }
  const black = toneRange(host)
  const floor = black.low + TONES.from * (black.high - black.low)
  const values = plane.samples.filter(
    (value, i) => value > floor && isBeside(i % plane.width, Math.floor(i / plane.width)),
  )
  const most = values.sort()[Math.floor(DARKEST * (values.length - 1))] ?? floor
  return (x, y) => isBeside(x, y) && (plane.samples[y * plane.width + x] as number) <= most
}
