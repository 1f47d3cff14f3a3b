/**
 * Mark adversaries: what does somebody who means harm get out of each layer of the mark, and at what cost?
 *
 *   node bench/mark-adversaries.ts [--images N] [--queries N]
 *
 * On chest X-rays of one size, as if one device had made them all, marked with its key. The attacker has no key. Chips are read where
 * they should be, without a search: an attacker has no reason to move the picture. The attacks are those of domain/attack.
 */
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { blurGaussian, filterMedian } from '@fiducial/core/domain/attack/blur.ts'
import { compressJpeg } from '@fiducial/core/domain/attack/jpeg.ts'
import { removeByOracle } from '@fiducial/core/domain/attack/oracle.ts'
import {
  averageIn,
  differenceOf,
  likeness,
  type PatternEstimate,
  transplantMark,
} from '@fiducial/core/domain/attack/pattern.ts'
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import { changeSample, editArea, pasteArea } from '@fiducial/core/domain/attack/plane-edit.ts'
import { createRandom } from '@fiducial/core/domain/attack/random.ts'
import { addResidual, residualOf } from '@fiducial/core/domain/attack/residual.ts'
import { resizePicture, scalePicture } from '@fiducial/core/domain/attack/resize.ts'
import { chipLimitsOf } from '@fiducial/core/domain/mark/chip-limits.ts'
import { embedChips } from '@fiducial/core/domain/mark/chips/embed-chips.ts'
import { readChips } from '@fiducial/core/domain/mark/chips/read-chips.ts'
import { compareThumbnail } from '@fiducial/core/domain/mark/thumbnail/compare.ts'
import { makeThumbnail } from '@fiducial/core/domain/mark/thumbnail/thumbnail.ts'
import { embedPlane } from '@fiducial/core/domain/mark/tiles/embed-plane.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import { readPlane } from '@fiducial/core/domain/mark/tiles/read-plane.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { psnr } from './likeness.ts'
import { publishReport } from './log-report.ts'
import { markImages } from './mark-images.ts'
import { summarise } from './statistics.ts'

const { values: flags } = parseArgs({
  options: { images: { type: 'string', default: '60' }, queries: { type: 'string', default: '1500' } },
})
/** Images that the attacker does not learn from, but attacks. */
const VICTIMS = 10
/** Window of the denoiser: the chips of such a picture are about ten samples wide. */
const REACH = 5
/** What somebody may change a picture by to get rid of the mark, in dB. */
const BUDGETS = [55, 50, 45] as const

const keyOf = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest())
const CHIP_KEY = keyOf('bench: chips of one device')
const means = { hash: nativeCrypto.hash, crypto: nativeCrypto, createCoder: createPlainCoder }

interface Marked {
  readonly name: string
  readonly id: Uint8Array
  readonly original: Plane
  /** Chips alone. */
  readonly chipped: Plane
}

const marked: Marked[] = []
for await (const { name, planes, modality } of markImages({ chestXrays: Number(flags.images), split: 'all' })) {
  const [original] = planes
  if (modality !== 'CXR' || original === undefined) continue
  const id = keyOf(`id of ${name}`).subarray(0, 8)
  const limits = chipLimitsOf({ bits: original.bits, modality: 'DX' })
  const chipped = embedChips([original], { key: CHIP_KEY, id, views: [[0, 255]], limits })?.planes[0]
  if (chipped !== undefined) marked.push({ name, id, original, chipped })
}
const victims = marked.slice(0, VICTIMS)
const known = marked.slice(VICTIMS)

const shown = ({ width, height, samples }: Plane): Picture => ({ width, height, samples: Uint8Array.from(samples) })
const readWhole = (picture: Picture): Uint8Array | undefined => readChips(picture, CHIP_KEY, { isSearching: false })?.id
const carries = (picture: Picture, id: Uint8Array): boolean => {
  const found = readWhole(picture)
  return found !== undefined && Buffer.from(found).equals(id)
}
const spread = (values: readonly number[], digits = 1): string => {
  if (values.length === 0) return ''
  const { median, lowest, highest } = summarise(values)
  return `${median.toFixed(digits)} (${lowest.toFixed(digits)}–${highest.toFixed(digits)})`
}
const countOf = (list: readonly boolean[]): string => `${list.filter(Boolean).length} of ${list.length}`
const nearness = (first: Plane | Picture, second: Plane | Picture): number => psnr(first.samples, second.samples, 255)

