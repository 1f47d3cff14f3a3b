/**
 * PDU: the seven messages of the DICOM upper layer, as values and as bytes.
 *
 * Source: PS3.8 section 9.3. P-DATA-TF is not a value here: its fragments are handed on as they come (pdu-reader) and
 * go out behind headers of their own (data-pdu).
 */
import {
  type AssociateAccept,
  type AssociateRequest,
  formatAssociateAccept,
  formatAssociateRequest,
  parseAssociateAccept,
  parseAssociateRequest,
} from './associate.ts'
import { malformed } from './cursor.ts'

export const PDU_TYPES = {
  associateRequest: 0x01,
  associateAccept: 0x02,
  associateReject: 0x03,
  data: 0x04,
  releaseRequest: 0x05,
  releaseResponse: 0x06,
  abort: 0x07,
} as const

/** Type, reserved byte, and length of what follows. */
export const PDU_HEADER_BYTES = 6

export interface AssociateReject {
  readonly type: 'associate_rj'
  /** 1 for good, 2 for now. */
  readonly result: number
  /** 1 service user, 2 service provider (ACSE), 3 service provider (presentation). */
  readonly source: number
  /** Its meaning depends on the source: {@link REJECTIONS}. */
  readonly reason: number
}

export interface Abort {
  readonly type: 'abort'
  /** 0 service user, 2 service provider. */
  readonly source: number
  /** One of {@link ABORT_REASONS} where the source is the provider. */
  readonly reason: number
}

/** Every PDU but P-DATA-TF. */
export type Pdu =
  | AssociateRequest
  | AssociateAccept
  | AssociateReject
  | { readonly type: 'release_rq' }
  | { readonly type: 'release_rp' }
  | Abort

/** Why an association is refused (PS3.8 table 9-21). */
export const REJECTIONS = {
  noReason: { result: 1, source: 1, reason: 1 },
  applicationContext: { result: 1, source: 1, reason: 2 },
  callingTitle: { result: 1, source: 1, reason: 3 },
  calledTitle: { result: 1, source: 1, reason: 7 },
  protocolVersion: { result: 1, source: 2, reason: 2 },
  congestion: { result: 2, source: 3, reason: 1 },
  localLimit: { result: 2, source: 3, reason: 2 },
} as const satisfies Record<string, Omit<AssociateReject, 'type'>>

export const ABORT_SOURCES = { user: 0, provider: 2 } as const

/** Reasons of the provider (PS3.8 table 9-26). */
export const ABORT_REASONS = {
  notSpecified: 0,
  unrecognizedPdu: 1,
  unexpectedPdu: 2,
  unrecognizedParameter: 4,
  unexpectedParameter: 5,
  invalidParameter: 6,
} as const

/** Whether a type of PDU exists. */
export const isKnownPdu = (type: number): boolean => type >= 0x01 && type <= 0x07

/**
 * Reads the content of a PDU, behind its length.
 *
 * @param type  one of {@link PDU_TYPES}, not that of P-DATA-TF
 * @param content  keeps nothing of it: the bytes may be used again
 * @throws {FormatError} `pdu_malformed`
 */
export function parsePdu(type: number, content: Uint8Array): Pdu {
  switch (type) {
    case PDU_TYPES.associateRequest:
      return parseAssociateRequest(content)
    case PDU_TYPES.associateAccept:
      return parseAssociateAccept(content)
    case PDU_TYPES.associateReject: {
      const [, result, source, reason] = four(content)
      return { type: 'associate_rj', result, source, reason }
    }
    case PDU_TYPES.releaseRequest:
      four(content)
      return { type: 'release_rq' }
    case PDU_TYPES.releaseResponse:
      four(content)
      return { type: 'release_rp' }
    case PDU_TYPES.abort: {
      const [, , source, reason] = four(content)
      return { type: 'abort', source, reason }
    }
    default:
      throw malformed(`no PDU has the type ${type}`)
  }
}

/** Writes a whole PDU; the inverse of {@link parsePdu}. */
export function formatPdu(pdu: Pdu): Uint8Array {
  switch (pdu.type) {
    case 'associate_rq':
      return formatAssociateRequest(pdu)
    case 'associate_ac':
      return formatAssociateAccept(pdu)
    case 'associate_rj':
      return Uint8Array.of(PDU_TYPES.associateReject, 0, 0, 0, 0, 4, 0, pdu.result, pdu.source, pdu.reason)
    case 'release_rq':
      return Uint8Array.of(PDU_TYPES.releaseRequest, 0, 0, 0, 0, 4, 0, 0, 0, 0)
    case 'release_rp':
      return Uint8Array.of(PDU_TYPES.releaseResponse, 0, 0, 0, 0, 4, 0, 0, 0, 0)
    case 'abort':
      return Uint8Array.of(PDU_TYPES.abort, 0, 0, 0, 0, 4, 0, 0, pdu.source, pdu.reason)
  }
}

function four(content: Uint8Array): [number, number, number, number] {
  if (content.length !== 4) throw malformed(`${content.length} bytes instead of 4`)
  return [...content] as [number, number, number, number]
}
