/** Watch answer: what the watchdog says beside a verdict: advice, in few words, that changes nothing of it. */
import { examinePicture } from '@fiducial/core/domain/watch/examine.ts'
import type { WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import type { WatchReport } from '@fiducial/core/domain/watch/report.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { openPixels, type PixelMeans } from '../open-pixels.ts'
import { readSubject } from './subject.ts'

export interface WatchAnswer {
  readonly outcome: WatchReport['outcome']
  /** Why it abstained or refused: a word of the report, or the code of what could not be read. */
  readonly reason: string | null
  /** Null where it abstained or refused. */
  readonly p: number | null
  readonly stratum: string | null
  readonly sentence: string
}

/** Looks at the first frame. What cannot be looked at is an answer and no error. */
export async function askWatchdog(file: DicomFile, model: WatchModel, means: PixelMeans): Promise<WatchAnswer> {
  try {
    const { report } = examinePicture({ ...readSubject(await openPixels(file, means), file), model })
    const { outcome, reason, score, sentence } = report
    return { outcome, reason, p: score?.combinedP ?? null, stratum: score?.stratum ?? null, sentence }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return {
      outcome: 'refused',
      reason: error.code,
      p: null,
      stratum: null,
      sentence: 'It was not looked at: there are no pixels that can be read.',
    }
  }
}
