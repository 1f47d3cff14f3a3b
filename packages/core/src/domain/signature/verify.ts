/**
 * Verify: what each digital signature of a file shows.
 *
 * Source: PS3.15 annex C; the twelve rules of docs/explanation/signatures.md. Four questions are answered apart:
 * does the digest match (mac), who signed (signer), when (time), and for what (coverage). Their sum is the state.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { digestOf, type HashName } from '../../bytes/hash.ts'
import { FormatError } from '../../errors.ts'
import { withoutPadding } from '../../formats/der/read.ts'
import { type Concern, concernOf } from '../../formats/dicom/attribute-concern.ts'
import type { Element, Item, Tag } from '../../formats/dicom/element.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { isNativeSyntax } from '../../formats/dicom/transfer-syntax.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import type { TrustAnchors } from '../trust/anchors.ts'
import { type PathResult, verifyPath } from '../trust/path.ts'
import { type Role, roleOf } from '../trust/roles.ts'
import { isWeakHash } from '../trust/strength.ts'
import { type TimestampResult, verifyTimestamp } from '../trust/timestamp.ts'
import { unsignedElements } from './coverage.ts'
import { parseDateTime } from './date-time.ts'
import {
  coveredElements,
  type Digests,
  type NativePixels,
  type OtherVrs,
  ownElements,
  type Substitute,
} from './digest.ts'
import { otherVrs } from './other-vrs.ts'
import { certificateOf, type DigitalSignature, type MalformedSignature, readSignatures } from './read.ts'
import { isSignable, isSignableTag } from './signable.ts'

/** What a signature adds up to; the first that applies, in this order. */
export type SignatureState =
  | 'ambiguous_encoding'
  | 'tampered'
  | 'unverifiable_transcoded'
  | 'revoked'
  | 'untrusted_signer'
  | 'time_unproven'
  | 'insufficient_coverage'
  | 'valid'

/** Whether the signature value is right for the bytes at hand. */
export type MacResult =
  | {
      readonly outcome: 'holds'
      /** How the bytes had to be read for it. */
      readonly by: 'stored' | 'normalised_padding' | 'other_vrs' | 'decoded_pixels'
    }
  | { readonly outcome: 'fails' }
  | {
      readonly outcome: 'unknown'
      /** `transcoded`: the pixels are in another encoding than when signed. `vr_lost`: a signed element became UN. */
      readonly reason: 'transcoded' | 'vr_lost'
      readonly where?: Tag
    }

export interface SignerResult {
  readonly certificate: Certificate
  readonly role: Role | 'uncertified'
  readonly path: PathResult
}

export type TimeResult =
  | {
      readonly outcome: 'holds'
      readonly time: Date
      readonly timestamp: Extract<TimestampResult, { outcome: 'holds' }>
    }
  | { readonly outcome: 'fails'; readonly reason: string; readonly time?: Date }
  /** Only the signer's word, in Digital Signature DateTime. */
  | { readonly outcome: 'unknown'; readonly reason: string }

export interface SignatureReport {
  /** Empty for the main data set, else the sequence item that holds the signature. */
  readonly path: string
  readonly uid: string
  readonly purpose?: string
  readonly hash: HashName
  /** Whether collisions can be made for the digest algorithm: MD5, SHA-1, RIPEMD-160. */
  readonly isWeakHash: boolean
  /** Digital Signature DateTime, if it reads as one. */
  readonly claimedTime?: Date
  readonly mac: MacResult
  readonly signer: SignerResult
  readonly time: TimeResult
  /** Signable attributes beside the signature that it leaves open. */
  readonly unsigned: readonly { readonly tag: Tag; readonly concern: Concern }[]
  /** Signature value without padding. */
  readonly value: Uint8Array
  readonly signedTags: readonly Tag[]
  readonly state: SignatureState
}

export interface SignaturesReport {
  readonly signatures: readonly SignatureReport[]
  readonly malformed: readonly MalformedSignature[]
}

export interface VerifyOptions {
  readonly digests: Digests
  readonly crypto: Crypto
  readonly anchors: TrustAnchors
  /** Moment of the verification: certificates are judged at it unless a timestamp proves an earlier one. */
  readonly now: Date
  /** A signature of the main data set that was there at a moment, as something else than a timestamp proves. */
  readonly seen?: { readonly uid: string; readonly at: Date }
  /** Decodes the pixels of a file that was compressed after it was signed; undefined if they cannot be had exactly. */
  readonly decodePixels?: () => readonly NativePixels[] | undefined
}

interface Work extends VerifyOptions {
  readonly spellings: readonly OtherVrs[]
}

interface MismatchMeans {
  readonly decodePixels: VerifyOptions['decodePixels'] | undefined
  readonly isRightAs: (pixels: NativePixels) => boolean
}

const PIXEL_DATA: Tag = 0x7fe00010

/** Digests that authorities take of what they stamp, besides that of the signature itself. */
const OTHER_IMPRINTS: readonly HashName[] = ['sha256', 'sha512', 'sha384', 'sha1']

