/**
 * Status: which HTTP status belongs to which failure of the storage behind a face.
 *
 * Source: RFC 9110 section 15. 503 where trying again may help, 500 where somebody has to look.
 */
import type { StoreCode } from '@fiducial/core/errors.ts'

export const STORE_STATUS = {
  input_missing: 404,
  input_empty: 500,
  input_unreadable: 500,
  no_images: 500,
  output_exists: 500,
  output_unwritable: 503,
  service_unreachable: 503,
  service_refused: 502,
  checkpoint_moved: 503,
  clock_went_back: 503,
  entry_missing: 404,
  fence_lost: 503,
  log_corrupted: 500,
  log_exists: 500,
  log_locked: 503,
  log_missing: 404,
  log_overloaded: 503,
  log_stopped: 503,
  log_unwritable: 503,
  object_conflict: 500,
  payload_erased: 410,
  witness_conflict: 500,
  witness_quorum_missing: 503,
  spool_full: 507,
  spool_locked: 503,
  spool_unwritable: 503,
  spool_corrupted: 500,
  gateway_overloaded: 503,
  instance_missing: 404,
  instance_moved: 409,
  approval_missing: 403,
  association_rejected: 502,
  association_aborted: 502,
  peer_timeout: 504,
  peer_refused: 502,
  sweep_corrupted: 500,
  watch_too_few: 500,
  watch_unsealed: 500,
} as const satisfies Record<StoreCode, number>
