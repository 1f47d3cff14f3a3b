/**
 * Plain text: what a sender said, as PostgreSQL can hold it. Its text has neither the character NUL nor halves of characters;
 * each becomes U+FFFD, also when it is looked for, so that it is found again.
 */
import type { Parameter } from '../../log/postgres/database.ts'

export const plainText = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed()

export const plainParameter = (value: Parameter): Parameter => (typeof value === 'string' ? plainText(value) : value)

/** JSON of values with such texts in them. */
export const plainJson = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) => (typeof each === 'string' ? plainText(each) : each))
