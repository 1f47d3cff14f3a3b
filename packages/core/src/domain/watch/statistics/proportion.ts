/**
 * Proportion: how sure a share is that was counted.
 *
 * Source: Wilson 1927; Clopper and Pearson 1934; "rule of three" for none of n (Hanley and Lippman-Hand 1983), here
 * without its approximation. All intervals hold for independent trials: count patients, not images of one patient.
 */
import { normalQuantile } from './normal.ts'

/** A figure with the interval it lies in, from `low` to `high`. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * Wilson's interval of a share.
 * @param hits   0 to `count`
 * @param count  trials; of none the interval is everything
 */
export function wilsonInterval(hits: number, count: number, level = 0.95): Interval {
  if (count === 0) return { low: 0, high: 1 }
  const z = normalQuantile((1 + level) / 2)
  const share = hits / count
  const middle = share + (z * z) / (2 * count)
  const spread = z * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count))
  const whole = 1 + (z * z) / count
  return {
    low: hits === 0 ? 0 : Math.max(0, (middle - spread) / whole),
    high: hits === count ? 1 : Math.min(1, (middle + spread) / whole),
  }
}

/** The exact interval of Clopper and Pearson, never too narrow; for few trials. Cost: `hits` steps, 100 times. */
export function clopperPearsonInterval(hits: number, count: number, level = 0.95): Interval {
  const tail = (1 - level) / 2
  // The chance of `hits` or fewer falls as the share rises.
  const low = hits === 0 ? 0 : shareWhere((share) => 1 - atMost(hits - 1, count, share) < tail)
  const high = hits === count ? 1 : shareWhere((share) => atMost(hits, count, share) > tail)
  return { low, high }
}

/** The largest share for which a condition holds that holds below it. */
function shareWhere(holds: (share: number) => boolean): number {
  let [low, high] = [0, 1]
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2
    if (holds(middle)) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** The chance of at most so many hits, each with a chance of `share`. */
function atMost(hits: number, count: number, share: number): number {
  const odds = Math.log(share) - Math.log1p(-share)
  let term = count * Math.log1p(-share)
  let sum = Math.exp(term)
  for (let i = 0; i < hits; i++) {
    term += Math.log((count - i) / (i + 1)) + odds
    sum += Math.exp(term)
  }
  return Math.min(sum, 1)
}

/**
 * How many images without a single alarm show that the rate of false alarms is below a rate: 299 for 1 % at 95 %.
 * @param rate  above 0 and below 1
 */
export const imagesToShow = (rate: number, level = 0.95): number => Math.ceil(Math.log(1 - level) / Math.log1p(-rate))

/** The largest rate of false alarms that so many images without an alarm leave possible. */
export const rateLeftOpen = (count: number, level = 0.95): number =>
  count === 0 ? 1 : 1 - Math.exp(Math.log(1 - level) / count)

/** What an alarm is worth where forgeries are as frequent as said. */
export interface AlarmValue {
  /** Share of alarms that are forgeries: the positive predictive value. */
  readonly trueShare: number
  /** False alarms for each true one; infinite where there is no true one. */
  readonly falsePerTrue: number
}

/**
 * Bayes' rule for alarms.
 * @param sensitivity  share of forgeries with an alarm
 * @param falseAlarms  share of true images with an alarm
 * @param prevalence   share of forgeries among all images
 */
export function alarmValue(sensitivity: number, falseAlarms: number, prevalence: number): AlarmValue {
  const right = sensitivity * prevalence
  const wrong = falseAlarms * (1 - prevalence)
  return { trueShare: right + wrong === 0 ? 0 : right / (right + wrong), falsePerTrue: wrong / right }
}
