/**
 * Plain coder: tag and stream into one tile and off again, by prediction-error expansion.
 *
 * Source: docs/reference/mark.md, "Embedding" and "Reading"; the expansion is that of Thodi and Rodriguez (2007). Both ways go through the carriers in the same order and
 * stop at the same one, since each payload says how long it is: a fixed part, and a flag for each sample whose value is ambiguous.
 */
import { type Carriers, findCarriers } from './carriers.ts'
import { tagOf, weigh, wordsOf } from './tag.ts'
import { TAG_BITS, type TileCoder, type TileWork, thresholdsFor } from './tile-coder.ts'
import type { KeyTable } from './tile-keys.ts'

/** What becomes of a carrier, by its value before or after. */
type Step = 'carries' | 'stays' | 'up' | 'down'

/** @param table  for tiles at least as large as those that come */
export function createPlainCoder(table: KeyTable): TileCoder {
  return {
    embed: (work) => embedTile(table, work),
    read: (work) => readTile(table, work),
    sums: (samples) => [weigh(table.first, samples), weigh(table.second, samples)],
  }
}

function embedTile(table: KeyTable, work: TileWork): number {
  const carriers = findCarriers(work.samples, work.width, work.height)
  for (const threshold of thresholdsFor(work.maximum)) {
    const flags = planFlags(work, carriers, threshold)
    if (flags === undefined) continue
    const tag = tagOf(table, work.samples, wordsOf(threshold, work.stream, flags))
    write(work, carriers, threshold, payloadOf(tag ^ work.pad, work.stream, flags))
    return threshold
  }
  return 0
}

/**
 * The pads under which a tile would hold, one for each threshold that can be read: whose pad it is tells where the tile was taken from.
 */
export function readPads(table: KeyTable, work: TileWork): readonly number[] {
  const carriers = findCarriers(work.samples, work.width, work.height)
  return thresholdsFor(work.maximum).flatMap((threshold) => {
    const taken = takeOff(work, carriers, threshold)
    if (taken === undefined) return []
    return [tagOf(table, taken.restored, wordsOf(threshold, taken.stream, taken.flags)) ^ taken.tag]
  })
}

/** The flags that embedding with a threshold needs, or undefined where the carriers end before the payload does. */
function planFlags(work: TileWork, carriers: Carriers, threshold: number): number[] | undefined {
  const { samples, maximum } = work
  const flags: number[] = []
  const fixed = TAG_BITS + 8 * work.stream.length
  let carried = 0
  for (let i = 0; i < carriers.positions.length; i++) {
    if (carried === fixed + flags.length) return flags
    const prediction = carriers.predictions[i] as number
    const isHigh = prediction > maximum - 3 * threshold
    const sample = samples[carriers.positions[i] as number] as number
    const value = isHigh ? maximum - sample : sample
    switch (stepBefore(value, isHigh ? maximum - prediction : prediction, threshold)) {
      case 'carries':
        carried++
        break
      case 'up':
        if (value > maximum - 2 * threshold) flags.push(value > maximum - threshold ? 1 : 0)
        break
      case 'down':
        if (value < 2 * threshold) flags.push(value < threshold ? 1 : 0)
        break
    }
  }
  return carried === fixed + flags.length ? flags : undefined
}

function write(work: TileWork, carriers: Carriers, threshold: number, payload: Uint8Array): void {
  const { samples, maximum } = work
  for (let i = 0, carried = 0; carried < payload.length; i++) {
    const position = carriers.positions[i] as number
    const prediction = carriers.predictions[i] as number
    const isHigh = prediction > maximum - 3 * threshold
    const value = isHigh ? maximum - (samples[position] as number) : (samples[position] as number)
    const near = isHigh ? maximum - prediction : prediction
    let changed = value
    switch (stepBefore(value, near, threshold)) {
      case 'carries':
        changed = near + 2 * (value - near) + (payload[carried++] as number)
        break
      case 'up':
        if (value + threshold <= maximum) changed = value + threshold
        break
      case 'down':
        if (value - threshold >= 0) changed = value - threshold
        break
    }
    samples[position] = isHigh ? maximum - changed : changed
  }
}

