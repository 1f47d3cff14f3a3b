import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from '../../../bytes/hex.ts'
import { encodeUtf8 } from '../../../bytes/text.ts'
import { seeded } from '../../../testing/seeded.ts'
import { encodeParity, fillErasures } from './reed-solomon.ts'

describe('encodeParity', () => {
  it('gives the error correction of QR codes, which use the same field and roots', () => {
    // ISO/IEC 18004, worked example of version 1-M: the digits 01234567.
    const data = decodeHex('10200c566180ec11ec11ec11ec11ec11')
    assert.equal(encodeHex(encodeParity(data, 10)), 'a524d4c1ed36c7872c55')
  })

  it('refuses a codeword of more than 255 symbols', () => {
    assert.throws(() => encodeParity(new Uint8Array(250), 6), RangeError)
  })
})

describe('fillErasures', () => {
  const random = seeded(5)

  it('fills in as many symbols as there is parity for, wherever they are', () => {
    for (let round = 0; round < 200; round++) {
      const parity = random(60)
      const data = Uint8Array.from({ length: 1 + random(195) }, () => random(256))
      const whole = Uint8Array.of(...data, ...encodeParity(data, parity))
      const lost = pick(whole.length, Math.min(parity, whole.length))
      const damaged = whole.map((symbol, i) => (lost.includes(i) ? random(256) : symbol))
      assert.ok(fillErasures(damaged, parity, lost))
      assert.deepEqual(damaged, whole)
    }
  })

  it('says so when more are lost', () => {
    const data = encodeUtf8('too much of this is gone')
    const whole = Uint8Array.of(...data, ...encodeParity(data, 4))
    assert.equal(fillErasures(whole, 4, [0, 1, 2, 3, 4]), false)
  })

  function pick(below: number, count: number): number[] {
    const places = Array.from({ length: below }, (_, i) => i)
    for (let i = 0; i < count; i++) {
      const j = i + random(below - i)
      const place = places[i] as number
      places[i] = places[j] as number
      places[j] = place
    }
    return places.slice(0, count)
  }
})
