/**
 * Damage to every file of the shared data, and random bytes: the reader returns a sound index or throws FormatError.
 *
 * The seed is fixed. FIDUCIAL_FUZZ_ROUNDS sets how often each file is damaged (default 15), FIDUCIAL_FUZZ_SEED where
 * to start; a failure names both the file and the seed.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type ByteSource, memorySource } from '@fiducial/core/bytes/source.ts'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Element } from '@fiducial/core/formats/dicom/element.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { lengthOf, piecesOf, spliceFile } from '@fiducial/core/formats/dicom/splice.ts'
import { numberAt, readTags, readText, readUint16s, textAt } from '@fiducial/core/formats/dicom/values.ts'
import { sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

const ROUNDS = Number(process.env.FIDUCIAL_FUZZ_ROUNDS ?? 15)
const SEED = Number(process.env.FIDUCIAL_FUZZ_SEED ?? 1)
const LIMITS = { depth: 64, parts: 200_000, inflatedBytes: 2 ** 24 }
/** Numbers that lengths and tags are made of where it hurts. */
const EVIL = [
  0, 1, 2, 7, 8, 0xffff, 0x7fffffff, 0xfffffffe, 0xffffffff, 0xfffee000, 0xe000fffe, 0xfffee0dd, 0xe0ddfffe, 0xe00dfffe,
]

/** Whole numbers from 0 up to a bound, the same for the same seed (xorshift, 32 bits). */
function randomNumbers(seed: number): (bound: number) => number {
  let state = (seed * 0x9e3779b1) >>> 0 || 1
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
}

type Random = (bound: number) => number

/** Offsets where headers stand: damage elsewhere is a changed value, which means nothing to the reader. */
function headersOf({ meta, dataSet, isDeflated }: DicomFile): number[] {
  const offsets = [0, 128, 132]
  const walk = (elements: readonly Element[]): void => {
    for (const { start, valueStart, items, fragments, valueEnd } of elements) {
      offsets.push(start, start + 4, valueStart - 4, valueEnd)
      for (const item of items ?? []) {
        offsets.push(item.start, item.start + 4, item.valueEnd)
        walk(item.elements)
      }
      for (const fragment of fragments ?? []) offsets.push(fragment.start, fragment.start + 4)
    }
  }
  walk(meta)
  if (!isDeflated) walk(dataSet.elements)
  return offsets
}

function damage(bytes: Uint8Array, headers: readonly number[], random: Random): Uint8Array {
  const near = (): number =>
    Math.min(bytes.length - 1, Math.max(0, (headers[random(headers.length)] ?? 0) + random(9) - 2))
  const at = random(3) === 0 ? random(bytes.length) : near()
  const length = 1 + random(random(4) === 0 ? 2000 : 16)
  switch (random(7)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return concatBytes(bytes.subarray(0, at), bytes.subarray(at + length))
    case 2:
      return concatBytes(bytes.subarray(0, at), bytes.subarray(near()).subarray(0, length), bytes.subarray(at))
    case 3:
      return concatBytes(
        bytes.subarray(0, at),
        Uint8Array.from({ length }, () => random(256)),
        bytes.subarray(at),
      )
    case 4: {
      const from = near()
      return concatBytes(bytes.subarray(0, at), bytes.subarray(from))
    }
    case 5: {
      const changed = bytes.slice()
      if (at + 4 <= changed.length)
        new DataView(changed.buffer).setUint32(at, EVIL[random(EVIL.length)] ?? 0, random(2) === 0)
      return changed
    }
    default: {
      const changed = bytes.slice()
      for (let i = random(4); i >= 0; i--) {
        const where = random(2) === 0 ? at : near()
        changed[where] = random(2) === 0 ? random(256) : (changed[where] ?? 0) ^ (1 << random(8))
      }
      return changed
    }
  }
}

/** A source that counts how often it is asked, and answers with copies. */
function countingSource(bytes: Uint8Array): { source: ByteSource; views: () => number } {
  const { view, chunks, length } = memorySource(bytes)
  let views = 0
  return {
    source: {
      length,
      isInMemory: false,
      view(start, end) {
        views++
        return view(start, end)
      },
      chunks,
    },
    views: () => views,
  }
}

