/**
 * Reach: from the entries of verification, no path of imports leads to code that signs, makes keys or marks images.
 *
 * A verifier that cannot sign cannot be talked into signing. The check follows every import that loads code (type-only
 * imports load nothing), and looks at the files it reaches: at their names, at what they export and at what they call.
 *
 *   node tools/check-reach.ts [ROOT]
 *
 * Exit code 1 if such a path is found; it is shown from entry to end.
 */
import { join } from 'node:path'
import { isTestFile, lineAt, readTree, type SourceTree } from './source.ts'

/** Where verification begins. */
export const ENTRIES: readonly RegExp[] = [
  /^packages\/core\/src\/domain\/verdict\/[^/]+\.ts$/,
  /^packages\/node\/src\/services\/verify-instance\.ts$/,
  // Reads what marks are in the pixels, for the entry above.
  /^packages\/node\/src\/services\/mark\/site-marks\.ts$/,
]

/** Files that the entries must not reach, by path. */
export const FORBIDDEN_PATHS: readonly RegExp[] = [
  /\/domain\/(?:room|forge)\//,
  /\/packages\/node\/src\/(?:keys|storage|cli)\//,
  /\/(?:sign|signer|signing|issue|enrol|embed|forge|make)(?:-[^/]*)?\.ts$/,
  /\/mark-(?:frame|instance)\.ts$/,
]

/** What a file that the entries reach must not contain, in its code (not in comments or strings). */
export const FORBIDDEN_CODE: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  {
    pattern: /\bexport\s+(?:async\s+)?function\s+(?:sign|issue|enrol|generate|embed|forge)(?=[A-Z(<])\w*/g,
    what: 'exports a function that makes',
  },
  {
    pattern: /(?<![\w$])(?:createSign|generateKey(?:Pair)?(?:Sync)?|createPrivateKey)\b/g,
    what: 'handles private keys',
  },
  { pattern: /(?<![\w$])(?:randomSecretKey|keygen)\s*\(/g, what: 'makes a key' },
  { pattern: /(?<![\w$])(?:subtle|ed25519|p256|p384|ml_dsa\d+|rsa)\s*\.\s*sign\s*\(/gi, what: 'signs' },
]

/** Shows each forbidden end with the path that leads to it, and each entry that does not exist. */
export function checkReach(tree: SourceTree): string[] {
  const entries = [...tree.keys()].filter((path) => !isTestFile(path) && ENTRIES.some((entry) => entry.test(path)))
  const cameFrom = walk(tree, entries)
  return [...cameFrom.keys()].flatMap((path) => {
    const trail = trailTo(path, cameFrom).join(' -> ')
    const byName = FORBIDDEN_PATHS.some((pattern) => pattern.test(`/${path}`))
    if (byName) return [`${path}:1  is reached by verification: ${trail}`]
    const code = tree.get(path)?.code ?? ''
    return FORBIDDEN_CODE.flatMap(({ pattern, what }) =>
      [...code.matchAll(pattern)].map(
        (match) => `${path}:${lineAt(code, match.index)}  ${what} (${match[0]}), reached by verification: ${trail}`,
      ),
    )
  })
}

/** Files that the entries reach, each with the file that leads there on a shortest path. */
function walk(tree: SourceTree, entries: readonly string[]): Map<string, string | undefined> {
  const cameFrom = new Map<string, string | undefined>(entries.map((entry) => [entry, undefined]))
  for (const path of cameFrom.keys()) {
    for (const { target, isTypeOnly } of tree.get(path)?.imports ?? []) {
      if (target === undefined || isTypeOnly || cameFrom.has(target)) continue
      cameFrom.set(target, path)
    }
  }
  return cameFrom
}

function trailTo(path: string, cameFrom: ReadonlyMap<string, string | undefined>): string[] {
  const before = cameFrom.get(path)
  return before === undefined ? [path] : [...trailTo(before, cameFrom), path]
}

if (import.meta.main) {
  const tree = readTree(process.argv[2] ?? join(import.meta.dirname, '..'), ['packages'])
  const findings = checkReach(tree)
  for (const finding of findings) process.stdout.write(`${finding}\n`)
  const entries = [...tree.keys()].filter((path) => !isTestFile(path) && ENTRIES.some((entry) => entry.test(path)))
  const reached = walk(tree, entries).size
  process.stdout.write(`${entries.length} entries reach ${reached} files, ${findings.length} of them forbidden\n`)
  if (entries.length === 0)
    process.stdout.write('no entry of verification exists: the list of entries is out of date\n')
  process.exitCode = findings.length === 0 && entries.length > 0 ? 0 : 1
}
