/**
 * Seal at gateway: signs an image that came without a seal, in the file and beside it: as it came, from where, and for
 * which order.
 *
 * The order of steps: read strictly, sign in the file, describe, let the caller write the file and digest it on the way,
 * sign the statement over that digest. Nothing is written here. A gateway has not seen how the image was made, and its
 * statement cannot be taken for that of a device (domain/seal/gateway-statement.ts).
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { decodeHex } from '@fiducial/core/bytes/hex.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import type { Origin } from '@fiducial/core/domain/gateway/origin.ts'
import {
  AE_TITLE,
  type GatewayStatement,
  type NamedTechnologist,
  ORDER_ID,
  type OrderBinding,
  type Received,
} from '@fiducial/core/domain/seal/gateway-statement.ts'
import { NAME } from '@fiducial/core/domain/seal/holder.ts'
import { describeInstance, uidFromRandom } from '@fiducial/core/domain/seal/instance.ts'
import { formatGatewaySeal } from '@fiducial/core/domain/seal/seal.ts'
import type { SignatureReference } from '@fiducial/core/domain/seal/sealed-instance.ts'
import { certificatesOf, signGatewaySeal } from '@fiducial/core/domain/seal/sign.ts'
import { formatDateTime } from '@fiducial/core/domain/signature/date-time.ts'
import { Digests, digestSignature, type Passes, streamContext } from '@fiducial/core/domain/signature/digest.ts'
import { WITNESS_SIGNATURE } from '@fiducial/core/domain/signature/purpose.ts'
import { certificateOf, type DigitalSignature, readSignatures } from '@fiducial/core/domain/signature/read.ts'
import { type SignatureRequest, signFile } from '@fiducial/core/domain/signature/sign.ts'
import { roleOf } from '@fiducial/core/domain/trust/roles.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { UID } from '@fiducial/core/formats/dicom/instance-uids.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { type Change, spliceFile } from '@fiducial/core/formats/dicom/splice.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { loadDecoder } from './pixel-decoding.ts'
import type { Sealer } from './ports.ts'
import type { PreparedSeal, SealDependencies } from './seal-instance.ts'

export interface GatewaySealDependencies
  extends Pick<SealDependencies, 'crypto' | 'codecs' | 'random' | 'now' | 'isDemo' | 'checkpoint' | 'authority'> {
  readonly gateway: Sealer
}

/** The order that an image belongs to, with whom it names. */
export interface OrderFacts extends OrderBinding {
  /** As a performed procedure step names the person; null where it does not. */
  readonly technologist: string | null
}

/** What the gateway knows of an image besides its bytes. */
export interface Arrival {
  readonly origin: Origin
  readonly receivedAt: Date
  /** Null where no order is known. */
  readonly order: OrderFacts | null
}

/** What kind of seal. */
export interface SealOptions extends KnownDigests {
  /** The image goes on as it came: nothing is signed in the file. */
  readonly isBeside?: boolean
}

/** What was measured of the source before, such as when it was verified: each saves a pass. */
export interface KnownDigests {
  /** SHA-256 of all its bytes. */
  readonly file?: Uint8Array
  /** SHA-256 of its decoded frames one after the other, as events of the log have it; counts for one native frame. */
  readonly pixels?: Uint8Array | null
  readonly passes?: Passes
}

export interface PreparedGatewaySeal extends PreparedSeal {
  /** Of the signature in the file, DER: the one whose SHA-256 the event `sealed-at-gateway` states. */
  readonly certificate: Uint8Array
}

const UUID_BYTES = 16
const OPERATORS_NAME = 0x00081070

/**
 * Makes the seal of one image.
 *
 * Cost: a pass over the pixels for the signature; one for the frames, and one for the digest of the original, where the
 * caller does not know them; encapsulated pixels are decoded.
 * @returns undefined for an image that a device or a gateway of ours has signed: whoever stands nearer is not signed over
 * @throws {FormatError} the code of the first finding of a strict reader; `dicom_signature_malformed` if there is nothing
 *   to sign. Such a file cannot be sealed, and is passed on as it is
 * @throws {KeyError} from the signers; {StoreError} from the timestamp authority and the custody log
 */
export async function prepareGatewaySeal(
  source: ByteSource,
  dependencies: GatewaySealDependencies,
  arrival: Arrival,
  { isBeside = false, ...known }: SealOptions = {},
): Promise<PreparedGatewaySeal | undefined> {
  const { crypto, codecs, random, now, gateway, authority } = dependencies
  const file = parseDicom(source, { isStrict: true })
  if (isSignedBefore(file)) return undefined
  // Before the clock is read, or the seal would quote what it claims to be older than.
  const checkpoint = (await dependencies.checkpoint?.()) ?? null
  const sealedAt = now()
  const digests = new Digests(file.dataSet, crypto.hash, known.passes)
  const { signature, changes } = isBeside ? NOT_SIGNED : await signInFile(file, { digests, sealedAt }, dependencies)
  const decodeFrame = await loadDecoder(file, codecs)
  const description = describeInstance(file, crypto.hash, random(UUID_BYTES), {
    digests,
    random: random(UUID_BYTES),
    ...(decodeFrame && { decodeFrame }),
    ...(known.pixels && { knownFrame: known.pixels }),
  })
  const { frames, ...described } = description
  const statement: Omit<GatewayStatement, 'file'> = {
    ...described,
    ...stateArrival(file, dependencies, arrival),
    original: known.file ?? digestSource(file, crypto),
    signatures: { gateway: signature },
    sealedAt,
    checkpoint,
  }
  const finish = async (fileSha256: Uint8Array): Promise<Uint8Array> =>
    formatGatewaySeal(
      await signGatewaySeal({
        statement: { ...statement, file: fileSha256 },
        frames,
        signers: gateway.keys,
        hashes: crypto.hash,
        ...(authority && { timestamp: (name, digest) => authority.timestamp(name, digest) }),
      }),
    )
  const { certificate } = gateway.keys.dicom
  return { segments: spliceFile(file, changes), description, finish, certificate }
}