function readTile(table: KeyTable, work: TileWork): number {
  const carriers = findCarriers(work.samples, work.width, work.height)
  for (const threshold of thresholdsFor(work.maximum)) {
    const taken = takeOff(work, carriers, threshold)
    if (taken === undefined) continue
    const { restored, tag, stream, flags } = taken
    if (tagOf(table, restored, wordsOf(threshold, stream, flags)) !== (tag ^ work.pad)) continue
    work.samples.set(restored)
    work.stream.set(stream)
    return threshold
  }
  return 0
}

/** What a tile says if it was embedded with a threshold. */
interface Taken {
  readonly restored: Uint16Array
  readonly tag: number
  readonly stream: Uint8Array
  readonly flags: readonly number[]
}

function takeOff(work: TileWork, carriers: Carriers, threshold: number): Taken | undefined {
  const { maximum, stream } = work
  const restored = work.samples.slice()
  const bits: number[] = []
  /** Positions of samples that may have been shifted, and what they are if so. */
  const ambiguous: { readonly position: number; readonly shifted: number }[] = []
  const fixed = TAG_BITS + 8 * stream.length
  for (let i = 0; bits.length < fixed + ambiguous.length; i++) {
    if (i === carriers.positions.length) return undefined
    const position = carriers.positions[i] as number
    const prediction = carriers.predictions[i] as number
    const isHigh = prediction > maximum - 3 * threshold
    const value = isHigh ? maximum - (restored[position] as number) : (restored[position] as number)
    const near = isHigh ? maximum - prediction : prediction
    let original = value
    switch (stepAfter(value, near, threshold)) {
      case 'carries':
        bits.push((value - near) & 1)
        original = near + ((value - near) >> 1)
        break
      case 'up':
        original = value - threshold
        if (value > maximum - threshold) ambiguous.push({ position, shifted: isHigh ? maximum - original : original })
        break
      case 'down':
        original = value + threshold
        if (value < threshold) ambiguous.push({ position, shifted: original })
        break
    }
    const isOpen = ambiguous.at(-1)?.position === position
    if (!isOpen) restored[position] = isHigh ? maximum - original : original
  }
  const flags = bits.slice(fixed)
  ambiguous.forEach(({ position, shifted }, i) => {
    if (flags[i] === 0) restored[position] = shifted
  })
  return { restored, tag: joinBits(bits, 0, TAG_BITS), stream: joinBytesOf(bits, stream.length), flags }
}

/** In low mode nothing goes down: a prediction near 0 has no room below. */
function stepBefore(value: number, prediction: number, threshold: number): Step {
  const error = value - prediction
  if (error >= threshold) return 'up'
  if (error >= 0) return 'carries'
  if (prediction < 3 * threshold) return 'stays'
  return error >= -threshold ? 'carries' : 'down'
}

function stepAfter(value: number, prediction: number, threshold: number): Step {
  const error = value - prediction
  if (error >= 2 * threshold) return 'up'
  if (error >= 0) return 'carries'
  if (prediction < 3 * threshold) return 'stays'
  return error >= -2 * threshold ? 'carries' : 'down'
}

/** Bits, one to a byte: tag, stream, flags. */
function payloadOf(tag: number, stream: Uint8Array, flags: readonly number[]): Uint8Array {
  const bits = new Uint8Array(TAG_BITS + 8 * stream.length + flags.length)
  for (let i = 0; i < TAG_BITS; i++) bits[i] = (tag >>> (TAG_BITS - 1 - i)) & 1
  for (let i = 0; i < 8 * stream.length; i++) {
    bits[TAG_BITS + i] = ((stream[i >> 3] as number) >> (7 - (i & 7))) & 1
  }
  bits.set(flags, TAG_BITS + 8 * stream.length)
  return bits
}

function joinBits(bits: readonly number[], first: number, count: number): number {
  let value = 0
  for (let i = first; i < first + count; i++) value = value * 2 + (bits[i] as number)
  return value
}

const joinBytesOf = (bits: readonly number[], length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => joinBits(bits, TAG_BITS + 8 * i, 8))
