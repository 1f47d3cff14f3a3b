/** Adapters: what the commands of the watchdog need from threads and storage. */
import type { WatchKind } from '@fiducial/core/domain/watch/body-part.ts'
import type { ImageFacts, WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import type { DiagnosticModel, LearntImage } from '../../services/watch/ports.ts'
import type { Done, ImageTask } from '../work.ts'

/** One image to measure. */
export interface MeasureTask extends ImageTask {
  /** Another patient's image, for techniques that ask for one. */
  readonly donorPath?: string
}

export interface MeasuredImage {
  readonly facts: ImageFacts
  /** Digest of Patient ID and its issuer, hexadecimal; null where there is none. */
  readonly patient: string | null
  /** Of the file, hexadecimal. */
  readonly sha256: string
  readonly learnt: LearntImage
}

/** A technique, and how many of the images it is tried on: each, or each second, third, … as their digests draw. */
export interface MeasuredTechnique {
  readonly id: string
  readonly every: number
}

/** How all images of a run are measured. */
export interface MeasureSettings {
  /** As each image says for itself where it is absent. */
  readonly kind?: WatchKind
  /** By which fakes are made. */
  readonly techniques: readonly MeasuredTechnique[]
  /** Ids of what happens to images without harm. */
  readonly variants: readonly string[]
  /** Where numbers are kept; absent for none. */
  readonly cacheFolder?: string
  /** Of code and techniques, hexadecimal. */
  readonly cacheKey: string
}

export interface WatchAdapters {
  /** Measures images with all processor cores, in their order; ends early once the signal is set off. */
  measure(
    tasks: AsyncIterable<MeasureTask>,
    settings: MeasureSettings,
    signal: AbortSignal,
  ): AsyncIterable<Done<MeasureTask, MeasuredImage>>
  /** What the code of today measures and forges, hexadecimal. */
  codeHash(techniques: readonly string[]): Promise<string>
  /** The model that a file holds; of the folder of all state, or the shipped one, where no file is named. @throws {FormatError} {StoreError} */
  model(home: string, path?: string): Promise<WatchModel>
  /** Where the model of the site lies; undefined where it has calibrated none. */
  siteModel(home: string): Promise<string | undefined>
  /** A diagnostic model at an address. @throws {StoreError} `service_refused` for an address that would send images in the clear to others */
  diagnosticModel(url: string): Promise<DiagnosticModel>
  /** Keeps a model in the folder of all state. @returns its path */
  keepModel(home: string, model: WatchModel): Promise<string>
}
