/** Memory intake: takes objects in without a disk, shows what became of each, and fails or waits where a test says so. */
import { createHash } from 'node:crypto'
import type { ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import type { Announcement, IncomingInstance, Intake } from '../services/gateway/ports.ts'

export interface TakenObject {
  readonly announcement: Announcement
  /** The Part 10 file. */
  readonly bytes: Uint8Array
}

export interface MemoryIntakeOptions {
  /** Called where an object begins, with the number of those before it; what it throws is thrown. */
  readonly onBegin?: (announcement: Announcement, index: number) => void
  /** Called with the length so far; what it throws is thrown. */
  readonly onWrite?: (lengthBytes: number, index: number) => void
  /** As `IncomingInstance.room`, with the length so far. */
  readonly room?: (lengthBytes: number, index: number) => Promise<void> | undefined
  /** Awaited before an object is taken; what it rejects with is handed on. */
  readonly onCommit?: (announcement: Announcement, index: number) => Promise<void> | void
  /** Whether bytes are kept; else only counted. Default: true. */
  readonly keepsBytes?: boolean
}

export class MemoryIntake implements Intake {
  readonly #options: MemoryIntakeOptions
  /** In the order in which they were committed. */
  readonly taken: TakenObject[] = []
  begun = 0
  aborted = 0

  constructor(options: MemoryIntakeOptions = {}) {
    this.#options = options
  }

  /** Objects that were begun, and neither taken nor aborted. */
  get open(): number {
    return this.begun - this.aborted - this.taken.length
  }

  begin(announcement: Announcement): IncomingInstance {
    const { onBegin, onWrite, room, onCommit, keepsBytes = true } = this.#options
    const index = this.begun
    onBegin?.(announcement, index)
    this.begun++
    const pieces: Uint8Array[] = []
    let length = 0
    let isOpen = true
    const close = (): void => {
      if (!isOpen) throw new TypeError('an object ends once')
      isOpen = false
    }
    return {
      write: (bytes) => {
        if (!isOpen) throw new TypeError('an object that has ended takes no bytes')
        length += bytes.length
        onWrite?.(length, index)
        if (keepsBytes) pieces.push(new Uint8Array(bytes))
      },
      ...(room && { room: () => room(length, index) }),
      commit: async () => {
        close()
        try {
          await onCommit?.(announcement, index)
        } catch (error) {
          this.aborted++
          throw error
        }
        const bytes = new Uint8Array(Buffer.concat(pieces))
        this.taken.push({ announcement, bytes })
        return received(announcement, bytes, index)
      },
      abort: async () => {
        close()
        this.aborted++
      },
    }
  }
}

function received(announcement: Announcement, bytes: Uint8Array, index: number): ReceivedInstance {
  const id = String(index).padStart(26, '0')
  return {
    ...announcement,
    id,
    spoolKey: id,
    lengthBytes: bytes.length,
    sha256: new Uint8Array(createHash('sha256').update(bytes).digest()),
    receivedAt: new Date(0),
    studyInstanceUid: null,
    orderKey: '',
  }
}
