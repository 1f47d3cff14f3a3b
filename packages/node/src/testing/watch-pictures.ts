/** Watch pictures: small grey pictures of nobody, each of its own seed, and models of the watchdog that have learnt from one of them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compressJpeg } from '@fiducial/core/domain/attack/jpeg.ts'
import { createRandom } from '@fiducial/core/domain/attack/random.ts'
import { isNetworkPatient } from '@fiducial/core/domain/forge/networks/network-patients.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'
import type { WatchKind } from '@fiducial/core/domain/watch/body-part.ts'
import { CUES } from '@fiducial/core/domain/watch/cues.ts'
import { MEASURE_NAMES, measureView } from '@fiducial/core/domain/watch/measure-view.ts'
import type { Sample } from '@fiducial/core/domain/watch/model/feature-table.ts'
import { trainWatchModel } from '@fiducial/core/domain/watch/model/train-model.ts'
import type { FactLimits, Selector, WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import { LEAST_SIDE } from '@fiducial/core/domain/watch/normal-plane.ts'
import type { NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { encode } from 'fast-png'

/** Bodies of light on a slope, in grain that grows with the light; 8 bits. @param side  at least {@link LEAST_SIDE} to be looked at */
export function pictureOf(seed: number, side: number = LEAST_SIDE): GreyView {
  const random = createRandom(seed)
  const [tilt, bend, phase] = [random.uniform(), random.uniform(), 6 * random.uniform()]
  const samples = Float32Array.from({ length: side * side }, (_, i) => {
    const [u, v] = [(i % side) / side - 0.5, Math.floor(i / side) / side - 0.5]
    const waves = Math.sin(9 * (u + bend * v * v) + phase) * Math.cos(7 * v - phase)
    const light = 120 + 60 * tilt * v + 50 * waves
    return Math.max(1, Math.min(254, Math.round(light + 0.4 * Math.sqrt(Math.max(1, light)) * random.normal())))
  })
  return { width: side, height: side, samples, white: 255, window: null }
}

export interface OneModel {
  readonly kind: WatchKind
  readonly selector: Selector
  readonly limits: FactLimits
}

/** A model that has learnt from one picture with a little chance on its numbers: that picture is as usual as can be. */
export function modelOfOne(view: GreyView, { kind, selector, limits }: OneModel): WatchModel {
  const random = createRandom(3)
  const measured = measureView(view, kind)
  if (typeof measured === 'string') throw new RangeError(measured)
  const shifted = (shift: number): Float64Array =>
    measured.values.map((value) => value + (0.01 * random.normal() + shift) * Math.max(0.01, Math.abs(value)))
  const samples = Array.from({ length: PATIENTS }, (_, i): readonly Sample[] => [
    { label: 'real', group: `p${i}`, source: 'one', values: shifted(0) },
    { label: 'made', group: `p${i}`, source: 'one', values: shifted(0.05) },
  ]).flat()
  return trainWatchModel(
    { names: MEASURE_NAMES, samples },
    {
      ...{ name: 'one', seed: 1, source: 'made by rule', codeHash: NOBODY, dataManifestHash: NOBODY },
      features: MEASURE_NAMES,
      cues: CUES.flatMap(({ measures }) => measures.map(({ name, perfect }) => ({ name, perfect }))),
      stratum: { id: STRATUM, selector, limits },
    },
  )
}

/** Two fifths of them calibrate: enough for p-values below 0.01. */
const PATIENTS = 260
const NOBODY = '0'.repeat(64)
/** Of every model of one. */
export const STRATUM = 'room-1'

/** A grey view of 8 bits as a PNG file. */
export const pngOf = ({ width, height, samples }: GreyView): Uint8Array =>
  encode({ width, height, data: Uint8Array.from(samples), depth: 8, channels: 1 })

/** The picture after a coder that left little of its grain: what a model of true pictures finds strange. */
export function pressed(view: GreyView, quality = 10): GreyView {
  const { width, height } = view
  const { samples } = compressJpeg({ width, height, samples: Uint8Array.from(view.samples) }, quality)
  return { ...view, samples: Float32Array.from(samples) }
}

/** Writes pictures of as many patients, none of whom networks of the forge have learnt from. @returns their names */
export function writePictures(folder: string, count: number): readonly string[] {
  mkdirSync(folder, { recursive: true })
  const names: string[] = []
  for (let seed = 1; names.length < count; seed++) {
    const name = `made${seed}_1.png`
    if (isNetworkPatient(`made${seed}`)) continue
    writeFileSync(join(folder, name), pngOf(pictureOf(seed)))
    names.push(name)
  }
  return names
}

/** What a grey picture of 8 bits is in DICOM: the elements of its pixels, and no more. */
export const greyElements = ({ width, height, samples }: GreyView): readonly NewElement[] => [
  text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
  text(0x00080018, 'UI', '2.25.7'),
  us(0x00280002, 1),
  text(0x00280004, 'CS', 'MONOCHROME2'),
  us(0x00280010, height),
  us(0x00280011, width),
  us(0x00280100, 8),
  us(0x00280101, 8),
  us(0x00280102, 7),
  us(0x00280103, 0),
  { tag: 0x7fe00010, vr: 'OB', value: Uint8Array.from(samples) },
]
