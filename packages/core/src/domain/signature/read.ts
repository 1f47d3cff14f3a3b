/**
 * Read: the digital signatures of a data set, as values.
 *
 * Source: PS3.3 section C.12.1.1.3 (Digital Signatures macro), table C.12-6 (MAC Parameters).
 * A signature may stand in the main data set or in an item of a sequence; it speaks for the elements beside it.
 */

import type { HashName } from '../../bytes/hash.ts'
import type { ByteSource } from '../../bytes/source.ts'
import { FormatError } from '../../errors.ts'
import { withoutPadding } from '../../formats/der/read.ts'
import { type Element, findElement, formatTag, type Item, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { readTags, readText, readUint16s } from '../../formats/dicom/values.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, MAC_PARAMETERS_SEQUENCE } from './signable.ts'

export const TAGS = {
  macId: 0x04000005,
  macTransferSyntax: 0x04000010,
  macAlgorithm: 0x04000015,
  signedElements: 0x04000020,
  signatureUid: 0x04000100,
  signatureDateTime: 0x04000105,
  certificateType: 0x04000110,
  certificate: 0x04000115,
  signature: 0x04000120,
  timestampType: 0x04000305,
  timestamp: 0x04000310,
  purpose: 0x04000401,
  codeValue: 0x00080100,
  codingScheme: 0x00080102,
  codeMeaning: 0x00080104,
} as const

/** MAC Algorithm (0400,0015), defined terms. */
export const MAC_ALGORITHMS: Readonly<Record<string, HashName>> = {
  RIPEMD160: 'ripemd160',
  SHA1: 'sha1',
  MD5: 'md5',
  SHA256: 'sha256',
  SHA384: 'sha384',
  SHA512: 'sha512',
}

export interface DigitalSignature {
  /** Where it stands: empty for the main data set, else the items that lead to it, such as `(0040,a730)[2]`. */
  readonly path: string
  /** The elements that stand beside it: those it can speak for. */
  readonly elements: readonly Element[]
  readonly item: Item
  /** The item of the MAC Parameters Sequence that goes with it. */
  readonly macParameters: readonly Element[]
  readonly macId: number
  /** Digital Signature UID (0400,0100). */
  readonly uid: string
  /** Digital Signature DateTime (0400,0105), as written. */
  readonly dateTime: string
  /** X.509 certificate, DER. */
  readonly certificate: Uint8Array
  /** Signature (0400,0120), with the padding byte it may have. */
  readonly value: Uint8Array
  /** TimeStampToken, DER; absent if there is none of type CMS_TSP. */
  readonly timestamp?: Uint8Array
  /** Code value of the purpose, such as `14`; absent if none is stated. */
  readonly purpose?: string
  readonly hash: HashName
  readonly macTransferSyntaxUid: string
  /** Data Elements Signed (0400,0020), as listed. */
  readonly signedTags: readonly Tag[]
}

/** A signature that lacks a part or spells it wrongly. */
export interface MalformedSignature {
  readonly path: string
  readonly uid: string | undefined
  /** Offset of the item in the data set's source. */
  readonly offset: number
  /** What is missing or wrong, in words. */
  readonly problem: string
}

export interface SignaturesRead {
  readonly signatures: readonly DigitalSignature[]
  readonly malformed: readonly MalformedSignature[]
}

/** Each list of signed elements may cost one pass over the pixels, so their number is bounded; what follows is not read. */
export const SIGNATURES_LIMIT = 32

/** All signatures of a data set, those in sequence items included, in the order of the bytes. */
export function readSignatures({ source, elements }: DataSet): SignaturesRead {
  const signatures: DigitalSignature[] = []
  const malformed: MalformedSignature[] = []
  const visit = (siblings: readonly Element[], path: string): void => {
    if (signatures.length + malformed.length > SIGNATURES_LIMIT) return
    readLevel(source, siblings, path, signatures, malformed)
    for (const element of siblings) {
      if (element.tag === DIGITAL_SIGNATURES_SEQUENCE || element.tag === MAC_PARAMETERS_SEQUENCE) continue
      for (const [i, item] of (element.items ?? []).entries())
        visit(item.elements, `${path}${formatTag(element.tag)}[${i + 1}]`)
    }
  }
  visit(elements, '')
  return { signatures, malformed }
}

function readLevel(
  source: ByteSource,
  elements: readonly Element[],
  path: string,
  signatures: DigitalSignature[],
  malformed: MalformedSignature[],
): void {
  const sequence = findElement(elements, DIGITAL_SIGNATURES_SEQUENCE)
  if (sequence === undefined) return
  const parameters = macParameters(source, elements)
  for (const item of sequence.items ?? []) {
    const offset = item.start
    if (signatures.length + malformed.length >= SIGNATURES_LIMIT) {
      malformed.push({ path, uid: undefined, offset, problem: `more than ${SIGNATURES_LIMIT} signatures` })
      return
    }
    const result = readSignature(source, elements, item, path, parameters)
    if (typeof result !== 'string') signatures.push(result)
    else malformed.push({ path, uid: textIn(source, item.elements, TAGS.signatureUid), offset, problem: result })
  }
  if (sequence.items === undefined || sequence.items.length === 0) {
    malformed.push({ path, uid: undefined, offset: sequence.start, problem: 'an empty sequence of signatures' })
  }
}

function macParameters(source: ByteSource, elements: readonly Element[]): ReadonlyMap<number, readonly Element[]> {
  const items = findElement(elements, MAC_PARAMETERS_SEQUENCE)?.items ?? []
  const parameters = new Map<number, readonly Element[]>()
  for (const item of items) {
    const id = uint16In(source, item.elements, TAGS.macId)
    // Two items with one MAC ID would let two readers check two different signatures: neither counts.
    if (id !== undefined) parameters.set(id, parameters.has(id) ? [] : item.elements)
  }
  return parameters
}

/** The signature, or what is wrong with it. */
function readSignature(
  source: ByteSource,
  elements: readonly Element[],
  item: Item,
  path: string,
  parameters: ReadonlyMap<number, readonly Element[]>,
): DigitalSignature | string {
  const macId = uint16In(source, item.elements, TAGS.macId)
  if (macId === undefined) return 'no MAC ID'
  const mac = parameters.get(macId)
  if (mac === undefined) return 'no MAC parameters'
  const listed = findElement(mac, TAGS.signedElements)
  if (listed === undefined || listed.valueEnd === listed.valueStart) return 'no list of signed elements'
  const algorithm = textIn(source, mac, TAGS.macAlgorithm)
  // A term of the standard, not whatever name an object may have a property of.
  const hash =
    algorithm !== undefined && Object.hasOwn(MAC_ALGORITHMS, algorithm) ? MAC_ALGORITHMS[algorithm] : undefined
  if (hash === undefined) return 'no known MAC algorithm'
  const uid = textIn(source, item.elements, TAGS.signatureUid)
  const dateTime = textIn(source, item.elements, TAGS.signatureDateTime)
  const certificate = bytesIn(source, item.elements, TAGS.certificate)
  const value = bytesIn(source, item.elements, TAGS.signature)
  if (uid === undefined || dateTime === undefined) return 'no signature UID or date'
  if (certificate === undefined || value === undefined) return 'no certificate or signature'
  if (textIn(source, item.elements, TAGS.certificateType) !== 'X509_1993_SIG') return 'no X.509 certificate'
  const timestamp = bytesIn(source, item.elements, TAGS.timestamp)
  const isTimestamped = timestamp !== undefined && textIn(source, item.elements, TAGS.timestampType) === 'CMS_TSP'
  const purpose = textIn(source, findElement(item.elements, TAGS.purpose)?.items?.[0]?.elements ?? [], TAGS.codeValue)
  return {
    path,
    elements,
    item,
    macParameters: mac,
    macId,
    uid,
    dateTime,
    certificate,
    value,
    ...(isTimestamped ? { timestamp } : {}),
    ...(purpose === undefined ? {} : { purpose }),
    hash,
    macTransferSyntaxUid: textIn(source, mac, TAGS.macTransferSyntax) ?? '',
    signedTags: readTags(source, listed),
  }
}

/** The certificate of a signature; undefined where it does not parse. */
export function certificateOf({ certificate }: DigitalSignature): Certificate | undefined {
  try {
    return parseCertificate(withoutPadding(certificate))
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function textIn(source: ByteSource, elements: readonly Element[], tag: Tag): string | undefined {
  const element = findElement(elements, tag)
  const value = element === undefined ? '' : readText(source, element)
  return value === '' ? undefined : value
}

function uint16In(source: ByteSource, elements: readonly Element[], tag: Tag): number | undefined {
  const element = findElement(elements, tag)
  return element === undefined ? undefined : readUint16s(source, element)[0]
}

function bytesIn(source: ByteSource, elements: readonly Element[], tag: Tag): Uint8Array | undefined {
  const element = findElement(elements, tag)
  if (element === undefined || element.valueEnd === element.valueStart) return undefined
  return source.view(element.valueStart, element.valueEnd)
}
