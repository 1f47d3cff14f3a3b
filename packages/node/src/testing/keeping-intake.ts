/** Keeping intake: takes instances in as a gateway does, for tests of faces, and keeps them to be looked at. */
import { createHash } from 'node:crypto'
import type { ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import { sniffInstance } from '@fiducial/core/domain/gateway/sniff.ts'
import type { Announcement, IncomingInstance, Intake } from '../services/gateway/ports.ts'

export interface TakenInstance extends ReceivedInstance {
  readonly announcement: Announcement
  readonly bytes: Uint8Array
}

export interface KeepingIntakeOptions {
  /** Called before each step; what it throws is what the step throws. */
  readonly fault?: (step: 'begin' | 'write' | 'commit', count: number) => void
}

export class KeepingIntake implements Intake {
  /** Committed, in the order of their commits. */
  readonly taken: TakenInstance[] = []
  aborted = 0
  /** Begun, and neither committed nor aborted. */
  open = 0
  #begun = 0
  readonly #fault: NonNullable<KeepingIntakeOptions['fault']>

  constructor({ fault = () => undefined }: KeepingIntakeOptions = {}) {
    this.#fault = fault
  }

  begin(announcement: Announcement): IncomingInstance {
    const count = ++this.#begun
    this.#fault('begin', count)
    this.open++
    const pieces: Uint8Array[] = []
    const end = (): void => {
      this.open--
    }
    return {
      write: (bytes) => {
        this.#fault('write', count)
        pieces.push(bytes.slice())
      },
      commit: async () => {
        end()
        this.#fault('commit', count)
        const bytes = new Uint8Array(Buffer.concat(pieces))
        const sha256 = new Uint8Array(createHash('sha256').update(bytes).digest())
        const id = String(count).padStart(26, '0')
        const { studyInstanceUid, ...uids } = sniffInstance(bytes)
        const taken = {
          ...uids,
          announcement,
          bytes,
          id,
          spoolKey: id,
          lengthBytes: bytes.length,
          sha256,
          origin: announcement.origin,
          receivedAt: new Date(),
          studyInstanceUid,
          orderKey: studyInstanceUid ?? id,
        }
        this.taken.push(taken)
        return taken
      },
      abort: async () => {
        end()
        this.aborted++
      },
    }
  }
}
