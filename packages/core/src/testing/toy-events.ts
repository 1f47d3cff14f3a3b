/**
 * Toy events: an event of each kind, and a log with a few of them whose keys are toys.
 *
 * Real keys, and other people's verifiers, are put to the test in packages/node/src/interop.
 */

import { encodeBase64 } from '../bytes/base64.ts'
import type { Crypto } from '../bytes/crypto.ts'
import { encodeUtf8 } from '../bytes/text.ts'
import { type BundleParts, bundleImprint } from '../domain/log/bundle.ts'
import type { BundleTrust } from '../domain/log/bundle-verify.ts'
import { makeEntry, type SignedPayload, signedBytes } from '../domain/log/entry.ts'
import { type EventStatement, formatEventStatement } from '../domain/log/event.ts'
import type { CustodyEventType, CustodyStatement, EventDetails } from '../domain/log/event-details.ts'
import type { ContentDigests, EventHeader, Party } from '../domain/log/event-parts.ts'
import { signCheckpoint } from '../domain/log/sign-checkpoint.ts'
import { ROLE_PURPOSES, TIMESTAMP_POLICY } from '../domain/trust/roles.ts'
import { MerkleTree } from '../formats/merkle/tree.ts'
import { spkiOfVerifierKey } from '../formats/note/verifier-key.ts'
import type { Certificate } from '../formats/x509/certificate.ts'
import { toyLogSigner, toyNoteCrypto } from './toy-notes.ts'
import { createToyCrypto, LEAF, sha256, toyCertificate, toyToken } from './toy-pki.ts'

const digest = (name: string): Uint8Array => sha256(encodeUtf8(name))
const party = (id: string): Party => ({ id, name: `Name of ${id}` })

export const toyDigests: ContentDigests = {
  file: digest('file'),
  dataset: digest('dataset'),
  pixels: digest('pixels'),
  frames: { count: 2n, root: digest('frames') },
}

export const toyHeader: EventHeader = {
  salt: Uint8Array.from({ length: 16 }, (_, i) => i),
  at: new Date('2026-03-03T10:14:00.123Z'),
  isDemo: true,
  recorder: { id: 'gateway-1', name: 'Gateway, Röntgen' },
  instance: {
    sopClassUid: '1.2.840.10008.5.1.4.1.1.1',
    sopInstanceUid: '2.25.1001',
    seriesInstanceUid: '2.25.2',
    studyInstanceUid: '2.25.1',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
  },
  digests: toyDigests,
  checkpoint: { origin: 'hospital.example/log', size: 700n, root: digest('root') },
}

const TOY_NOTE = `hospital.example/log\n700\n${encodeBase64(digest('root'))}\n\n— hospital.example/log AAAAAAE=\n`

const source = {
  sopInstanceUid: '2.25.1000',
  transferSyntaxUid: '1.2.840.10008.1.2',
  digests: { ...toyDigests, file: digest('file before'), dataset: null },
}
const drill = { drillId: 'drill-7', injectionId: 'injection-3', expiresAt: new Date('2026-03-04T00:00:00.000Z') }
const key = {
  holder: party('u17'),
  role: 'person',
  certificates: [digest('leaf'), digest('ca')],
  reason: 'joined',
} as const

const DETAILS: EventDetails = {
  received: { fromAet: 'CT 1', fromAddress: '192.0.2.7:11112', protocol: 'dimse' },
  'sealed-at-gateway': { seal: digest('seal'), certificate: digest('certificate') },
  transcoded: { source, method: 'jpeg_ls_lossless', software: 'dcmtk 3.6.7' },
  derived: {
    source: { ...source, digests: { ...source.digests, pixels: digest('other') } },
    method: 'crop',
    software: null,
  },
  forwarded: { toAet: 'PACS', toAddress: null, protocol: 'dimse' },
  verified: {
    verdict: 'not_authentic',
    level: 'P0',
    content: 'altered',
    policy: 'acquisition',
    failing: [{ subject: 'content', reason: 'pixels_changed' }],
  },
  flagged: { by: 'watchdog 1.0', reasons: ['noise_too_even', 'prior_differs'] },
  quarantined: { reasons: ['pixels_changed'] },
  released: { releasedBy: party('u17'), confirmedBy: party('u18'), reason: 'checked by hand' },
  disclosed: { disclosedBy: party('u17'), recipient: 'Court of Example', purpose: 'Case 1 of 2026' },
  erased: { index: 41n, leafHash: digest('leaf hash'), erasedBy: party('u19'), legalBasis: 'GDPR Art. 17' },
  'drill-sealed': {
    ...drill,
    commitment: digest('commitment'),
    plan: digest('plan'),
    plannedBy: party('u20'),
    approvedBy: party('u21'),
  },
  'drill-injected': { ...drill, target: 'PACS', isLive: false },
  'drill-withdrawn': { drillId: 'drill-7', injectionId: 'injection-3', reason: 'expired', residue: 0n },
  admitted: { dataSet: 'chest 2026', manifest: digest('manifest') },
  'key-enrolled': key,
  'key-revoked': { ...key, role: 'device', reason: 'lost' },
  'map-root': {
    archive: 'main',
    size: 700n,
    studies: 12n,
    instances: 690n,
    root: digest('map'),
    blinding: digest('blinding'),
  },
  timestamped: { note: TOY_NOTE, root: digest('root'), tokens: [Uint8Array.of(0x30, 0x00)] },
}

