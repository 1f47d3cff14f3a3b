/**
 * Rounding: numbers of a model in six significant digits.
 *
 * Models are rounded before they are calibrated, so that the model that was trained and the model that was read from a
 * file give the same scores, bit for bit.
 */

/** Six significant digits, as `toPrecision` rounds. */
export const rounded = (value: number): number => Number(value.toPrecision(6))

export const roundedAll = (values: ArrayLike<number>): readonly number[] => Array.from(values, rounded)
