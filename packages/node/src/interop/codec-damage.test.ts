/**
 * Damaged codestreams: each decoder gives a frame or its own error, and the next frame is right.
 *
 * Seeded, a few changes of each kind a file; a run over more is a matter of the numbers below.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { frameLength } from '@fiducial/core/formats/codec/codec.ts'
import { sharedSkip } from '../testing/peers.ts'
import { randomNumbers } from './codec-images.ts'
import { assertSameBytes, codecs, encapsulatedSubjects, type Subject, subjectAt } from './codec-subjects.ts'

/** Larger pictures only cost time here, but the only ones of High-Throughput JPEG 2000 are larger. */
const SIZE_LIMIT = 100_000
const HTJ2K = /\.4\.20[123]$/
const ROUNDS = 3

type Damage = (bytes: Uint8Array, random: () => number) => Uint8Array

const below = (random: () => number, limit: number): number => Math.floor(random() * limit)

const DAMAGES: Readonly<Record<string, Damage>> = {
  'a byte of the first 200': (bytes, random) =>
    bytes.with(below(random, Math.min(bytes.length, 200)), below(random, 256)),
  'a bit anywhere': (bytes, random) => {
    const at = below(random, bytes.length)
    return bytes.with(at, (bytes[at] as number) ^ (1 << below(random, 8)))
  },
  'an end that is missing': (bytes, random) => bytes.slice(0, below(random, bytes.length)),
  'sixteen bytes anywhere': (bytes, random) => {
    const damaged = bytes.slice()
    const at = below(random, bytes.length)
    for (let i = at; i < Math.min(at + 16, bytes.length); i++) damaged[i] = below(random, 256)
    return damaged
  },
  'bytes that are missing in between': (bytes, random) => {
    const at = below(random, bytes.length)
    return concatBytes(bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 8)))
  },
}

describe('damaged codestreams', { skip: sharedSkip }, () => {
  const subjects = sharedSkip === false ? encapsulatedSubjects().filter(isDecodable).filter(isSmall) : []

  for (const [index, subject] of subjects.entries()) {
    it(`of ${subject.name} (${subject.transferSyntaxUid}) give a frame or codec_failed or codec_unsupported`, async () => {
      const codec = await codecs.load(subject.transferSyntaxUid)
      const [codestream] = subject.codestreams() as [Uint8Array]
      const expected = codec.decode(codestream, subject.shape).bytes
      const random = randomNumbers(index)
      for (const [name, damage] of Object.entries(DAMAGES)) {
        for (let round = 0; round < ROUNDS; round++) {
          try {
            const { bytes } = codec.decode(damage(codestream, random), subject.shape)
            assert.equal(bytes.length, frameLength(subject.shape))
          } catch (error) {
            assert.ok(
              error instanceof FormatError && /^codec_(failed|unsupported)$/.test(error.code),
              `${name}: ${error}`,
            )
          }
        }
      }
      assertSameBytes(codec.decode(codestream, subject.shape).bytes, expected)
    })
  }

  it('leave no memory behind', async () => {
    const subject = subjectAt(
      'data/dicom/cornerstone/CTImage.dcm_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm',
    )
    const codec = await codecs.load(subject.transferSyntaxUid)
    const [codestream] = subject.codestreams() as [Uint8Array]
    const cut = codestream.slice()
    cut.fill(0, codestream.length / 2, codestream.length - 2)
    const before = process.memoryUsage.rss()
    // Each failure ends an instance that has 50 MiB of address space and at least the frame's 0.5 MiB in use.
    for (let i = 0; i < 100; i++) assert.throws(() => codec.decode(cut, subject.shape), FormatError)
    assert.ok(process.memoryUsage.rss() - before < 300 * 2 ** 20, 'resident memory grows by less than 300 MiB')
  })
})

describe('a codestream under a transfer syntax that it does not belong to', { skip: sharedSkip }, () => {
  it('is refused, or is of the same family', async () => {
    const family = (uid: string): string =>
      uid
        .replace(/\.4\.(50|51|53|55)$/, '.dct')
        .replace(/\.4\.(57|70)$/, '.sof3')
        .replace(/\.4\.(80|81)$/, '.jls')
        .replace(/\.4\.(90|91)$/, '.j2k')
        .replace(/\.4\.20[123]$/, '.htj2k')
    const smallest = new Map<string, Subject>()
    for (const subject of encapsulatedSubjects().filter(isDecodable)) {
      const known = smallest.get(subject.transferSyntaxUid)
      if (known === undefined || subject.shape.rows < known.shape.rows) smallest.set(subject.transferSyntaxUid, subject)
    }
    assert.ok(smallest.size >= 14)
    for (const { transferSyntaxUid, shape, codestreams } of smallest.values()) {
      for (const other of smallest.keys()) {
        const codec = await codecs.load(other)
        const decode = () => codec.decode(codestreams()[0] as Uint8Array, shape)
        if (family(other) === family(transferSyntaxUid)) assert.equal(decode().bytes.length, frameLength(shape))
        else assert.throws(decode, (error) => error instanceof FormatError && error.code.startsWith('codec_'))
      }
    }
  })
})

function isDecodable({ name }: Subject): boolean {
  return name !== 'JPEG2000-embedded-sequence-delimiter.dcm'
}

function isSmall({ transferSyntaxUid, codestreams }: Subject): boolean {
  return (codestreams()[0] as Uint8Array).length <= SIZE_LIMIT || HTJ2K.test(transferSyntaxUid)
}
