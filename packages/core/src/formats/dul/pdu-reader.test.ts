/** PDU reader: the same events however the bytes are cut, and refusals as soon as they are certain. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { toyBytes, toyPdu } from '../../testing/toy-pdus.ts'
import { DATA_HEADER_BYTES, formatDataHeader, longestFragment } from './data-pdu.ts'
import { ABORT_REASONS, formatPdu } from './pdu.ts'
import { type PduLimits, PduReader } from './pdu-reader.ts'

/** What a reader hands out, with fragments put together again. */
class Recorder {
  readonly events: unknown[] = []
  readonly reader: PduReader
  #pieces: Uint8Array[] = []

  constructor(limits?: PduLimits) {
    this.reader = new PduReader(
      {
        onPdu: (pdu) => this.events.push(pdu),
        onFragment: ({ bytes, isEnd, ...header }) => {
          this.#pieces.push(new Uint8Array(bytes))
          if (!isEnd) return
          this.events.push({ ...header, bytes: encodeHex(joinBytes(this.#pieces)) })
          this.#pieces = []
        },
      },
      limits,
    )
  }
}

function toyFragments(next: (below: number) => number): Uint8Array {
  const count = 1 + next(3)
  const fragments = Array.from({ length: count }, () => {
    const bytes = toyBytes(next, 40)
    const header = { contextId: 2 * next(128) + 1, isCommand: next(2) === 1, isLast: next(2) === 1 }
    return joinBytes([formatDataHeader(header, bytes.length).subarray(6), bytes])
  })
  const content = joinBytes(fragments)
  return joinBytes([Uint8Array.of(4, 0, 0, 0, content.length >>> 8, content.length), content])
}

function toyStream(next: (below: number) => number): Uint8Array {
  return joinBytes(Array.from({ length: 1 + next(8) }, () => (next(2) ? toyFragments(next) : formatPdu(toyPdu(next)))))
}

function refusal(bytes: Uint8Array, limits?: PduLimits): PduReader {
  const { reader } = new Recorder(limits)
  assert.throws(
    () => reader.read(bytes),
    (error) => error instanceof FormatError && error.code === 'pdu_malformed',
  )
  return reader
}

describe('PduReader', () => {
  it('gives the same events whatever the pieces are', () => {
    const next = seeded(3)
    for (let i = 0; i < 300; i++) {
      const stream = toyStream(next)
      const whole = new Recorder()
      assert.equal(whole.reader.read(stream), stream.length)
      assert.ok(whole.reader.isBetween)
      const single = new Recorder()
      for (let at = 0; at < stream.length; at++) single.reader.read(stream.subarray(at, at + 1))
      assert.deepEqual(single.events, whole.events)
      const random = new Recorder()
      for (let at = 0; at < stream.length; ) {
        const end = at + 1 + next(60)
        random.reader.read(stream.subarray(at, end))
        at = end
      }
      assert.deepEqual(random.events, whole.events)
    }
  })

  it('gives a beginning of the events for a beginning of the bytes', () => {
    const next = seeded(4)
    for (let i = 0; i < 40; i++) {
      const stream = toyStream(next)
      const whole = new Recorder()
      whole.reader.read(stream)
      for (let length = 0; length < stream.length; length += 1 + next(5)) {
        const part = new Recorder()
        part.reader.read(stream.subarray(0, length))
        assert.deepEqual(part.events, whole.events.slice(0, part.events.length))
      }
    }
  })

  it('leaves the rest to the caller where a handler stops it', () => {
    const next = seeded(5)
    for (let i = 0; i < 100; i++) {
      const stream = toyStream(next)
      const whole = new Recorder()
      whole.reader.read(stream)
      const events: unknown[] = []
      const reader: PduReader = new PduReader({
        onPdu: (pdu) => {
          events.push(pdu)
          reader.stop()
        },
        onFragment: ({ bytes, isEnd, ...header }) => {
          assert.ok(isEnd)
          events.push({ ...header, bytes: encodeHex(bytes) })
          reader.stop()
        },
      })
      let calls = 0
      for (let at = 0; at < stream.length; calls++) at += reader.read(stream.subarray(at))
      assert.deepEqual(events, whole.events)
      assert.equal(calls, events.length)
    }
  })

  it('hands out slices of the chunk, not copies', () => {
    const chunk = joinBytes([formatDataHeader({ contextId: 1, isCommand: false, isLast: true }, 4), new Uint8Array(4)])
    const slices: Uint8Array[] = []
    const reader = new PduReader({ onPdu: () => undefined, onFragment: ({ bytes }) => slices.push(bytes) })
    reader.read(chunk)
    assert.equal(slices.length, 1)
    assert.equal(slices[0]?.buffer, chunk.buffer)
    assert.equal(slices[0]?.byteOffset, chunk.byteOffset + DATA_HEADER_BYTES)
  })

  it('keeps nothing of a chunk', () => {
    const next = seeded(6)
    const bytes = formatPdu(toyPdu(seeded(0)))
    const recorder = new Recorder()
    const chunk = new Uint8Array(16)
    for (let at = 0; at < bytes.length; at += 16) {
      const piece = bytes.subarray(at, at + 16)
      chunk.set(piece)
      recorder.reader.read(chunk.subarray(0, piece.length))
      chunk.fill(next(256))
    }
    assert.deepEqual(recorder.events, [toyPdu(seeded(0))])
  })

  it('knows a byte that no PDU begins with', () => {
    assert.equal(refusal(Uint8Array.of(0x16)).abortReason, ABORT_REASONS.unrecognizedPdu)
    assert.equal(refusal(Uint8Array.of(0)).abortReason, ABORT_REASONS.unrecognizedPdu)
    assert.equal(refusal(new TextEncoder().encode('GET / HTTP/1.1')).abortReason, ABORT_REASONS.unrecognizedPdu)
  })

  it('refuses lengths beyond the limits, before the bytes come', () => {
    const limits = { dataBytes: 100, associateBytes: 200 }
    assert.equal(refusal(Uint8Array.of(4, 0, 0, 0, 0, 101), limits).abortReason, ABORT_REASONS.invalidParameter)
    refusal(Uint8Array.of(1, 0, 0, 0, 0, 201), limits)
    refusal(Uint8Array.of(2, 0, 255, 255, 255, 255), limits)
    for (const type of [3, 5, 6, 7]) refusal(Uint8Array.of(type, 0, 0, 0, 0, 5), limits)
    for (const type of [1, 3, 4, 5, 7]) refusal(Uint8Array.of(type, 0, 0, 0, 0, 0), limits)
    assert.equal(new Recorder(limits).reader.read(Uint8Array.of(4, 0, 0, 0, 0, 100)), 6)
  })

  it('refuses fragments that do not fill their PDU', () => {
    const data = (length: number, ...content: readonly number[]) => Uint8Array.of(4, 0, 0, 0, 0, length, ...content)
    refusal(data(5, 0, 0, 0, 1, 1))
    refusal(data(6, 0, 0, 0, 1, 1, 3))
    refusal(data(6, 0, 0, 0, 3, 1, 3))
    refusal(data(10, 0, 0, 0, 2, 1, 3, 0, 0, 0, 2))
    refusal(data(8, 0, 0, 0, 4, 2, 3, 0, 0))
    refusal(data(8, 255, 255, 255, 255, 1, 3, 0, 0))
  })

  it('takes a fragment without bytes', () => {
    const recorder = new Recorder()
    recorder.reader.read(formatDataHeader({ contextId: 3, isCommand: false, isLast: true }, 0))
    assert.deepEqual(recorder.events, [{ contextId: 3, isCommand: false, isLast: true, bytes: '' }])
  })
})

describe('longestFragment', () => {
  it('is even, and fits the PDU of either side', () => {
    assert.equal(longestFragment(16_384, 131_072), 16_378)
    assert.equal(longestFragment(16_385, 131_072), 16_378)
    assert.equal(longestFragment(0, 131_072), 131_066)
    assert.equal(longestFragment(null, 131_072), 131_066)
    assert.equal(longestFragment(1 << 30, 131_072), 131_066)
    assert.equal(longestFragment(3, 131_072), 2)
  })
})
