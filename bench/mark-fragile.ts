/**
 * Do tiles come off exactly, and do they show and locate every change, on real images of every kind?
 *
 * Each plane of each image is marked and read; then it is edited in many ways, and the tiles that no longer hold are held against those that were touched.
 *
 *   node bench/mark-fragile.ts [--edits N] [--false-tiles N] [--pictures N]
 */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { createTileCoder } from '@fiducial/core/domain/mark/kernel/mark-kernel.ts'
import { embedPlane, type MarkedPlane } from '@fiducial/core/domain/mark/tiles/embed-plane.ts'
import { gridOf, type Tile, takeTile } from '@fiducial/core/domain/mark/tiles/grid.ts'
import { readPlane } from '@fiducial/core/domain/mark/tiles/read-plane.ts'
import { repairPlane } from '@fiducial/core/domain/mark/tiles/repair.ts'
import { makeKeyTable, makePads } from '@fiducial/core/domain/mark/tiles/tile-keys.ts'
import { maximumOf, type Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { seeded } from '../packages/core/src/testing/seeded.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { publishReport } from './log-report.ts'
import { allImages } from './mark-all-images.ts'

const { values } = parseArgs({
  options: {
    edits: { type: 'string', default: '60' },
    'false-tiles': { type: 'string', default: '1000000' },
    pictures: { type: 'string', default: '30' },
  },
})
const EDITS = Number(values.edits)
const FALSE_TILES = Number(values['false-tiles'])
const SIDES = [1, 1, 1, 2, 3, 5, 8, 16, 32, 64]
const FRAMES = 2

const imageKey = new Uint8Array(randomBytes(32))
const means = { hash: nativeCrypto.hash, crypto: portableCrypto, createCoder: createTileCoder }
const NOTHING = new Uint8Array(0)
const random = seeded(20261)
const header = {
  hasChips: false,
  recordId: new Uint8Array(8),
  volumeNonce: new Uint8Array(16),
  index: 0,
  count: 1,
  plane: 0,
  planes: 1,
}

interface Tally {
  images: number
  planes: number
  tiles: number
  larger: number
  tagsOnly: number
  exact: number
  edits: number
  located: number
  repairs: number
  repaired: number
  psnr: number[]
  change: number[]
  changeInNoise: number[]
}

const tallies = new Map<string, Tally>()
const refusals = new Map<string, number>()
const marked: { readonly plane: Plane; readonly made: MarkedPlane }[] = []

for await (const found of allImages(Number(values.pictures))) {
  if (!('pixels' in found)) {
    count(refusals, found.refusal)
    continue
  }
  const { kind, pixels, name } = found
  const tally = tallies.get(kind) ?? newTally()
  tallies.set(kind, tally)
  tally.images++
  for (let frame = 0; frame < Math.min(FRAMES, pixels.frames); frame++) {
    for (const plane of pixels.read(frame)) tryPlane(plane, tally, name)
  }
}
const exhaustive = [...new Map(marked.map((one) => [one.plane.bits, one])).values()].map(tryEverySample)
const falseTiles = countFalse()
publish()

function tryPlane(plane: Plane, tally: Tally, name: string): void {
  let made: MarkedPlane
  try {
    made = embedPlane(plane, { imageKey, header, side: NOTHING, sign: () => new Uint8Array(64) }, means)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    count(refusals, `${error.code} (${plane.width} × ${plane.height}, ${plane.bits} bits)`)
    return
  }
  tally.planes++
  const read = readPlane(made.plane, { imageKey, plane: 0, sideBytes: 0, layout: made }, means)
  tally.tiles += read.grid.tiles.length
  if (made.tileSize > (plane.bits >= 10 ? 32 : 64)) tally.larger++
  if (made.bytesPerTile === 0) tally.tagsOnly++
  const isExact =
    read.outcome === 'holds' && Buffer.from(read.restored.samples.buffer).equals(Buffer.from(plane.samples.buffer))
  if (isExact) tally.exact++
  else process.stderr.write(`not exact: ${name}\n`)
  measure(plane, made.plane, tally)
  for (let i = 0; i < EDITS; i++) tryEdit(made, SIDES[i % SIDES.length] as number, tally)
  if (plane.width * plane.height < 300_000) marked.push({ plane, made })
}

/** Changes a block to other values, from ±1 in one sample to anything in 64 × 64. */
function tryEdit(made: MarkedPlane, side: number, tally: Tally): void {
  const { plane } = made
  const { width, height } = plane
  const block = { x: random(width), y: random(height) }
  const samples = plane.samples.slice()
  const maximum = maximumOf(plane)
  const touched = new Set<number>()
  const { columns, rows } = gridOf(plane, made.tileSize)
  const by = 1 + random(random(2) === 0 ? 1 : Math.min(64, maximum))
  for (let y = block.y; y < Math.min(height, block.y + side); y++) {
    for (let x = block.x; x < Math.min(width, block.x + side); x++) {
      const at = y * width + x
      const before = samples[at] as number
      const value = Math.min(maximum, Math.max(0, before + (random(2) === 0 ? by : -by)))
      if (value === before) continue
      samples[at] = value
      const column = Math.min(columns - 1, Math.floor(x / made.tileSize))
      touched.add(Math.min(rows - 1, Math.floor(y / made.tileSize)) * columns + column)
    }
  }
  if (touched.size === 0) return
  const edited = { ...plane, samples }
  const read = readPlane(edited, { imageKey, plane: 0, sideBytes: 0, layout: made }, means)
  tally.edits++
  const lost = [...read.held].flatMap((held, tile) => (held === 1 ? [] : [tile]))
  if (lost.length === touched.size && lost.every((tile) => touched.has(tile))) tally.located++
  if (side > 1) return
  tally.repairs++
  const { plane: repaired } = repairPlane(edited, read, { imageKey, plane: 0, syndromes: made.syndromes }, means)
  if (Buffer.from(repaired.samples.buffer).equals(Buffer.from(plane.samples.buffer))) tally.repaired++
}

/** Each sample of a plane up and down by one, one at a time. */
function tryEverySample({ made }: { readonly made: MarkedPlane }): {
  readonly bits: number
  readonly tried: number
  readonly missed: number
} {
  const { plane, tileSize, bytesPerTile } = made
  const { tiles } = gridOf(plane, tileSize)
  const coder = createTileCoder(makeKeyTable(imageKey, tileSize))
  const pads = makePads(imageKey, 0, tiles.length)
  const maximum = maximumOf(plane)
  let tried = 0
  let missed = 0
  for (const [number, tile] of tiles.slice(0, 60).entries()) {
    const taken = takeTile(plane, tile)
    for (let i = 0; i < taken.length; i++) {
      for (const by of [-1, 1]) {
        const value = (taken[i] as number) + by
        if (value < 0 || value > maximum) continue
        const samples = taken.slice()
        samples[i] = value
        tried++
        if (coder.read({ ...workOf(tile, number), samples }) !== 0) missed++
      }
    }
  }
  return { bits: plane.bits, tried, missed }

  function workOf({ width, height }: Tile, number: number) {
    return { width, height, maximum, pad: pads[number] as number, stream: new Uint8Array(bytesPerTile) }
  }
}

/** Tiles that hold although they stand where they do not belong, or were changed. */
function countFalse(): { readonly tried: number; readonly held: number } {
  let tried = 0
  let held = 0
  const pool = marked.filter(({ made }) => made.plane.samples.length > 4000)
  while (tried < FALSE_TILES && pool.length > 0) {
    const { made } = pool[random(pool.length)] as (typeof pool)[number]
    const { plane, tileSize, bytesPerTile } = made
    const { tiles } = gridOf(plane, tileSize)
    const key = new Uint8Array(randomBytes(32))
    const coder = createTileCoder(makeKeyTable(key, tileSize))
    const pads = makePads(key, 0, tiles.length)
    for (const [number, tile] of tiles.entries()) {
      const { width, height } = tile
      const work = {
        samples: takeTile(plane, tile),
        width,
        height,
        maximum: maximumOf(plane),
        pad: pads[number] as number,
      }
      tried++
      if (coder.read({ ...work, stream: new Uint8Array(bytesPerTile) }) !== 0) held++
    }
  }
  return { tried, held }
}

function measure(plane: Plane, other: Plane, tally: Tally): void {
  let squares = 0
  let change = 0
  for (let i = 0; i < plane.samples.length; i++) {
    const by = Math.abs((plane.samples[i] as number) - (other.samples[i] as number))
    squares += by * by
    if (by > change) change = by
  }
  tally.psnr.push(10 * Math.log10(maximumOf(plane) ** 2 / (squares / plane.samples.length)))
  tally.change.push(change)
  tally.changeInNoise.push(change / Math.max(1, noiseOf(plane)))
}

/** σ of the noise, from the median of differences to both neighbours (Immerkær's idea, one row at a time). */
function noiseOf({ width, height, samples }: Plane): number {
  const bends: number[] = []
  for (let y = 0; y < height; y += Math.max(1, height >> 6)) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x
      bends.push(Math.abs(2 * (samples[at] as number) - (samples[at - 1] as number) - (samples[at + 1] as number)))
    }
  }
  return (median(bends) * 1.4826) / Math.sqrt(6)
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

