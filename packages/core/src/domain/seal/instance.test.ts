import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { encodeLatin1 } from '../../bytes/text.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { sq, text, us } from '../../formats/dicom/values.ts'
import { countingHashes } from '../../testing/counting-hashes.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { hashes, random, salt, toyDescription, toyElements, toyFile, without } from '../../testing/toy-seal.ts'
import { Digests } from '../signature/digest.ts'
import { describeInstance, type InstanceDescription, uidFromRandom } from './instance.ts'

const describeToy = (elements: readonly NewElement[]): InstanceDescription => toyDescription(toyFile(elements))

describe('describeInstance', () => {
  it('says the same before and after sealing', () => {
    const added = [sq(0x4ffe0001, [us(0x04000005, 0)]), sq(0xfffafffa, [us(0x04000005, 0)])]
    assert.deepEqual(describeToy(toyElements(added)), toyDescription())
  })

  it('says the same in every native transfer syntax, save for its name', () => {
    const elements = without(toyElements(), 0x00291010)
    const expected = describeToy(elements)
    for (const syntax of [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, DEFLATED_EXPLICIT_LITTLE_ENDIAN]) {
      const found = toyDescription(toyFile(elements, syntax))
      assert.deepEqual(found, { ...expected, instance: { ...expected.instance, transferSyntaxUid: syntax } })
    }
  })

  it('names the instance and its shape', () => {
    assert.deepEqual(toyDescription().instance, {
      sopClassUid: '1.2.840.10008.5.1.4.1.1.1',
      sopInstanceUid: '2.25.1001',
      studyInstanceUid: '2.25.1',
      seriesInstanceUid: '2.25.2',
      acquisitionUid: uidFromRandom(random),
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      image: { rows: 4, columns: 6, samplesPerPixel: 1, bitsAllocated: 16, bitsStored: 12 },
    })
  })

  it('keeps the Acquisition UID that there is', () => {
    assert.equal(describeToy(toyElements([text(0x00080017, 'UI', '1.2.99')])).instance.acquisitionUid, '1.2.99')
  })

  it('passes over UIDs that are none', () => {
    const odd = toyElements([text(0x0020000d, 'UI', 'x<b>'), text(0x0020000e, 'UI', '')])
    const { instance } = describeToy(odd)
    assert.equal(instance.studyInstanceUid, null)
    assert.equal(instance.seriesInstanceUid, null)
  })

  it('has a tree over the frames', () => {
    const { pixels, frames, encapsulated } = toyDescription()
    const value = Uint8Array.from({ length: 96 }, (_, i) => i)
    const leaves = [sha256(value.subarray(0, 48)), sha256(value.subarray(48))]
    assert.deepEqual(frames, leaves)
    const [a, b] = leaves.map((leaf) => sha256(Uint8Array.of(0), leaf)) as [Uint8Array, Uint8Array]
    assert.deepEqual(pixels?.root, sha256(Uint8Array.of(1), a, b))
    assert.equal(pixels?.count, 2n)
    assert.equal(encapsulated, null)
  })

  it('describes an object without pixels', () => {
    const { instance, pixels, frames } = describeToy(without(toyElements(), 0x7fe00010))
    assert.deepEqual([instance.image, pixels, frames], [null, null, []])
  })

  it('lists the frames as encoded where they cannot be decoded', () => {
    const fragment = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9)
    const jpeg: NewElement = { tag: 0x7fe00010, vr: 'OB', fragments: [new Uint8Array(0), fragment, fragment] }
    const found = toyDescription(toyFile(toyElements([jpeg]), '1.2.840.10008.1.2.4.50'))
    assert.equal(found.pixels, null)
    assert.equal(found.encapsulated?.fragments, 3)
    assert.deepEqual(
      found.frames.map(encodeHex),
      [fragment, fragment].map((bytes) => encodeHex(sha256(bytes))),
    )
  })

  const times: readonly {
    readonly name: string
    readonly elements: readonly NewElement[]
    readonly expected: unknown
  }[] = [
    {
      name: 'Acquisition DateTime first',
      elements: toyElements([text(0x0008002a, 'DT', '20260303101359.5+0100')]),
      expected: { attribute: '0008002a', date: '20260303101359.5+0100', time: null, zone: '+0100' },
    },
    {
      name: 'then acquisition date and time',
      elements: toyElements(),
      expected: { attribute: '00080022', date: '20260303', time: '101359.5', zone: '+0100' },
    },
    {
      name: 'then the study date',
      elements: without(toyElements(), 0x00080022, 0x00080032, 0x00080201),
      expected: { attribute: '00080020', date: '20260303', time: null, zone: null },
    },
    { name: 'nothing where there is none', elements: without(toyElements(), 0x00080020, 0x00080022), expected: null },
    {
      name: 'nothing that is no date',
      elements: without(toyElements([{ tag: 0x00080022, vr: 'DA', value: encodeLatin1('<script>') }]), 0x00080020),
      expected: null,
    },
  ]
  for (const { name, elements, expected } of times) {
    it(`takes the time of acquisition as written: ${name}`, () =>
      assert.deepEqual(describeToy(elements).acquiredAt, expected))
  }

  it('digests the data set for nothing where a signature already did', () => {
    const file = toyFile()
    const counted = countingHashes(hashes)
    const digests = new Digests(file.dataSet, counted.hashes)
    const signable = file.dataSet.elements.filter(({ tag }) => tag !== 0x00291010)
    digests.digest('sha256', signable, [], 'as_stored')
    const before = counted.bytes()
    describeInstance(file, counted.hashes, salt, { digests, random })
    const pixelBytes = 96
    const headerBytes = file.source.length - pixelBytes
    // Every other byte goes through a digest twice at most: in its element, and in a tree or a stream.
    assert.ok(counted.bytes() - before < pixelBytes + 3 * headerBytes, `${counted.bytes() - before} bytes`)
  })

  it('passes over the pixels of a large image once beside the MAC stream', () => {
    const value = new Uint8Array(2 * 1000 * 1000)
    const large: readonly NewElement[] = [
      us(0x00280010, 1000),
      us(0x00280011, 1000),
      text(0x00280008, 'IS', '1'),
      { tag: 0x7fe00010, vr: 'OW', value },
    ]
    const file = toyFile(toyElements(large))
    const counted = countingHashes(hashes)
    describeInstance(file, counted.hashes, salt, { digests: new Digests(file.dataSet, counted.hashes), random })
    assert.ok(counted.bytes() < 2 * value.length + 20_000, `${counted.bytes()} bytes`)
  })
})

describe('uidFromRandom', () => {
  it('makes the UID of a version 4 UUID', () => {
    // ffffffff-ffff-4fff-bfff-ffffffffffff
    assert.equal(uidFromRandom(new Uint8Array(16).fill(255)), '2.25.340282366920937632322261936355783213055')
    assert.equal(uidFromRandom(new Uint8Array(16)), '2.25.302240678275694148452352')
    assert.throws(() => uidFromRandom(new Uint8Array(15)), RangeError)
  })
})
