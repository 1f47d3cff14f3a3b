/**
 * E-values: alarms over a running feed of images that keep their promise however long somebody watches.
 *
 * Source: p-to-e calibrators (Shafer et al. 2011; Vovk and Wang 2021), Ville's inequality (1939), conformal test martingales (Vovk, Nouretdinov
 * and Gammerman 2003). A wager on each p-value multiplies what is held; as long as p-values are those of true images, the chance that what is held
 * ever reaches 1 / α is at most α. That asks for p-values that are valid given those before: images of one calibration set share its luck, so with
 * small sets what is held drifts by chance as well. Use it with some hundreds of calibration images or more.
 */

/** Bets: κ p^(κ − 1) for each κ; small κ bets on few tiny p-values, κ near 1 on many that are a little small. */
const EXPONENTS = [0.1, 0.3, 0.5, 0.7, 0.9]
/** What wagers must not reach: a p of 0 would be infinite, and one of the calibrators is at its most 1 / κ at p = 1. */
const LEAST_P = 1e-12

/** The e-value of a p-value: a mean of bets; at most 1 on average for true images. */
export function eValueOf(p: number): number {
  checkP(p)
  return meanOf(EXPONENTS.map((exponent) => betOn(exponent, p)))
}

/** What is held after some images; plain data, so that a feed can go on after a restart. */
export interface FeedState {
  /** Natural logarithm of what each bet holds. */
  readonly logs: readonly number[]
  /** Images since the start or the last alarm. */
  readonly images: number
  readonly alarms: number
}

export interface FeedOptions {
  /** Chance of a false alarm over all images since the start, and after each alarm anew. */
  readonly alpha: number
  /** `forgeries`: p-values that are too small. `drift`: any that are not spread evenly, too large ones as well. */
  readonly against: 'forgeries' | 'drift'
}

export interface FeedStep {
  readonly state: FeedState
  /** What is held, in units of the start; an alarm at 1 / α. */
  readonly evidence: number
  readonly isAlarm: boolean
}

export const startFeed = ({ against }: Pick<FeedOptions, 'against'>): FeedState => ({
  logs: betsOf(against).map(() => 0),
  images: 0,
  alarms: 0,
})

/**
 * Takes the next p-value of a feed. Each bet keeps what it wins; the mean of all is held. After an alarm everything starts anew.
 * @param p  above 0, at most 1; ties broken at random if `drift` is to be exact
 * @throws {RangeError} for any other p, or a state of another kind
 */
export function watchFeed(state: FeedState, p: number, { alpha, against }: FeedOptions): FeedStep {
  checkP(p)
  const bets = betsOf(against)
  if (state.logs.length !== bets.length) throw new RangeError('a state of another kind')
  const logs = state.logs.map((log, i) => log + Math.log((bets[i] as Bet)(p)))
  const evidence = meanOf(logs.map((log) => Math.exp(Math.min(log, 700))))
  const isAlarm = evidence >= 1 / alpha
  const next = isAlarm
    ? { ...startFeed({ against }), alarms: state.alarms + 1 }
    : { logs, images: state.images + 1, alarms: state.alarms }
  return { state: next, evidence, isAlarm }
}

type Bet = (p: number) => number

const betOn: (exponent: number, p: number) => number = (exponent, p) =>
  exponent * Math.max(p, LEAST_P) ** (exponent - 1)

const SMALL: readonly Bet[] = EXPONENTS.map((exponent) => (p) => betOn(exponent, p))
/** Each has a mean of 1 over p from 0 to 1: bets on small ones, on large ones, on both ends, and on the middle. */
const EITHER: readonly Bet[] = [
  (p) => 1 + 0.9 * (1 - 2 * p),
  (p) => 1 - 0.9 * (1 - 2 * p),
  (p) => 1 + (0.9 * (12 * (p - 0.5) ** 2 - 1)) / 2,
  (p) => 1 - (0.9 * (12 * (p - 0.5) ** 2 - 1)) / 2,
  (p) => betOn(0.5, p),
  (p) => betOn(0.5, 1 - p),
]

const betsOf = (against: FeedOptions['against']): readonly Bet[] => (against === 'forgeries' ? SMALL : EITHER)

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function checkP(p: number): void {
  if (!(p > 0 && p <= 1)) throw new RangeError('a p-value outside 0 to 1')
}
