/**
 * Glob: a pattern of a site, in which `*` stands for any characters, and `?` for one.
 *
 * Matching goes back to the newest `*` only, so its cost is at most pattern × text: no text makes it slow, as one could
 * with a regular expression.
 */

export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0
  let next = 0
  let star = -1
  let retry = 0
  while (at < text.length) {
    if (pattern[next] === '*') {
      star = next++
      retry = at
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === text[at])) {
      next++
      at++
    } else if (star >= 0) {
      next = star + 1
      at = ++retry
    } else return false
  }
  while (pattern[next] === '*') next++
  return next === pattern.length
}

export const matchesAny = (patterns: readonly string[], text: string): boolean =>
  patterns.some((pattern) => matchesGlob(pattern, text))
