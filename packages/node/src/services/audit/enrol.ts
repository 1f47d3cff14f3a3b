/**
 * Enrol: records what an old archive holds, as it is now, so that changes show from now on.
 *
 * Enrolment proves nothing about the time before. An instance is enrolled with the moment at which it was read: the same
 * event again, after a crash, is the same entry of the log.
 */
import { decodeHex } from '@fiducial/core/bytes/hex.ts'
import type { Recorder } from '../log/recorder.ts'
import type { ArchiveSource, Examined, KnownInstance, SweepStore } from './ports.ts'

export interface EnrolOptions {
  readonly store: SweepStore
  readonly recorder: Pick<Recorder, 'record'>
  readonly kind: ArchiveSource['kind']
  readonly signal: AbortSignal
  /** Called with how many are done. */
  readonly onProgress?: (count: number) => void
}

/** Recorded together: a log makes one durable write of them. */
const BATCH = 500

/** @returns how many were enrolled. @throws {StoreError} what the log says */
export async function enrolUnrecorded({ store, recorder, kind, signal, onProgress }: EnrolOptions): Promise<number> {
  let count = 0
  for (let after: string | undefined; !signal.aborted; ) {
    const page = await store.instances('unrecorded', { limit: BATCH, ...(after !== undefined && { after }) })
    after = page.at(-1)?.key
    if (after === undefined) break
    const fit = page.flatMap((instance) =>
      instance.examined === null ? [] : [{ instance, examined: instance.examined }],
    )
    const receipts = await Promise.all(
      fit.map(({ instance, examined }) => recorder.record(newsOf(instance, examined, kind))),
    )
    await store.enrolled(fit.map(({ instance }, i) => ({ key: instance.key, index: receipts[i]?.index ?? 0n })))
    count += fit.length
    onProgress?.(count)
  }
  return count
}

/** As events call the ways by which an image comes in. */
const PROTOCOLS: Readonly<Record<ArchiveSource['kind'], string>> = {
  folder: 'file',
  dicomweb: 'dicomweb',
  dimse: 'dimse',
  orthanc: 'orthanc',
}

function newsOf({ readAt }: KnownInstance, { instance, digests, frames }: Examined, kind: ArchiveSource['kind']) {
  const isNamed = Object.values(instance).some((uid) => uid !== null)
  return {
    type: 'received',
    at: readAt,
    instance: isNamed ? instance : null,
    digests: {
      file: decodeHex(digests.file),
      dataset: decodeHex(digests.dataset),
      pixels: null,
      frames: digests.frames === null ? null : { count: BigInt(frames), root: decodeHex(digests.frames) },
    },
    details: { fromAet: null, fromAddress: null, protocol: PROTOCOLS[kind] },
  } as const
}
