/**
 * Move receiver: listens for what a PACS sends upon C-MOVE, and takes nothing that was not asked for.
 *
 * Source: PS3.4 section C.4.2: the PACS opens an association of its own to the destination, which it knows by its AE title.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { type Acceptor, startAcceptor } from '../dimse/acceptor.ts'
import type { RemoteNode } from '../dimse/remote-node.ts'
import type { Announcement, IncomingInstance } from '../services/gateway/ports.ts'
import type { FetchedFiles } from './fetched-files.ts'

export interface MoveReceiverOptions {
  /** The PACS, and by which title it knows us. */
  readonly node: RemoteNode
  /** On which it calls back. */
  readonly port: number
  readonly files: FetchedFiles
}

export class MoveReceiver {
  readonly #options: MoveReceiverOptions
  #acceptor: Promise<Acceptor> | undefined
  /** Those that were asked for; with a path once they came. */
  readonly #expected = new Map<string, string | undefined>()

  constructor(options: MoveReceiverOptions) {
    this.#options = options
  }

  get aet(): string {
    return this.#options.node.callingAet
  }

  /**
   * Takes what comes while some steps run.
   * @returns paths by SOP Instance UID; the files are the caller's
   * @throws {StoreError} `service_refused` where nothing can listen; what the steps throw
   */
  async receive(uids: readonly string[], steps: () => Promise<unknown>): Promise<Map<string, string>> {
    this.#acceptor ??= this.#listen()
    await this.#acceptor
    for (const uid of uids) this.#expected.set(uid, undefined)
    try {
      await steps()
      return this.#take(uids)
    } catch (error) {
      for (const path of this.#take(uids).values()) await this.#options.files.remove(path)
      throw error
    }
  }

  /** What came of some instances; they are not expected any more. */
  #take(uids: readonly string[]): Map<string, string> {
    const came = new Map<string, string>()
    for (const uid of uids) {
      const path = this.#expected.get(uid)
      if (path !== undefined) came.set(uid, path)
      this.#expected.delete(uid)
    }
    return came
  }

  async close(): Promise<void> {
    await (await this.#acceptor)?.stop(0)
  }

  #listen(): Promise<Acceptor> {
    const { node, port } = this.#options
    return startAcceptor({
      settings: {
        host: '0.0.0.0',
        port,
        calledTitles: [node.callingAet],
        callers: [{ aet: node.calledAet, addresses: [], certificates: [] }],
      },
      intake: { begin: (announcement) => this.#begin(announcement) },
    })
  }

  #begin({ sopInstanceUid }: Announcement): IncomingInstance {
    if (sopInstanceUid === null || !this.#expected.has(sopInstanceUid))
      throw new StoreError('gateway_overloaded', 'nobody asked for this instance')
    const { files } = this.#options
    const path = files.newPath()
    const descriptor = openSync(path, 'wx', 0o600)
    return {
      write(bytes) {
        for (let taken = 0; taken < bytes.length; ) taken += writeSync(descriptor, bytes, taken)
      },
      commit: async () => {
        closeSync(descriptor)
        const before = this.#expected.get(sopInstanceUid)
        if (before !== undefined) await files.remove(before)
        // Too late: nobody waits for it any more.
        if (this.#expected.has(sopInstanceUid)) this.#expected.set(sopInstanceUid, path)
        else await files.remove(path)
        return RECEIVED
      },
      abort: async () => {
        closeSync(descriptor)
        await files.remove(path)
      },
    }
  }
}

/** Nobody asks what the gateway would have noted of it. */
const RECEIVED = {} as ReceivedInstance
