import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex } from '../../bytes/hex.ts'
import { beginsCodestream, findCodestreamEnd } from './codestream-end.ts'

const hex = (spelled: string): Uint8Array => decodeHex(spelled.replace(/\s+/g, ''))

const SOF = 'ffc0 0008 080001000101'
const SOF_LS = 'fff7 0008 080001000101'
const SOS = 'ffda 0006 01003f00'
const SIZ = 'ff51 0004 0000'
const COD = 'ff52 0003 00'
/** A tile part of so many bytes of data. */
const tile = (data: string, length?: string): string => {
  const bytes = data.replace(/\s+/g, '').length / 2
  return `ff90 000a 0000 ${length ?? (14 + bytes).toString(16).padStart(8, '0')} 0001 ff93 ${data}`
}

interface Accepted {
  readonly name: string
  readonly spelled: string
  /** Bytes behind the end. */
  readonly behind?: number
  readonly isCounted?: boolean
}

const ACCEPTED: readonly Accepted[] = [
  { name: 'JPEG', spelled: `ffd8 ${SOF} ${SOS} 010203 ffd9` },
  { name: 'JPEG with padding behind', spelled: `ffd8 ${SOF} ${SOS} 010203 ffd9 00`, behind: 1 },
  { name: 'JPEG with stuffed data', spelled: `ffd8 ${SOF} ${SOS} 01ff00ff00d9 ffd9` },
  { name: 'JPEG with restarts', spelled: `ffd8 ${SOF} ${SOS} 01 ffd0 02 ffd7 03 ffd9` },
  { name: 'JPEG with two scans', spelled: `ffd8 ${SOF} ${SOS} 01 ${SOS} 02 ffd9` },
  { name: 'JPEG with fill bytes', spelled: `ffd8 ffff ${SOF} ffffff ${SOS} 01 ffffffd9` },
  { name: 'JPEG with an end marker in a comment', spelled: `ffd8 fffe 0006 ffd9ffd9 ${SOF} ${SOS} 01 ffd9` },
  { name: 'JPEG with an item tag in its data', spelled: `ffd8 ${SOF} ${SOS} 01feff00e002 ffd9` },
  { name: 'JPEG with another behind', spelled: `ffd8 ${SOF} ${SOS} 01 ffd9 feff00e0 ffd8 ${SOF} ffd9`, behind: 18 },
  { name: 'JPEG with a marker without a segment', spelled: `ffd8 ff01 ${SOF} ${SOS} 01 ffd9` },
  { name: 'JPEG-LS with stuffed data', spelled: `ffd8 ${SOF_LS} ${SOS} 01ff7fff00 ffd9` },
  { name: 'JPEG 2000', spelled: `ff4f ${SIZ} ${COD} ${tile('0102')} ffd9`, isCounted: true },
  {
    name: 'JPEG 2000 with two tile parts',
    spelled: `ff4f ${SIZ} ${COD} ${tile('0102')} ${tile('ffd9')} ffd9`,
    isCounted: true,
  },
  {
    name: 'JPEG 2000 with padding behind',
    spelled: `ff4f ${SIZ} ${COD} ${tile('0102')} ffd9 0000`,
    behind: 2,
    isCounted: true,
  },
  {
    name: 'JPEG 2000 whose last tile part has no length',
    spelled: `ff4f ${SIZ} ${COD} ${tile('0102', '00000000')} ffd9`,
    isCounted: false,
  },
]

const REFUSED: readonly { readonly name: string; readonly spelled: string }[] = [
  { name: 'nothing', spelled: '' },
  { name: 'RLE', spelled: '01000000 40000000' },
  { name: 'a start without anything', spelled: 'ffd8 ff' },
  { name: 'JPEG without an end', spelled: `ffd8 ${SOF} ${SOS} 010203` },
  { name: 'JPEG that ends in a marker', spelled: `ffd8 ${SOF} ${SOS} 010203 ff` },
  { name: 'JPEG that starts twice', spelled: `ffd8 ffd8 ${SOF} ${SOS} 01 ffd9` },
  { name: 'JPEG with a segment of no length', spelled: `ffd8 ffc0 0000 ${SOS} 01 ffd9` },
  { name: 'JPEG with a segment past the end', spelled: 'ffd8 ffc0 ffff 0102' },
  { name: 'JPEG with data where a marker should be', spelled: `ffd8 ${SOF} 0102 ${SOS} 01 ffd9` },
  { name: 'JPEG 2000 without an end', spelled: `ff4f ${SIZ} ${COD} ${tile('0102')}` },
  { name: 'JPEG 2000 with a tile part past the end', spelled: `ff4f ${SIZ} ${COD} ${tile('0102', '00001000')} ffd9` },
  {
    name: 'JPEG 2000 with a tile part shorter than its header',
    spelled: `ff4f ${SIZ} ${COD} ${tile('0102', '0000000d')} ffd9`,
  },
  {
    name: 'JPEG 2000 with four bytes in its data that a length does not count',
    spelled: `ff4f ${SIZ} ${COD} ${tile('01feff00e002', '00000010')} ffd9`,
  },
]

describe('findCodestreamEnd', () => {
  for (const { name, spelled, behind = 0, isCounted = false } of ACCEPTED) {
    it(`finds the end of ${name}`, () => {
      const bytes = hex(spelled)
      assert.deepEqual(findCodestreamEnd(bytes), { end: bytes.length - behind, isCounted })
    })
  }
  for (const { name, spelled } of REFUSED) {
    it(`finds no end of ${name}`, () => assert.equal(findCodestreamEnd(hex(spelled)), undefined))
  }

  it('comes to an end on every truncation and on damage', () => {
    let state = 3
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state >>> 24
    }
    for (const { spelled } of ACCEPTED) {
      const bytes = hex(spelled)
      for (let length = 0; length < bytes.length; length++) findCodestreamEnd(bytes.subarray(0, length))
      for (let round = 0; round < 200; round++) {
        const damaged = bytes.slice()
        damaged[random() % damaged.length] = random()
        const found = findCodestreamEnd(damaged)
        assert.ok(found === undefined || (found.end <= damaged.length && found.end >= 4))
      }
    }
  })
})

describe('beginsCodestream', () => {
  it('knows the start of the two families, and no other', () => {
    for (const spelled of ['ffd8ffe0', 'ff4fff51']) assert.equal(beginsCodestream(hex(spelled)), true)
    for (const spelled of ['', 'ff', 'ffd8', 'ffd800ff', 'ff4fff52', '0000000c6a502020']) {
      assert.equal(beginsCodestream(hex(spelled)), false)
    }
  })
})
