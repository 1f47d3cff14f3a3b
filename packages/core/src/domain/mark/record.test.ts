import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { decodeLatin1, encodeUtf8, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import {
  firstDigestOf,
  formatMarkRecord,
  headLength,
  type MarkRecord,
  openThumbnail,
  parseMarkRecord,
  parseMarkRecordHead,
  sealThumbnail,
} from './record.ts'

const { hash } = portableCrypto
const imageKey = new Uint8Array(32).fill(8)
const recordId = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const thumbnail = sealThumbnail(hash, imageKey, { recordId, frame: 1, bytes: encodeUtf8('a small picture') })

const plane = (fill: number) => ({
  tileSize: 32,
  bytesPerTile: 7,
  hasChips: fill === 0,
  signature: new Uint8Array(64).fill(fill),
  digest: new Uint8Array(32).fill(fill + 1),
  // 3 × 2 tiles.
  syndromes: Uint32Array.from({ length: 12 }, (_, i) => 1000 * fill + i),
})
const record: MarkRecord = {
  recordId,
  volume: { volumeNonce: new Uint8Array(16).fill(9), index: 2, count: 5 },
  publicKey: new Uint8Array(32).fill(7),
  device: 'device-room-1',
  isDemo: false,
  markedAt: new Date('2026-03-03T10:14:00.123Z'),
  instanceUid: '1.2.3',
  frames: 2,
  components: 1,
  width: 100,
  height: 70,
  bits: 12,
  planes: [plane(0), plane(1)],
  thumbnails: [{ frame: 1, bytes: thumbnail }],
}
const bytes = formatMarkRecord(record)
/** The same with another head. */
const spelled = (change: (head: string) => string): Uint8Array => {
  const end = headLength(bytes)
  const head = encodeUtf8(change(decodeLatin1(bytes.subarray(8, end))))
  const prefix = bytes.slice(0, 8)
  new DataView(prefix.buffer).setUint32(4, head.length)
  return joinBytes([prefix, head, bytes.subarray(end)])
}
const isMalformed = (error: unknown) => error instanceof FormatError && error.code === 'mark_record_malformed'

describe('a mark record', () => {
  it('is read as it was written, and written as it was read', () => {
    assert.deepEqual(parseMarkRecord(bytes), record)
    assert.deepEqual(formatMarkRecord(parseMarkRecord(bytes)), bytes)
  })

  it('tells from its beginning what it is a record of', () => {
    const { planes: _planes, thumbnails: _thumbnails, ...head } = record
    assert.deepEqual(parseMarkRecordHead(bytes.subarray(0, headLength(bytes))), head)
  })

  it('tells the digest of the first plane from what stands behind the head', () => {
    assert.deepEqual(firstDigestOf(bytes), record.planes[0]?.digest)
    assert.equal(firstDigestOf(bytes.subarray(0, headLength(bytes) + 95)), undefined)
  })

  const refusals: readonly (readonly [string, Uint8Array])[] = [
    ['nothing', new Uint8Array(0)],
    ['another magic', joinBytes([encodeUtf8('FMRX'), bytes.subarray(4)])],
    ['a byte less', bytes.subarray(0, -1)],
    ['a byte more', joinBytes([bytes, Uint8Array.of(0)])],
    ['a head that ends early', bytes.subarray(0, 50)],
    ['another version', spelled((head) => head.replace('"version":1', '"version":2'))],
    ['a field of no meaning', spelled((head) => head.replace('{"bits"', '{"a":1,"bits"'))],
    ['a second spelling', spelled((head) => head.replace('"bits":12', '"bits": 12'))],
    ['an index outside the volume', spelled((head) => head.replace('"index":2', '"index":5'))],
    ['another number of planes', spelled((head) => head.replace('"frames":2', '"frames":3'))],
    ['two components', spelled((head) => head.replace('"components":1', '"components":2'))],
    ['tiles of another size', spelled((head) => head.replace('"tileSize":32', '"tileSize":33'))],
    ['more tiles than there are', spelled((head) => head.replace('"width":100', '"width":200'))],
    ['a device that is no id', spelled((head) => head.replace('device-room-1', 'device room 1'))],
    ['a thumbnail of a frame that is not there', spelled((head) => head.replace('"frame":1', '"frame":2'))],
    ['a syndrome out of range', damaged(bytes.length - thumbnail.length - 4)],
  ]
  for (const [name, other] of refusals) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parseMarkRecord(other), isMalformed)
    })
  }

  it('reads damaged bytes or refuses them, and knows no third way', () => {
    const below = seeded(5)
    for (let round = 0; round < 2000; round++) {
      const other = bytes.slice(0, below(4) === 0 ? below(bytes.length) : bytes.length)
      for (let i = 0; i <= below(3); i++) if (other.length > 0) other[below(Math.min(other.length, 600))] = below(256)
      try {
        assert.deepEqual(formatMarkRecord(parseMarkRecord(other)), other)
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
  })
})

function damaged(at: number): Uint8Array {
  const other = bytes.slice()
  other.set([0xff, 0xff, 0xff, 0xff], at)
  return other
}

describe('the thumbnail of a record', () => {
  const sealed = { recordId, frame: 1, bytes: thumbnail }

  it('opens under the key of its image alone, and in its place', () => {
    assert.deepEqual(openThumbnail(hash, imageKey, sealed), encodeUtf8('a small picture'))
    assert.equal(openThumbnail(hash, new Uint8Array(32), sealed), undefined)
    assert.equal(openThumbnail(hash, imageKey, { ...sealed, frame: 0 }), undefined)
    assert.equal(openThumbnail(hash, imageKey, { ...sealed, recordId: new Uint8Array(8) }), undefined)
    assert.equal(openThumbnail(hash, imageKey, { ...sealed, bytes: thumbnail.subarray(1) }), undefined)
  })
})
