/**
 * Agreement: what a diagnostic model found beside what the cues measured at the same place, in plain words.
 *
 * Neither corrects the other: a finding in a picture that looks made is still a finding, and a clean line may be a real one. Advisory, and kept apart from the
 * verdict on provenance.
 */
import type { CueId, CueMeasurement, CueShape } from '../cue.ts'
import type { NormalPlane, SourceBox } from '../normal-plane.ts'
import { type Finding, placeFinding } from './finding.ts'

/** What the judge of the cues says: which are outside of what true images of the stratum show. */
export interface CueJudgement {
  readonly outside: ReadonlySet<CueId>
  /** There is a norm for images like this one. */
  readonly isCalibrated: boolean
}

/**
 * `agree`: nothing about the place is unusual. `disagree`: a cue there is unusual. `picture`: cues elsewhere in the picture are. `unknown`: nothing to compare with,
 * or the place was not measured.
 */
export type AgreementOutcome = 'agree' | 'disagree' | 'picture' | 'unknown'

export interface FindingAgreement {
  /** Position in the list of findings. */
  readonly finding: number
  readonly outcome: AgreementOutcome
  /** Cues measured at this place. */
  readonly here: readonly CueId[]
  /** Those of them that are unusual. */
  readonly unusual: readonly CueId[]
  readonly sentence: string
}

export interface Agreement {
  readonly findings: readonly FindingAgreement[]
  readonly sentence: string
}

/** A line this smooth, and this one-sided, is called clean or one-sided in words; an unusual cue says so by its norm. */
const CLEAN_BEND = 0.35
const ONE_SIDED = 0.6

const WORDS: Readonly<Record<CueId, string>> = {
  'lung-symmetry': 'the symmetry of the lungs',
  'spine-straightness': 'the straightness of the spine',
  'bone-smoothness': 'the smoothness of bone',
  'fracture-cleanliness': 'the cleanliness of the line',
  'grain-uniformity': 'the uniformity of grain',
}

export interface CompareParts {
  readonly plane: NormalPlane
  readonly measurements: readonly CueMeasurement[]
  readonly judgement: CueJudgement
}

/** Findings of one frame with the cues of the same frame. */
export function compareWithCues(findings: readonly Finding[], parts: CompareParts): Agreement {
  const compared = findings.map((finding, index) => compareFinding(finding, index, parts))
  return { findings: compared, sentence: summarise(compared) }
}

function compareFinding(
  finding: Finding,
  index: number,
  { plane, measurements, judgement }: CompareParts,
): FindingAgreement {
  const place = placeFinding(finding, plane)
  const here = place === null ? [] : measurements.filter((measurement) => isAt(measurement, place)).map(({ id }) => id)
  const unusual = here.filter((id) => judgement.outside.has(id))
  const outcome = outcomeOf(here, unusual, judgement)
  const line = here.includes('fracture-cleanliness') ? describeLine(measurements) : ''
  return { finding: index, outcome, here, unusual, sentence: `${sentenceOf(outcome, unusual)}${line}` }
}

function outcomeOf(
  here: readonly CueId[],
  unusual: readonly CueId[],
  { isCalibrated, outside }: CueJudgement,
): AgreementOutcome {
  if (!isCalibrated) return 'unknown'
  if (unusual.length > 0) return 'disagree'
  if (outside.size > 0) return 'picture'
  return here.length === 0 ? 'unknown' : 'agree'
}

function sentenceOf(outcome: AgreementOutcome, unusual: readonly CueId[]): string {
  if (outcome === 'disagree') {
    const named = unusual.map((id) => WORDS[id]).join(' and ')
    return `The diagnostic model marks a finding here, and ${named} at this place is unusual for true images: look at the image’s origin before the finding is relied on.`
  }
  if (outcome === 'picture')
    return 'The diagnostic model marks a finding here; cues elsewhere in the picture are unusual for true images.'
  if (outcome === 'agree')
    return 'The diagnostic model marks a finding here, and no cue at this place is unusual. That does not show that the finding is true.'
  return 'The diagnostic model marks a finding here; nothing is known of the cues at this place, or of how true images of this kind measure.'
}

/** Words for the numbers of the line, whatever the norm says. */
function describeLine(measurements: readonly CueMeasurement[]): string {
  const values = measurements.find(({ id }) => id === 'fracture-cleanliness')?.values ?? null
  if (values === null) return ''
  const [roughness = 1, , , sidedness = 0] = values
  const words = [...(roughness < CLEAN_BEND ? ['smooth'] : []), ...(sidedness > ONE_SIDED ? ['one-sided'] : [])]
  return words.length === 0 ? ' The line is neither smooth nor one-sided.' : ` The line is ${words.join(' and ')}.`
}

function summarise(findings: readonly FindingAgreement[]): string {
  if (findings.length === 0) return 'The diagnostic model marks nothing.'
  const count = (wanted: AgreementOutcome): number => findings.filter(({ outcome }) => outcome === wanted).length
  return `Of ${findings.length} findings, ${count('agree')} lie where no cue is unusual, ${count('disagree')} where one is; in ${count('picture')} cases cues elsewhere are unusual, and ${count('unknown')} cannot be compared.`
}

/** Whether a cue was measured at a place: one of its shapes touches it. */
const isAt = ({ values, shapes }: CueMeasurement, place: SourceBox): boolean =>
  values !== null && shapes.some((shape) => touches(shape, place))

function touches(shape: CueShape, { left, top, right, bottom }: SourceBox): boolean {
  if (shape.kind === 'box') return shape.left < right && shape.right > left && shape.top < bottom && shape.bottom > top
  for (let i = 0; i < shape.points.length; i += 2) {
    const [x, y] = [shape.points[i] as number, shape.points[i + 1] as number]
    if (x >= left && x < right && y >= top && y < bottom) return true
  }
  return false
}
