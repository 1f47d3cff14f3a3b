/**
 * Toy seal: a site with a device, a technologist and a timestamp authority, whose keys are toys, and an image that they
 * seal. Real keys are put to the test in packages/node/src/interop.
 */
import type { Signer } from '../bytes/crypto.ts'
import { portableCrypto } from '../bytes/portable-crypto.ts'
import { memorySource } from '../bytes/source.ts'
import { concatBytes, encodeLatin1, encodeUtf8 } from '../bytes/text.ts'
import type { Device, Operator } from '../domain/seal/holder.ts'
import { describeInstance, type InstanceDescription } from '../domain/seal/instance.ts'
import type { MarkClaim } from '../domain/seal/mark-claim.ts'
import type { Seal } from '../domain/seal/seal.ts'
import { certificatesOf, type HolderSigners, type SealRequest, signSeal, type Timestamp } from '../domain/seal/sign.ts'
import type { AcquisitionStatement } from '../domain/seal/statement.ts'
import type { SealVerifyOptions } from '../domain/seal/verify.ts'
import { Digests } from '../domain/signature/digest.ts'
import type { DecodeFrame } from '../domain/signature/encapsulated.ts'
import { anchorsFrom } from '../domain/trust/anchors.ts'
import { ROLE_PURPOSES, type Role, TIMESTAMP_POLICY } from '../domain/trust/roles.ts'
import { encodeFile, type NewElement, type NewFile } from '../formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '../formats/dicom/transfer-syntax.ts'
import { sq, text, us } from '../formats/dicom/values.ts'
import type { Certificate } from '../formats/x509/certificate.ts'
import { createToyCrypto, LEAF, sha256, type ToyOrder, toyCertificate, toyKey, toyToken } from './toy-pki.ts'

export const hashes = portableCrypto.hash
export const toyCrypto = createToyCrypto()

/** An ML-DSA-44 key that is made of a name. */
export function toyLatticeKey(name: string): Uint8Array {
  const prefix = Uint8Array.of(0x30, 0x82, 0x05, 0x32, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03)
  const rest = Uint8Array.of(0x04, 0x03, 0x11, 0x03, 0x82, 0x05, 0x21, 0x00)
  const pieces = Array.from({ length: 41 }, (_, i) => sha256(encodeUtf8(`${name} ${i}`)))
  return concatBytes(prefix, rest, ...pieces)
}

export const site: Certificate = toyCertificate({ name: 'Hospital CA' })
export const anchors = anchorsFrom([site])
export const sealedAt = new Date('2026-03-03T10:14:00.123Z')
export const now = new Date('2026-04-01T00:00:00.000Z')
export const verifyOptions: SealVerifyOptions = { crypto: toyCrypto, anchors, now }

/** A certificate of the site for a role. */
export function toyHolderCertificate(role: Role, order: ToyOrder): Certificate {
  const extendedKeyUsage = { purposes: [ROLE_PURPOSES[role]], isCritical: role === 'timestamp' }
  return toyCertificate({ issuer: site, extensions: { ...LEAF, extendedKeyUsage }, ...order })
}

export function toySigner(certificate: Certificate, issuer: Certificate = site): Signer {
  const { algorithm } = certificate.key
  if (algorithm === 'other') throw new TypeError('no such toy')
  return {
    algorithm,
    certificate: certificate.bytes,
    chain: [issuer.bytes],
    signDigest: async (_name, digest) => sha256(certificate.spki, digest),
    signMessage: async (message) => sha256(certificate.spki, message),
  }
}

/** The three keys of a device or person. */
export function toyHolder(role: Role, name: string, order: Partial<ToyOrder> = {}): Required<HolderSigners> {
  const certificate = (spki: Uint8Array): Signer => toySigner(toyHolderCertificate(role, { name, spki, ...order }))
  return {
    dicom: certificate(toyKey(`${name} dicom`)),
    statement: certificate(toyKey(`${name} statement`)),
    postQuantum: certificate(toyLatticeKey(name)),
  }
}

export const device = toyHolder('device', 'Room 2')
export const operator = toyHolder('person', 'Müller, Änne')
const authority = toyHolderCertificate('timestamp', { name: 'Clock' })

/** Stamps as the site's authority would at a moment. */
export function toyTimestamp(time: Date, by: Certificate = authority): Timestamp {
  return async (name, digest) =>
    toyToken({ policy: TIMESTAMP_POLICY, imprint: { name, digest }, serial: '4711', time, accuracyMs: 1 }, by)
}

