/**
 * Evidence: everything about an image that a judgement may rest on, measured and not yet weighed.
 *
 * The order of measuring: signatures first, since their digest of the data set is the one that the comparison with the
 * seal needs. What the evidence adds up to is left to judge.ts.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import type { LogEvidence, SealLeaf } from '../log/logged-instance.ts'
import { type Comparison, compareInstance } from '../seal/compare.ts'
import type { Chain } from '../seal/holder.ts'
import { countSignatures, type ImageStatement, isOfGateway } from '../seal/image-statement.ts'
import { type ImageSeal, parseImageSeal } from '../seal/seal.ts'
import { type SealReport, verifyImageSeal } from '../seal/verify.ts'
import { decodedPixels } from '../signature/decoded-pixels.ts'
import { Digests } from '../signature/digest.ts'
import type { DecodeFrame } from '../signature/encapsulated.ts'
import { checkFragments, type FragmentsCheck } from '../signature/fragments.ts'
import { type SignaturesReport, type VerifyOptions, verifySignatures } from '../signature/verify.ts'
import type { TrustAnchors } from '../trust/anchors.ts'
import { digestFile, type FileMarks } from './file-marks.ts'
import type { MarkEvidence } from './mark-evidence.ts'
import { findContradictions } from './meta.ts'
import { findStrayParts } from './stray-parts.ts'

/** The seal beside the file, as far as it could be read. */
export type SealEvidence =
  | { readonly state: 'absent' }
  /** There is a file of that name, and it is no seal. */
  | { readonly state: 'malformed'; readonly code: string }
  | {
      readonly state: 'present'
      readonly report: SealReport<ImageStatement>
      /** Against the file at hand; the statement is believed only as far as the report holds. */
      readonly comparison: Comparison
      /** Those that the statement names for the signatures in the file; absent where it names none. */
      readonly signers: Signers
      /** SHA-256 of its bytes: by this a custody log knows the seal of a gateway. */
      readonly sha256: Uint8Array
      /** Whether the file is the very one that a gateway received, before it signed in it. */
      readonly isOriginal: boolean
      /**
       * What a custody log would have recorded of the seal of a device; absent where its signature or certificate is
       * missing, and for that of a gateway.
       */
      readonly leaf?: SealLeaf
    }

/** Certificates by whom they speak for. */
export interface Signers {
  readonly device?: Certificate
  readonly operator?: Certificate
  readonly gateway?: Certificate
  /** Of the gateway's signature of the statement, which is checked also where there is none in the file. */
  readonly sealer?: Certificate
}

export interface Evidence {
  readonly file: DicomFile
  readonly signatures: SignaturesReport
  readonly fragments: FragmentsCheck
  readonly seal: SealEvidence
  /** What a custody log says. */
  readonly log: LogEvidence
  /** What was read of a mark in the pixels. */
  readonly mark: MarkEvidence
  /** Measured for the log, where no seal that is believed says what the image is. */
  readonly marks?: FileMarks
}

export interface EvidenceOptions {
  readonly crypto: Crypto
  readonly anchors: TrustAnchors
  /** Moment of the verification. */
  readonly now: Date
  /** Decodes the frames of the file; absent for native pixels and for syntaxes without a decoder. */
  readonly decodeFrame?: DecodeFrame
  /** When a custody log had the seal of a gateway: see {@link import('./seen-by-log.ts').seenByLog}. */
  readonly seenAt?: Date
  /** Of this file, for others who go on with them. */
  readonly digests?: Digests
}

/**
 * Measures a file and the bytes of the seal beside it.
 *
 * Cost: one pass over the pixels while nothing is wrong with the image, whatever the number of signatures; one more
 * over the file where it holds anything that neither a signature nor a digest of the data set takes in.
 * @param seal  undefined if there is none
 */
export function gatherEvidence(file: DicomFile, seal: Uint8Array | undefined, options: EvidenceOptions): Evidence {
  const { crypto, anchors, now, decodeFrame, digests = new Digests(file.dataSet, crypto.hash) } = options
  const signatures = verifySignatures(file, {
    digests,
    crypto,
    anchors,
    now,
    ...seenIn(seal, options),
    ...(decodeFrame === undefined ? {} : { decodePixels: () => decodedPixels(file, decodeFrame) }),
  })
  const measured = seal === undefined ? ABSENT : measureSeal(seal, file, { ...options, digests, signatures })
  return { file, signatures, fragments: checkFragments(file), seal: measured, log: NOT_CONSULTED, mark: NOT_LOOKED }
}

