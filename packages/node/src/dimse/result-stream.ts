/** Result stream: what several lanes of work find out, in the order in which they do, for one reader. */

export class ResultStream<T> {
  readonly #waiting: { readonly value: T; readonly taken: () => void }[] = []
  #wake: (() => void) | undefined
  #isEnded = false

  /** Resolves when the reader has dealt with it: when it asks for the next one. */
  put(value: T): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ value, taken: resolve })
      this.#wake?.()
    })
  }

  end(): void {
    this.#isEnded = true
    this.#wake?.()
  }

  async *read(): AsyncGenerator<T> {
    for (;;) {
      const next = this.#waiting.shift()
      if (next !== undefined) {
        try {
          yield next.value
        } finally {
          next.taken()
        }
      } else if (this.#isEnded) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    }
  }
}
