/**
 * Record: what is kept of a marked image outside of it, so that a picture torn from its file can be traced and repaired.
 *
 * Source: docs/reference/mark-record.md. One value, one spelling. The thumbnails are encrypted under the image's key; what
 * is in them is left to thumbnail/.
 */
import { openText, sealText, TAG_BYTES } from '../../bytes/aead.ts'
import type { HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { hkdfSha256 } from '../../bytes/hkdf.ts'
import { encodeUtf8, equalBytes, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject } from '../../formats/json/parse.ts'
import { BITS, PLANE_LIMIT } from '../pixels/plane.ts'
import { KEY_BYTES, RECORD_ID_BYTES, VOLUME_NONCE_BYTES, type VolumePlace } from './keys.ts'
import { gridOf } from './tiles/grid.ts'
import { SIGNATURE_BYTES } from './tiles/stream.ts'

/** What is kept of one plane. */
export interface PlaneRecord {
  /** 32, 64, 128 or 256. */
  readonly tileSize: number
  /** 0 where the tiles carry no stream. */
  readonly bytesPerTile: number
  /** Its stream carries the side information of the chips. */
  readonly hasChips: boolean
  /** Ed25519, 64 bytes; the same as in the stream. */
  readonly signature: Uint8Array
  /** Digest of the marked plane, 32 bytes, as {@link digestPlane} gives it. */
  readonly digest: Uint8Array
  /** t(k1) and t(k2) of each tile, tile by tile. */
  readonly syndromes: Uint32Array
}

/** A thumbnail of one frame. */
export interface SealedThumbnail {
  readonly frame: number
  /** Encrypted; see {@link sealThumbnail}. */
  readonly bytes: Uint8Array
}

export interface MarkRecordHead {
  /** 8 bytes. */
  readonly recordId: Uint8Array
  readonly volume: VolumePlace
  /** Ed25519 key of the planes' signatures, 32 bytes. */
  readonly publicKey: Uint8Array
  /** What the site calls the device by. */
  readonly device: string
  readonly isDemo: boolean
  readonly markedAt: Date
  /** SOP Instance UID, where the image has one. */
  readonly instanceUid: string | null
  readonly frames: number
  /** Planes in a frame: 1 or 3. */
  readonly components: number
  readonly width: number
  readonly height: number
  readonly bits: number
}

export interface MarkRecord extends MarkRecordHead {
  /** frames × components. */
  readonly planes: readonly PlaneRecord[]
  /** In ascending order of their frames. */
  readonly thumbnails: readonly SealedThumbnail[]
}

const MAGIC = encodeUtf8('FMRC')
const PREFIX_BYTES = 8
const DIGEST_BYTES = 32
/** Planes and bytes that a record may have; more than any image that can be marked in memory needs. */
const PLANES_AT_MOST = 2 ** 20
const THUMBNAIL_BYTES_AT_MOST = 2 ** 24
const COUNT_AT_MOST = 2 ** 32 - 1

/**
 * @param bytes  a whole record
 * @throws {FormatError} `mark_record_malformed` for everything that {@link formatMarkRecord} does not write
 */
export function parseMarkRecord(bytes: Uint8Array): MarkRecord {
  const { fields, end } = readFields(bytes)
  const head = readHead(fields)
  const forms = fields.objects('planes', PLANES_AT_MOST, readForm)
  const named = fields.objects('thumbnails', PLANES_AT_MOST, (inner) => ({
    frame: inner.integer('frame', 0, head.frames - 1),
    lengthBytes: inner.integer('lengthBytes', TAG_BYTES, THUMBNAIL_BYTES_AT_MOST),
  }))
  fields.finish()
  if (forms.length !== head.frames * head.components) throw malformed('another number of planes')
  if (named.some(({ frame }, i) => i > 0 && frame <= (named[i - 1]?.frame ?? 0))) throw malformed('order of thumbnails')
  const rest = new Rest(bytes, end)
  const planes = forms.map((form) => readPlane(form, head, rest))
  const thumbnails = named.map(({ frame, lengthBytes }) => ({ frame, bytes: rest.take(lengthBytes) }))
  rest.finish()
  return { ...head, planes, thumbnails }
}

/**
 * The beginning of a record alone: what it is a record of.
 * @param bytes  at least {@link headLength} of them
 * @throws {FormatError} `mark_record_malformed`
 */
export const parseMarkRecordHead = (bytes: Uint8Array): MarkRecordHead => readHead(readFields(bytes).fields)

/**
 * The digest of the first marked plane, which stands behind the head: an image that was not altered has it.
 * @param bytes  the beginning of a record
 * @returns undefined where that ends before
 * @throws {FormatError} `mark_record_malformed`
 */
export function firstDigestOf(bytes: Uint8Array): Uint8Array | undefined {
  const start = headLength(bytes) + SIGNATURE_BYTES
  return start + DIGEST_BYTES > bytes.length ? undefined : bytes.subarray(start, start + DIGEST_BYTES)
}

/** Whether any plane of an image carries chips. @param bytes  as for the head @throws {FormatError} `mark_record_malformed` */
export const headHasChips = (bytes: Uint8Array): boolean =>
  readFields(bytes)
    .fields.objects('planes', PLANES_AT_MOST, readForm)
    .some(({ hasChips }) => hasChips)

/** Bytes up to the end of the head. @param bytes  the first 8 at least @throws {FormatError} `mark_record_malformed` */
export function headLength(bytes: Uint8Array): number {
  if (bytes.length < PREFIX_BYTES || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw malformed('magic')
  return PREFIX_BYTES + new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length)
}

/** The inverse of {@link parseMarkRecord}. */
export function formatMarkRecord(record: MarkRecord): Uint8Array {
  const head = encodeCanonicalJson(headOf(record))
  const prefix = new Uint8Array(PREFIX_BYTES)
  prefix.set(MAGIC)
  new DataView(prefix.buffer).setUint32(MAGIC.length, head.length)
  return joinBytes([
    prefix,
    head,
    ...record.planes.flatMap(({ signature, digest, syndromes }) => [signature, digest, wordBytes(syndromes)]),
    ...record.thumbnails.map(({ bytes }) => bytes),
  ])
}

/** Encrypts a thumbnail. @param imageKey  32 bytes, of this image alone */
export const sealThumbnail = (
  hashes: HashFactory,
  imageKey: Uint8Array,
  { recordId, frame, bytes }: SealedThumbnail & { readonly recordId: Uint8Array },
): Uint8Array => sealText(bytes, thumbnailPlace(hashes, imageKey, recordId, frame))

/** @returns undefined under any other key */
export const openThumbnail = (
  hashes: HashFactory,
  imageKey: Uint8Array,
  { recordId, frame, bytes }: SealedThumbnail & { readonly recordId: Uint8Array },
): Uint8Array | undefined => openText(bytes, thumbnailPlace(hashes, imageKey, recordId, frame))

function thumbnailPlace(hashes: HashFactory, imageKey: Uint8Array, recordId: Uint8Array, frame: number) {
  const key = hkdfSha256(hashes, imageKey, new Uint8Array(0), encodeUtf8('fiducial-mark/v1/thumbnail'))
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(8, frame)
  return { key, nonce, context: recordId }
}

function readFields(bytes: Uint8Array): { readonly fields: JsonFields; readonly end: number } {
  const end = headLength(bytes)
  if (end > bytes.length) throw malformed('the head ends early')
  try {
    return {
      fields: new JsonFields(parseCanonicalJson(bytes.subarray(PREFIX_BYTES, end)), 'mark_record_malformed'),
      end,
    }
  } catch (cause) {
    if (cause instanceof FormatError && cause.code === 'json_malformed') throw malformed('the head is no JSON', cause)
    throw cause
  }
}

function readHead(fields: JsonFields): MarkRecordHead {
  fields.integer('version', 1, 1)
  const frames = fields.integer('frames', 1, PLANES_AT_MOST)
  const components = fields.integer('components', 1, 3)
  const side = (name: string) => fields.integer(name, 2, 65_535)
  const head = {
    recordId: fields.hex('recordId', RECORD_ID_BYTES),
    volume: fields.object('volume', readVolume),
    publicKey: fields.hex('publicKey', KEY_BYTES),
    device: fields.string('device', /^[a-z0-9]+(-[a-z0-9]+)*$/),
    isDemo: fields.boolean('isDemo'),
    markedAt: fields.time('markedAt'),
    instanceUid: fields.nullableString('instanceUid', /^[0-9.]{1,64}$/),
    frames,
    components,
    width: side('width'),
    height: side('height'),
    bits: fields.integer('bits', BITS.least, BITS.most),
  }
  if (components === 2) throw malformed('two planes in a frame')
  if (head.width * head.height > PLANE_LIMIT) throw malformed('sides of a plane')
  return head
}

function readVolume(fields: JsonFields): VolumePlace {
  const volumeNonce = fields.hex('nonce', VOLUME_NONCE_BYTES)
  const count = fields.integer('count', 1, COUNT_AT_MOST)
  return { volumeNonce, count, index: fields.integer('index', 0, count - 1) }
}

type PlaneForm = Pick<PlaneRecord, 'tileSize' | 'bytesPerTile' | 'hasChips'>

function readForm(fields: JsonFields): PlaneForm {
  const tileSize = fields.integer('tileSize', 32, 256)
  if (![32, 64, 128, 256].includes(tileSize)) throw fields.refuse('tileSize', 'is no size of tiles')
  return {
    tileSize,
    bytesPerTile: fields.integer('bytesPerTile', 0, 65_535),
    hasChips: fields.boolean('hasChips'),
  }
}

function readPlane(form: PlaneForm, head: MarkRecordHead, rest: Rest): PlaneRecord {
  const { columns, rows } = gridOf(head, form.tileSize)
  return {
    ...form,
    signature: rest.take(SIGNATURE_BYTES),
    digest: rest.take(DIGEST_BYTES),
    syndromes: rest.takeWords(2 * columns * rows),
  }
}

const headOf = (record: MarkRecord): JsonObject => ({
  version: 1,
  recordId: encodeHex(record.recordId),
  volume: {
    nonce: encodeHex(record.volume.volumeNonce),
    index: record.volume.index,
    count: record.volume.count,
  },
  publicKey: encodeHex(record.publicKey),
  device: record.device,
  isDemo: record.isDemo,
  markedAt: record.markedAt.toISOString(),
  instanceUid: record.instanceUid,
  frames: record.frames,
  components: record.components,
  width: record.width,
  height: record.height,
  bits: record.bits,
  planes: record.planes.map(({ tileSize, bytesPerTile, hasChips }) => ({ tileSize, bytesPerTile, hasChips })),
  thumbnails: record.thumbnails.map(({ frame, bytes }) => ({ frame, lengthBytes: bytes.length })),
})

function wordBytes(words: Uint32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * words.length))
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word)
  return new Uint8Array(view.buffer)
}

/** What stands behind the head, taken piece by piece. */
class Rest {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw malformed('ends early')
    const taken = this.#bytes.slice(this.#at, end)
    this.#at = end
    return taken
  }

  takeWords(count: number): Uint32Array {
    const bytes = this.take(4 * count)
    const view = new DataView(bytes.buffer)
    const words = Uint32Array.from({ length: count }, (_, i) => view.getUint32(4 * i))
    if (words.some((word) => word >= 0x7fff_ffff)) throw malformed('a syndrome out of range')
    return words
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) throw malformed('bytes left over')
  }
}

const malformed = (what: string, cause?: unknown): FormatError =>
  new FormatError('mark_record_malformed', `record of a mark: ${what}`, cause === undefined ? {} : { cause })
