/**
 * Code: the convolutional code of the chips, constraint length 9, rate 1/2, and the most likely path through it.
 *
 * Source: docs/reference/mark.md, "Chips", "Code"; generators 561 and 753 (octal), as in CCSDS and IS-95. Of the 192 inputs,
 * 96 are message bits, 88 are free (the embedder picks those that suit the picture) and 8 end the path in state 0.
 */

export const MESSAGE_BITS = 96
export const INPUTS = 192
/** Bits that the pattern carries. */
export const CODED_BITS = 2 * INPUTS
const TAIL = 8
const STATES = 256
const GENERATORS = [0o561, 0o753] as const

/** Where message bit j stands among the inputs. */
export const messagePosition = (j: number): number => Math.floor((j * (INPUTS - TAIL)) / MESSAGE_BITS)

/** Both coded bits for a register (input in bit 8, state below), first generator in bit 0. */
const OUTPUT = Uint8Array.from({ length: 2 * STATES }, (_, register) => {
  return parity(register & GENERATORS[0]) | (parity(register & GENERATORS[1]) << 1)
})

function parity(word: number): number {
  let bit = 0
  for (let rest = word; rest !== 0; rest >>= 1) bit ^= rest & 1
  return bit
}

/** The coded bits of inputs, 0 or 1 each. @param inputs  192 of 0 or 1 */
export function encodeInputs(inputs: Uint8Array): Uint8Array {
  const coded = new Uint8Array(CODED_BITS)
  let state = 0
  for (let t = 0; t < INPUTS; t++) {
    const register = ((inputs[t] as number) << 8) | state
    const output = OUTPUT[register] as number
    coded[2 * t] = output & 1
    coded[2 * t + 1] = output >> 1
    state = register >> 1
  }
  return coded
}

/** The message bits among inputs. */
export function messageOf(inputs: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: MESSAGE_BITS }, (_, j) => inputs[messagePosition(j)] as number)
}

/**
 * The inputs whose coded bits agree best with the evidence.
 * @param evidence  for each coded bit, how much speaks for a 1; negative for a 0
 * @param message   96 bits that must be met, or undefined for any message
 */
export function bestInputs(evidence: Float64Array, message?: Uint8Array): Uint8Array {
  const forced = forcedInputs(message)
  const choices = new Uint8Array(INPUTS * STATES)
  const scores = [new Float64Array(STATES).fill(NEVER), new Float64Array(STATES)] as const
  scores[0][0] = 0
  for (let t = 0; t < INPUTS; t++) {
    advance({
      score: scores[t & 1] as Float64Array,
      next: scores[(t + 1) & 1] as Float64Array,
      branch: branchesAt(evidence, t),
      choices: choices.subarray(t * STATES, (t + 1) * STATES),
      forced: forced[t] as number,
    })
  }
  return traceBack(choices)
}

/** A message that no path has. */
const NEVER = -1e30

/** For each input 0 or 1 if it is given, else −1. */
function forcedInputs(message?: Uint8Array): Int8Array {
  const forced = new Int8Array(INPUTS).fill(-1)
  forced.fill(0, INPUTS - TAIL)
  if (message !== undefined) for (let j = 0; j < MESSAGE_BITS; j++) forced[messagePosition(j)] = message[j] as number
  return forced
}

/** What each pair of coded bits adds to the score of a path at a step. */
function branchesAt(evidence: Float64Array, t: number): Float64Array {
  const first = evidence[2 * t] as number
  const second = evidence[2 * t + 1] as number
  return Float64Array.of(-first - second, first - second, second - first, first + second)
}

interface Step {
  readonly score: Float64Array
  readonly next: Float64Array
  readonly branch: Float64Array
  readonly choices: Uint8Array
  readonly forced: number
}

function advance({ score, next, branch, choices, forced }: Step): void {
  for (let state = 0; state < STATES; state++) {
    const input = state >> 7
    if (forced >= 0 && input !== forced) {
      next[state] = NEVER
      continue
    }
    const before = (state & 127) << 1
    const register = (input << 8) | before
    const even = (score[before] as number) + (branch[OUTPUT[register] as number] as number)
    const odd = (score[before + 1] as number) + (branch[OUTPUT[register + 1] as number] as number)
    choices[state] = odd > even ? 1 : 0
    next[state] = odd > even ? odd : even
  }
}

