import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import { formatReceipt, type Receipt } from './receipt.ts'

const hash = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)
const receipt: Receipt = {
  index: 1n << 40n,
  leaf: Uint8Array.of(1, 2, 3),
  proof: [hash(1), hash(2)],
  checkpoint: 'log.example/test\n5\nAAAA\n\n— log.example/test AAAAAAAA\n',
  isNew: true,
}

describe('formatReceipt', () => {
  it('writes what a reader of C2SP tlog-proofs takes, and none of the entry itself', () => {
    const { index, proof: hashes, checkpoint } = receipt
    assert.deepEqual(parseTlogProof(formatReceipt(receipt)), { index, hashes, checkpoint })
  })

  it('writes the same whether or not the statement was there before', () => {
    assert.equal(formatReceipt({ ...receipt, isNew: false }), formatReceipt(receipt))
  })

  it('writes a proof of the only entry of a log', () => {
    assert.deepEqual(parseTlogProof(formatReceipt({ ...receipt, index: 0n, proof: [] })).hashes, [])
  })

  it('refuses what no proof can hold', () => {
    assert.throws(() => formatReceipt({ ...receipt, index: -1n }), RangeError)
    assert.throws(() => formatReceipt({ ...receipt, index: 1n << 63n }), RangeError)
    assert.throws(() => formatReceipt({ ...receipt, proof: [new Uint8Array(31)] }), RangeError)
    assert.throws(() => formatReceipt({ ...receipt, proof: Array.from({ length: 64 }, () => hash(0)) }), RangeError)
    assert.throws(() => formatReceipt({ ...receipt, checkpoint: '' }), RangeError)
  })
})
