/**
 * Room: takes the pictures of a plan, and runs a whole day's worklist.
 *
 * The one entrance to the simulator. What comes out are complete data sets, marked as synthetic (0008,001C), with the
 * names and numbers of a demo hospital. Method and limits: docs/explanation/room.md.
 */
import type { NewElement } from '../../formats/dicom/encode.ts'
import { elementsOf } from './attributes.ts'
import { growChest } from './chest.ts'
import { growHand } from './hand.ts'
import { growHead } from './head.ts'
import { chestAttributes, handAttributes } from './header-projection.ts'
import { CT_INTERCEPT, CT_PADDING, headAttributes, tomographAttributes } from './header-slices.ts'
import { formatDateTime, later, parseMoment } from './moment.ts'
import type { ExposureKind, ExposurePlan, ExposureRequest } from './plan.ts'
import { planExposure } from './plan.ts'
import type { Presented } from './presentation.ts'
import { takeRadiograph } from './radiograph.ts'
import { createRandom } from './random.ts'
import { scanHead } from './resonance.ts'
import type { RadiographSetup } from './techniques.ts'
import { setupChest, setupHand, setupHead, setupTomograph, streamOf } from './techniques.ts'
import { scanSlice } from './tomograph.ts'

/** One picture with its data set. */
export interface Capture {
  /** Ascending; for a Part 10 file see formats/dicom/encode. */
  readonly elements: readonly NewElement[]
  /** Rows × columns stored values, row-major; the bytes of Pixel Data are these. */
  readonly pixels: Uint16Array | Int16Array
  readonly rows: number
  readonly columns: number
  readonly bitsStored: number
  /** Modality values are stored value × slope + intercept. */
  readonly rescale: { readonly slope: number; readonly intercept: number }
  /** Over modality values; the first of those in the data set. */
  readonly window: { readonly center: number; readonly width: number }
  /** MONOCHROME1: small values are shown bright. */
  readonly isInverted: boolean
}

/**
 * Takes one picture of a plan.
 * Cost: a chest of 1024 × 1280 about a second, of 2800 × 3400 about seven; a slice a quarter of a second.
 * @param index  0 up to, not including, `plan.imageCount`
 * @throws {RangeError} for any other index
 */
export function captureExposure(plan: ExposurePlan, index = 0): Capture {
  return openRoom(plan)(checkIndex(plan, index))
}

/** Takes all pictures of a plan, one after the other; the phantom is grown once. */
export function* captureSeries(plan: ExposurePlan): Generator<Capture, void, undefined> {
  const take = openRoom(plan)
  for (let index = 0; index < plan.imageCount; index++) yield take(index)
}

export interface Worklist extends Omit<ExposureRequest, 'kind' | 'patientNumber'> {
  /** Kinds of the procedures, over and over. Default: chest, hand, ct, chest, mr. */
  readonly kinds?: readonly [ExposureKind, ...ExposureKind[]]
}

export interface WorklistCapture extends Capture {
  readonly plan: ExposurePlan
  /** Place in the series, from 0. */
  readonly index: number
}

const MIXED_KINDS = ['chest', 'hand', 'ct', 'chest', 'mr'] as const
const SECONDS_BETWEEN = 420

/**
 * Works through a list of procedures: a new patient each, some minutes apart.
 * @param count  procedures; one of CT or MR gives a series of slices
 */
export function* runRoom(
  seed: string,
  count: number,
  { kinds = MIXED_KINDS, ...request }: Worklist,
): Generator<WorklistCapture, void, undefined> {
  const pauses = createRandom(`${seed}/pauses`)
  let moment = parseMoment(request.at)
  for (let i = 0; i < count; i++) {
    const kind = kinds[i % kinds.length] as ExposureKind
    const plan = planExposure(`${seed}/${i}`, {
      ...request,
      kind,
      at: spellMoment(moment),
      patientNumber: 1 + (i % 9999),
    })
    let index = 0
    for (const capture of captureSeries(plan)) yield { ...capture, plan, index: index++ }
    moment = later(moment, SECONDS_BETWEEN * pauses.between(0.7, 1.6))
  }
}

function openRoom(plan: ExposurePlan): (index: number) => Capture {
  if (plan.kind === 'ct') return openTomograph(plan)
  if (plan.kind === 'mr') return openResonance(plan)
  return plan.kind === 'chest' ? openChest(plan) : openHand(plan)
}

function openChest(plan: ExposurePlan): (index: number) => Capture {
  const setup = setupChest(plan)
  const { scene } = growChest(plan.body, 'standing', streamOf(plan, 'phantom'))
  return () => {
    const picture = takeRadiograph(scene, setup, streamOf(plan, 'exposure'))
    return radiographCapture(setup, picture, elementsOf(chestAttributes(plan, setup, picture)))
  }
}

