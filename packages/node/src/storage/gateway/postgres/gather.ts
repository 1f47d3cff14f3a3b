/**
 * Gather: does things of one kind together where they come faster than they are done.
 *
 * One round is under way at a time; what comes meanwhile is the next one. Of things with the same name, each has a round
 * of its own.
 */

interface Waiting<Item, Result> {
  readonly item: Item
  readonly name: string
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

export class Gather<Item, Result> {
  readonly #perform: (items: readonly Item[]) => Promise<readonly Result[]>
  readonly #limit: number
  #waiting: Waiting<Item, Result>[] = []
  #isBusy = false

  /**
   * @param perform  gives a result for each item; where it rejects, so does each of them
   * @param limit  items of a round
   */
  constructor(perform: (items: readonly Item[]) => Promise<readonly Result[]>, limit: number) {
    this.#perform = perform
    this.#limit = limit
  }

  add(name: string, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, name, resolve, reject })
      if (!this.#isBusy) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isBusy = true
    // What is asked in the same turn goes together from the first.
    await Promise.resolve()
    for (let round = this.#next(); round.length > 0; round = this.#next()) {
      try {
        const results = await this.#perform(round.map(({ item }) => item))
        for (const [i, { resolve }] of round.entries()) resolve(results[i] as Result)
      } catch (cause) {
        for (const { reject } of round) reject(cause)
      }
    }
    this.#isBusy = false
  }

  #next(): readonly Waiting<Item, Result>[] {
    const names = new Set<string>()
    const round: Waiting<Item, Result>[] = []
    const rest: Waiting<Item, Result>[] = []
    for (const waiting of this.#waiting) {
      const isTaken = round.length >= this.#limit || names.has(waiting.name)
      if (isTaken) rest.push(waiting)
      else round.push(waiting)
      names.add(waiting.name)
    }
    this.#waiting = rest
    return round
  }
}