/* Chips: removal without knowing anything. */

const blind: Readonly<Record<string, (picture: Picture) => Picture>> = {
  nothing: (picture) => picture,
  'median of 3 × 3': filterMedian,
  'gaussian blur, σ 2': (picture) => blurGaussian(picture, 2),
  'gaussian blur, σ 4': (picture) => blurGaussian(picture, 4),
  'JPEG 30': (picture) => compressJpeg(picture, 30),
  'JPEG 10': (picture) => compressJpeg(picture, 10),
  'to a quarter of the size and back': (picture) => resizePicture(scalePicture(picture, 0.25), picture),
  'to an eighth of the size and back': (picture) => resizePicture(scalePicture(picture, 0.125), picture),
  'denoised by a Wiener filter, window 11': (picture) => denoise(picture, REACH),
}

function denoise(picture: Picture, reach: number): Picture {
  const plane = { ...picture, samples: Uint16Array.from(picture.samples) }
  return shown({ ...addResidual(plane, residualOf(plane, reach), -1, 255), bits: 8 })
}

const blindRows = Object.entries(blind).map(([name, attack]) => {
  const attacked = victims.map((victim) => ({ victim, picture: attack(shown(victim.chipped)) }))
  return [
    name,
    countOf(attacked.map(({ victim, picture }) => carries(picture, victim.id))),
    spread(attacked.map(({ victim, picture }) => nearness(victim.chipped, picture)).filter(Number.isFinite)),
  ]
})

/* Chips: estimates of what all images of the device have in common. */

let fromMarked: PatternEstimate | undefined
let fromPairs: PatternEstimate | undefined
const estimateRows: (string | number)[][] = []
for (const [i, { chipped, original }] of known.entries()) {
  if (chipped.width !== victims[0]?.original.width) continue
  fromMarked = averageIn(fromMarked, residualOf(chipped, REACH))
  fromPairs = averageIn(fromPairs, differenceOf(chipped, original))
  if (![1, 5, 10, 20, 50, 100].includes(i + 1) && i + 1 !== known.length) continue
  for (const [what, estimate] of [
    ['marked images alone', fromMarked],
    ['marked images and their originals', fromPairs],
  ] as const) {
    const alike = victims.map(({ chipped: plane, original: before }) =>
      likeness(estimate.mean, differenceOf(plane, before)),
    )
    estimateRows.push([
      what,
      estimate.count,
      spread(alike, 3),
      ...BUDGETS.map((budget) =>
        countOf(victims.map((victim) => carries(removeAt(victim, estimate.mean, budget), victim.id))),
      ),
    ])
  }
}

/** A victim less so much of an estimate that it is `budget` dB from what it was. */
function removeAt({ chipped }: Marked, estimate: Float32Array, budget: number): Picture {
  const wanted = 255 / 10 ** (budget / 20)
  const size = Math.sqrt(dot(estimate, estimate) / estimate.length)
  return shown(addResidual(chipped, estimate, -wanted / Math.max(size, 1e-9), 255))
}

function dot(first: Float32Array, second: Float32Array): number {
  return first.reduce((sum, value, i) => sum + value * (second[i] as number), 0)
}

/* Chips: a mark carried over to another image. */

