/**
 * Store status: what an answer to C-STORE means for the copy that was sent.
 *
 * Source: PS3.4 table B.2-1, PS3.7 annex C. A refusal is final where the same object would be refused again, whatever
 * becomes of the peer; all else is tried again.
 */
import { STATUS, statusClass } from '@fiducial/core/formats/dimse/status.ts'
import { CONTEXT_RESULTS } from '@fiducial/core/formats/dul/associate.ts'
import type { SendFate } from '../services/gateway/ports.ts'

/** Refusals of this object, beside the ranges A9xx (it does not match its SOP Class) and Cxxx (it is not understood). */
const FINAL: ReadonlySet<number> = new Set([
  STATUS.sopClassNotSupported,
  STATUS.noSuchSopClass,
  STATUS.classInstanceConflict,
  STATUS.invalidObjectInstance,
  STATUS.invalidAttribute,
  STATUS.invalidArgument,
  STATUS.missingAttribute,
  STATUS.missingAttributeValue,
  STATUS.mistypedArgument,
  STATUS.unrecognizedOperation,
])

/** @param status  0 to 65535, as the peer answered */
export function fateOf(status: number): SendFate {
  const code = `status_${status.toString(16).padStart(4, '0')}`
  const kind = statusClass(status)
  if (kind === 'success') return { outcome: 'stored' }
  // One that the peer has already is there: an answer that was lost is no reason to give it up.
  if (kind === 'warning' || status === STATUS.duplicateSopInstance) return { outcome: 'stored', note: code }
  const range = status >>> 8
  return { outcome: 'failed', code, isFinal: FINAL.has(status) || range === 0xa9 || status >>> 12 === 0xc }
}

/** A copy whose presentation context was refused. @param result  as the peer answered; undefined where it did not */
export function fateOfContext(result: number | undefined): SendFate {
  if (result === CONTEXT_RESULTS.abstractSyntaxNotSupported) {
    return { outcome: 'failed', code: 'sop_class_not_taken', isFinal: true }
  }
  if (result === CONTEXT_RESULTS.transferSyntaxesNotSupported) {
    return { outcome: 'failed', code: 'transfer_syntax_not_taken', isFinal: true }
  }
  return { outcome: 'failed', code: 'context_refused', isFinal: false }
}
