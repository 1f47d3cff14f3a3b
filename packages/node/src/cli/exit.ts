/**
 * Exit: which exit code belongs to which outcome.
 *
 * Source: sysexits.h for the codes from 64 on; 0, 1 and 2 are verdicts. The table is complete by type: a new error
 * code does not compile without its row. The same table for people: docs/reference/cli.md.
 */
import {
  type FormatCode,
  FormatError,
  type KeyCode,
  KeyError,
  type StoreCode,
  StoreError,
} from '@fiducial/core/errors.ts'
import { UsageError } from './usage-error.ts'

export const EXIT = {
  ok: 0,
  notAuthentic: 1,
  undetermined: 2,
  usage: 64,
  data: 65,
  unavailable: 69,
  defect: 70,
  cannotWrite: 73,
  notPermitted: 77,
  /** 128 + SIGINT, as shells count. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

const CODES = {
  base64_malformed: EXIT.data,
  bundle_malformed: EXIT.data,
  certificate_malformed: EXIT.data,
  checkpoint_malformed: EXIT.data,
  cms_malformed: EXIT.data,
  codec_failed: EXIT.data,
  codec_unsupported: EXIT.data,
  crl_malformed: EXIT.data,
  der_malformed: EXIT.data,
  dicom_duplicate_tag: EXIT.data,
  dicom_element_malformed: EXIT.data,
  dicom_fragments_malformed: EXIT.data,
  dicom_json_malformed: EXIT.data,
  dicom_length_past_end: EXIT.data,
  dicom_limit_exceeded: EXIT.data,
  dicom_not_dicom: EXIT.data,
  dicom_order: EXIT.data,
  dicom_preamble_executable: EXIT.data,
  dicom_signature_malformed: EXIT.data,
  dicom_truncated: EXIT.data,
  dimse_malformed: EXIT.data,
  entry_malformed: EXIT.data,
  entry_too_large: EXIT.data,
  envelope_malformed: EXIT.data,
  event_malformed: EXIT.data,
  event_unknown: EXIT.data,
  findings_malformed: EXIT.data,
  hex_malformed: EXIT.data,
  json_malformed: EXIT.data,
  map_proof_malformed: EXIT.data,
  mark_absent: EXIT.undetermined,
  mark_already: EXIT.data,
  mark_altered: EXIT.notAuthentic,
  mark_lossy_source: EXIT.data,
  mark_malformed: EXIT.data,
  mark_no_capacity: EXIT.data,
  mark_record_malformed: EXIT.data,
  multipart_malformed: EXIT.data,
  note_malformed: EXIT.data,
  pdu_malformed: EXIT.data,
  pem_malformed: EXIT.data,
  picture_malformed: EXIT.data,
  pixels_absent: EXIT.data,
  pixels_identifying: EXIT.data,
  pixels_unsuited: EXIT.data,
  policy_malformed: EXIT.data,
  query_malformed: EXIT.data,
  routes_malformed: EXIT.data,
  seal_malformed: EXIT.data,
  settings_malformed: EXIT.data,
  split_view_malformed: EXIT.data,
  statement_malformed: EXIT.data,
  tile_malformed: EXIT.data,
  timestamp_malformed: EXIT.data,
  tlog_proof_malformed: EXIT.data,
  trusted_root_malformed: EXIT.data,
  verifier_key_malformed: EXIT.data,
  watch_feed_malformed: EXIT.data,
  watch_groups_malformed: EXIT.data,
  watch_model_malformed: EXIT.data,
  witness_policy_malformed: EXIT.data,
  witness_request_malformed: EXIT.data,

  input_missing: EXIT.data,
  input_empty: EXIT.data,
  input_unreadable: EXIT.data,
  no_images: EXIT.data,
  output_exists: EXIT.cannotWrite,
  output_unwritable: EXIT.cannotWrite,
  service_unreachable: EXIT.unavailable,
  service_refused: EXIT.unavailable,
  checkpoint_moved: EXIT.unavailable,
  clock_went_back: EXIT.unavailable,
  entry_missing: EXIT.data,
  fence_lost: EXIT.unavailable,
  log_corrupted: EXIT.data,
  log_exists: EXIT.cannotWrite,
  log_locked: EXIT.unavailable,
  log_missing: EXIT.data,
  log_overloaded: EXIT.unavailable,
  log_stopped: EXIT.unavailable,
  log_unwritable: EXIT.cannotWrite,
  object_conflict: EXIT.cannotWrite,
  payload_erased: EXIT.data,
  witness_conflict: EXIT.unavailable,
  witness_quorum_missing: EXIT.unavailable,
  spool_full: EXIT.cannotWrite,
  spool_locked: EXIT.unavailable,
  spool_unwritable: EXIT.cannotWrite,
  spool_corrupted: EXIT.data,
  gateway_overloaded: EXIT.unavailable,
  instance_missing: EXIT.data,
  instance_moved: EXIT.unavailable,
  approval_missing: EXIT.notPermitted,
  association_rejected: EXIT.unavailable,
  association_aborted: EXIT.unavailable,
  peer_timeout: EXIT.unavailable,
  peer_refused: EXIT.unavailable,
  sweep_corrupted: EXIT.data,
  watch_too_few: EXIT.data,
  watch_unsealed: EXIT.data,

  key_missing: EXIT.notPermitted,
  key_unreadable: EXIT.data,
  key_passphrase_wrong: EXIT.notPermitted,
  key_passphrase_missing: EXIT.notPermitted,
  key_exists: EXIT.cannotWrite,
  key_revoked: EXIT.notPermitted,
  key_role_mismatch: EXIT.notPermitted,
  key_outside_validity: EXIT.notPermitted,
  token_unavailable: EXIT.unavailable,
  token_refused: EXIT.notPermitted,
} as const satisfies Record<FormatCode | StoreCode | KeyCode, ExitCode>

/** Code of an error as this program words it: one of errors.ts, `usage`, `interrupted`, or `defect` for all that should not be. */
export type FailureCode = keyof typeof CODES | 'usage' | 'interrupted' | 'defect'

export function failureCodeOf(error: unknown): FailureCode {
  if (error instanceof FormatError || error instanceof StoreError || error instanceof KeyError) return error.code
  if (error instanceof UsageError) return 'usage'
  if (error instanceof Error && error.name === 'AbortError') return 'interrupted'
  return 'defect'
}

export function exitCodeOf(code: FailureCode): ExitCode {
  if (code === 'usage') return EXIT.usage
  if (code === 'interrupted') return EXIT.interrupted
  return code === 'defect' ? EXIT.defect : CODES[code]
}

/**
 * What a run over many files ends with. The order is that of what a caller must not miss: a file that is not
 * authentic outweighs everything, so that nobody can hide one by adding a file that cannot be read.
 */
const PRECEDENCE: readonly ExitCode[] = [
  EXIT.notAuthentic,
  EXIT.defect,
  EXIT.notPermitted,
  EXIT.cannotWrite,
  EXIT.unavailable,
  EXIT.usage,
  EXIT.data,
  EXIT.undetermined,
  EXIT.ok,
]

export function worstOf(codes: Iterable<ExitCode>): ExitCode {
  const met = new Set(codes)
  return PRECEDENCE.find((code) => met.has(code)) ?? EXIT.ok
}
