/** Acceptor: the course of an association, against a peer that is driven byte by byte. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concatBytes, joinBytes } from '@fiducial/core/bytes/text.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatFileMeta } from '@fiducial/core/formats/dicom/file-meta.ts'
import type { Command } from '@fiducial/core/formats/dimse/command.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import { formatPdu } from '@fiducial/core/formats/dul/pdu.ts'
import { startAcceptorSite } from '../interop/acceptor-site.ts'
import {
  type Arrival,
  CT,
  EXPLICIT,
  echoCommand,
  message,
  RawPeer,
  request,
  storeCommand,
  VERIFICATION,
} from '../testing/raw-peer.ts'
import type { Operation, ServiceProvider } from './service.ts'

const DATA_SET = Uint8Array.from({ length: 50_000 }, (_, i) => i * 7)

/** Promises that are resolved from outside, in the order in which they are asked for. */
function gates(): { readonly open: (index: number) => void; readonly wait: (index: number) => Promise<void> } {
  const all: PromiseWithResolvers<void>[] = []
  const at = (index: number): PromiseWithResolvers<void> => {
    all[index] ??= Promise.withResolvers<void>()
    return all[index]
  }
  return { open: (index) => at(index).resolve(), wait: (index) => at(index).promise }
}

const statusOf = (command: Command): number | undefined => ('status' in command ? command.status : undefined)
const abortOf = (arrivals: readonly Arrival[]): unknown => {
  const last = arrivals.at(-1)
  return last?.kind === 'pdu' ? last.pdu : last
}

