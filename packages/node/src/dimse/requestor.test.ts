import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Request } from '@fiducial/core/formats/dimse/command.ts'
import { CONTEXT_RESULTS } from '@fiducial/core/formats/dul/associate.ts'
import { REJECTIONS } from '@fiducial/core/formats/dul/pdu.ts'
import { acceptAll, type DoubleScript, isRequest, startDouble } from '../testing/dimse-double.ts'
import { freePort } from '../testing/free-port.ts'
import { echo, find, get, MODALITY_WORKLIST, move, QUERY_RETRIEVE, VERIFICATION } from './query.ts'
import { receiveInstances } from './receive-instances.ts'
import type { RemoteNode } from './remote-node.ts'
import { type Association, type AssociationOptions, openAssociation } from './requestor.ts'

const IMPLICIT = '1.2.840.10008.1.2'
const CT = '1.2.840.10008.5.1.4.1.1.2'
const PROPOSALS = [VERIFICATION, MODALITY_WORKLIST, QUERY_RETRIEVE.study.move, QUERY_RETRIEVE.study.get, CT].map(
  (abstractSyntax) => ({ abstractSyntax, transferSyntaxes: [IMPLICIT], isOwnScp: abstractSyntax === CT }),
)

const node = (port: number, timeouts: RemoteNode['timeouts'] = {}): RemoteNode => ({
  host: '127.0.0.1',
  port,
  calledAet: 'DOUBLE',
  callingAet: 'TEST',
  timeouts: { connectMs: 20_000, associateMs: 20_000, idleMs: 20_000, ...timeouts },
})

const failing = (code: StoreError['code']) => (error: unknown) => error instanceof StoreError && error.code === code

type Owner = { after(cleanUp: () => Promise<void> | void): void }

async function opened(
  script: DoubleScript,
  owner: Owner,
  options: Partial<AssociationOptions> & { readonly timeouts?: RemoteNode['timeouts'] } = {},
): Promise<Association> {
  const { port } = await startDouble(script, owner)
  const { timeouts, ...rest } = options
  return openAssociation(node(port, timeouts), { proposals: PROPOSALS, ...rest })
}

