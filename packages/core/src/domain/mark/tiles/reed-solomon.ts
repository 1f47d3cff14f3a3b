/**
 * Reed–Solomon: parity that fills in bytes whose places are known to be lost.
 *
 * Source: Reed and Solomon (1960); docs/reference/mark.md, "Parity": GF(2^8) with the polynomial 0x11D, generator element 2,
 * first root 2^0, systematic, highest power first. Erasures only: whoever reads tiles knows which of them hold.
 */

/** Symbols of a codeword at most. */
export const CODEWORD_LIMIT = 255
const POLYNOMIAL = 0x11d

const { exponents, logarithms } = makeTables()

function makeTables(): { readonly exponents: Uint8Array; readonly logarithms: Uint8Array } {
  const exponents = new Uint8Array(2 * CODEWORD_LIMIT)
  const logarithms = new Uint8Array(256)
  let value = 1
  for (let power = 0; power < CODEWORD_LIMIT; power++) {
    exponents[power] = value
    exponents[power + CODEWORD_LIMIT] = value
    logarithms[value] = power
    value <<= 1
    if (value > 0xff) value ^= POLYNOMIAL
  }
  return { exponents, logarithms }
}

function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0
  return exponents[(logarithms[a] as number) + (logarithms[b] as number)] as number
}

/** @param b  not 0 */
function divide(a: number, b: number): number {
  if (a === 0) return 0
  return exponents[(logarithms[a] as number) + CODEWORD_LIMIT - (logarithms[b] as number)] as number
}

const powerOf2 = (power: number): number => exponents[power % CODEWORD_LIMIT] as number

/** Product of (x − 2^i) for i below the number of parity symbols; highest power first, the leading 1 left out. */
function generatorOf(parity: number): Uint8Array {
  const generator = new Uint8Array(parity + 1)
  generator[0] = 1
  for (let i = 0; i < parity; i++) {
    const root = powerOf2(i)
    for (let j = i + 1; j > 0; j--) {
      generator[j] = (generator[j] as number) ^ multiply(generator[j - 1] as number, root)
    }
  }
  return generator.subarray(1)
}

/**
 * Parity symbols of one codeword.
 * @param data    1 to 255 − parity symbols
 * @throws {RangeError} for a codeword of more than 255 symbols
 */
export function encodeParity(data: Uint8Array, parity: number): Uint8Array {
  if (data.length + parity > CODEWORD_LIMIT) throw new RangeError('a codeword has 255 symbols at most')
  const generator = generatorOf(parity)
  const rest = new Uint8Array(parity)
  for (const symbol of data) {
    const factor = symbol ^ (rest[0] ?? 0)
    rest.copyWithin(0, 1)
    if (parity > 0) rest[parity - 1] = 0
    for (let i = 0; i < parity; i++) rest[i] = (rest[i] as number) ^ multiply(factor, generator[i] as number)
  }
  return rest
}

/**
 * Fills in the lost symbols of a codeword, in place.
 *
 * Cost: quadratic in the length.
 * @param lost  places of symbols that nobody knows; what stands there does not matter
 * @returns false, with the codeword as it was but for lost symbols, if more are lost than there is parity for
 */
export function fillErasures(codeword: Uint8Array, parity: number, lost: readonly number[]): boolean {
  if (lost.length > parity) return false
  if (lost.length === 0) return true
  for (const place of lost) codeword[place] = 0
  const syndromes = syndromesOf(codeword, lost.length)
  const locators = lost.map((place) => powerOf2(codeword.length - 1 - place))
  const values = solveVandermonde(locators, syndromes)
  lost.forEach((place, i) => {
    codeword[place] = values[i] as number
  })
  return true
}

/** Values of the codeword at the first roots of the generator. */
function syndromesOf(codeword: Uint8Array, count: number): Uint8Array {
  const syndromes = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const root = powerOf2(i)
    let value = 0
    for (const symbol of codeword) value = multiply(value, root) ^ symbol
    syndromes[i] = value
  }
  return syndromes
}

/**
 * Values v with Σ v[j]·locators[j]^i = syndromes[i].
 * Each is a quotient: the polynomial with all other locators as roots tells it from the rest.
 */
function solveVandermonde(locators: readonly number[], syndromes: Uint8Array): readonly number[] {
  const count = locators.length
  // Product of (x − locator), lowest power first.
  const product = new Uint8Array(count + 1)
  product[0] = 1
  locators.forEach((locator, degree) => {
    for (let i = degree + 1; i > 0; i--)
      product[i] = (product[i - 1] as number) ^ multiply(product[i] as number, locator)
    product[0] = multiply(product[0] as number, locator)
  })
  return locators.map((locator) => {
    // Synthetic division by (x − locator), and the quotient's value at the locator.
    let coefficient = 0
    let value = 0
    let sum = 0
    for (let i = count; i > 0; i--) {
      coefficient = (product[i] as number) ^ multiply(coefficient, locator)
      sum ^= multiply(coefficient, syndromes[i - 1] as number)
      value = multiply(value, locator) ^ coefficient
    }
    return divide(sum, value)
  })
}
