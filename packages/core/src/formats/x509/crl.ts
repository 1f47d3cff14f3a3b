/**
 * CRL: the list of certificates that an issuer has taken back.
 *
 * Source: RFC 5280 section 5. Delta lists and indirect lists announce themselves by critical extensions and are
 * listed as not understood; domain/trust does not use them.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { equalBytes } from '../../bytes/text.ts'
import {
  type DerElement,
  DerFields,
  encodingOf,
  integerContent,
  malformed,
  readAs,
  readBitBytes,
  readChildren,
  readDer,
  readSmallInteger,
  readTime,
} from '../der/read.ts'
import { constructed, TAG } from '../der/tag.ts'
import { readSignatureAlgorithm, type SignatureAlgorithm } from './algorithm.ts'
import { readAuthorityKeyIdentifier, readRawExtensions } from './extension.ts'
import { type Name, readName } from './name.ts'

/** CRLReason by number (RFC 5280 section 5.3.1); 7 is not used. */
export const CRL_REASONS = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
] as const
export type CrlReason = Exclude<(typeof CRL_REASONS)[number], undefined>

export interface CrlEntry {
  /** Content of the certificate's serial number, lower-case hexadecimal. */
  readonly serial: string
  readonly revokedAt: Date
  readonly reason: CrlReason
  /** Since when the key may have been in wrong hands, where the issuer says so. */
  readonly invalidSince?: Date
}

export interface Crl {
  /** The whole list, DER. */
  readonly bytes: Uint8Array
  /** The signed part, DER. */
  readonly tbs: Uint8Array
  readonly issuer: Name
  readonly thisUpdate: Date
  readonly nextUpdate?: Date
  /** Entries by serial number. */
  readonly entries: ReadonlyMap<string, CrlEntry>
  /** Content of the CRL number, lower-case hexadecimal. */
  readonly number?: string
  readonly authorityKeyIdentifier?: Uint8Array
  /** Object identifiers of critical extensions, of the list or of an entry, that are not read here. */
  readonly unknownCritical: readonly string[]
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signature: Uint8Array
}

const OID = {
  crlNumber: '2.5.29.20',
  reason: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  authorityKeyIdentifier: '2.5.29.35',
} as const

/**
 * Reads a revocation list, DER, of at most 16 MiB.
 * @throws {FormatError} `crl_malformed`, with the offset
 */
export function parseCrl(bytes: Uint8Array): Crl {
  return readAs('crl_malformed', () => readCrl(readDer(bytes)))
}

function readCrl(element: DerElement): Crl {
  const parts = new DerFields(element)
  const tbs = parts.take(TAG.sequence)
  const outerAlgorithm = parts.take(TAG.sequence)
  const signature = readBitBytes(parts.take(TAG.bitString))
  parts.finish()

  const fields = new DerFields(tbs)
  const version = fields.takeIf(TAG.integer)
  if (version && readSmallInteger(version) !== 1) throw malformed('unknown version', version.start)
  const innerAlgorithm = fields.take(TAG.sequence)
  if (!equalBytes(encodingOf(innerAlgorithm), encodingOf(outerAlgorithm))) {
    throw malformed('signature algorithms inside and outside differ', innerAlgorithm.start)
  }
  const issuer = readName(fields.take(TAG.sequence))
  const thisUpdate = readTime(fields.take())
  const next = fields.takeIf(TAG.utcTime) ?? fields.takeIf(TAG.generalizedTime)
  const unknownCritical: string[] = []
  const entries = readEntries(fields.takeIf(TAG.sequence), unknownCritical)
  const extensions = fields.takeIf(constructed(0))
  fields.finish()

  return {
    bytes: encodingOf(element),
    tbs: encodingOf(tbs),
    issuer,
    thisUpdate,
    ...(next && { nextUpdate: readTime(next) }),
    entries,
    ...(extensions && readListExtensions(extensions, unknownCritical)),
    unknownCritical,
    signatureAlgorithm: readSignatureAlgorithm(innerAlgorithm),
    signature,
  }
}

function readEntries(list: DerElement | undefined, unknownCritical: string[]): Map<string, CrlEntry> {
  const entries = new Map<string, CrlEntry>()
  for (const element of list ? readChildren(list) : []) {
    const fields = new DerFields(element)
    const serial = encodeHex(integerContent(fields.take(TAG.integer)))
    const revokedAt = readTime(fields.take())
    const extensions = fields.takeIf(TAG.sequence)
    fields.finish()
    const entry = extensions ? readEntryExtensions(extensions, unknownCritical) : {}
    // Of two entries for one certificate the worse counts: the first one, or the one that names a compromise.
    if (!entries.has(serial) || isCompromise(entry.reason)) {
      entries.set(serial, { serial, revokedAt, reason: 'unspecified', ...entry })
    }
  }
  return entries
}

/** Whether a reason says that others may hold the key, so that no signature of it proves anything any more. */
export const isCompromise = (reason: CrlReason | undefined): boolean =>
  reason === 'keyCompromise' || reason === 'cACompromise' || reason === 'aACompromise'

function readEntryExtensions(list: DerElement, unknownCritical: string[]): Partial<CrlEntry> {
  let found: Partial<CrlEntry> = {}
  for (const { oid, isCritical, value } of readRawExtensions(list)) {
    if (oid === OID.reason) found = { ...found, reason: readReason(value) }
    else if (oid === OID.invalidityDate) found = { ...found, invalidSince: readTime(value) }
    else if (isCritical) unknownCritical.push(oid)
  }
  return found
}

function readReason(value: DerElement): CrlReason {
  if (value.tag !== TAG.enumerated) throw malformed('reason is not an enumeration', value.start)
  const reason = CRL_REASONS[readSmallInteger(value)]
  if (reason === undefined) throw malformed('unknown reason', value.start)
  return reason
}

function readListExtensions(
  extensions: DerElement,
  unknownCritical: string[],
): Pick<Crl, 'number' | 'authorityKeyIdentifier'> {
  const fields = new DerFields(extensions, constructed(0))
  const list = fields.take(TAG.sequence)
  fields.finish()
  let found: Pick<Crl, 'number' | 'authorityKeyIdentifier'> = {}
  for (const { oid, isCritical, value } of readRawExtensions(list)) {
    if (oid === OID.crlNumber) found = { ...found, number: encodeHex(integerContent(value)) }
    else if (oid === OID.authorityKeyIdentifier) found = { ...found, ...readAuthorityKeyIdentifier(value) }
    else if (isCritical) unknownCritical.push(oid)
  }
  return found
}
