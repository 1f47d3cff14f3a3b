/**
 * Verify: what a seal shows, part by part.
 *
 * Source: DSSE 1.0.2 protocol.md for the signatures, RFC 5280 and RFC 3161 through domain/trust. Every signature that
 * the statement calls for is answered for: two holders, each with a key of today and a post-quantum one. A signature
 * that is missing fails like a wrong one, or whoever breaks one algorithm would strip the other.
 * Whether the image is the one that the seal speaks of is left to compare.ts.
 */
import type { Crypto, KeyAlgorithm } from '../../bytes/crypto.ts'
import { digestOf } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { equalBytes } from '../../bytes/text.ts'
import { parsePlainToken } from '../../formats/cms/plain-token.ts'
import { encodePae } from '../../formats/dsse/envelope.ts'
import { hashTree, verifyInclusion } from '../../formats/merkle/tree.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import type { TrustAnchors } from '../trust/anchors.ts'
import { type PathOutcome, type PathResult, verifyPath } from '../trust/path.ts'
import { roleOf } from '../trust/roles.ts'
import { type TimestampFailure, type TimestampGap, type TimestampResult, verifyTimestamp } from '../trust/timestamp.ts'
import type { GatewayStatement } from './gateway-statement.ts'
import { type Chain, namedCertificates, type Operator } from './holder.ts'
import type { ImageStatement } from './image-statement.ts'
import {
  type GatewaySeal,
  type ImageSeal,
  isGatewaySeal,
  LISTED_FRAMES_LIMIT,
  type Seal,
  type SeriesSeal,
  type SignedStatement,
  timestampImprint,
} from './seal.ts'
import { encodeSeriesEntry, isSorted, type SeriesStatement, seriesEntry } from './series-statement.ts'
import type { AcquisitionStatement } from './statement.ts'

export type SealSubject =
  /** The seal carries the certificates that its statement names, and no others. */
  | 'certificates'
  /** The list of frames is the one whose root is signed. */
  | 'frames'
  /** The envelope holds the signatures that are called for, and no others. */
  | 'envelope'
  | 'device_statement'
  | 'device_post_quantum'
  | 'device_time'
  | 'operator_statement'
  | 'operator_post_quantum'
  | 'operator_time'
  | 'gateway_statement'
  | 'gateway_post_quantum'
  /** Made only where there are timestamps: a gateway keeps a custody log, and that knows the time. */
  | 'gateway_time'
  /** The image stands in the series that the technologist signed. */
  | 'series'

export type SealFailure =
  | 'certificate_missing'
  | 'certificates_other'
  | 'frames_other'
  | 'signature_missing'
  | 'signature_unexpected'
  | 'signature_wrong'
  /** Its key is not one of those that this signature must be made with. */
  | 'algorithm_not_allowed'
  /** The certificate is not one of a device, of a person, or of a gateway. */
  | 'role_wrong'
  /** The statement calls the holder by another name than the certificate does. */
  | 'name_wrong'
  | 'signer_untrusted'
  | 'signer_revoked'
  | 'signer_weak'
  | 'signer_outside_validity'
  | 'timestamp_weak'
  /** The statement claims a later moment than an authority saw it at. */
  | 'claimed_after_proven'
  /** The series is another one, of another technologist, or without this image. */
  | 'series_other'
  | 'series_proof_wrong'
  | `timestamp_${TimestampFailure}`

export type SealGap =
  /** No authority that we believe issued the certificate. */
  | 'signer_unknown'
  | 'timestamp_absent'
  /** Stamped so long after the claimed moment that the claim stays a claim. */
  | 'timestamp_late'
  /** The certificate has ended since, and nothing proves that it had not yet. */
  | 'time_unproven'
  /** The technologist signs the series, and that signature is not here. */
  | 'series_pending'
  | `timestamp_${TimestampGap}`

export type SealCheck =
  | { readonly subject: SealSubject; readonly outcome: 'holds' }
  | { readonly subject: SealSubject; readonly outcome: 'fails'; readonly reason: SealFailure }
  | { readonly subject: SealSubject; readonly outcome: 'unknown'; readonly reason: SealGap }

