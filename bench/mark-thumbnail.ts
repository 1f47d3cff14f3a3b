/**
 * Mark thumbnail: how many edits does a comparison with the thumbnail locate, and how many cells does it accuse wrongly?
 *
 *   node bench/mark-thumbnail.ts [--images N] [--split tuning|held-out]
 *
 * Each image is cropped by 10 % a side after up to twelve edits of 8 to 32 pixels: a soft blob of ±15 to ±60 grey levels, a piece from
 * elsewhere, an area evened out to its border's mean, an area darkened to 0.7. Then it goes through one of the chains below. The
 * place is given a fifth of a cell off, as chips would give it. An edit counts as located if a cell that it touches differs; a
 * cell is accused wrongly if it differs two cells or more away from every edit.
 */
import { parseArgs } from 'node:util'
import { type Area, areaAfterCrop, cropPicture } from '@fiducial/core/domain/attack/crop.ts'
import { compressJpeg } from '@fiducial/core/domain/attack/jpeg.ts'
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import { createRandom, type Random } from '@fiducial/core/domain/attack/random.ts'
import { scalePicture } from '@fiducial/core/domain/attack/resize.ts'
import { applyGamma, applyWindow, invertPicture } from '@fiducial/core/domain/attack/tone.ts'
import { CELL_STATES, compareThumbnail } from '@fiducial/core/domain/mark/thumbnail/compare.ts'
import { CELLS_ACROSS, makeThumbnail, type Thumbnail } from '@fiducial/core/domain/mark/thumbnail/thumbnail.ts'
import { publishReport } from './log-report.ts'
import { markImages, renderView } from './mark-images.ts'

const CHAINS: Readonly<Record<string, (picture: Picture) => Picture>> = {
  'JPEG 75': (picture) => compressJpeg(picture, 75),
  'scale 0.75, JPEG 75': (picture) => compressJpeg(scalePicture(picture, 0.75), 75),
  'scale 0.5, JPEG 75': (picture) => compressJpeg(scalePicture(picture, 0.5), 75),
  'JPEG 50': (picture) => compressJpeg(picture, 50),
  'gamma 1.25, JPEG 75': (picture) => compressJpeg(applyGamma(picture, 1.25), 75),
  'narrow window, scale 0.75, JPEG 75': (picture) =>
    compressJpeg(scalePicture(applyWindow(picture, 1.25, -40), 0.75), 75),
  'inverted, scale 0.75, JPEG 75': (picture) => compressJpeg(scalePicture(invertPicture(picture), 0.75), 75),
}
const SIZES = [8, 12, 16, 24, 32] as const
/** An edit that changes its area by less than this many grey levels (root mean square) is not made. */
const LEAST_CHANGE = 6
const CLASSES = ['6–10', '10–20', '20 and more'] as const
/** Cells. */
const OFF = 0.2

interface Edit extends Area {
  /** Root mean square change of its area in grey levels. */
  readonly change: number
}

interface Tally {
  images: number
  visible: number
  accused: number
  edits: number
  located: number
}

const rows = new Map<string, Tally>()

function tally(name: string): Tally {
  const known = rows.get(name) ?? { images: 0, visible: 0, accused: 0, edits: 0, located: 0 }
  rows.set(name, known)
  return known
}

function edited(picture: Picture, within: Area, random: Random): { readonly picture: Picture; readonly edits: Edit[] } {
  const result = { ...picture, samples: picture.samples.slice() }
  const edits: Edit[] = []
  for (let tries = 0; tries < 200 && edits.length < 12; tries++) {
    const side = SIZES[random.integer(SIZES.length)] as number
    if (Math.min(within.width, within.height) < side + 4) continue
    const left = within.left + 2 + random.integer(within.width - side - 4)
    const top = within.top + 2 + random.integer(within.height - side - 4)
    if (edits.some((other) => Math.max(Math.abs(other.left - left), Math.abs(other.top - top)) < 80)) continue
    const values = newValues(picture, { left, top, width: side, height: side }, random)
    const change = Math.sqrt(
      values.reduce(
        (sum, value, i) => sum + (value - (picture.samples[indexIn(picture, left, top, side, i)] as number)) ** 2,
        0,
      ) / values.length,
    )
    if (change < LEAST_CHANGE) continue
    for (const [i, value] of values.entries()) result.samples[indexIn(picture, left, top, side, i)] = value
    edits.push({ left, top, width: side, height: side, change })
  }
  return { picture: result, edits }
}

const indexIn = ({ width }: Picture, left: number, top: number, side: number, i: number): number =>
  (top + Math.floor(i / side)) * width + left + (i % side)

/** Another look for an area, by one of four kinds of edit. */
function newValues(picture: Picture, { left, top, width: side }: Area, random: Random): number[] {
  const { samples, width, height } = picture
  const kind = random.integer(4)
  const amount = random.between(15, 60) * (random.uniform() < 0.5 ? -1 : 1)
  const from = { left: random.integer(width - side), top: random.integer(height - side) }
  const border = [...Array(side).keys()].flatMap((i) => [
    samples[(top - 1) * width + left + i] as number,
    samples[(top + side) * width + left + i] as number,
    samples[(top + i) * width + left - 1] as number,
    samples[(top + i) * width + left + side] as number,
  ])
  const mean = border.reduce((sum, value) => sum + value, 0) / border.length
  return Array.from({ length: side * side }, (_, i) => {
    const value = samples[indexIn(picture, left, top, side, i)] as number
    const away = Math.hypot((i % side) + 0.5 - side / 2, Math.floor(i / side) + 0.5 - side / 2) / (side / 2)
    const blob = away < 1 ? amount * (0.5 + 0.5 * Math.cos(Math.PI * away)) : 0
    const piece = samples[indexIn(picture, from.left, from.top, side, i)] as number
    const changed = [value + blob, piece, mean, value * 0.7][kind] as number
    return Math.max(0, Math.min(255, Math.round(changed)))
  })
}

