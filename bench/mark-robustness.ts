/**
 * Mark robustness: of how many pictures is the record id read after each attack, and what do chips cost a picture?
 *
 *   node bench/mark-robustness.ts [--images N] [--split held-out|tuning|all] [--scratch FILE] [--peers PYTHON [--peer-images N]]
 *                                 [--unmarked N] [--attacks PATTERN]
 *
 * Each image is marked with both layers, as faint as images of its kind are marked by default, shown in each of its views, attacked, and
 * read. An id counts if it is the one that was embedded; any other is a false id. Every reading is a line of the scratch file, so that
 * a run that was broken off goes on where it was. With --peers the first N of the pictures carry the marks of
 * others, too.
 * --report writes what the scratch file holds. --unmarked reads pictures without a mark, attacked and not, each with a key of its own; --images 0 reads no others.
 */
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import { ROBUSTNESS_ATTACKS } from '@fiducial/core/domain/attack/robustness.ts'
import { chipLimitsOf } from '@fiducial/core/domain/mark/chip-limits.ts'
import { readChips } from '@fiducial/core/domain/mark/chips/read-chips.ts'
import { markFrame } from '@fiducial/core/domain/mark/mark-frame.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { psnr, ssim } from './likeness.ts'
import { publishReport } from './log-report.ts'
import { type MarkImage, markImages, renderView } from './mark-images.ts'
import { type MarkPeers, PEER_SCHEMES, startMarkPeers } from './mark-peers.ts'
import { summarise } from './statistics.ts'

interface Reading {
  readonly kind: 'reading'
  /** `fiducial`, or the scheme of a peer. */
  readonly scheme: string
  readonly image: string
  readonly modality: string
  readonly attack: string
  readonly isRead: boolean
  readonly isFalse: boolean
  readonly ms: number
}

interface Cost {
  readonly kind: 'cost'
  readonly scheme: string
  readonly image: string
  readonly modality: string
  readonly storedPsnr: number
  readonly displayPsnr: number
  readonly ssim: number
  readonly maxChange: number
  /** Of the band that the chips use; only ours. */
  readonly addedPower: number
  readonly ms: number
}

type Line = Reading | Cost

const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '40' },
    split: { type: 'string', default: 'held-out' },
    scratch: { type: 'string' },
    peers: { type: 'string' },
    'peer-images': { type: 'string', default: '12' },
    unmarked: { type: 'string', default: '0' },
    report: { type: 'boolean', default: false },
    attacks: { type: 'string', default: '.' },
  },
})
const split = flags.split === 'tuning' || flags.split === 'all' ? flags.split : 'held-out'
const attacks = ROBUSTNESS_ATTACKS.filter(({ id }) => new RegExp(flags.attacks).test(id))
const MODALITIES = new Set(['CXR', 'CR', 'CT', 'MR', 'US'])
/** The crop that the aims leave out. */
const HARDEST = 'crop-50'

const lines: Line[] =
  flags.scratch !== undefined && existsSync(flags.scratch)
    ? readFileSync(flags.scratch, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Line)
    : []

const placeOf = (scheme: string, image: string, attack: string): string => `${scheme} ${image} ${attack}`
const noted = new Set(
  lines.map((line) => placeOf(line.scheme, line.image, line.kind === 'cost' ? 'cost' : line.attack)),
)

function note(line: Line): void {
  lines.push(line)
  noted.add(placeOf(line.scheme, line.image, line.kind === 'cost' ? 'cost' : line.attack))
  if (flags.scratch !== undefined) appendFileSync(flags.scratch, `${JSON.stringify(line)}\n`)
}

const isNoted = (scheme: string, image: string, attack: string): boolean => noted.has(placeOf(scheme, image, attack))

const keyOf = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest())
const CHIP_KEY = keyOf('bench: chips')
const means = { hash: nativeCrypto.hash, createCoder: createPlainCoder }