describe('an association that we ask for', () => {
  it('proposes each context once, says who it is, and offers no asynchronous operations', async (t) => {
    const double = await startDouble({}, t)
    const association = await openAssociation(node(double.port), { proposals: PROPOSALS })
    const [request] = double.associations
    assert.equal(request?.calledAet, 'DOUBLE')
    assert.equal(request?.callingAet, 'TEST')
    assert.deepEqual(
      request?.contexts.map(({ id }) => id),
      [1, 3, 5, 7, 9],
    )
    assert.equal(request?.user.operations, null)
    assert.deepEqual(request?.user.roles, [{ sopClassUid: CT, isScu: false, isScp: true }])
    await echo(association)
    await association.release()
    assert.equal(association.isOpen, false)
    assert.deepEqual(double.ends, { aborted: 0, released: 1 })
  })

  it('knows which contexts were refused, and takes no transfer syntax that it did not propose', async (t) => {
    const association = await opened(
      {
        onAssociate: (request) => {
          const accept = acceptAll(request)
          const [first, second, third, ...rest] = accept.contexts
          assert.ok(first && second && third)
          const odd = { ...second, transferSyntax: '1.2.840.10008.1.2.1' }
          return { ...accept, contexts: [{ ...first, result: CONTEXT_RESULTS.userRejection }, odd, ...rest] }
        },
      },
      t,
    )
    assert.deepEqual(association.results, [1, 0, undefined, 0, 0])
    assert.deepEqual(
      association.contexts.map(({ id }) => id),
      [7, 9],
    )
    await assert.rejects(echo(association), failing('peer_refused'))
    await association.release()
  })

  it('says by code why there is none', async (t) => {
    const reject = { type: 'associate_rj', ...REJECTIONS.calledTitle } as const
    await assert.rejects(opened({ onAssociate: () => reject }, t), failing('association_rejected'))
    const abort = { type: 'abort', source: 0, reason: 0 } as const
    await assert.rejects(opened({ onAssociate: () => abort }, t), failing('association_aborted'))
    const silent = { onAssociate: () => undefined }
    await assert.rejects(opened(silent, t, { timeouts: { associateMs: 50 } }), failing('peer_timeout'))
    const none = openAssociation(node(await freePort()), { proposals: PROPOSALS })
    await assert.rejects(none, failing('service_unreachable'))
    const close: DoubleScript = { onAssociate: (_, { socket }) => void socket.end() }
    await assert.rejects(opened(close, t), failing('association_aborted'))
    const garbage: DoubleScript = { onAssociate: (_, { socket }) => void socket.write('HTTP/1.1 400 Bad Request\r\n') }
    await assert.rejects(opened(garbage, t), failing('association_aborted'))
  })

  it('gives up when its caller does', async (t) => {
    const { port } = await startDouble({ onAssociate: () => undefined }, t)
    const stop = new AbortController()
    const opening = openAssociation(node(port), { proposals: PROPOSALS, signal: stop.signal })
    setImmediate(() => stop.abort())
    await assert.rejects(opening, (error) => failing('association_aborted')(error) || error === stop.signal.reason)
  })

  it('ends an exchange with a peer that hangs, aborts, or answers what nobody asked', async (t) => {
    const hanging = await opened({ onMessage: () => undefined }, t, { timeouts: { idleMs: 50 } })
    await assert.rejects(echo(hanging), failing('peer_timeout'))
    assert.equal(hanging.isOpen, false)
    const aborting = await opened(
      { onMessage: (_, association) => association.sendPdu({ type: 'abort', source: 2, reason: 1 }) },
      t,
    )
    await assert.rejects(echo(aborting), failing('association_aborted'))
    const mixing = await opened(
      {
        onMessage: ({ contextId, command }, association) => {
          if (isRequest(command)) association.reply(contextId, { ...command, messageId: 77 } as Request, { status: 0 })
        },
      },
      t,
    )
    await assert.rejects(echo(mixing), failing('association_aborted'))
    await assert.rejects(echo(mixing), failing('association_aborted'))
  })

  it('closes where the peer does not answer its release', async (t) => {
    const association = await opened({ ignoresRelease: true }, t, { timeouts: { associateMs: 200 } })
    await association.release()
    assert.equal(association.isOpen, false)
  })

  it('is released by the peer in between, and then open no more', async (t) => {
    const association = await opened(
      {
        onAssociate: (request, { socket, sendPdu }) => {
          setImmediate(() => sendPdu({ type: 'release_rq' }))
          socket.on('end', () => socket.end())
          return acceptAll(request)
        },
      },
      t,
    )
    if (!association.ended.aborted) await new Promise((resolve) => association.ended.addEventListener('abort', resolve))
    assert.equal(association.isOpen, false)
  })

  it('refuses what the peer asks where nobody answers it', async (t) => {
    const answers = Promise.withResolvers<number>()
    const association = await opened(
      {
        onMessage: ({ contextId, command }, double) => {
          if (command.kind === 'c_echo_rsp') answers.resolve(command.status)
          if (!isRequest(command)) return
          double.send(contextId, {
            kind: 'c_echo_rq',
            messageId: 9,
            affectedSopClassUid: VERIFICATION,
            hasDataSet: false,
          })
          double.reply(contextId, command, { status: 0 })
        },
      },
      t,
    )
    await echo(association)
    assert.equal(await answers.promise, 0x0211)
    await association.release()
  })
})