function cellsOf(
  { left, top, width }: Edit,
  cell: number,
  { columns, rows: lines }: Thumbnail,
  margin: number,
): number[] {
  const cells: number[] = []
  const last = (start: number): number => Math.floor((start + width - 0.001) / cell) + margin
  for (let y = Math.floor(top / cell) - margin; y <= last(top); y++) {
    for (let x = Math.floor(left / cell) - margin; x <= last(left); x++) {
      if (x >= 0 && y >= 0 && x < columns && y < lines) cells.push(y * columns + x)
    }
  }
  return cells
}

const { values: flags } = parseArgs({
  options: { images: { type: 'string', default: '30' }, split: { type: 'string', default: 'held-out' } },
})
const split = flags.split === 'tuning' ? 'tuning' : 'held-out'
let seed = 0
for await (const { planes, views, modality } of markImages({ chestXrays: Number(flags.images), split })) {
  if (!['CXR', 'CR', 'CT', 'MR', 'US'].includes(modality)) continue
  const [view] = views
  const base = view === undefined ? undefined : renderView(planes, view)
  if (base === undefined || view === undefined || Math.min(base.width, base.height) < 300) continue
  const thumbnail = makeThumbnail(planes, view)
  const area = areaAfterCrop(base, 0.1, ++seed)
  const { picture, edits } = edited(base, area, createRandom(seed))
  const side = Math.min(base.width, base.height)
  const cell = side / CELLS_ACROSS
  const near = new Set(edits.flatMap((edit) => cellsOf(edit, cell, thumbnail, 2)))
  for (const [chain, attack] of Object.entries(CHAINS)) {
    const shown = attack(cropPicture(picture, area))
    const transform = {
      left: (area.left + OFF * cell) / side,
      top: (area.top - OFF * cell) / side,
      across: area.width / shown.width / side,
      down: area.height / shown.height / side,
      angle: 0,
    }
    const { states, visible } = compareThumbnail(shown, transform, thumbnail)
    const accused = states.filter((state, i) => state === CELL_STATES.differs && !near.has(i)).length
    const isLocated = (edit: Edit): boolean =>
      cellsOf(edit, cell, thumbnail, 0).some((i) => states[i] === CELL_STATES.differs)
    for (const name of [`chain: ${chain}`, `modality: ${modality}`]) {
      const row = tally(name)
      row.images++
      row.visible += visible
      row.accused += accused
      row.edits += edits.length
      row.located += edits.filter(isLocated).length
    }
    for (const edit of edits) {
      const row = tally(`change: ${CLASSES[edit.change < 10 ? 0 : edit.change < 20 ? 1 : 2]} grey levels`)
      row.edits++
      if (isLocated(edit)) row.located++
    }
  }
}

const percent = (part: number, whole: number, digits: number): string =>
  whole === 0 ? '' : `${((100 * part) / whole).toFixed(digits)} %`
const chosen = [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
const CHEST = rows.get('modality: CXR')
if (split === 'held-out') {
  publishReport({
    name: 'mark-thumbnail',
    question: 'How many edits does a comparison with the thumbnail locate, and how many cells does it accuse wrongly?',
    input: `images of the shared data whose shorter side has 300 pixels or more, apart from those that thresholds were chosen on, ${flags.images} chest X-rays at most; after edits of 8 to 32 pixels, a crop by 10 % a side, and one of ${Object.keys(CHAINS).length} chains. What counts is said at the head of the program`,
    tables: [
      {
        title: 'Edits and cells',
        columns: ['', 'pictures', 'edits located', '', 'cells accused wrongly'],
        rows: chosen.map(([name, { images, visible, accused, edits, located }]) => [
          name,
          images || '',
          `${located} of ${edits}`,
          percent(located, edits, 1),
          percent(accused, visible, 3),
        ]),
      },
    ],
    aims: [
      aim(
        'edits of 20 grey levels or more: 99 % located',
        rows.get(`change: ${CLASSES[2]} grey levels`),
        'located',
        'edits',
        0.99,
      ),
      aim('chest X-rays: 0.1 % of the cells accused wrongly at most', CHEST, 'accused', 'visible', 0.001),
    ],
    remarks: [
      'The thumbnail holds means of cells: an edit that leaves the means of its cells as they were, such as texture smoothed away, cannot show.',
      'Ultrasound is small, black for the most part, and written over with letters thinner than a cell.',
    ],
    measurements: Object.fromEntries(rows),
  })
} else for (const [name, row] of chosen) process.stdout.write(`${name} ${JSON.stringify(row)}\n`)

function aim(text: string, row: Tally | undefined, part: keyof Tally, whole: keyof Tally, bound: number) {
  const share = row === undefined ? Number.NaN : row[part] / row[whole]
  return {
    aim: text,
    found: `${(100 * share).toFixed(3)} %`,
    isMet: part === 'located' ? share >= bound : share <= bound,
  }
}