/** Those that are about no image. */
export const IMAGELESS: readonly CustodyEventType[] = [
  'erased',
  'drill-sealed',
  'key-enrolled',
  'key-revoked',
  'map-root',
  'timestamped',
]
export const CUSTODY_TYPES = Object.keys(DETAILS) as readonly CustodyEventType[]

/** An event of a kind. */
export function toyEvent(type: CustodyEventType, overrides: Partial<EventHeader> = {}): CustodyStatement {
  const header = IMAGELESS.includes(type) ? { ...toyHeader, instance: null, digests: null } : toyHeader
  return { type, ...header, ...overrides, details: DETAILS[type] } as CustodyStatement
}

export const toyLogKeys = toyLogSigner('hospital.example/log')

/** Accepts toy signatures of notes and statements, and toy tokens. */
export const toyEventCrypto: Crypto = {
  hash: toyNoteCrypto.hash,
  verifyDigest: createToyCrypto().verifyDigest,
  verifyMessage: (spki, message, signature) =>
    toyNoteCrypto.verifyMessage(spki, message, signature) || createToyCrypto().verifyMessage(spki, message, signature),
}

/** A statement signed by the log itself, or another Ed25519 toy. */
export async function toySigned(statement: EventStatement, signer = toyLogKeys.ed25519): Promise<SignedPayload> {
  const payload = formatEventStatement(statement)
  return { payload, signature: await signer.sign(signedBytes(payload)), spki: spkiOfVerifierKey(signer.key) }
}

/** A timestamp authority that certifies itself. */
export const toyAuthority = (name: string): Certificate =>
  toyCertificate({
    name,
    extensions: { ...LEAF, extendedKeyUsage: { purposes: [ROLE_PURPOSES.timestamp], isCritical: true } },
  })
export const toyClock = toyAuthority('Clock')

/** A statement as the sixth of eleven entries of a log, with a timestamp two seconds after the event. */
export async function toyBundle(
  statement: EventStatement = toyEvent('verified'),
  signer = toyLogKeys.ed25519,
): Promise<BundleParts> {
  const { hash } = toyEventCrypto
  const signed = await toySigned(statement, signer)
  const leaves = Array.from({ length: 11 }, (_, i) => digest(`entry ${i}`))
  leaves[5] = makeEntry(signed, hash)
  const tree = new MerkleTree(hash, leaves)
  const checkpoint = { origin: toyLogKeys.origin, size: tree.size, root: tree.root, extensions: [] }
  const imprint = { name: 'sha256', digest: bundleImprint(signed.signature, hash) } as const
  const time = new Date(toyHeader.at.getTime() + 2000)
  return {
    statement: signed,
    index: 5n,
    proof: tree.prove(5n),
    checkpoint: await signCheckpoint(checkpoint, toyLogKeys, 1_772_532_845n),
    log: toyLogKeys.ed25519.key,
    cosigners: [toyLogKeys.mlDsa44.key],
    timestamps: [toyToken({ policy: TIMESTAMP_POLICY, imprint, serial: '4711', time, accuracyMs: 1 }, toyClock)],
  }
}

export const toyBundleTrust: BundleTrust = {
  keys: [toyLogKeys.ed25519.key, toyLogKeys.mlDsa44.key],
  policy: null,
  anchors: { roots: [toyClock], intermediates: [], crls: [] },
  signers: [],
  wantsTime: true,
}
