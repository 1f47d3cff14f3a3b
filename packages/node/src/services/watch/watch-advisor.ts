/**
 * Watch advisor: what the watchdog tells a gateway of an image: a flag for routes to go by, never a part of the verdict.
 *
 * The first frame of an image is looked at. What cannot be looked at, for want of pixels or of a decoder, is flagged as not judged.
 */
import { examinePicture } from '@fiducial/core/domain/watch/examine.ts'
import type { WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import type { Advisor } from '../gateway/examine-instance.ts'
import { openPixels, type PixelMeans } from '../open-pixels.ts'
import { readSubject } from './subject.ts'

/** What an image is flagged with, by what the watchdog came to; nothing for what is usual, which proves nothing. */
const FLAGS = {
  unusual: ['watchdog_unusual'],
  usual: [],
  abstained: ['watchdog_abstained'],
  refused: ['watchdog_abstained'],
} as const

export const createWatchAdvisor = (model: WatchModel, means: PixelMeans): Advisor => ({
  name: 'watchdog',
  look: async (file) => FLAGS[await outcomeOf(file, model, means)],
})

async function outcomeOf(file: DicomFile, model: WatchModel, means: PixelMeans): Promise<keyof typeof FLAGS> {
  try {
    return examinePicture({ ...readSubject(await openPixels(file, means), file), model }).report.outcome
  } catch (error) {
    // Others say of the file what is wrong with it; a report or a plan has nothing to look at.
    if (error instanceof FormatError) return 'abstained'
    throw error
  }
}