/** Both layers on an image. */
function markImage({ name, planes, views, modality }: MarkImage) {
  const recordId = keyOf(`id of ${name}`).subarray(0, 8)
  const limits = chipLimitsOf({ bits: planes[0]?.bits ?? 8, modality })
  const start = performance.now()
  const marked = markFrame(
    planes,
    {
      imageKey: keyOf(`image key of ${name}`),
      header: { recordId, volumeNonce: new Uint8Array(16), index: 0, count: 1, planes: planes.length },
      frame: 0,
      chips: { key: CHIP_KEY, views: views.map(([low, high]) => [low, high] as const), limits },
      sign: () => new Uint8Array(64),
    },
    means,
  )
  return { recordId, marked, ms: performance.now() - start }
}

/** All attacks on a picture, each read by `read`. */
async function attackPicture(
  picture: Picture,
  about: Pick<Reading, 'scheme' | 'image' | 'modality'>,
  read: (attacked: Picture) => Promise<'right' | 'wrong' | 'nothing'> | 'right' | 'wrong' | 'nothing',
): Promise<void> {
  for (const [number, { id, apply }] of attacks.entries()) {
    if (isNoted(about.scheme, about.image, id)) continue
    const attacked = apply(picture, (keyOf(about.image)[0] as number) * 100 + number)
    const start = performance.now()
    const answer = await read(attacked)
    const ms = performance.now() - start
    note({ kind: 'reading', ...about, attack: id, isRead: answer === 'right', isFalse: answer === 'wrong', ms })
  }
}

async function measureOurs(image: MarkImage): Promise<void> {
  const { planes, views, name, modality } = image
  const named = views.map((view, i) => ({ view, picture: i === 0 ? name : `${name} (window ${i + 1})` }))
  if (named.every(({ picture }) => attacks.every(({ id }) => isNoted('fiducial', picture, id)))) return
  const { recordId, marked, ms } = markImage(image)
  if (marked.report === undefined) return
  for (const [i, { view, picture }] of named.entries()) {
    const shown = renderView(marked.planes, view)
    const before = renderView(planes, view)
    if (!isNoted('fiducial', picture, 'cost')) {
      const [plane, after] = [planes[0], marked.planes[0]]
      if (plane === undefined || after === undefined) continue
      note({
        ...{ kind: 'cost', scheme: 'fiducial', image: picture, modality, ms },
        storedPsnr: psnr(plane.samples, after.samples, 2 ** plane.bits - 1),
        displayPsnr: psnr(before.samples, shown.samples, 255),
        ssim: ssim(before, shown),
        maxChange: plane.samples.reduce(
          (most, value, k) => Math.max(most, Math.abs(value - (after.samples[k] as number))),
          0,
        ),
        addedPower: marked.report.addedPowers[i] ?? Number.NaN,
      })
    }
    await attackPicture(shown, { scheme: 'fiducial', image: picture, modality }, (attacked) => {
      const reading = readChips(attacked, CHIP_KEY)
      if (reading === undefined) return 'nothing'
      return Buffer.from(reading.id).equals(recordId) ? 'right' : 'wrong'
    })
  }
}

async function measurePeers({ planes, views, name, modality }: MarkImage, peers: MarkPeers): Promise<void> {
  const [view] = views
  if (view === undefined) return
  const before = renderView(planes, view)
  for (const scheme of PEER_SCHEMES) {
    if (attacks.every(({ id }) => isNoted(scheme, name, id))) continue
    const start = performance.now()
    const marked = await peers.embed(scheme, before)
    const ms = performance.now() - start
    if (marked === undefined || marked.width !== before.width || marked.height !== before.height) {
      for (const { id } of attacks)
        note({
          ...{ kind: 'reading', scheme, image: name, modality, attack: id },
          isRead: false,
          isFalse: false,
          ms: 0,
        })
      continue
    }
    const displayPsnr = psnr(before.samples, marked.samples, 255)
    const maxChange = before.samples.reduce(
      (most, value, k) => Math.max(most, Math.abs(value - (marked.samples[k] as number))),
      0,
    )
    const cost = { storedPsnr: displayPsnr, displayPsnr, ssim: ssim(before, marked), maxChange, addedPower: 0, ms }
    note({ kind: 'cost', scheme, image: name, modality, ...cost })
    await attackPicture(marked, { scheme, image: name, modality }, async (attacked) =>
      (await peers.read(scheme, attacked)) ? 'right' : 'nothing',
    )
  }
}

