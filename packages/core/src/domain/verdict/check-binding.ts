/**
 * Check of the binding: whether a gateway could tie an image to the order that it was made for, to the technologist and
 * to whoever sent it, and whether the image agrees.
 *
 * All of this is what the gateway was told. That it agrees makes a mix-up unlikely; it proves no origin.
 */
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { readText, textAt } from '../../formats/dicom/values.ts'
import type { OrderBinding, Received } from '../seal/gateway-statement.ts'
import { isOfGateway } from '../seal/image-statement.ts'
import { describeTag } from '../signature/coverage.ts'
import type { Belief } from './belief.ts'
import { type Check, holds, unknown } from './check.ts'
import type { Evidence } from './evidence.ts'

const ACCESSION_NUMBER: Tag = 0x00080050
const REQUEST_ATTRIBUTES: Tag = 0x00400275
const REQUESTED_PROCEDURE_ID: Tag = 0x00401001
const SCHEDULED_STEP_ID: Tag = 0x00400009

/** None for an image that no gateway sealed. */
export function checkBinding({ file }: Evidence, belief: Belief | undefined): readonly Check[] {
  if (belief === undefined || !isOfGateway(belief.statement)) return []
  const { order, received, technologist } = belief.statement
  const missing = [
    ...(order === null ? ['no order'] : []),
    ...(technologist === null ? ['no technologist'] : []),
    ...(isNamed(received) ? [] : ['no name of the sender']),
  ]
  const contradictions = order === null ? [] : findContradictions(file, order)
  if (contradictions.length > 0) return [unknown('binding', 'binding_contradicted', contradictions.map(describeTag))]
  return [missing.length === 0 ? holds('binding') : unknown('binding', 'binding_incomplete', missing)]
}

/** By its AE title, or by a certificate or token, which prove more than that. An address names no device. */
const isNamed = ({ callingAet, certificate, token }: Received): boolean =>
  callingAet !== null || certificate !== null || token !== null

/** Attributes by which the image names another order; one that it leaves out contradicts nothing. */
function findContradictions(file: DicomFile, order: OrderBinding): readonly Tag[] {
  const isOther = (named: readonly string[], bound: string | null): boolean =>
    bound !== null && named.length > 0 && !named.includes(bound)
  const found: Tag[] = []
  const accession = textAt(file.dataSet, ACCESSION_NUMBER)
  if (isOther(accession ? [accession] : [], order.accessionNumber)) found.push(ACCESSION_NUMBER)
  if (isOther(requested(file, REQUESTED_PROCEDURE_ID), order.requestedProcedureId)) found.push(REQUESTED_PROCEDURE_ID)
  if (isOther(requested(file, SCHEDULED_STEP_ID), order.scheduledProcedureStepId)) found.push(SCHEDULED_STEP_ID)
  return found
}

/** Values of an attribute in the items of Request Attributes Sequence: an image may be made for several requests. */
function requested({ dataSet: { source, elements } }: DicomFile, tag: Tag): readonly string[] {
  const items = findElement(elements, REQUEST_ATTRIBUTES)?.items ?? []
  return items.flatMap((item) => {
    const element = findElement(item.elements, tag)
    const value = element && readText(source, element).trim()
    return value ? [value] : []
  })
}
