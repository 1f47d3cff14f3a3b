/**
 * SHA-256 of four messages at once, one in each lane of a vector.
 *
 * Source: FIPS 180-4 sections 4.1.2, 4.2.2, 5.3.3 and 6.2.2; a node is that of RFC 6962 section 2.1.
 * Nothing is allocated: the caller writes messages into memory of its own behind these tables, calls, and reads the
 * digests. The other side of this agreement is packages/core/src/formats/merkle/wasm-hasher.ts.
 */

/** Messages of one call at most. */
export const CAPACITY: u32 = 1024
/** Where digests come out, 32 bytes each. */
export const OUTPUT: usize = memory.data(1024 * 32, 16)
/** How many blocks each message has, 4 bytes each; zero for those behind the last, up to a multiple of four. */
export const BLOCKS: usize = memory.data(1024 * 4, 16)

/** The message schedule of one block, a vector a word. */
const SCHEDULE: usize = memory.data(64 * 16, 16)
/** The words of the running digests, a vector a word. */
const STATE: usize = memory.data(8 * 16, 16)

const ROUNDS: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
])

/** Bits of a node as a message: its prefix and two digests. */
const NODE_BITS: u32 = 8 * 65

/**
 * Hashes nodes.
 *
 * @param input  pairs of digests, 64 bytes each; the 16 bytes before are read and not looked at, and memory goes on for
 *   256 bytes behind
 * @param count  1 to `CAPACITY`
 */
export function hashNodes(input: usize, count: u32): void {
  const all = i32x4.splat(-1)
  for (let i: u32 = 0; i < count; i += 4) {
    // Lanes behind the last node work on whatever lies there; nobody reads their digests.
    const pairs = input + 64 * i
    resetState()
    loadNodes(pairs)
    compress(all)
    loadNodeEnds(pairs)
    compress(all)
    storeDigests(OUTPUT + 32 * i)
  }
}

/**
 * Hashes messages that lie one behind the other, each padded to whole blocks by the caller; `BLOCKS` says how many.
 *
 * @param input  memory goes on for 64 bytes behind the last message
 * @param count  1 to `CAPACITY`
 */
export function hashMessages(input: usize, count: u32): void {
  let p0 = input
  for (let i: u32 = 0; i < count; i += 4) {
    const ends = v128.load(BLOCKS + 4 * i)
    const n0 = i32x4.extract_lane(ends, 0) * 64
    const n1 = i32x4.extract_lane(ends, 1) * 64
    const n2 = i32x4.extract_lane(ends, 2) * 64
    const n3 = i32x4.extract_lane(ends, 3) * 64
    const p1 = p0 + n0
    const p2 = p1 + n1
    const p3 = p2 + n2
    const longest = max(max(n0, n1), max(n2, n3))
    resetState()
    for (let at = 0; at < longest; at += 64) {
      // A message that has ended is read at its beginning again, and keeps its digest.
      const q0 = p0 + select(at, 0, at < n0)
      const q1 = p1 + select(at, 0, at < n1)
      const q2 = p2 + select(at, 0, at < n2)
      const q3 = p3 + select(at, 0, at < n3)
      for (let k: usize = 0; k < 64; k += 16) {
        transpose(
          SCHEDULE + 4 * k,
          16,
          v128.load(q0 + k),
          v128.load(q1 + k),
          v128.load(q2 + k),
          v128.load(q3 + k),
        )
      }
      compress(i32x4.gt_u(ends, i32x4.splat(at >> 6)))
    }
    storeDigests(OUTPUT + 32 * i)
    p0 = p3 + n3
  }
}

