import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { DicomJson } from '@fiducial/core/formats/dicom-json/model.ts'
import { MultipartParser, readBoundary } from '@fiducial/core/formats/multipart/parse.ts'
import type { Outgoing, SendResult } from '../services/gateway/ports.ts'
import { isFinalReason, readStoreAnswer } from './store-answer.ts'
import { type StowSenderOptions, stowSender } from './stow-sender.ts'

interface Received {
  readonly headers: IncomingMessage['headers']
  /** What the parts hold, which is their names. */
  readonly parts: readonly string[]
}

type Handle = (received: Received, response: ServerResponse, request: IncomingMessage) => void

const { signal } = new AbortController()

/** A service that reads requests whole, and answers as it is told. */
async function serve(t: TestContext, handle: Handle, options: Partial<StowSenderOptions> = {}) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const parts: string[] = []
    if (request.method === 'POST') {
      let pieces: Uint8Array[] = []
      const parser = new MultipartParser(readBoundary(request.headers['content-type'] ?? ''), {
        begin() {
          pieces = []
        },
        body: (bytes) => void pieces.push(bytes.slice()),
        end: () => void parts.push(Buffer.from(joinBytes(pieces)).toString()),
      })
      parser.write(Buffer.concat(chunks))
      parser.end()
    }
    const one = { headers: request.headers, parts }
    received.push(one)
    handle(one, response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dicom-web`
  const sender = stowSender({ url, ...options })
  t.after(async () => {
    await sender.close()
    server.closeAllConnections()
    server.close()
  })
  return { sender, received, url }
}

function outgoing(uid: string, orderKey = 'study', open?: Outgoing['open']): Outgoing {
  const bytes = new TextEncoder().encode(uid)
  const copy = {
    deliveryId: uid,
    orderKey,
    sopClassUid: '1.2',
    sopInstanceUid: uid,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    sha256: new Uint8Array(32),
    open: open ?? (async () => ({ ...memorySource(bytes), [Symbol.asyncDispose]: async () => undefined })),
  }
  return copy as Outgoing
}

const collect = (results: AsyncIterable<SendResult>): Promise<SendResult[]> => Array.fromAsync(results)

const us = (value: number) => ({ vr: 'US', Value: [value] })
const sop = (uid: string): DicomJson => ({
  '00081150': { vr: 'UI', Value: ['1.2'] },
  '00081155': { vr: 'UI', Value: [uid] },
})

/** Stores all but those with a reason. */
function reply(
  response: ServerResponse,
  parts: readonly string[],
  reasons: Readonly<Record<string, number>> = {},
): void {
  const failed = parts.filter((uid) => reasons[uid] !== undefined)
  const model = {
    '00081198': { vr: 'SQ', Value: failed.map((uid) => ({ ...sop(uid), '00081197': us(reasons[uid] as number) })) },
    '00081199': { vr: 'SQ', Value: parts.filter((uid) => reasons[uid] === undefined).map(sop) },
  }
  response.writeHead(failed.length === 0 ? 200 : failed.length === parts.length ? 409 : 202, {
    'content-type': 'application/dicom+json',
  })
  response.end(JSON.stringify(model))
}

describe('STOW sender', () => {
  it('sends copies of one key in their order, some a request, with their length', async (t) => {
    const { sender, received } = await serve(t, ({ parts }, response) => reply(response, parts), {
      instancesPerRequest: 2,
      authorization: async () => 'Bearer x',
    })
    const results = await collect(
      sender.send(
        ['1', '2', '3'].map((uid) => outgoing(uid)),
        signal,
      ),
    )
    assert.deepEqual(
      results,
      ['1', '2', '3'].map((deliveryId) => ({ deliveryId, outcome: 'stored' })),
    )
    assert.deepEqual(
      received.map(({ parts }) => parts),
      [['1', '2'], ['3']],
    )
    for (const { headers } of received) {
      assert.ok(Number(headers['content-length']) > 0)
      assert.equal(headers.authorization, 'Bearer x')
      assert.equal(headers.accept, 'application/dicom+json')
    }
  })

  it('sends copies of several keys beside each other', async (t) => {
    const waiting: (() => void)[] = []
    const { sender } = await serve(t, ({ parts }, response) => {
      waiting.push(() => reply(response, parts))
      // Answered once all three are there.
      if (waiting.length === 3) for (const answer of waiting) answer()
    })
    const results = await collect(
      sender.send(
        ['a', 'b', 'c'].map((key) => outgoing(key, key)),
        signal,
      ),
    )
    assert.equal(results.length, 3)
  })

  it('tells each copy from the others', async (t) => {
    const reasons = { '2': 0x0122, '3': 0xa700, '4': 0xc001, '5': 0xa900, '6': 0x0110, '7': 0x0111 }
    const { sender } = await serve(t, ({ parts }, response) => reply(response, parts, reasons))
    const uids = ['1', '2', '3', '4', '5', '6', '7']
    const results = await collect(
      sender.send(
        uids.map((uid) => outgoing(uid)),
        signal,
      ),
    )
    const failed = (deliveryId: string, code: string, isFinal: boolean) => ({
      deliveryId,
      outcome: 'failed',
      code,
      isFinal,
    })
    assert.deepEqual(results, [
      { deliveryId: '1', outcome: 'stored' },
      failed('2', 'status_0122', true),
      failed('3', 'status_a700', false),
      failed('4', 'status_c001', true),
      failed('5', 'status_a900', true),
      failed('6', 'status_0110', false),
      { deliveryId: '7', outcome: 'stored', note: 'status_0111' },
    ])
  })

  it('asks for each copy alone where the service refuses several without a word', async (t) => {
    const { sender, received } = await serve(t, ({ parts }, response) => {
      if (parts.includes('2')) response.writeHead(400).end()
      else reply(response, parts)
    })
    const results = await collect(
      sender.send(
        ['1', '2', '3'].map((uid) => outgoing(uid)),
        signal,
      ),
    )
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['stored', 'failed', 'stored'],
    )
    assert.ok(results[1]?.outcome === 'failed' && results[1].isFinal)
    assert.deepEqual(
      received.map(({ parts }) => parts.length),
      [3, 1, 1, 1],
    )
  })

  for (const [status, outcome, isFinal] of [
    [200, 'stored', undefined],
    [204, 'stored', undefined],
    [202, 'failed', false],
    [302, 'failed', false],
    [401, 'failed', false],
    [403, 'failed', false],
    [404, 'failed', false],
    [409, 'failed', true],
    [413, 'failed', true],
    [415, 'failed', true],
    [500, 'failed', false],
    [503, 'failed', false],
  ] as const) {
    it(`takes ${status} without a body for ${outcome}${isFinal === true ? ', for good' : ''}`, async (t) => {
      const { sender } = await serve(
        t,
        (_received, response) => void response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(),
      )
      const [result] = await collect(sender.send([outgoing('1')], signal))
      assert.equal(result?.outcome, outcome)
      if (result?.outcome === 'failed') assert.equal(result.isFinal, isFinal)
    })
  }

  it('says of every copy that the service went away, or does not answer', async (t) => {
    const gone = await serve(t, (_received, response) => void response.destroy())
    const silent = await serve(t, () => undefined, { idleTimeoutMs: 50 })
    for (const [{ sender }, code] of [
      [gone, 'service_unreachable'],
      [silent, 'peer_timeout'],
    ] as const) {
      const results = await collect(
        sender.send(
          ['1', '2'].map((uid) => outgoing(uid)),
          signal,
        ),
      )
      assert.deepEqual(
        results,
        ['1', '2'].map((deliveryId) => ({ deliveryId, outcome: 'failed', code, isFinal: false })),
      )
    }
  })

  it('passes over a copy that cannot be opened, and sends the others', async (t) => {
    const { sender, received } = await serve(t, ({ parts }, response) => reply(response, parts))
    const moved = outgoing('2', 'study', () => Promise.reject(new StoreError('instance_moved', 'it is gone')))
    const results = await collect(sender.send([outgoing('1'), moved, outgoing('3')], signal))
    assert.deepEqual(
      results.map(({ deliveryId, outcome }) => [deliveryId, outcome]),
      [
        ['2', 'failed'],
        ['1', 'stored'],
        ['3', 'stored'],
      ],
    )
    assert.deepEqual(
      received.map(({ parts }) => parts),
      [['1', '3']],
    )
  })

  it('closes what it opened, whatever becomes of it', async (t) => {
    let open = 0
    const counted = (uid: string) =>
      outgoing(uid, 'study', async () => {
        open++
        const bytes = new TextEncoder().encode(uid)
        return { ...memorySource(bytes), [Symbol.asyncDispose]: async () => void open-- }
      })
    const { sender } = await serve(t, (_received, response) => void response.destroy())
    await collect(sender.send([counted('1'), counted('2')], signal))
    for await (const _ of sender.send([counted('1'), counted('2')], signal)) break
    assert.equal(open, 0)
  })

  it('gives up when it is told to', async (t) => {
    const stop = new AbortController()
    const { sender } = await serve(t, () => stop.abort())
    const [result] = await collect(sender.send([outgoing('1')], stop.signal))
    assert.ok(result?.outcome === 'failed' && !result.isFinal)
  })

  it('keeps to a pace', async (t) => {
    let paced = 0
    const { sender } = await serve(t, ({ parts }, response) => reply(response, parts), {
      pace: async (length) => {
        paced += length
      },
    })
    await collect(sender.send([outgoing('12345')], signal))
    assert.equal(paced, 5)
  })

  it('knows a service that is there', async (t) => {
    for (const [status, isThere] of [
      [200, true],
      [204, true],
      [404, true],
      [401, false],
      [503, false],
    ] as const) {
      const { sender } = await serve(t, (_received, response) => void response.writeHead(status).end())
      if (isThere) await sender.ping(signal)
      else await assert.rejects(sender.ping(signal), { code: 'service_refused' })
    }
  })

  it('refuses addresses that are none, or hold a password', () => {
    for (const url of ['x', 'ftp://x', 'http://a:b@c/', 'http://c/?x=1', 'http://c/#x']) {
      assert.throws(() => stowSender({ url }), RangeError)
    }
  })
})

describe('store answer', () => {
  it('reads nothing out of what is no answer', () => {
    for (const text of ['', 'x', '[]', '5', '{"00081199":5}', '{"00081199":{"vr":"SQ","Value":[5,{}]}}', '<xml/>']) {
      assert.equal(readStoreAnswer(new TextEncoder().encode(text)).size, 0, text)
    }
  })

  it('believes that an instance failed where both is said', () => {
    const item = [{ '00081155': { vr: 'UI', Value: ['1'] }, '00081197': us(0xa700) }]
    const text = JSON.stringify({ '00081199': { vr: 'SQ', Value: item }, '00081198': { vr: 'SQ', Value: item } })
    assert.equal(readStoreAnswer(new TextEncoder().encode(text)).get('1')?.isStored, false)
  })

  it('tells what would fail again', () => {
    for (const reason of [0x0122, 0xa900, 0xa9ff, 0xc000, 0xcfff]) assert.ok(isFinalReason(reason))
    for (const reason of [null, 0x0110, 0x0111, 0xa700, 0xa7ff, 0xb000, 0xffff]) assert.ok(!isFinalReason(reason))
  })
})
