/**
 * Reused memory: room for one large thing after the other.
 *
 * Memory outside the heap is what makes the collector run: a thread that reads each image into memory of its own spends more
 * on collecting than on signing. Nothing that was made of an image may be a view of it: it changes with the next one.
 */

/** Kept for the next one; a larger thing has memory of its own. */
const KEPT_BYTES = 32 * 2 ** 20

export interface LentMemory extends Disposable {
  /** Room for so many bytes, until it is given back. What is in it is of an earlier user. */
  readonly room: (bytes: number) => Uint8Array
}

/** Memory for one user at a time: who comes while it is lent gets new memory. */
export class ReusedMemory {
  #kept: Uint8Array | undefined

  lend(): LentMemory {
    let memory = this.#kept ?? new Uint8Array(0)
    this.#kept = undefined
    return {
      room: (bytes) => {
        if (memory.length < bytes) memory = new Uint8Array(bytes)
        return memory.subarray(0, bytes)
      },
      [Symbol.dispose]: () => {
        if (memory.length > 0 && memory.length <= KEPT_BYTES) this.#kept = memory
      },
    }
  }
}
