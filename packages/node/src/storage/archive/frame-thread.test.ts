import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { encodeRleFrame } from '@fiducial/core/formats/codec/rle-encode.ts'
import type { StoredFrame } from '../../services/archive/ports.ts'
import { FrameThread, type FrameThreadOptions } from './frame-thread.ts'

const SHAPE = {
  rows: 2,
  columns: 2,
  samplesPerPixel: 1,
  bitsAllocated: 8,
  bitsStored: 8,
  isSigned: false,
  planarConfiguration: 0,
  photometricInterpretation: 'MONOCHROME2',
}
const ORDER = { window: null, rescale: { slope: 1, intercept: 0 }, largest: null }
const RLE = '1.2.840.10008.1.2.5'
const native: StoredFrame = { transferSyntaxUid: null, bytes: Uint8Array.of(0, 85, 170, 255), shape: SHAPE }

function open(t: TestContext, options: FrameThreadOptions = {}): FrameThread {
  const thread = new FrameThread(options)
  t.after(() => thread.close())
  return thread
}

/** A thread that does with each request what the text says. */
const script = (text: string) =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'\nparentPort.on('message', ({ id, frame, order }) => { ${text} })`)}`,
  )

describe('frame thread', () => {
  it('decodes and draws, several at once in their order', async (t) => {
    const thread = open(t)
    const rle: StoredFrame = { ...native, transferSyntaxUid: RLE, bytes: encodeRleFrame(native.bytes, SHAPE) }
    const [decoded, picture, same] = await Promise.all([
      thread.decode(rle),
      thread.draw(rle, ORDER),
      thread.decode(native),
    ])
    assert.deepEqual(decoded.bytes, native.bytes)
    assert.deepEqual([...picture.subarray(1, 4)], [0x50, 0x4e, 0x47])
    assert.deepEqual(same, { bytes: native.bytes, shape: SHAPE })
  })

  it('says what cannot be decoded or drawn', async (t) => {
    const thread = open(t)
    const frame = (transferSyntaxUid: string): StoredFrame => ({ ...native, transferSyntaxUid })
    await assert.rejects(thread.decode(frame('1.2.3')), { code: 'codec_unsupported' })
    await assert.rejects(thread.decode(frame(RLE)), { code: 'codec_failed' })
    const palette = { ...native, shape: { ...SHAPE, photometricInterpretation: 'PALETTE COLOR' } }
    await assert.rejects(thread.draw(palette, ORDER), { code: 'codec_unsupported' })
    await assert.rejects(thread.draw({ ...native, bytes: new Uint8Array() }, ORDER), { code: 'codec_failed' })
    assert.deepEqual((await thread.decode(native)).bytes, native.bytes)
  })

  it('answers for a frame that takes too long or ends its thread, and goes on with the next one', async (t) => {
    const answer = 'if (frame.bytes[0] === 0) parentPort.postMessage({ id, frame })'
    for (const [what, options] of [
      [`${answer}; else for (;;) {}`, { timeoutMs: 3000 }],
      [`${answer}; else process.exit(1)`, {}],
      [`${answer}; else throw new Error('x')`, {}],
    ] as const) {
      const thread = open(t, { ...options, script: script(what) })
      const bad = { ...native, bytes: Uint8Array.of(1) }
      const results = await Promise.allSettled([thread.decode(native), thread.decode(bad), thread.decode(native)])
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
        what,
      )
    }
  })

  it('lets only so many wait', async (t) => {
    const thread = open(t, { waiting: 2 })
    const results = await Promise.allSettled([1, 2, 3].map(() => thread.decode(native)))
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    )
    assert.ok(results[2]?.status === 'rejected' && results[2].reason.code === 'gateway_overloaded')
  })

  it('answers for what is in hand when it is closed', async () => {
    const thread = new FrameThread({ script: script('') })
    const waiting = assert.rejects(thread.decode(native), { code: 'codec_failed' })
    await new Promise(setImmediate)
    await thread.close()
    await waiting
  })
})
