/**
 * Event details: what each kind of event says besides who, when and about which image.
 *
 * Described in docs/reference/log-events.md, with a JSON Schema each in docs/reference/events.
 */
import {
  AE_TITLE,
  CODE,
  CODE_PATTERN,
  CONTENT_DIGESTS,
  type ContentDigests,
  DIGEST,
  type EventHeader,
  ID,
  NOTE,
  PARTY,
  type Party,
  TEXT,
  UID,
} from './event-parts.ts'
import {
  base64sOf,
  count,
  digestsOf,
  flag,
  moment,
  nullable,
  oneOf,
  type RecordShape,
  record,
  recordsOf,
  textsOf,
} from './event-shape.ts'

/** An image came in. */
export interface ReceivedDetails {
  /** Calling AE title. */
  readonly fromAet: string | null
  /** Host and port, as seen by whoever received. */
  readonly fromAddress: string | null
  /** `dimse`, `dicomweb`, `file` or another word. */
  readonly protocol: string
}

/** An image without a seal of its device was sealed at the first place that could. */
export interface SealedAtGatewayDetails {
  /** SHA-256 of the seal file. */
  readonly seal: Uint8Array
  /** SHA-256 of the certificate that signed it, DER. */
  readonly certificate: Uint8Array
}

/** The image before: which one it was, and its digests. */
export interface SourceImage {
  readonly sopInstanceUid: string | null
  readonly transferSyntaxUid: string | null
  readonly digests: ContentDigests
}

/** An edge of derivation: from `source` to the image that the event is about. Decoding both again checks it. */
export interface DerivationDetails {
  readonly source: SourceImage
  /** What was done, in a word, such as `jpeg_ls_lossless` or `crop`. */
  readonly method: string
  /** Program and version. */
  readonly software: string | null
}

export interface ForwardedDetails {
  /** Called AE title. */
  readonly toAet: string | null
  readonly toAddress: string | null
  readonly protocol: string
}

/** What somebody's verification of the image came to; the words are those of `domain/verdict`. */
export interface VerifiedDetails {
  readonly verdict: (typeof VERDICTS)[number]
  readonly level: (typeof LEVELS)[number]
  readonly content: string
  /** Name of the policy. */
  readonly policy: string
  /** Checks that fail. */
  readonly failing: readonly FailingCheck[]
}

export interface FailingCheck {
  readonly subject: string
  readonly reason: string
}

export interface FlaggedDetails {
  /** Who or what raised it, such as the name of a detector with its version. */
  readonly by: string
  readonly reasons: readonly string[]
}

export interface QuarantinedDetails {
  readonly reasons: readonly string[]
}

/** Two persons let an image out of quarantine. */
export interface ReleasedDetails {
  readonly releasedBy: Party
  /** Another one. */
  readonly confirmedBy: Party
  readonly reason: string
}

export interface DisclosedDetails {
  readonly disclosedBy: Party
  readonly recipient: string
  readonly purpose: string
}

/** The statement of an earlier entry was erased. The event need not name the image that it was about. */
export interface ErasedDetails {
  readonly index: bigint
  /** RFC 6962 hash of that entry, 32 bytes. */
  readonly leafHash: Uint8Array
  readonly erasedBy: Party
  readonly legalBasis: string
}

/** The truth about an injection, closed, before it happens. */
export interface DrillSealedDetails {
  readonly drillId: string
  readonly injectionId: string
  /** HMAC over the truth, with a key that is shown once the drill is over. */
  readonly commitment: Uint8Array
  /** SHA-256 of the plan that two persons signed. */
  readonly plan: Uint8Array
  readonly plannedBy: Party
  /** Another one. */
  readonly approvedBy: Party
  readonly expiresAt: Date
}

export interface DrillInjectedDetails {
  readonly drillId: string
  readonly injectionId: string
  /** Where it went: an AE title or address. */
  readonly target: string
  /** Into the systems that patients are treated with, and not a sandbox. */
  readonly isLive: boolean
  readonly expiresAt: Date
}

export interface DrillWithdrawnDetails {
  readonly drillId: string
  readonly injectionId: string
  readonly reason: string
  /** Copies that could not be removed. */
  readonly residue: bigint
}

/** An image became part of a data set for training or study. */
export interface AdmittedDetails {
  readonly dataSet: string
  /** SHA-256 of its manifest. */
  readonly manifest: Uint8Array
}

/** A key came into use, or went out of it. */
export interface KeyDetails {
  readonly holder: Party
  readonly role: (typeof KEY_ROLES)[number]
  /** SHA-256 of the holder's certificates, DER; at most 8. */
  readonly certificates: readonly Uint8Array[]
  readonly reason: string
}

/** The completeness map, as far as it had got. */
export interface MapRootDetails {
  readonly archive: string
  /** Entries of the log that are worked in. */
  readonly size: bigint
  readonly studies: bigint
  readonly instances: bigint
  readonly root: Uint8Array
  /** SHA-256 of the key that blinds the map. */
  readonly blinding: Uint8Array
}