/** Ranges lie one behind the other and in each other; everything that reads them returns. */
function checkIndex({ dataSet, meta }: DicomFile): number {
  let parts = 0
  const walk = (elements: readonly Element[], start: number, end: number): void => {
    let at = start
    for (const element of elements) {
      parts++
      assert.equal(element.start, at)
      assert.ok(
        element.start < element.valueStart && element.valueStart <= element.valueEnd && element.valueEnd <= element.end,
      )
      let inside = element.valueStart
      for (const item of element.items ?? []) {
        parts++
        assert.equal(item.start, inside)
        assert.ok(item.valueStart === item.start + 8 && item.valueStart <= item.valueEnd && item.valueEnd <= item.end)
        walk(item.elements, item.valueStart, item.valueEnd)
        inside = item.end
      }
      for (const fragment of element.fragments ?? []) {
        parts++
        assert.equal(fragment.start, inside)
        assert.ok(fragment.valueStart === fragment.start + 8 && fragment.valueStart <= fragment.end)
        inside = fragment.end
      }
      assert.ok(inside <= element.valueEnd)
      at = element.end
    }
    assert.ok(at <= end)
  }
  const { source, elements, start, end } = dataSet
  walk(meta, meta[0]?.start ?? 0, source.length + 2 ** 32)
  walk(elements, start, end)
  assert.ok(end <= source.length)
  for (const element of elements) {
    readText(source, element)
    readUint16s(source, element)
    if (element.vr === 'AT') readTags(source, element)
  }
  textAt(dataSet, 0x00100010)
  numberAt(dataSet, 0x00280008)
  return parts
}

/** @returns the code of the refusal, or `read` */
function tryToRead(bytes: Uint8Array): string {
  const { source, views } = countingSource(bytes)
  let file: DicomFile
  try {
    file = parseDicom(source, { limits: LIMITS })
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    assert.ok(
      error.offset !== undefined && error.offset >= 0 && error.offset <= Math.max(bytes.length, LIMITS.inflatedBytes),
    )
    return error.code
  }
  const parts = checkIndex(file)
  // Each part costs a few views at most, and windows slide forward only: no damage makes the reader go in circles.
  assert.ok(views() <= 8 + 4 * parts, `${views()} views for ${parts} parts`)
  for (const { offset } of file.findings)
    assert.ok(offset >= 0 && offset <= Math.max(bytes.length, file.dataSet.source.length))
  if (!file.isDeflated) {
    const unchanged = spliceFile(file, [])
    assert.equal(lengthOf(unchanged), bytes.length)
    assert.ok(Buffer.from(concatBytes(...piecesOf(unchanged))).equals(bytes))
  }
  return 'read'
}

describe('damaged files', { skip: sharedSkip }, () => {
  it('are indexed soundly or refused with FormatError', () => {
    const outcomes = new Map<string, number>()
    for (const { path, name } of sharedFiles('data/dicom')) {
      const bytes = new Uint8Array(readFileSync(path))
      let headers = [0]
      try {
        headers = headersOf(parseDicom(memorySource(bytes)))
      } catch (error) {
        assert.ok(error instanceof FormatError)
      }
      for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
        const random = randomNumbers(seed)
        let damaged: Uint8Array = bytes
        for (let i = random(3); i >= 0 && damaged.length > 0; i--) damaged = damage(damaged, headers, random)
        try {
          const outcome = tryToRead(damaged)
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        } catch (cause) {
          throw new Error(`${name} with seed ${seed}`, { cause })
        }
      }
    }
    assert.ok((outcomes.get('read') ?? 0) > 0)
    assert.deepEqual(
      [...outcomes.keys()].filter(
        (code) => !['read', 'dicom_not_dicom', 'dicom_limit_exceeded', 'dicom_truncated'].includes(code),
      ),
      [],
    )
  })
})

describe('random bytes', () => {
  const STARTS = ['', '\x08\0\x05\0CS', '\x08\0\x05\0\0\0\0\0', '\0\x08\0\x05UL', `${'\0'.repeat(128)}DICM`]
  it('are indexed soundly or refused with FormatError', () => {
    for (let seed = SEED; seed < SEED + 40 * ROUNDS; seed++) {
      const random = randomNumbers(seed)
      const start = Buffer.from(STARTS[random(STARTS.length)] ?? '', 'latin1')
      // Few different values make tags, items and delimiters likely.
      const values = random(2) === 0 ? [0, 8, 0x10, 0xfe, 0xff, 0xe0, 0xdd, 0x0d, 0x53, 0x51, 0x55, 0x4e] : undefined
      const rest = Uint8Array.from({ length: random(3000) }, () => values?.[random(values.length)] ?? random(256))
      try {
        tryToRead(concatBytes(start, rest))
      } catch (cause) {
        throw new Error(`random bytes with seed ${seed}`, { cause })
      }
    }
  })
})
