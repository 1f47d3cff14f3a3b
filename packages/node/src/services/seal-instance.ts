/**
 * Seal instance: signs one image as device and technologist, in the file and beside it.
 *
 * The order of steps: read strictly, sign in the file (one pass over the pixels for both), describe, let the caller
 * write the file and digest it on the way, sign the statement over that digest. Nothing is written here.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import type { Device, HolderCertificates, Operator } from '@fiducial/core/domain/seal/holder.ts'
import { describeInstance, type InstanceDescription, uidFromRandom } from '@fiducial/core/domain/seal/instance.ts'
import type { MarkClaim } from '@fiducial/core/domain/seal/mark-claim.ts'
import { formatSeal } from '@fiducial/core/domain/seal/seal.ts'
import { certificatesOf, type HolderSigners, signSeal } from '@fiducial/core/domain/seal/sign.ts'
import type { AcquisitionStatement } from '@fiducial/core/domain/seal/statement.ts'
import { formatDateTime } from '@fiducial/core/domain/signature/date-time.ts'
import { Digests, digestSignature, streamContext } from '@fiducial/core/domain/signature/digest.ts'
import { AUTHOR_SIGNATURE, SOURCE_SIGNATURE } from '@fiducial/core/domain/signature/purpose.ts'
import { type SignatureRequest, signFile } from '@fiducial/core/domain/signature/sign.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { type Segment, spliceFile } from '@fiducial/core/formats/dicom/splice.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { loadDecoder } from './pixel-decoding.ts'
import type { HolderKeys, QuoteCheckpoint, RandomBytes, Sealer, TimestampAuthority } from './ports.ts'

export interface SealDependencies {
  readonly crypto: Crypto
  readonly codecs: Codecs
  readonly random: RandomBytes
  readonly now: () => Date
  readonly device: Sealer
  readonly operator: Sealer
  /** Absent for seals whose time stays a claim. */
  readonly authority?: TimestampAuthority
  /** Digest of the DICOM signatures. Default: SHA-256. */
  readonly hash?: 'sha256' | 'sha384' | 'sha512'
  /** The technologist signs the series later, and no image on its own. */
  readonly isSeries?: boolean
  /** Made by a simulator or a demonstration. */
  readonly isDemo?: boolean
  /** What the pixels of the image carry already; absent for unmarked ones. */
  readonly mark?: MarkClaim
  /** The newest witnessed checkpoint of the custody log, to be quoted; absent where there is no log. */
  readonly checkpoint?: QuoteCheckpoint
}

/** A seal that waits for the digest of the file it will stand beside. */
export interface PreparedSeal {
  /** The bytes of the sealed file; may be read once or more. */
  readonly segments: readonly Segment[]
  /** What the seal says about the image. */
  readonly description: InstanceDescription
  /**
   * Signs the statement.
   * @param fileSha256  of the bytes that `segments` stand for
   * @returns the bytes of the seal file
   * @throws {KeyError} from the signers; {StoreError} from the timestamp authority
   */
  finish(fileSha256: Uint8Array): Promise<Uint8Array>
}

const UUID_BYTES = 16

/**
 * Makes the signatures of one image.
 *
 * Cost: a pass over the pixels for the signatures, one for the frames, one for the digest of the original.
 * @throws {FormatError} the code of the first finding of a strict reader; `dicom_signature_malformed` if there is
 *   nothing to sign
 * @throws {KeyError} from the signers
 * @throws {StoreError} from the timestamp authority and the custody log
 */
export async function prepareSeal(source: ByteSource, dependencies: SealDependencies): Promise<PreparedSeal> {
  const { crypto, codecs, random, now, device, operator, isSeries = false, isDemo = false, mark = null } = dependencies
  const file = parseDicom(source, { isStrict: true })
  // Before the clock is read, or the seal would quote what it claims to be older than.
  const checkpoint = (await dependencies.checkpoint?.()) ?? null
  const sealedAt = now()
  const digests = new Digests(file.dataSet, crypto.hash)
  const requests = [
    signatureRequest(device.keys, SOURCE_SIGNATURE, sealedAt, dependencies),
    ...(isSeries ? [] : [signatureRequest(operator.keys, AUTHOR_SIGNATURE, sealedAt, dependencies)]),
  ]
  const { signatures, changes } = await signFile(file, { digests, crypto, requests })
  const context = streamContext(file.dataSet)
  const references = signatures.map(({ macParameters, item }, i) => ({
    uid: (requests[i] as SignatureRequest).uid,
    sha256: digestSignature(context, crypto.hash, macParameters, item),
  }))
  const [deviceReference, operatorReference = null] = references
  if (deviceReference === undefined) throw new FormatError('dicom_signature_malformed', 'the device made no signature')

  const decodeFrame = await loadDecoder(file, codecs)
  const description = describeInstance(file, crypto.hash, random(UUID_BYTES), {
    digests,
    random: random(UUID_BYTES),
    ...(decodeFrame === undefined ? {} : { decodeFrame }),
  })
  const signers = { device: statementSigners(device.keys, true), operator: statementSigners(operator.keys, !isSeries) }
  const { frames, ...described } = description
  const finish = async (fileSha256: Uint8Array): Promise<Uint8Array> => {
    const statement: AcquisitionStatement = {
      ...described,
      file: fileSha256,
      original: digestSource(file, crypto),
      isDemo,
      device: describeDevice(device, certificatesOf(signers.device, crypto.hash)),
      operator: describeHolder(operator, certificatesOf(signers.operator, crypto.hash)),
      signatures: { device: deviceReference, operator: operatorReference },
      mark,
      sealedAt,
      checkpoint,
    }
    const seal = await signSeal({
      statement,
      frames,
      signers,
      hashes: crypto.hash,
      ...stampedBy(dependencies),
    })
    return formatSeal(seal)
  }
  return { segments: spliceFile(file, changes), description, finish }
}

function describeHolder({ id, keys }: Sealer, certificates: HolderCertificates): Operator {
  return { id, name: parseCertificate(keys.statement.certificate).subject.commonName ?? id, certificates }
}

function describeDevice(device: Sealer, certificates: HolderCertificates): Device {
  const { organisationalUnit = null, serialNumber = null } = parseCertificate(device.keys.statement.certificate).subject
  return {
    ...describeHolder(device, certificates),
    manufacturer: organisationalUnit,
    model: null,
    serial: serialNumber,
  }
}

function signatureRequest(
  { dicom }: HolderKeys,
  purpose: NonNullable<SignatureRequest['purpose']>,
  sealedAt: Date,
  dependencies: SealDependencies,
): SignatureRequest {
  const { random, hash = 'sha256' } = dependencies
  return {
    signer: dicom,
    hash,
    purpose,
    uid: uidFromRandom(random(UUID_BYTES)),
    dateTime: formatDateTime(sealedAt),
    ...stampedBy(dependencies),
  }
}

/** The option of everything here that can be stamped; nothing without an authority. */
const stampedBy = ({ authority }: SealDependencies): Pick<SignatureRequest, 'timestamp'> =>
  authority === undefined ? {} : { timestamp: (name, digest) => authority.timestamp(name, digest) }

const statementSigners = ({ dicom, statement, postQuantum }: HolderKeys, isInImage: boolean): HolderSigners => ({
  ...(isInImage ? { dicom } : {}),
  statement,
  postQuantum,
})

function digestSource({ source }: DicomFile, { hash }: Crypto): Uint8Array {
  const digest = hash('sha256')
  for (const chunk of source.chunks(0, source.length)) digest.update(chunk)
  return digest.digest()
}
