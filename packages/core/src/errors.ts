/**
 * Errors: the classes that leave a module, each with a stable code.
 *
 * Three troubles, three answers. Bad data throws {@link FormatError}; failing surroundings throw
 * {@link StoreError} or {@link KeyError}; a mistake of the caller throws `TypeError` or `RangeError`.
 * Bad *evidence* is no error: it is the result of a verification.
 *
 * A message holds tags, offsets, lengths and codes; never values of an image header, names, keys or whole inputs.
 * The codes are listed with their meaning in docs/reference/errors.md.
 */

/** What can be wrong with bytes or text that claim a format. */
export type FormatCode =
  | 'base64_malformed'
  | 'bundle_malformed'
  | 'certificate_malformed'
  | 'checkpoint_malformed'
  | 'cms_malformed'
  | 'codec_failed'
  | 'codec_unsupported'
  | 'crl_malformed'
  | 'der_malformed'
  | 'dicom_duplicate_tag'
  | 'dicom_element_malformed'
  | 'dicom_fragments_malformed'
  | 'dicom_json_malformed'
  | 'dicom_length_past_end'
  | 'dicom_limit_exceeded'
  | 'dicom_not_dicom'
  | 'dicom_order'
  | 'dicom_preamble_executable'
  | 'dicom_signature_malformed'
  | 'dicom_truncated'
  | 'dimse_malformed'
  | 'entry_malformed'
  | 'entry_too_large'
  | 'envelope_malformed'
  | 'event_malformed'
  | 'event_unknown'
  | 'findings_malformed'
  | 'hex_malformed'
  | 'json_malformed'
  | 'map_proof_malformed'
  | 'mark_absent'
  | 'mark_already'
  | 'mark_altered'
  | 'mark_lossy_source'
  | 'mark_malformed'
  | 'mark_no_capacity'
  | 'mark_record_malformed'
  | 'multipart_malformed'
  | 'note_malformed'
  | 'pdu_malformed'
  | 'pem_malformed'
  | 'picture_malformed'
  | 'pixels_absent'
  | 'pixels_identifying'
  | 'pixels_unsuited'
  | 'policy_malformed'
  | 'query_malformed'
  | 'routes_malformed'
  | 'seal_malformed'
  | 'settings_malformed'
  | 'split_view_malformed'
  | 'statement_malformed'
  | 'tile_malformed'
  | 'timestamp_malformed'
  | 'tlog_proof_malformed'
  | 'trusted_root_malformed'
  | 'verifier_key_malformed'
  | 'watch_feed_malformed'
  | 'watch_groups_malformed'
  | 'watch_model_malformed'
  | 'witness_policy_malformed'
  | 'witness_request_malformed'

/** What can go wrong around us: files, disks, other services. */
export type StoreCode =
  | 'input_missing'
  | 'input_empty'
  | 'input_unreadable'
  | 'no_images'
  | 'output_exists'
  | 'output_unwritable'
  | 'service_unreachable'
  | 'service_refused'
  | 'checkpoint_moved'
  | 'clock_went_back'
  | 'entry_missing'
  | 'fence_lost'
  | 'log_corrupted'
  | 'log_exists'
  | 'log_locked'
  | 'log_missing'
  | 'log_overloaded'
  | 'log_stopped'
  | 'log_unwritable'
  | 'object_conflict'
  | 'payload_erased'
  | 'witness_conflict'
  | 'witness_quorum_missing'
  | 'spool_full'
  | 'spool_locked'
  | 'spool_unwritable'
  | 'spool_corrupted'
  | 'gateway_overloaded'
  | 'instance_missing'
  | 'instance_moved'
  | 'approval_missing'
  | 'association_rejected'
  | 'association_aborted'
  | 'peer_timeout'
  | 'peer_refused'
  | 'sweep_corrupted'
  | 'watch_too_few'
  | 'watch_unsealed'

/** What can go wrong with keys and those who hold them. */
export type KeyCode =
  | 'key_missing'
  | 'key_unreadable'
  | 'key_passphrase_wrong'
  | 'key_passphrase_missing'
  | 'key_exists'
  | 'key_revoked'
  | 'key_role_mismatch'
  | 'key_outside_validity'
  | 'token_unavailable'
  | 'token_refused'

abstract class CodedError<Code extends string> extends Error {
  readonly code: Code
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** Bytes or text do not spell the format they claim. The data is at fault, not the caller. */
export class FormatError extends CodedError<FormatCode> {
  /** Byte offset in the input at which reading stopped making sense, where there is one. */
  readonly offset: number | undefined
  constructor(code: FormatCode, message: string, options?: ErrorOptions & { readonly offset?: number }) {
    super(code, message, options)
    this.offset = options?.offset
  }
}

/** A file, disk or service did not do its part. */
export class StoreError extends CodedError<StoreCode> {}

/** A key, certificate or token cannot be used as asked. */
export class KeyError extends CodedError<KeyCode> {}
