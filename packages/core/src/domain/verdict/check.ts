/**
 * Check: one question about an image, with its answer.
 *
 * A reader sees which part fails and which part nobody could look at; a policy says which parts it asks for.
 */

/** What a check is about. */
export type Subject =
  /** The bytes can be read in one way only. */
  | 'encoding'
  /** Each frame of compressed pixel data has its own place. */
  | 'fragments'
  /** The device signed in the file. */
  | 'device_signature'
  /** The person who made the image signed in the file, or the series that it belongs to. */
  | 'operator_signature'
  /** A gateway signed in the file when it came to it, or the file is the very one that came. */
  | 'gateway_signature'
  /** What else was signed in the file is right, too. */
  | 'other_signatures'
  /** No attribute is left open by the signatures. */
  | 'coverage'
  /** An authority saw the device's signature. */
  | 'time'
  /** The signers' certificates are not revoked. */
  | 'revocation'
  /** The seal beside the file is whole and signed by device and operator, or by a gateway. */
  | 'seal'
  /** The image is as the seal describes it. */
  | 'content'
  /** The file names patient, operator, device, acquisition, time and geometry. */
  | 'naming'
  /** The gateway tied the image to an order, to a technologist and to whoever sent it. */
  | 'binding'
  /** The custody log has a record of the seal, or of the very bytes of the file. */
  | 'log'
  /** The pixels carry the mark that is claimed, whole and at its place. */
  | 'mark'

/** Why a check fails. */
export type FailureReason =
  | 'attribute_added'
  | 'attribute_changed'
  | 'attribute_removed'
  | 'back_dated'
  | 'certificate_not_allowed'
  | 'certificate_outside_validity'
  | 'date_changed'
  | 'device_changed'
  | 'display_changed'
  | 'encoding_ambiguous'
  | 'fragments_ambiguous'
  | 'geometry_changed'
  | 'identity_changed'
  | 'log_forked'
  | 'mark_altered'
  | 'mark_contradicted'
  | 'mark_foreign'
  | 'mark_missing'
  | 'mark_of_other'
  | 'operator_changed'
  | 'other_instance'
  | 'overlay_changed'
  | 'patient_changed'
  | 'pixels_changed'
  | 'preamble_executable'
  | 'proof_wrong'
  | 'replaced'
  | 'revoked'
  | 'role_mismatch'
  | 'seal_malformed'
  | 'seal_signature_missing'
  | 'seal_signature_wrong'
  | 'signature_changed'
  | 'signature_malformed'
  | 'signature_removed'
  | 'signer_impersonated'
  | 'signer_mismatch'
  | 'stripped'
  | 'tampered'
  | 'time_contradicted'
  | 'timestamp_wrong'
  | 'unsigned_display_attribute'
  | 'unsigned_overlay'
  | 'weak_key'
  | 'withdrawn'

/** Why nobody could say. */
export type GapReason =
  | 'attribute_missing'
  | 'binding_contradicted'
  | 'binding_incomplete'
  | 'compressed_with_loss'
  | 'derivation_described'
  | 'fragments_undecided'
  | 'log_not_consulted'
  | 'log_unavailable'
  | 'mark_key_missing'
  | 'mark_tiles_gone'
  | 'mark_unclaimed'
  | 'mark_unreadable'
  | 'meta_contradicted'
  | 'other_identifier'
  | 'padding_changed'
  | 'pixels_undecodable'
  | 'preamble_unsigned'
  | 'record_differs'
  | 'record_erased'
  | 'recorded_late'
  | 'recorded_otherwise'
  | 'revocation_unknown'
  | 'role_uncertified'
  | 'seal_absent'
  | 'seal_unproven'
  | 'seal_unrecorded'
  | 'signature_absent'
  | 'signature_parts_left'
  | 'signed_by_operator_in_series'
  | 'time_unproven'
  | 'transcoded'
  | 'unrecorded'
  | 'unsigned_attribute'
  | 'unsigned_patient'
  | 'unsigned_pixels'
  | 'untrusted_signer'
  | 'unwitnessed'
  | 'vr_lost'
  | 'weak_digest'

interface Answer {
  readonly subject: Subject
  /** Attributes, frames, fragments, offsets or entries of the log that the answer is about; never values. */
  readonly where?: readonly string[]
}

export type Check =
  | (Answer & { readonly outcome: 'holds' })
  | (Answer & { readonly outcome: 'fails'; readonly reason: FailureReason })
  | (Answer & { readonly outcome: 'unknown'; readonly reason: GapReason })

export const holds = (subject: Subject, where?: readonly string[]): Check => ({
  subject,
  outcome: 'holds',
  ...places(where),
})
export const fails = (subject: Subject, reason: FailureReason, where?: readonly string[]): Check => ({
  subject,
  outcome: 'fails',
  reason,
  ...places(where),
})
export const unknown = (subject: Subject, reason: GapReason, where?: readonly string[]): Check => ({
  subject,
  outcome: 'unknown',
  reason,
  ...places(where),
})

/** A report names at most this many places of one kind; the count tells the rest. */
const PLACES_LIMIT = 20

function places(where: readonly string[] | undefined): { where?: readonly string[] } {
  if (where === undefined || where.length === 0) return {}
  if (where.length <= PLACES_LIMIT) return { where }
  return { where: [...where.slice(0, PLACES_LIMIT), `and ${where.length - PLACES_LIMIT} more`] }
}
