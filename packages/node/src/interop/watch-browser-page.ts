/** What the test of the watchdog in a browser runs, here and there. */
import { examinePicture } from '@fiducial/core/domain/watch/examine.ts'
import { measureView } from '@fiducial/core/domain/watch/measure-view.ts'
import { parseWatchModel } from '@fiducial/core/domain/watch/model/model-file.ts'
import { CHEST_MODEL } from '@fiducial/core/domain/watch/shipped/chest-model.ts'

/** Engines round logarithms and cosines differently in the last bit. */
const DIGITS = 11

/** 8 bits, grey. */
export interface RawPicture {
  readonly width: number
  readonly height: number
  /** In base64. */
  readonly bytes: string
}

/** The report as JSON, and every number. */
export function reportOfPicture({ width, height, bytes }: RawPicture): string {
  const samples = Float32Array.from(atob(bytes), (character) => character.charCodeAt(0))
  const view = { width, height, samples, white: 255, window: null }
  const measured = measureView(view, 'chest')
  if (typeof measured === 'string') return JSON.stringify({ refused: measured })
  const model = parseWatchModel(new TextEncoder().encode(CHEST_MODEL))
  // The limits of the shipped stratum are those of pictures of half the side.
  const facts = { rows: 512, columns: 512, bits: 8 }
  const { report } = examinePicture({ view, facts, model, kind: 'chest', stratum: model.strata[0]?.id ?? '' })
  const { outcome, score, sentence } = report
  return JSON.stringify({
    values: [...measured.values].map((value) => value.toPrecision(DIGITS)),
    outcome,
    score,
    sentence,
  })
}
