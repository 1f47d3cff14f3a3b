/**
 * DIMSE double: a peer in this process that accepts associations and does what a test tells it, well or badly.
 *
 * It knows the formats and nothing else of ours: no association or service of node/dimse stands behind it.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { after as afterAll } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import type { Command, CommandOf, Request, Response } from '@fiducial/core/formats/dimse/command.ts'
import { responseKind } from '@fiducial/core/formats/dimse/command.ts'
import { MessageReader } from '@fiducial/core/formats/dimse/message-reader.ts'
import { packMessage } from '@fiducial/core/formats/dimse/pack-message.ts'
import { type AssociateAccept, type AssociateRequest, CONTEXT_RESULTS } from '@fiducial/core/formats/dul/associate.ts'
import { formatPdu, type Pdu } from '@fiducial/core/formats/dul/pdu.ts'
import { PduReader } from '@fiducial/core/formats/dul/pdu-reader.ts'
import { NO_USER_INFORMATION } from '@fiducial/core/formats/dul/user-information.ts'

/** One association of the double, for a test that answers by itself. */
export interface DoubleAssociation {
  readonly socket: Socket
  readonly request: AssociateRequest
  /** Sends a message; data set or none. */
  send(contextId: number, command: Command, dataSet?: Uint8Array): void
  /** Answers a request. */
  reply(
    contextId: number,
    request: Request,
    reply: Partial<Response> & { readonly status: number },
    dataSet?: Uint8Array,
  ): void
  sendPdu(pdu: Pdu): void
}

export interface DoubleScript {
  /** What the association is answered with; undefined says nothing at all. Default: everything is accepted. */
  readonly onAssociate?: (request: AssociateRequest, association: DoubleAssociation) => Pdu | undefined
  /** A message has come, whole. Default: success. */
  readonly onMessage?: (
    message: { readonly contextId: number; readonly command: Command; readonly dataSet: Uint8Array | null },
    association: DoubleAssociation,
  ) => void
  /** A command has come, and its data set has not. */
  readonly onCommand?: (command: Command, association: DoubleAssociation) => void
  /** Releases are not answered. */
  readonly ignoresRelease?: boolean
  readonly maximumLength?: number
}

export interface DimseDouble {
  readonly port: number
  /** Requests for associations that have come. */
  readonly associations: readonly AssociateRequest[]
  /** Commands that have come. */
  readonly commands: readonly Command[]
  /** How many associations ended by an A-ABORT of the other side, and by a release. */
  readonly ends: { readonly aborted: number; readonly released: number }
}

/** Accepts what is proposed, each context in its first transfer syntax. */
export function acceptAll(request: AssociateRequest, maximumLength = 16_384): AssociateAccept {
  return {
    ...request,
    type: 'associate_ac',
    contexts: request.contexts.map(({ id, transferSyntaxes }) => ({
      id,
      result: CONTEXT_RESULTS.accepted,
      transferSyntax: transferSyntaxes[0] ?? null,
    })),
    user: { ...NO_USER_INFORMATION, maximumLength, implementationClassUid: '1.2.3', roles: request.user.roles },
  }
}

/** Starts a double, which ends with the test or suite. */
export async function startDouble(
  script: DoubleScript,
  owner: { after(cleanUp: () => Promise<void> | void): void } = { after: afterAll },
): Promise<DimseDouble> {
  const associations: AssociateRequest[] = []
  const commands: Command[] = []
  const ends = { aborted: 0, released: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.setNoDelay(true)
    serve(socket, script, { associations, commands, ends })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  owner.after(() => {
    for (const socket of sockets) socket.destroy()
    return closed(server)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { port, associations, commands, ends }
}

const closed = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

function serve(
  socket: Socket,
  script: DoubleScript,
  seen: { associations: AssociateRequest[]; commands: Command[]; ends: { aborted: number; released: number } },
): void {
  let association: DoubleAssociation | undefined
  let pending: { readonly contextId: number; readonly command: Command } | undefined
  const pieces: Uint8Array[] = []
  const { onMessage = succeed } = script
  const messages = new MessageReader({
    onCommand(contextId, command) {
      seen.commands.push(command)
      if (association !== undefined) script.onCommand?.(command, association)
      if (!command.hasDataSet && association !== undefined)
        onMessage({ contextId, command, dataSet: null }, association)
      else pending = { contextId, command }
    },
    onData(bytes, isEnd) {
      pieces.push(new Uint8Array(bytes))
      if (!isEnd || pending === undefined || association === undefined) return
      const message = { ...pending, dataSet: joinBytes(pieces.splice(0)) }
      pending = undefined
      onMessage(message, association)
    },
  })
  const onPdu = (pdu: Pdu): void => {
    if (pdu.type === 'associate_rq') {
      seen.associations.push(pdu)
      association = associationOf(socket, pdu)
      const answer = (script.onAssociate ?? ((request) => acceptAll(request, script.maximumLength)))(pdu, association)
      if (answer !== undefined) association.sendPdu(answer)
      if (answer?.type === 'associate_rj') socket.end()
    } else if (pdu.type === 'release_rq' && script.ignoresRelease !== true) {
      seen.ends.released++
      socket.end(formatPdu({ type: 'release_rp' }))
    } else if (pdu.type === 'abort') {
      seen.ends.aborted++
      socket.destroy()
    }
  }
  const reader = new PduReader({ onPdu, onFragment: (part) => messages.read(part) })
  socket.on('data', (chunk: Buffer) => {
    reader.read(chunk)
  })
}

function associationOf(socket: Socket, request: AssociateRequest): DoubleAssociation {
  const maximumLength = request.user.maximumLength
  const send: DoubleAssociation['send'] = (contextId, command, dataSet) => {
    socket.write(packMessage(command, dataSet ?? null, { contextId, maximumLength }))
  }
  return {
    socket,
    request,
    send,
    reply: (contextId, to, reply, dataSet) =>
      send(
        contextId,
        {
          ...reply,
          kind: responseKind(to.kind),
          messageIdBeingRespondedTo: to.messageId,
          hasDataSet: dataSet !== undefined,
        } as Response,
        dataSet,
      ),
    sendPdu: (pdu) => {
      socket.write(formatPdu(pdu))
    },
  }
}

/** Whether a command asks something that is to be answered. */
export const isRequest = (command: Command): command is Request =>
  command.kind.endsWith('_rq') && command.kind !== 'c_cancel_rq'

const succeed: NonNullable<DoubleScript['onMessage']> = ({ contextId, command }, association) => {
  if (isRequest(command)) association.reply(contextId, command, { status: 0 })
}

export type StoreRequest = CommandOf<'c_store_rq'>
