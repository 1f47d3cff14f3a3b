import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import type { Fragment } from './element.ts'
import { type Encapsulated, parseOffsets, splitFrames } from './frames.ts'

/** Fragments with these payloads behind an offset table that starts at 100; `read` gives the payloads. */
function encapsulate(
  payloads: readonly (readonly number[])[],
  rest: Partial<Encapsulated> & { readonly numberOfFrames: number },
): Encapsulated {
  const fragments: Fragment[] = [{ start: 100, valueStart: 108, end: 108 }]
  let start = 108
  for (const { length } of payloads) {
    fragments.push({ start, valueStart: start + 8, end: start + 8 + length })
    start += 8 + length
  }
  const read = (fragment: Fragment): Uint8Array =>
    Uint8Array.from(payloads[fragments.indexOf(fragment) - 1] as readonly number[])
  return { fragments, basicOffsets: [], read, ...rest }
}

const four = (rest: Partial<Encapsulated> & { readonly numberOfFrames: number }): Encapsulated =>
  encapsulate(
    [
      [1, 2],
      [3, 4],
      [5, 6, 7, 8],
      [9, 10],
    ],
    rest,
  )

const refuses = (pixels: Encapsulated): void =>
  assert.throws(
    () => splitFrames(pixels),
    (error) => error instanceof FormatError && error.code === 'dicom_fragments_malformed',
  )

describe('frames of encapsulated pixel data (PS3.5 A.4)', () => {
  it('are one fragment each where the numbers are equal', () => {
    assert.deepEqual(splitFrames(four({ numberOfFrames: 4 })), [[1], [2], [3], [4]])
  })

  it('are all fragments where there is one frame', () => {
    assert.deepEqual(splitFrames(four({ numberOfFrames: 1 })), [[1, 2, 3, 4]])
  })

  it('start where the basic offset table says', () => {
    assert.deepEqual(splitFrames(four({ numberOfFrames: 2, basicOffsets: [0, 20] })), [
      [1, 2],
      [3, 4],
    ])
    assert.deepEqual(splitFrames(four({ numberOfFrames: 3, basicOffsets: [0, 10, 32] })), [[1], [2, 3], [4]])
  })

  it('start where the extended offset table says, each one fragment', () => {
    const table = { numberOfFrames: 4, extendedOffsets: [0, 10, 20, 32] }
    assert.deepEqual(splitFrames(four({ ...table, extendedLengths: [2, 2, 4, 2] })), [[1], [2], [3], [4]])
    assert.deepEqual(
      splitFrames(four({ ...table, extendedLengths: [2, 1, 3, 2] })),
      [[1], [2], [3], [4]],
      'lengths without padding',
    )
  })

  const refusedTables: readonly { readonly name: string; readonly pixels: Encapsulated }[] = [
    { name: 'an offset that is no start of a fragment', pixels: four({ numberOfFrames: 2, basicOffsets: [0, 12] }) },
    { name: 'a first offset other than 0', pixels: four({ numberOfFrames: 2, basicOffsets: [10, 20] }) },
    { name: 'offsets out of order', pixels: four({ numberOfFrames: 3, basicOffsets: [0, 20, 10] }) },
    { name: 'an offset twice', pixels: four({ numberOfFrames: 3, basicOffsets: [0, 10, 10] }) },
    { name: 'fewer offsets than frames', pixels: four({ numberOfFrames: 3, basicOffsets: [0, 20] }) },
    { name: 'more offsets than frames', pixels: four({ numberOfFrames: 1, basicOffsets: [0, 20] }) },
    {
      name: 'both tables',
      pixels: four({
        numberOfFrames: 4,
        basicOffsets: [0, 10, 20, 32],
        extendedOffsets: [0, 10, 20, 32],
        extendedLengths: [2, 2, 4, 2],
      }),
    },
    {
      name: 'an extended table without lengths',
      pixels: four({ numberOfFrames: 4, extendedOffsets: [0, 10, 20, 32] }),
    },
    { name: 'lengths without offsets', pixels: four({ numberOfFrames: 4, extendedLengths: [2, 2, 4, 2] }) },
    {
      name: 'an extended table with two fragments a frame',
      pixels: four({ numberOfFrames: 2, extendedOffsets: [0, 20], extendedLengths: [2, 4] }),
    },
    {
      name: 'a wrong extended length',
      pixels: four({ numberOfFrames: 4, extendedOffsets: [0, 10, 20, 32], extendedLengths: [2, 2, 2, 2] }),
    },
    { name: 'fewer fragments than frames', pixels: four({ numberOfFrames: 5 }) },
    { name: 'no fragments', pixels: encapsulate([], { numberOfFrames: 1 }) },
    { name: 'no frames', pixels: four({ numberOfFrames: 0 }) },
    { name: 'half a frame', pixels: four({ numberOfFrames: 1.5 }) },
    { name: 'fragments that do not tell', pixels: four({ numberOfFrames: 2 }) },
  ]
  for (const { name, pixels } of refusedTables) it(`refuse ${name}`, () => refuses(pixels))

  const start = [0xff, 0xd8, 0xff, 0xc3]
  const end = [7, 0xff, 0xd9]
  const soc = [0xff, 0x4f, 0xff, 0x51]

  it('are told by their codestreams where no table is', () => {
    const jpeg = [start, [1, 2], end, [...start, ...end, 0]]
    assert.deepEqual(splitFrames(encapsulate(jpeg, { numberOfFrames: 2 })), [[1, 2, 3], [4]])
    assert.deepEqual(splitFrames(encapsulate([soc, end, [...soc, ...end]], { numberOfFrames: 2 })), [[1, 2], [3]])
  })

  const refusedContents: readonly {
    readonly name: string
    readonly payloads: readonly (readonly number[])[]
    readonly numberOfFrames: number
  }[] = [
    { name: 'a frame that begins before the one before ended', payloads: [start, [1], start, end], numberOfFrames: 2 },
    {
      name: 'a fragment between two frames',
      payloads: [
        [...start, ...end],
        [1, 2],
        [...start, ...end],
      ],
      numberOfFrames: 2,
    },
    { name: 'a last frame that does not end', payloads: [[...start, ...end], start, [1]], numberOfFrames: 2 },
    {
      name: 'more codestreams than frames',
      payloads: [
        [...start, ...end],
        [...start, ...end],
        [...start, ...end],
      ],
      numberOfFrames: 2,
    },
    { name: 'fewer codestreams than frames', payloads: [start, [1], [2], end], numberOfFrames: 2 },
  ]
  for (const { name, payloads, numberOfFrames } of refusedContents)
    it(`refuse ${name}`, () => refuses(encapsulate(payloads, { numberOfFrames })))
})

describe('an offset table', () => {
  it('holds little-endian numbers of four or eight bytes', () => {
    assert.deepEqual(parseOffsets(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0x80), 4), [1, 0x80000000])
    assert.deepEqual(parseOffsets(Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0), 8), [2 ** 32 + 1])
    assert.deepEqual(parseOffsets(new Uint8Array(0), 4), [])
  })

  it('refuses other lengths and numbers above 2^53', () => {
    for (const [bytes, size] of [
      [new Uint8Array(6), 4],
      [new Uint8Array(4), 8],
      [new Uint8Array(8).fill(255), 8],
    ] as const) {
      assert.throws(
        () => parseOffsets(bytes, size),
        (error) => error instanceof FormatError && error.code === 'dicom_fragments_malformed',
      )
    }
  })
})