/** Readings of what was never marked; each with a key of its own. */
async function readUnmarked(wanted: number): Promise<void> {
  const done = lines.filter((line) => line.kind === 'reading' && line.scheme === 'unmarked').length
  let count = done
  for (let round = 0; count < wanted; round++) {
    for await (const { planes, views, name, modality } of markImages({ chestXrays: 1000, split: 'all' })) {
      const picture = views[0] === undefined ? undefined : renderView(planes, views[0])
      if (picture === undefined) continue
      for (const { id, apply } of attacks) {
        const image = `${name} ${round}`
        if (count >= wanted) return
        if (isNoted('unmarked', image, id)) continue
        const reading = readChips(apply(picture, count), keyOf(`no mark ${count}`), { isSearching: false })
        const isFalse = reading !== undefined
        note({ ...{ kind: 'reading', scheme: 'unmarked', image, modality, attack: id }, isRead: false, isFalse, ms: 0 })
        count++
      }
    }
  }
}

async function measure(): Promise<void> {
  const peers = flags.peers === undefined ? undefined : startMarkPeers(flags.peers)
  let seen = 0
  for await (const image of markImages({ chestXrays: Number(flags.images), split })) {
    if (!MODALITIES.has(image.modality) || flags.images === '0') continue
    await measureOurs(image)
    if (peers !== undefined && seen++ < Number(flags['peer-images'])) await measurePeers(image, peers)
  }
  peers?.close()
  await readUnmarked(Number(flags.unmarked))
}

// A run that was broken off is reported as far as it came.
if (!flags.report) await measure()

/* What it adds up to. */

const readings = lines.filter((line): line is Reading => line.kind === 'reading' && line.scheme !== 'unmarked')
const costs = lines.filter((line): line is Cost => line.kind === 'cost')
const unmarked = lines.filter((line): line is Reading => line.kind === 'reading' && line.scheme === 'unmarked')
const schemes = ['fiducial', ...PEER_SCHEMES].filter((scheme) => readings.some((reading) => reading.scheme === scheme))
const modalities = [...MODALITIES].filter((modality) => readings.some((reading) => reading.modality === modality))

const count = (list: readonly Reading[]): string =>
  list.length === 0 ? '' : `${list.filter(({ isRead }) => isRead).length} of ${list.length}`
