/**
 * Site marks: reads the marks of files with the keys at hand, for whoever judges them.
 *
 * What cannot be read is told as that, and stops nothing: signatures cover the same samples. Nothing here can mark.
 */
import type { LoggedMark } from '@fiducial/core/domain/log/logged-instance.ts'
import { openDicomPixels } from '@fiducial/core/domain/pixels/dicom-pixels.ts'
import type { MarkEvidence } from '@fiducial/core/domain/verdict/mark-evidence.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { loadDecoder } from '../pixel-decoding.ts'
import type { InstanceMarks } from '../ports.ts'
import { examineMark, type MarkKeysAtHand } from './examine-mark.ts'
import type { MarkMeans } from './ports.ts'

export class SiteMarks implements InstanceMarks {
  readonly #keys: MarkKeysAtHand
  readonly #means: MarkMeans

  constructor(keys: MarkKeysAtHand, means: MarkMeans) {
    this.#keys = keys
    this.#means = means
  }

  async read(file: DicomFile, claims: readonly LoggedMark[]): Promise<MarkEvidence> {
    try {
      const decode = await loadDecoder(file, this.#means.codecs)
      const pixels = openDicomPixels(file, decode === undefined ? {} : { decode })
      return await examineMark(pixels, claims, this.#keys, this.#means)
    } catch (error) {
      if (error instanceof FormatError || error instanceof StoreError) return { state: 'unreadable', code: error.code }
      throw error
    }
  }
}