export interface SealReport<Statement> {
  /** One check that fails: `fails`; else one unknown: `unknown`. */
  readonly outcome: 'holds' | 'fails' | 'unknown'
  readonly checks: readonly SealCheck[]
  /** Believe it only as far as the checks hold. */
  readonly statement: Statement
  /** When an authority saw the signatures of the device or the gateway; of a series, the technologist's. */
  readonly provenAt?: Date
  /** When an authority saw the technologist's, in whatever envelope those are. */
  readonly operatorProvenAt?: Date
}

export interface SealVerifyOptions {
  readonly crypto: Crypto
  readonly anchors: TrustAnchors
  /** Moment of the verification: certificates are judged at it unless a timestamp proves an earlier one. */
  readonly now: Date
  /** When a custody log had the seal of a gateway; counts where that has no timestamp. */
  readonly seenAt?: Date
}

/** Clocks differ by less. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000
/** A device may be without network for so long. */
export const STAMP_DELAY_MS = 24 * 60 * 60_000

const STATEMENT_KEYS: readonly (KeyAlgorithm | 'other')[] = ['ed25519', 'ecdsa-p256']
const POST_QUANTUM_KEYS: readonly (KeyAlgorithm | 'other')[] = ['ml-dsa-44']

/** Verifies the seal of an image. Cost: four signatures, their certificate paths and the timestamp; under 5 ms. */
export function verifySeal(seal: Seal, options: SealVerifyOptions): SealReport<AcquisitionStatement> {
  const { statement, series } = seal
  const inImage = statement.signatures.operator !== null
  const verifier = new Verifier(options, seal.certificates)
  verifier.certificates([statement.device, statement.operator])
  verifier.frames(seal)
  verifier.open(seal, inImage ? [statement.device, statement.operator] : [statement.device])
  const time = verifier.time('device_time', seal, statement.sealedAt)
  verifier.holder('device', statement.device, time)
  let operatorTime: ProvenTime | undefined
  if (inImage) {
    operatorTime = time
    verifier.holder('operator', statement.operator, time)
  } else if (series === null) {
    verifier.pending()
  } else {
    verifier.series(seal, series)
    verifier.open(series, [statement.operator])
    operatorTime = verifier.time('operator_time', series, series.statement.signedAt)
    verifier.holder('operator', statement.operator, operatorTime)
  }
  return verifier.report(statement, time, operatorTime)
}

/** Verifies the seal of a gateway. Cost: two signatures and their certificate paths. */
export function verifyGatewaySeal(seal: GatewaySeal, options: SealVerifyOptions): SealReport<GatewayStatement> {
  const { statement } = seal
  const { gateway, sealedAt: claimed } = statement
  const verifier = new Verifier(options, seal.certificates)
  verifier.certificates([gateway])
  verifier.frames(seal)
  verifier.open(seal, [gateway], true)
  const seen = { claimed, ...(options.seenAt && { proven: options.seenAt }) }
  const time = seal.timestamps.length === 0 ? seen : verifier.time('gateway_time', seal, claimed)
  verifier.holder('gateway', gateway, time)
  return verifier.report(statement, time, undefined)
}

/** Verifies the seal beside an image, whoever made it. */
export const verifyImageSeal = (seal: ImageSeal, options: SealVerifyOptions): SealReport<ImageStatement> =>
  isGatewaySeal(seal) ? verifyGatewaySeal(seal, options) : verifySeal(seal, options)

/** Verifies the file beside a series: the technologist's signatures, and the list of images. */
export function verifySeriesSeal(seal: SeriesSeal, options: SealVerifyOptions): SealReport<SeriesStatement> {
  const { statement, entries } = seal
  const verifier = new Verifier(options, seal.certificates)
  verifier.certificates([statement.operator])
  const root = hashTree(options.crypto.hash, entries.map(encodeSeriesEntry))
  const isList = isSorted(entries) && statement.count === BigInt(entries.length) && equalBytes(root, statement.root)
  verifier.check('series', isList ? undefined : 'series_other')
  verifier.open(seal, [statement.operator])
  const time = verifier.time('operator_time', seal, statement.signedAt)
  verifier.holder('operator', statement.operator, time)
  return verifier.report(statement, time, time)
}