function traceBack(choices: Uint8Array): Uint8Array {
  const inputs = new Uint8Array(INPUTS)
  let state = 0
  for (let t = INPUTS - 1; t >= 0; t--) {
    inputs[t] = state >> 7
    state = ((state & 127) << 1) | (choices[t * STATES + state] as number)
  }
  return inputs
}

/** The end of a path, from some step on. */
interface PathEnd {
  /** Score of the best path with this end. */
  readonly score: number
  /** Score of the end alone. */
  readonly own: number
  readonly t: number
  readonly state: number
  readonly rest: PathEnd | undefined
}

/** Steps of all paths together: some hundred paths. */
const STEPS_LIMIT = 30_000

/**
 * Inputs from the best on, in the order of how well they agree with the evidence.
 *
 * Paths are followed from the end, the most promising first; what is before an end is known from the way forward, so that they
 * come out in order. Where much of the evidence is nothing, as in a picture that is black but for a corner, paths without number
 * are equally good: they end after a fixed number of steps.
 */
export function* rankedInputs(evidence: Float64Array): Generator<Uint8Array> {
  const forced = forcedInputs()
  const forward: Float64Array[] = [new Float64Array(STATES).fill(NEVER)]
  ;(forward[0] as Float64Array)[0] = 0
  const choices = new Uint8Array(STATES)
  for (let t = 0; t < INPUTS; t++) {
    const next = new Float64Array(STATES)
    const score = forward[t] as Float64Array
    advance({ score, next, branch: branchesAt(evidence, t), choices, forced: forced[t] as number })
    forward.push(next)
  }
  const heap = new Heap()
  heap.push({ score: (forward[INPUTS] as Float64Array)[0] as number, own: 0, t: INPUTS, state: 0, rest: undefined })
  for (let step = 0; step < STEPS_LIMIT; step++) {
    const end = heap.pop()
    if (end === undefined) return
    if (end.t === 0) {
      yield inputsOf(end)
      continue
    }
    const branch = branchesAt(evidence, end.t - 1)
    for (const odd of [0, 1]) {
      const state = ((end.state & 127) << 1) | odd
      const register = ((end.state >> 7) << 8) | state
      const own = end.own + (branch[OUTPUT[register] as number] as number)
      const score = own + ((forward[end.t - 1] as Float64Array)[state] as number)
      if (score > NEVER / 2) heap.push({ score, own, t: end.t - 1, state, rest: end })
    }
  }
}

function inputsOf(start: PathEnd): Uint8Array {
  const inputs = new Uint8Array(INPUTS)
  for (let end = start.rest; end !== undefined; end = end.rest) inputs[end.t - 1] = end.state >> 7
  return inputs
}

/** Ends of paths, the best on top. */
class Heap {
  readonly #ends: PathEnd[] = []

  push(end: PathEnd): void {
    const ends = this.#ends
    let i = ends.length
    ends.push(end)
    while (i > 0) {
      const up = (i - 1) >> 1
      // Of equals the newest is followed on, so that one path ends before others begin.
      if ((ends[up] as PathEnd).score > end.score) break
      ends[i] = ends[up] as PathEnd
      i = up
    }
    ends[i] = end
  }

  pop(): PathEnd | undefined {
    const ends = this.#ends
    const top = ends[0]
    const last = ends.pop()
    if (last === undefined || ends.length === 0) return top
    let i = 0
    for (;;) {
      let down = 2 * i + 1
      if (down >= ends.length) break
      if (down + 1 < ends.length && (ends[down + 1] as PathEnd).score > (ends[down] as PathEnd).score) down++
      if ((ends[down] as PathEnd).score <= last.score) break
      ends[i] = ends[down] as PathEnd
      i = down
    }
    ends[i] = last
    return top
  }
}
