/**
 * Seal: the file beside an image: the signed statement, and what a verifier needs to check it alone.
 *
 * One value, one spelling: canonical JSON (RFC 8785), base64 and hexadecimal in one way, nothing unknown, so that no
 * byte can change unseen. The format is described in docs/reference/seal-file.md. Whether the signatures hold is left
 * to verify.ts.
 */

import { encodeBase64 } from '../../bytes/base64.ts'
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { FormatError } from '../../errors.ts'
import { UID } from '../../formats/dicom/instance-uids.ts'
import { type Envelope, encodePae, formatEnvelope, parseEnvelope } from '../../formats/dsse/envelope.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject } from '../../formats/json/parse.ts'
import { PROOF_LIMIT } from '../../formats/merkle/tree.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { type GatewayStatement, parseGatewayStatement } from './gateway-statement.ts'
import { isOfGateway } from './image-statement.ts'
import { GATEWAY_MEDIA_TYPE, PAYLOAD_TYPE, SEAL_MEDIA_TYPE, SERIES_MEDIA_TYPE } from './namespace.ts'
import { parseSeriesStatement, SERIES_LIMIT, type SeriesEntry, type SeriesStatement } from './series-statement.ts'
import { type AcquisitionStatement, parseStatement } from './statement.ts'

/** A statement with its signatures, and tokens that prove when those were there. */
export interface SignedStatement<Statement> {
  readonly envelope: Envelope
  /** What the envelope's payload says. */
  readonly statement: Statement
  /** RFC 3161 tokens, DER, over {@link timestampImprint}. */
  readonly timestamps: readonly Uint8Array[]
}

/** The technologist's signature of the series, and where the image stands in it. */
export interface SeriesProof extends SignedStatement<SeriesStatement> {
  readonly index: bigint
  readonly proof: readonly Uint8Array[]
}

interface ImageParts {
  /** Those that the statement names, in the order of naming. */
  readonly certificates: readonly Certificate[]
  /** SHA-256 of each frame; empty over {@link LISTED_FRAMES_LIMIT} of them. */
  readonly frames: readonly Uint8Array[]
}

/** The seal of those who made the image. */
export interface Seal extends SignedStatement<AcquisitionStatement>, ImageParts {
  readonly series: SeriesProof | null
}

/** The seal of a gateway that the image came to. */
export interface GatewaySeal extends SignedStatement<GatewayStatement>, ImageParts {}

/** What may lie beside an image. */
export type ImageSeal = Seal | GatewaySeal

export const isGatewaySeal = (seal: ImageSeal): seal is GatewaySeal => isOfGateway(seal.statement)

/** The file beside a series. */
export interface SeriesSeal extends SignedStatement<SeriesStatement> {
  readonly certificates: readonly Certificate[]
  /** In the order of the tree. */
  readonly entries: readonly SeriesEntry[]
}

/** Bytes of a file. */
export const SEAL_LIMIT = 64 * 1024 * 1024
/** An image with more frames is sealed without their list: a change shows, but not where. */
export const LISTED_FRAMES_LIMIT = 262_144
const CERTIFICATES_LIMIT = 48
const CERTIFICATE_LIMIT = 64 * 1024
const TIMESTAMPS_LIMIT = 4
const TIMESTAMP_LIMIT = 64 * 1024
const NEWLINE = 0x0a

/**
 * Reads the file beside an image, whoever sealed it. Accepts exactly what {@link formatSeal} and
 * {@link formatGatewaySeal} write.
 * @throws {FormatError} as {@link parseSeal}
 */
export function parseImageSeal(file: Uint8Array): ImageSeal {
  const fields = openFile(file)
  const mediaType = fields.value('mediaType')
  if (mediaType === GATEWAY_MEDIA_TYPE) return readGatewaySeal(fields)
  if (mediaType === SEAL_MEDIA_TYPE) return readSeal(fields)
  throw fields.refuse('mediaType', 'is not that of a seal beside an image')
}

/**
 * Reads the seal of those who made an image. Accepts exactly what {@link formatSeal} writes.
 * @throws {FormatError} `seal_malformed`, or the code of the part: `json_malformed`, `envelope_malformed`,
 *   `statement_malformed`, `certificate_malformed`
 */
export function parseSeal(file: Uint8Array): Seal {
  const fields = openFile(file)
  fields.constant('mediaType', SEAL_MEDIA_TYPE)
  return readSeal(fields)
}

/** All but the media type, which is read once: fields that are left over are counted. */
function readSeal(fields: JsonFields): Seal {
  const signed = readSigned(fields, parseStatement)
  const seal = {
    ...signed,
    ...readImageParts(fields),
    series: fields.nullable('series', readSeriesProof),
  }
  fields.finish()
  if (seal.series !== null && seal.statement.signatures.operator !== null) {
    throw fields.refuse('series', 'stands beside an image that the technologist signed')
  }
  return seal
}

/** Writes the file beside an image; the inverse of {@link parseSeal}. */
export function formatSeal(seal: Seal): Uint8Array {
  const series = seal.series === null ? null : writeSeriesProof(seal.series)
  return closeFile({ mediaType: SEAL_MEDIA_TYPE, ...writeImageParts(seal), series })
}

/**
 * Reads the seal of a gateway. Accepts exactly what {@link formatGatewaySeal} writes.
 * @throws {FormatError} as {@link parseSeal}
 */
