/**
 * Verify record: what --json says about one image, in plain values that survive the way from a thread.
 *
 * The fields are listed in docs/reference/cli.md; new ones may be added, none changes its meaning.
 */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { NamedTechnologist, OrderBinding } from '@fiducial/core/domain/seal/gateway-statement.ts'
import { type ImageStatement, isOfGateway } from '@fiducial/core/domain/seal/image-statement.ts'
import type { SignatureReport } from '@fiducial/core/domain/signature/verify.ts'
import type { Check } from '@fiducial/core/domain/verdict/check.ts'
import type { Content, Level } from '@fiducial/core/domain/verdict/judge.ts'
import type { Verdict } from '@fiducial/core/domain/verdict/policy.ts'
import { formatTag } from '@fiducial/core/formats/dicom/element.ts'
import type { VerifiedInstance } from '../services/verify-instance.ts'
import type { WatchAnswer } from '../services/watch/watch-answer.ts'
import { type MarkAnswer, toMarkAnswer } from './mark-answer.ts'

export interface VerifyRecord {
  readonly path: string
  /** As the file has it; null where it has none. */
  readonly instance: { readonly sopInstanceUid: string | null; readonly studyInstanceUid: string | null }
  readonly verdict: Verdict
  readonly level: Level
  readonly content: Content
  readonly sentence: string
  /** Whether the image is labelled as synthetic or as made for a demonstration. */
  readonly isSynthetic: boolean
  readonly checks: readonly Check[]
  readonly signatures: readonly SignatureRecord[]
  readonly seal: SealRecord
  readonly log: LogRecord
  readonly mark: MarkAnswer
  /** Advice of the watchdog, where it was asked; no part of the verdict. */
  readonly watchdog?: WatchAnswer
  /** SHA-256 of the file, hexadecimal, where it was asked for. */
  readonly fileSha256?: string
}

export interface SignatureRecord {
  readonly uid: string
  /** The item that holds it, such as `(0040,a730)[2]`; empty for the main data set. */
  readonly item: string
  readonly purpose: string | null
  /** State of PS3.15 signatures, from `malformed` to `valid`. */
  readonly state: string
  readonly signer: string
  readonly role: string
  readonly issuer: string
  readonly hash: string
  readonly claimedTime: string | null
  /** When a timestamp authority saw the signature. */
  readonly provenTime: string | null
  readonly signedAttributes: number
  /** Tags of the signable attributes that it leaves open. */
  readonly unsigned: readonly string[]
}

/** What a custody log said. */
export type LogRecord =
  | { readonly state: 'not_consulted' }
  | { readonly state: 'unavailable'; readonly code: string }
  | {
      /** `proof`: the file beside the image was checked, and no log asked. */
      readonly state: 'consulted' | 'proof'
      readonly origin: string
      /** Entries under the checkpoint. */
      readonly size: string
      readonly isWitnessed: boolean
      /** Where the seal stands; null where it is not recorded. */
      readonly index: string | null
      /** It was not in the log before, and was by then. */
      readonly notBefore: string | null
      readonly notAfter: string | null
      /** Events of this image. */
      readonly events: readonly { readonly index: string; readonly type: string; readonly at: string }[]
    }

export type SealRecord =
  | { readonly state: 'absent' }
  | { readonly state: 'malformed'; readonly code: string }
  | {
      readonly state: 'present'
      readonly outcome: string
      /** Who sealed: those who made the image, or a gateway that it came to. */
      readonly kind: 'acquisition' | 'gateway'
      /** Null for the seal of a gateway, which has seen neither. */
      readonly device: string | null
      readonly operator: string | null
      /** Null for the seal of those who made the image. */
      readonly gateway: GatewaySealRecord | null
      readonly sealedAt: string
      readonly provenAt: string | null
      readonly comparison: string
      readonly changes: number
      readonly originalSha256: string
    }

/** What a gateway says of an image that came to it. */
export interface GatewaySealRecord {
  readonly name: string
  readonly received: {
    readonly protocol: string
    readonly callingAet: string | null
    readonly calledAet: string | null
    readonly address: string | null
    /** SHA-256 of the sender's TLS certificate, hexadecimal. */
    readonly certificate: string | null
    readonly token: string | null
    readonly receivedAt: string
  }
  readonly order: OrderBinding | null
  readonly technologist: NamedTechnologist | null
}

