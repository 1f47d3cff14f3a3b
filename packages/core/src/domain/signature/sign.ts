/**
 * Sign: the elements that a digital signature adds to a data set.
 *
 * Source: PS3.15 annex C (Base, Creator, Authorization and Structured Report RSA profiles), PS3.3 section C.12.1.1.3.
 * Nothing in the data set changes: the MAC Parameters and Digital Signatures Sequences get one more item each.
 */
import type { Crypto, Signer } from '../../bytes/crypto.ts'
import type { HashName } from '../../bytes/hash.ts'
import { concatBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import {
  type Element,
  type Encoding,
  findElement,
  formatTag,
  type Item,
  type Tag,
} from '../../formats/dicom/element.ts'
import { encodeElements, encodeHeader, encodeItem, type NewElement } from '../../formats/dicom/encode.ts'
import type { DataSet, DicomFile } from '../../formats/dicom/parse.ts'
import type { Change } from '../../formats/dicom/splice.ts'
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { at, ob, readUint16s, sq, text, us } from '../../formats/dicom/values.ts'
import type { Digests } from './digest.ts'
import { PURPOSES, type PurposeCode } from './purpose.ts'
import { MAC_ALGORITHMS, TAGS } from './read.ts'
import { rewrapSequence } from './rewrap.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, isSignable, MAC_PARAMETERS_SEQUENCE } from './signable.ts'

export interface SignatureRequest {
  readonly signer: Signer
  /** SHA-256, SHA-384 or SHA-512: the others are for verifying only. */
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  /** Digital Signature Purpose; absent for none. */
  readonly purpose?: PurposeCode
  /** Digital Signature UID, unique. */
  readonly uid: string
  /** DT with fraction and zone, such as `20260303101400.123000+0000`. */
  readonly dateTime: string
  /** Elements to sign, those of the list that are there; absent for every signable one. */
  readonly tags?: readonly Tag[]
  /** Gets an RFC 3161 token for the hash of the signature value; absent for none. */
  readonly timestamp?: (name: HashName, digest: Uint8Array) => Promise<Uint8Array>
}

/** A signature as made, before it is put into the file. */
export interface NewSignature {
  readonly macId: number
  readonly macParameters: readonly NewElement[]
  readonly item: readonly NewElement[]
  /** Signature (0400,0120) without padding. */
  readonly value: Uint8Array
}

export interface SignOptions {
  readonly digests: Digests
  readonly crypto: Crypto
  readonly requests: readonly SignatureRequest[]
}

/**
 * Signs the main data set; several signatures over the same elements cost one pass.
 *
 * @returns the signatures, and the two changes that put them into the file
 * @throws {FormatError} `dicom_signature_malformed` if nothing can be signed, or a listed element is unsignable
 * @throws {KeyError} from the signer
 */
export async function signFile(
  file: DicomFile,
  options: SignOptions,
): Promise<{ signatures: readonly NewSignature[]; changes: readonly Change[] }> {
  const { dataSet } = file
  const signatures = await signElements(dataSet.elements, dataSet, file.transferSyntaxUid, options)
  return { signatures, changes: changesFor(dataSet, dataSet.elements, dataSet.encoding, signatures) }
}

/**
 * Signs one item of a sequence, such as a verified finding of a report.
 *
 * @param path  tags and 1-based item numbers from the main data set down
 * @returns the change of the top-level sequence that holds the item
 * @throws {FormatError} `dicom_signature_malformed` if there is no such item
 */
export async function signItem(
  file: DicomFile,
  path: readonly { readonly tag: Tag; readonly item: number }[],
  options: SignOptions,
): Promise<{ signatures: readonly NewSignature[]; changes: readonly Change[] }> {
  const { dataSet } = file
  const trail: { element: Element; index: number; item: Item }[] = []
  let siblings: readonly Element[] = dataSet.elements
  for (const step of path) {
    const element = findElement(siblings, step.tag)
    const item = element?.items?.[step.item - 1]
    if (element === undefined || item === undefined) {
      throw new FormatError('dicom_signature_malformed', `there is no item ${step.item} of ${formatTag(step.tag)}`)
    }
    trail.push({ element, index: step.item - 1, item })
    siblings = item.elements
  }
  const last = trail.at(-1)
  const top = trail[0]
  if (last === undefined || top === undefined) throw new TypeError('an empty path names no item')
  const signatures = await signElements(last.item.elements, dataSet, file.transferSyntaxUid, options)

  // From the signed item up: each level puts the changed item, then the changed sequence, into the one around it.
  let changes = changesFor(dataSet, last.item.elements, last.element.encoding, signatures)
  for (const { element, index, item } of trail.toReversed()) {
    const content = spliceItem(dataSet, item, changes)
    changes = [{ tag: element.tag, bytes: replaceItem(dataSet, element, index, content) }]
  }
  return { signatures, changes }
}

/** A sequence in which one item has other content. */
function replaceItem({ source }: DataSet, element: Element, index: number, content: Uint8Array): Uint8Array {
  const items = (element.items ?? []).map((item, i) =>
    i === index ? encodeItem(content, element.encoding) : source.view(item.start, item.end),
  )
  return rewrapSequence(element, concatBytes(...items))
}

async function signElements(
  siblings: readonly Element[],
  dataSet: DataSet,
  transferSyntaxUid: string,
  { digests, crypto, requests }: SignOptions,
): Promise<readonly NewSignature[]> {
  const used = usedMacIds(dataSet, siblings)
  const signatures: NewSignature[] = []
  for (const request of requests) {
    const covered = elementsToSign(siblings, request.tags)
    const macId = lowestUnused(used)
    used.add(macId)
    const own = ownItem(macId, request)
    const digest = digests.digest(request.hash, covered, own, 'normalised')
    const value = await request.signer.signDigest(request.hash, digest)
    const token = await request.timestamp?.(request.hash, digestValue(crypto, request.hash, value))
    const stamp = token === undefined ? [] : [text(TAGS.timestampType, 'CS', 'CMS_TSP'), ob(TAGS.timestamp, token)]
    const secret = [ob(TAGS.certificate, request.signer.certificate), ob(TAGS.signature, value), ...stamp]
    signatures.push({
      macId,
      value,
      item: [...own, ...secret].toSorted((a, b) => a.tag - b.tag),
      macParameters: [
        us(TAGS.macId, macId),
        text(TAGS.macTransferSyntax, 'UI', macTransferSyntax(transferSyntaxUid)),
        text(TAGS.macAlgorithm, 'CS', macAlgorithm(request.hash)),
        at(TAGS.signedElements, ...covered.map(({ tag }) => tag)),
      ],
    })
  }
  return signatures
}

function digestValue(crypto: Crypto, name: HashName, value: Uint8Array): Uint8Array {
  const hash = crypto.hash(name)
  hash.update(value)
  return hash.digest()
}

function elementsToSign(siblings: readonly Element[], tags: readonly Tag[] | undefined): readonly Element[] {
  const listed = tags === undefined ? undefined : new Set(tags)
  const covered = siblings.filter((element) => (listed === undefined ? isSignable(element) : listed.has(element.tag)))
  const unsignable = covered.find((element) => !isSignable(element))
  if (unsignable !== undefined) {
    throw new FormatError('dicom_signature_malformed', `${formatTag(unsignable.tag)} cannot be signed`, {
      offset: unsignable.start,
    })
  }
  if (covered.length === 0) throw new FormatError('dicom_signature_malformed', 'there is nothing to sign')
  return covered
}

/** The part of a signature's own item that is known before the digest, which covers it. */
function ownItem(macId: number, { uid, dateTime, purpose }: SignatureRequest): readonly NewElement[] {
  const code = purpose === undefined ? undefined : PURPOSES[purpose]
  return [
    us(TAGS.macId, macId),
    text(TAGS.signatureUid, 'UI', uid),
    text(TAGS.signatureDateTime, 'DT', dateTime),
    text(TAGS.certificateType, 'CS', 'X509_1993_SIG'),
    ...(purpose === undefined || code === undefined
      ? []
      : [
          sq(TAGS.purpose, [
            text(TAGS.codeValue, 'SH', purpose),
            text(TAGS.codingScheme, 'SH', 'ASTM-sigpurpose'),
            text(TAGS.codeMeaning, 'LO', code),
          ]),
        ]),
  ]
}

/** The syntax whose encoding the digest was taken in: never implicit, never big endian (PS3.3 section C.12.1.1.3.1.2). */
function macTransferSyntax(transferSyntaxUid: string): string {
  const isRespelled = transferSyntaxUid === IMPLICIT_LITTLE_ENDIAN || transferSyntaxUid === EXPLICIT_BIG_ENDIAN
  return isRespelled ? EXPLICIT_LITTLE_ENDIAN : transferSyntaxUid
}

function macAlgorithm(hash: HashName): string {
  for (const [term, name] of Object.entries(MAC_ALGORITHMS)) if (name === hash) return term
  throw new TypeError(`no defined term for ${hash}`)
}

function usedMacIds({ source }: DataSet, siblings: readonly Element[]): Set<number> {
  const used = new Set<number>()
  for (const tag of [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE]) {
    for (const item of findElement(siblings, tag)?.items ?? []) {
      const id = findElement(item.elements, TAGS.macId)
      for (const value of id === undefined ? [] : readUint16s(source, id)) used.add(value)
    }
  }
  return used
}

function lowestUnused(used: ReadonlySet<number>): number {
  let id = 0
  while (used.has(id)) id++
  return id
}

/** The two sequences with one more item for each signature; items that are there stay byte for byte. */
function changesFor(
  dataSet: DataSet,
  siblings: readonly Element[],
  encoding: Encoding,
  signatures: readonly NewSignature[],
): readonly Change[] {
  return [
    addItems(
      dataSet,
      siblings,
      encoding,
      MAC_PARAMETERS_SEQUENCE,
      signatures.map(({ macParameters }) => macParameters),
    ),
    addItems(
      dataSet,
      siblings,
      encoding,
      DIGITAL_SIGNATURES_SEQUENCE,
      signatures.map(({ item }) => item),
    ),
  ]
}

function addItems(
  { source }: DataSet,
  siblings: readonly Element[],
  encoding: Encoding,
  tag: Tag,
  items: readonly (readonly NewElement[])[],
): Change {
  const old = findElement(siblings, tag)
  const added = items.map((item) => encodeItem(encodeElements(item, encoding), encoding))
  const content =
    old === undefined ? concatBytes(...added) : concatBytes(source.view(old.valueStart, old.valueEnd), ...added)
  if (old !== undefined) return { tag, bytes: rewrapSequence(old, content) }
  return { tag, bytes: concatBytes(encodeHeader(tag, 'SQ', content.length, encoding), content) }
}

/** The content of an item with elements put in or replaced. */
function spliceItem({ source }: DataSet, item: Item, changes: readonly Change[]): Uint8Array {
  const replaced = new Set(changes.map(({ tag }) => tag))
  const kept = item.elements
    .filter(({ tag }) => !replaced.has(tag))
    .map(({ tag, start, end }) => ({ tag, bytes: source.view(start, end) }))
  const ordered = [...kept, ...changes].toSorted((a, b) => a.tag - b.tag)
  return concatBytes(...ordered.map(({ bytes }) => bytes))
}
