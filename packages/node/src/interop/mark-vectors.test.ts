/** The planes of vectors/marks, as any implementation would check them: by the plain coder and by the kernel. */
import assert from 'node:assert/strict'
import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from '@fiducial/core/bytes/hex.ts'
import { createTileCoder } from '@fiducial/core/domain/mark/kernel/mark-kernel.ts'
import { deriveImageKey, deriveMarkKeys, deriveRecordId } from '@fiducial/core/domain/mark/keys.ts'
import { embedPlane } from '@fiducial/core/domain/mark/tiles/embed-plane.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import { readPlane } from '@fiducial/core/domain/mark/tiles/read-plane.ts'
import { makeKeyTable, makePads } from '@fiducial/core/domain/mark/tiles/tile-keys.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'

interface PlaneVector {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly bits: number
  readonly plane: number
  readonly planes: number
  readonly side: string
  readonly original: string
  readonly marked: string
  readonly tileSize: number
  readonly bytesPerTile: number
  readonly syndromes: readonly number[]
  readonly edits: readonly { readonly at: number; readonly value: number; readonly lost: readonly number[] }[]
}

interface Vectors {
  readonly markKey: string
  readonly volumeNonce: string
  readonly index: number
  readonly count: number
  readonly keys: Readonly<Record<'id' | 'chips' | 'signatureSeed', string>>
  readonly recordId: string
  readonly imageKey: string
  readonly publicKey: string
  readonly tableFirst: readonly number[]
  readonly tableSecond: readonly number[]
  readonly padsOfPlane1: readonly number[]
  readonly planes: readonly PlaneVector[]
}

const file = join(import.meta.dirname, '../../../../vectors/marks/tiles.json')
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const { hash } = nativeCrypto
const markKey = decodeHex(vectors.markKey)
const imageKey = decodeHex(vectors.imageKey)
const recordId = decodeHex(vectors.recordId)
const place = { volumeNonce: decodeHex(vectors.volumeNonce), index: vectors.index, count: vectors.count }
const CODERS = { 'plain coder': createPlainCoder, kernel: createTileCoder }

describe('vectors/marks: keys', () => {
  it('are derived as written', () => {
    const keys = deriveMarkKeys(hash, markKey)
    assert.deepEqual(
      Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, encodeHex(key)])),
      vectors.keys,
    )
    assert.equal(encodeHex(deriveRecordId(hash, keys.id, place)), vectors.recordId)
    assert.equal(encodeHex(deriveImageKey(hash, markKey, recordId)), vectors.imageKey)
  })

  it('give table and pads as written', () => {
    const { first, second } = makeKeyTable(imageKey, 32)
    assert.deepEqual([...first.subarray(0, 4)], vectors.tableFirst)
    assert.deepEqual([...second.subarray(0, 4)], vectors.tableSecond)
    assert.deepEqual([...makePads(imageKey, 1, 4)], vectors.padsOfPlane1)
  })
})

for (const [coderName, createCoder] of Object.entries(CODERS)) {
  const means = { hash, crypto: nativeCrypto, createCoder }
  describe(`vectors/marks: planes, by the ${coderName}`, () => {
    for (const vector of vectors.planes) {
      const side = decodeHex(vector.side)
      const order = {
        imageKey,
        plane: vector.plane,
        sideBytes: side.length,
        publicKey: decodeHex(vectors.publicKey),
      }

      it(`marks ${vector.name}`, () => {
        const { plane, planes } = vector
        const header = { ...place, hasChips: side.length > 0, recordId, plane, planes }
        const marked = embedPlane(
          planeOf(vector, vector.original),
          { imageKey, header, side, sign: signMessage },
          means,
        )
        assert.deepEqual(marked.plane, planeOf(vector, vector.marked))
        assert.deepEqual([marked.tileSize, marked.bytesPerTile], [vector.tileSize, vector.bytesPerTile])
        assert.deepEqual([...marked.syndromes], vector.syndromes)
      })

      it(`takes the mark off ${vector.name}`, () => {
        const read = readPlane(planeOf(vector, vector.marked), order, means)
        assert.deepEqual([read.outcome, read.signature], ['holds', vector.bytesPerTile === 0 ? 'unknown' : 'holds'])
        assert.deepEqual(read.restored, planeOf(vector, vector.original))
      })

      it(`shows edits of ${vector.name}`, () => {
        for (const { at, value, lost } of vector.edits) {
          const plane = planeOf(vector, vector.marked)
          plane.samples[at] = value
          const { held } = readPlane(plane, order, means)
          assert.deepEqual(
            [...held].flatMap((one, tile) => (one === 1 ? [] : [tile])),
            lost,
          )
        }
      })
    }
  })
}

function planeOf({ width, height, bits }: PlaneVector, text: string): Plane {
  const bytes = Buffer.from(text, 'base64')
  return {
    width,
    height,
    bits,
    samples: Uint16Array.from({ length: width * height }, (_, i) => bytes.readUInt16BE(2 * i)),
  }
}

function signMessage(message: Uint8Array): Uint8Array {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  const der = Buffer.concat([prefix, decodeHex(vectors.keys.signatureSeed)])
  return new Uint8Array(sign(null, message, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })))
}
