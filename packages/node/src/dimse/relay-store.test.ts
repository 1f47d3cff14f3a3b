import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause, setImmediate } from 'node:timers/promises'
import { CONTEXT_RESULTS } from '@fiducial/core/formats/dul/associate.ts'
import {
  acceptAll,
  type DimseDouble,
  type DoubleAssociation,
  type DoubleScript,
  isRequest,
  startDouble,
} from '../testing/dimse-double.ts'
import { AssociationPool } from './association-pool.ts'
import { RelayStore } from './relay-store.ts'

const NAMES = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '2.25.1',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
}
const IDLE_MS = 300
/** What the double says is the longest PDU that it takes: fragments are shorter by a header. */
const PDU_BYTES = 4_096
const never = new AbortController().signal
const ignore = (): void => undefined

type Owner = { after(cleanUp: () => Promise<void> | void): void }

interface Upstream {
  readonly double: DimseDouble
  readonly pool: AssociationPool
  /** Whole messages that have come. */
  readonly whole: Uint8Array[]
  /** Bytes of the data set that have come, in fragments that are not the last. */
  received(): number
}

async function openUpstream(owner: Owner, script: DoubleScript = {}): Promise<Upstream> {
  const whole: Uint8Array[] = []
  let bytes = 0
  const onMessage: NonNullable<DoubleScript['onMessage']> = (message, association) => {
    if (message.dataSet !== null) whole.push(message.dataSet)
    if (script.onMessage !== undefined) script.onMessage(message, association)
    else if (isRequest(message.command)) association.reply(message.contextId, message.command, { status: 0 })
  }
  const onAssociate: NonNullable<DoubleScript['onAssociate']> = (request, association) => {
    association.socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    return script.onAssociate?.(request, association) ?? acceptAll(request, PDU_BYTES)
  }
  const double = await startDouble({ ...script, onMessage, onAssociate }, owner)
  const timeouts = { connectMs: 20_000, associateMs: 20_000, idleMs: IDLE_MS }
  const node = { host: '127.0.0.1', port: double.port, calledAet: 'DOUBLE', callingAet: 'TEST', timeouts }
  const pool = new AssociationPool(node)
  owner.after(() => pool.close())
  return { double, pool, whole, received: () => bytes }
}

const begin = ({ pool }: Upstream, isClear = Promise.resolve(true)): RelayStore => new RelayStore(pool, NAMES, isClear)

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    assert.ok(i < 4_000, `waited in vain until ${holds}`)
    await pause(5)
  }
}

const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7)

/** Writes a data set in pieces, each waited for as a sender waits. */
async function write(relay: RelayStore, bytes: Uint8Array, step: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += step) {
    const room = Promise.withResolvers<void>()
    if (!relay.write(bytes.subarray(at, at + step), room.resolve)) await room.promise
  }
}

