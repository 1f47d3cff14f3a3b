/**
 * Sealed instance: what every statement about one image says, whoever makes it: which image, as which bytes, with which
 * content, and since when.
 *
 * Source: in-toto Statement v1 (in-toto/attestation); the predicates are ours, described in docs/reference/seal-file.md.
 * Their spelling is canonical JSON (RFC 8785), and no field is optional: what is unknown is null, so that nothing can be
 * left out unseen. Who seals, and on what ground, is left to statement.ts and gateway-statement.ts.
 */

import { encodeHex } from '../../bytes/hex.ts'
import { UID } from '../../formats/dicom/instance-uids.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import {
  type QuotedCheckpoint,
  readQuotedCheckpoint,
  writeQuotedCheckpoint,
} from '../../formats/tlog/quoted-checkpoint.ts'
import { ELEMENT_DIGEST_BYTES, type ElementDigest, SALT_BYTES } from './elements.ts'
import {
  type AcquisitionTime,
  DATE_OR_TIME,
  type EncapsulatedTree,
  type FrameTree,
  type ImageShape,
  type InstanceDescription,
  type InstanceIdentity,
  type PixelTree,
} from './instance.ts'
import { STATEMENT_TYPE } from './namespace.ts'
import { CODE_STRING } from './pixels.ts'

/** One of the DICOM signatures in the image. */
export interface SignatureReference {
  /** Digital Signature UID (0400,0100). */
  readonly uid: string
  /** Of its item and MAC parameters: certificate, value and timestamp included. */
  readonly sha256: Uint8Array
}

export interface SealedInstance extends Omit<InstanceDescription, 'frames'> {
  /** SHA-256 of the file with its DICOM signatures. */
  readonly file: Uint8Array
  /** SHA-256 of the file before them. */
  readonly original: Uint8Array
  /** Made by a simulator or a demonstration, not from a patient. */
  readonly isDemo: boolean
  /** Clock of the sealer, to the millisecond. */
  readonly sealedAt: Date
  /** The newest witnessed checkpoint of the custody log before `sealedAt`; null where none was at hand. */
  readonly checkpoint: QuotedCheckpoint | null
}

const VERSION = 1
/** Attributes of a data set; an image has some hundred. */
export const ELEMENTS_LIMIT = 65_536
export const FRAMES_LIMIT = 1n << 31n
/** Name of a subject that has no SOP Instance UID. */
const UNNAMED = 'unnamed'

/** How one kind of statement is told from others, and what it says beyond {@link SealedInstance}. */
export interface StatementKind<Own> {
  readonly predicateType: string
  readonly read: (predicate: JsonFields) => Own
  readonly write: (own: Own) => JsonObject
}

/**
 * Reads a statement of a kind in its one spelling.
 * @throws {FormatError} `statement_malformed`
 */
export function readStatement<Own>(value: JsonValue, kind: StatementKind<Own>): SealedInstance & Own {
  const fields = new JsonFields(value, 'statement_malformed')
  fields.constant('_type', STATEMENT_TYPE)
  fields.constant('predicateType', kind.predicateType)
  const subjects = fields.objects('subject', 1, readSubject)
  const subject = subjects[0]
  if (subject === undefined) throw fields.refuse('subject', 'has no entry')
  const predicate = fields.object('predicate', (inner) => ({ ...readPredicate(inner), ...kind.read(inner) }))
  fields.finish()
  if (subject.name !== nameOf(predicate)) throw fields.refuse('subject[0].name', 'is not the SOP Instance UID')
  return { ...predicate, file: subject.sha256 }
}

/**
 * A statement of a kind as JSON; the inverse of {@link readStatement}.
 * @throws {FormatError} `statement_malformed` for a value outside the limits, such as a name of 300 characters
 */
export function writeStatement<Own>(statement: SealedInstance & Own, kind: StatementKind<Own>): JsonObject {
  const value = {
    _type: STATEMENT_TYPE,
    subject: [{ name: nameOf(statement), digest: { sha256: encodeHex(statement.file) } }],
    predicateType: kind.predicateType,
    predicate: { ...writePredicate(statement), ...kind.write(statement) },
  }
  // Nobody shall sign what no verifier reads.
  readStatement(value, kind)
  return value
}

const nameOf = ({ instance }: Pick<SealedInstance, 'instance'>): string => instance.sopInstanceUid ?? UNNAMED

function readSubject(fields: JsonFields): { name: string; sha256: Uint8Array } {
  const name = fields.string('name', /^[0-9a-z.]{1,64}$/)
  return { name, sha256: fields.object('digest', readSha256) }
}

const readSha256 = (fields: JsonFields): Uint8Array => fields.hex('sha256', 32)
const writeSha256 = (sha256: Uint8Array): JsonObject => ({ sha256: encodeHex(sha256) })

function readPredicate(fields: JsonFields): Omit<SealedInstance, 'file'> {
  fields.integer('version', VERSION, VERSION)
  return {
    isDemo: fields.boolean('isDemo'),
    instance: fields.object('instance', readInstance),
    original: fields.object('original', readSha256),
    dataset: fields.object('dataset', readSha256),
    datasetAsStored: fields.nullable('datasetAsStored', readSha256),
    preamble: fields.nullable('preamble', readSha256),
    salt: fields.hex('salt', SALT_BYTES),
    elements: readElements(fields),
    pixels: fields.nullable('pixels', readPixels),
    encapsulated: fields.nullable('encapsulated', readEncapsulated),
    acquiredAt: fields.nullable('acquiredAt', readAcquisitionTime),
    sealedAt: fields.time('sealedAt'),
    checkpoint: readQuotedCheckpoint(fields, 'checkpoint'),
  }
}

