/**
 * Mark vectors: makes vectors/marks/tiles.json anew with the plain coder: small planes of every kind, marked, and edits of them.
 *
 * Deterministic. Run it when version 1 of the mark changes, which it must not do any more once it is released.
 *
 *   node tools/generate-mark-vectors.ts
 */
import { createPrivateKey, createPublicKey, sign as signNative } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { deriveImageKey, deriveMarkKeys, deriveRecordId } from '@fiducial/core/domain/mark/keys.ts'
import { embedPlane } from '@fiducial/core/domain/mark/tiles/embed-plane.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import { readPlane } from '@fiducial/core/domain/mark/tiles/read-plane.ts'
import { makeKeyTable, makePads } from '@fiducial/core/domain/mark/tiles/tile-keys.ts'
import { maximumOf, type Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { seeded } from '../packages/core/src/testing/seeded.ts'
import { type Texture, toyPlane } from '../packages/core/src/testing/toy-planes.ts'

const folder = join(import.meta.dirname, '..', 'vectors', 'marks')
const { hash } = portableCrypto
const means = { hash, crypto: portableCrypto, createCoder: createPlainCoder }
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

const markKey = Uint8Array.from({ length: 32 }, (_, i) => i)
const place = { volumeNonce: Uint8Array.from({ length: 16 }, (_, i) => 0x10 + i), index: 2, count: 7 }
const keys = deriveMarkKeys(hash, markKey)
const recordId = deriveRecordId(hash, keys.id, place)
const imageKey = deriveImageKey(hash, markKey, recordId)
const privateKey = createPrivateKey({
  key: Buffer.concat([PKCS8_PREFIX, keys.signatureSeed]),
  format: 'der',
  type: 'pkcs8',
})
const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32))
const table = makeKeyTable(imageKey, 32)
const random = seeded(4)

interface Subject {
  readonly name: string
  readonly plane: Plane
  readonly number?: number
  readonly sideBytes?: number
}

const subjects: readonly Subject[] = [
  { name: 'a film of 12 bits, tiles wider than others', plane: toy(100, 75, 12, 'noisy') },
  { name: 'black, at the end of the range, 8 bits', plane: toy(64, 64, 8, 'black') },
  { name: 'white, at the other end, 8 bits', plane: toy(64, 64, 8, 'white') },
  { name: 'noise that touches both ends, 8 bits: flags', plane: toy(96, 70, 8, 'clipped') },
  { name: 'noise that touches both ends, 4 bits', plane: toy(64, 64, 4, 'clipped') },
  { name: 'smooth, 16 bits, the second of three planes', plane: toy(70, 70, 16, 'smooth'), number: 1 },
  { name: 'side information of chips, 10 bits', plane: toy(128, 96, 10, 'noisy'), sideBytes: 50 },
  { name: 'too small for a stream: tags alone', plane: toy(12, 12, 8, 'noisy') },
]

mkdirSync(folder, { recursive: true })
const vectors = {
  source: 'tools/generate-mark-vectors.ts, the plain coder',
  markKey: encodeHex(markKey),
  volumeNonce: encodeHex(place.volumeNonce),
  index: place.index,
  count: place.count,
  keys: Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, encodeHex(key)])),
  recordId: encodeHex(recordId),
  imageKey: encodeHex(imageKey),
  publicKey: encodeHex(publicKey),
  tableFirst: [...table.first.subarray(0, 4)],
  tableSecond: [...table.second.subarray(0, 4)],
  padsOfPlane1: [...makePads(imageKey, 1, 4)],
  planes: subjects.map(describe),
}
writeFileSync(join(folder, 'tiles.json'), `${JSON.stringify(vectors, undefined, 1)}\n`)

function describe({ name, plane, number = 0, sideBytes = 0 }: Subject): unknown {
  const side = Uint8Array.from({ length: sideBytes }, (_, i) => 3 * i)
  const planes = number + 1 + (number === 0 ? 0 : 1)
  const header = { ...place, hasChips: sideBytes > 0, recordId, plane: number, planes }
  const sign = (message: Uint8Array) => new Uint8Array(signNative(null, message, privateKey))
  const marked = embedPlane(plane, { imageKey, header, side, sign }, means)
  return {
    name,
    ...{ width: plane.width, height: plane.height, bits: plane.bits, plane: number, planes },
    side: encodeHex(side),
    original: encode(plane),
    marked: encode(marked.plane),
    ...{ tileSize: marked.tileSize, bytesPerTile: marked.bytesPerTile, syndromes: [...marked.syndromes] },
    edits: [1, 1, -1, 5].map((by) => edit(marked.plane, { by, number, sideBytes })),
  }
}

/** One sample that is changed, and the tiles that do not hold any more. */
function edit(plane: Plane, { by, number, sideBytes }: { by: number; number: number; sideBytes: number }): unknown {
  const at = random(plane.samples.length)
  const before = plane.samples[at] as number
  const value = before + by < 0 || before + by > maximumOf(plane) ? before - by : before + by
  const samples = plane.samples.slice()
  samples[at] = value
  const { held } = readPlane({ ...plane, samples }, { imageKey, plane: number, sideBytes }, means)
  return { at, value, lost: [...held].flatMap((one, tile) => (one === 1 ? [] : [tile])) }
}

/** Deflating is left to the repository: 2 bytes a sample, most significant first, as base64. */
function encode({ samples }: Plane): string {
  const bytes = Buffer.alloc(2 * samples.length)
  samples.forEach((sample, i) => {
    bytes.writeUInt16BE(sample, 2 * i)
  })
  return bytes.toString('base64')
}

function toy(width: number, height: number, bits: number, texture: Texture): Plane {
  return toyPlane({ width, height, bits }, texture)
}
