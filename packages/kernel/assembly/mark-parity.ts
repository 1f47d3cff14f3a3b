/**
 * Parity of the stream, for firmware: Reed-Solomon over GF(2^8), without tables.
 *
 * Source: docs/reference/mark.md, "Parity"; the encoder is the shift register of every text book.
 */

/** Symbols of a codeword at most. */
const CODEWORD: u32 = 255

/**
 * Fills in the parity of a stream.
 *
 * @param stream  its data, with room for all of it
 * @param data    bytes of data
 * @param length  bytes of the stream
 * @param work    512 bytes to work in
 */
export function addParity(stream: usize, data: u32, length: u32, work: usize): void {
  const codewords = (length + CODEWORD - 1) / CODEWORD
  let known: u32 = 0
  for (let first: u32 = 0; first < codewords; first++) {
    // Symbols of this codeword lie `codewords` bytes apart.
    const symbols = (length - first + codewords - 1) / codewords
    const message = first < data ? (data - first + codewords - 1) / codewords : 0
    const parity = symbols - message
    if (parity != known) {
      makeGenerator(work, parity)
      known = parity
    }
    encode(stream + first, codewords, message, parity, work)
  }
}

/** Product of x - 2^i for i below the degree: its coefficients but the first, highest power first. */
function makeGenerator(generator: usize, degree: u32): void {
  memory.fill(generator, 0, degree)
  let root: u32 = 1
  for (let i: u32 = 0; i < degree; i++, root = twice(root)) {
    // Of degree i by now; the leading 1 is not stored.
    let above: u32 = 1
    for (let j: u32 = 0; j <= i; j++) {
      const coefficient: u32 = load<u8>(generator + j)
      store<u8>(generator + j, coefficient ^ times(above, root))
      above = coefficient
    }
  }
}

function encode(codeword: usize, step: u32, message: u32, parity: u32, generator: usize): void {
  const register = generator + 256
  memory.fill(register, 0, parity + 1)
  for (let i: u32 = 0; i < message; i++) {
    const feedback = <u32>load<u8>(codeword + i * step) ^ <u32>load<u8>(register)
    for (let j: u32 = 0; j < parity; j++) {
      store<u8>(register + j, <u32>load<u8>(register + j, 1) ^ times(feedback, load<u8>(generator + j)))
    }
  }
  for (let j: u32 = 0; j < parity; j++) store<u8>(codeword + (message + j) * step, load<u8>(register + j))
}

/** Product in the field of x^8 + x^4 + x^3 + x^2 + 1. */
function times(a: u32, b: u32): u32 {
  let product: u32 = 0
  for (; b != 0; b >>= 1, a = twice(a)) if ((b & 1) != 0) product ^= a
  return product
}

@inline
function twice(a: u32): u32 {
  return (a << 1) ^ ((a >> 7) * 0x11d)
}
