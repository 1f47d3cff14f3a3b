/** Watch work: measures an image, and the fakes that the forge makes of it, for whoever trains, calibrates or audits a watchdog. */

import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { Technique } from '@fiducial/core/domain/forge/technique.ts'
import { findTechnique } from '@fiducial/core/domain/forge/techniques/all.ts'
import { kindOf } from '@fiducial/core/domain/watch/image-facts.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { describeFailure } from '../cli/failure.ts'
import type { MeasuredImage, MeasureSettings, MeasureTask } from '../cli/watch/adapters.ts'
import type { Done } from '../cli/work.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { learnImage } from '../services/watch/learn-image.ts'
import { readSubject, type Subject } from '../services/watch/subject.ts'
import { findVariant, type Variant } from '../services/watch/variants.ts'
import { openFileSource } from '../storage/file-source.ts'
import { loadWasm } from '../storage/wasm.ts'
import { openMeasuredCache } from '../storage/watch/measured-cache.ts'
import { openImageFile, type PictureMeans } from '../wiring/image-file.ts'
import type { WatchSetup } from './setup.ts'

export type MeasureImage = (task: MeasureTask) => Promise<Done<MeasureTask, MeasuredImage>>

export async function openWatchWork({ settings }: WatchSetup): Promise<MeasureImage> {
  const measure = openMeasuring(settings)
  return async (task) => {
    const sizes = { bytes: 0 }
    try {
      return { task, value: await measure(task, sizes), ...sizes }
    } catch (error) {
      return { task, failure: describeFailure(error), ...sizes }
    }
  }
}

function openMeasuring({ kind, techniques, variants, cacheFolder, cacheKey }: MeasureSettings) {
  const cache = cacheFolder === undefined ? undefined : openMeasuredCache(cacheFolder, cacheKey)
  const means = { codecs: createCodecs(loadWasm), encoders: createEncoders(loadWasm) }
  const known = techniques.map(({ id, every }) => ({ technique: techniqueOf(id), every }))
  const variantsKnown = variants.map(variantOf)
  return async (task: MeasureTask, sizes: { bytes: number }): Promise<MeasuredImage> => {
    const { subject, sha256, length, patient } = await openSubject(task.path, means)
    sizes.bytes = length
    const { view, facts } = subject
    const about = { facts, patient, sha256: encodeHex(sha256) }
    const kept = cache?.read(about.sha256)
    if (kept !== undefined) return { ...about, learnt: kept }
    if (view === 'colour') return { ...about, learnt: { real: 'colour' } }
    const donor = task.donorPath === undefined ? undefined : (await openSubject(task.donorPath, means)).subject.view
    const order = {
      view,
      kind: kind ?? kindOf(facts),
      sha256,
      techniques: drawnFor(sha256, known),
      variants: isVaried(sha256) ? variantsKnown : [],
    }
    const hasDonor = donor !== undefined && donor !== 'colour'
    const learnt = learnImage({ ...order, ...(hasDonor && { donor }) }, nativeCrypto.hash)
    cache?.write(about.sha256, learnt)
    return { ...about, learnt }
  }
}

/** Variants are tried on each sixth image, as its digest draws. */
const isVaried = (sha256: Uint8Array): boolean => (sha256[31] as number) % 6 === 0

/** The techniques that an image is tried with, as its digest draws. */
const drawnFor = (
  sha256: Uint8Array,
  known: readonly { readonly technique: Technique; readonly every: number }[],
): readonly Technique[] =>
  known.flatMap(({ technique, every }, i) => ((sha256[i % sha256.length] as number) % every === 0 ? [technique] : []))

interface OpenedSubject {
  readonly subject: Subject
  readonly sha256: Uint8Array
  readonly length: number
  readonly patient: string | null
}

async function openSubject(path: string, means: PictureMeans): Promise<OpenedSubject> {
  using source = openFileSource(path)
  const { pixels, dicom } = await openImageFile(source, means)
  const subject = readSubject(pixels, dicom)
  const sha256 = digestOf(nativeCrypto.hash, 'sha256', source.view(0, source.length))
  return { subject, sha256, length: source.length, patient: patientOf(dicom) }
}

function techniqueOf(id: string): Technique {
  const found = findTechnique(id)
  if (found === undefined) throw new RangeError(`no technique ${id}`)
  return found
}

function variantOf(id: string): Variant {
  const found = findVariant(id)
  if (found === undefined) throw new RangeError(`no variant ${id}`)
  return found
}

/** Images of one patient belong together; who it is stays in the file. */
function patientOf(dicom: DicomFile | undefined): string | null {
  const words = dicom === undefined ? [] : [textAt(dicom.dataSet, 0x00100020), textAt(dicom.dataSet, 0x00100021)]
  if (words[0] === undefined || words[0] === '') return null
  return encodeHex(digestOf(nativeCrypto.hash, 'sha256', new TextEncoder().encode(words.join('\\'))))
}