const copyRows: (string | number)[][] = []
for (const strength of [1, 2, 4]) {
  const forged = victims.map((victim, i) => {
    const source = known[i % known.length] as Marked
    const target = victim.original
    if (source.chipped.width !== target.width || source.chipped.height !== target.height) return undefined
    const plane = transplantMark(target, source.chipped, { reach: REACH, strength, most: 255 })
    const isRead = carries(shown(plane), source.id)
    const thumbnail = makeThumbnail([source.chipped], [0, 255])
    const place = { left: 0, top: 0, across: 1 / target.width, down: 1 / target.width, angle: 0 }
    return { isRead, near: nearness(target, plane), outcome: compareThumbnail(shown(plane), place, thumbnail).outcome }
  })
  const made = forged.filter((one) => one !== undefined)
  copyRows.push([
    `estimated by a denoiser, × ${strength}`,
    countOf(made.map(({ isRead }) => isRead)),
    spread(made.map(({ near }) => near).filter(Number.isFinite)),
    countOf(made.map(({ outcome }) => outcome === 'same')),
  ])
}
const exact = victims.map((victim, i) => {
  const source = known[i % known.length] as Marked
  if (source.chipped.width !== victim.original.width || source.chipped.height !== victim.original.height)
    return undefined
  const plane = addResidual(victim.original, differenceOf(source.chipped, source.original), 1, 255)
  const thumbnail = makeThumbnail([source.chipped], [0, 255])
  const place = { left: 0, top: 0, across: 1 / plane.width, down: 1 / plane.width, angle: 0 }
  return {
    isRead: carries(shown(plane), source.id),
    near: nearness(victim.original, plane),
    outcome: compareThumbnail(shown(plane), place, thumbnail).outcome,
  }
})
const exactly = exact.filter((one) => one !== undefined)
copyRows.push([
  'the difference itself, with the original at hand',
  countOf(exactly.map(({ isRead }) => isRead)),
  spread(exactly.map(({ near }) => near).filter(Number.isFinite)),
  countOf(exactly.map(({ outcome }) => outcome === 'same')),
])

/* Chips: an oracle. */

const oracleRows: (string | number)[][] = []
for (const victim of victims.slice(0, 3)) {
  const picture = shown(victim.chipped)
  const ruined = Object.values(blind)
    .slice(1)
    .map((attack) => attack(picture))
    .filter((one) => !carries(one, victim.id))
    .sort((a, b) => nearness(picture, b) - nearness(picture, a))[0]
  if (ruined === undefined) continue
  const oracle = (asked: Picture): boolean => carries(asked, victim.id)
  const { queries, progress } = removeByOracle(picture, oracle, {
    ruined,
    queries: Number(flags.queries),
    areas: [128, 64, 32],
  })
  const atMost = (limit: number): string => {
    const reached = progress.filter((step) => step.queries <= limit).at(-1)
    return reached === undefined ? '' : (10 * Math.log10(255 ** 2 / reached.error)).toFixed(1)
  }
  oracleRows.push([victim.name.slice(0, 8), queries, atMost(1), atMost(8), atMost(100), atMost(500), atMost(queries)])
}

/* Tiles. */

const tileRows: (string | number)[][] = []
const tiled = victims.slice(0, 4).map(({ name, original }) => {
  const imageKey = keyOf(`image key of ${name}`)
  const header = {
    recordId: keyOf(name).subarray(0, 8),
    volumeNonce: new Uint8Array(16),
    index: 0,
    count: 1,
    planes: 1,
  }
  const order = { imageKey, header: { ...header, plane: 0, hasChips: false }, side: new Uint8Array(0) }
  const made = embedPlane(original, { ...order, sign: () => new Uint8Array(64) }, means)
  return { imageKey, made, original }
})
type Tiled = (typeof tiled)[number]
/** Tiles that do not hold, and those that were touched. */
function wrongTiles({ imageKey, made }: Tiled, plane: Plane): Set<number> {
  const { tileSize, bytesPerTile } = made
  const { held } = readPlane(plane, { imageKey, plane: 0, sideBytes: 0, layout: { tileSize, bytesPerTile } }, means)
  return new Set([...held.keys()].filter((i) => held[i] === 0))
}