describe('an association', () => {
  it('answers C-ECHO and is released', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t)
    const peer = await RawPeer.associate(acceptor.port)
    assert.equal(acceptor.associations().length, 1)
    peer.send(message(3, echoCommand(7)))
    assert.deepEqual(await peer.command(), {
      kind: 'c_echo_rsp',
      affectedSopClassUid: VERIFICATION,
      messageIdBeingRespondedTo: 7,
      status: 0,
      hasDataSet: false,
    })
    await peer.release()
    const { end, association } = await event('association_ended')
    assert.equal(end, 'released')
    assert.equal(association.callingAet, 'CT_1')
    assert.match(association.address, /^127\.0\.0\.1:\d+$/)
  })

  it('hands an object over as a file, and answers when it is durable', async (t) => {
    const gate = gates()
    const { acceptor, intake, event } = await startAcceptorSite(t, { intake: { onCommit: (_, i) => gate.wait(i) } })
    const peer = await RawPeer.associate(acceptor.port)
    peer.send(message(1, storeCommand(9), DATA_SET))
    peer.send(formatPdu({ type: 'release_rq' }))
    gate.open(0)
    const answer = await peer.command()
    assert.equal(statusOf(answer), 0)
    assert.equal(answer.affectedSopInstanceUid, '1.2.3.9')
    assert.deepEqual(await peer.next(), { kind: 'pdu', pdu: { type: 'release_rp' } })
    const meta = { sopClassUid: CT, sopInstanceUid: '1.2.3.9', transferSyntaxUid: EXPLICIT, sourceAet: 'CT_1' }
    assert.deepEqual(intake.taken[0]?.bytes, concatBytes(formatFileMeta(meta), DATA_SET))
    const { announcement } = intake.taken[0] ?? {}
    assert.equal(announcement?.origin.protocol, 'dimse')
    assert.equal(announcement?.origin.calledAet, 'GATEWAY')
    assert.equal(announcement?.origin.peer, null)
    const stored = await event('object_stored')
    assert.equal(stored.lengthBytes, DATA_SET.length)
  })

  it('gives the same however the bytes are cut', async (t) => {
    const { acceptor, intake } = await startAcceptorSite(t)
    const stream = joinBytes([
      formatPdu(request()),
      message(1, storeCommand(1), DATA_SET.subarray(0, 3_000), 1_000),
      message(3, echoCommand(2)),
      message(1, storeCommand(3), DATA_SET.subarray(0, 500), 64),
      formatPdu({ type: 'release_rq' }),
    ])
    for (const step of [1, 5, 333, stream.length]) {
      const peer = await RawPeer.connect(acceptor.port)
      for (let at = 0; at < stream.length; at += step) await peer.sendAll(stream.subarray(at, at + step))
      const arrivals = await peer.rest()
      const kinds = arrivals.map((one) => (one.kind === 'message' ? one.command.kind : one.kind))
      assert.deepEqual(kinds, ['pdu', 'c_store_rsp', 'c_echo_rsp', 'c_store_rsp', 'pdu'], String(step))
    }
    assert.deepEqual(
      intake.taken.map(({ bytes }) => bytes.length),
      [...Array(4)].flatMap(() => intake.taken.slice(0, 2).map(({ bytes }) => bytes.length)),
    )
    assert.equal(intake.open, 0)
  })

  it('reads on only when an object is durable, where no window was agreed', async (t) => {
    const gate = gates()
    const { acceptor, intake } = await startAcceptorSite(t, { intake: { onCommit: (_, i) => gate.wait(i) } })
    const peer = await RawPeer.associate(acceptor.port)
    peer.send(joinBytes([1, 2, 3].map((id) => message(1, storeCommand(id), DATA_SET))))
    for (const id of [1, 2, 3]) {
      gate.open(id - 1)
      assert.equal((await peer.command()).messageIdBeingRespondedTo, id)
      assert.ok(intake.begun <= id + 1)
    }
  })

  it('reads on only when there is room, where somebody slower takes the bytes, too', async (t) => {
    const gate = gates()
    let furthest = 0
    const waits: number[] = []
    const site = await startAcceptorSite(t, {
      intake: {
        onWrite: (length) => {
          furthest = length
        },
        room: (length) => {
          if (waits.length > 0 || length < 100_000) return undefined
          waits.push(length)
          return gate.wait(0)
        },
      },
      settings: { limits: { stallMs: 50 } },
    })
    const peer = await RawPeer.associate(site.acceptor.port)
    const much = new Uint8Array(2_000_000)
    peer.send(message(1, storeCommand(1), much))
    peer.send(message(3, echoCommand(2)))
    // Another association is answered meanwhile, and the first one is not sent away for being slow.
    const other = await RawPeer.associate(site.acceptor.port)
    other.send(message(1, storeCommand(7), DATA_SET))
    assert.equal(statusOf(await other.command()), 0)
    await site.event('object_stored')
    assert.equal(waits.length, 1)
    gate.open(0)
    assert.equal((await peer.command()).messageIdBeingRespondedTo, 1)
    assert.equal((await peer.command()).messageIdBeingRespondedTo, 2)
    assert.ok(furthest >= much.length)
    assert.equal(site.intake.taken.at(-1)?.bytes.length, furthest)
  })

  it('ends with its peer, though it waits for room', async (t) => {
    const site = await startAcceptorSite(t, { intake: { room: () => new Promise(() => undefined) } })
    const peer = await RawPeer.associate(site.acceptor.port)
    peer.send(message(1, storeCommand(1), new Uint8Array(600_000)).subarray(0, 500_000))
    await site.acceptor.stop(0)
    await site.event('association_ended')
    assert.equal(site.intake.open, 0)
  })

  it('answers in the order of the requests, where several are under way', async (t) => {
    const gate = gates()
    const site = await startAcceptorSite(t, {
      intake: { onCommit: (_, i) => gate.wait(i) },
      settings: { limits: { operations: 3 } },
    })
    const user = { operations: { invoked: 0, performed: 1 } }
    const peer = await RawPeer.associate(site.acceptor.port, request([CT, VERIFICATION], { user }))
    peer.send(joinBytes([1, 2].map((id) => message(1, storeCommand(id), DATA_SET))))
    peer.send(message(3, echoCommand(3)))
    peer.send(joinBytes([4, 5].map((id) => message(1, storeCommand(id), DATA_SET))))
    gate.open(1)
    gate.open(0)
    gate.open(3)
    gate.open(2)
    const answers = [await peer.command(), await peer.command(), await peer.command(), await peer.command()]
    assert.deepEqual(
      answers.map(({ messageIdBeingRespondedTo }) => messageIdBeingRespondedTo),
      [1, 2, 3, 4],
    )
    assert.equal((await peer.command()).messageIdBeingRespondedTo, 5)
    await peer.release()
  })

  it('drops a half-sent object and keeps the others', async (t) => {
    const { acceptor, intake, event } = await startAcceptorSite(t)
    const peer = await RawPeer.associate(acceptor.port)
    const other = await RawPeer.associate(acceptor.port)
    peer.send(message(1, storeCommand(1), DATA_SET))
    await peer.command()
    await peer.sendAll(message(1, storeCommand(2), DATA_SET).subarray(0, 20_000))
    peer.destroy()
    assert.equal((await event('association_ended')).end, 'disconnected')
    assert.deepEqual([intake.begun, intake.aborted, intake.taken.length], [2, 1, 1])
    const failed = await event('object_failed')
    assert.deepEqual([failed.status, failed.code], [null, 'disconnected'])
    other.send(message(1, storeCommand(3), DATA_SET))
    assert.equal(statusOf(await other.command()), 0)
  })

  it('drops a half-sent object when its sender aborts', async (t) => {
    const { acceptor, intake, event } = await startAcceptorSite(t)
    const peer = await RawPeer.associate(acceptor.port)
    const pdus = message(1, storeCommand(1), DATA_SET)
    const commandLength = 6 + new DataView(pdus.buffer).getUint32(2)
    const dataLength = 6 + new DataView(pdus.buffer).getUint32(commandLength + 2)
    await peer.sendAll(pdus.subarray(0, commandLength + dataLength))
    peer.send(formatPdu({ type: 'abort', source: 0, reason: 0 }))
    assert.equal((await event('association_ended')).end, 'aborted_by_peer')
    assert.equal(intake.aborted, 1)
  })

  it('refuses contexts that it does not serve, and takes private storage', async (t) => {
    const { acceptor } = await startAcceptorSite(t)
    const peer = await RawPeer.connect(acceptor.port)
    peer.send(formatPdu(request(['1.2.840.10008.5.1.4.1.2.1.1', '1.3.46.670589.11.0.0.12.1', CT])))
    const arrival = await peer.next()
    assert.ok(arrival.kind === 'pdu' && arrival.pdu.type === 'associate_ac')
    assert.deepEqual(
      arrival.pdu.contexts.map(({ result }) => result),
      [3, 0, 0],
    )
    assert.equal(arrival.pdu.user.maximumLength, 131_072)
    peer.destroy()
  })

  it('is stopped once its object is stored', async (t) => {
    const gate = gates()
    const begun = Promise.withResolvers<void>()
    const intake = { onBegin: () => begun.resolve(), onCommit: (_: unknown, i: number) => gate.wait(i) }
    const { acceptor, event } = await startAcceptorSite(t, { intake })
    const busy = await RawPeer.associate(acceptor.port)
    const idle = await RawPeer.associate(acceptor.port)
    const whole = message(1, storeCommand(1), DATA_SET)
    busy.send(whole.subarray(0, 30_001))
    await begun.promise
    const stopped = acceptor.stop()
    assert.deepEqual(abortOf(await idle.rest()), { type: 'abort', source: 0, reason: 0 })
    await assert.rejects(RawPeer.associate(acceptor.port))
    busy.send(whole.subarray(30_001))
    gate.open(0)
    const [answer, abort] = await busy.rest()
    assert.equal(answer?.kind === 'message' && statusOf(answer.command), 0)
    assert.deepEqual(abort, { kind: 'pdu', pdu: { type: 'abort', source: 0, reason: 0 } })
    await stopped
    assert.equal((await event('association_ended')).end, 'stopped')
  })

  it('answers everything that has begun when it is stopped, and nothing that comes later', async (t) => {
    const gate = gates()
    const both = Promise.withResolvers<void>()
    const onBegin = (_: unknown, index: number) => index === 1 && both.resolve()
    const intake = { onBegin, onCommit: (_: unknown, i: number) => gate.wait(i) }
    const site = await startAcceptorSite(t, { intake, settings: { limits: { operations: 3 } } })
    const user = { operations: { invoked: 0, performed: 1 } }
    const peer = await RawPeer.associate(site.acceptor.port, request([CT], { user }))
    const whole = message(1, storeCommand(2), DATA_SET)
    peer.send(message(1, storeCommand(1), DATA_SET))
    peer.send(whole.subarray(0, 30_000))
    await both.promise
    const stopped = site.acceptor.stop()
    peer.send(joinBytes([whole.subarray(30_000), message(1, storeCommand(3), DATA_SET)]))
    gate.open(0)
    gate.open(1)
    const answers = await peer.rest()
    assert.deepEqual(
      answers.slice(0, -1).map((one) => one.kind === 'message' && one.command.messageIdBeingRespondedTo),
      [1, 2],
    )
    assert.deepEqual(abortOf(answers), { type: 'abort', source: 0, reason: 0 })
    await stopped
    assert.deepEqual([site.intake.begun, site.intake.taken.length], [2, 2])
  })

  it('is aborted when stopping takes too long', async (t) => {
    const begun = Promise.withResolvers<void>()
    const { acceptor, intake } = await startAcceptorSite(t, { intake: { onBegin: () => begun.resolve() } })
    const peer = await RawPeer.associate(acceptor.port)
    peer.send(message(1, storeCommand(1), DATA_SET).subarray(0, 30_000))
    await begun.promise
    await acceptor.stop(10)
    assert.equal(intake.open, 0)
    assert.deepEqual(abortOf(await peer.rest()), { type: 'abort', source: 0, reason: 0 })
  })
})

