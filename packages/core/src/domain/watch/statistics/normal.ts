/**
 * Normal: quantiles of the standard normal distribution.
 *
 * Source: P. J. Acklam's rational approximation, relative error below 1.15e-9.
 */

const CENTRE_ABOVE = [
  -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
  2.506628277459239,
]
const CENTRE_BELOW = [
  -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1,
]
const TAIL_ABOVE = [
  -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
]
const TAIL_BELOW = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1]
const TAIL = 0.02425

const polynomial = (factors: readonly number[], x: number): number =>
  factors.reduce((sum, factor) => sum * x + factor, 0)

/**
 * The value that a standard normal deviate stays below with a given chance.
 * @param share  above 0 and below 1
 * @throws {RangeError} for any other share
 */
export function normalQuantile(share: number): number {
  if (!(share > 0 && share < 1)) throw new RangeError('a share outside 0 to 1')
  if (share > 0.5) return -normalQuantile(1 - share)
  if (share < TAIL) {
    const x = Math.sqrt(-2 * Math.log(share))
    return polynomial(TAIL_ABOVE, x) / polynomial(TAIL_BELOW, x)
  }
  const x = share - 0.5
  return (x * polynomial(CENTRE_ABOVE, x * x)) / polynomial(CENTRE_BELOW, x * x)
}