function newTally(): Tally {
  const counts = { images: 0, planes: 0, tiles: 0, larger: 0, tagsOnly: 0, exact: 0, edits: 0, located: 0 }
  return { ...counts, repairs: 0, repaired: 0, psnr: [], change: [], changeInNoise: [] }
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1)
}

function publish(): void {
  const rows = [...tallies].filter(([, tally]) => tally.planes > 0)
  const sum = (key: 'planes' | 'exact' | 'edits' | 'located' | 'repairs' | 'repaired') =>
    rows.reduce((total, [, tally]) => total + tally[key], 0)
  const deep = rows.filter(([kind]) => !/chest|colour|LiDAR|US/.test(kind))
  publishReport({
    name: 'mark-fragile',
    question: 'Do tiles come off exactly, and do they show and locate every change, on real images of every kind?',
    input: `Images of the shared data without duplicates, ${values.pictures} chest X-rays of each folder, ${FRAMES} frames of each; ${EDITS} edits a plane, from ±1 in one sample to 64 × 64`,
    aims: [
      {
        aim: 'restoration exact',
        found: `${sum('exact')} of ${sum('planes')} planes`,
        isMet: sum('exact') === sum('planes'),
      },
      {
        aim: 'every edit located to the exact tiles',
        found: `${sum('located')} of ${sum('edits')}`,
        isMet: sum('located') === sum('edits'),
      },
      {
        aim: 'every ±1 of one sample, exhaustively, on a plane of each depth',
        found: exhaustive.map(({ bits, tried, missed }) => `${bits} bits: ${tried - missed} of ${tried}`).join('; '),
        isMet: exhaustive.every(({ missed }) => missed === 0),
      },
      {
        aim: 'no false accept in 1,000,000 tiles',
        found: `${falseTiles.held} of ${falseTiles.tried}`,
        isMet: falseTiles.held === 0 && falseTiles.tried >= 1_000_000,
      },
      {
        aim: 'repair of single samples',
        found: `${sum('repaired')} of ${sum('repairs')}`,
        isMet: sum('repaired') === sum('repairs'),
      },
      {
        aim: 'PSNR of 73 dB from 10 bits, worst kind',
        found: `${Math.min(...deep.map(([, tally]) => median(tally.psnr))).toFixed(1)} dB as a median`,
        isMet: deep.every(([, tally]) => median(tally.psnr) >= 73),
      },
    ],
    tables: [
      {
        title: 'By kind',
        columns: [
          'kind',
          'images',
          'planes',
          'tiles',
          'larger tiles',
          'tags only',
          'exact',
          'edits',
          'located',
          'repaired',
          'PSNR dB (least)',
          'largest change',
          'in σ of noise',
        ],
        rows: rows.map(([kind, tally]) => [
          kind,
          tally.images,
          tally.planes,
          tally.tiles,
          tally.larger,
          tally.tagsOnly,
          tally.exact,
          tally.edits,
          tally.located,
          `${tally.repaired} of ${tally.repairs}`,
          `${median(tally.psnr).toFixed(1)} (${Math.min(...tally.psnr).toFixed(1)})`,
          `${median(tally.change)} (${Math.max(...tally.change)})`,
          `${median(tally.changeInNoise).toFixed(2)} (${Math.max(...tally.changeInNoise).toFixed(2)})`,
        ]),
      },
      { title: 'Not marked', columns: ['why', 'images or planes'], rows: [...refusals] },
    ],
    remarks: [
      'PSNR against 2^bits − 1. In σ of noise: the largest change of a plane over the larger of 1 and its noise.',
      'An edit is a block whose samples move up or down by the same amount, half of the time by 1.',
    ],
    measurements: {
      kinds: Object.fromEntries(tallies),
      exhaustive,
      falseTiles,
      refusals: Object.fromEntries(refusals),
    },
  })
}