describe('a C-STORE that fails', () => {
  const failures = [
    { code: 'spool_full', at: 'onBegin', status: STATUS.outOfResources },
    { code: 'gateway_overloaded', at: 'onBegin', status: STATUS.outOfResources },
    { code: 'spool_unwritable', at: 'onWrite', status: STATUS.outOfResources },
    { code: 'spool_full', at: 'onWrite', status: STATUS.outOfResources },
    { code: 'spool_unwritable', at: 'onCommit', status: STATUS.outOfResources },
  ] as const

  for (const { code, at, status } of failures) {
    it(`is answered with ${status.toString(16)} for ${code} in ${at}, and the next one is stored`, async (t) => {
      const fail = (index: number): void => {
        if (isFailing && index === 0) throw new StoreError(code, 'as the test says')
      }
      let isFailing = true
      const { acceptor, intake, event } = await startAcceptorSite(t, {
        intake: {
          onBegin: (_, index) => at === 'onBegin' && fail(index),
          onWrite: (length, index) => at === 'onWrite' && length > 20_000 && fail(index),
          onCommit: (_, index) => (at === 'onCommit' ? fail(index) : undefined),
        },
      })
      const peer = await RawPeer.associate(acceptor.port)
      peer.send(message(1, storeCommand(1), DATA_SET))
      const answer = await peer.command()
      assert.deepEqual([statusOf(answer), answer.errorComment], [status, code])
      assert.equal((await event('object_failed')).code, code)
      isFailing = false
      peer.send(message(1, storeCommand(2), DATA_SET))
      assert.equal(statusOf(await peer.command()), 0)
      assert.deepEqual([intake.open, intake.taken.length], [0, 1])
    })
  }

  const refusals: readonly { readonly name: string; readonly command: Command; readonly status: number }[] = [
    { name: 'a UID that climbs folders', command: storeCommand(1, '../../etc/passwd'), status: 0x0117 },
    { name: 'a UID with a NUL inside', command: storeCommand(1, '1.2.3/4'), status: 0x0117 },
    { name: 'an empty UID', command: storeCommand(1, ''), status: 0x0117 },
    {
      name: 'a SOP Class that is not stored',
      command: { ...storeCommand(1), affectedSopClassUid: VERIFICATION } as Command,
      status: 0x0122,
    },
  ]
  for (const { name, command, status } of refusals) {
    it(`is refused for ${name}`, async (t) => {
      const { acceptor, intake } = await startAcceptorSite(t)
      const peer = await RawPeer.associate(acceptor.port)
      peer.send(message(1, command, DATA_SET))
      assert.equal(statusOf(await peer.command()), status)
      peer.send(message(3, echoCommand(2)))
      assert.equal(statusOf(await peer.command()), 0)
      assert.equal(intake.begun, 0)
    })
  }

  it('is taken in the context of another storage class, and with letters in its UID', async (t) => {
    const { acceptor, intake } = await startAcceptorSite(t)
    const peer = await RawPeer.associate(acceptor.port)
    const mr = '1.2.840.10008.5.1.4.1.1.4'
    peer.send(message(1, { ...storeCommand(1, 'abc.1'), affectedSopClassUid: mr } as Command, DATA_SET))
    assert.equal(statusOf(await peer.command()), 0)
    assert.equal(intake.taken[0]?.announcement.sopClassUid, mr)
  })

  it('is refused without a data set, and with an empty one', async (t) => {
    const { acceptor, intake } = await startAcceptorSite(t)
    const peer = await RawPeer.associate(acceptor.port)
    peer.send(message(1, { ...storeCommand(1), hasDataSet: false }))
    assert.equal(statusOf(await peer.command()), STATUS.cannotUnderstand)
    peer.send(message(1, storeCommand(2), new Uint8Array(0)))
    assert.equal(statusOf(await peer.command()), STATUS.cannotUnderstand)
    assert.equal(intake.open, 0)
  })
})

