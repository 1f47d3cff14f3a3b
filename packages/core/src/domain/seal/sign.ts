/**
 * Sign: makes seals. The verifying side never imports this file.
 *
 * Each holder signs twice, with a key of today and with a post-quantum one, over the same bytes. Keys stay behind the
 * Signer port; randomness, time and the timestamp authority are handed in.
 */
import type { Signer } from '../../bytes/crypto.ts'
import { digestOf, type HashFactory, type HashName } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { formatPlainToken } from '../../formats/cms/plain-token.ts'
import { type Envelope, encodePae } from '../../formats/dsse/envelope.ts'
import { MerkleTree } from '../../formats/merkle/tree.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { formatGatewayStatement, type GatewayStatement } from './gateway-statement.ts'
import { type Chain, type HolderCertificates, namedCertificates, type Operator } from './holder.ts'
import { PAYLOAD_TYPE } from './namespace.ts'
import {
  type GatewaySeal,
  LISTED_FRAMES_LIMIT,
  type Seal,
  type SeriesSeal,
  type SignedStatement,
  timestampImprint,
} from './seal.ts'
import {
  encodeSeriesEntry,
  formatSeriesStatement,
  type SeriesEntry,
  type SeriesStatement,
  sortSeries,
} from './series-statement.ts'
import { type AcquisitionStatement, formatStatement } from './statement.ts'

/** The keys of one holder. */
export interface HolderSigners {
  /** Made the DICOM signature in the image; absent for a holder who makes none there. Only its certificates are used. */
  readonly dicom?: Pick<Signer, 'certificate' | 'chain'>
  /** Ed25519 or P-256. */
  readonly statement: Signer
  /** ML-DSA-44. */
  readonly postQuantum: Signer
}

/** Gets an RFC 3161 token, DER, for a digest. */
export type Timestamp = (name: HashName, digest: Uint8Array) => Promise<Uint8Array>

export interface SealRequest {
  readonly statement: AcquisitionStatement
  /** As described with the statement. */
  readonly frames: readonly Uint8Array[]
  readonly signers: {
    readonly device: HolderSigners
    /** The technologist; in a series, whose technologist signs later, the certificates are used and no key. */
    readonly operator: HolderSigners
  }
  readonly hashes: HashFactory
  readonly timestamp?: Timestamp
}

/** What is made of the certificates of a holder once, for all images. */
interface KnownHolder {
  readonly certificates: HolderCertificates
  /** By SHA-256, hexadecimal. */
  readonly parsed: ReadonlyMap<string, Certificate>
}

const knownHolders = new WeakMap<HolderSigners, KnownHolder>()

function knownHolder(signers: HolderSigners, hashes: HashFactory): KnownHolder {
  const known = knownHolders.get(signers) ?? readHolder(signers, hashes)
  knownHolders.set(signers, known)
  return known
}

function readHolder({ dicom, statement, postQuantum }: HolderSigners, hashes: HashFactory): KnownHolder {
  const parsed = new Map<string, Certificate>()
  const chain = ({ certificate, chain: issuers }: Pick<Signer, 'certificate' | 'chain'>): Chain =>
    [certificate, ...issuers].map((bytes) => {
      const digest = digestOf(hashes, 'sha256', bytes)
      parsed.set(encodeHex(digest), parseCertificate(bytes))
      return digest
    })
  const certificates = {
    dicom: dicom === undefined ? [] : chain(dicom),
    statement: chain(statement),
    postQuantum: chain(postQuantum),
  }
  return { certificates, parsed }
}

/** What a statement says about the certificates of a holder. */
export const certificatesOf = (signers: HolderSigners, hashes: HashFactory): HolderCertificates =>
  knownHolder(signers, hashes).certificates

/**
 * Signs a statement with the device's keys, and with the technologist's where the statement names a signature of
 * theirs in the image.
 *
 * @throws {TypeError} if the statement names other certificates than those of the signers, or a key is of no use here
 * @throws {FormatError} `statement_malformed`
 * @throws {KeyError} from the signers
 */
export async function signSeal({ statement, frames, signers, hashes, timestamp }: SealRequest): Promise<Seal> {
  const { device, operator } = signers
  checkHolder(statement.device, device, hashes)
  checkHolder(statement.operator, operator, hashes)
  const isSeries = statement.signatures.operator === null
  const holders = isSeries ? [device] : [device, operator]
  const payload = formatStatement(statement)
  const signed = await signStatement({ statement, payload, holders, hashes, timestamp })
  return {
    ...signed,
    certificates: collectCertificates([statement.device, statement.operator], [device, operator], hashes),
    frames: frames.length > LISTED_FRAMES_LIMIT ? [] : frames,
    series: null,
  }
}

