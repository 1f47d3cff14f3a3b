/**
 * Holder: who signs a statement, and with which certificates.
 *
 * A statement names the certificates of its signers by digest, each chain from the leaf to the root, so that no
 * certificate beside it can be exchanged. Whether they may be believed is left to domain/trust.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject } from '../../formats/json/parse.ts'

/** SHA-256 of certificates, DER, leaf first. */
export type Chain = readonly Uint8Array[]

/** The keys of one holder. */
export interface HolderCertificates {
  /** RSA or P-256: of the DICOM signature in the image; empty for a holder who makes none there. */
  readonly dicom: Chain
  /** Ed25519 or P-256: of the statement. */
  readonly statement: Chain
  /** ML-DSA-44: of the statement, too. */
  readonly postQuantum: Chain
}

/** Who took responsibility: the technologist. */
export interface Operator {
  /** Whatever the site calls the person by: 1 to 128 characters. */
  readonly id: string
  /** Common name in the certificates, 1 to 256 characters. */
  readonly name: string
  readonly certificates: HolderCertificates
}

/** What made the image. */
export interface Device extends Operator {
  readonly manufacturer: string | null
  readonly model: string | null
  readonly serial: string | null
}

/** Text that shows what it says: no control characters, no line or paragraph ends, nothing that turns the direction. */
export const NAME = /^[^\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]{1,256}$/u
const ID = /^[^\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]{1,128}$/u
const CHAIN_LIMIT = 8

export function readOperator(fields: JsonFields): Operator {
  return {
    id: fields.string('id', ID),
    name: fields.string('name', NAME),
    certificates: fields.object('certificates', readCertificates),
  }
}

export function readDevice(fields: JsonFields): Device {
  return {
    ...readOperator(fields),
    manufacturer: fields.nullableString('manufacturer', NAME),
    model: fields.nullableString('model', NAME),
    serial: fields.nullableString('serial', NAME),
  }
}

export const writeOperator = ({ id, name, certificates }: Operator): JsonObject => ({
  id,
  name,
  certificates: {
    dicom: certificates.dicom.map(encodeHex),
    statement: certificates.statement.map(encodeHex),
    postQuantum: certificates.postQuantum.map(encodeHex),
  },
})

export const writeDevice = (device: Device): JsonObject => ({
  ...writeOperator(device),
  manufacturer: device.manufacturer,
  model: device.model,
  serial: device.serial,
})

/** Digests of all certificates that holders name, in the order of naming, each once. */
export function namedCertificates(holders: readonly Operator[]): readonly Uint8Array[] {
  const named = new Map<string, Uint8Array>()
  for (const { certificates } of holders) {
    for (const digest of [certificates.dicom, certificates.statement, certificates.postQuantum].flat()) {
      named.set(encodeHex(digest), digest)
    }
  }
  return [...named.values()]
}

function readCertificates(fields: JsonFields): HolderCertificates {
  const dicom = fields.hexes('dicom', CHAIN_LIMIT, 32)
  const statement = fields.hexes('statement', CHAIN_LIMIT, 32)
  const postQuantum = fields.hexes('postQuantum', CHAIN_LIMIT, 32)
  if (statement.length === 0) throw fields.refuse('statement', 'names no certificate')
  if (postQuantum.length === 0) throw fields.refuse('postQuantum', 'names no certificate')
  return { dicom, statement, postQuantum }
}
