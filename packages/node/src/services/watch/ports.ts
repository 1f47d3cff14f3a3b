/** Ports of the watchdog: what it asks of others. */
import type { Finding } from '@fiducial/core/domain/watch/findings/finding.ts'

/** An image as it is handed to a diagnostic model: the whole file, header included. */
export interface DiagnosticImage {
  readonly bytes: Uint8Array
  readonly mediaType: 'application/dicom' | 'image/png'
}

/** The diagnostic model whose findings the watchdog looks beside; it may be a program of a vendor. */
export interface DiagnosticModel {
  /** For reports; not a secret. */
  readonly name: string
  /**
   * When it resolves, the model has looked at the whole image; an empty list is its answer, not a failure.
   * @throws {FormatError} `findings_malformed` for an answer that is none
   * @throws {StoreError} `service_unreachable`, `service_refused`
   */
  examine(image: DiagnosticImage): Promise<readonly Finding[]>
}

/** Numbers of a picture, null for those that could not be measured, or why there are none. */
export type LearntValues = readonly (number | null)[] | string

/** By label: `real`, the id of a technique, or that of a variant. */
export type LearntImage = Readonly<Record<string, LearntValues>>

/** What was measured of images before, so that a run that was stopped goes on and a second one is quick. */
export interface MeasuredCache {
  /** Undefined for what was not measured, or cannot be read. @param sha256  of the image's file, hexadecimal */
  read(sha256: string): LearntImage | undefined
  /** When it returns, the numbers are there whole or not at all. @throws {StoreError} `output_unwritable` */
  write(sha256: string, learnt: LearntImage): void
}
