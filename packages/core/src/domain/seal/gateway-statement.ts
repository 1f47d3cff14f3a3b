/**
 * Gateway statement: what a gateway says about an image that came to it without a seal: what it was on arrival, from
 * where it came, and which order it belongs to as far as the gateway saw.
 *
 * A gateway has not seen the patient, the device or the technologist. So this is another kind of statement than that of
 * an acquisition, by holders of another role, and no reader can take one for the other. Described in
 * docs/reference/gateway-seal.md. Whether it may be believed is left to verify.ts.
 */

import { encodeHex } from '../../bytes/hex.ts'
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { UID } from '../../formats/dicom/instance-uids.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import type { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject } from '../../formats/json/parse.ts'
import { NAME, type Operator, readOperator, writeOperator } from './holder.ts'
import { GATEWAY_PREDICATE } from './namespace.ts'
import {
  readReference,
  readStatement,
  type SealedInstance,
  type SignatureReference,
  type StatementKind,
  writeReference,
  writeStatement,
} from './sealed-instance.ts'

export const RECEIVED_BY = ['dimse', 'dicomweb', 'file'] as const

/** How the image came, as the gateway saw it. An AE title is the sender's claim; address and certificate are not. */
export interface Received {
  readonly protocol: (typeof RECEIVED_BY)[number]
  /** Application entity titles, 1 to 16 characters; null where the protocol has none. */
  readonly callingAet: string | null
  readonly calledAet: string | null
  /** Host and port of the sender. */
  readonly address: string | null
  /** SHA-256 of the certificate with which the sender's TLS was authenticated; null where it showed none. */
  readonly certificate: Uint8Array | null
  /** Name of the token that the sender showed; null where it showed none. */
  readonly token: string | null
  /** When the gateway had all of it, by its own clock, to the millisecond. */
  readonly receivedAt: Date
}

export const ORDER_SOURCES = ['mwl', 'mpps'] as const
export const ORDER_MATCHES = ['procedure_step', 'study', 'accession_number'] as const

/** The order to which the image belongs, as a worklist or a performed procedure step named it before the image came. */
export interface OrderBinding {
  /** `mwl`: an answer to a worklist query; `mpps`: the device reported the step. */
  readonly source: (typeof ORDER_SOURCES)[number]
  /**
   * By what the image was tied to it: the step, which names the image's series or is named by the image (0008,1111); its
   * study; or its accession number alone.
   */
  readonly matchedBy: (typeof ORDER_MATCHES)[number]
  readonly accessionNumber: string | null
  readonly requestedProcedureId: string | null
  readonly scheduledProcedureStepId: string | null
  /** AE title of the station: scheduled for a worklist, performed for a step. */
  readonly stationAet: string | null
  readonly mppsSopInstanceUid: string | null
}

/** Who made the image, by hearsay: the gateway saw nobody. */
export interface NamedTechnologist {
  /** 1 to 256 characters, as written there. */
  readonly name: string
  /** `header`: Operators' Name (0008,1070). */
  readonly source: 'mpps' | 'header'
}

interface Arrival {
  readonly gateway: Operator
  readonly received: Received
  /** Null where the gateway knew of none. */
  readonly order: OrderBinding | null
  readonly technologist: NamedTechnologist | null
  /** Null where the gateway passed the image on as it came: then its seal is all that it made. */
  readonly signatures: { readonly gateway: SignatureReference | null }
}

export interface GatewayStatement extends SealedInstance, Arrival {}

/** PS3.5 section 6.2, without the spaces around it. */
export const AE_TITLE = /^[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$/
/** Identifiers of an order (VR SH and LO): text that shows what it says. */
export const ORDER_ID = /^[^\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]{1,64}$/u

const ARRIVAL: StatementKind<Arrival> = {
  predicateType: GATEWAY_PREDICATE,
  read: (fields) => {
    // What a reader of an acquisition looks for, and nobody here can give.
    fields.null('device')
    fields.null('operator')
    return {
      gateway: fields.object('gateway', readOperator),
      received: fields.object('received', readReceived),
      order: fields.nullable('order', readOrder),
      technologist: fields.nullable('technologist', readTechnologist),
      signatures: fields.object('signatures', (inner) => ({ gateway: inner.nullable('gateway', readReference) })),
    }
  },
  write: ({ gateway, received, order, technologist, signatures }) => ({
    device: null,
    operator: null,
    gateway: writeOperator(gateway),
    received: writeReceived(received),
    order: order === null ? null : { ...order },
    technologist: technologist === null ? null : { ...technologist },
    signatures: { gateway: signatures.gateway && writeReference(signatures.gateway) },
  }),
}

/**
 * Reads a statement in its one spelling.
 * @throws {FormatError} `statement_malformed`; `json_malformed` for bytes that are no canonical JSON
 */
export const parseGatewayStatement = (payload: Uint8Array): GatewayStatement =>
  checkFile(readStatement(parseCanonicalJson(payload), ARRIVAL))

/**
 * The bytes of a statement; the inverse of {@link parseGatewayStatement}.
 * @throws {FormatError} `statement_malformed` for a value outside the limits, such as an AE title of 17 characters
 */
export const formatGatewayStatement = (statement: GatewayStatement): Uint8Array =>
  encodeCanonicalJson(writeStatement(checkFile(statement), ARRIVAL))

/** Whoever signed nothing in the file speaks of the file that came. */
function checkFile(statement: GatewayStatement): GatewayStatement {
  if (statement.signatures.gateway !== null || equalBytes(statement.file, statement.original)) return statement
  throw new FormatError('statement_malformed', 'a file that nobody signed is not the one that came')
}

const word = (words: readonly string[]): RegExp => new RegExp(`^(?:${words.join('|')})$`)
const PROTOCOL = word(RECEIVED_BY)
const ORDER_SOURCE = word(ORDER_SOURCES)
const ORDER_MATCH = word(ORDER_MATCHES)
const TECHNOLOGIST_SOURCE = word(['mpps', 'header'])

function readReceived(fields: JsonFields): Received {
  return {
    protocol: fields.string('protocol', PROTOCOL) as Received['protocol'],
    callingAet: fields.nullableString('callingAet', AE_TITLE),
    calledAet: fields.nullableString('calledAet', AE_TITLE),
    address: fields.nullableString('address', NAME),
    certificate: fields.nullableHex('certificate', 32),
    token: fields.nullableString('token', NAME),
    receivedAt: fields.time('receivedAt'),
  }
}

const writeReceived = ({ certificate, receivedAt, ...others }: Received): JsonObject => ({
  ...others,
  certificate: certificate === null ? null : encodeHex(certificate),
  receivedAt: receivedAt.toISOString(),
})

const readOrder = (fields: JsonFields): OrderBinding => ({
  source: fields.string('source', ORDER_SOURCE) as OrderBinding['source'],
  matchedBy: fields.string('matchedBy', ORDER_MATCH) as OrderBinding['matchedBy'],
  accessionNumber: fields.nullableString('accessionNumber', ORDER_ID),
  requestedProcedureId: fields.nullableString('requestedProcedureId', ORDER_ID),
  scheduledProcedureStepId: fields.nullableString('scheduledProcedureStepId', ORDER_ID),
  stationAet: fields.nullableString('stationAet', AE_TITLE),
  mppsSopInstanceUid: fields.nullableString('mppsSopInstanceUid', UID),
})

const readTechnologist = (fields: JsonFields): NamedTechnologist => ({
  name: fields.string('name', NAME),
  source: fields.string('source', TECHNOLOGIST_SOURCE) as NamedTechnologist['source'],
})
