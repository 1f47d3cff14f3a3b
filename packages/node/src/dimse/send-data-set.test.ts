import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { PduReader } from '@fiducial/core/formats/dul/pdu-reader.ts'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import { sendDataSet } from './send-data-set.ts'

interface Sent {
  readonly bytes: Uint8Array
  readonly fragments: readonly { readonly length: number; readonly isLast: boolean }[]
  readonly writes: number
}

/** What a peer reads of it. Each piece is overwritten as soon as the next one is asked for. */
async function send(pieces: readonly Uint8Array[], maximumLength: number): Promise<Sent> {
  const received: Uint8Array[] = []
  const fragments: { length: number; isLast: boolean }[] = []
  let [length, writes] = [0, 0]
  const reader = new PduReader({
    onPdu: () => assert.fail('no other PDU'),
    onFragment: (part) => {
      assert.equal(part.contextId, 5)
      if (part.isCommand) return
      received.push(new Uint8Array(part.bytes))
      length += part.bytes.length
      if (!part.isEnd) return
      fragments.push({ length, isLast: part.isLast })
      length = 0
    },
  })
  function* once(): Generator<Uint8Array> {
    for (const piece of pieces) {
      const copy = new Uint8Array(piece)
      yield copy
      copy.fill(0xee)
    }
  }
  await sendDataSet(new Uint8Array(0), once(), { contextId: 5, maximumLength }, async (written) => {
    writes++
    for (const bytes of written) reader.read(new Uint8Array(bytes))
  })
  assert.ok(reader.isBetween)
  return { bytes: joinBytes(received), fragments, writes }
}

describe('a data set that comes in pieces', () => {
  it('arrives whole, in even fragments of which only the last one says so', async () => {
    const below = seeded(7)
    for (let run = 0; run < 200; run++) {
      const count = below(8)
      const pieces = Array.from({ length: count }, () => new Uint8Array(2 * below(400)).map(() => below(256)))
      const maximumLength = 8 + below(200)
      const { bytes, fragments } = await send(pieces, maximumLength)
      assert.deepEqual(bytes, joinBytes(pieces))
      assert.deepEqual(
        fragments.map(({ isLast }) => isLast),
        fragments.map((_, i) => i === fragments.length - 1),
      )
      assert.ok(fragments.every(({ length }) => length % 2 === 0 && length + 6 <= maximumLength))
    }
  })

  it('of no bytes is one empty fragment', async () => {
    assert.deepEqual((await send([], 100)).fragments, [{ length: 0, isLast: true }])
    assert.deepEqual((await send([new Uint8Array(0)], 100)).fragments, [{ length: 0, isLast: true }])
  })

  it('goes out in few writes', async () => {
    const { writes, fragments } = await send([new Uint8Array(1_000_000)], 16_384)
    assert.equal(writes, 2)
    assert.equal(fragments.length, Math.ceil(1_000_000 / 16_378))
  })
})