function writePredicate(statement: SealedInstance): JsonObject {
  const { instance, pixels, encapsulated, acquiredAt } = statement
  return {
    version: VERSION,
    isDemo: statement.isDemo,
    instance: { ...instance, image: instance.image === null ? null : { ...instance.image } },
    original: writeSha256(statement.original),
    dataset: writeSha256(statement.dataset),
    datasetAsStored: statement.datasetAsStored === null ? null : writeSha256(statement.datasetAsStored),
    preamble: statement.preamble === null ? null : writeSha256(statement.preamble),
    salt: encodeHex(statement.salt),
    elements: statement.elements.map(writeElement),
    pixels:
      pixels === null
        ? null
        : {
            frames: writeTree(pixels),
            photometricInterpretation: pixels.photometricInterpretation,
            samplesPerPixel: pixels.samplesPerPixel,
            bitsAllocated: pixels.bitsAllocated,
          },
    encapsulated:
      encapsulated === null
        ? null
        : {
            frames: writeTree(encapsulated),
            fragments: encapsulated.fragments,
            layout: encodeHex(encapsulated.layout),
          },
    acquiredAt: acquiredAt === null ? null : { ...acquiredAt },
    sealedAt: statement.sealedAt.toISOString(),
    checkpoint: writeQuotedCheckpoint(statement.checkpoint),
  }
}

function readInstance(fields: JsonFields): InstanceIdentity {
  return {
    sopClassUid: fields.nullableString('sopClassUid', UID),
    sopInstanceUid: fields.nullableString('sopInstanceUid', UID),
    studyInstanceUid: fields.nullableString('studyInstanceUid', UID),
    seriesInstanceUid: fields.nullableString('seriesInstanceUid', UID),
    acquisitionUid: fields.string('acquisitionUid', UID),
    transferSyntaxUid: fields.nullableString('transferSyntaxUid', UID),
    image: fields.nullable('image', readImageShape),
  }
}

const readImageShape = (fields: JsonFields): ImageShape => ({
  rows: fields.integer('rows', 0, 0xffff),
  columns: fields.integer('columns', 0, 0xffff),
  samplesPerPixel: fields.integer('samplesPerPixel', 0, 0xffff),
  bitsAllocated: fields.integer('bitsAllocated', 0, 0xffff),
  bitsStored: fields.integer('bitsStored', 0, 0xffff),
})

/** In ascending order and each tag once: a list in another order could be read as another list. */
function readElements(fields: JsonFields): readonly ElementDigest[] {
  const elements = fields.objects('elements', ELEMENTS_LIMIT, readElement)
  for (const [i, { tag }] of elements.entries()) {
    if (i > 0 && tag <= (elements[i - 1]?.tag ?? 0)) throw fields.refuse(`elements[${i}]`, 'is out of order')
  }
  return elements
}

function readElement(fields: JsonFields): ElementDigest {
  const digest = fields.nullableHex('digest', ELEMENT_DIGEST_BYTES)
  return {
    tag: Number.parseInt(fields.string('tag', /^[0-9a-f]{8}$/), 16),
    vr: fields.string('vr', /^[A-Z]{2}$/),
    ...(digest === null ? {} : { digest }),
    isSignable: fields.boolean('signable'),
  }
}

/** Members in the order of their names: there are hundreds of these, and so they need no sorting. */
const writeElement = ({ tag, vr, digest, isSignable }: ElementDigest): JsonValue => ({
  digest: digest === undefined ? null : encodeHex(digest),
  signable: isSignable,
  tag: tag.toString(16).padStart(8, '0'),
  vr,
})

function readPixels(fields: JsonFields): PixelTree {
  return {
    ...fields.object('frames', readTree),
    photometricInterpretation: fields.string('photometricInterpretation', CODE_STRING),
    samplesPerPixel: fields.integer('samplesPerPixel', 0, 0xffff),
    bitsAllocated: fields.integer('bitsAllocated', 0, 0xffff),
  }
}

function readEncapsulated(fields: JsonFields): EncapsulatedTree {
  return {
    ...fields.object('frames', readTree),
    fragments: fields.integer('fragments', 0, 0xffff_ffff),
    layout: fields.hex('layout', 32),
  }
}

const readTree = (fields: JsonFields): FrameTree => ({
  count: fields.bigint('count', FRAMES_LIMIT),
  root: fields.hex('root', 32),
})
const writeTree = ({ count, root }: FrameTree): JsonObject => ({ count: String(count), root: encodeHex(root) })

export const readReference = (fields: JsonFields): SignatureReference => ({
  uid: fields.string('uid', UID),
  sha256: fields.hex('sha256', 32),
})
export const writeReference = ({ uid, sha256 }: SignatureReference): JsonObject => ({ uid, sha256: encodeHex(sha256) })

function readAcquisitionTime(fields: JsonFields): AcquisitionTime {
  return {
    attribute: fields.string('attribute', /^[0-9a-f]{8}$/),
    date: fields.string('date', DATE_OR_TIME),
    time: fields.nullableString('time', DATE_OR_TIME),
    zone: fields.nullableString('zone', DATE_OR_TIME),
  }
}