function openHand(plan: ExposurePlan): (index: number) => Capture {
  const setup = setupHand(plan)
  const scene = growHand(plan.body, streamOf(plan, 'phantom'))
  return () => {
    const picture = takeRadiograph(scene, setup, streamOf(plan, 'exposure'))
    return radiographCapture(setup, picture, elementsOf(handAttributes(plan, setup, picture)))
  }
}

function radiographCapture(setup: RadiographSetup, picture: Presented, elements: readonly NewElement[]): Capture {
  return {
    elements,
    pixels: picture.samples,
    rows: setup.rows,
    columns: setup.columns,
    bitsStored: setup.tone.bitsStored,
    rescale: { slope: 1, intercept: 0 },
    window: picture.window,
    isInverted: setup.photometricInterpretation === 'MONOCHROME1',
  }
}

function openTomograph(plan: ExposurePlan): (index: number) => Capture {
  const setup = setupTomograph(plan)
  const { scene } = growChest(plan.body, 'supine', streamOf(plan, 'phantom'))
  return (index) => {
    const z = setup.heights[index] as number
    const hounsfield = scanSlice(scene, { ...setup, z }, streamOf(plan, 'series'), streamOf(plan, `slice ${index}`))
    const samples = setup.isSigned ? storeSigned(hounsfield, setup.size) : storeUnsigned(hounsfield)
    const window = { center: 40, width: 400 }
    const bitsStored = setup.isSigned ? 16 : 12
    return {
      elements: elementsOf(tomographAttributes(plan, setup, { samples, index, bitsStored, window })),
      pixels: samples,
      rows: setup.size,
      columns: setup.size,
      bitsStored,
      rescale: { slope: 1, intercept: CT_INTERCEPT },
      window,
      isInverted: false,
    }
  }
}

/** Twelve bits: −1024 … 3071 Hounsfield units. */
function storeUnsigned(hounsfield: Float32Array): Uint16Array {
  const samples = new Uint16Array(hounsfield.length)
  for (let i = 0; i < samples.length; i++)
    samples[i] = Math.max(0, Math.min(4095, Math.round((hounsfield[i] as number) - CT_INTERCEPT)))
  return samples
}

/** Signed, padded outside the circle that was scanned. */
function storeSigned(hounsfield: Float32Array, size: number): Int16Array {
  const samples = new Int16Array(hounsfield.length)
  const middle = (size - 1) / 2
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++) {
      const i = v * size + u
      const isOutside = (u - middle) ** 2 + (v - middle) ** 2 > middle * middle
      samples[i] = isOutside
        ? CT_PADDING
        : Math.max(0, Math.min(4095, Math.round((hounsfield[i] as number) - CT_INTERCEPT)))
    }
  }
  return samples
}

/** Stored value of the signal of fat; twelve bits hold a little more than twice as much. */
const FAT_VALUE = 1800

function openResonance(plan: ExposurePlan): (index: number) => Capture {
  const setup = setupHead(plan)
  const head = growHead(plan.body, streamOf(plan, 'phantom'))
  return (index) => {
    const z = setup.heights[index] as number
    const magnitude = scanHead(head, { ...setup, z }, streamOf(plan, 'series'), streamOf(plan, `slice ${index}`))
    const samples = new Uint16Array(magnitude.length)
    for (let i = 0; i < samples.length; i++)
      samples[i] = Math.min(4095, Math.round((magnitude[i] as number) * FAT_VALUE))
    const window = { center: 600, width: 1150 }
    return {
      elements: elementsOf(headAttributes(plan, setup, { samples, index, bitsStored: 12, window })),
      pixels: samples,
      rows: setup.size,
      columns: setup.size,
      bitsStored: 12,
      rescale: { slope: 1, intercept: 0 },
      window,
      isInverted: false,
    }
  }
}

function checkIndex({ imageCount }: ExposurePlan, index: number): number {
  if (!Number.isInteger(index) || index < 0 || index >= imageCount)
    throw new RangeError(`the plan has ${imageCount} images`)
  return index
}

/** Back to the spelling in which moments are handed in. */
function spellMoment(moment: ReturnType<typeof parseMoment>): string {
  const digits = formatDateTime({ ...moment, offset: undefined })
  const part = (from: number, to: number): string => digits.slice(from, to)
  const zone = moment.offset === undefined ? '' : `${moment.offset.slice(0, 3)}:${moment.offset.slice(3)}`
  return `${part(0, 4)}-${part(4, 6)}-${part(6, 8)}T${part(8, 10)}:${part(10, 12)}:${part(12, 18)}${zone}`
}