export function parseGatewaySeal(file: Uint8Array): GatewaySeal {
  const fields = openFile(file)
  fields.constant('mediaType', GATEWAY_MEDIA_TYPE)
  return readGatewaySeal(fields)
}

function readGatewaySeal(fields: JsonFields): GatewaySeal {
  const seal = { ...readSigned(fields, parseGatewayStatement), ...readImageParts(fields) }
  fields.finish()
  return seal
}

/** Writes the seal of a gateway; the inverse of {@link parseGatewaySeal}. */
export const formatGatewaySeal = (seal: GatewaySeal): Uint8Array =>
  closeFile({ mediaType: GATEWAY_MEDIA_TYPE, ...writeImageParts(seal) })

const readImageParts = (fields: JsonFields): ImageParts => ({
  certificates: readCertificates(fields),
  frames: fields.hexes('frames', LISTED_FRAMES_LIMIT, 32),
})

const writeImageParts = ({
  envelope,
  certificates,
  frames,
  timestamps,
}: SignedStatement<unknown> & ImageParts): JsonObject => ({
  envelope: formatEnvelope(envelope),
  certificates: certificates.map(({ bytes }) => encodeBase64(bytes)),
  frames: frames.map(encodeHex),
  timestamps: timestamps.map(encodeBase64),
})

/**
 * Reads the file beside a series. Accepts exactly what {@link formatSeriesSeal} writes.
 * @throws {FormatError} as {@link parseSeal}
 */
export function parseSeriesSeal(file: Uint8Array): SeriesSeal {
  const fields = openFile(file)
  fields.constant('mediaType', SERIES_MEDIA_TYPE)
  const signed = readSigned(fields, parseSeriesStatement)
  const seal = {
    ...signed,
    certificates: readCertificates(fields),
    entries: fields.objects('entries', SERIES_LIMIT, readEntry),
  }
  fields.finish()
  return seal
}

/** Writes the file beside a series; the inverse of {@link parseSeriesSeal}. */
export function formatSeriesSeal({ envelope, certificates, entries, timestamps }: SeriesSeal): Uint8Array {
  return closeFile({
    mediaType: SERIES_MEDIA_TYPE,
    envelope: formatEnvelope(envelope),
    certificates: certificates.map(({ bytes }) => encodeBase64(bytes)),
    entries: entries.map(writeEntry),
    timestamps: timestamps.map(encodeBase64),
  })
}

/**
 * What a timestamp is taken over: SHA-256 of the bytes that were signed, followed by the signatures in their order.
 * A token over the payload alone would let whoever steals a key later sign what an accomplice had stamped before.
 */
export function timestampImprint({ payloadType, payload, signatures }: Envelope, hashes: HashFactory): Uint8Array {
  return digestOf(hashes, 'sha256', encodePae(payloadType, payload), ...signatures.map(({ sig }) => sig))
}

function openFile(file: Uint8Array): JsonFields {
  if (file.length > SEAL_LIMIT) throw new FormatError('seal_malformed', `longer than ${SEAL_LIMIT} bytes`)
  if (file.at(-1) !== NEWLINE)
    throw new FormatError('seal_malformed', 'does not end in a newline', { offset: file.length })
  return new JsonFields(parseCanonicalJson(file.subarray(0, -1)), 'seal_malformed')
}

function closeFile(value: JsonObject): Uint8Array {
  const text = encodeCanonicalJson(value)
  const file = new Uint8Array(text.length + 1)
  file.set(text)
  file[text.length] = NEWLINE
  if (file.length > SEAL_LIMIT) throw new FormatError('seal_malformed', `longer than ${SEAL_LIMIT} bytes`)
  return file
}

function readSigned<Statement>(
  fields: JsonFields,
  parse: (payload: Uint8Array) => Statement,
): SignedStatement<Statement> {
  const envelope = parseEnvelope(fields.value('envelope'))
  if (envelope.payloadType !== PAYLOAD_TYPE) throw fields.refuse('envelope', 'holds no in-toto statement')
  return {
    envelope,
    statement: parse(envelope.payload),
    timestamps: fields.base64s('timestamps', TIMESTAMPS_LIMIT, TIMESTAMP_LIMIT),
  }
}

const readCertificates = (fields: JsonFields): readonly Certificate[] =>
  fields.base64s('certificates', CERTIFICATES_LIMIT, CERTIFICATE_LIMIT).map(parseCertificate)

function readSeriesProof(fields: JsonFields): SeriesProof {
  return {
    ...readSigned(fields, parseSeriesStatement),
    index: fields.bigint('index', BigInt(SERIES_LIMIT)),
    proof: fields.hexes('proof', PROOF_LIMIT, 32),
  }
}

const writeSeriesProof = ({ envelope, timestamps, index, proof }: SeriesProof): JsonObject => ({
  envelope: formatEnvelope(envelope),
  timestamps: timestamps.map(encodeBase64),
  index: String(index),
  proof: proof.map(encodeHex),
})

const readEntry = (fields: JsonFields): SeriesEntry => ({
  sopInstanceUid: fields.string('sopInstanceUid', UID),
  dataset: fields.hex('dataset', 32),
  file: fields.hex('file', 32),
  statement: fields.hex('statement', 32),
})

const writeEntry = ({ sopInstanceUid, dataset, file, statement }: SeriesEntry): JsonObject => ({
  sopInstanceUid,
  dataset: encodeHex(dataset),
  file: encodeHex(file),
  statement: encodeHex(statement),
})