const random = createRandom(9)
const edits: Readonly<Record<string, (victim: Tiled) => Plane>> = {
  'one sample by ±1': ({ made: { plane } }) => {
    const index = random.integer(plane.samples.length)
    return changeSample(plane, index, (plane.samples[index] as number) === 0 ? 1 : -1)
  },
  'a block of 16 × 16 smoothed': ({ made: { plane } }) =>
    editArea(
      plane,
      { left: random.integer(900), top: random.integer(900), width: 16, height: 16 },
      (value) => value & ~3,
    ),
  'a tile in the place of another of the same image': ({ made: { plane, tileSize } }) =>
    pasteArea(
      plane,
      plane,
      { left: tileSize, top: 0, width: tileSize, height: tileSize },
      { left: 3 * tileSize, top: 2 * tileSize },
    ),
  'a tile in its place from another image of the device': (victim) => {
    const { plane, tileSize } = victim.made
    const other = tiled[(tiled.indexOf(victim) + 1) % tiled.length] as Tiled
    const area = { left: tileSize, top: tileSize, width: tileSize, height: tileSize }
    return pasteArea(plane, other.made.plane, area, area)
  },
}
for (const [name, edit] of Object.entries(edits)) {
  const tries = tiled
    .flatMap((victim) =>
      Array.from({ length: 5 }, () => {
        const edited = edit(victim)
        const changed = differenceOf(edited, victim.made.plane).some((value) => value !== 0)
        return { changed, wrong: wrongTiles(victim, edited).size }
      }),
    )
    .filter(({ changed }) => changed)
  tileRows.push([
    name,
    countOf(tries.map(({ wrong }) => wrong > 0)),
    spread(
      tries.map(({ wrong }) => wrong),
      0,
    ),
  ])
}
/** Black and white change to one side alone, in every image. */
const inGrey = (added: Float32Array, { samples }: Plane): Float32Array =>
  added.map((value, i) => ((samples[i] as number) > 16 && (samples[i] as number) < 240 ? value : 0))
const tileLikeness = tiled.slice(1).map(({ made, original }) => {
  const first = tiled[0] as Tiled
  return likeness(
    inGrey(differenceOf(first.made.plane, first.original), first.original),
    inGrey(differenceOf(made.plane, original), original),
  )
})
const whole = tiled.map((victim) => {
  const first = tiled[0] as Tiled
  const added = differenceOf(first.made.plane, first.original)
  return victim === first ? undefined : wrongTiles(victim, addResidual(victim.original, added, 1, 255)).size
})
tileRows.push([
  'the whole mark of another image, exactly, on an original',
  countOf(whole.filter((wrong) => wrong !== undefined).map((wrong) => (wrong ?? 0) > 0)),
  spread(
    whole.filter((wrong) => wrong !== undefined),
    0,
  ),
])

publishReport({
  name: 'mark-adversaries',
  question: 'What does somebody who means harm get out of each layer of the mark, and at what cost?',
  input: `${marked.length} chest X-rays of 8 bits, chips as faint as by default, one key; ${victims.length} of them attacked, the others to learn from. PSNR is that of the attacked picture against the marked one (against the original where a mark is forged), peak 255: median (lowest–highest)`,
  tables: [
    { title: 'Chips: removal, knowing nothing', columns: ['attack', 'id still read', 'PSNR, dB'], rows: blindRows },
    {
      title: 'Chips: what images of one device have in common, taken away; id still read after that',
      columns: [
        'learned from',
        'images',
        'likeness to what a victim carries',
        ...BUDGETS.map((budget) => `at ${budget} dB`),
      ],
      rows: estimateRows,
    },
    {
      title: 'Chips: a mark on an image that it is not of',
      columns: ['carried over', 'its id is read', 'PSNR, dB', 'and the thumbnail of the record agrees'],
      rows: copyRows,
    },
    {
      title:
        'Chips: an oracle that says whether the id is read; PSNR at which it is no longer, after so many questions',
      columns: ['picture', 'questions', '1', '8', '100', '500', 'all'],
      rows: oracleRows,
    },
    {
      title: 'Tiles: edits of marked images',
      columns: ['edit', 'shown', 'tiles that do not hold'],
      rows: tileRows,
    },
  ],
  remarks: [
    `What tiles change in two images of one device is alike by ${spread(tileLikeness, 4)} where both are neither black nor white: there is no fixed pattern to be learned.`,
    'A copied id points to a record; its thumbnail is of another image, and says so.',
  ],
  measurements: { blindRows, estimateRows, copyRows, oracleRows, tileRows, tileLikeness },
})
