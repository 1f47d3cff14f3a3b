/**
 * Receive instances: C-STORE that a peer invokes on our own association while it answers a C-GET.
 *
 * Source: PS3.4 section C.4.3, PS3.7 section 9.1.1. Each instance becomes a Part 10 file as it comes: meta information of
 * ours, then the bytes of its data set as they are.
 */
import { formatFileMeta } from '@fiducial/core/formats/dicom/file-meta.ts'
import type { Request } from '@fiducial/core/formats/dimse/command.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import type { OpenContext } from './propose.ts'
import type { PeerRequest } from './requestor.ts'

/** What the peer says of an instance before its bytes come. */
export interface ComingInstance {
  readonly sopClassUid: string
  readonly sopInstanceUid: string
  readonly transferSyntaxUid: string
}

/** Takes the bytes of one file; exactly one of `commit` and `abort` ends it. */
export interface InstanceSink {
  /** The bytes are taken over when it returns. */
  write(bytes: Uint8Array): void
  commit(): Promise<unknown>
  abort(): unknown
}

/**
 * Answers C-STORE requests of a peer by handing each instance to a sink; everything else is refused.
 *
 * @param begin  may throw: then the instance is refused for lack of resources
 * @param sourceAet  title of the peer, for the meta information
 */
export function receiveInstances(
  begin: (coming: ComingInstance) => InstanceSink,
  sourceAet: string,
): (context: OpenContext, request: Request) => PeerRequest {
  return ({ transferSyntax }, request) => {
    if (request.kind !== 'c_store_rq' || !request.hasDataSet) return refusing(STATUS.unrecognizedOperation)
    const coming = {
      sopClassUid: request.affectedSopClassUid,
      sopInstanceUid: request.affectedSopInstanceUid,
      transferSyntaxUid: transferSyntax,
    }
    let sink: InstanceSink | undefined
    try {
      sink = begin(coming)
      sink.write(formatFileMeta({ ...coming, sourceAet }))
    } catch {
      void sink?.abort()
      return refusing(STATUS.outOfResources)
    }
    return receiving(sink)
  }
}

function receiving(sink: InstanceSink): PeerRequest {
  let hasFailed = false
  const fail = (): void => {
    hasFailed = true
    void sink.abort()
  }
  return {
    write(bytes) {
      if (hasFailed) return true
      try {
        sink.write(bytes)
      } catch {
        fail()
      }
      return true
    },
    async end() {
      if (hasFailed) return { status: STATUS.outOfResources }
      try {
        await sink.commit()
        return { status: STATUS.success }
      } catch {
        return { status: STATUS.outOfResources }
      }
    },
    abort() {
      if (!hasFailed) fail()
    },
  }
}

const refusing = (status: number): PeerRequest => ({
  write: () => true,
  end: async () => ({ status }),
  abort: () => undefined,
})