/** A small CR image of 4 rows, 6 columns, 2 frames of 16 bits; pixels count up from 0. */
export function toyElements(overrides: readonly NewElement[] = []): readonly NewElement[] {
  const elements: readonly NewElement[] = [
    text(0x00080008, 'CS', 'ORIGINAL', 'PRIMARY'),
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.1'),
    text(0x00080018, 'UI', '2.25.1001'),
    text(0x00080020, 'DA', '20260303'),
    text(0x00080022, 'DA', '20260303'),
    text(0x00080032, 'TM', '101359.5'),
    text(0x00080201, 'SH', '+0100'),
    text(0x00081070, 'PN', 'Mueller^Aenne'),
    sq(0x00081111, [text(0x00081150, 'UI', '1.2.3'), text(0x00081155, 'UI', '1.2.4')]),
    text(0x00100010, 'PN', 'Example^Patient'),
    text(0x00100020, 'LO', 'P-1'),
    text(0x0020000d, 'UI', '2.25.1'),
    text(0x0020000e, 'UI', '2.25.2'),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    text(0x00280008, 'IS', '2'),
    us(0x00280010, 4),
    us(0x00280011, 6),
    us(0x00280100, 16),
    us(0x00280101, 12),
    us(0x00280102, 11),
    us(0x00280103, 0),
    text(0x00281050, 'DS', '2048'),
    text(0x00281051, 'DS', '4096'),
    { tag: 0x00291010, vr: 'UN', value: Uint8Array.of(1, 2, 3, 4) },
    { tag: 0x7fe00010, vr: 'OW', value: Uint8Array.from({ length: 96 }, (_, i) => i) },
  ]
  const replaced = new Set(overrides.map(({ tag }) => tag))
  return [...elements.filter(({ tag }) => !replaced.has(tag)), ...overrides].toSorted((a, b) => a.tag - b.tag)
}

export const without = (elements: readonly NewElement[], ...tags: readonly number[]): readonly NewElement[] =>
  elements.filter(({ tag }) => !tags.includes(tag))

export function toyFile(
  elements: readonly NewElement[] = toyElements(),
  transferSyntaxUid: string = EXPLICIT_LITTLE_ENDIAN,
): DicomFile {
  return toyParse({ transferSyntaxUid, elements })
}

export const toyParse = (file: NewFile): DicomFile => parseDicom(memorySource(concatBytes(...encodeFile(file))))

export const salt = Uint8Array.from({ length: 16 }, (_, i) => i)
export const random = Uint8Array.from({ length: 16 }, (_, i) => 255 - i)

export function toyDescription(file: DicomFile = toyFile(), decodeFrame?: DecodeFrame): InstanceDescription {
  const digests = new Digests(file.dataSet, hashes)
  return describeInstance(file, hashes, salt, { digests, random, ...(decodeFrame && { decodeFrame }) })
}

export const deviceFacts: Device = {
  id: 'room-2',
  name: 'Room 2',
  manufacturer: 'Example Röntgen',
  model: null,
  serial: '4711',
  certificates: certificatesOf(device, hashes),
}
export const operatorFacts: Operator = {
  id: 'u17',
  name: 'Müller, Änne',
  certificates: certificatesOf(operator, hashes),
}

/** A claim that pixels carry a mark. */
export const toyMarkClaim: MarkClaim = {
  version: 1,
  recordId: sha256(encodeLatin1('record id')).slice(0, 8),
  volume: { nonce: sha256(encodeLatin1('volume')).slice(0, 16), index: 1, count: 3 },
  publicKey: sha256(encodeLatin1('mark key')),
  hasChips: true,
  planes: 2,
  recordDigest: sha256(encodeLatin1('mark record')),
}

/** A statement about an image, both holders with a signature in it. */
export function toyStatement(
  description: InstanceDescription = toyDescription(),
  overrides: Partial<AcquisitionStatement> = {},
): AcquisitionStatement {
  const { frames: _, ...facts } = description
  return {
    ...facts,
    file: sha256(encodeLatin1('sealed')),
    original: sha256(encodeLatin1('original')),
    isDemo: true,
    device: deviceFacts,
    operator: operatorFacts,
    signatures: {
      device: { uid: '2.25.7', sha256: sha256(encodeLatin1('device')) },
      operator: { uid: '2.25.8', sha256: sha256(encodeLatin1('operator')) },
    },
    mark: null,
    sealedAt,
    checkpoint: null,
    ...overrides,
  }
}

/** For a technologist who signs the series. */
export function toySeriesStatement(description: InstanceDescription = toyDescription()): AcquisitionStatement {
  const facts = { ...operatorFacts, certificates: { ...operatorFacts.certificates, dicom: [] } }
  const { device: reference } = toyStatement(description).signatures
  return toyStatement(description, { operator: facts, signatures: { device: reference, operator: null } })
}

export function toySeal(overrides: Partial<SealRequest> = {}): Promise<Seal> {
  const description = toyDescription()
  return signSeal({
    statement: toyStatement(description),
    frames: description.frames,
    signers: { device, operator },
    hashes,
    timestamp: toyTimestamp(new Date(sealedAt.getTime() + 2000)),
    ...overrides,
  })
}
