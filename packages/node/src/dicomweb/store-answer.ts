/**
 * Store answer: what a service says of each instance that it was sent.
 *
 * Source: PS3.18 section 10.5.3 and annex I (Store Instances Response Module); PS3.4 annex B.2.3 and PS3.7 annex C for the
 * reasons of failures.
 */
import { FormatError } from '@fiducial/core/errors.ts'
import { itemsAt, textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import { decodeDicomJson } from '@fiducial/core/formats/dicom-json/parse.ts'

export type InstanceResult =
  | { readonly isStored: true; readonly warning: number | null }
  | { readonly isStored: false; readonly reason: number | null }

const REFERENCED_SOP_SEQUENCE = 0x00081199
const FAILED_SOP_SEQUENCE = 0x00081198
const REFERENCED_SOP_INSTANCE_UID = 0x00081155
const FAILURE_REASON = 0x00081197
const WARNING_REASON = 0x00081196
const DUPLICATE = 0x0111

/** Results by SOP Instance UID; empty where the answer is none that we read, or says nothing of any. */
export function readStoreAnswer(body: Uint8Array): ReadonlyMap<string, InstanceResult> {
  const results = new Map<string, InstanceResult>()
  try {
    const [answer] = body.length === 0 ? [] : decodeDicomJson(body)
    for (const item of itemsAt(answer, REFERENCED_SOP_SEQUENCE)) {
      const uid = textAt(item, REFERENCED_SOP_INSTANCE_UID)
      if (uid !== undefined) results.set(uid, { isStored: true, warning: numberAt(item, WARNING_REASON) })
    }
    // Behind the others: what is said to have failed has.
    for (const item of itemsAt(answer, FAILED_SOP_SEQUENCE)) {
      const uid = textAt(item, REFERENCED_SOP_INSTANCE_UID)
      const reason = numberAt(item, FAILURE_REASON)
      if (uid !== undefined)
        results.set(uid, reason === DUPLICATE ? { isStored: true, warning: reason } : { isStored: false, reason })
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return results
}

/** Whether the service would refuse the same instance again. */
export function isFinalReason(reason: number | null): boolean {
  if (reason === null) return false
  // SOP Class not supported; data set does not match it, or cannot be understood; transfer syntax not supported.
  return reason === 0x0122 || (reason >= 0xa900 && reason <= 0xa9ff) || (reason >= 0xc000 && reason <= 0xcfff)
}

export const statusCode = (status: number): string => `status_${status.toString(16).padStart(4, '0')}`

function numberAt(item: Parameters<typeof textAt>[0], tag: number): number | null {
  const text = textAt(item, tag) ?? ''
  return /^\d{1,5}$/.test(text) ? Number(text) : null
}
