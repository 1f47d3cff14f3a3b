/** What the signature tests work on: every file that can be signed, and the programs that sign and verify besides us. */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { type DigitalSignature, readSignatures } from '@fiducial/core/domain/signature/read.ts'
import { type SignatureRequest, signFile } from '@fiducial/core/domain/signature/sign.ts'
import { isSignable } from '@fiducial/core/domain/signature/signable.ts'
import { stripSignatures } from '@fiducial/core/domain/signature/strip.ts'
import { type SignaturesReport, type VerifyOptions, verifySignatures } from '@fiducial/core/domain/signature/verify.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { findElement, type Tag } from '@fiducial/core/formats/dicom/element.ts'
import { encodeElement, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { type Change, piecesOf, spliceDataSet, spliceFile } from '@fiducial/core/formats/dicom/splice.ts'
import { EXPLICIT_LITTLE } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, ul } from '@fiducial/core/formats/dicom/values.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type Outcome, peer, run, sharedPath } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

/** A file of the shared data that a strict reader accepts and that has something signable. */
export interface SignatureSubject {
  readonly path: string
  readonly name: string
  readonly bytes: Uint8Array
  readonly file: DicomFile
}

/**
 * `dcmsign` 3.6.7 knows none of the transfer syntaxes of these: High-Throughput JPEG 2000 and Deflated Image Frame
 * Compression. It refuses to sign them, too.
 */
export const UNKNOWN_TO_DCMSIGN: readonly string[] = [
  'HTJ2KLossless_08_RGB.dcm',
  'HTJ2K_08_RGB.dcm',
  'liver_deflate.dcm',
  'liver_nonbyte_aligned_deflate.dcm',
]

/** Number of files of the shared data that can be signed: a loop over none of them would prove nothing. */
export const SUBJECTS = 229

export const parse = (bytes: Uint8Array): DicomFile => parseDicom(memorySource(bytes))

/** Every file that can be signed, in order of name. */
export function signatureSubjects(): readonly SignatureSubject[] {
  return sharedFiles('data/dicom').flatMap(({ path }) => readSubject(path))
}

/** One of them, by its path under the shared data. */
export function subjectAt(path: string): SignatureSubject {
  const [subject] = readSubject(sharedPath(path))
  if (subject === undefined) throw new Error(`${path} cannot be signed`)
  return subject
}

/** One of them, by its file name alone. */
export function subjectNamed(name: string): SignatureSubject {
  const [found] = sharedFiles('data/dicom').filter(({ path }) => basename(path) === name)
  const [subject] = found === undefined ? [] : readSubject(found.path)
  if (subject === undefined) throw new Error(`${name} is not there or cannot be signed`)
  return subject
}

function readSubject(path: string): readonly SignatureSubject[] {
  const bytes = new Uint8Array(readFileSync(path))
  try {
    const file = parseDicom(memorySource(bytes), { isStrict: true })
    return file.dataSet.elements.some(isSignable) ? [{ path, name: basename(path), bytes, file }] : []
  } catch (error) {
    if (error instanceof FormatError) return []
    throw error
  }
}

export const assemble = (file: DicomFile, changes: readonly Change[]): Uint8Array =>
  joinBytes([...piecesOf(spliceFile(file, changes))])

/** Signs the main data set. */
export async function sign(file: DicomFile, requests: readonly SignatureRequest[]): Promise<Uint8Array> {
  const digests = new Digests(file.dataSet, nativeCrypto.hash)
  return assemble(file, (await signFile(file, { digests, crypto: nativeCrypto, requests })).changes)
}

export const strip = (file: DicomFile, uids?: ReadonlySet<string>): Uint8Array =>
  assemble(file, stripSignatures(file, uids))

/**
 * An explicit little endian file under another transfer syntax, with elements in place of those it has: what an
 * encoder of pixels does.
 */
export function recode(file: DicomFile, transferSyntaxUid: string, elements: readonly NewElement[]): Uint8Array {
  const changes = elements.map((element) => ({ tag: element.tag, bytes: encodeElement(element, EXPLICIT_LITTLE) }))
  const meta = file.meta
    .filter(({ tag }) => tag !== 0x00020000 && tag !== 0x00020010)
    .map(({ tag, start, end }) => ({ tag, bytes: file.source.view(start, end) }))
  const syntax = { tag: 0x00020010, bytes: encodeElement(text(0x00020010, 'UI', transferSyntaxUid), EXPLICIT_LITTLE) }
  const group = joinBytes([...meta, syntax].toSorted((a, b) => a.tag - b.tag).map(({ bytes }) => bytes))
  const length = encodeElement(ul(0x00020000, group.length), EXPLICIT_LITTLE)
  const head = new Uint8Array(132)
  head.set([0x44, 0x49, 0x43, 0x4d], 128)
  return joinBytes([head, length, group, ...piecesOf(spliceDataSet(file, changes))])
}

/** The first signature of a file. */
export function signatureAt({ dataSet }: DicomFile): DigitalSignature {
  const [signature] = readSignatures(dataSet).signatures
  if (signature === undefined) throw new Error('there is no signature')
  return signature
}

/** Verifies as of now. */
export function verify(
  file: DicomFile,
  anchors: TrustAnchors,
  options: Partial<Pick<VerifyOptions, 'now' | 'decodePixels'>> = {},
): SignaturesReport {
  const digests = new Digests(file.dataSet, nativeCrypto.hash)
  return verifySignatures(file, { digests, crypto: nativeCrypto, anchors, now: new Date(), ...options })
}

/** SOP Class, SOP Instance, Study and Series Instance UID. */
const PROFILE_UIDS: readonly Tag[] = [0x00080016, 0x00080018, 0x0020000d, 0x0020000e]
/** Value Type, Concept Name Code Sequence, Content Sequence. */
const REPORT_ATTRIBUTES: readonly Tag[] = [0x0040a040, 0x0040a043, 0x0040a730]

/**
 * Whether `dcmsign` can find a Creator or Authorization signature in a file all of whose signable elements are signed.
 * Both profiles ask for four UIDs, and each must be there and signable; everything else they ask for only if present.
 */
export const fitsProfiles = ({ dataSet }: DicomFile): boolean =>
  PROFILE_UIDS.every((tag) => dataSet.elements.some((element) => element.tag === tag && isSignable(element)))

/** Likewise for the Structured Report profile, which is for reports. */
export const fitsReportProfile = (file: DicomFile): boolean =>
  fitsProfiles(file) && REPORT_ATTRIBUTES.every((tag) => findElement(file.dataSet.elements, tag) !== undefined)

export const dcmsign = peer('dcmsign')

/** Runs `dcmsign`; `-d` and friends are left to the caller. */
export const runDcmsign = (...args: readonly string[]): Promise<Outcome> => run(dcmsign.path, args)

/** `dcmsign --verify` on bytes. @param options  such as `+rg` */
export async function dcmsignVerify(
  folder: string,
  rootPath: string,
  bytes: Uint8Array,
  ...options: readonly string[]
): Promise<Outcome> {
  const path = join(folder, `verify${counter++}.dcm`)
  writeFileSync(path, bytes)
  return runDcmsign('--verify', '+cf', rootPath, ...options, path)
}

let counter = 0

/** Does a job for each of many, two at a time: this is what a small machine has cores for. */
export async function forEachInPairs<T>(
  items: readonly T[],
  job: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) await job(items[index] as T, index)
  }
  await Promise.all([worker(), worker()])
}

/** Digital Signature DateTime of now. */
export const nowAsDateTime = (): string => `${new Date().toISOString().replace(/[-:T]/g, '').replace('Z', '')}000+0000`
