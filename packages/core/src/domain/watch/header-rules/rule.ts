/**
 * Header rule: one way in which what a header says can be compared with what its pixels are.
 *
 * `odd` means that both do not usually go together in images that a device made. It is no proof: archives rescale, recompress and rewrite. `consistent` proves nothing either, as headers are
 * easily written. Sources of each rule: docs/reference/header-rules.md.
 */
import type { DataSet } from '../../../formats/dicom/parse.ts'

export type RuleId = 'bit-depth' | 'lossy-flag' | 'spacing' | 'exposure-noise' | 'uid-root' | 'photometric' | 'matrix'

export type RuleOutcome = 'consistent' | 'odd' | 'unknown'

/** One frame as it is stored, and what is needed to judge its values. */
export interface PixelFacts {
  readonly width: number
  readonly height: number
  /** width × height values of the first plane, row by row, 0 to 2^bits − 1: signed values are moved up by half the range. */
  readonly samples: Uint16Array
  readonly bits: number
  /** 1 for grey, 3 for colour. */
  readonly planes: number
  /** White is the lowest value. */
  readonly isInverted: boolean
  /** The transfer syntax itself is one that loses. */
  readonly isLossySyntax: boolean
}

export interface RuleFinding {
  readonly rule: RuleId
  readonly outcome: RuleOutcome
  /** In plain words, hedged; holds no value of the header but numbers and words of the standard. */
  readonly sentence: string
  readonly facts: Readonly<Record<string, number>>
}

export type HeaderRule = (dataSet: DataSet, pixels: PixelFacts) => RuleFinding

export const unknown = (rule: RuleId, sentence: string): RuleFinding => ({
  rule,
  outcome: 'unknown',
  sentence,
  facts: {},
})