describe('a service', () => {
  const FIND = '1.2.840.10008.5.1.4.1.2.2.1'
  const findCommand = (messageId: number): Command => ({
    kind: 'c_find_rq',
    affectedSopClassUid: FIND,
    messageId,
    priority: 0,
    hasDataSet: true,
  })
  const serving = (serve: (operation: Operation) => Promise<void>): ServiceProvider => ({
    name: 'query',
    takes: (uid) => uid === FIND,
    serve,
  })

  it('gives several answers, each with its data set', async (t) => {
    const service = serving(async ({ dataSet, reply }) => {
      for (const at of [0, 1, 2]) await reply({ status: STATUS.pending }, dataSet?.subarray(at, at + 2))
      await reply({ status: STATUS.success })
    })
    const { acceptor, event } = await startAcceptorSite(t, { services: [service] })
    const peer = await RawPeer.associate(acceptor.port, request([FIND]))
    peer.send(message(1, findCommand(5), Uint8Array.of(1, 2, 3, 4)))
    for (const dataSet of [Uint8Array.of(1, 2), Uint8Array.of(2, 3), Uint8Array.of(3, 4)]) {
      const arrival = await peer.next()
      assert.ok(arrival.kind === 'message')
      assert.deepEqual([statusOf(arrival.command), arrival.dataSet], [STATUS.pending, dataSet])
    }
    assert.equal(statusOf(await peer.command()), 0)
    const { service: name, replies, status } = await event('operation_served')
    assert.deepEqual([name, replies, status], ['query', 4, 0])
    await peer.release()
  })

  it('is told of C-CANCEL', async (t) => {
    const service = serving(async ({ reply, signal }) => {
      await reply({ status: STATUS.pending }, Uint8Array.of(1, 2))
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await reply({ status: STATUS.cancelled })
    })
    const { acceptor } = await startAcceptorSite(t, { services: [service] })
    const peer = await RawPeer.associate(acceptor.port, request([FIND]))
    peer.send(message(1, findCommand(5), Uint8Array.of(1, 2)))
    assert.equal(statusOf(await peer.command()), STATUS.pending)
    peer.send(message(1, { kind: 'c_cancel_rq', messageIdBeingRespondedTo: 4, hasDataSet: false }))
    peer.send(message(1, { kind: 'c_cancel_rq', messageIdBeingRespondedTo: 5, hasDataSet: false }))
    assert.equal(statusOf(await peer.command()), STATUS.cancelled)
  })

  it('that throws, or gives no last answer, is answered for', async (t) => {
    let calls = 0
    const service = serving(async ({ reply }) => {
      if (calls++ === 0) throw new TypeError('as the test says')
      await reply({ status: STATUS.pending })
    })
    const { acceptor, event } = await startAcceptorSite(t, { services: [service] })
    const peer = await RawPeer.associate(acceptor.port, request([FIND]))
    peer.send(message(1, findCommand(5), Uint8Array.of(1, 2)))
    assert.equal(statusOf(await peer.command()), STATUS.processingFailure)
    assert.ok((await event('fault')).error instanceof TypeError)
    peer.send(message(1, findCommand(6), Uint8Array.of(1, 2)))
    assert.equal(statusOf(await peer.command()), STATUS.pending)
    assert.equal(statusOf(await peer.command()), STATUS.processingFailure)
  })

  it('does not see a data set that is too long', async (t) => {
    const service = serving(() => assert.fail())
    const settings = { limits: { requestBytes: 1_000 } }
    const { acceptor } = await startAcceptorSite(t, { services: [service], settings })
    const peer = await RawPeer.associate(acceptor.port, request([FIND]))
    peer.send(message(1, findCommand(5), DATA_SET))
    assert.equal(statusOf(await peer.command()), STATUS.resourceLimitation)
  })

  it('is ended with its association', async (t) => {
    const ended = Promise.withResolvers<unknown>()
    const service = serving(async ({ signal, association, reply }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      assert.ok(association.ended.aborted)
      await reply({ status: 0 }).catch(ended.resolve)
    })
    const { acceptor } = await startAcceptorSite(t, { services: [service] })
    const peer = await RawPeer.associate(acceptor.port, request([FIND]))
    await peer.sendAll(message(1, findCommand(5), Uint8Array.of(1, 2)))
    peer.send(formatPdu({ type: 'abort', source: 0, reason: 0 }))
    const error = await ended.promise
    assert.ok(error instanceof StoreError && error.code === 'association_aborted')
  })

  it('asks the peer on its own association, piece by piece, and answers meanwhile', async (t) => {
    const answers: unknown[] = []
    const service = serving(async ({ association, reply }) => {
      const context = association.contexts.find(({ isPeerScp }) => isPeerScp)
      assert.ok(context)
      const { messageId: _, hasDataSet: __, ...command } = storeCommand(1) as Extract<Command, { kind: 'c_store_rq' }>
      const pieces = (async function* () {
        yield DATA_SET.subarray(0, 10)
        await reply({ status: STATUS.pending, remaining: 1 })
        yield DATA_SET.subarray(10, 40_000)
        yield DATA_SET.subarray(40_000)
      })()
      const [first, second] = await Promise.all([
        association.ask({ context, command, dataSet: pieces }),
        association.ask({ context, command, dataSet: Uint8Array.of(1, 2) }),
      ])
      answers.push(first.response.status, second.response.status)
      await reply({ status: 0 })
    })
    const { acceptor } = await startAcceptorSite(t, { services: [service] })
    const user = { roles: [{ sopClassUid: CT, isScu: false, isScp: true }] }
    const peer = await RawPeer.associate(acceptor.port, request([FIND, CT], { user }))
    peer.send(message(1, findCommand(5), Uint8Array.of(1, 2)))
    for (const dataSet of [DATA_SET, Uint8Array.of(1, 2)]) {
      const arrival = await peer.next()
      assert.ok(arrival.kind === 'message' && arrival.command.kind === 'c_store_rq')
      assert.deepEqual(arrival.dataSet, dataSet)
      if (dataSet === DATA_SET) assert.equal(statusOf(await peer.command()), STATUS.pending)
      const { messageId } = arrival.command
      const response: Command = {
        kind: 'c_store_rsp',
        messageIdBeingRespondedTo: messageId,
        status: dataSet.length,
        hasDataSet: false,
      }
      peer.send(message(3, response))
    }
    assert.equal(statusOf(await peer.command()), 0)
    assert.deepEqual(answers, [DATA_SET.length, 2])
    await peer.release()
  })

  it('ends the association where what it sends breaks off, or is not answered', async (t) => {
    const errors: unknown[] = []
    const service = serving(async ({ association, request: { messageId } }) => {
      const context = association.contexts.find(({ isPeerScp }) => isPeerScp)
      assert.ok(context)
      const { messageId: _, hasDataSet: __, ...command } = storeCommand(1) as Extract<Command, { kind: 'c_store_rq' }>
      const pieces = (async function* () {
        yield DATA_SET
        if (messageId === 1) throw new StoreError('peer_timeout', 'as the test says')
      })()
      await association.ask({ context, command, dataSet: pieces }).catch((error) => errors.push(error.code))
    })
    const settings = { limits: { answerMs: 50 } }
    const { acceptor, event } = await startAcceptorSite(t, { services: [service], settings })
    const user = { roles: [{ sopClassUid: CT, isScu: false, isScp: true }] }
    for (const [index, end] of (['internal', 'answer_timeout'] as const).entries()) {
      const peer = await RawPeer.associate(acceptor.port, request([FIND, CT], { user }))
      peer.send(message(1, findCommand(index + 1), Uint8Array.of(1, 2)))
      assert.deepEqual(abortOf(await peer.rest()), { type: 'abort', source: 0, reason: 0 })
      assert.equal((await event('association_ended', index + 1)).end, end)
    }
    assert.deepEqual(errors, ['peer_timeout', 'association_aborted'])
  })

  it('leaves what nobody serves unanswered by an object: unrecognized operation', async (t) => {
    const { acceptor } = await startAcceptorSite(t)
    const peer = await RawPeer.associate(acceptor.port)
    peer.send(message(1, { ...findCommand(4), affectedSopClassUid: CT } as Command, DATA_SET))
    assert.equal(statusOf(await peer.command()), STATUS.unrecognizedOperation)
  })
})

