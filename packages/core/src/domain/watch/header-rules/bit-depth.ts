/**
 * Bit depth: whether an image of more than 8 bits holds more than 8 bits' worth of values.
 *
 * Source: PS3.3 section C.7.6.3.1 (Bits Stored). A picture of 8 bits that was multiplied up leaves a comb: values at equal steps, or no more than 256 of them
 * over a wide range. Lookup tables and rescaled archives leave gaps as well, but seldom regular ones.
 */
import { type HeaderRule, type RuleFinding, unknown } from './rule.ts'

/** Fewer samples than this cannot show many values. */
const LEAST_SAMPLES = 10_000
/** The widest step that a comb is looked for with. */
const WIDEST_STEP = 257
const LEAST_STEP = 4

export const checkBitDepth: HeaderRule = (_, { samples, bits, planes }) => {
  if (planes !== 1 || bits <= 8)
    return unknown('bit-depth', 'The image is stored with 8 bits, or in colour: nothing to compare.')
  if (samples.length < LEAST_SAMPLES)
    return unknown('bit-depth', 'The image is too small to show how many values it uses.')
  const { values, range, step } = countValues(samples, bits)
  const facts = { bitsStored: bits, differentValues: values, range, step }
  if (values < 64) return { ...unknown('bit-depth', 'Too few different values to say what depth they had.'), facts }
  if (step >= LEAST_STEP || (values <= 256 && range >= 8 * values)) return odd(facts)
  return {
    rule: 'bit-depth',
    outcome: 'consistent',
    sentence: `${bits} bits are stored, and ${values} different values are used.`,
    facts,
  }
}

function odd(facts: RuleFinding['facts']): RuleFinding {
  const sentence = `${facts.bitsStored} bits are stored, but only ${facts.differentValues} different values are used over a range of ${facts.range}: as if a picture of 8 bits had been spread out. A lookup table can do that too.`
  return { rule: 'bit-depth', outcome: 'odd', sentence, facts }
}

/** Different values, the range from the lowest to the highest, and the largest step that all of them but the ends are multiples of. */
function countValues(samples: Uint16Array, bits: number) {
  const isUsed = new Uint8Array(2 ** bits)
  for (const value of samples) isUsed[value] = 1
  const used: number[] = []
  for (let value = 0; value < isUsed.length; value++) if (isUsed[value] === 1) used.push(value)
  let step = 0
  // Padding and clipped values at the ends do not follow the comb.
  const inner = used.slice(1, -1)
  for (let i = 1; i < inner.length; i++) step = greatestDivisor(step, (inner[i] as number) - (inner[i - 1] as number))
  return { values: used.length, range: (used.at(-1) ?? 0) - (used[0] ?? 0), step: Math.min(step, WIDEST_STEP) }
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}
