/**
 * Watch advisor: what the watchdog tells a gateway of an image: a flag for routes to go by, never a part of the verdict.
 *
 * The first frame of an image is looked at. What cannot be looked at, for want of pixels or of a decoder, is flagged as not judged.
 */
import type { WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import type { Advisor } from '../gateway/examine-instance.ts'
import type { PixelMeans } from '../open-pixels.ts'
import { askWatchdog } from './watch-answer.ts'

/** What an image is flagged with, by what the watchdog came to; nothing for what is usual, which proves nothing. */
const FLAGS = {
  unusual: ['watchdog_unusual'],
  usual: [],
  abstained: ['watchdog_abstained'],
  refused: ['watchdog_abstained'],
} as const

export const createWatchAdvisor = (model: WatchModel, means: PixelMeans): Advisor => ({
  name: 'watchdog',
  look: async (file) => FLAGS[(await askWatchdog(file, model, means)).outcome],
})
