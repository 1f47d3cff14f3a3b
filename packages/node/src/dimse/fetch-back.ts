/**
 * Fetch back: has one image back from a peer, by C-GET, or by C-MOVE to ourselves.
 *
 * For the examination of peers (examine-peer): images are small, and kept in memory.
 */
import { createHash } from 'node:crypto'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { encodeElements } from '@fiducial/core/formats/dicom/encode.ts'
import {
  EXPLICIT_LITTLE_ENDIAN,
  encodingOf,
  IMPLICIT_LITTLE_ENDIAN,
} from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import type { Announcement, IncomingInstance, Intake } from '../services/gateway/ports.ts'
import { startAcceptor } from './acceptor.ts'
import { get, move, QUERY_RETRIEVE, requireContext } from './query.ts'
import { type InstanceSink, receiveInstances } from './receive-instances.ts'
import type { RemoteNode } from './remote-node.ts'
import { openAssociation } from './requestor.ts'

/** An image to be stored and compared. */
export interface ProbeImage {
  readonly studyInstanceUid: string
  readonly seriesInstanceUid: string
  readonly sopClassUid: string
  readonly sopInstanceUid: string
  readonly transferSyntaxUid: string
  /** A Part 10 file. */
  readonly bytes: Uint8Array
}

/** As the peer knows us. */
export interface ReceivingPoint {
  readonly aet: string
  readonly host: string
  readonly port: number
}

const { get: GET, move: MOVE } = QUERY_RETRIEVE.study

/**
 * By C-GET; in the image's own transfer syntax where the peer can, else as it is handed out.
 * @returns undefined where the peer sends nothing
 * @throws {StoreError} as `get`
 */
export async function getBack(
  node: RemoteNode,
  probe: ProbeImage,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const received: Uint8Array[] = []
  const syntaxes = [...new Set([probe.transferSyntaxUid, EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN])]
  const association = await openAssociation(node, {
    proposals: [
      { abstractSyntax: GET, transferSyntaxes: [IMPLICIT_LITTLE_ENDIAN] },
      ...syntaxes.map((syntax) => ({
        abstractSyntax: probe.sopClassUid,
        transferSyntaxes: [syntax],
        isOwnScp: true,
      })),
    ],
    onRequest: receiveInstances(() => collecting(received), node.calledAet),
    ...(signal && { signal }),
  })
  try {
    const context = requireContext(association, GET)
    await get(association, context, identifierOf(probe, context.transferSyntax))
    return received[0]
  } finally {
    await association.release()
  }
}

/**
 * By C-MOVE, to an acceptor that listens meanwhile.
 * @returns undefined where the peer sends nothing
 * @throws {StoreError} as `move`; `service_refused` where nothing can listen there
 */
export async function moveBack(
  node: RemoteNode,
  probe: ProbeImage,
  { aet, host, port }: ReceivingPoint,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const received: Uint8Array[] = []
  const intake: Intake = { begin: (announcement) => taking(received, announcement) }
  const settings = { host, port, calledTitles: [aet], callers: 'any' } as const
  const acceptor = await startAcceptor({ settings, intake })
  try {
    const proposals = [{ abstractSyntax: MOVE, transferSyntaxes: [IMPLICIT_LITTLE_ENDIAN] }]
    const association = await openAssociation(node, { proposals, ...(signal && { signal }) })
    try {
      const context = requireContext(association, MOVE)
      await move(association, context, { identifier: identifierOf(probe, context.transferSyntax), destination: aet })
      return received[0]
    } finally {
      await association.release()
    }
  } finally {
    await acceptor.stop(0)
  }
}

function identifierOf(probe: ProbeImage, transferSyntaxUid: string): Uint8Array {
  const keys = [
    text(0x00080018, 'UI', probe.sopInstanceUid),
    text(0x00080052, 'CS', 'IMAGE'),
    text(0x0020000d, 'UI', probe.studyInstanceUid),
    text(0x0020000e, 'UI', probe.seriesInstanceUid),
  ]
  return encodeElements(keys, encodingOf(transferSyntaxUid))
}

/** Puts a file together and adds it to those that were received. */
function collecting(received: Uint8Array[]): InstanceSink {
  const pieces: Uint8Array[] = []
  return {
    write: (bytes) => void pieces.push(new Uint8Array(bytes)),
    commit: async () => void received.push(joinBytes(pieces)),
    abort: () => undefined,
  }
}

/** The same as an intake of the acceptor wants it: what it says of the instance nobody here asks for. */
function taking(received: Uint8Array[], { origin, ...uids }: Announcement): IncomingInstance {
  const sink = collecting(received)
  return {
    write: (bytes) => sink.write(bytes),
    async commit() {
      await sink.commit()
      const bytes = received.at(-1) ?? new Uint8Array(0)
      const sha256 = new Uint8Array(createHash('sha256').update(bytes).digest())
      const id = String(received.length)
      const named = { id, spoolKey: id, orderKey: id, studyInstanceUid: null, receivedAt: new Date() }
      return { ...uids, ...named, origin, sha256, lengthBytes: bytes.length }
    },
    abort: async () => undefined,
  }
}