describe('a broken rule', () => {
  const provider = (reason: number) => ({ type: 'abort', source: 2, reason })
  const whole = message(1, storeCommand(1), DATA_SET)
  const rules = [
    { name: 'bytes that are no PDU', bytes: Uint8Array.of(0x47, 0x45, 0x54), abort: provider(1), end: 'pdu_malformed' },
    {
      name: 'a PDU that is too long',
      bytes: Uint8Array.of(4, 0, 1, 0, 0, 0),
      abort: provider(6),
      end: 'pdu_malformed',
    },
    { name: 'a second request', bytes: formatPdu(request()), abort: provider(2), end: 'unexpected_pdu' },
    {
      name: 'an answer to no release',
      bytes: formatPdu({ type: 'release_rp' }),
      abort: provider(2),
      end: 'unexpected_pdu',
    },
    {
      name: 'a context that was not agreed',
      bytes: message(9, echoCommand(1)),
      abort: provider(6),
      end: 'dimse_malformed',
    },
    {
      name: 'an answer to nothing',
      bytes: message(1, { kind: 'c_echo_rsp', messageIdBeingRespondedTo: 3, status: 0, hasDataSet: false }),
      abort: provider(6),
      end: 'dimse_malformed',
    },
    {
      name: 'a command that is none',
      bytes: Uint8Array.of(4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 1, 3, 1, 1),
      abort: provider(6),
      end: 'dimse_malformed',
    },
    {
      name: 'a data set without a command',
      bytes: Uint8Array.of(4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 1, 2, 1, 1),
      abort: provider(6),
      end: 'dimse_malformed',
    },
  ] as const

  for (const { name, bytes, abort, end } of rules) {
    it(`aborts for ${name}`, async (t) => {
      const { acceptor, event, intake } = await startAcceptorSite(t)
      const peer = await RawPeer.associate(acceptor.port)
      peer.send(bytes)
      assert.deepEqual(abortOf(await peer.rest()), abort)
      assert.equal((await event('association_ended')).end, end)
      assert.equal(intake.open, 0)
    })
  }

  it('aborts for a release within an object', async (t) => {
    const { acceptor, event, intake } = await startAcceptorSite(t)
    const peer = await RawPeer.associate(acceptor.port)
    const commandLength = 6 + new DataView(whole.buffer, whole.byteOffset).getUint32(2)
    peer.send(whole.subarray(0, commandLength))
    peer.send(formatPdu({ type: 'release_rq' }))
    assert.deepEqual(abortOf(await peer.rest()), provider(2))
    assert.equal((await event('association_ended')).end, 'unexpected_pdu')
    assert.equal(intake.open, 0)
  })

  it('of ours ends the connection, not the process', async (t) => {
    const takes = (): boolean => {
      throw new TypeError('as the test says')
    }
    const services = [{ name: 'broken', takes, serve: async () => undefined }]
    const { acceptor, event } = await startAcceptorSite(t, { services })
    const peer = await RawPeer.connect(acceptor.port)
    peer.send(formatPdu(request()))
    assert.deepEqual(abortOf(await peer.rest()), provider(0))
    assert.ok((await event('fault')).error instanceof TypeError)
    assert.equal((await event('connection_failed')).reason, 'internal')
  })

  it('before any association is answered and reported', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t)
    const peer = await RawPeer.connect(acceptor.port)
    peer.send(formatPdu({ type: 'release_rq' }))
    assert.deepEqual(abortOf(await peer.rest()), provider(2))
    assert.equal((await event('connection_failed')).reason, 'unexpected_pdu')
  })
})
