/**
 * Spool key: the name under which a spool keeps a file, made here and by nobody else.
 *
 * 26 characters of Crockford's base 32, as a ULID: ten of the moment in milliseconds, sixteen of chance. Nothing that a
 * sender says is part of it, so none of it can lead a path elsewhere. Files of one time lie in one folder, named by the
 * first seven characters (33 seconds): their names are flushed together, and whole folders empty themselves.
 */
import { randomBytes } from 'node:crypto'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const TIME_CHARACTERS = 10
const RANDOM_CHARACTERS = 16
const FOLDER_CHARACTERS = 7
/** The first character holds three bits: 50 bits of time are two more than anybody needs. */
const KEY = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const FOLDER = /^[0-7][0-9A-HJKMNP-TV-Z]{6}$/

/** A key that nobody has yet. */
export function makeSpoolKey(now: Date): string {
  let time = now.getTime()
  const characters = new Array<string>(TIME_CHARACTERS)
  for (let at = TIME_CHARACTERS - 1; at >= 0; at--) {
    characters[at] = ALPHABET.charAt(time % 32)
    time = Math.floor(time / 32)
  }
  for (const byte of randomBytes(RANDOM_CHARACTERS)) characters.push(ALPHABET.charAt(byte % 32))
  return characters.join('')
}

export const isSpoolKey = (text: string): boolean => KEY.test(text)
export const isSpoolFolder = (name: string): boolean => FOLDER.test(name)

/** @throws {RangeError} for what is no key: it must not become part of a path */
export function checkSpoolKey(key: string): void {
  if (!KEY.test(key)) throw new RangeError('this is no key of a spool')
}

/** Name of the folder in which a key lies. @throws {RangeError} as {@link checkSpoolKey} */
export function folderOfKey(key: string): string {
  checkSpoolKey(key)
  return key.slice(0, FOLDER_CHARACTERS)
}
