import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { CONTEXT_RESULTS } from '@fiducial/core/formats/dul/associate.ts'
import { REJECTIONS } from '@fiducial/core/formats/dul/pdu.ts'
import type { Outgoing, SendResult } from '../services/gateway/ports.ts'
import { acceptAll, type DimseDouble, type DoubleScript, isRequest, startDouble } from '../testing/dimse-double.ts'
import { freePort } from '../testing/free-port.ts'
import { spooledFile } from '../testing/outgoing-files.ts'
import { DimseSender, type DimseSenderOptions } from './dimse-sender.ts'
import { fateOf } from './store-status.ts'

const CT = '1.2.840.10008.5.1.4.1.1.2'
const EXPLICIT = '1.2.840.10008.1.2.1'

function copyOf(number: number, { orderKey = 'study', sopClassUid = CT }: Partial<Outgoing> = {}): Outgoing {
  const sopInstanceUid = `1.2.${number}`
  const elements = [text(0x00080016, 'UI', sopClassUid), text(0x00080018, 'UI', sopInstanceUid)]
  const file = new Uint8Array(Buffer.concat(encodeFile({ transferSyntaxUid: EXPLICIT, elements })))
  return {
    deliveryId: String(number),
    orderKey,
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid: EXPLICIT,
    open: async () => spooledFile(memorySource(file)),
  }
}

const copies = (count: number, orderKey?: (i: number) => string): Outgoing[] =>
  Array.from({ length: count }, (_, i) => copyOf(i, orderKey === undefined ? {} : { orderKey: orderKey(i) }))

type Owner = { after(cleanUp: () => Promise<void> | void): void }

async function sending(
  script: DoubleScript,
  owner: Owner,
  options: DimseSenderOptions = {},
): Promise<{ readonly sender: DimseSender; readonly double: DimseDouble }> {
  const double = await startDouble(script, owner)
  const timeouts = { connectMs: 20_000, associateMs: 20_000, idleMs: 400 }
  const node = { host: '127.0.0.1', port: double.port, calledAet: 'DOUBLE', callingAet: 'TEST', timeouts }
  const sender = new DimseSender(node, options)
  owner.after(() => sender.close())
  return { sender, double }
}

const all = (
  sender: DimseSender,
  batch: readonly Outgoing[],
  signal = AbortSignal.timeout(60_000),
): Promise<SendResult[]> => Array.fromAsync(sender.send(batch, signal))

const summary = (results: readonly SendResult[]): Record<string, string> =>
  Object.fromEntries(results.map((r) => [r.deliveryId, r.outcome === 'stored' ? (r.note ?? 'stored') : r.code]))

const instances = ({ commands }: DimseDouble): string[] =>
  commands.flatMap((command) => (command.kind === 'c_store_rq' ? command.affectedSopInstanceUid : []))