/** A signature made this long before its claimed time is a contradiction; clocks differ by less. */
const CLOCK_TOLERANCE_MS = 5 * 60_000

/** Verifies every signature of a file, those in sequence items included. Cost: one pass for each set of elements. */
export function verifySignatures(file: DicomFile, options: VerifyOptions): SignaturesReport {
  const { signatures, malformed } = readSignatures(file.dataSet)
  const reports: SignatureReport[] = []
  const broken = [...malformed]
  // Decoded once for all signatures, and only if one of them asks.
  let decoded: { readonly pixels: readonly NativePixels[] | undefined } | undefined
  const decodePixels = (): readonly NativePixels[] | undefined => {
    decoded ??= { pixels: options.decodePixels?.() }
    return decoded.pixels
  }
  const work: Work = { ...options, decodePixels, spellings: otherVrs(file) }
  for (const signature of signatures) {
    const certificate = certificateOf(signature)
    if (certificate === undefined) {
      broken.push({
        path: signature.path,
        uid: signature.uid,
        offset: signature.item.start,
        problem: 'the certificate does not parse',
      })
    } else reports.push(verifyOne(file, signature, certificate, work))
  }
  return { signatures: reports, malformed: broken }
}

function verifyOne(
  file: DicomFile,
  signature: DigitalSignature,
  certificate: Certificate,
  options: Work,
): SignatureReport {
  const { crypto, anchors, now, seen } = options
  const value = signatureValue(signature, certificate)
  const claimedTime = parseDateTime(signature.dateTime)
  const mac = verifyMac(file, signature, certificate, value, options)
  const time = verifyTime(signature, value, claimedTime, options)
  // The clock of the signer may be a little ahead, and its certificate as young as the signature.
  const isAhead = claimedTime !== undefined && claimedTime > now && !isLater(claimedTime, now)
  const seenAt = signature.path === '' && signature.uid === seen?.uid ? seen.at : undefined
  const at = time.outcome === 'holds' ? time.time : (seenAt ?? (isAhead ? claimedTime : now))
  const path = verifyPath({ leaf: certificate, candidates: [], anchors, at, crypto })
  const signer = { certificate, role: roleOf(certificate), path }
  const unsigned = unsignedElements(signature).map(({ tag }) => ({ tag, concern: concernOf(tag) }))
  const parts = { mac, signer, time, unsigned, claimedTime }
  return {
    path: signature.path,
    uid: signature.uid,
    ...(signature.purpose === undefined ? {} : { purpose: signature.purpose }),
    hash: signature.hash,
    isWeakHash: isWeakHash(signature.hash),
    ...(claimedTime === undefined ? {} : { claimedTime }),
    mac,
    signer,
    time,
    unsigned,
    value,
    signedTags: signature.signedTags,
    state: stateOf(parts, file, signature),
  }
}

/** (EC)DSA values are DER and lose the padding byte by their own length; RSA values have the length of the key. */
function signatureValue({ value }: DigitalSignature, { key }: Certificate): Uint8Array {
  if (key.algorithm === 'rsa') {
    const length = Math.ceil((key.bits ?? 8 * value.length) / 8)
    return value.length === length + 1 && value[length] === 0 ? value.subarray(0, length) : value
  }
  try {
    return withoutPadding(value)
  } catch (error) {
    // A value of another kind than the key in the certificate: it does not match, and that is all.
    if (error instanceof FormatError) return value
    throw error
  }
}

function verifyMac(
  file: DicomFile,
  signature: DigitalSignature,
  { spki }: Certificate,
  value: Uint8Array,
  { digests, crypto, decodePixels, spellings }: Work,
): MacResult {
  const { hash } = signature
  const covered = coveredElements(signature)
  const own = ownElements(signature)
  const lost = covered.find((element) => isSignableTag(element.tag) && !isSignable(element))
  if (lost !== undefined) return { outcome: 'unknown', reason: 'vr_lost', where: lost.tag }
  if (signature.signedTags.some((tag) => !isSignableTag(tag))) return { outcome: 'fails' }
  const isRight = (padding: 'as_stored' | 'normalised', substitute?: Substitute): boolean =>
    crypto.verifyDigest(spki, hash, digests.digest(hash, covered, own, padding, substitute), value)
  const isRightAs = (substitute: Substitute): boolean =>
    isRight('as_stored', substitute) || isRight('normalised', substitute)

  if (isRight('as_stored')) return { outcome: 'holds', by: 'stored' }
  if (digests.isPaddingUnusual(hash, covered) && isRight('normalised'))
    return { outcome: 'holds', by: 'normalised_padding' }
  if (spellings.some(isRightAs)) return { outcome: 'holds', by: 'other_vrs' }
  return judgeMismatch(file, signature, covered, { decodePixels, isRightAs })
}