export function toVerifyRecord(path: string, verified: VerifiedInstance): VerifyRecord {
  const { verdict, level, content, sentence, isSynthetic, checks, signatures } = verified
  return {
    path,
    instance: verified.instance,
    verdict,
    level,
    content,
    sentence,
    isSynthetic,
    checks,
    signatures: signatures.signatures.map(toSignatureRecord),
    seal: toSealRecord(verified),
    log: toLogRecord(verified),
    mark: toMarkAnswer(verified),
  }
}

function toLogRecord({ log }: VerifiedInstance): LogRecord {
  if (log.state === 'not_consulted' || log.state === 'unavailable') return log
  const { state, origin, size, isWitnessed, entry } = log
  const records = log.state === 'consulted' ? log.records : []
  return {
    state,
    origin,
    size: String(size),
    isWitnessed,
    index: entry === undefined ? null : String(entry.index),
    notBefore: entry?.notBefore?.toISOString() ?? null,
    notAfter: entry?.notAfter?.toISOString() ?? null,
    events: records.map(({ index, type, at }) => ({ index: String(index), type, at: at.toISOString() })),
  }
}

function toSignatureRecord({
  uid,
  path,
  purpose,
  state,
  signer,
  hash,
  claimedTime,
  time,
  signedTags,
  unsigned,
}: SignatureReport): SignatureRecord {
  return {
    uid,
    item: path,
    purpose: purpose ?? null,
    state,
    signer: signer.certificate.subject.text,
    role: signer.role,
    issuer: signer.certificate.issuer.text,
    hash,
    claimedTime: claimedTime?.toISOString() ?? null,
    provenTime: time.outcome === 'holds' ? time.time.toISOString() : null,
    signedAttributes: signedTags.length,
    unsigned: unsigned.map(({ tag }) => formatTag(tag)),
  }
}

function toSealRecord({ seal }: VerifiedInstance): SealRecord {
  if (seal.state === 'absent') return { state: 'absent' }
  if (seal.state === 'malformed') return { state: 'malformed', code: seal.code }
  const { report, comparison } = seal
  const { statement, provenAt, outcome } = report
  return {
    state: 'present',
    outcome,
    ...toSealerRecord(statement),
    sealedAt: statement.sealedAt.toISOString(),
    provenAt: provenAt?.toISOString() ?? null,
    comparison: comparison.kind,
    changes: comparison.changes.length,
    originalSha256: encodeHex(statement.original),
  }
}

type SealerRecord = Pick<Extract<SealRecord, { state: 'present' }>, 'kind' | 'device' | 'operator' | 'gateway'>

function toSealerRecord(statement: ImageStatement): SealerRecord {
  if (!isOfGateway(statement)) {
    const { device, operator } = statement
    return { kind: 'acquisition', device: device.name, operator: operator.name, gateway: null }
  }
  const { gateway, received, order, technologist } = statement
  const { certificate, receivedAt } = received
  return {
    kind: 'gateway',
    device: null,
    operator: null,
    gateway: {
      name: gateway.name,
      received: {
        ...received,
        certificate: certificate && encodeHex(certificate),
        receivedAt: receivedAt.toISOString(),
      },
      order,
      technologist,
    },
  }
}

/** `Room 2 and Kim Lee`, or `the gateway Front Door`. */
export const describeSealer = ({ device, operator, gateway }: SealerRecord): string =>
  gateway === null ? `${device} and ${operator}` : `the gateway ${gateway.name}`

/** How an image came to the gateway that sealed it, without what tells of a person. */
export function describeArrival({ received, order, technologist }: GatewaySealRecord): string {
  const { protocol, callingAet, address, certificate, receivedAt } = received
  const from = [
    ...(callingAet === null ? [] : [`from AE ${callingAet}`]),
    ...(address === null ? [] : [`at ${address}`]),
    ...(certificate === null ? [] : ['with a certificate']),
  ]
  const bound = order === null ? 'no order' : `order by ${order.source}, matched by ${order.matchedBy}`
  const named = technologist === null ? 'no technologist' : `technologist by ${technologist.source}`
  return `${[protocol, ...from].join(' ')}, ${receivedAt}; ${bound}; ${named}`
}