type Kind = 'device' | 'operator' | 'gateway'
const ROLES = { device: 'device', operator: 'person', gateway: 'gateway' } as const

interface ProvenTime {
  readonly claimed: Date
  /** Absent where nothing proves any. */
  readonly proven?: Date
}

class Verifier {
  readonly #options: SealVerifyOptions
  readonly #certificates: readonly Certificate[]
  readonly #byDigest = new Map<string, Certificate>()
  readonly #checks: SealCheck[] = []
  #pae = new Uint8Array(0)
  #signatures: ReadonlyMap<string, Uint8Array> = new Map()

  constructor(options: SealVerifyOptions, certificates: readonly Certificate[]) {
    this.#options = { ...options, crypto: rememberChecks(options.crypto) }
    this.#certificates = certificates
    for (const certificate of certificates) this.#byDigest.set(encodeHex(this.#sha256(certificate.bytes)), certificate)
  }

  report<Statement>(
    statement: Statement,
    time: ProvenTime,
    operatorTime: ProvenTime | undefined,
  ): SealReport<Statement> {
    const has = (outcome: SealCheck['outcome']): boolean => this.#checks.some((check) => check.outcome === outcome)
    return {
      outcome: has('fails') ? 'fails' : has('unknown') ? 'unknown' : 'holds',
      checks: this.#checks,
      statement,
      ...(time.proven && { provenAt: time.proven }),
      ...(operatorTime?.proven && { operatorProvenAt: operatorTime.proven }),
    }
  }

