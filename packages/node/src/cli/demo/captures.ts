/**
 * Captures: what the simulated room of the demonstration takes: a chest, a hand, slices of CT and MR, and a cine made
 * of the MR slices.
 */

import { type ExposureKind, planExposure } from '@fiducial/core/domain/room/plan.ts'
import { type Capture, captureSeries } from '@fiducial/core/domain/room/room.ts'
import { encodeRle } from '@fiducial/core/formats/codec/rle-encode.ts'
import type { Tag } from '@fiducial/core/formats/dicom/element.ts'
import type { NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
} from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { at, text } from '@fiducial/core/formats/dicom/values.ts'

/** A picture as the device hands it over. */
export interface Captured {
  /** Path below the folder of images. */
  readonly name: string
  readonly kind: ExposureKind
  /** A Part 10 file, in pieces. */
  readonly file: readonly Uint8Array[]
}

const SLICES = 3
const RLE = '1.2.840.10008.1.2.5'
const MULTI_FRAME_SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7.3'
const PIXEL_DATA: Tag = 0x7fe00010
const FRAME_TIME: Tag = 0x00181063

/**
 * Name and transfer syntax of each kind. None is implicit: there a reader needs a dictionary as new as the attributes,
 * and that of DCMTK 3.6.7 knows neither Synthetic Data nor Acquisition UID.
 */
const KINDS: Readonly<Record<ExposureKind, { readonly name: string; readonly transferSyntaxUid: string }>> = {
  chest: { name: 'chest', transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN },
  hand: { name: 'hand', transferSyntaxUid: DEFLATED_EXPLICIT_LITTLE_ENDIAN },
  ct: { name: 'ct', transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN },
  mr: { name: 'mr', transferSyntaxUid: EXPLICIT_BIG_ENDIAN },
}

/**
 * Takes the pictures one by one. Cost: three seconds in all on a desktop.
 * @param at  local date and time with zone, such as `2026-03-04T10:11:12.345+01:00`
 */
export function* takePictures(seed: string, at: string): Generator<Captured, void, undefined> {
  for (const kind of ['chest', 'hand', 'ct', 'mr'] as const) {
    const { name, transferSyntaxUid } = KINDS[kind]
    const plan = planExposure(seed, { kind, at, sliceCount: SLICES })
    const captures: Capture[] = []
    for (const capture of captureSeries(plan)) {
      captures.push(capture)
      const place = plan.imageCount === 1 ? `${name}.dcm` : `${name}/${captures.length}.dcm`
      yield { name: place, kind, file: encodeFile({ transferSyntaxUid, elements: capture.elements }) }
    }
    if (kind === 'mr') yield { name: 'cine.dcm', kind, file: encodeCine(captures) }
  }
}

/** One more hand, of another patient. */
export function takeAnother(seed: string, at: string): Captured {
  const { transferSyntaxUid } = KINDS.chest
  const [capture] = captureSeries(planExposure(seed, { kind: 'hand', at }))
  if (capture === undefined) throw new RangeError('an exposure of no images')
  return { name: 'another.dcm', kind: 'hand', file: encodeFile({ transferSyntaxUid, elements: capture.elements }) }
}

/** Attributes of a single slice, which a run through all of them has not. */
const SLICE_ONLY: ReadonlySet<Tag> = new Set([0x00200032, 0x00200037, 0x00201041, 0x00280106, 0x00280107])

/** The slices of a series as frames of one image, as scanners export them to be played; compressed, one fragment each. */
function encodeCine(slices: readonly Capture[]): readonly Uint8Array[] {
  const [first] = slices
  if (first === undefined) throw new RangeError('a cine of no slices')
  const fragments = slices.map(({ pixels, columns }) => encodeRle(pixels, columns))
  const instanceUid = first.elements.find(({ tag }) => tag === 0x00080018)
  const changed: readonly NewElement[] = [
    text(0x00080008, 'CS', 'DERIVED', 'SECONDARY'),
    text(0x00080016, 'UI', MULTI_FRAME_SECONDARY_CAPTURE),
    ...(instanceUid !== undefined && 'value' in instanceUid
      ? [{ ...instanceUid, value: nextUid(instanceUid.value) }]
      : []),
    text(FRAME_TIME, 'DS', '100'),
    text(0x00280008, 'IS', String(slices.length)),
    at(0x00280009, FRAME_TIME),
    { tag: PIXEL_DATA, vr: 'OB', fragments: [new Uint8Array(0), ...fragments] },
  ]
  const replaced = new Set([...SLICE_ONLY, ...changed.map(({ tag }) => tag)])
  const kept = first.elements.filter(({ tag }) => !replaced.has(tag))
  return encodeFile({ transferSyntaxUid: RLE, elements: [...kept, ...changed].toSorted((a, b) => a.tag - b.tag) })
}

/** The UID with its last digit counted on: another image of the same making. */
function nextUid(value: Uint8Array): Uint8Array {
  const next = value.slice()
  const end = next.findLastIndex((byte) => byte >= 0x30 && byte <= 0x39)
  next[end] = 0x30 + (((next[end] ?? 0x30) - 0x30 + 1) % 10)
  return next
}
