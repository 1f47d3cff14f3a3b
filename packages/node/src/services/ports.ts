/**
 * Ports: what the services need from the world around them, in their own words. Adapters stand in storage and keys.
 */
import type { HashName } from '@fiducial/core/bytes/hash.ts'

/** Somebody who says, with a signature, that a digest existed at a time (RFC 3161). */
export interface TimestampAuthority {
  /**
   * @param digest  of the length of its algorithm
   * @returns a bare TimeStampToken, DER, whose imprint is the digest
   * @throws {StoreError} `service_unreachable`, `service_refused`
   */
  timestamp(name: HashName, digest: Uint8Array): Promise<Uint8Array>
}
