/** Option values: how words of a command line are read that are not just text. */
import { InvalidArgumentError } from 'commander'

/** A whole number of up to 15 digits. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Not a whole number.')
  return Number(text)
}

/** The same, and not 0. */
export function positiveNumber(text: string): number {
  const number = wholeNumber(text)
  if (number === 0) throw new InvalidArgumentError('Not more than 0.')
  return number
}

/** The values of an option that may be repeated. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]
