/** Data pipe: a data set that comes on one association and goes out on another one, with little of it in between. */

/** Bytes that may wait before the sender is stopped. */
const FULL_BYTES = 2 ** 20

export class DataPipe {
  readonly #pieces: Uint8Array[] = []
  #waitingBytes = 0
  #isEnded = false
  #failure: unknown
  #wake: (() => void) | undefined
  #resume: (() => void) | undefined

  /** The next bytes, which are copied. @returns false to be given no more until it calls `resume` */
  write(bytes: Uint8Array, resume: () => void): boolean {
    this.#pieces.push(new Uint8Array(bytes))
    this.#waitingBytes += bytes.length
    this.#wake?.()
    if (this.#waitingBytes < FULL_BYTES) return true
    this.#resume = resume
    return false
  }

  end(): void {
    this.#isEnded = true
    this.#wake?.()
  }

  /** The rest will not come. */
  fail(cause: unknown): void {
    this.#failure = cause
    this.end()
  }

  /** Nobody takes the rest: the sender is not stopped by it. */
  close(): void {
    this.#waitingBytes = Number.NEGATIVE_INFINITY
    this.#pieces.length = 0
    this.#goOn()
  }

  /** What comes, once. @throws what {@link fail} was given */
  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = this.#pieces.shift()
      if (piece !== undefined) {
        this.#waitingBytes -= piece.length
        if (this.#waitingBytes < FULL_BYTES / 2) this.#goOn()
        yield piece
      } else if (this.#isEnded) {
        if (this.#failure !== undefined) throw this.#failure
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    }
  }

  #goOn(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }
}