export interface GatewaySealRequest {
  readonly statement: GatewayStatement
  /** As described with the statement. */
  readonly frames: readonly Uint8Array[]
  readonly signers: HolderSigners
  readonly hashes: HashFactory
  readonly timestamp?: Timestamp
}

/**
 * Signs the statement of a gateway.
 *
 * @throws {TypeError} if the statement names other certificates than those of the signers, or a key is of no use here
 * @throws {FormatError} `statement_malformed`
 * @throws {KeyError} from the signers
 */
export async function signGatewaySeal(request: GatewaySealRequest): Promise<GatewaySeal> {
  const { statement, frames, signers, hashes, timestamp } = request
  checkHolder(statement.gateway, signers, hashes)
  const payload = formatGatewayStatement(statement)
  const signed = await signStatement({ statement, payload, holders: [signers], hashes, timestamp })
  return {
    ...signed,
    certificates: collectCertificates([statement.gateway], [signers], hashes),
    frames: frames.length > LISTED_FRAMES_LIMIT ? [] : frames,
  }
}

export interface SeriesRequest {
  /** Everything but what the entries give. */
  readonly statement: Omit<SeriesStatement, 'count' | 'root'>
  readonly entries: readonly SeriesEntry[]
  readonly signers: HolderSigners
  readonly hashes: HashFactory
  readonly timestamp?: Timestamp
}

/**
 * Signs a whole series at once.
 *
 * @throws {TypeError} for two images with one UID, or certificates other than those of the signers
 * @throws {FormatError} `statement_malformed`
 * @throws {KeyError} from the signers
 */
export async function signSeries({
  statement: given,
  entries,
  signers,
  hashes,
  timestamp,
}: SeriesRequest): Promise<SeriesSeal> {
  const sorted = sortSeries(entries)
  const { size, root } = new MerkleTree(hashes, sorted.map(encodeSeriesEntry))
  const statement = { ...given, count: size, root }
  checkHolder(statement.operator, signers, hashes)
  const payload = formatSeriesStatement(statement)
  const signed = await signStatement({ statement, payload, holders: [signers], hashes, timestamp })
  return { ...signed, certificates: collectCertificates([statement.operator], [signers], hashes), entries: sorted }
}

interface StatementRequest<Statement> {
  readonly statement: Statement
  readonly payload: Uint8Array
  readonly holders: readonly HolderSigners[]
  readonly hashes: HashFactory
  readonly timestamp: Timestamp | undefined
}

async function signStatement<Statement>(request: StatementRequest<Statement>): Promise<SignedStatement<Statement>> {
  const { statement, payload, holders, hashes, timestamp } = request
  const pae = encodePae(PAYLOAD_TYPE, payload)
  const keys = holders.flatMap((holder) => [holder.statement, holder.postQuantum])
  const signatures = await Promise.all(
    keys.map(async (key) => ({
      keyid: encodeHex(digestOf(hashes, 'sha256', key.certificate)),
      sig: await key.signMessage(pae),
    })),
  )
  const envelope: Envelope = { payloadType: PAYLOAD_TYPE, payload, signatures }
  const token = await timestamp?.('sha256', timestampImprint(envelope, hashes))
  return { envelope, statement, timestamps: token === undefined ? [] : [formatPlainToken(token)] }
}

function checkHolder({ certificates }: Operator, signers: HolderSigners, hashes: HashFactory): void {
  const own = certificatesOf(signers, hashes)
  if (certificates !== own && JSON.stringify(spell(certificates)) !== JSON.stringify(spell(own))) {
    throw new TypeError('the statement names other certificates than those of the signers')
  }
  const { statement, postQuantum } = signers
  if (statement.algorithm !== 'ed25519' && statement.algorithm !== 'ecdsa-p256') {
    throw new TypeError(`statements are not signed with ${statement.algorithm}`)
  }
  if (postQuantum.algorithm !== 'ml-dsa-44') throw new TypeError(`${postQuantum.algorithm} is not post-quantum`)
}

const spell = ({ dicom, statement, postQuantum }: HolderCertificates): readonly (readonly string[])[] =>
  [dicom, statement, postQuantum].map((chain) => chain.map(encodeHex))

/** The certificates that a statement names, from those that the signers bring. */
function collectCertificates(
  named: readonly Operator[],
  signers: readonly HolderSigners[],
  hashes: HashFactory,
): readonly Certificate[] {
  const parsed = new Map(signers.flatMap((one) => [...knownHolder(one, hashes).parsed]))
  return namedCertificates(named).map((digest) => parsed.get(encodeHex(digest)) as Certificate)
}
