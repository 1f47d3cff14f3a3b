/**
 * Ports: what the services need from the world around them, in their own words. Adapters stand in storage and keys.
 */
import type { Signer } from '@fiducial/core/bytes/crypto.ts'
import type { HashName } from '@fiducial/core/bytes/hash.ts'
import type { InstanceQuestion, LogEvidence, LoggedMark } from '@fiducial/core/domain/log/logged-instance.ts'
import type { MarkEvidence } from '@fiducial/core/domain/verdict/mark-evidence.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import type { QuotedCheckpoint } from '@fiducial/core/formats/tlog/quoted-checkpoint.ts'

/** Somebody who says, with a signature, that a digest existed at a time (RFC 3161). */
export interface TimestampAuthority {
  /**
   * @param digest  of the length of its algorithm
   * @returns a bare TimeStampToken, DER, whose imprint is the digest
   * @throws {StoreError} `service_unreachable`, `service_refused`
   */
  timestamp(name: HashName, digest: Uint8Array): Promise<Uint8Array>
}

/** The three keys of a device or person. */
export interface HolderKeys {
  /** For PS3.15 signatures: RSA or ECDSA. */
  readonly dicom: Signer
  /** For the statement beside the file: Ed25519 or P-256. */
  readonly statement: Signer
  /** For the same statement: ML-DSA-44. */
  readonly postQuantum: Signer
}

/** A device or person who can seal. Names and serial numbers are those that the certificates state. */
export interface Sealer {
  /** What the site calls the holder by. */
  readonly id: string
  readonly keys: HolderKeys
}

/** Bytes that nobody can foresee. */
export type RandomBytes = (length: number) => Uint8Array

/**
 * The newest checkpoint of a custody log that has its quorum of witnesses; null while there is none, or it is of an empty
 * log.
 * @throws {StoreError} where the log cannot be asked
 */
export type QuoteCheckpoint = () => Promise<QuotedCheckpoint | null>

/** Somebody who knows what a custody log says about an image. */
export interface InstanceLog {
  /**
   * May be asked about many images at once. Answers only with what it has verified.
   * @throws {StoreError} where the log cannot be asked; {FormatError} where its answer, or the proof at hand, is none
   */
  lookUp(question: InstanceQuestion): Promise<LogEvidence>
}

/** Somebody with keys who reads marks in pixels. */
export interface InstanceMarks {
  /**
   * What cannot be read is part of the answer.
   * @param claims  of marks that may be there
   */
  read(file: DicomFile, claims: readonly LoggedMark[]): Promise<MarkEvidence>
}