/** The digest does not match: whether that can be the work of an encoder, and whether that can be undone. */
function judgeMismatch(
  file: DicomFile,
  { path, macTransferSyntaxUid }: DigitalSignature,
  covered: readonly Element[],
  { decodePixels, isRightAs }: MismatchMeans,
): MacResult {
  const pixels = path === '' ? covered.find(({ tag }) => tag === PIXEL_DATA) : undefined
  if (pixels === undefined) return { outcome: 'fails' }
  if (!isNativeSyntax(macTransferSyntaxUid)) {
    return macTransferSyntaxUid === file.transferSyntaxUid ? { outcome: 'fails' } : transcoded(PIXEL_DATA)
  }
  if (pixels.fragments === undefined) return { outcome: 'fails' }
  // Signed as samples, found compressed: the samples decide, if they can be had exactly.
  const candidates = decodePixels?.()
  if (candidates === undefined) return transcoded(PIXEL_DATA)
  if (candidates.some(isRightAs)) return { outcome: 'holds', by: 'decoded_pixels' }
  // Encoders compress icons along, and those stay as they are here.
  const icon = covered.find((element) => element.items?.some(hasFragments))
  return icon === undefined ? { outcome: 'fails' } : transcoded(icon.tag)
}

const transcoded = (where: Tag): MacResult => ({ outcome: 'unknown', reason: 'transcoded', where })

const hasFragments = ({ elements }: Item): boolean =>
  elements.some(({ fragments, items }) => fragments !== undefined || items?.some(hasFragments))

function verifyTime(
  { timestamp, hash }: DigitalSignature,
  value: Uint8Array,
  claimedTime: Date | undefined,
  { anchors, crypto, now }: VerifyOptions,
): TimeResult {
  if (timestamp === undefined) {
    const isFuture = claimedTime !== undefined && isLater(claimedTime, now)
    return { outcome: 'unknown', reason: isFuture ? 'claimed_in_future' : 'timestamp_absent' }
  }
  const result = verifyWithEither(timestamp, hash, value, anchors, crypto)
  if (result.outcome === 'unknown') return { outcome: 'unknown', reason: result.reason }
  if (result.outcome === 'fails') return { ...result, outcome: 'fails' }
  const { time } = result
  // What was signed cannot have been signed after an authority saw it.
  if (claimedTime !== undefined && isLater(claimedTime, time)) {
    return { outcome: 'fails', reason: 'claimed_after_proven', time }
  }
  return { outcome: 'holds', time, timestamp: result }
}

/** The imprint's algorithm is the authority's choice; it need not be that of the signature, and mostly is. */
function verifyWithEither(
  timestamp: Uint8Array,
  hash: HashName,
  value: Uint8Array,
  anchors: TrustAnchors,
  crypto: Crypto,
): TimestampResult {
  const verifyWith = (name: HashName): TimestampResult =>
    verifyTimestamp(timestamp, { name, digest: digestOf(crypto.hash, name, value) }, anchors, crypto)
  const first = verifyWith(hash)
  for (const name of OTHER_IMPRINTS) {
    if (first.outcome !== 'fails' || first.reason !== 'imprint_wrong') break
    const result = name === hash ? first : verifyWith(name)
    if (result.outcome !== 'fails' || result.reason !== 'imprint_wrong') return result
  }
  return first
}

/** Later by more than clocks differ. */
const isLater = (time: Date, than: Date): boolean => time.getTime() > than.getTime() + CLOCK_TOLERANCE_MS

function stateOf(
  {
    mac,
    signer,
    time,
    unsigned,
    claimedTime,
  }: Pick<SignatureReport, 'mac' | 'signer' | 'time' | 'unsigned'> & { readonly claimedTime: Date | undefined },
  file: DicomFile,
  { path: place }: DigitalSignature,
): SignatureState {
  if (file.findings.some(({ code }) => code !== 'dicom_preamble_executable')) return 'ambiguous_encoding'
  if (mac.outcome === 'fails' || (time.outcome === 'fails' && time.reason === 'claimed_after_proven')) return 'tampered'
  if (mac.outcome === 'unknown') return 'unverifiable_transcoded'
  const { path, certificate } = signer
  if (path.outcome === 'revoked') return 'revoked'
  const isClaimedInside =
    claimedTime !== undefined && claimedTime >= certificate.notBefore && claimedTime <= certificate.notAfter
  // Good at the moment that it claims, which nothing proves.
  if (path.outcome === 'expired' && time.outcome !== 'holds' && isClaimedInside) return 'time_unproven'
  if (path.outcome !== 'trusted') return 'untrusted_signer'
  if (claimedTime !== undefined && !isClaimedInside) return 'untrusted_signer'
  if (time.outcome === 'fails' || (time.outcome === 'unknown' && time.reason === 'claimed_in_future'))
    return 'time_unproven'
  // A signature in an item speaks for that item; one of the main data set has to speak for all of it.
  return unsigned.length > 0 && place === '' ? 'insufficient_coverage' : 'valid'
}
