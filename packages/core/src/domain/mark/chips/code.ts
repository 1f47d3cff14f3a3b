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
  const forced = new Int8Array(INPUTS).fill(-1)
  forced.fill(0, INPUTS - TAIL)
  if (message !== undefined) for (let j = 0; j < MESSAGE_BITS; j++) forced[messagePosition(j)] = message[j] as number
  const choices = new Uint8Array(INPUTS * STATES)
  let score = new Float64Array(STATES).fill(-1e30)
  let next = new Float64Array(STATES)
  score[0] = 0
  const branch = new Float64Array(4)
  for (let t = 0; t < INPUTS; t++) {
    const first = evidence[2 * t] as number
    const second = evidence[2 * t + 1] as number
    branch[0] = -first - second
    branch[1] = first - second
    branch[2] = second - first
    branch[3] = first + second
    advance({
      score,
      next,
      branch,
      choices: choices.subarray(t * STATES, (t + 1) * STATES),
      forced: forced[t] as number,
    })
    const swap = score
    score = next
    next = swap
  }
  return traceBack(choices)
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
      next[state] = -1e30
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
