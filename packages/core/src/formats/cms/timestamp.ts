/**
 * Timestamp: a signed statement that a digest existed at a time, with the query and the response around it.
 *
 * Source: RFC 3161 section 2.4 and RFC 5816. DICOM stores the bare token (PS3.15 section C.3), not the response.
 * Whether the authority may be believed is left to domain/trust.
 */
import type { HashName } from '../../bytes/hash.ts'
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { FormatError } from '../../errors.ts'
import {
  contentOf,
  type DerElement,
  DerFields,
  encodingOf,
  integerContent,
  malformed,
  readAs,
  readBoolean,
  readChildren,
  readDer,
  readImplicit,
  readNamedBits,
  readOid,
  readSmallInteger,
  readText,
  readTime,
} from '../der/read.ts'
import { constructed, primitive, TAG } from '../der/tag.ts'
import {
  writeBoolean,
  writeElement,
  writeFineTime,
  writeInteger,
  writeNamedBits,
  writeOctets,
  writeOid,
  writeSequence,
  writeUtf8,
} from '../der/write.ts'
import { digestByOid, readAlgorithmOid, writeDigestAlgorithm } from '../x509/algorithm.ts'
import { parseSignedData, type SignedData, type SignerInfo } from './signed-data.ts'

/** Object identifier of TSTInfo as content. */
export const TST_INFO = '1.2.840.113549.1.9.16.1.4'

/** The digest that was shown to the authority. */
export interface Imprint {
  readonly name: HashName
  readonly digest: Uint8Array
}

/** What the authority says. */
export interface TimestampInfo {
  /** Object identifier of the policy under which the token was made. */
  readonly policy: string
  readonly imprint: Imprint
  /** Content of the INTEGER, lower-case hexadecimal; unique for an authority. */
  readonly serial: string
  /** When, to the millisecond. */
  readonly time: Date
  /** How far off `time` may be either way; missing where the authority does not say. */
  readonly accuracyMs?: number
  /** Content of the INTEGER of the query, lower-case hexadecimal. */
  readonly nonce?: string
}

export interface TimestampToken {
  readonly signedData: SignedData
  readonly signer: SignerInfo
  readonly info: TimestampInfo
}

export interface TimestampQuery {
  readonly imprint: Imprint
  readonly policy?: string
  readonly nonce?: string
  /** Whether the authority's certificate shall be in the token. */
  readonly wantsCertificate: boolean
}

/** PKIStatus by number (RFC 3161 section 2.4.2). */
export const PKI_STATUS = [
  'granted',
  'grantedWithMods',
  'rejection',
  'waiting',
  'revocationWarning',
  'revocationNotification',
] as const

export interface TimestampResponse {
  readonly status: (typeof PKI_STATUS)[number]
  /** Words of the authority, at most one line. */
  readonly statusText?: string
  /** Names of the bits of PKIFailureInfo that are set. */
  readonly failures: readonly string[]
  /** The token, DER; there if and only if it was granted. */
  readonly token?: Uint8Array
}

/** Positions of the bits of PKIFailureInfo. */
const FAILURES = {
  badAlg: 0,
  badRequest: 2,
  badDataFormat: 5,
  timeNotAvailable: 14,
  unacceptedPolicy: 15,
  unacceptedExtension: 16,
  addInfoNotAvailable: 17,
  systemFailure: 25,
} as const
const FAILURE_NAMES = new Map<number, string>(Object.entries(FAILURES).map(([name, position]) => [position, name]))

/**
 * Reads a bare TimeStampToken, DER.
 * @throws {FormatError} `timestamp_malformed`, with the offset where there is one
 */
export function parseTimestampToken(bytes: Uint8Array): TimestampToken {
  return readAs('timestamp_malformed', () => {
    const signedData = parseSignedData(bytes)
    const [signer, ...others] = signedData.signers
    if (signedData.contentType !== TST_INFO) throw new FormatError('timestamp_malformed', 'signed is no timestamp')
    if (!signer || others.length > 0) throw new FormatError('timestamp_malformed', 'a timestamp has one signer')
    return { signedData, signer, info: readInfo(readDer(signedData.content)) }
  })
}

/**
 * Reads a TimeStampResp, DER.
 * @throws {FormatError} `timestamp_malformed`; the token inside is not read yet
 */
export function parseTimestampResponse(bytes: Uint8Array): TimestampResponse {
  return readAs('timestamp_malformed', () => {
    const fields = new DerFields(readDer(bytes))
    const statusInfo = new DerFields(fields.take(TAG.sequence))
    const token = fields.takeIf(TAG.sequence)
    fields.finish()
    const number = statusInfo.take(TAG.integer)
    const status = PKI_STATUS[readSmallInteger(number)]
    if (!status) throw malformed('unknown status', number.start)
    const text = statusInfo.takeIf(TAG.sequence)
    const failures = statusInfo.takeIf(TAG.bitString)
    statusInfo.finish()
    const isGranted = status === 'granted' || status === 'grantedWithMods'
    if (isGranted !== (token !== undefined)) throw malformed('token and status contradict each other', number.start)
    return {
      status,
      ...(text && { statusText: readChildren(text).map(readText).join(' ').replace(/\s+/g, ' ') }),
      failures: failures ? readNamedBits(failures).map((bit) => FAILURE_NAMES.get(bit) ?? `bit ${bit}`) : [],
      ...(token && { token: encodingOf(token) }),
    }
  })
}

