/**
 * How strong do chips have to be, for an id to survive what it does not survive at the usual strength?
 *
 *   node bench/mark-strength.ts [--images N]
 *
 * Chest X-rays of 512 × 512 and CT are marked at several limits, shown in their first view, attacked and read.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROBUSTNESS_ATTACKS } from '@fiducial/core/domain/attack/robustness.ts'
import { embedChips } from '@fiducial/core/domain/mark/chips/embed-chips.ts'
import { readChips } from '@fiducial/core/domain/mark/chips/read-chips.ts'
import { sharedFiles } from '../packages/node/src/testing/shared-files.ts'
import { publishReport } from './log-report.ts'
import { type MarkImage, markImages, renderView } from './mark-images.ts'

const { values } = parseArgs({ options: { images: { type: 'string', default: '4' } } })
const COUNT = Number(values.images)
const LIMITS = [42, 46, 50, 55, 58]
const attacks = ROBUSTNESS_ATTACKS.filter(({ id }) =>
  ['png', 'jpeg-50', 'jpeg-30', 'half-jpeg-75', 'noise-6', 'blur-1'].includes(id),
)
const { decode } = createRequire(join(import.meta.dirname, '../packages/node/package.json'))('fast-png')
const key = new Uint8Array(createHash('sha256').update('bench: strength').digest())
const id = key.subarray(0, 8)

interface Reading {
  readonly kind: string
  readonly limit: number
  readonly attack: string
  readonly isRead: boolean
}

function smallXrays(): readonly Pick<MarkImage, 'planes' | 'views'>[] {
  const files = sharedFiles('data/cxr/real/nih-chestxray14-512').filter(({ name }) => name.endsWith('.png'))
  return Array.from({ length: COUNT }, (_, i) => {
    const { width, height, data } = decode(
      readFileSync(files[Math.floor(((i + 0.5) * files.length) / COUNT)]?.path ?? ''),
    )
    return { planes: [{ width, height, bits: 8, samples: Uint16Array.from(data as Uint8Array) }], views: [[0, 255]] }
  })
}

const scans: MarkImage[] = []
for await (const image of markImages({ chestXrays: 0 }))
  if (image.modality === 'CT' && scans.length < COUNT) scans.push(image)

const readings: Reading[] = []
for (const [kind, images] of [
  ['chest X-ray, 512 × 512', smallXrays()],
  ['CT, first window', scans],
] as const) {
  for (const { planes, views } of images) for (const limit of LIMITS) measure(kind, planes, views, limit)
}

function measure(kind: string, planes: MarkImage['planes'], views: MarkImage['views'], limit: number): void {
  const [view] = views
  if (view === undefined) return
  const made = embedChips(planes, { key, id, views, limits: { minStoredPsnr: 0, minDisplayPsnr: limit } })
  for (const [number, { id: attack, apply }] of attacks.entries()) {
    const read = made && readChips(apply(renderView(made.planes, view), number), key, { isSearching: false })
    readings.push({ kind, limit, attack, isRead: read !== undefined && Buffer.from(read.id).equals(id) })
  }
}

publishReport({
  name: 'mark-strength',
  question: 'How strong do chips have to be, for an id to survive what it does not survive at the usual strength?',
  input: `${COUNT} chest X-rays of 512 × 512 and ${COUNT} CT images of the shared data; limit on the PSNR of every view, none on stored values; ids read at once, without a search`,
  tables: [...new Set(readings.map(({ kind }) => kind))].map((kind) => ({
    title: `${kind}: ids read`,
    columns: ['attack', ...LIMITS.map((limit) => `${limit} dB`)],
    rows: attacks.map(({ id: attack }) => [
      attack,
      ...LIMITS.map((limit) => {
        const of = readings.filter((one) => one.kind === kind && one.attack === attack && one.limit === limit)
        return `${of.filter(({ isRead }) => isRead).length} of ${of.length}`
      }),
    ]),
  })),
  remarks: [
    'Changes stay hidden in what the picture has (half a level where it is flat, five at most), whatever the limit: where a lower limit brings nothing, this is what holds.',
  ],
  measurements: readings,
})
