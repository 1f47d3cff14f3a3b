/**
 * Plan: everything about an exposure that is decided before the beam comes on.
 *
 * A plan is plain data and says all that a picture depends on: the same plan gives the same bytes, as far as engines
 * agree on the last bit of a sine. Names, numbers and institutions carry DEMO, so that nobody takes them for a patient's.
 */
import type { Body } from './body.ts'
import { drawBody } from './body.ts'
import type { Size } from './field.ts'
import { parseMoment } from './moment.ts'
import type { Random } from './random.ts'
import { createRandom } from './random.ts'
import { drawUniqueId } from './unique-id.ts'

/** A frontal chest (DX), a hand (CR), slices of a chest (CT) or of a head (MR). */
export type ExposureKind = 'chest' | 'hand' | 'ct' | 'mr'
export const EXPOSURE_KINDS = ['chest', 'hand', 'ct', 'mr'] as const satisfies readonly ExposureKind[]

export interface Device {
  /** At most 16 characters (VR SH), as are the names of its software. */
  readonly stationName: string
  readonly manufacturer: string
  readonly model: string
  readonly serialNumber: string
  readonly deviceUid: string
  readonly softwareVersion: string
}

export interface Operator {
  /** `Family^Given`. */
  readonly name: string
  /** What the hospital knows the person by, at most 16 characters. */
  readonly id: string
}

export interface ExposureRequest {
  readonly kind: ExposureKind
  /** Local date and time of the first exposure, such as `2026-03-04T10:11:12.345+01:00`. */
  readonly at: string
  /** Default: a device of the demo hospital, the same for each kind. */
  readonly device?: Device
  /** Default: one of the demo hospital's technologists, by the seed. */
  readonly operator?: Operator
  /** Pixels; default as {@link DEFAULT_SIZES}. Slices are square. */
  readonly size?: Size
  /** Slices of a series, 1 … 200; a radiograph has one picture. Default: 8. */
  readonly sliceCount?: number
  /** 1 … 9999; default by the seed. */
  readonly patientNumber?: number
}

export interface Patient {
  readonly number: number
  readonly name: string
  readonly id: string
  /** `YYYYMMDD` */
  readonly birthDate: string
}

export interface ExposurePlan {
  readonly seed: string
  readonly kind: ExposureKind
  readonly at: string
  readonly device: Device
  readonly operator: Operator
  readonly patient: Patient
  readonly body: Body
  readonly size: Size
  /** Pictures this plan gives. */
  readonly imageCount: number
  /** Which side, for a hand. */
  readonly laterality: 'L' | 'R'
  readonly studyUid: string
  readonly seriesUid: string
  readonly frameOfReferenceUid: string
  readonly accessionNumber: string
}

/** Columns and rows of a picture that is quick to make; detectors of 0.125 mm have 2800 × 3400. */
export const DEFAULT_SIZES: Readonly<Record<ExposureKind, Size>> = {
  chest: { columns: 1024, rows: 1280 },
  hand: { columns: 960, rows: 1200 },
  ct: { columns: 512, rows: 512 },
  mr: { columns: 256, rows: 256 },
}

const MODELS: Readonly<Record<ExposureKind, readonly [station: string, model: string]>> = {
  chest: ['DEMO-DX-1', 'Room DX 3543'],
  hand: ['DEMO-CR-1', 'Room CR 2430'],
  ct: ['DEMO-CT-1', 'Room CT 240'],
  mr: ['DEMO-MR-1', 'Room MR 1.5T'],
}

const OPERATORS: readonly [Operator, ...Operator[]] = [
  { name: 'DEMO^TECHNOLOGIST^A', id: 'DEMO-OP-01' },
  { name: 'DEMO^TECHNOLOGIST^B', id: 'DEMO-OP-02' },
  { name: 'DEMO^TECHNOLOGIST^C', id: 'DEMO-OP-03' },
]

/**
 * Plans one exposure, or one series of slices.
 * @param seed  any text; it decides patient, position, technique, identifiers and every quantum of noise
 * @throws {RangeError} for a size, count or date that makes no picture
 */
export function planExposure(seed: string, request: ExposureRequest): ExposurePlan {
  const { kind, at, sliceCount = 8 } = request
  const random = createRandom(`${seed}/${kind}`)
  const size = request.size ?? DEFAULT_SIZES[kind]
  const isSliced = kind === 'ct' || kind === 'mr'
  checkSize(size, isSliced)
  if (!Number.isInteger(sliceCount) || sliceCount < 1 || sliceCount > 200) throw new RangeError('1 to 200 slices')
  const body = drawBody(random.fork('body'))
  const number = request.patientNumber ?? 1 + random.fork('patient').integer(9999)
  const ids = random.fork('identifiers')
  return {
    seed,
    kind,
    at,
    device: request.device ?? demoDevice(kind),
    operator: request.operator ?? random.fork('operator').pick(OPERATORS),
    patient: describePatient(number, body, at, random.fork('birth')),
    body,
    size,
    imageCount: isSliced ? sliceCount : 1,
    laterality: random.fork('side').uniform() < 0.5 ? 'L' : 'R',
    studyUid: drawUniqueId(ids),
    seriesUid: drawUniqueId(ids),
    frameOfReferenceUid: drawUniqueId(ids),
    accessionNumber: `DEMO${String(100000 + ids.integer(900000))}`,
  }
}

/** The device of the demo hospital that takes pictures of a kind. */
export function demoDevice(kind: ExposureKind): Device {
  const [stationName, model] = MODELS[kind]
  return {
    stationName,
    manufacturer: 'DEMO Fiducial X-ray room',
    model,
    serialNumber: `DEMO-${kind.toUpperCase()}-0001`,
    deviceUid: drawUniqueId(createRandom(`device/${kind}`)),
    softwareVersion: 'room 1',
  }
}

function describePatient(number: number, body: Body, at: string, random: Random): Patient {
  if (!Number.isInteger(number) || number < 1 || number > 9999) throw new RangeError('patients are numbered 1 to 9999')
  const year = new Date(parseMoment(at).localMs).getUTCFullYear() - body.age - 1
  // On a day after the exposure's own, or the age would be one more.
  const month = String(1 + random.integer(12)).padStart(2, '0')
  const day = String(1 + random.integer(28)).padStart(2, '0')
  const isLater = `${month}${day}` > at.slice(5, 7) + at.slice(8, 10)
  return {
    number,
    name: `DEMO^PATIENT^${spellLetters(number)}`,
    id: `DEMO-${String(number).padStart(4, '0')}`,
    birthDate: `${year + (isLater ? 0 : 1)}${month}${day}`,
  }
}

/** A … Z, AA …: 1 is A. */
function spellLetters(number: number): string {
  const rest = number - 1
  const last = String.fromCharCode(65 + (rest % 26))
  return rest < 26 ? last : spellLetters(Math.floor(rest / 26)) + last
}

function checkSize({ columns, rows }: Size, isSquare: boolean): void {
  const isWhole = Number.isInteger(columns) && Number.isInteger(rows)
  if (!isWhole || Math.min(columns, rows) < 64 || Math.max(columns, rows) > 4096)
    throw new RangeError('64 to 4096 pixels to a side')
  if (isSquare && (columns !== rows || columns % 4 !== 0))
    throw new RangeError('slices are square, a multiple of 4 to a side')
}
