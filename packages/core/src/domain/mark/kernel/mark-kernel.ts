/**
 * The mark's kernel in WebAssembly: a tile coder that gives what the plain one gives, some ten times as fast.
 *
 * Source: docs/reference/mark.md. The kernel is packages/kernel/assembly/mark.ts, compiled with vectors and without; this
 * file is the other side of its memory: keys, two tiles, stream, scratch. Each coder has memory of its own, 0.2 MB for tiles
 * of 32 samples and 5 MB for those of 256.
 */
import { createPlainCoder } from '../tiles/plain-coder.ts'
import type { TileCoder, TileWork } from '../tiles/tile-coder.ts'
import type { KeyTable } from '../tiles/tile-keys.ts'
import { createKernel, findBuild, type Kernel, type KernelBuild, reserve } from './wasm.ts'

/** Vectors are loaded whole: what lies behind the last sample is read, and not looked at. */
const SLACK_BYTES = 64
/** Where the first thing lies in memory: the kernel has no data of its own. */
const START = 64

/**
 * The fastest coder that this runtime can run: the kernel with vectors, the one without, or plain code.
 * @param table  for tiles at least as large as those that come
 */
export function createTileCoder(table: KeyTable): TileCoder {
  const build = findBuild()
  return build === undefined ? createPlainCoder(table) : createKernelCoder(table, build)
}

/**
 * A coder that runs one build of the kernel.
 * @throws {TypeError} where the runtime has no WebAssembly; what it throws itself where it has no vectors
 */
export function createKernelCoder(table: KeyTable, build: KernelBuild): TileCoder {
  const kernel = createKernel(build)
  const places = layMemory(kernel, table)
  new Uint32Array(kernel.memory.buffer, places.first, table.first.length).set(table.first)
  new Uint32Array(kernel.memory.buffer, places.second, table.second.length).set(table.second)
  return {
    embed: (work) => embedTile(kernel, places, table, work),
    read: (work) => readTile(kernel, places, table, work),
    sums: (samples) => sumBoth(kernel, places, table, samples),
  }
}

/** Where things lie in the memory of one coder. */
interface Places {
  readonly first: number
  readonly second: number
  readonly tile: number
  readonly target: number
  readonly stream: number
  readonly scratch: number
}

/** One thing behind the other, each for the largest tile of the table. */
function layMemory(kernel: Kernel, { tileSize, first }: KeyTable): Places {
  let next = START
  const take = (lengthBytes: number): number => {
    const place = next
    next += Math.ceil((lengthBytes + SLACK_BYTES) / 16) * 16
    return place
  }
  const side = 2 * tileSize - 1
  const places = {
    first: take(4 * first.length),
    second: take(4 * first.length),
    tile: take(2 * side * side),
    target: take(2 * side * side),
    stream: take(streamLimit(side)),
    scratch: take(kernel.scratchBytes(side, side, streamLimit(side))),
  }
  reserve(kernel, next)
  return places
}

/** No more bits than carriers fit in a tile, whatever it is, and these are half of its samples. */
const streamLimit = (side: number): number => Math.floor((side * side) / 16)
const isTooLong = (stream: Uint8Array, samples: Uint16Array): boolean => 16 * stream.length > samples.length

function embedTile(kernel: Kernel, places: Places, table: KeyTable, work: TileWork): number {
  const { samples, width, height, maximum, pad, stream } = work
  checkWork(table, work)
  if (isTooLong(stream, samples)) return 0
  const memory = kernel.memory.buffer
  const tile = new Uint16Array(memory, places.tile, samples.length)
  tile.set(samples)
  new Uint8Array(memory, places.stream, stream.length).set(stream)
  kernel.plan(maximum, stream.length, places.first, places.scratch)
  const threshold = kernel.embed(places.tile, 2 * width, width, height, pad, places.stream)
  if (threshold !== 0) samples.set(tile)
  return threshold
}

function readTile(kernel: Kernel, places: Places, table: KeyTable, work: TileWork): number {
  const { samples, width, height, maximum, pad, stream } = work
  checkWork(table, work)
  if (isTooLong(stream, samples)) return 0
  const memory = kernel.memory.buffer
  new Uint16Array(memory, places.tile, samples.length).set(samples)
  kernel.plan(maximum, stream.length, places.first, places.scratch)
  const { tile, target } = places
  const threshold = kernel.read(tile, 2 * width, width, height, pad, places.stream, target)
  if (threshold === 0) return 0
  samples.set(new Uint16Array(memory, target, samples.length))
  stream.set(new Uint8Array(memory, places.stream, stream.length))
  return threshold
}

function sumBoth(
  kernel: Kernel,
  { tile, first, second }: Places,
  table: KeyTable,
  samples: Uint16Array,
): readonly [number, number] {
  if (samples.length > (2 * table.tileSize - 1) ** 2) throw new RangeError('a tile larger than its table')
  new Uint16Array(kernel.memory.buffer, tile, samples.length).set(samples)
  const { length } = samples
  return [kernel.sum(tile, 0, length, 1, first) >>> 0, kernel.sum(tile, 0, length, 1, second) >>> 0]
}

/** The kernel believes what it is told: a tile that is none would have it write where keys lie. */
function checkWork({ tileSize }: KeyTable, { samples, width, height, maximum, pad }: TileWork): void {
  const isSide = (side: number): boolean => Number.isInteger(side) && side >= 2 && side < 2 * tileSize
  if (!isSide(width) || !isSide(height) || samples.length !== width * height) throw new RangeError('sides of a tile')
  if (!Number.isInteger(maximum) || maximum < 15 || maximum > 65_535) throw new RangeError('maximum of a tile')
  if (!Number.isInteger(pad) || pad < 0 || pad >= 2 ** 31) throw new RangeError('pad of a tile')
}
