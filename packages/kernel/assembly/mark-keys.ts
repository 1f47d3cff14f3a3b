/**
 * Keys of tiles from the key of an image: ChaCha20, for firmware that has no cipher library at hand.
 *
 * Source: RFC 8439 sections 2.1 to 2.3; docs/reference/mark.md, "Tag", for the nonces. Time depends on no secret.
 */
import { PRIME } from './mark-state'

/** Both nonces begin so; then the rest of a name, and the number of the plane for pads. */
const FM1: u32 = 0x2031_6d66
const TABL: u32 = 0x6c62_6174
const E: u32 = 0x65
const PADS: u32 = 0x7364_6170
const WORDS: u32 = 16

/**
 * One block of the key stream, 64 bytes.
 *
 * @param key    32 bytes; it may lie anywhere
 * @param block  where the block goes, aligned to 4
 */
export function chacha20(key: usize, nonce0: u32, nonce1: u32, nonce2: u32, counter: u32, block: usize): void {
  start(key, nonce0, nonce1, nonce2, counter, block)
  for (let round = 0; round < 10; round++) {
    for (let i: u32 = 0; i < 4; i++) quarter(block, i, 4 + i, 8 + i, 12 + i)
    for (let i: u32 = 0; i < 4; i++) quarter(block, i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3))
  }
  addWord(block, 0, 0x6170_7865)
  addWord(block, 1, 0x3320_646e)
  addWord(block, 2, 0x7962_2d32)
  addWord(block, 3, 0x6b20_6574)
  for (let i: u32 = 0; i < 8; i++) addWord(block, 4 + i, load<u32>(key + 4 * i))
  addWord(block, 12, counter)
  addWord(block, 13, nonce0)
  addWord(block, 14, nonce1)
  addWord(block, 15, nonce2)
}

/**
 * The first keys of an image's table.
 *
 * @param key     of the image, 32 bytes
 * @param count   how many
 * @param first   where k1 goes, 4 bytes each
 * @param second  where k2 goes, or 0 if nobody asks for syndromes
 * @param block   64 bytes to work in
 */
export function makeKeys(key: usize, count: u32, first: usize, second: usize, block: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const word = (2 * i) & (WORDS - 1)
    if (word == 0) chacha20(key, FM1, TABL, E, i >> 3, block)
    store<u32>(first + 4 * i, keyOf(load<u32>(block + 4 * word)))
    if (second != 0) store<u32>(second + 4 * i, keyOf(load<u32>(block + 4 * word, 4)))
  }
}

/**
 * Pads of some tiles of a plane.
 *
 * @param from  number of the first tile
 * @param pads  where they go, 4 bytes each
 */
export function makePads(key: usize, plane: u32, from: u32, count: u32, pads: usize, block: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const tile = from + i
    const word = tile & (WORDS - 1)
    if (i == 0 || word == 0) chacha20(key, FM1, PADS, bswap(plane), tile >> 4, block)
    store<u32>(pads + 4 * i, load<u32>(block + 4 * word) & 0x7fff_ffff)
  }
}

function start(key: usize, nonce0: u32, nonce1: u32, nonce2: u32, counter: u32, block: usize): void {
  store<u32>(block, 0x6170_7865)
  store<u32>(block, 0x3320_646e, 4)
  store<u32>(block, 0x7962_2d32, 8)
  store<u32>(block, 0x6b20_6574, 12)
  memory.copy(block + 16, key, 32)
  store<u32>(block, counter, 48)
  store<u32>(block, nonce0, 52)
  store<u32>(block, nonce1, 56)
  store<u32>(block, nonce2, 60)
}

function quarter(block: usize, i: u32, j: u32, k: u32, l: u32): void {
  let a = load<u32>(block + 4 * i)
  let b = load<u32>(block + 4 * j)
  let c = load<u32>(block + 4 * k)
  let d = load<u32>(block + 4 * l)
  a += b
  d = rotl(d ^ a, 16)
  c += d
  b = rotl(b ^ c, 12)
  a += b
  d = rotl(d ^ a, 8)
  c += d
  b = rotl(b ^ c, 7)
  store<u32>(block + 4 * i, a)
  store<u32>(block + 4 * j, b)
  store<u32>(block + 4 * k, c)
  store<u32>(block + 4 * l, d)
}

@inline
function addWord(block: usize, i: u32, word: u32): void {
  store<u32>(block + 4 * i, load<u32>(block + 4 * i) + word)
}

/** 31 bits, the prime taken as 0. */
@inline
function keyOf(word: u32): u32 {
  const key = word & 0x7fff_ffff
  return key == <u32>PRIME ? 0 : key
}
