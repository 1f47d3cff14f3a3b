/**
 * Header rules: all comparisons of what a header says with what its pixels are.
 *
 * Advisory, as the watchdog is; kept apart from the verdict. Source and limits of each rule: docs/reference/header-rules.md. Cost: some passes over one frame.
 */
import type { DataSet } from '../../formats/dicom/parse.ts'
import { checkBitDepth } from './header-rules/bit-depth.ts'
import { checkExposureNoise } from './header-rules/exposure-noise.ts'
import { checkLossyFlag } from './header-rules/lossy-flag.ts'
import { checkMatrix } from './header-rules/matrix.ts'
import { checkPhotometric } from './header-rules/photometric.ts'
import type { HeaderRule, PixelFacts, RuleFinding } from './header-rules/rule.ts'
import { checkSpacing } from './header-rules/spacing.ts'
import { checkUidRoot } from './header-rules/uid-root.ts'

export type { PixelFacts, RuleFinding } from './header-rules/rule.ts'

const RULES: readonly HeaderRule[] = [
  checkBitDepth,
  checkLossyFlag,
  checkSpacing,
  checkExposureNoise,
  checkUidRoot,
  checkPhotometric,
  checkMatrix,
]

/**
 * One finding of each rule, always in the same order.
 * @throws {RangeError} if samples do not fill the grid: a mistake of the caller
 */
export function checkConsistency(dataSet: DataSet, pixels: PixelFacts): readonly RuleFinding[] {
  if (pixels.samples.length !== pixels.width * pixels.height) throw new RangeError('samples do not fill the grid')
  return RULES.map((rule) => rule(dataSet, pixels))
}
