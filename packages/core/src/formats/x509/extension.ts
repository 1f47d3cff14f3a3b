/**
 * Extension: what a certificate says about the use of its key.
 *
 * Source: RFC 5280 section 4.2.1. Read here: basic constraints, key usage, extended key usage, policies, key
 * identifiers, alternative names. A critical extension of any other kind is listed, so that domain/trust refuses it.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { decodeLatin1 } from '../../bytes/text.ts'
import {
  contentOf,
  type DerElement,
  DerFields,
  expectTag,
  malformed,
  readBoolean,
  readChildren,
  readImplicit,
  readNamedBits,
  readOid,
  readSmallInteger,
} from '../der/read.ts'
import { constructed, primitive, TAG } from '../der/tag.ts'
import {
  writeBoolean,
  writeElement,
  writeInteger,
  writeNamedBits,
  writeOctets,
  writeOid,
  writeSequence,
} from '../der/write.ts'
import { readName } from './name.ts'

/** Bits of KeyUsage by position. */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'crlSign',
  'encipherOnly',
  'decipherOnly',
] as const
export type KeyUsage = (typeof KEY_USAGES)[number]

export interface BasicConstraints {
  readonly isCa: boolean
  /** Number of CA certificates that may follow this one down to the leaf. */
  readonly pathLength?: number
}

export interface ExtendedKeyUsage {
  /** Object identifiers. */
  readonly purposes: readonly string[]
  readonly isCritical: boolean
}

export interface AlternativeName {
  readonly kind: 'email' | 'dns' | 'uri' | 'directory' | 'other'
  /** Text of the name; for `directory` as in {@link Name}, for `other` the DER in hexadecimal. */
  readonly value: string
}

/** What the extensions of a certificate say; a field is missing where the extension is. */
export interface Extensions {
  readonly basicConstraints?: BasicConstraints
  readonly keyUsage?: readonly KeyUsage[]
  readonly extendedKeyUsage?: ExtendedKeyUsage
  /** Object identifiers of the policies; qualifiers are not read. */
  readonly policies?: readonly string[]
  readonly subjectKeyIdentifier?: Uint8Array
  /** The keyIdentifier of AuthorityKeyIdentifier. */
  readonly authorityKeyIdentifier?: Uint8Array
  readonly alternativeNames?: readonly AlternativeName[]
  /** Object identifiers of critical extensions that are not read here. */
  readonly unknownCritical: readonly string[]
}

/** One extension as it stands in a certificate, list or entry. */
export interface RawExtension {
  readonly oid: string
  readonly isCritical: boolean
  /** DER inside the OCTET STRING. */
  readonly value: DerElement
}

const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  policies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const

const READERS: Record<string, (extension: RawExtension) => Partial<Extensions>> = {
  [OID.basicConstraints]: ({ value }) => ({ basicConstraints: readBasicConstraints(value) }),
  [OID.keyUsage]: ({ value }) => ({ keyUsage: readKeyUsage(value) }),
  [OID.extendedKeyUsage]: ({ value, isCritical }) => ({
    extendedKeyUsage: { purposes: readSome(value).map(expectOid), isCritical },
  }),
  [OID.policies]: ({ value }) => ({
    policies: readSome(value).map((policy) => readOid(new DerFields(policy).take(TAG.oid))),
  }),
  [OID.subjectKeyIdentifier]: ({ value }) => ({ subjectKeyIdentifier: contentOf(expectTag(value, TAG.octetString)) }),
  [OID.authorityKeyIdentifier]: ({ value }) => readAuthorityKeyIdentifier(value),
  [OID.alternativeNames]: ({ value }) => ({ alternativeNames: readSome(value).map(readAlternativeName) }),
}

/** Reads Extensions, the SEQUENCE OF; one kind that comes twice is an error. */
export function readRawExtensions(list: DerElement): RawExtension[] {
  const seen = new Set<string>()
  return readSome(list).map((element) => {
    const fields = new DerFields(element)
    const oid = readOid(fields.take(TAG.oid))
    const critical = fields.takeIf(TAG.boolean)
    const octets = fields.take(TAG.octetString)
    fields.finish()
    if (seen.has(oid)) throw malformed('extension comes twice', element.start)
    seen.add(oid)
    return { oid, isCritical: critical !== undefined && readBoolean(critical), value: readInside(octets) }
  })
}

