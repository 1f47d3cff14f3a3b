/**
 * Walk: carriers one by one in their order, whatever mode they are in.
 *
 * Source: docs/reference/mark.md, "Carriers", "Embedding" and "Reading". Instead of sorting, a walk goes through the slots
 * once for each range that occurs, and picks those that have it. With vectors, mark-lanes.ts says which slots that are.
 */
import {
  HEIGHT,
  MAXIMUM,
  PAYLOAD,
  PITCH,
  PREDICTION,
  PRESENT,
  ROW,
  STEP,
  STREAM_BYTES,
  TAG_BITS,
  TILE,
  WALKED,
} from './mark-state'

/** Flags of the last walk. */
export let FLAGS: u32 = 0

/** Where the last walk ended that did not end too soon: range and slot of the last carrier. */
export let LAST_BITS: u32 = 0
export let LAST_SLOT: u32 = 0

/** Says that there are no flags, where that is known without a walk. */
export function planNoFlags(): void {
  FLAGS = 0
}

/** Notes the flags that a threshold needs. @returns 0 if the carriers end before the payload does */
export function planFlags(threshold: i32): u32 {
  return walk(PLAN, threshold, 0)
}

/** Changes the tile so that it carries the payload, flags of `planFlags` and all. */
export function writePayload(threshold: i32): void {
  walk(WRITE, threshold, 0)
}

/**
 * Reads the payload of a tile, and restores the samples that need no flag.
 *
 * @param target  where they go, from the tile, which stays as it is
 * @returns 0 if the carriers end before the payload does
 */
export function readPayload(threshold: i32, target: isize): u32 {
  return walk(READ, threshold, target)
}

/** Restores the samples that need a flag, after `readPayload`. */
export function applyFlags(threshold: i32, target: isize): void {
  walk(APPLY, threshold, target)
}

const PLAN = 0
const WRITE = 1
const READ = 2
const APPLY = 3

@inline
function walk(task: i32, threshold: i32, target: isize): u32 {
  const fixed = TAG_BITS + 8 * STREAM_BYTES
  // Beyond this error a carrier is shifted, and below its complement.
  const limit = task == PLAN || task == WRITE ? threshold : 2 * threshold
  const near = 3 * threshold
  let carried: u32 = 0
  let lastBits: u32 = 0
  let lastSlot: usize = 0
  // Whoever writes knows them from `planFlags`.
  let flags: u32 = task == WRITE ? FLAGS : 0
  for (let bits: u32 = 0; bits <= 16; bits++) {
    if (((PRESENT >> bits) & 1) == 0) continue
    let slots = WALKED
    let predictions = PREDICTION
    for (let y: u32 = 0; y < HEIGHT; y++, slots += ROW, predictions += 2 * ROW) {
      const row = TILE + y * PITCH + 2 * (~y & 1)
      for (let j: u32 = 0; j < ROW; j += STEP) {
        for (let found = slotsWith(slots + j, bits); found != 0; found &= found - 1) {
          if (carried == fixed + flags) {
            end(flags, lastBits, lastSlot)
            return 1
          }
          const k = j + (ASC_FEATURE_SIMD ? ctz(found) : ctz(found) >> 3)
          const at = row + 4 * k
          const sample: i32 = load<u16>(at)
          let prediction: i32 = load<u16>(predictions + 2 * k)
          let value = sample
          const isHigh = prediction > MAXIMUM - near
          if (isHigh) {
            prediction = MAXIMUM - prediction
            value = MAXIMUM - value
          }
          const error = value - prediction
          const isUp = error >= limit
          if (!isUp && error < 0 && (prediction < near || error < -limit)) {
            // Stays, or goes down.
            if (prediction < near) continue
            if (task == PLAN) {
              if (value < 2 * threshold) setBit(1 + fixed + flags++, u32(value < threshold))
            } else if (task == WRITE) {
              if (value >= threshold) store<u16>(at, value - threshold)
            } else if (task == READ) {
              if (value < threshold) flags++
              else store<u16>(at + target, value + threshold)
            } else if (value < threshold) {
              if (getBit(1 + fixed + flags++) == 0) store<u16>(at + target, value + threshold)
            }
            continue
          }
          if (isUp) {
            let changed = value
            if (task == PLAN) {
              if (value > MAXIMUM - 2 * threshold) setBit(1 + fixed + flags++, u32(value > MAXIMUM - threshold))
              continue
            } else if (task == WRITE) {
              if (value > MAXIMUM - threshold) continue
              changed = value + threshold
            } else if (task == READ) {
              if (value > MAXIMUM - threshold) {
                flags++
                continue
              }
              changed = value - threshold
            } else {
              if (value <= MAXIMUM - threshold || getBit(1 + fixed + flags++) != 0) continue
              changed = value - threshold
            }
            store<u16>(at + target, isHigh ? MAXIMUM - changed : changed)
            continue
          }
          carried++
          if (ASC_FEATURE_SIMD) {
            lastBits = bits
            lastSlot = slots + k
          }
          if (task == WRITE) {
            const changed = value + error + getBit(carried)
            store<u16>(at, isHigh ? MAXIMUM - changed : changed)
          } else if (task == READ) {
            setBit(carried, error & 1)
            const changed = prediction + (error >> 1)
            store<u16>(at + target, isHigh ? MAXIMUM - changed : changed)
          }
        }
      }
    }
  }
  end(flags, lastBits, lastSlot)
  return u32(carried == fixed + flags)
}

@inline
function end(flags: u32, lastBits: u32, lastSlot: usize): void {
  FLAGS = flags
  if (ASC_FEATURE_SIMD) {
    LAST_BITS = lastBits
    LAST_SLOT = <u32>(lastSlot - WALKED)
  }
}

/** Which of the next `STEP` slots have a range: a bit each, or without vectors the highest bit of a byte each. */
@inline
function slotsWith(slots: usize, bits: u32): u32 {
  if (ASC_FEATURE_SIMD) return i8x16.bitmask(i8x16.eq(v128.load(slots), i8x16.splat(<i8>bits)))
  const other = load<u32>(slots) ^ (bits * 0x0101_0101)
  return ~(((other & 0x7f7f_7f7f) + 0x7f7f_7f7f) | other | 0x7f7f_7f7f)
}

@inline
function getBit(i: u32): u32 {
  return (<u32>load<u8>(PAYLOAD + (i >> 3)) >> (~i & 7)) & 1
}

@inline
function setBit(i: u32, bit: u32): void {
  const at = PAYLOAD + (i >> 3)
  const shift = ~i & 7
  store<u8>(at, (<u32>load<u8>(at) & ~(1 << shift)) | (bit << shift))
}
