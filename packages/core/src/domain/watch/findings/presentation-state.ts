/**
 * Presentation state: drawings of a DICOM Softcopy Presentation State as findings.
 *
 * Source: PS3.3 section C.10.5 (graphic annotation), C.10.4 (displayed area), C.10.6 (rotation and flip). Drawings in units of the display are mapped by the displayed
 * area of the same state; where the state turns or flips the picture, or scales it by magnification, such drawings are counted and left out.
 */
import { type Element, findElement } from '../../../formats/dicom/element.ts'
import type { DataSet } from '../../../formats/dicom/parse.ts'
import { textAt, uint16At } from '../../../formats/dicom/values.ts'
import { cleanLabel, FINDING_LIMIT, type Finding, refuseFindings } from './finding.ts'
import {
  GRAPHIC_DATA,
  GRAPHIC_TYPE,
  itemsAt,
  type Points,
  readPoints,
  referencedFrames,
  regionOfGraphic,
} from './graphic.ts'

const ANNOTATIONS = 0x00700001
const LAYER = 0x00700002
const ANNOTATION_UNITS = 0x00700005
const TEXT_VALUE = 0x00700006
const TEXTS = 0x00700008
const GRAPHICS = 0x00700009
const REFERENCED_IMAGES = 0x00081140
const FLIP = 0x00700041
const ROTATION = 0x00700042
const UPPER_LEFT = 0x00700052
const LOWER_RIGHT = 0x00700053
const DISPLAYED_AREAS = 0x0070005a

export interface PresentationFindings {
  readonly findings: readonly Finding[]
  /** Drawings in units of the display that cannot be placed in the picture. */
  readonly unplaced: number
}

/**
 * @param sopInstanceUid  the image; an annotation that refers to images, this one not among them, is passed over
 * @throws {FormatError} `findings_malformed` for drawings that no presentation state has
 */
export function readPresentation(state: DataSet, sopInstanceUid: string): PresentationFindings {
  const place = displayMap(state)
  const findings: Finding[] = []
  let unplaced = 0
  for (const annotation of itemsAt(state, ANNOTATIONS)) {
    const references = itemsAt(annotation, REFERENCED_IMAGES)
    const frames = references.length === 0 ? [0] : referencedFrames(references, sopInstanceUid)
    if (frames.length === 0) continue
    const label = labelOf(annotation)
    for (const graphic of itemsAt(annotation, GRAPHICS)) {
      const points = pointsOf(graphic, place)
      if (points === null) {
        unplaced++
        continue
      }
      const region = regionOfGraphic(textAt(graphic, GRAPHIC_TYPE) ?? '', points)
      if (findings.length + frames.length > FINDING_LIMIT) throw refuseFindings(`more than ${FINDING_LIMIT} findings`)
      for (const frame of frames) findings.push({ region, label, score: null, frame })
    }
  }
  return { findings, unplaced }
}

function labelOf(annotation: DataSet): string {
  const written = itemsAt(annotation, TEXTS).map((text) => textAt(text, TEXT_VALUE))[0]
  return cleanLabel(written ?? textAt(annotation, LAYER) ?? '')
}

type DisplayMap = (x: number, y: number) => readonly [x: number, y: number]

/** Null for points in units of the display that nothing maps. */
function pointsOf(graphic: DataSet, place: DisplayMap | null): Points | null {
  const data = findElement(graphic.elements, GRAPHIC_DATA)
  if (data === undefined) throw refuseFindings('a drawing without coordinates')
  const points = readPoints(graphic.source, data)
  const units = textAt(graphic, ANNOTATION_UNITS)
  if (units === 'PIXEL') return points
  if (units !== 'DISPLAY') throw refuseFindings('a drawing in unknown units')
  if (place === null) return null
  return Array.from({ length: points.length / 2 }, (_, i) =>
    place(points[2 * i] as number, points[2 * i + 1] as number),
  ).flat()
}

/** From shares of the displayed area to samples; corners of the area are samples counted from 1, both included. */
function displayMap(state: DataSet): DisplayMap | null {
  const [area, ...others] = itemsAt(state, DISPLAYED_AREAS)
  const isTurned = (uint16At(state, ROTATION) ?? 0) !== 0 || textAt(state, FLIP) === 'Y'
  if (area === undefined || others.length > 0 || isTurned) return null
  const [first, last] = [UPPER_LEFT, LOWER_RIGHT].map((tag) => cornerOf(area, findElement(area.elements, tag)))
  if (first === undefined || last === undefined || first === null || last === null) return null
  return (x, y) => [first[0] - 1 + x * (last[0] - first[0] + 1), first[1] - 1 + y * (last[1] - first[1] + 1)]
}

function cornerOf({ source }: DataSet, element: Element | undefined): readonly [number, number] | null {
  if (element === undefined || element.valueEnd - element.valueStart !== 8) return null
  const bytes = source.view(element.valueStart, element.valueEnd)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { isLittleEndian } = element.encoding
  return [view.getInt32(0, isLittleEndian), view.getInt32(4, isLittleEndian)]
}
