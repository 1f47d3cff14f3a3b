import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concatBytes } from '../../bytes/text.ts'
import { hasNotes } from './codestream-notes.ts'

const segment = (marker: number, lengthBytes: number): Uint8Array =>
  concatBytes(
    Uint8Array.of(0xff, marker, (lengthBytes + 2) >> 8, (lengthBytes + 2) & 0xff),
    new Uint8Array(lengthBytes),
  )
const jpeg = (...segments: readonly Uint8Array[]): Uint8Array =>
  concatBytes(Uint8Array.of(0xff, 0xd8), ...segments, segment(0xda, 6))
const jpeg2000 = (...segments: readonly Uint8Array[]): Uint8Array =>
  concatBytes(Uint8Array.of(0xff, 0x4f), segment(0x51, 38), ...segments, segment(0x90, 8))

describe('hasNotes', () => {
  const cases: readonly (readonly [string, Uint8Array, boolean])[] = [
    ['a codestream without notes', jpeg(segment(0xdb, 65)), false],
    ['JFIF, and the colours of Adobe', jpeg(segment(0xe0, 14), segment(0xee, 12)), false],
    ['Exif', jpeg(segment(0xe0, 14), segment(0xe1, 200)), true],
    ['IPTC', jpeg(segment(0xed, 20)), true],
    ['Exif behind fill bytes', jpeg(Uint8Array.of(0xff, 0xff), segment(0xe1, 20)), true],
    ['the name of an encoder', jpeg(segment(0xfe, 40)), false],
    ['a longer comment', jpeg(segment(0xfe, 65)), true],
    ['a short comment of JPEG 2000', jpeg2000(segment(0x64, 60)), false],
    ['a longer comment of JPEG 2000', jpeg2000(segment(0x64, 100)), true],
    ['Exif behind the first scan', concatBytes(jpeg(), segment(0xe1, 20)), false],
    ['RLE', Uint8Array.of(1, 0, 0, 0, 64, 0, 0, 0), false],
    ['nothing', new Uint8Array(0), false],
    ['a segment without length', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0), false],
    ['a codestream that ends within a segment', jpeg(segment(0xdb, 65)).subarray(0, 20), false],
  ]
  for (const [name, bytes, expected] of cases) {
    it(`${expected ? 'sees' : 'sees nothing in'} ${name}`, () => assert.equal(hasNotes(bytes), expected))
  }
})