describe('a sender by DIMSE', () => {
  it('sends copies of one order one after the other, and others beside them', async (t) => {
    const { sender, double } = await sending({}, t, { parallel: 3 })
    const batch = copies(30, (i) => `study ${i % 5}`)
    assert.deepEqual(new Set((await all(sender, batch)).map(({ outcome }) => outcome)), new Set(['stored']))
    assert.equal(double.associations.length, 3)
    for (let key = 0; key < 5; key++) {
      const numbers = instances(double).map((uid) => Number(uid.slice(4)))
      const ofKey = numbers.filter((number) => number % 5 === key)
      assert.deepEqual(
        ofKey,
        ofKey.toSorted((a, b) => a - b),
      )
      assert.equal(ofKey.length, 6)
    }
  })

  it('has no more associations than it may, and lets what is relayed give way', async (t) => {
    const { sender, double } = await sending({}, t, { parallel: 1 })
    const names = { sopClassUid: CT, sopInstanceUid: '1.2.99', transferSyntaxUid: EXPLICIT }
    const relay = sender.relay(names, Promise.resolve(true))
    assert.ok(relay !== undefined)
    assert.equal(sender.relay({ ...names, sopInstanceUid: '1.2.98' }, Promise.resolve(true)), undefined)
    const results = await all(sender, copies(3))
    assert.deepEqual(new Set(results.map(({ outcome }) => outcome)), new Set(['stored']))
    assert.equal(await relay.lost, 'association_aborted')
    assert.deepEqual(
      instances(double).filter((uid) => uid !== '1.2.99'),
      ['1.2.0', '1.2.1', '1.2.2'],
    )
  })

  it('finishes what is relayed in its turn, and sends what cannot be finished', async (t) => {
    const { sender, double } = await sending({}, t, { parallel: 2 })
    const relayOf = (copy: Outgoing) => {
      const relay = sender.relay(copy, Promise.resolve(true))
      relay?.write(new Uint8Array(1_000), () => undefined)
      return relay
    }
    const [first, second, third] = copies(3)
    assert.ok(first !== undefined && second !== undefined && third !== undefined)
    const [good, bad] = [relayOf(first), relayOf(third)]
    bad?.abort()
    const results = await all(sender, [{ ...first, relayed: () => good }, second, { ...third, relayed: () => bad }])
    assert.deepEqual(summary(results), { 0: 'stored', 1: 'stored', 2: 'stored' })
    assert.equal(instances(double).filter((uid) => uid === '1.2.0').length, 1)
    assert.equal(instances(double).at(-1), '1.2.2')
  })

  it('keeps an association for the next batch, and opens another one where the peer has closed it', async (t) => {
    const { sender, double } = await sending({}, t)
    await all(sender, copies(2))
    await all(sender, copies(2))
    assert.equal(double.associations.length, 1)
    const closing = await sending(
      {
        onMessage: ({ contextId, command }, association) => {
          if (isRequest(command)) association.reply(contextId, command, { status: 0 })
          if (closing.double.commands.length === 1) setImmediate(() => association.socket.destroy())
        },
      },
      t,
    )
    await all(closing.sender, copies(1))
    assert.deepEqual(summary(await all(closing.sender, copies(2))), { 0: 'stored', 1: 'stored' })
    assert.equal(closing.double.associations.length, 2)
  })

  it('tells refusals for good from those that pass', async (t) => {
    const statuses = [0x0000, 0xb000, 0xa700, 0xa900, 0xc123, 0x0122, 0x0110, 0x0111, 0x0124]
    const { sender } = await sending(
      {
        onMessage: ({ contextId, command }, association) => {
          if (command.kind !== 'c_store_rq') return
          const status = statuses[Number(command.affectedSopInstanceUid.slice(4))] ?? 0
          association.reply(contextId, command, { status })
        },
      },
      t,
    )
    const results = await all(sender, copies(statuses.length))
    assert.deepEqual(summary(results), {
      0: 'stored',
      1: 'status_b000',
      2: 'status_a700',
      3: 'status_a900',
      4: 'status_c123',
      5: 'status_0122',
      6: 'status_0110',
      7: 'status_0111',
      8: 'status_0124',
    })
    const final = results.flatMap((result) => (result.outcome === 'failed' && result.isFinal ? result.deliveryId : []))
    assert.deepEqual(final, ['3', '4', '5'])
    assert.deepEqual(fateOf(0xffff), { outcome: 'failed', code: 'status_ffff', isFinal: false })
  })

  it('gives up for good what the peer has no context for, and sends the rest', async (t) => {
    const other = '1.2.840.10008.5.1.4.1.1.4'
    const { sender } = await sending(
      {
        onAssociate: (request) => {
          const accept = acceptAll(request)
          const refused = request.contexts.find(({ abstractSyntax }) => abstractSyntax === other)?.id
          const result = CONTEXT_RESULTS.abstractSyntaxNotSupported
          return { ...accept, contexts: accept.contexts.map((one) => (one.id === refused ? { ...one, result } : one)) }
        },
      },
      t,
    )
    const results = await all(sender, [copyOf(0), copyOf(1, { sopClassUid: other }), copyOf(2)])
    assert.deepEqual(summary(results), { 0: 'stored', 1: 'sop_class_not_taken', 2: 'stored' })
  })

  it('needs several associations for more than 128 contexts', async (t) => {
    const { sender, double } = await sending({}, t)
    const batch = Array.from({ length: 300 }, (_, i) => copyOf(i, { sopClassUid: `1.9.${i}` }))
    const results = await all(sender, batch)
    assert.ok(results.every(({ outcome }) => outcome === 'stored'))
    assert.equal(double.associations.length, 3)
    assert.ok(double.associations.every(({ contexts }) => contexts.length <= 128))
  })

  it('says of all copies that the peer is away, or lets nobody in', async (t) => {
    const node = { host: '127.0.0.1', port: await freePort(), calledAet: 'A', callingAet: 'B' }
    const away = await all(new DimseSender(node), copies(3))
    assert.deepEqual(summary(away), { 0: 'service_unreachable', 1: 'service_unreachable', 2: 'service_unreachable' })
    const reject = { type: 'associate_rj', ...REJECTIONS.callingTitle } as const
    const { sender, double } = await sending({ onAssociate: () => reject }, t, { parallel: 1 })
    const rejected = await all(sender, copies(3))
    assert.ok(rejected.every((result) => result.outcome === 'failed' && result.code === 'association_rejected'))
    assert.equal(double.associations.length, 1)
    await assert.rejects(sender.ping(AbortSignal.timeout(20_000)), StoreError)
  })

  it('goes on after an association that broke in the middle of a copy', async (t) => {
    const { sender, double } = await sending(
      {
        onCommand: (command, { socket }) => {
          if (command.kind === 'c_store_rq' && command.affectedSopInstanceUid === '1.2.1') socket.destroy()
        },
      },
      t,
    )
    assert.deepEqual(summary(await all(sender, copies(4))), {
      0: 'stored',
      1: 'association_aborted',
      2: 'stored',
      3: 'stored',
    })
    assert.equal(double.associations.length, 2)
  })

  it('gives up on a peer that breaks every association, or answers none', async (t) => {
    const breaking = await sending({ onCommand: (_, { socket }) => void socket.destroy() }, t)
    const broken = await all(breaking.sender, copies(5))
    assert.ok(broken.every((result) => result.outcome === 'failed' && result.code === 'association_aborted'))
    assert.equal(breaking.double.associations.length, 2)
    const hanging = await sending({ onMessage: () => undefined }, t)
    const hung = await all(hanging.sender, copies(5))
    assert.ok(hung.every((result) => result.outcome === 'failed' && result.code === 'peer_timeout'))
    assert.equal(hanging.double.associations.length, 2)
  })

  it('asks for a copy only when those before it in its order are dealt with', async (t) => {
    const { sender } = await sending(
      {
        onMessage: ({ contextId, command }, association) => {
          if (isRequest(command)) association.reply(contextId, command, { status: 0xa700 })
        },
      },
      t,
    )
    const known: string[] = []
    const batch = copies(3).map((copy, i) => ({
      ...copy,
      open: async () => {
        if (i > 0 && known.length < i) assert.fail('it was opened too early')
        if (i > 0) throw new StoreError('instance_moved', 'held back')
        return copy.open()
      },
    }))
    for await (const result of sender.send(batch, AbortSignal.timeout(20_000)))
      known.push(summary([result])[result.deliveryId] ?? '')
    assert.deepEqual(known, ['status_a700', 'instance_moved', 'instance_moved'])
  })

  it('stops when it is told to, and says so of what was not sent', async (t) => {
    const stop = new AbortController()
    const { sender, double } = await sending({ onMessage: () => stop.abort() }, t)
    const results = await all(sender, copies(4), stop.signal)
    assert.equal(results.length, 4)
    assert.ok(results.every((result) => result.outcome === 'failed' && !result.isFinal))
    assert.equal(double.associations.length, 1)
  })

  it('leaves nothing running behind a reader that goes away', async (t) => {
    const { sender, double } = await sending({}, t, { idleMs: 0 })
    for await (const _ of sender.send(copies(200), AbortSignal.timeout(20_000))) break
    assert.ok(instances(double).length < 200)
    await sender.ping(AbortSignal.timeout(20_000))
  })
})
