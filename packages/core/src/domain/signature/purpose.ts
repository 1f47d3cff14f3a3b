/** Digital Signature Purpose: context group 7007 of PS3.16, from ASTM E1762 (coding scheme `ASTM-sigpurpose`). */

export const PURPOSES = {
  '1': "Author's Signature",
  '2': "Coauthor's Signature",
  '3': "Co-participant's Signature",
  '4': 'Transcriptionist/Recorder Signature',
  '5': 'Verification Signature',
  '6': 'Validation Signature',
  '7': 'Consent Signature',
  '8': 'Signature Witness Signature',
  '9': 'Event Witness Signature',
  '10': 'Identity Witness Signature',
  '11': 'Consent Witness Signature',
  '12': 'Interpreter Signature',
  '13': 'Review Signature',
  '14': 'Source Signature',
  '15': 'Addendum Signature',
  '16': 'Modification Signature',
  '17': 'Administrative (Error/Edit) Signature',
  '18': 'Timestamp Signature',
} as const

export type PurposeCode = keyof typeof PURPOSES

/** The device that made the image speaks. */
export const SOURCE_SIGNATURE: PurposeCode = '14'
/** The person who made the image speaks. */
export const AUTHOR_SIGNATURE: PurposeCode = '1'
/**
 * A gateway speaks: it was there when the image came, and no more. It made nothing (14), vouches for no content (5, 6),
 * and says more than what time it was (18).
 */
export const WITNESS_SIGNATURE: PurposeCode = '9'