describe('a C-STORE that is relayed', () => {
  for (const [name, length, step] of [
    ['byte by byte', 10_000, 1],
    ['in fragments of the longest length', 12_270, PDU_BYTES - 6],
    ['in pieces of many fragments', 300_000, 65_536],
    ['that is shorter than a fragment', 100, 100],
    ['that ends with a whole fragment', 2 * (PDU_BYTES - 6), 1_000],
  ] as const) {
    it(`brings a data set ${name} whole, once it is finished`, async (t) => {
      const upstream = await openUpstream(t)
      const relay = begin(upstream)
      const bytes = bytesOf(length)
      await write(relay, bytes, step)
      // All but the last fragment is there, and nothing is whole.
      const least = Math.max(0, length - PDU_BYTES)
      await until(() => upstream.received() >= least)
      for (let i = 0; i < 20; i++) await setImmediate()
      assert.deepEqual(upstream.whole, [])
      assert.deepEqual(await relay.finish(never), { outcome: 'stored' })
      assert.deepEqual(upstream.whole, [bytes])
    })
  }

  it('takes a last piece that is empty, and holds back what came before', async (t) => {
    const upstream = await openUpstream(t)
    const relay = begin(upstream)
    await write(relay, bytesOf(20_000), 5_000)
    relay.write(new Uint8Array(0), ignore)
    await until(() => upstream.received() > 15_000)
    assert.deepEqual(upstream.whole, [])
    assert.equal((await relay.finish(never)).outcome, 'stored')
    assert.deepEqual(upstream.whole, [bytesOf(20_000)])
  })

  it('leaves nothing whole where it is aborted, and tells the peer', async (t) => {
    const upstream = await openUpstream(t)
    const relay = begin(upstream)
    await write(relay, bytesOf(100_000), 10_000)
    await until(() => upstream.received() > 90_000)
    relay.abort()
    assert.equal(await relay.lost, 'association_aborted')
    await until(() => upstream.double.ends.aborted === 1)
    assert.deepEqual(upstream.whole, [])
    await assert.rejects(relay.finish(never), { code: 'association_aborted' })
  })

  it('tells the peer nothing before it may, and never where it may not', async (t) => {
    const upstream = await openUpstream(t)
    const clear = Promise.withResolvers<boolean>()
    const relay = begin(upstream, clear.promise)
    relay.write(bytesOf(100), ignore)
    await until(() => upstream.double.associations.length === 1)
    for (let i = 0; i < 20; i++) await setImmediate()
    assert.deepEqual(upstream.double.commands, [])
    clear.resolve(false)
    assert.equal(await relay.lost, 'association_aborted')
    // The association serves the next one.
    const next = begin(upstream)
    next.write(bytesOf(10), ignore)
    assert.equal((await next.finish(never)).outcome, 'stored')
    assert.equal(upstream.double.associations.length, 1)
    assert.equal(upstream.double.ends.aborted, 0)
  })

  it('is refused as the peer says', async (t) => {
    const upstream = await openUpstream(t, {
      onMessage: ({ contextId, command }, association) => {
        if (isRequest(command)) association.reply(contextId, command, { status: 0xa700 })
      },
    })
    const relay = begin(upstream)
    await write(relay, bytesOf(10_000), 1_000)
    assert.deepEqual(await relay.finish(never), { outcome: 'failed', code: 'status_a700', isFinal: false })
  })

  it('is lost where the peer does not agree to its context, or to an association', async (t) => {
    const refusing = await openUpstream(t, {
      onAssociate: (request) => ({
        ...acceptAll(request),
        contexts: request.contexts.map(({ id }) => ({
          id,
          result: CONTEXT_RESULTS.transferSyntaxesNotSupported,
          transferSyntax: null,
        })),
      }),
    })
    assert.equal(await begin(refusing).lost, 'transfer_syntax_not_taken')
    const rejecting = await openUpstream(t, {
      onAssociate: () => ({ type: 'associate_rj', result: 1, source: 1, reason: 7 }),
    })
    assert.equal(await begin(rejecting).lost, 'association_rejected')
  })

  it('is lost where the peer aborts in the middle, and holds nobody up', async (t) => {
    const upstream = await openUpstream(t, {
      onCommand: (_, association: DoubleAssociation) => association.sendPdu({ type: 'abort', source: 0, reason: 0 }),
    })
    const relay = begin(upstream)
    const room = Promise.withResolvers<void>()
    while (relay.write(bytesOf(100_000), room.resolve));
    await room.promise
    assert.equal(await relay.lost, 'association_aborted')
  })

  it('cannot say how it fared where the peer goes away before it answers, or answers half', async (t) => {
    for (const answer of [new Uint8Array(0), Uint8Array.of(4, 0, 0, 0, 0, 80, 0, 0, 0, 76, 1, 3)]) {
      const upstream = await openUpstream(t, { onMessage: (_, { socket }) => void socket.end(answer) })
      const relay = begin(upstream)
      await write(relay, bytesOf(10_000), 1_000)
      await assert.rejects(relay.finish(never), { code: 'association_aborted' })
    }
  })

  it('gives up a peer that never answers', async (t) => {
    const upstream = await openUpstream(t, { onMessage: ignore })
    const relay = begin(upstream)
    await write(relay, bytesOf(10_000), 1_000)
    await assert.rejects(relay.finish(never), { code: 'peer_timeout' })
  })

  it('ends at once where whoever finishes it gives up', async (t) => {
    const upstream = await openUpstream(t, { onMessage: ignore })
    const relay = begin(upstream)
    await write(relay, bytesOf(10_000), 1_000)
    const stopping = new AbortController()
    const finished = relay.finish(stopping.signal)
    stopping.abort()
    await assert.rejects(finished, { code: 'association_aborted' })
  })

  it('leaves a data set of odd length to whoever sends the file', async (t) => {
    const upstream = await openUpstream(t)
    const relay = begin(upstream)
    await write(relay, bytesOf(10_001), 1_000)
    await assert.rejects(relay.finish(never), { code: 'association_aborted' })
    assert.deepEqual(upstream.whole, [])
  })

  it('holds up its sender while the peer reads nothing', async (t) => {
    const upstream = await openUpstream(t, { onCommand: (_, { socket }) => void socket.pause() })
    const relay = begin(upstream)
    let written = 0
    let isFull = false
    while (!isFull) {
      // What the sockets take in is bounded; what is beyond it waits here, and the sender with it.
      isFull = !relay.write(bytesOf(100_000), ignore)
      written += 100_000
      await setImmediate()
      assert.ok(written < 64 * 2 ** 20)
    }
    relay.abort()
    await relay.lost
  })
})