function resetState(): void {
  v128.store(STATE, i32x4.splat(0x6a09e667), 0)
  v128.store(STATE, i32x4.splat(0xbb67ae85), 16)
  v128.store(STATE, i32x4.splat(0x3c6ef372), 32)
  v128.store(STATE, i32x4.splat(0xa54ff53a), 48)
  v128.store(STATE, i32x4.splat(0x510e527f), 64)
  v128.store(STATE, i32x4.splat(0x9b05688c), 80)
  v128.store(STATE, i32x4.splat(0x1f83d9ab), 96)
  v128.store(STATE, i32x4.splat(0x5be0cd19), 112)
}

/** First block of four nodes: the prefix 1, then all of the pair but its last byte. */
function loadNodes(pairs: usize): void {
  transpose(
    SCHEDULE,
    16,
    beginning(pairs),
    beginning(pairs + 64),
    beginning(pairs + 128),
    beginning(pairs + 192),
  )
  for (let k: usize = 16; k < 64; k += 16) {
    const p = pairs + k - 1
    transpose(SCHEDULE + 4 * k, 16, v128.load(p), v128.load(p, 64), v128.load(p, 128), v128.load(p, 192))
  }
}

/** Second block of four nodes: the last byte of the pair, the end mark, and the length. */
function loadNodeEnds(pairs: usize): void {
  let lasts = i32x4.splat(0)
  lasts = i32x4.replace_lane(lasts, 0, <i32>load<u8>(pairs + 63))
  lasts = i32x4.replace_lane(lasts, 1, <i32>load<u8>(pairs + 127))
  lasts = i32x4.replace_lane(lasts, 2, <i32>load<u8>(pairs + 191))
  lasts = i32x4.replace_lane(lasts, 3, <i32>load<u8>(pairs + 255))
  v128.store(SCHEDULE, v128.or(i32x4.shl(lasts, 24), i32x4.splat(0x800000)))
  for (let k: usize = 16; k < 240; k += 16) v128.store(SCHEDULE + k, i32x4.splat(0))
  v128.store(SCHEDULE, i32x4.splat(NODE_BITS), 240)
}

/** Works one block of each lane into its digest, where `lanes` has all bits set; elsewhere the digest stays. */
function compress(lanes: v128): void {
  for (let w = SCHEDULE; w < SCHEDULE + 48 * 16; w += 16) {
    const old = i32x4.add(v128.load(w), v128.load(w, 9 * 16))
    v128.store(w, i32x4.add(i32x4.add(old, sigma0(v128.load(w, 16))), sigma1(v128.load(w, 14 * 16))), 16 * 16)
  }
  let a = v128.load(STATE, 0)
  let b = v128.load(STATE, 16)
  let c = v128.load(STATE, 32)
  let d = v128.load(STATE, 48)
  let e = v128.load(STATE, 64)
  let f = v128.load(STATE, 80)
  let g = v128.load(STATE, 96)
  let h = v128.load(STATE, 112)
  for (let t: usize = 0; t < 64; t += 8) {
    // Names move on by one a round instead of values.
    h = i32x4.add(choose(e, f, g), i32x4.add(h, word(t, 0)))
    d = i32x4.add(d, h)
    h = i32x4.add(h, majority(a, b, c))
    g = i32x4.add(choose(d, e, f), i32x4.add(g, word(t, 1)))
    c = i32x4.add(c, g)
    g = i32x4.add(g, majority(h, a, b))
    f = i32x4.add(choose(c, d, e), i32x4.add(f, word(t, 2)))
    b = i32x4.add(b, f)
    f = i32x4.add(f, majority(g, h, a))
    e = i32x4.add(choose(b, c, d), i32x4.add(e, word(t, 3)))
    a = i32x4.add(a, e)
    e = i32x4.add(e, majority(f, g, h))
    d = i32x4.add(choose(a, b, c), i32x4.add(d, word(t, 4)))
    h = i32x4.add(h, d)
    d = i32x4.add(d, majority(e, f, g))
    c = i32x4.add(choose(h, a, b), i32x4.add(c, word(t, 5)))
    g = i32x4.add(g, c)
    c = i32x4.add(c, majority(d, e, f))
    b = i32x4.add(choose(g, h, a), i32x4.add(b, word(t, 6)))
    f = i32x4.add(f, b)
    b = i32x4.add(b, majority(c, d, e))
    a = i32x4.add(choose(f, g, h), i32x4.add(a, word(t, 7)))
    e = i32x4.add(e, a)
    a = i32x4.add(a, majority(b, c, d))
  }
  addToState(0, a, lanes)
  addToState(16, b, lanes)
  addToState(32, c, lanes)
  addToState(48, d, lanes)
  addToState(64, e, lanes)
  addToState(80, f, lanes)
  addToState(96, g, lanes)
  addToState(112, h, lanes)
}