/**
 * Reads a TimeStampReq, DER.
 * @throws {FormatError} `timestamp_malformed`
 */
export function parseTimestampQuery(bytes: Uint8Array): TimestampQuery {
  return readAs('timestamp_malformed', () => {
    const fields = new DerFields(readDer(bytes))
    readVersion(fields.take(TAG.integer))
    const imprint = readImprint(fields.take(TAG.sequence))
    const policy = fields.takeIf(TAG.oid)
    const nonce = fields.takeIf(TAG.integer)
    const wants = fields.takeIf(TAG.boolean)
    const extensions = fields.takeIf(constructed(0))
    fields.finish()
    if (extensions) throw malformed('extensions are not supported', extensions.start)
    return {
      imprint,
      ...(policy && { policy: readOid(policy) }),
      ...(nonce && { nonce: encodeHex(integerContent(nonce)) }),
      wantsCertificate: wants !== undefined && readBoolean(wants),
    }
  })
}

/** Writes a TimeStampReq, DER. */
export function writeTimestampQuery({ imprint, policy, nonce, wantsCertificate }: TimestampQuery): Uint8Array {
  return writeSequence(
    writeInteger(1),
    writeImprint(imprint),
    ...(policy === undefined ? [] : [writeOid(policy)]),
    ...(nonce === undefined ? [] : [writeElement(TAG.integer, decodeHex(nonce))]),
    ...(wantsCertificate ? [writeBoolean(true)] : []),
  )
}

/** Writes a TimeStampResp, DER: the token, or why there is none. */
export function writeTimestampResponse(
  answer: { token: Uint8Array } | { failure: keyof typeof FAILURES; text: string },
): Uint8Array {
  if ('token' in answer) return writeSequence(writeSequence(writeInteger(0)), answer.token)
  return writeSequence(
    writeSequence(writeInteger(2), writeSequence(writeUtf8(answer.text)), writeNamedBits([FAILURES[answer.failure]])),
  )
}

/** Writes TSTInfo, DER: what the authority signs by way of its digest. */
export function writeTimestampInfo({ policy, imprint, serial, time, accuracyMs, nonce }: TimestampInfo): Uint8Array {
  return writeSequence(
    writeInteger(1),
    writeOid(policy),
    writeImprint(imprint),
    writeInteger(decodeHex(serial)),
    writeFineTime(time),
    ...(accuracyMs === undefined ? [] : [writeAccuracy(accuracyMs)]),
    ...(nonce === undefined ? [] : [writeElement(TAG.integer, decodeHex(nonce))]),
  )
}

function readInfo(element: DerElement): TimestampInfo {
  const fields = new DerFields(element)
  readVersion(fields.take(TAG.integer))
  const policy = readOid(fields.take(TAG.oid))
  const imprint = readImprint(fields.take(TAG.sequence))
  const serial = encodeHex(integerContent(fields.take(TAG.integer)))
  const time = readTime(fields.take(TAG.generalizedTime))
  const accuracy = fields.takeIf(TAG.sequence)
  const ordering = fields.takeIf(TAG.boolean)
  if (ordering) readBoolean(ordering)
  const nonce = fields.takeIf(TAG.integer)
  fields.takeIf(constructed(0))
  const extensions = fields.takeIf(constructed(1))
  fields.finish()
  if (extensions && hasCritical(extensions)) throw malformed('critical extension is not understood', extensions.start)
  return {
    policy,
    imprint,
    serial,
    time,
    ...(accuracy && { accuracyMs: readAccuracy(accuracy) }),
    ...(nonce && { nonce: encodeHex(integerContent(nonce)) }),
  }
}

function hasCritical(extensions: DerElement): boolean {
  return readChildren(extensions).some((extension) => {
    const fields = new DerFields(extension)
    fields.take(TAG.oid)
    const critical = fields.takeIf(TAG.boolean)
    return critical !== undefined && readBoolean(critical)
  })
}

function readVersion(version: DerElement): void {
  if (readSmallInteger(version) !== 1) throw malformed('unknown version', version.start)
}

function readImprint(element: DerElement): Imprint {
  const fields = new DerFields(element)
  const name = digestByOid(readAlgorithmOid(fields.take(TAG.sequence)))
  const digest = contentOf(fields.take(TAG.octetString))
  fields.finish()
  if (name === undefined) throw malformed('digest of the imprint is not supported', element.start)
  return { name, digest }
}

const writeImprint = ({ name, digest }: Imprint): Uint8Array =>
  writeSequence(writeDigestAlgorithm(name), writeOctets(digest))

function readAccuracy(element: DerElement): number {
  const fields = new DerFields(element)
  const seconds = fields.takeIf(TAG.integer)
  const millis = fields.takeIf(primitive(0))
  const micros = fields.takeIf(primitive(1))
  fields.finish()
  const [s, ms, us] = [seconds, millis, micros].map((part) =>
    part ? readSmallInteger(readImplicit(part, TAG.integer)) : 0,
  )
  return (s ?? 0) * 1000 + (ms ?? 0) + (us ?? 0) / 1000
}

function writeAccuracy(accuracyMs: number): Uint8Array {
  const seconds = Math.floor(accuracyMs / 1000)
  const millis = Math.round(accuracyMs - seconds * 1000)
  return writeSequence(
    ...(seconds > 0 ? [writeInteger(seconds)] : []),
    ...(millis > 0 ? [writeElement(primitive(0), writeInteger(millis).subarray(2))] : []),
  )
}