const NOT_SIGNED = { signature: null, changes: [] } as const

/** Signs as a witness of the image's arrival. */
async function signInFile(
  file: DicomFile,
  { digests, sealedAt }: { readonly digests: Digests; readonly sealedAt: Date },
  { crypto, random, gateway }: GatewaySealDependencies,
): Promise<{ readonly signature: SignatureReference; readonly changes: readonly Change[] }> {
  const request: SignatureRequest = {
    signer: gateway.keys.dicom,
    hash: 'sha256',
    purpose: WITNESS_SIGNATURE,
    uid: uidFromRandom(random(UUID_BYTES)),
    dateTime: formatDateTime(sealedAt),
  }
  const { signatures, changes } = await signFile(file, { digests, crypto, requests: [request] })
  const [made] = signatures
  if (made === undefined) throw new FormatError('dicom_signature_malformed', 'the gateway made no signature')
  const { macParameters, item } = made
  const sha256 = digestSignature(streamContext(file.dataSet), crypto.hash, macParameters, item)
  return { signature: { uid: request.uid, sha256 }, changes }
}

/** What the gateway says of itself, and of how the image came. */
function stateArrival(
  file: DicomFile,
  { crypto, gateway, isDemo = false }: GatewaySealDependencies,
  arrival: Arrival,
): Pick<GatewayStatement, 'isDemo' | 'gateway' | 'received' | 'order' | 'technologist'> {
  const { id, keys } = gateway
  const name = parseCertificate(keys.statement.certificate).subject.commonName ?? id
  return {
    isDemo,
    gateway: { id, name, certificates: certificatesOf(keys, crypto.hash) },
    received: describeArrival(arrival),
    order: arrival.order && describeOrder(arrival.order),
    technologist: nameTechnologist(file, arrival.order),
  }
}

/** Whether a device, or another gateway, has signed the image as a whole. Whose word that is, is left to verifiers. */
export function isSignedBefore({ dataSet }: DicomFile): boolean {
  const { signatures } = readSignatures(dataSet)
  return signatures.some((signature) => signature.path === '' && isOfSealer(signature))
}

/** A certificate that cannot be read gives no role. */
function isOfSealer(signature: DigitalSignature): boolean {
  const certificate = certificateOf(signature)
  const role = certificate && roleOf(certificate)
  return role === 'device' || role === 'gateway'
}

/** What cannot be stated, as an AE title with control characters, is left out. */
const stated = (value: string | null, pattern: RegExp): string | null =>
  value !== null && pattern.test(value) ? value : null

function describeArrival({ origin, receivedAt }: Arrival): Received {
  const isCertificate = origin.peer !== null && /^[0-9a-f]{64}$/.test(origin.peer)
  return {
    protocol: origin.protocol,
    callingAet: stated(origin.callingAet, AE_TITLE),
    calledAet: stated(origin.calledAet, AE_TITLE),
    address: stated(origin.address, NAME),
    certificate: isCertificate ? decodeHex(origin.peer as string) : null,
    token: isCertificate ? null : stated(origin.peer, NAME),
    receivedAt,
  }
}

const describeOrder = (order: OrderFacts): OrderBinding => ({
  source: order.source,
  matchedBy: order.matchedBy,
  accessionNumber: stated(order.accessionNumber, ORDER_ID),
  requestedProcedureId: stated(order.requestedProcedureId, ORDER_ID),
  scheduledProcedureStepId: stated(order.scheduledProcedureStepId, ORDER_ID),
  stationAet: stated(order.stationAet, AE_TITLE),
  mppsSopInstanceUid: stated(order.mppsSopInstanceUid, UID),
})

function nameTechnologist({ dataSet }: DicomFile, order: OrderFacts | null): NamedTechnologist | null {
  const reported = stated(order?.technologist ?? null, NAME)
  if (reported !== null) return { name: reported, source: 'mpps' }
  const name = stated(textAt(dataSet, OPERATORS_NAME) ?? null, NAME)
  return name === null ? null : { name, source: 'header' }
}

function digestSource({ source }: DicomFile, { hash }: Crypto): Uint8Array {
  const digest = hash('sha256')
  for (const chunk of source.chunks(0, source.length)) digest.update(chunk)
  return digest.digest()
}
