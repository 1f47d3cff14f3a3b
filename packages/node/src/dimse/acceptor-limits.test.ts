/** Acceptor: hostile and broken peers are sent away, each in its way, and the others go on. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { formatPdu } from '@fiducial/core/formats/dul/pdu.ts'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import { startAcceptorSite } from '../interop/acceptor-site.ts'
import {
  type Arrival,
  CT,
  echoCommand,
  message,
  RawPeer,
  request,
  storeCommand,
  VERIFICATION,
} from '../testing/raw-peer.ts'

const DATA_SET = Uint8Array.from({ length: 50_000 }, (_, i) => i * 7)
const SHORT = { associateMs: 40, idleMs: 40, stallMs: 40 }

const lastPdu = (arrivals: readonly Arrival[]): unknown => {
  const last = arrivals.at(-1)
  return last?.kind === 'pdu' ? last.pdu : last
}

describe('times', () => {
  it('closes a connection on which no request comes', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: { limits: SHORT } })
    const silent = await RawPeer.connect(acceptor.port)
    assert.deepEqual(await silent.rest(), [])
    assert.equal((await event('connection_failed')).reason, 'associate_timeout')
  })

  it('closes a connection on which a request comes too slowly', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: { limits: SHORT } })
    const slow = await RawPeer.connect(acceptor.port)
    const bytes = formatPdu(request())
    let at = 0
    const timer = setInterval(() => slow.send(bytes.subarray(at, ++at)), 5)
    t.after(() => clearInterval(timer))
    assert.deepEqual(await slow.rest(), [])
    assert.equal((await event('connection_failed')).reason, 'associate_timeout')
  })

  it('aborts an association that is idle', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: { limits: SHORT } })
    const peer = await RawPeer.associate(acceptor.port)
    peer.send(message(3, echoCommand(1)))
    await peer.command()
    assert.deepEqual(lastPdu(await peer.rest()), { type: 'abort', source: 0, reason: 0 })
    assert.equal((await event('association_ended')).end, 'idle_timeout')
  })

  it('aborts an association whose object comes a byte at a time, and drops the object', async (t) => {
    const { acceptor, event, intake } = await startAcceptorSite(t, {
      settings: { limits: { ...SHORT, idleMs: 60_000 } },
    })
    const peer = await RawPeer.associate(acceptor.port)
    const bytes = message(1, storeCommand(1), DATA_SET)
    peer.send(bytes.subarray(0, 1_000))
    let at = 1_000
    const timer = setInterval(() => peer.send(bytes.subarray(at, ++at)), 5)
    t.after(() => clearInterval(timer))
    assert.deepEqual(lastPdu(await peer.rest()), { type: 'abort', source: 0, reason: 0 })
    assert.equal((await event('association_ended')).end, 'stalled')
    assert.deepEqual([intake.begun, intake.aborted], [1, 1])
  })

  it('does not count the time that our own disk takes', async (t) => {
    const gate = Promise.withResolvers<void>()
    const { acceptor, eventsOf } = await startAcceptorSite(t, {
      intake: { onCommit: () => gate.promise },
      settings: { limits: SHORT },
    })
    const peer = await RawPeer.associate(acceptor.port)
    peer.send(message(1, storeCommand(1), DATA_SET))
    peer.send(message(1, storeCommand(2), DATA_SET))
    const silent = await RawPeer.connect(acceptor.port)
    // When this one was sent away, any time of the other one would have been up as well.
    await silent.rest()
    assert.deepEqual(eventsOf('association_ended'), [])
    gate.resolve()
    assert.equal((await peer.command()).messageIdBeingRespondedTo, 1)
    assert.equal((await peer.command()).messageIdBeingRespondedTo, 2)
  })

  it('closes a peer that never reads its answers', async (t) => {
    const FIND = '1.2.840.10008.5.1.4.1.2.2.1'
    const failed = Promise.withResolvers<unknown>()
    const service = {
      name: 'query',
      takes: (uid: string) => uid === FIND,
      serve: async ({ reply }: { reply: (answer: { status: number }, data: Uint8Array) => Promise<void> }) => {
        const large = new Uint8Array(1 << 20)
        try {
          for (;;) await reply({ status: 0xff00 }, large)
        } catch (error) {
          failed.resolve(error)
        }
      },
    }
    const settings = { limits: { answerMs: 50 } }
    const { acceptor, event } = await startAcceptorSite(t, { services: [service], settings })
    const socket = connect({ port: acceptor.port, host: '127.0.0.1' })
    t.after(() => socket.destroy())
    socket.pause()
    const find = { kind: 'c_find_rq', affectedSopClassUid: FIND, messageId: 1, priority: 0, hasDataSet: true } as const
    socket.write(joinBytes([formatPdu(request([FIND])), message(1, find, Uint8Array.of(1, 2))]))
    assert.equal((await event('association_ended')).end, 'disconnected')
    assert.match(String(await failed.promise), /association_aborted|closed|ended/)
  })

  it('reads no more from a peer that asks and asks, and reads no answer', async (t) => {
    const settings = { limits: { answerMs: 200 } }
    const { acceptor, event } = await startAcceptorSite(t, { settings })
    const socket = connect({ port: acceptor.port, host: '127.0.0.1' })
    t.after(() => socket.destroy())
    socket.on('error', () => undefined)
    socket.pause()
    socket.write(formatPdu(request()))
    const echoes = joinBytes(Array.from({ length: 1_000 }, (_, i) => message(3, echoCommand(i))))
    let sentBytes = 0
    const more = (): void => {
      do sentBytes += echoes.length
      while (socket.write(echoes))
    }
    socket.on('drain', more)
    more()
    const { end, receivedBytes } = await event('association_ended')
    assert.equal(end, 'disconnected')
    // Both systems' buffers filled up, and then it was over.
    assert.ok(receivedBytes < 64 << 20, String(receivedBytes))
    assert.ok(sentBytes >= receivedBytes - 10_000)
  })
})

describe('sizes', () => {
  it('aborts an association whose object is too long, and drops the object', async (t) => {
    const { acceptor, event, intake } = await startAcceptorSite(t, { settings: { limits: { objectBytes: 40_000 } } })
    const peer = await RawPeer.associate(acceptor.port)
    peer.send(message(1, storeCommand(1), DATA_SET.subarray(0, 40_000)))
    await peer.command()
    peer.send(message(1, storeCommand(2), DATA_SET.subarray(0, 40_001)))
    assert.deepEqual(lastPdu(await peer.rest()), { type: 'abort', source: 0, reason: 0 })
    assert.equal((await event('association_ended')).end, 'object_too_large')
    assert.deepEqual([intake.taken.length, intake.aborted], [1, 1])
    assert.equal((await event('object_failed')).code, 'object_too_large')
  })

  it('aborts for a PDU longer than agreed, whatever it is', async (t) => {
    const { acceptor, intake } = await startAcceptorSite(t, { settings: { limits: { pduBytes: 4_096 } } })
    for (const type of [1, 4, 5, 7]) {
      const peer = await RawPeer.associate(acceptor.port)
      peer.send(Uint8Array.of(type, 0, 255, 255, 255, 255))
      assert.deepEqual(lastPdu(await peer.rest()), { type: 'abort', source: 2, reason: 6 })
    }
    const long = await RawPeer.associate(acceptor.port)
    long.send(message(1, storeCommand(1), DATA_SET, 16_384))
    assert.deepEqual(lastPdu(await long.rest()), { type: 'abort', source: 2, reason: 6 })
    assert.equal(intake.open, 0)
  })

  it('aborts for a command set that does not end', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: { limits: { commandBytes: 1_024 } } })
    const peer = await RawPeer.associate(acceptor.port)
    const fragment = Uint8Array.of(4, 0, 0, 0, 0, 206, 0, 0, 0, 202, 1, 1, ...new Uint8Array(200))
    for (let i = 0; i < 6; i++) peer.send(fragment)
    assert.deepEqual(lastPdu(await peer.rest()), { type: 'abort', source: 2, reason: 6 })
    assert.equal((await event('association_ended')).end, 'dimse_malformed')
  })

  it('refuses a request that is too long before it comes', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: { limits: { associateBytes: 1_000 } } })
    const peer = await RawPeer.connect(acceptor.port)
    peer.send(Uint8Array.of(1, 0, 0, 0, 4, 0))
    assert.deepEqual(lastPdu(await peer.rest()), { type: 'abort', source: 2, reason: 6 })
    assert.equal((await event('connection_failed')).reason, 'pdu_malformed')
  })
})

describe('numbers', () => {
  it('rejects for now whoever is one too many, and takes the next one when there is room', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: { limits: { associations: 2 } } })
    const first = await RawPeer.associate(acceptor.port)
    await RawPeer.associate(acceptor.port)
    const third = await RawPeer.connect(acceptor.port)
    third.send(formatPdu(request()))
    assert.deepEqual(lastPdu(await third.rest()), { type: 'associate_rj', result: 2, source: 3, reason: 2 })
    assert.equal((await event('association_rejected')).reason, 'too_many_associations')
    await first.release()
    await event('association_ended')
    const fourth = await RawPeer.associate(acceptor.port)
    fourth.send(message(3, echoCommand(1)))
    await fourth.command()
  })

  it('closes connections of an address that has too many', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: { limits: { connectionsPerAddress: 2 } } })
    const first = await RawPeer.connect(acceptor.port)
    const second = await RawPeer.associate(acceptor.port)
    const third = await RawPeer.connect(acceptor.port)
    assert.deepEqual(await third.rest(), [])
    assert.equal((await event('connection_failed')).reason, 'too_many_connections')
    first.end()
    await first.rest()
    second.send(message(3, echoCommand(1)))
    await second.command()
    await RawPeer.associate(acceptor.port)
  })

  it('takes no connection beyond those that wait to be rejected', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: { limits: { associations: 1 } } })
    const peers = await Promise.all(Array.from({ length: 34 }, () => RawPeer.connect(acceptor.port)))
    assert.equal((await event('connection_failed')).reason, 'too_many_connections')
    for (const peer of peers) peer.destroy()
  })

  it('serves 64 associations at once while as many misbehave', async (t) => {
    const { acceptor, intake, eventsOf } = await startAcceptorSite(t, {
      settings: { limits: { associations: 200, connectionsPerAddress: 200, associateMs: 5_000 } },
    })
    const next = seeded(64)
    const good = async (index: number): Promise<number> => {
      const peer = await RawPeer.associate(acceptor.port)
      let stored = 0
      for (let k = 1; k <= 5; k++) {
        const bytes = message(1, storeCommand(k, `1.2.${index}.${k}`), DATA_SET.subarray(0, 2 + next(49_998)))
        peer.send(bytes)
        const answer = await peer.command()
        if ('status' in answer && answer.status === 0) stored++
      }
      await peer.release()
      return stored
    }
    const bad = async (index: number): Promise<void> => {
      const whole = message(1, storeCommand(1, `1.3.${index}`), DATA_SET)
      const peer = await (index % 8 === 0 ? RawPeer.connect(acceptor.port) : RawPeer.associate(acceptor.port))
      await peer.sendAll(whole.subarray(0, next(whole.length - 1)))
      if (index % 4 === 1) peer.send(Uint8Array.from({ length: 500 }, () => next(256)))
      if (index % 4 === 2) peer.end()
      else peer.destroy()
    }
    const results = await Promise.all(Array.from({ length: 64 }, (_, i) => Promise.all([good(i), bad(i)])))
    assert.deepEqual(
      results.map(([stored]) => stored),
      Array(64).fill(5),
    )
    await acceptor.stop(0)
    assert.equal(intake.open, 0)
    assert.equal(intake.taken.filter(({ announcement }) => announcement.sopInstanceUid?.startsWith('1.2.')).length, 320)
    assert.deepEqual(eventsOf('fault'), [])
  })
})

describe('hostile bytes', () => {
  it('end in an abort or a closed connection, and nothing is left behind', async (t) => {
    const { acceptor, intake, eventsOf } = await startAcceptorSite(t)
    const next = seeded(99)
    const good = joinBytes([
      formatPdu(request()),
      message(1, storeCommand(1), DATA_SET.subarray(0, 3_000), 1_000),
      message(3, echoCommand(2)),
      formatPdu({ type: 'release_rq' }),
    ])
    const rounds = Number(process.env.FUZZ_CONNECTIONS ?? 300)
    for (let i = 0; i < rounds; i += 20) {
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const bytes = new Uint8Array(good)
          for (let k = next(4); k >= 0; k--) bytes[next(bytes.length)] = next(256)
          const peer = await RawPeer.connect(acceptor.port)
          peer.send(bytes.subarray(0, 1 + next(bytes.length)))
          peer.end()
          await peer.rest()
        }),
      )
    }
    const peer = await RawPeer.associate(acceptor.port, request([CT, VERIFICATION]))
    peer.send(message(3, echoCommand(1)))
    await peer.command()
    await acceptor.stop(0)
    assert.equal(intake.open, 0)
    assert.deepEqual(eventsOf('fault'), [])
  })

  it('of TLS on a plain port are met with silence', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t)
    await assert.rejects(RawPeer.connect(acceptor.port, { rejectUnauthorized: false }))
    assert.equal((await event('connection_failed')).reason, 'tls_on_plain_port')
  })
})
