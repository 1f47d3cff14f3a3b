/** Hashes that count the bytes they are shown: for tests of what a computation passes over. */
import type { Hash, HashFactory } from '../bytes/hash.ts'

export function countingHashes(hashes: HashFactory): { readonly hashes: HashFactory; readonly bytes: () => number } {
  let bytes = 0
  const wrap = (inner: Hash): Hash => ({
    update(piece) {
      bytes += piece.length
      inner.update(piece)
    },
    copy: () => wrap(inner.copy()),
    digest: () => inner.digest(),
  })
  return { hashes: (name) => wrap(hashes(name)), bytes: () => bytes }
}
