/**
 * Graphic: the points of a DICOM drawing as a region, for structured reports and presentation states alike.
 *
 * Source: PS3.3 section C.18.6.1.2 (Graphic Type of spatial coordinates) and C.10.5 (graphic annotation). An ellipse is given by the ends of its axes, a
 * circle by its centre and a point on it. What has more corners becomes its surrounding box.
 */
import type { ByteSource } from '../../../bytes/source.ts'
import { type Element, findElement, type Item, type Tag } from '../../../formats/dicom/element.ts'
import type { DataSet } from '../../../formats/dicom/parse.ts'
import { readText } from '../../../formats/dicom/values.ts'
import { COORDINATE_LIMIT, type FindingRegion, refuseFindings } from './finding.ts'

export const GRAPHIC_DATA: Tag = 0x00700022
export const GRAPHIC_TYPE: Tag = 0x00700023
const REFERENCED_INSTANCE: Tag = 0x00081155
const REFERENCED_FRAME: Tag = 0x00081160
/** Most points of one drawing. */
const POINT_LIMIT = 4096

/** x and y of each point, in turn. */
export type Points = readonly number[]

/**
 * Graphic Data of an item.
 * @throws {FormatError} `findings_malformed` for an odd count, none, too many, or numbers that are none
 */
export function readPoints(source: ByteSource, element: Element): Points {
  const count = (element.valueEnd - element.valueStart) >> 2
  if (count < 2 || count % 2 !== 0 || count > 2 * POINT_LIMIT) throw refuseFindings('graphic data of an odd length')
  const bytes = source.view(element.valueStart, element.valueStart + 4 * count)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const points = Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, element.encoding.isLittleEndian))
  if (!points.every(Number.isFinite)) throw refuseFindings('graphic data that is no number')
  return points
}

/**
 * The region of a drawing, kept inside the largest picture that DICOM knows.
 * @param type  POINT, MULTIPOINT, POLYLINE, INTERPOLATED, CIRCLE or ELLIPSE
 * @throws {FormatError} `findings_malformed` for another type, or points that do not suit it
 */
export function regionOfGraphic(type: string, points: Points): FindingRegion {
  const [x = 0, y = 0, x2 = 0, y2 = 0] = points
  const count = points.length / 2
  if (type === 'POINT' && count === 1) return { kind: 'point', x: limit(x), y: limit(y) }
  if (type === 'CIRCLE' && count === 2) {
    return { kind: 'circle', x: limit(x), y: limit(y), radius: limit(Math.sqrt((x2 - x) ** 2 + (y2 - y) ** 2)) }
  }
  if (type === 'ELLIPSE' && count === 4) return boxOfPoints(ellipseCorners(points))
  if (type === 'MULTIPOINT' || ((type === 'POLYLINE' || type === 'INTERPOLATED') && count >= 2))
    return boxOfPoints(points)
  throw refuseFindings('a graphic of another type, or with points that do not suit it')
}

/** The box around an ellipse that may lie aslant: half sides are the lengths of the half axes' x parts, and of their y parts. */
function ellipseCorners([ax = 0, ay = 0, bx = 0, by = 0, cx = 0, cy = 0, dx = 0, dy = 0]: Points): Points {
  const [x, y] = [(ax + bx) / 2, (ay + by) / 2]
  const wide = Math.sqrt((bx - ax) ** 2 + (dx - cx) ** 2) / 2
  const tall = Math.sqrt((by - ay) ** 2 + (dy - cy) ** 2) / 2
  return [x - wide, y - tall, x + wide, y + tall]
}

function boxOfPoints(points: Points): FindingRegion {
  let [left, top, right, bottom] = [COORDINATE_LIMIT, COORDINATE_LIMIT, 0, 0]
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = [limit(points[i] as number), limit(points[i + 1] as number)]
    left = Math.min(left, x)
    top = Math.min(top, y)
    right = Math.max(right, x)
    bottom = Math.max(bottom, y)
  }
  // A straight line along a row has no height of its own.
  return { kind: 'box', left, top, right: Math.max(right, left + 1), bottom: Math.max(bottom, top + 1) }
}

const limit = (value: number): number => Math.max(0, Math.min(COORDINATE_LIMIT, value))

/** An item of a sequence as a data set of its own, for the readers of formats/dicom/values.ts. */
export const within = ({ source, encoding }: DataSet, { valueStart, valueEnd, elements }: Item): DataSet => ({
  source,
  encoding,
  start: valueStart,
  end: valueEnd,
  elements,
})

/** Items of a sequence; none where it is absent. */
export const itemsAt = (dataSet: DataSet, tag: Tag): readonly DataSet[] =>
  (findElement(dataSet.elements, tag)?.items ?? []).map((item) => within(dataSet, item))

/** Frames (from 0) of one image that a reference names: 0 where it names none; empty where it names another image. */
export function referencedFrames(references: readonly DataSet[], sopInstanceUid: string): readonly number[] {
  return references.flatMap(({ source, elements }) => {
    const instance = findElement(elements, REFERENCED_INSTANCE)
    if (instance === undefined || readText(source, instance) !== sopInstanceUid) return []
    const frames = findElement(elements, REFERENCED_FRAME)
    if (frames === undefined) return [0]
    const numbers = readText(source, frames)
      .split('\\')
      .map((word) => Number(word.trim()))
    if (!numbers.every((frame) => Number.isInteger(frame) && frame >= 1))
      throw refuseFindings('a frame number that is none')
    return numbers.map((frame) => frame - 1)
  })
}
