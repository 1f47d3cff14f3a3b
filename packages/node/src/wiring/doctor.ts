/** Doctor: the examination of a peer, with the codecs, keys and pictures of this machine. */
import { randomUUID } from 'node:crypto'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import type { PeerExamination } from '@fiducial/core/domain/gateway/peer-diagnosis.ts'
import { probeImageOf } from '@fiducial/core/domain/gateway/probe-image.ts'
import { planExposure } from '@fiducial/core/domain/room/plan.ts'
import { captureExposure } from '@fiducial/core/domain/room/room.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { examinePeer } from '../dimse/examine-peer.ts'
import type { ReceivingPoint } from '../dimse/fetch-back.ts'
import type { ClientTls } from '../dimse/remote-node.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { describeImage } from '../services/log/describe-image.ts'
import { loadWasm } from '../storage/wasm.ts'
import { readPem } from './gateway-targets.ts'

export interface ExaminationOrder {
  readonly host: string
  readonly port: number
  readonly calledAet: string
  readonly callingAet: string
  /** Paths of PEM files. */
  readonly tls: { readonly trust: string; readonly certificate?: string; readonly key?: string } | null
  readonly isStoring: boolean
  /** Where the image comes back to by C-MOVE; null for C-GET. */
  readonly receiveAt: ReceivingPoint | null
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** @throws {StoreError} where the peer takes no association; `input_unreadable` for certificates */
export async function examine(order: ExaminationOrder): Promise<PeerExamination> {
  const { host, port, calledAet, callingAet, tls, isStoring, receiveAt, timeoutMs, signal } = order
  const timeouts = { connectMs: timeoutMs, associateMs: timeoutMs, idleMs: timeoutMs }
  const node = { host, port, calledAet, callingAet, timeouts, ...(tls !== null && { tls: readTls(tls) }) }
  const codecs = createCodecs(loadWasm)
  return examinePeer(node, {
    hashes: nativeCrypto.hash,
    signal,
    ...(isStoring && { probe: takeProbe() }),
    ...(receiveAt !== null && { receiveAt }),
    readSide: async (bytes) => {
      const source = memorySource(bytes)
      const { digests } = await describeImage(source, { crypto: nativeCrypto, codecs })
      return { file: parseDicom(source), pixels: digests.pixels }
    },
  })
}

/** A hand of nobody, with UIDs that no other run has. */
function takeProbe() {
  const at = new Date().toISOString().slice(0, 19)
  const plan = planExposure(`doctor ${randomUUID()}`, { kind: 'hand', at, size: { columns: 256, rows: 320 } })
  return probeImageOf(captureExposure(plan).elements)
}

function readTls({ trust, certificate, key }: NonNullable<ExaminationOrder['tls']>): ClientTls {
  return {
    trusted: readPem(trust),
    ...(certificate !== undefined && { certificate: readPem(certificate) }),
    ...(key !== undefined && { key: readPem(key) }),
  }
}
