import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Hash, HashName } from '../../bytes/hash.ts'
import { joinBytes } from '../../bytes/text.ts'
import { text, us } from '../../formats/dicom/values.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { hashes, toyElements, toyFile } from '../../testing/toy-seal.ts'
import { toyRequest, toySigned } from '../../testing/toy-signature.ts'
import { coveredElements, Digests, macStreamBytes, ownElements } from './digest.ts'
import { readSignatures, TAGS } from './read.ts'
import { isSignable } from './signable.ts'

/** Counts the states that were begun, which is the passes that were made. */
function counting(): { hashes: (name: HashName) => Hash; passes: () => number } {
  let passes = 0
  return {
    hashes: (name) => {
      passes++
      return hashes(name)
    },
    passes: () => passes,
  }
}

const file = toyFile()
const { dataSet } = file
const signable = dataSet.elements.filter(isSignable)

describe('Digests', () => {
  it('digests the stream', async () => {
    const signed = await toySigned(file)
    const [signature] = readSignatures(signed.dataSet).signatures
    assert.ok(signature)
    const stream = joinBytes(macStreamBytes(signed.dataSet.source, signed.dataSet, signature, 'as_stored'))
    const digests = new Digests(signed.dataSet, hashes)
    const digest = digests.digest('sha256', coveredElements(signature), ownElements(signature), 'as_stored')
    assert.deepEqual(digest, sha256(stream))
  })

  it('goes on from passes that were made over the same bytes, but for those over other pixels', () => {
    const before = new Digests(dataSet, hashes)
    const own = [us(TAGS.macId, 0)]
    const expected = before.digest('sha256', signable, own, 'normalised')
    const substitute = { vr: 'OW', lengthBytes: 2, frames: () => [Uint8Array.of(1, 2)] } as const
    const other = before.digest('sha256', signable, own, 'normalised', substitute)
    const { hashes: counted, passes } = counting()
    const digests = new Digests(dataSet, counted, before.passes)
    assert.deepEqual(digests.digest('sha256', signable, own, 'normalised'), expected)
    assert.deepEqual(digests.digest('sha256', signable, own, 'normalised'), expected)
    assert.equal(passes(), 0)
    assert.deepEqual(digests.digest('sha256', signable, own, 'normalised', substitute), other)
    assert.equal(passes(), 1)
    assert.deepEqual(new Digests(dataSet, hashes, before.passes).passes, before.passes)
  })

  it('makes one pass for one set of elements, however often it is asked for', () => {
    const { hashes: counted, passes } = counting()
    const digests = new Digests(dataSet, counted)
    const first = digests.digest('sha256', signable, [us(TAGS.macId, 0)], 'as_stored')
    const second = digests.digest('sha256', signable, [us(TAGS.macId, 1)], 'normalised')
    assert.notDeepEqual(first, second)
    assert.deepEqual(digests.digest('sha256', signable, [us(TAGS.macId, 0)], 'normalised'), first)
    assert.deepEqual(digests.digestElements('sha256', signable, 'as_stored').length, 32)
    assert.equal(passes(), 1)
  })

  it('makes one more for other elements, another digest, and padding that can be read in two ways', () => {
    const { hashes: counted, passes } = counting()
    const padded = toyFile(toyElements([text(0x00100020, 'LO', 'A   ')])).dataSet
    const digests = new Digests(padded, counted)
    const all = padded.elements.filter(isSignable)
    digests.digestElements('sha256', all, 'as_stored')
    assert.equal(digests.isPaddingUnusual('sha256', all), true)
    assert.equal(passes(), 1)
    digests.digestElements('sha256', all, 'normalised')
    assert.equal(passes(), 2)
    digests.digestElements('sha512', all, 'as_stored')
    digests.digestElements('sha256', all.slice(1), 'as_stored')
    assert.equal(passes(), 4)
  })

  it('tells items with the same tags apart', async () => {
    const item = (value: string) => [text(0x0040a040, 'CS', value)]
    const report = toyFile(toyElements([{ tag: 0x0040a730, vr: 'SQ', items: [item('CODE'), item('TEXT')] }])).dataSet
    const items = report.elements.find(({ tag }) => tag === 0x0040a730)?.items ?? []
    const digests = new Digests(report, hashes)
    const [first, second] = items.map((one) => digests.digestElements('sha256', one.elements, 'as_stored'))
    assert.notDeepEqual(first, second)
  })

  it('tells substitutes apart, of the same VR and length too', () => {
    const digests = new Digests(dataSet, hashes)
    const pixels = (fill: number) => ({ vr: 'OW', lengthBytes: 96, frames: () => [new Uint8Array(96).fill(fill)] })
    const [ones, twos] = [pixels(1), pixels(2)]
    const first = digests.digestElements('sha256', signable, 'as_stored', ones)
    assert.notDeepEqual(digests.digestElements('sha256', signable, 'as_stored', twos), first)
    assert.deepEqual(digests.digestElements('sha256', signable, 'as_stored', ones), first)
    assert.notDeepEqual(digests.digestElements('sha256', signable, 'as_stored'), first)
  })

  it('puts restored elements in the place of those that are there', () => {
    const other = toyFile(toyElements([text(0x00280004, 'CS', 'RGB')])).dataSet
    const wanted = new Digests(other, hashes).digestElements('sha256', other.elements.filter(isSignable), 'as_stored')
    const samples = { vr: 'OW', lengthBytes: 96, frames: () => [Uint8Array.from({ length: 96 }, (_, i) => i)] }
    const restored = { ...samples, restored: [text(0x00280004, 'CS', 'RGB')] }
    assert.deepEqual(new Digests(dataSet, hashes).digestElements('sha256', signable, 'as_stored', restored), wanted)
  })
})

describe('coveredElements', () => {
  it('keeps the order of the data set, and leaves out what is not there', async () => {
    const signed = await toySigned(file, toyRequest({ tags: [0x00280010, 0x00990001, 0x00100010] }))
    const [signature] = readSignatures(signed.dataSet).signatures
    assert.ok(signature)
    assert.deepEqual(
      coveredElements({ ...signature, signedTags: [0x00280010, 0x00990001, 0x00100010] }).map(({ tag }) => tag),
      [0x00100010, 0x00280010],
    )
  })
})

describe('ownElements', () => {
  it('leaves out what the digest is an input of', async () => {
    const signed = await toySigned(file, toyRequest({ timestamp: async () => Uint8Array.of(0x30, 0) }))
    const [signature] = readSignatures(signed.dataSet).signatures
    assert.ok(signature)
    assert.deepEqual(
      ownElements(signature).map(({ tag }) => tag),
      [TAGS.macId, TAGS.signatureUid, TAGS.signatureDateTime, TAGS.certificateType, TAGS.purpose],
    )
  })
})