describe('queries', () => {
  const identifier = Uint8Array.of(8, 0, 0x52, 0, 0, 0, 0, 0)

  it('give every identifier as it came, and refuse a failure', async (t) => {
    const association = await opened(
      {
        onMessage: ({ contextId, command, dataSet }, double) => {
          assert.ok(command.kind === 'c_find_rq')
          assert.deepEqual(dataSet, identifier)
          for (let i = 0; i < 200; i++)
            double.reply(contextId, command, { status: 0xff00 + (i % 2) }, Uint8Array.of(i, 1))
          double.reply(contextId, command, { status: command.messageId === 1 ? 0 : 0xa900 })
        },
      },
      t,
    )
    const context = association.find(MODALITY_WORKLIST) ?? assert.fail()
    const found = await Array.fromAsync(find(association, context, identifier))
    assert.equal(found.length, 200)
    assert.deepEqual(found[199], Uint8Array.of(199, 1))
    await assert.rejects(Array.fromAsync(find(association, context, identifier)), failing('peer_refused'))
    await association.release()
  })

  it('are cancelled by C-CANCEL, and what was under way still comes', async (t) => {
    const association = await opened(
      {
        onMessage: ({ contextId, command }, double) => {
          if (command.kind === 'c_find_rq') double.reply(contextId, command, { status: 0xff00 }, identifier)
          if (command.kind !== 'c_cancel_rq') return
          const request = { kind: 'c_find_rq', messageId: command.messageIdBeingRespondedTo } as Request
          double.reply(contextId, request, { status: 0xff00 }, identifier)
          double.reply(contextId, request, { status: 0xfe00 })
        },
      },
      t,
    )
    const stop = new AbortController()
    const context = association.find(MODALITY_WORKLIST) ?? assert.fail()
    let count = 0
    for await (const _ of find(association, context, identifier, stop.signal)) if (++count === 1) stop.abort()
    assert.equal(count, 2)
    assert.equal(association.isOpen, true)
    await association.release()
  })

  it('count the sub-operations of a C-MOVE', async (t) => {
    const association = await opened(
      {
        onMessage: ({ contextId, command }, double) => {
          assert.ok(command.kind === 'c_move_rq')
          assert.equal(command.moveDestination, 'SOMEBODY')
          double.reply(contextId, command, { status: 0xff00, remaining: 2, completed: 1, failed: 0, warnings: 0 })
          double.reply(contextId, command, { status: 0xb000, completed: 1, failed: 1, warnings: 1 }, identifier)
        },
      },
      t,
    )
    const context = association.find(QUERY_RETRIEVE.study.move) ?? assert.fail()
    const counts: number[] = []
    const result = await move(
      association,
      context,
      { identifier, destination: 'SOMEBODY' },
      { onProgress: ({ remaining }) => counts.push(remaining) },
    )
    assert.deepEqual(counts, [2])
    assert.deepEqual(result, {
      status: 0xb000,
      remaining: 0,
      completed: 1,
      failed: 1,
      warnings: 1,
      failedList: identifier,
    })
    await association.release()
  })

  it('receive instances of a C-GET as files, and refuse those that nobody can keep', async (t) => {
    const statuses: number[] = []
    const association = await opened(
      {
        onMessage: ({ command }, double) => {
          const store = (instance: string, messageId: number): void =>
            double.send(
              9,
              {
                kind: 'c_store_rq',
                affectedSopClassUid: CT,
                affectedSopInstanceUid: instance,
                messageId,
                hasDataSet: true,
              },
              Uint8Array.of(1, 2, 3, 4),
            )
          if (command.kind === 'c_get_rq') store('1.2.3', 1)
          if (command.kind !== 'c_store_rsp') return
          statuses.push(command.status)
          if (statuses.length === 1) store('1.2.4', 2)
          else
            double.reply(7, { kind: 'c_get_rq', messageId: 1 } as Request, { status: 0xb000, completed: 1, failed: 1 })
        },
      },
      t,
      {
        onRequest: receiveInstances(({ sopInstanceUid }) => {
          if (sopInstanceUid === '1.2.4') throw new StoreError('spool_full', 'no room')
          return {
            write: (bytes) => void received.push(new Uint8Array(bytes)),
            commit: async () => undefined,
            abort: () => undefined,
          }
        }, 'DOUBLE'),
      },
    )
    const received: Uint8Array[] = []
    const context = association.find(QUERY_RETRIEVE.study.get) ?? assert.fail()
    const result = await get(association, context, identifier)
    assert.equal(result.failed, 1)
    assert.deepEqual(statuses, [0, 0xa700])
    const file = Buffer.concat(received)
    assert.equal(file.subarray(128, 132).toString(), 'DICM')
    assert.deepEqual(new Uint8Array(file.subarray(-4)), Uint8Array.of(1, 2, 3, 4))
    await association.release()
  })
})
