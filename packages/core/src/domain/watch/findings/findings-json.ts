/**
 * Findings as JSON: the answer of a diagnostic model in our own form.
 *
 * Source: docs/reference/diagnostic-findings.md. Strict: unknown fields, numbers out of range and long lists are refused, so that a model's mistake is seen and
 * not drawn.
 */

import { FormatError } from '../../../errors.ts'
import { JsonFields } from '../../../formats/json/fields.ts'
import { type JsonLimits, type JsonValue, parseJson } from '../../../formats/json/parse.ts'
import {
  COORDINATE_LIMIT,
  FINDING_LIMIT,
  type Finding,
  type FindingRegion,
  LABEL_LIMIT,
  refuseFindings,
} from './finding.ts'

export const FINDINGS_FORM = 'fiducial-findings/1'
const LIMITS: JsonLimits = { depth: 6, length: 1024 * 1024 }
const FRAME_LIMIT = 1_000_000
/** Printable text: no control characters. */
const LABEL = new RegExp(`^[^\\u0000-\\u001f\\u007f]{1,${LABEL_LIMIT}}$`, 'u')

/**
 * @param text  at most 1 MiB
 * @throws {FormatError} `findings_malformed`, for every other text and nothing else
 */
export function parseFindings(text: Uint8Array | string): readonly Finding[] {
  const fields = new JsonFields(parseText(text), 'findings_malformed')
  fields.constant('form', FINDINGS_FORM)
  const findings = fields.objects('findings', FINDING_LIMIT, readFinding)
  fields.finish()
  return findings
}

/** The inverse of {@link parseFindings}. */
export function formatFindings(findings: readonly Finding[]): string {
  const written = findings.map(({ region, label, score, frame }) => ({
    region,
    label,
    ...(score === null ? {} : { score }),
    frame,
  }))
  return `${JSON.stringify({ form: FINDINGS_FORM, findings: written })}\n`
}

function parseText(text: Uint8Array | string): JsonValue {
  try {
    return parseJson(text, LIMITS)
  } catch (cause) {
    if (cause instanceof FormatError) throw new FormatError('findings_malformed', 'no JSON text', { cause })
    throw cause
  }
}

function readFinding(fields: JsonFields): Finding {
  const region = fields.object('region', readRegion)
  const label = fields.string('label', LABEL)
  const score = fields.has('score') ? readNumber(fields, { name: 'score', least: 0, most: 1 }) : null
  return { region, label, score, frame: fields.has('frame') ? fields.integer('frame', 0, FRAME_LIMIT) : 0 }
}

function readRegion(fields: JsonFields): FindingRegion {
  const kind = fields.string('kind', /^(box|circle|point)$/)
  const place = (name: string): number => readNumber(fields, { name, least: 0, most: COORDINATE_LIMIT })
  if (kind === 'point') return { kind, x: place('x'), y: place('y') }
  if (kind === 'circle') return { kind, x: place('x'), y: place('y'), radius: place('radius') }
  const box = {
    kind: 'box',
    left: place('left'),
    top: place('top'),
    right: place('right'),
    bottom: place('bottom'),
  } as const
  if (box.right <= box.left || box.bottom <= box.top) throw refuseFindings('a box is empty')
  return box
}

interface NumberField {
  readonly name: string
  readonly least: number
  readonly most: number
}

function readNumber(fields: JsonFields, { name, least, most }: NumberField): number {
  const value = fields.value(name)
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw fields.refuse(name, `is no number from ${least} to ${most}`)
  return value
}
