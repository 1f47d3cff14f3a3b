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
