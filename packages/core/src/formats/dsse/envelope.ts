/**
 * DSSE: an envelope around bytes of a stated type, with the signatures over both.
 *
 * Source: Dead Simple Signing Envelope 1.0.2 (secure-systems-lab/dsse), protocol.md and envelope.md. Narrower than it
 * in what is read: standard base64 in its one spelling, a keyid always, no unknown fields. What the payload says, and
 * whose signatures count, is left to others.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { concatBytes, encodeUtf8 } from '../../bytes/text.ts'
import { JsonFields } from '../json/fields.ts'
import type { JsonObject, JsonValue } from '../json/parse.ts'

export interface EnvelopeSignature {
  /** Hint by which a verifier finds the key; not covered by any signature. Printable ASCII, 1 to 128 characters. */
  readonly keyid: string
  readonly sig: Uint8Array
}

export interface Envelope {
  /** Media type or URI, printable ASCII, 1 to 256 characters. */
  readonly payloadType: string
  readonly payload: Uint8Array
  /** At least one. */
  readonly signatures: readonly EnvelopeSignature[]
}

/** An envelope with more signatures is refused. */
export const SIGNATURES_LIMIT = 16
/** Bytes of one signature: those of SLH-DSA, the longest of FIPS 205, have 49,856. */
export const SIGNATURE_LIMIT = 64 * 1024
export const PAYLOAD_LIMIT = 32 * 1024 * 1024

/**
 * Reads an envelope from the JSON object that it is.
 * @throws {FormatError} `envelope_malformed`
 */
export function parseEnvelope(value: JsonValue): Envelope {
  const fields = new JsonFields(value, 'envelope_malformed')
  const envelope = {
    payloadType: fields.string('payloadType', /^[\x21-\x7e]{1,256}$/),
    payload: fields.base64('payload', PAYLOAD_LIMIT),
    signatures: fields.objects('signatures', SIGNATURES_LIMIT, readSignature),
  }
  if (envelope.signatures.length === 0) throw fields.refuse('signatures', 'has no entry')
  fields.finish()
  return envelope
}

/** The JSON object of an envelope; the inverse of {@link parseEnvelope}. */
export function formatEnvelope({ payloadType, payload, signatures }: Envelope): JsonObject {
  return {
    payloadType,
    payload: encodeBase64(payload),
    signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig: encodeBase64(sig) })),
  }
}

/**
 * Pre-authentication encoding: the bytes that are signed, unambiguous whatever type and payload hold.
 * Lengths count bytes, decimal.
 */
export function encodePae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = encodeUtf8(payloadType)
  return concatBytes(encodeUtf8(`DSSEv1 ${type.length} `), type, encodeUtf8(` ${payload.length} `), payload)
}

function readSignature(fields: JsonFields): EnvelopeSignature {
  return { keyid: fields.string('keyid', /^[\x21-\x7e]{1,128}$/), sig: fields.base64('sig', SIGNATURE_LIMIT) }
}