const share = (list: readonly Reading[]): number => list.filter(({ isRead }) => isRead).length / list.length
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`
const spread = (values: readonly number[], digits: number): string => {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return ''
  const { median, lowest, highest } = summarise(finite)
  return `${median.toFixed(digits)} (${lowest.toFixed(digits)}–${highest.toFixed(digits)})`
}

const ours = readings.filter(({ scheme }) => scheme === 'fiducial')
const usual = ours.filter(({ attack }) => attack !== HARDEST)
const hardest = ours.filter(({ attack }) => attack === HARDEST)
const weakest = [...new Set(usual.map(({ attack }) => attack))]
  .map((attack) => ({ attack, part: share(usual.filter((reading) => reading.attack === attack)) }))
  .sort((a, b) => a.part - b.part)
const falseIds = ours.filter(({ isFalse }) => isFalse).length

publishReport({
  name: 'mark-robustness',
  question: 'Of how many pictures is the record id read after each attack, and what do chips cost a picture?',
  input: `${new Set(ours.map(({ image }) => image)).size} pictures of the shared data, ${split}, shorter side 250 pixels or more; both layers, limits by kind of image as by default; all windows in which an image is expected to be shown`,
  tables: [
    {
      title: 'Exact ids',
      columns: ['attack', 'all', ...modalities],
      rows: [...attacks.map(({ id }) => id), 'all'].map((id) => {
        const of = ours.filter(({ attack }) => id === 'all' || attack === id)
        return [
          id,
          count(of),
          ...modalities.map((modality) => count(of.filter((reading) => reading.modality === modality))),
        ]
      }),
    },
    {
      title: 'What it costs: median (lowest–highest)',
      columns: [
        '',
        'stored PSNR, dB',
        'display PSNR, dB',
        'SSIM',
        'largest change',
        'power added in the band, %',
        'embedding, ms',
      ],
      rows: schemes.flatMap((scheme) =>
        modalities.map((modality) => {
          const of = costs.filter((cost) => cost.scheme === scheme && cost.modality === modality)
          return [
            `${scheme}, ${modality}`,
            spread(
              of.map(({ storedPsnr }) => storedPsnr),
              1,
            ),
            spread(
              of.map(({ displayPsnr }) => displayPsnr),
              1,
            ),
            spread(
              of.map((cost) => cost.ssim),
              4,
            ),
            spread(
              of.map(({ maxChange }) => maxChange),
              0,
            ),
            scheme === 'fiducial'
              ? spread(
                  of.map(({ addedPower }) => 100 * addedPower),
                  1,
                )
              : '',
            spread(
              of.map(({ ms }) => ms),
              0,
            ),
          ]
        }),
      ),
    },
    ...(schemes.length > 1
      ? [
          {
            title: 'Beside others: exact payload of 96 bits, first window',
            columns: ['attack', ...schemes],
            rows: [...attacks.map(({ id }) => id), 'all'].map((id) => [
              id,
              ...schemes.map((scheme) =>
                count(
                  readings.filter(
                    ({ scheme: by, attack, image }) =>
                      by === scheme && (id === 'all' || attack === id) && !image.includes('(window'),
                  ),
                ),
              ),
            ]),
          },
        ]
      : []),
    {
      title: 'Time of a reading, ms: median (lowest–highest)',
      columns: ['', 'found', 'not found'],
      rows: [
        [
          'fiducial',
          spread(
            ours.filter(({ isRead }) => isRead).map(({ ms }) => ms),
            0,
          ),
          spread(
            ours.filter(({ isRead }) => !isRead).map(({ ms }) => ms),
            0,
          ),
        ],
      ],
    },
  ],
  aims: [
    {
      aim: 'every attack but the 50 % crop: exact id on 95 % or more',
      found: `${percent(share(usual))} in all; least ${weakest
        .slice(0, 3)
        .map(({ attack, part }) => `${attack} ${percent(part)}`)
        .join(', ')}`,
      isMet: weakest.every(({ part }) => part >= 0.95),
    },
    { aim: '50 % crop: 60 % or more', found: percent(share(hardest)), isMet: share(hardest) >= 0.6 },
    { aim: 'no false id on marked pictures', found: `${falseIds} of ${ours.length}`, isMet: falseIds === 0 },
    ...(unmarked.length > 0
      ? [
          {
            aim: 'no false id on unmarked pictures',
            found: `${unmarked.filter(({ isFalse }) => isFalse).length} of ${unmarked.length}`,
            isMet: unmarked.every(({ isFalse }) => !isFalse),
          },
        ]
      : []),
  ],
  remarks: [
    'Crops are by the share of each side, at a place left to chance: 50 % leaves a quarter of the picture.',
    'The schemes of others mark pictures of 8 bits, cannot be taken off, and are not told which attack it was.',
  ],
  measurements: { lines: ours.length, schemes },
})
