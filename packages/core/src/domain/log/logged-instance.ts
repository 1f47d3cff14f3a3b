/**
 * Logged instance: what a custody log says about one image, and what it has to be told to say it.
 *
 * Plain values that survive the way between threads. Whoever makes them has verified what they state: the signatures
 * of the checkpoint, the quorum of the witnesses, every inclusion. What they mean for the image is left to
 * domain/verdict.
 */
import type { QuotedCheckpoint } from '../../formats/tlog/quoted-checkpoint.ts'

/** Digests by which events name an image, each absent where it is not known. What survives more stands further down. */
export interface InstanceDigests {
  /** SHA-256 of the file. */
  readonly file?: Uint8Array
  /** SHA-256 of the MAC stream over all signable elements, padding normalised: of the seal's statement, `dataset`. */
  readonly dataset?: Uint8Array
  /** RFC 6962 root over the SHA-256 of each decoded frame: in a seal's statement `pixels.frames.root`, in events `frames.root`. */
  readonly frames?: Uint8Array
}

/** What the leaf of a sealed image is made of: all of it stands in the seal file. */
export interface SealLeaf {
  /** Payload of the envelope: the statement, an in-toto Statement v1. */
  readonly payload: Uint8Array
  /** The device's signature over it that is no post-quantum one: Ed25519, or ECDSA with P-256 in DER. */
  readonly signature: Uint8Array
  /** Public key of that signature, DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  /** What the statement quotes. */
  readonly checkpoint: QuotedCheckpoint | null
}

/** By what a log knows the seal of a gateway: its event `sealed-at-gateway` states the digest of the seal file. */
export interface GatewaySealMark {
  /** SHA-256 of the seal file. */
  readonly sha256: Uint8Array
  /** What the statement quotes. */
  readonly checkpoint: QuotedCheckpoint | null
  /** SHA-256 of the root certificate that the gateway stands under. */
  readonly root?: Uint8Array
}

/** What a log is asked about an image. */
export interface InstanceQuestion {
  /** SOP Instance UID (0008,0018); absent where the file has none. */
  readonly sopInstanceUid?: string
  /** Absent where there is no seal that can be read. */
  readonly seal?: SealLeaf
  /** In its place, where a gateway sealed. */
  readonly gatewaySeal?: GatewaySealMark
  /** Of the sealed image, where its seal is believed; else of the file at hand. */
  readonly digests: InstanceDigests
  /** The proof file beside the image (C2SP tlog-proof), as it was found; absent if there is none. */
  readonly proof?: Uint8Array
}

/** Which mark a device put into the pixels of an image, as its statement says. */
export interface LoggedMark {
  /** 8 bytes. */
  readonly recordId: Uint8Array
  /** Ed25519 key of the planes' signatures, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** One event of an image. */
export interface InstanceRecord {
  readonly index: bigint
  /** Name of the event, such as `acquired`, `sealed-at-gateway`, `drill-withdrawn`. */
  readonly type: string
  /** When it happened, by the clock of whoever stated it. */
  readonly at: Date
  /** Of the instance that the event is about; absent where the statement names none, or was erased. */
  readonly sopInstanceUid?: string
  /** Of its study, likewise. */
  readonly studyInstanceUid?: string
  /** Empty where the statement was erased. */
  readonly digests: InstanceDigests
  /** SHA-256 of the certificate with which the device or the gateway signed in the image, for events that seal. */
  readonly deviceCertificate?: Uint8Array
  /** SHA-256 of the seal file, for `sealed-at-gateway`. */
  readonly gatewaySeal?: Uint8Array
  /** What the device said of the mark in the pixels, for `acquired`; absent where it marked nothing. */
  readonly mark?: LoggedMark
  /** SOP Instance UID that the image was made from, for `derived` and `transcoded`. */
  readonly sourceInstanceUid?: string
  /** SHA-256 of the statement's bytes; absent where it was erased. */
  readonly statementSha256?: Uint8Array
}

/** Where the seal at hand stands in the log. */
export interface LoggedSeal {
  readonly index: bigint
  /** Whether its leaf, rebuilt from the seal, is at that place of the tree. */
  readonly inclusion: 'holds' | 'fails'
  /** Earliest moment by which it is known to have been in the log: a witness or authority had signed for it. */
  readonly notAfter?: Date
  /** Latest moment at which it is known not to have been there yet: what stands before it in the log is as young. */
  readonly notBefore?: Date
}

/** What is known about the checkpoint that the statement quotes. */
export interface QuotedStanding {
  /**
   * `holds`: the log's tree of that size has that root. `fails`: it has another one. `unknown`: nobody could look, it is
   * a checkpoint of another log, or of a longer one than is at hand.
   */
  readonly consistency: 'holds' | 'fails' | 'unknown'
  /** Where it holds: latest moment at which a tree of that size is known not to have been there yet. */
  readonly notBefore?: Date
}

interface Checked {
  /** Name of the log, from the key that signed its checkpoint. */
  readonly origin: string
  /** Entries under the checkpoint that everything was held against. */
  readonly size: bigint
  /** Whether that checkpoint has the quorum of witnesses that the policy asks for; true where it asks for none. */
  readonly isWitnessed: boolean
  /** Absent where no seal was at hand, or where the seal's statement quotes no checkpoint. */
  readonly quoted?: QuotedStanding
}

/** The log itself was asked. */
export interface ConsultedLog extends Checked {
  readonly state: 'consulted'
  /**
   * The events that name the SOP Instance UID of the question, or one of its digests, ascending by index. Only those
   * whose inclusion was verified; whoever finds one that does not verify says `unavailable` instead.
   */
  readonly records: readonly InstanceRecord[]
  /** Absent where no seal was at hand, or it is not recorded. */
  readonly entry?: LoggedSeal
}

/** A proof file beside the image was checked, and no log was asked. */
export interface CheckedProof extends Checked {
  readonly state: 'proof'
  readonly entry: LoggedSeal
}

export type LogEvidence =
  /** No log and no proof at hand. */
  | { readonly state: 'not_consulted' }
  /** There was a log to ask, or a proof to check, and it could not be done; the code of the error says why. */
  | { readonly state: 'unavailable'; readonly code: string }
  | ConsultedLog
  | CheckedProof