/** Reads what the extensions of a certificate say. */
export function readExtensions(list: DerElement): Extensions {
  const known: Partial<Extensions> = {}
  const unknownCritical: string[] = []
  for (const extension of readRawExtensions(list)) {
    const read = READERS[extension.oid]
    if (read) Object.assign(known, read(extension))
    else if (extension.isCritical) unknownCritical.push(extension.oid)
  }
  return { ...known, unknownCritical }
}

/** Reads AuthorityKeyIdentifier, of which only the key identifier is used. */
export function readAuthorityKeyIdentifier(value: DerElement): Pick<Extensions, 'authorityKeyIdentifier'> {
  const identifier = new DerFields(value).takeIf(primitive(0))
  return identifier ? { authorityKeyIdentifier: contentOf(identifier) } : {}
}

/** One extension from the DER of its value. */
export function writeExtension(oid: string, value: Uint8Array, isCritical = false): Uint8Array {
  return writeSequence(writeOid(oid), ...(isCritical ? [writeBoolean(true)] : []), writeOctets(value))
}

/** Writes what {@link readExtensions} reads, except alternative names, which our certificates do not carry. */
export function writeExtensions(extensions: Omit<Extensions, 'unknownCritical' | 'alternativeNames'>): Uint8Array {
  const { basicConstraints, keyUsage, extendedKeyUsage, policies, subjectKeyIdentifier, authorityKeyIdentifier } =
    extensions
  const list: Uint8Array[] = []
  if (basicConstraints) {
    const { isCa, pathLength } = basicConstraints
    const limit = pathLength === undefined ? [] : [writeInteger(pathLength)]
    list.push(
      writeExtension(OID.basicConstraints, isCa ? writeSequence(writeBoolean(true), ...limit) : writeSequence(), true),
    )
  }
  if (keyUsage)
    list.push(writeExtension(OID.keyUsage, writeNamedBits(keyUsage.map((usage) => KEY_USAGES.indexOf(usage))), true))
  if (extendedKeyUsage) {
    const purposes = writeSequence(...extendedKeyUsage.purposes.map(writeOid))
    list.push(writeExtension(OID.extendedKeyUsage, purposes, extendedKeyUsage.isCritical))
  }
  if (policies)
    list.push(writeExtension(OID.policies, writeSequence(...policies.map((oid) => writeSequence(writeOid(oid))))))
  if (subjectKeyIdentifier) list.push(writeExtension(OID.subjectKeyIdentifier, writeOctets(subjectKeyIdentifier)))
  if (authorityKeyIdentifier) list.push(writeAuthorityKeyIdentifier(authorityKeyIdentifier))
  return writeSequence(...list)
}

export function writeAuthorityKeyIdentifier(identifier: Uint8Array): Uint8Array {
  return writeExtension(OID.authorityKeyIdentifier, writeSequence(writeElement(primitive(0), identifier)))
}

function readBasicConstraints(value: DerElement): BasicConstraints {
  const fields = new DerFields(value)
  const ca = fields.takeIf(TAG.boolean)
  const limit = fields.takeIf(TAG.integer)
  fields.finish()
  const isCa = ca !== undefined && readBoolean(ca)
  return limit ? { isCa, pathLength: readSmallInteger(limit) } : { isCa }
}

function readKeyUsage(value: DerElement): KeyUsage[] {
  return readNamedBits(expectTag(value, TAG.bitString)).flatMap((position) => KEY_USAGES[position] ?? [])
}

function readAlternativeName(name: DerElement): AlternativeName {
  const text = (): string => decodeLatin1(contentOf(name))
  if (name.tag === primitive(1)) return { kind: 'email', value: text() }
  if (name.tag === primitive(2)) return { kind: 'dns', value: text() }
  if (name.tag === primitive(6)) return { kind: 'uri', value: text() }
  if (name.tag === constructed(4))
    return { kind: 'directory', value: readName(new DerFields(name, constructed(4)).take(TAG.sequence)).text }
  return { kind: 'other', value: encodeHex(contentOf(name)) }
}

/** The parts of a SEQUENCE OF with at least one. */
function readSome(list: DerElement): DerElement[] {
  const parts = readChildren(expectTag(list, TAG.sequence))
  if (parts.length === 0) throw malformed('list of nothing', list.start)
  return parts
}

const expectOid = (element: DerElement): string => readOid(expectTag(element, TAG.oid))

/** The one element inside an OCTET STRING, with offsets of the whole input. */
function readInside(octets: DerElement): DerElement {
  const inside = new DerFields(readImplicit(octets, TAG.sequence))
  const element = inside.take()
  inside.finish()
  return element
}
