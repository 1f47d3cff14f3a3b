/**
 * Object path: which paths a store of immutable objects takes.
 *
 * Those of C2SP tlog-tiles ("Merkle Tree", "Log entries") are of this shape, and so is whatever else a log keeps beside
 * its tiles: at least two names of letters, digits, dots, hyphens and underscores, with single slashes between them.
 * No name starts with a dot, so that none leads upwards, and temporary files of an adapter can have names of their own.
 */

const NAME = '[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}'
const PATH = new RegExp(`^${NAME}(?:/${NAME})+$`)
const PATH_LIMIT = 1_000
/** A tile or bundle of 1 to 255 entries. */
const PARTIAL = /\.p\/(?:[1-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])$/

/** @throws {RangeError} for every path that is not of this shape */
export function checkObjectPath(path: string): void {
  if (path.length > PATH_LIMIT || !PATH.test(path) || path.includes('\n')) {
    throw new RangeError('this is no path of an object of a log')
  }
}

/** @throws {RangeError} for every path that is not one of a partial tile or entry bundle */
export function checkPartialPath(path: string): void {
  checkObjectPath(path)
  if (!PARTIAL.test(path)) throw new RangeError('only partial tiles and entry bundles can be removed')
}
