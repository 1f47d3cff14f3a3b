/**
 * Finding: one thing that a sweep of an archive has to tell, in a code, in plain words, and with what to do about it.
 *
 * The codes with their meaning: docs/reference/audit.md. No text names a patient, or anything else that stands in a header.
 */

export const SEVERITIES = ['alarm', 'warning', 'notice'] as const
/**
 * `alarm`: something is not what it should be, and somebody has to look · `warning`: nobody can show that it is · `notice`:
 * nothing is wrong, and somebody may want to know.
 */
export type Severity = (typeof SEVERITIES)[number]

export interface FindingKind {
  readonly severity: Severity
  /** A few words, for a table. */
  readonly title: string
  /** What it means. */
  readonly explanation: string
  readonly advice: string
}

const ASK_FOR_ORIGINAL =
  'Do not rely on this copy. Fetch the original from where it was made, or from a backup, with its seal.'

/** Every finding, the worst first: the order of reports. */
export const FINDINGS = {
  replaced: {
    severity: 'alarm',
    title: 'Another picture under this identifier',
    explanation:
      'The custody log knows this SOP Instance UID with other pixels. Somebody has put another picture in its place.',
    advice: ASK_FOR_ORIGINAL,
  },
  altered: {
    severity: 'alarm',
    title: 'Changed since it was signed',
    explanation: 'The image is not as it was signed or sealed. The places that differ are listed.',
    advice: `${ASK_FOR_ORIGINAL} If a correction was meant, it should have been made as a new, signed version.`,
  },
  changed_since: {
    severity: 'alarm',
    title: 'Other pixels than at the last sweep',
    explanation:
      'No signature covers this image, and its pixels are not those that an earlier sweep read under the same identifier.',
    advice: 'Compare it with a backup from before, and find out which program rewrote it.',
  },
  replayed: {
    severity: 'alarm',
    title: 'An old picture under a new date or study',
    explanation: 'The pixels are genuine, but the date, study or patient is not the one that they were recorded under.',
    advice: 'Do not use it for the examination that it claims to belong to. The original, where it is known, is named.',
  },
  stripped: {
    severity: 'alarm',
    title: 'Signatures or seal taken away',
    explanation: 'The image was signed or sealed when it was made, and that is gone from this copy.',
    advice: `${ASK_FOR_ORIGINAL} Find out which program removes private attributes, signatures or the files beside images.`,
  },
  wrong_seal: {
    severity: 'alarm',
    title: 'The seal is not that of this image',
    explanation: 'The file beside the image is damaged, signed wrongly, or the seal of another image.',
    advice: ASK_FOR_ORIGINAL,
  },
  wrong_signer: {
    severity: 'alarm',
    title: 'Signed by somebody who may not',
    explanation:
      'Its signer carries the name of somebody known with another key, has another role than it claims, or signed outside the validity of its certificate.',
    advice: 'Treat it as a forgery until whoever is named as its maker confirms it.',
  },
  revoked: {
    severity: 'alarm',
    title: 'The signer’s certificate was revoked',
    explanation:
      'A certificate behind its signatures was taken back by its issuer, so that they may be somebody else’s.',
    advice:
      'Ask the site that issued the certificate since when its key was not safe, and compare with a backup from before.',
  },
  ambiguous: {
    severity: 'alarm',
    title: 'Two programs can see two different things in it',
    explanation:
      'The file can be read in more than one way: attributes twice, frames that overlap, or a program’s header.',
    advice: 'Do not open it with a viewer; quarantine it and fetch the original.',
  },
  damaged: {
    severity: 'alarm',
    title: 'Cut off or damaged',
    explanation: 'The file ends before what it announces, so that what is left cannot be what was stored.',
    advice: 'Restore it from a backup; if many are damaged, check the disks.',
  },
  back_dated: {
    severity: 'alarm',
    title: 'The time that it claims is contradicted',
    explanation: 'A timestamp or the custody log shows that it was signed at another time than it claims.',
    advice: 'Do not rely on its date. Find out who had the keys and the clock of the device that signed it.',
  },
  withdrawn: {
    severity: 'alarm',
    title: 'Withdrawn, and still there',
    explanation: 'The custody log says that the image was withdrawn, such as a training image at the end of a drill.',
    advice: 'Remove it from the archive and from every copy of it.',
  },
  quarantined: {
    severity: 'alarm',
    title: 'In quarantine, and still there',
    explanation:
      'The custody log says that the image is held back and was not released since; the archive has it all the same.',
    advice: 'Find out by which way it came past the gateway; release it by two persons, or remove it.',
  },
  uid_reused: {
    severity: 'alarm',
    title: 'One identifier, several contents',
    explanation: 'The archive holds several instances with the same SOP Instance UID and different pixels.',
    advice: 'Only one can be the one that was made. Compare them with their seals and with the log.',
  },
  missing: {
    severity: 'alarm',
    title: 'In the log, not in the archive',
    explanation: 'The custody log knows the image as present, and the archive does not hold it.',
    advice: 'Restore it from a backup or ask the sender for it; if it was deleted on purpose, have that recorded.',
  },
  log_contradicted: {
    severity: 'alarm',
    title: 'The custody log is contradicted',
    explanation: 'The seal quotes a state of the log that the log does not have, or a proof beside the image is wrong.',
    advice: 'Check the log with `fiducial log check`, and compare with its witnesses: it may have been rewritten.',
  },
  changed: {
    severity: 'warning',
    title: 'Attributes differ from the record',
    explanation:
      'Attributes differ from those that were recorded, and nothing signed says which. Corrections of names do this, and so do swaps.',
    advice: 'See which attributes differ, and whether somebody corrected them on purpose.',
  },
  vanished: {
    severity: 'warning',
    title: 'Gone since an earlier sweep',
    explanation:
      'An earlier sweep saw the image, the custody log does not know it, and the archive does not hold it any more.',
    advice: 'See whether it was deleted on purpose; if not, restore it from a backup.',
  },
  unknown: {
    severity: 'warning',
    title: 'Nobody can show where it came from',
    explanation: 'The image carries no signature and no seal, and the custody log has no record of it.',
    advice: 'Ask where it came from. If the archive is older than the log, enrol it: `fiducial audit --enrol`.',
  },
  untrusted: {
    severity: 'warning',
    title: 'Signed by somebody unknown',
    explanation: 'The image is signed or sealed under an authority that this sweep does not know.',
    advice: 'Get the certificate of that site by another way, check it, and name it with --trust.',
  },
  unrecorded: {
    severity: 'warning',
    title: 'Sealed, and not in the log',
    explanation: 'The seal is right, and the custody log of the site that made it has no record of it.',
    advice: 'Find out why it was not recorded when it was sealed; `fiducial log append` records seals.',
  },
  unproven: {
    severity: 'warning',
    title: 'Not all is shown',
    explanation: 'Nothing contradicts the image, but some of what the policy asks for cannot be shown.',
    advice: 'The reasons say what is missing; most often an original with its seal answers them.',
  },
  re_encoded: {
    severity: 'warning',
    title: 'Rewritten on the way',
    explanation:
      'Some program has rewritten the file, so that it cannot be shown any more that all of it is as it was signed.',
    advice: 'Ask for the original encoding, and let the archive keep images as they come.',
  },
  stale: {
    severity: 'warning',
    title: 'A signature that is going stale',
    explanation:
      'What makes a signature believable ends or has ended: a certificate, a timestamp, a revocation list, or the strength of an algorithm.',
    advice: 'Have the site renew its timestamps and revocation lists, or record the image in the custody log now.',
  },
  duplicate: {
    severity: 'warning',
    title: 'The same picture several times',
    explanation:
      'Several instances with different identifiers hold exactly the same pixels, and those are no blank picture.',
    advice: 'See whether one is a copy that was sent twice, or a picture that was filed for somebody else.',
  },
  copied: {
    severity: 'notice',
    title: 'Several identical copies',
    explanation: 'The archive holds the same instance several times, with the same content.',
    advice: 'Nothing is wrong with them; they take space.',
  },
  erased: {
    severity: 'warning',
    title: 'Its record was erased',
    explanation:
      'What the custody log knew of the image was erased on somebody’s order, and the archive still holds it.',
    advice: 'See whether the image should have been erased, too.',
  },
  unreadable: {
    severity: 'warning',
    title: 'Cannot be read',
    explanation: 'The archive lists it, and what it gives is not a DICOM file, is cut off, or cannot be fetched.',
    advice: 'Restore it from a backup; if many are unreadable, check the disks.',
  },
  log_unavailable: {
    severity: 'warning',
    title: 'The custody log could not be asked',
    explanation: 'There is a custody log, and it gave no answer, or too few witnesses have seen it.',
    advice: 'Check it with `fiducial log check` and sweep again.',
  },
  synthetic: {
    severity: 'notice',
    title: 'Not made from a patient',
    explanation: 'The image says of itself that it is synthetic, or its signers that they are for demonstration.',
    advice: 'It must not be used for treatment. See whether it belongs into this archive.',
  },
} as const satisfies Readonly<Record<string, FindingKind>>

export type FindingCode = keyof typeof FINDINGS

/** Something that was found about one instance. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  /** What it is drawn from: reasons of checks and other words of closed lists, most telling first. */
  readonly reasons: readonly string[]
  /** Attributes, entries of the log, or other instances by their UIDs; never values of a header. */
  readonly where: readonly string[]
}

export const FINDING_CODES = Object.keys(FINDINGS) as readonly FindingCode[]

/** @param severity  where it is not the usual one */
export function finding(
  code: FindingCode,
  reasons: readonly string[] = [],
  where: readonly string[] = [],
  severity: Severity = FINDINGS[code].severity,
): Finding {
  return { code, severity, reasons, where }
}

/** Worst first: by severity, then in the order of {@link FINDINGS}. */
export function compareFindings(a: Pick<Finding, 'code' | 'severity'>, b: Pick<Finding, 'code' | 'severity'>): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    FINDING_CODES.indexOf(a.code) - FINDING_CODES.indexOf(b.code)
  )
}