  check(subject: SealSubject, failure: SealFailure | undefined): void {
    this.#checks.push(
      failure === undefined ? { subject, outcome: 'holds' } : { subject, outcome: 'fails', reason: failure },
    )
  }

  /** Exactly the certificates that are named, in that order: none can be exchanged, added or damaged. */
  certificates(holders: readonly Operator[]): void {
    const named = namedCertificates(holders).map(encodeHex)
    const present = [...this.#byDigest.keys()]
    const isSame = named.length === this.#certificates.length && named.every((digest, i) => digest === present[i])
    this.check('certificates', isSame ? undefined : 'certificates_other')
  }

  /** The list that locates changes must be the one that was signed. */
  frames({ statement, frames }: ImageSeal): void {
    const tree = statement.pixels ?? statement.encapsulated
    const count = tree?.count ?? 0n
    const isListed = count <= BigInt(LISTED_FRAMES_LIMIT)
    const isSame =
      BigInt(frames.length) === (isListed ? count : 0n) &&
      (tree === null || !isListed || equalBytes(hashTree(this.#options.crypto.hash, frames), tree.root))
    this.check('frames', isSame ? undefined : 'frames_other')
  }

  /**
   * Turns to an envelope, which must hold two signatures of each holder.
   * @param isInOrder  whether their order counts, for an envelope without a timestamp to keep it
   */
  open({ envelope }: SignedStatement<unknown>, holders: readonly Operator[], isInOrder = false): void {
    const expected = holders.flatMap(({ certificates }) => [
      keyidOf(certificates.statement),
      keyidOf(certificates.postQuantum),
    ])
    const places = envelope.signatures.map(({ keyid }) => expected.indexOf(keyid))
    const isExpected = places.every((place, i) => place >= 0 && (!isInOrder || place > (places[i - 1] ?? -1)))
    this.#pae = encodePae(envelope.payloadType, envelope.payload) as Uint8Array<ArrayBuffer>
    this.#signatures = new Map(envelope.signatures.map(({ keyid, sig }) => [keyid, sig]))
    // One for each key: a second signature under one keyid would be a place for bytes that nobody checks.
    const isOnce = this.#signatures.size === envelope.signatures.length
    this.check('envelope', isExpected && isOnce ? undefined : 'signature_unexpected')
  }

  /** Every token must hold: one that does not was put there by somebody. The earliest counts. */
  time(subject: `${Kind}_time`, { envelope, timestamps }: SignedStatement<unknown>, claimed: Date): ProvenTime {
    const { crypto, anchors } = this.#options
    const imprint = { name: 'sha256', digest: timestampImprint(envelope, crypto.hash) } as const
    const results = timestamps.map((token) => judgePlain(token, verifyTimestamp(token, imprint, anchors, crypto)))
    const wrong = results.find(({ outcome }) => outcome !== 'holds') ?? results[0]
    if (wrong === undefined) return this.#noTime(subject, claimed, 'timestamp_absent')
    if (wrong.outcome === 'unknown') return this.#noTime(subject, claimed, `timestamp_${wrong.reason}`)
    if (wrong.outcome === 'fails') {
      this.check(subject, `timestamp_${wrong.reason}`)
      return { claimed }
    }
    const times = results.flatMap((result) => (result.outcome === 'holds' ? [result] : []))
    if (times.some(({ isWeak }) => isWeak)) {
      this.check(subject, 'timestamp_weak')
      return { claimed }
    }
    const proven = new Date(Math.min(...times.map(({ time }) => time.getTime())))
    const delay = proven.getTime() - claimed.getTime()
    if (delay > STAMP_DELAY_MS) this.#checks.push({ subject, outcome: 'unknown', reason: 'timestamp_late' })
    else this.check(subject, delay < -CLOCK_TOLERANCE_MS ? 'claimed_after_proven' : undefined)
    return { claimed, proven }
  }

  #noTime(subject: SealSubject, claimed: Date, reason: SealGap): ProvenTime {
    this.#checks.push({ subject, outcome: 'unknown', reason })
    return { claimed }
  }

  /** Both signatures of a holder over the envelope at hand. */
  holder(kind: Kind, holder: Operator, time: ProvenTime): void {
    const { statement, postQuantum } = holder.certificates
    this.#signature(`${kind}_statement`, { kind, holder, chain: statement, algorithms: STATEMENT_KEYS, time })
    this.#signature(`${kind}_post_quantum`, { kind, holder, chain: postQuantum, algorithms: POST_QUANTUM_KEYS, time })
  }

  /** The technologist's signatures are to come with the series. */
  pending(): void {
    for (const subject of ['series', 'operator_statement', 'operator_post_quantum'] as const) {
      this.#checks.push({ subject, outcome: 'unknown', reason: 'series_pending' })
    }
  }

  /** The image, its technologist and its series are those of the series' statement. */
  series({ statement }: Seal, { statement: series, index, proof }: NonNullable<Seal['series']>): void {
    const { instance, operator } = statement
    const isSame =
      series.seriesInstanceUid === instance.seriesInstanceUid &&
      series.studyInstanceUid === instance.studyInstanceUid &&
      series.isDemo === statement.isDemo &&
      series.operator.id === operator.id &&
      series.operator.name === operator.name &&
      isSameChain(series.operator.certificates.statement, operator.certificates.statement) &&
      isSameChain(series.operator.certificates.postQuantum, operator.certificates.postQuantum)
    if (!isSame) return this.check('series', 'series_other')
    const { hash } = this.#options.crypto
    const entry = encodeSeriesEntry(seriesEntry(statement, hash))
    const isProven = verifyInclusion(hash, { entry, index, size: series.count, proof, root: series.root })
    this.check('series', isProven ? undefined : 'series_proof_wrong')
  }

  #signature(subject: SealSubject, expected: ExpectedSignature): void {
    const { kind, holder, chain, algorithms, time } = expected
    const keyid = keyidOf(chain)
    const certificate = this.#byDigest.get(keyid)
    const sig = this.#signatures.get(keyid)
    if (certificate === undefined) return this.check(subject, 'certificate_missing')
    if (sig === undefined) return this.check(subject, 'signature_missing')
    if (!algorithms.includes(certificate.key.algorithm)) return this.check(subject, 'algorithm_not_allowed')
    if (!this.#options.crypto.verifyMessage(certificate.spki, this.#pae, sig))
      return this.check(subject, 'signature_wrong')
    if (roleOf(certificate) !== ROLES[kind]) return this.check(subject, 'role_wrong')
    if (!isNamed(certificate, holder)) return this.check(subject, 'name_wrong')
    this.#checks.push({ subject, ...this.#judge(certificate, chain, time) })
  }

  /** Whether the certificate held when the signature was made. */
  #judge(leaf: Certificate, chain: Chain, { claimed, proven }: ProvenTime): Judgement {
    const { crypto, anchors, now } = this.#options
    const candidates = chain.slice(1).flatMap((digest) => this.#byDigest.get(encodeHex(digest)) ?? [])
    // Nothing proven: a claim of the future cannot make a certificate valid that is not yet.
    const at = proven ?? (claimed > now ? claimed : now)
    const path = verifyPath({ leaf, candidates, anchors, at, crypto })
    if (path.outcome === 'trusted') return { outcome: 'holds' }
    if (path.outcome === 'untrusted') return judgeUntrusted(path)
    const wasValid = claimed >= leaf.notBefore && claimed <= leaf.notAfter
    if (path.outcome === 'expired' && proven === undefined && wasValid)
      return { outcome: 'unknown', reason: 'time_unproven' }
    return { outcome: 'fails', reason: PATH_FAILURES[path.outcome] }
  }

  #sha256(bytes: Uint8Array): Uint8Array {
    return digestOf(this.#options.crypto.hash, 'sha256', bytes)
  }
}

interface ExpectedSignature {
  readonly kind: Kind
  readonly holder: Operator
  readonly chain: Chain
  readonly algorithms: readonly (KeyAlgorithm | 'other')[]
  readonly time: ProvenTime
}

type Judgement =
  | { outcome: 'holds' }
  | { outcome: 'fails'; reason: SealFailure }
  | { outcome: 'unknown'; reason: SealGap }

const PATH_FAILURES: Record<Exclude<PathOutcome, 'untrusted'>, SealFailure> = {
  revoked: 'signer_revoked',
  weak: 'signer_weak',
  not_yet_valid: 'signer_outside_validity',
  expired: 'signer_outside_validity',
}

/**
 * Answers again what was asked before: the paths of all signers end in one CA and ask for one revocation list.
 * Signatures are told apart by the very array that holds them, which is that of the parsed certificate or list.
 */
function rememberChecks(crypto: Crypto): Crypto {
  const known = new Map<
    Uint8Array,
    { readonly spki: Uint8Array; readonly message: Uint8Array; readonly isRight: boolean }
  >()
  return {
    hash: crypto.hash,
    verifyDigest: (spki, name, digest, signature) => crypto.verifyDigest(spki, name, digest, signature),
    verifyMessage(spki, message, signature) {
      const before = known.get(signature)
      if (before?.message === message && equalBytes(before.spki, spki)) return before.isRight
      const isRight = crypto.verifyMessage(spki, message, signature)
      known.set(signature, { spki, message, isRight })
      return isRight
    },
  }
}

/** An issuer that nobody here knows is a gap; a path that leads somewhere and is wrong is a failure. */
function judgeUntrusted(path: Exclude<PathResult, { outcome: 'trusted' }>): Judgement {
  if (path.reason === 'issuer_unknown') return { outcome: 'unknown', reason: 'signer_unknown' }
  return { outcome: 'fails', reason: 'signer_untrusted' }
}

/** A token holds only as it stands in a seal: without anything that nobody signed, or that led to no anchor. */
function judgePlain(bytes: Uint8Array, result: TimestampResult): TimestampResult {
  if (result.outcome !== 'holds') return result
  const certificates = parsePlainToken(bytes)?.signedData.certificates
  const isOnPath = ({ bytes: one }: Certificate): boolean => result.path.some((step) => equalBytes(step.bytes, one))
  return certificates?.every(isOnPath) ? result : { outcome: 'fails', reason: 'malformed' }
}

/** The leaf's digest; a chain has at least one, as its parser sees to. */
const keyidOf = (chain: Chain): string => encodeHex(chain[0] ?? new Uint8Array(0))

const isSameChain = (a: Chain, b: Chain): boolean =>
  a.length === b.length && a.every((digest, i) => equalBytes(digest, b[i] ?? new Uint8Array(0)))

/** The issuer vouches for the name, and for the number where it gives one. */
function isNamed({ subject }: Certificate, holder: Operator): boolean {
  const { id, name } = holder
  const numbers: readonly (string | null | undefined)[] = [
    undefined,
    id,
    'serial' in holder ? (holder.serial as string | null) : undefined,
  ]
  return subject.commonName === name && numbers.includes(subject.serialNumber)
}
