/**
 * Status: the codes that answer a DIMSE request, and what class each belongs to.
 *
 * Source: PS3.7 annex C; PS3.4 annex B.2.3 (storage), C.4 (query/retrieve), J.3 (storage commitment).
 */

export const STATUS = {
  success: 0x0000,
  /** C-FIND, C-MOVE, C-GET: more is to come. */
  pending: 0xff00,
  /** C-FIND: likewise, but optional keys were not looked at. */
  pendingWithWarning: 0xff01,
  cancelled: 0xfe00,
  cannotUnderstand: 0xc000,
  outOfResources: 0xa700,
  /** C-MOVE: sub-operations cannot be performed. */
  outOfResourcesSubOperations: 0xa702,
  moveDestinationUnknown: 0xa801,
  dataSetMismatch: 0xa900,
  subOperationsFailed: 0xb000,
  attributeListError: 0x0107,
  sopClassNotSupported: 0x0122,
  classInstanceConflict: 0x0119,
  duplicateSopInstance: 0x0111,
  duplicateInvocation: 0x0210,
  invalidArgument: 0x0115,
  invalidAttribute: 0x0106,
  invalidObjectInstance: 0x0117,
  missingAttribute: 0x0120,
  missingAttributeValue: 0x0121,
  mistypedArgument: 0x0212,
  noSuchArgument: 0x0114,
  noSuchAttribute: 0x0105,
  noSuchEventType: 0x0113,
  noSuchObjectInstance: 0x0112,
  noSuchSopClass: 0x0118,
  noSuchActionType: 0x0123,
  notAuthorized: 0x0124,
  processingFailure: 0x0110,
  resourceLimitation: 0x0213,
  unrecognizedOperation: 0x0211,
} as const

export type StatusClass = 'success' | 'pending' | 'cancel' | 'warning' | 'failure'

/** Two codes outside the ranges that warn all the same: attribute list error, attribute value out of range. */
const WARNINGS: ReadonlySet<number> = new Set([0x0001, STATUS.attributeListError, 0x0116])

/** The class of a status, 0 to 65535; a code that no table names is a failure. */
export function statusClass(status: number): StatusClass {
  if (status === STATUS.success) return 'success'
  if (status === STATUS.pending || status === STATUS.pendingWithWarning) return 'pending'
  if (status === STATUS.cancelled) return 'cancel'
  return WARNINGS.has(status) || status >>> 12 === 0xb ? 'warning' : 'failure'
}
