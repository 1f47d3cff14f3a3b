/**
 * Certificate: a public key with the name of its holder, signed by an issuer.
 *
 * Source: RFC 5280 section 4.1; keys by RFC 3279, RFC 5480, RFC 8410 and RFC 9881.
 * Whether a certificate may be believed, for what and when, is left to domain/trust.
 */
import type { KeyAlgorithm } from '../../bytes/crypto.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { readPublicKey } from '../../bytes/public-key.ts'
import { equalBytes } from '../../bytes/text.ts'
import {
  contentOf,
  type DerElement,
  DerFields,
  encodingOf,
  integerContent,
  malformed,
  readAs,
  readBitBytes,
  readDer,
  readOid,
  readSmallInteger,
  readTime,
} from '../der/read.ts'
import { constructed, primitive, TAG } from '../der/tag.ts'
import { readAlgorithm, readSignatureAlgorithm, type SignatureAlgorithm } from './algorithm.ts'
import { type Extensions, readExtensions } from './extension.ts'
import { type Name, readName } from './name.ts'

/** Bytes; the largest of those in use, with a post-quantum key and signature, have some 20,000. */
const SIZE_LIMIT = 256 * 1024

/** What kind of key a certificate carries, also where no signature can be checked with it. */
export interface KeyDescription {
  readonly algorithm: KeyAlgorithm | 'other'
  readonly oid: string
  /** Size of an RSA modulus or of a curve; missing for keys of other kinds. */
  readonly bits?: number
  /** Whether signatures can be checked with it: not for RSA outside 2048 to 4096 bits, or for other curves. */
  readonly isSupported: boolean
}

export interface Certificate extends Extensions {
  /** The whole certificate, DER. */
  readonly bytes: Uint8Array
  /** The signed part, DER. */
  readonly tbs: Uint8Array
  readonly version: 1 | 2 | 3
  /** Content of the INTEGER, lower-case hexadecimal. */
  readonly serial: string
  readonly issuer: Name
  readonly subject: Name
  /** First and last moment of validity, whole seconds. */
  readonly notBefore: Date
  readonly notAfter: Date
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  readonly key: KeyDescription
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signature: Uint8Array
}

/**
 * Reads a certificate, DER.
 * @throws {FormatError} `certificate_malformed`, with the offset
 */
export function parseCertificate(bytes: Uint8Array): Certificate {
  return readAs('certificate_malformed', () => readCertificate(readDer(bytes, SIZE_LIMIT)))
}

/** Reads a certificate inside another structure; offsets are those of the whole. */
export function readCertificate(element: DerElement): Certificate {
  const parts = new DerFields(element)
  const tbs = parts.take(TAG.sequence)
  const outerAlgorithm = parts.take(TAG.sequence)
  const signature = readBitBytes(parts.take(TAG.bitString))
  parts.finish()

  const fields = new DerFields(tbs)
  const version = readVersion(fields.takeIf(constructed(0)))
  const serial = encodeHex(integerContent(fields.take(TAG.integer)))
  const innerAlgorithm = fields.take(TAG.sequence)
  if (!equalBytes(encodingOf(innerAlgorithm), encodingOf(outerAlgorithm))) {
    throw malformed('signature algorithms inside and outside differ', innerAlgorithm.start)
  }
  const issuer = readName(fields.take(TAG.sequence))
  const validity = new DerFields(fields.take(TAG.sequence))
  const notBefore = readTime(validity.take())
  const notAfter = readTime(validity.take())
  validity.finish()
  const subject = readName(fields.take(TAG.sequence))
  const spki = fields.take(TAG.sequence)
  fields.takeIf(primitive(1))
  fields.takeIf(primitive(2))
  const extensions = fields.takeIf(constructed(3))
  fields.finish()
  if (extensions && version !== 3) throw malformed('extensions in an old version', extensions.start)

  return {
    bytes: encodingOf(element),
    tbs: encodingOf(tbs),
    version,
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki: encodingOf(spki),
    key: describeKey(spki),
    signatureAlgorithm: readSignatureAlgorithm(innerAlgorithm),
    signature,
    ...(extensions ? readExtensions(onlyPart(extensions)) : { unknownCritical: [] }),
  }
}

/** Whether subject and issuer are the same name; that its own key signed it is another question. */
export function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return equalBytes(subject.bytes, issuer.bytes)
}

function readVersion(element: DerElement | undefined): 1 | 2 | 3 {
  if (!element) return 1
  const version = readSmallInteger(onlyPart(element)) + 1
  if (version !== 1 && version !== 2 && version !== 3) throw malformed('unknown version', element.start)
  return version
}

const RSA = '1.2.840.113549.1.1.1'
const EC = '1.2.840.10045.2.1'
const CURVES: Record<string, { readonly algorithm: KeyAlgorithm | 'other'; readonly bits: number }> = {
  '1.2.840.10045.3.1.7': { algorithm: 'ecdsa-p256', bits: 256 },
  '1.3.132.0.34': { algorithm: 'ecdsa-p384', bits: 384 },
  '1.3.132.0.35': { algorithm: 'other', bits: 521 },
}
const SIMPLE: Record<string, KeyAlgorithm> = { '1.3.101.112': 'ed25519', '2.16.840.1.101.3.4.3.17': 'ml-dsa-44' }

function describeKey(spki: DerElement): KeyDescription {
  const parts = new DerFields(spki)
  const { oid, parameters } = readAlgorithm(parts.take(TAG.sequence))
  const bits = readBitBytes(parts.take(TAG.bitString))
  parts.finish()
  const isSupported = readPublicKey(encodingOf(spki)) !== undefined
  if (oid === RSA) return { algorithm: 'rsa', oid, bits: modulusBits(bits), isSupported }
  if (oid === EC) {
    const curve = parameters?.tag === TAG.oid ? CURVES[readOid(parameters)] : undefined
    return { algorithm: 'other', oid, ...curve, isSupported }
  }
  return { algorithm: SIMPLE[oid] ?? 'other', oid, isSupported }
}

/** Bits of the modulus in an RSAPublicKey (RFC 8017 appendix A.1.1). */
function modulusBits(key: Uint8Array): number {
  const modulus = contentOf(new DerFields(readDer(key)).take(TAG.integer))
  const start = modulus.findIndex((byte) => byte !== 0)
  return start < 0 ? 0 : (modulus.length - start) * 8 - Math.clz32(modulus[start] ?? 0) + 24
}

function onlyPart(element: DerElement): DerElement {
  const fields = new DerFields(element, element.tag)
  const part = fields.take()
  fields.finish()
  return part
}