function storeDigests(output: usize): void {
  for (let half: usize = 0; half < 2; half++) {
    const w = STATE + 64 * half
    transpose(output + 16 * half, 32, v128.load(w), v128.load(w, 16), v128.load(w, 32), v128.load(w, 48))
  }
}

/**
 * Four words of each of four messages become four vectors of one word of each, or the reverse; big-endian words become
 * the machine's, or the reverse. The result is stored at `to` and every `stride` bytes on.
 */
@inline
function transpose(to: usize, stride: usize, m0: v128, m1: v128, m2: v128, m3: v128): void {
  const low01 = v128.shuffle<u32>(m0, m1, 0, 4, 1, 5)
  const low23 = v128.shuffle<u32>(m2, m3, 0, 4, 1, 5)
  const high01 = v128.shuffle<u32>(m0, m1, 2, 6, 3, 7)
  const high23 = v128.shuffle<u32>(m2, m3, 2, 6, 3, 7)
  v128.store(to, swapBytes(v128.shuffle<u64>(low01, low23, 0, 2)))
  v128.store(to + stride, swapBytes(v128.shuffle<u64>(low01, low23, 1, 3)))
  v128.store(to + 2 * stride, swapBytes(v128.shuffle<u64>(high01, high23, 0, 2)))
  v128.store(to + 3 * stride, swapBytes(v128.shuffle<u64>(high01, high23, 1, 3)))
}

@inline
function swapBytes(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
}

/** The first 16 bytes of a node: its prefix, and the first 15 of the pair. */
@inline
function beginning(pair: usize): v128 {
  return i8x16.replace_lane(v128.load(pair - 1), 0, 1)
}

@inline
function addToState(k: usize, value: v128, lanes: v128): void {
  v128.store(STATE + k, i32x4.add(v128.load(STATE + k), v128.and(value, lanes)))
}

/** Round constant plus word of the schedule: word `k` behind word `t`. */
@inline
function word(t: usize, k: usize): v128 {
  return i32x4.add(v128.load32_splat(ROUNDS + 4 * t + 4 * k), v128.load(SCHEDULE + 16 * t + 16 * k))
}

/** Ch and the large Sigma 1 of a round. */
@inline
function choose(e: v128, f: v128, g: v128): v128 {
  const sum = v128.xor(v128.xor(rotate(e, 6), rotate(e, 11)), rotate(e, 25))
  return i32x4.add(sum, v128.bitselect(f, g, e))
}

/** Maj and the large Sigma 0 of a round. */
@inline
function majority(a: v128, b: v128, c: v128): v128 {
  const sum = v128.xor(v128.xor(rotate(a, 2), rotate(a, 13)), rotate(a, 22))
  return i32x4.add(sum, v128.bitselect(c, b, v128.xor(a, b)))
}

@inline
function sigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotate(x, 7), rotate(x, 18)), i32x4.shr_u(x, 3))
}

@inline
function sigma1(x: v128): v128 {
  return v128.xor(v128.xor(rotate(x, 17), rotate(x, 19)), i32x4.shr_u(x, 10))
}

/** To the right, as in the standard. */
@inline
function rotate(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shr_u(x, bits), i32x4.shl(x, 32 - bits))
}