/** Authorities saw a checkpoint. Whatever the log holds after this entry came after their tokens. */
export interface TimestampedDetails {
  /** The checkpoint, a signed note, as it was published. */
  readonly note: string
  /** The root that it states. */
  readonly root: Uint8Array
  /** RFC 3161 tokens, DER, over the SHA-256 of the note in UTF-8; 1 to 4. */
  readonly tokens: readonly Uint8Array[]
}

export interface EventDetails {
  readonly received: ReceivedDetails
  readonly 'sealed-at-gateway': SealedAtGatewayDetails
  readonly transcoded: DerivationDetails
  readonly derived: DerivationDetails
  readonly forwarded: ForwardedDetails
  readonly verified: VerifiedDetails
  readonly flagged: FlaggedDetails
  readonly quarantined: QuarantinedDetails
  readonly released: ReleasedDetails
  readonly disclosed: DisclosedDetails
  readonly erased: ErasedDetails
  readonly 'drill-sealed': DrillSealedDetails
  readonly 'drill-injected': DrillInjectedDetails
  readonly 'drill-withdrawn': DrillWithdrawnDetails
  readonly admitted: AdmittedDetails
  readonly 'key-enrolled': KeyDetails
  readonly 'key-revoked': KeyDetails
  readonly 'map-root': MapRootDetails
  readonly timestamped: TimestampedDetails
}

/** Those whose statement is made for the log. */
export type CustodyEventType = keyof EventDetails

/** An event, whole. */
export type CustodyStatement = {
  readonly [Type in CustodyEventType]: EventHeader & { readonly type: Type; readonly details: EventDetails[Type] }
}[CustodyEventType]

export const VERDICTS = ['authentic', 'not_authentic', 'undetermined'] as const
export const LEVELS = ['P0', 'P1', 'P2', 'P3', 'P4'] as const
export const KEY_ROLES = ['device', 'person', 'gateway', 'log', 'timestamp'] as const
const REASONS_LIMIT = 32
const CHECKS_LIMIT = 64
const CERTIFICATES_LIMIT = 8

const TOKENS_LIMIT = 4
/** Bytes of a token; one with a long chain has some 20,000. */
export const TOKEN_LIMIT = 64 * 1024

const reasons = textsOf(REASONS_LIMIT, CODE_PATTERN)

const derivation = record<DerivationDetails>({
  source: record<SourceImage>({
    sopInstanceUid: nullable(UID),
    transferSyntaxUid: nullable(UID),
    digests: CONTENT_DIGESTS,
  }),
  method: CODE,
  software: nullable(TEXT),
})

const key = record<KeyDetails>({
  holder: PARTY,
  role: oneOf(KEY_ROLES),
  certificates: digestsOf(CERTIFICATES_LIMIT),
  reason: TEXT,
})

/** How the details of each kind are read and written. */
export const EVENT_DETAILS: { readonly [Type in keyof EventDetails]: RecordShape<EventDetails[Type]> } = {
  received: record({ fromAet: nullable(AE_TITLE), fromAddress: nullable(TEXT), protocol: CODE }),
  'sealed-at-gateway': record({ seal: DIGEST, certificate: DIGEST }),
  transcoded: derivation,
  derived: derivation,
  forwarded: record({ toAet: nullable(AE_TITLE), toAddress: nullable(TEXT), protocol: CODE }),
  verified: record({
    verdict: oneOf(VERDICTS),
    level: oneOf(LEVELS),
    content: CODE,
    policy: TEXT,
    failing: recordsOf(CHECKS_LIMIT, record<FailingCheck>({ subject: CODE, reason: CODE })),
  }),
  flagged: record({ by: TEXT, reasons }),
  quarantined: record({ reasons }),
  released: record({ releasedBy: PARTY, confirmedBy: PARTY, reason: TEXT }),
  disclosed: record({ disclosedBy: PARTY, recipient: TEXT, purpose: TEXT }),
  erased: record({ index: count, leafHash: DIGEST, erasedBy: PARTY, legalBasis: TEXT }),
  'drill-sealed': record({
    drillId: ID,
    injectionId: ID,
    commitment: DIGEST,
    plan: DIGEST,
    plannedBy: PARTY,
    approvedBy: PARTY,
    expiresAt: moment,
  }),
  'drill-injected': record({ drillId: ID, injectionId: ID, target: TEXT, isLive: flag, expiresAt: moment }),
  'drill-withdrawn': record({ drillId: ID, injectionId: ID, reason: CODE, residue: count }),
  admitted: record({ dataSet: TEXT, manifest: DIGEST }),
  'key-enrolled': key,
  'key-revoked': key,
  'map-root': record({
    archive: ID,
    size: count,
    studies: count,
    instances: count,
    root: DIGEST,
    blinding: DIGEST,
  }),
  timestamped: record({ note: NOTE, root: DIGEST, tokens: base64sOf(TOKENS_LIMIT, TOKEN_LIMIT) }),
}
