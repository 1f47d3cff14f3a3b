/** Adapters: what the commands of the mark need from keys and storage. */
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { MarkDevice, MarkMeans } from '../../services/mark/ports.ts'
import type { Secrets } from '../ring.ts'

/** A file that is on the disk whole, under a temporary name, until it is committed. */
export interface StagedFile extends Disposable {
  readonly length: number
  /** @throws {StoreError} `output_exists`, `output_unwritable` */
  commit(): void
}

export interface MarkAdapters {
  means(home: string): Promise<MarkMeans>
  /**
   * The mark key of a device, made when it is first asked for.
   * @throws {KeyError} as the ring does
   */
  device(home: string, secrets: Secrets, id: string): Promise<MarkDevice>
  /** All devices that have marked. @throws {KeyError} likewise */
  devices(home: string, secrets: Secrets): Promise<readonly MarkDevice[]>
  /** The same, as far as their keys open without a question; none where this machine has never marked. */
  known(home: string, secrets: Secrets): Promise<readonly MarkDevice[]>
  /** @throws {FormatError} `picture_malformed`, `pixels_unsuited` */
  openPng(file: Uint8Array): Promise<ImagePixels>
  /** Makes the folder, and writes the file beside its name. @throws {StoreError}; what the pieces throw */
  stage(path: string, pieces: Iterable<Uint8Array>, isOverwriting: boolean): Promise<StagedFile>
}
