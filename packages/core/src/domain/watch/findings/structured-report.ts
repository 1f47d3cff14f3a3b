/**
 * Structured report: findings with spatial coordinates in a DICOM SR, as CAD devices and measurement tools write them.
 *
 * Source: PS3.3 section C.17.3 (content tree) and C.18.6 (SCOORD); PS3.16 TID 1500 (measurement report), TID 4000 (mammography CAD) and TID 4100 (chest CAD). Only places
 * are read: rejected findings, temporal coordinates and three-dimensional ones (SCOORD3D) are passed over.
 */

import { findElement } from '../../../formats/dicom/element.ts'
import type { DataSet } from '../../../formats/dicom/parse.ts'
import { numberAt, readUint32s, textAt } from '../../../formats/dicom/values.ts'
import { cleanLabel, FINDING_LIMIT, type Finding, refuseFindings } from './finding.ts'
import { GRAPHIC_DATA, GRAPHIC_TYPE, itemsAt, readPoints, referencedFrames, regionOfGraphic } from './graphic.ts'

const CONTENT = 0x0040a730
const VALUE_TYPE = 0x0040a040
const CONCEPT_NAME = 0x0040a043
const CONCEPT_CODE = 0x0040a168
const MEASURED_VALUE = 0x0040a300
const NUMERIC_VALUE = 0x0040a30a
const CODE_VALUE = 0x00080100
const CODE_MEANING = 0x00080104
const REFERENCED_SOP = 0x00081199
const REFERENCED_CONTENT = 0x0040db73

/** DCM 121071 Finding; 111056 Rendering Intent is none. 111012 Certainty of Finding and 111047 Probability of Cancer are percent. */
const FINDING_CODE = '121071'
const SCORE_CODES: readonly string[] = ['111012', '111047']
/** DCM 111152 not to be presented, and 111151 presentation optional is shown. */
const HIDDEN_CODE = '111152'

const DEPTH_LIMIT = 24
const CONTENT_LIMIT = 50_000

interface Walk {
  readonly root: DataSet
  readonly sopInstanceUid: string
  readonly findings: Finding[]
  visited: number
}

interface Context {
  readonly label: string
  readonly score: number | null
  readonly depth: number
}

/**
 * Findings of a report on one image. Of a finding with an outline and a centre the outline is taken.
 *
 * @param sopInstanceUid  the image; what refers to another one is passed over
 * @throws {FormatError} `findings_malformed` for coordinates, references or sizes that no report has
 */
export function readReport(report: DataSet, sopInstanceUid: string): readonly Finding[] {
  const walk: Walk = { root: report, sopInstanceUid, findings: [], visited: 0 }
  visit(walk, report, { label: 'finding', score: null, depth: 0 })
  return walk.findings
}

function visit(walk: Walk, item: DataSet, inherited: Context): void {
  if (inherited.depth > DEPTH_LIMIT || ++walk.visited > CONTENT_LIMIT)
    throw refuseFindings('a content tree that is too large')
  const children = itemsAt(item, CONTENT)
  const context = describe(item, children, inherited)
  if (context === null) return
  const places = children.filter((child) => textAt(child, VALUE_TYPE) === 'SCOORD')
  const outlines = places.filter((child) => textAt(child, GRAPHIC_TYPE) !== 'POINT')
  for (const place of outlines.length > 0 ? outlines : places) addPlace(walk, place, context)
  for (const child of children) if (!places.includes(child)) visit(walk, child, context)
}

/** What an item says of itself or in its children; null for what is not to be shown. */
function describe(item: DataSet, children: readonly DataSet[], { label, score, depth }: Context): Context | null {
  const codes = children.filter((child) => textAt(child, VALUE_TYPE) === 'CODE')
  if (codes.some((child) => codeOf(child, CONCEPT_CODE) === HIDDEN_CODE)) return null
  const named = codes.find((child) => codeOf(child, CONCEPT_NAME) === FINDING_CODE)
  const own = textAt(item, VALUE_TYPE) === 'CODE' ? meaningOf(item) : undefined
  const found = named === undefined ? own : meaningOf(named)
  const number = children.find((child) => SCORE_CODES.includes(codeOf(child, CONCEPT_NAME) ?? ''))
  const percent =
    number === undefined ? undefined : itemsAt(number, MEASURED_VALUE).map((value) => numberAt(value, NUMERIC_VALUE))[0]
  return {
    label: found === undefined ? label : cleanLabel(found),
    score: percent !== undefined && percent >= 0 && percent <= 100 ? percent / 100 : score,
    depth: depth + 1,
  }
}

const codeOf = (item: DataSet, tag: number): string | undefined =>
  itemsAt(item, tag).map((code) => textAt(code, CODE_VALUE))[0]
const meaningOf = (item: DataSet): string | undefined =>
  itemsAt(item, CONCEPT_CODE).map((code) => textAt(code, CODE_MEANING))[0]

function addPlace(walk: Walk, place: DataSet, { label, score }: Context): void {
  const data = findElement(place.elements, GRAPHIC_DATA)
  if (data === undefined) throw refuseFindings('a place without coordinates')
  const frames = imagesOf(walk, place)
  if (frames.length === 0) return
  const region = regionOfGraphic(textAt(place, GRAPHIC_TYPE) ?? '', readPoints(place.source, data))
  for (const frame of frames) {
    if (walk.findings.length === FINDING_LIMIT) throw refuseFindings(`more than ${FINDING_LIMIT} findings`)
    walk.findings.push({ region, label, score, frame })
  }
}

/** Frames of the image that a place is selected from: said in the place, or by reference to an item elsewhere, such as the image library. */
function imagesOf({ root, sopInstanceUid }: Walk, place: DataSet): readonly number[] {
  return itemsAt(place, CONTENT).flatMap((child) => {
    const target = followReference(root, child)
    return target === null ? [] : referencedFrames(itemsAt(target, REFERENCED_SOP), sopInstanceUid)
  })
}

/** The item that a Referenced Content Item Identifier names: 1 for the root, then the number of each child on the way. */
function followReference(root: DataSet, child: DataSet): DataSet | null {
  const reference = findElement(child.elements, REFERENCED_CONTENT)
  if (reference === undefined) return child
  const [, ...path] = readUint32s(child.source, reference)
  if (path.length > DEPTH_LIMIT) throw refuseFindings('a reference that leads nowhere')
  let at: DataSet | undefined = root
  for (const number of path) at = at === undefined ? undefined : itemsAt(at, CONTENT)[number - 1]
  return at ?? null
}