const ABSENT: SealEvidence = { state: 'absent' }
const NOT_CONSULTED: LogEvidence = { state: 'not_consulted' }
const NOT_LOOKED: MarkEvidence = { state: 'not_looked' }

interface SealMeans extends EvidenceOptions {
  readonly digests: Digests
  readonly signatures: SignaturesReport
}

function measureSeal(bytes: Uint8Array, file: DicomFile, means: SealMeans): SealEvidence {
  const { crypto, anchors, now, seenAt, digests, signatures, decodeFrame } = means
  const seal = parseOrCode(bytes)
  if (typeof seal === 'string') return { state: 'malformed', code: seal }
  const { statement, frames } = seal
  const isMeasured = holdsMore(file, statement, signatures) || isUnsigned(statement, signatures)
  const fileSha256 = isMeasured ? digestFile(file, crypto.hash) : undefined
  const comparison = compareInstance(statement, file, {
    hashes: crypto.hash,
    digests,
    frames,
    ...(decodeFrame === undefined ? {} : { decodeFrame }),
    ...(fileSha256 && { fileSha256 }),
  })
  return {
    state: 'present',
    report: verifyImageSeal(seal, { crypto, anchors, now, ...(seenAt && { seenAt }) }),
    comparison,
    signers: findSigners(seal, crypto.hash),
    sha256: digestOf(crypto.hash, 'sha256', bytes),
    isOriginal: fileSha256 !== undefined && isOfGateway(statement) && equalBytes(fileSha256, statement.original),
    ...leafOf(seal, crypto.hash),
  }
}

/** The signature in the file was there with the seal that names it. */
function seenIn(bytes: Uint8Array | undefined, { seenAt: at }: EvidenceOptions): Pick<VerifyOptions, 'seen'> {
  const seal = at && bytes && parseOrCode(bytes)
  if (at === undefined || typeof seal !== 'object' || !isOfGateway(seal.statement)) return {}
  const { gateway } = seal.statement.signatures
  return gateway === null ? {} : { seen: { uid: gateway.uid, at } }
}

function parseOrCode(bytes: Uint8Array): ImageSeal | string {
  try {
    return parseImageSeal(bytes)
  } catch (error) {
    if (error instanceof FormatError) return error.code
    throw error
  }
}

/** Whether the file holds anything of consequence of which only a digest of all its bytes can tell that it was sealed. */
function holdsMore(file: DicomFile, statement: ImageStatement, { signatures, malformed }: SignaturesReport): boolean {
  return (
    signatures.length + malformed.length > countSignatures(statement) ||
    findContradictions(file).length > 0 ||
    findStrayParts(file.dataSet).length > 0
  )
}

/** Whether a gateway's signature is not there: then the file may be the one that came to it. */
function isUnsigned(statement: ImageStatement, { signatures }: SignaturesReport): boolean {
  if (!isOfGateway(statement) || statement.signatures.gateway === null) return false
  const { uid: named } = statement.signatures.gateway
  return !signatures.some(({ path, uid }) => path === '' && uid === named)
}

function findSigners({ statement, certificates }: ImageSeal, hashes: HashFactory): Signers {
  if (isOfGateway(statement)) {
    const { dicom, statement: own } = statement.gateway.certificates
    const gateway = findLeaf(dicom, certificates, hashes)
    const sealer = findLeaf(own, certificates, hashes)
    return { ...(gateway && { gateway }), ...(sealer && { sealer }) }
  }
  const device = findLeaf(statement.device.certificates.dicom, certificates, hashes)
  const operator = findLeaf(statement.operator.certificates.dicom, certificates, hashes)
  return { ...(device && { device }), ...(operator && { operator }) }
}

const findLeaf = ([leaf]: Chain, certificates: readonly Certificate[], hashes: HashFactory): Certificate | undefined =>
  leaf && certificates.find(({ bytes }) => equalBytes(digestOf(hashes, 'sha256', bytes), leaf))

/** The device's statement signature is the one that is recorded; which it is, its key identifier says. */
function leafOf({ envelope, statement, certificates }: ImageSeal, hashes: HashFactory): { leaf?: SealLeaf } {
  if (isOfGateway(statement)) return {}
  const chain = statement.device.certificates.statement
  const certificate = findLeaf(chain, certificates, hashes)
  const keyid = chain[0] && encodeHex(chain[0])
  const signature = envelope.signatures.find((entry) => entry.keyid === keyid)
  if (certificate === undefined || signature === undefined) return {}
  const { payload } = envelope
  const { checkpoint } = statement
  return { leaf: { payload, signature: signature.sig, spki: certificate.spki, checkpoint } }
}
