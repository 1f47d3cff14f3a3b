/**
 * Source: reads the import graph of this repository's TypeScript, for the checks beside this file.
 *
 * Works on text, with strings and comments told apart from code, and needs no compiler. It knows the forms that the
 * repository uses: import and export statements, `import()`, and `new URL('./x.ts', import.meta.url)` for workers.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'

/** One mention of another module. */
export interface Import {
  /** As written, such as `../errors.ts`, `node:fs` or `@fiducial/core/errors.ts`. */
  readonly specifier: string
  /** True where only types are imported, so that nothing is loaded when the program runs. */
  readonly isTypeOnly: boolean
  /** Line number, from 1. */
  readonly line: number
  /** Path of the module below the root, with forward slashes; undefined for built-in modules and packages. */
  readonly target: string | undefined
}

/** One file of the repository. */
export interface SourceFile {
  /** Path below the root, with forward slashes. */
  readonly path: string
  readonly text: string
  /** The text, same length and lines, with comments and the contents of strings and regular expressions blank. */
  readonly code: string
  readonly imports: readonly Import[]
}

/** Files by path. */
export type SourceTree = ReadonlyMap<string, SourceFile>

/** Where `@fiducial/core/x.ts` lies. */
const CORE = { prefix: '@fiducial/core/', folder: 'packages/core/src/' }

/** After these words a slash starts a regular expression. */
const WORDS_BEFORE_REGEX = /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|else|do|yield|await)$/

/** Reads every `.ts` file below some folders of the root; folders that do not exist are passed over. */
export function readTree(root: string, folders: readonly string[]): SourceTree {
  const paths = folders.flatMap((folder) => listFiles(join(root, folder), '.ts'))
  const files = paths.map((path) => {
    const below = relative(root, path).split(sep).join('/')
    return [below, readSource(below, readFileSync(path, 'utf8'))] as const
  })
  return new Map(files)
}

/** Reads one file's text. */
export function readSource(path: string, text: string): SourceFile {
  const code = maskSource(text)
  return { path, text, code, imports: findImports(path, text, code) }
}

/** Lists the files below a folder whose names end in `ending`, without `node_modules` and `dist`, sorted. */
export function listFiles(folder: string, ending: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules' && entry.name !== 'dist' && !entry.name.startsWith('.'))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return listFiles(path, ending)
      return entry.name.endsWith(ending) ? [path] : []
    })
    .sort()
}

/** Whether a file belongs to the tests and is never part of the program. */
export function isTestFile(path: string): boolean {
  return /\.test\.ts$|\/(?:testing|interop|fixtures)\//.test(path)
}

/** Number of the line that holds a position, from 1. */
export function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length
}

/** Blanks comments and the contents of strings, templates and regular expressions; keeps quotes, length and lines. */
export function maskSource(text: string): string {
  const out = text.split('')
  const blank = (from: number, to: number): void => {
    for (let i = from; i < to; i++) if (out[i] !== '\n') out[i] = ' '
  }
  /** For each open template, the depth of braces inside its `${`. */
  const templates: number[] = []
  let depth = 0
  let i = 0
  while (i < text.length) {
    const char = text.charAt(i)
    const next = text.charAt(i + 1)
    if (char === '/' && next === '/') {
      const end = endOf(text, '\n', i)
      blank(i, end)
      i = end
    } else if (char === '/' && next === '*') {
      const end = Math.min(endOf(text, '*/', i + 2) + 2, text.length)
      blank(i, end)
      i = end
    } else if (char === "'" || char === '"') {
      const end = endOfString(text, i + 1, char)
      blank(i + 1, end)
      i = end + 1
    } else if (char === '`' || (char === '}' && templates.length > 0 && templates.at(-1) === depth)) {
      if (char === '}') templates.pop()
      const end = endOfTemplate(text, i + 1)
      blank(i + 1, end)
      if (text.charAt(end) === '$') {
        templates.push(depth)
        i = end + 2
      } else {
        i = end + 1
      }
    } else if (char === '/' && startsRegex(out, i)) {
      const end = endOfRegex(text, i + 1)
      if (end !== undefined) blank(i + 1, end)
      i = (end ?? i) + 1
    } else {
      if (char === '{') depth++
      if (char === '}') depth--
      i++
    }
  }
  return out.join('')
}

/** Position of the next `mark`, or of the end of the text. */
function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  return at < 0 ? text.length : at
}

function endOfString(text: string, from: number, quote: string): number {
  let i = from
  while (i < text.length && text.charAt(i) !== quote && text.charAt(i) !== '\n') i += text.charAt(i) === '\\' ? 2 : 1
  return Math.min(i, text.length)
}

/** Position of the backquote or of the `${` that ends this part of a template. */
function endOfTemplate(text: string, from: number): number {
  let i = from
  while (i < text.length && text.charAt(i) !== '`' && !text.startsWith('${', i)) i += text.charAt(i) === '\\' ? 2 : 1
  return Math.min(i, text.length)
}

/** Position of the slash that ends a regular expression, or undefined where the line ends first: a division. */
function endOfRegex(text: string, from: number): number | undefined {
  let inClass = false
  for (let i = from; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '\n') return undefined
    if (char === '\\') i++
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) return i
  }
  return undefined
}

function startsRegex(masked: readonly string[], position: number): boolean {
  const before = masked
    .slice(Math.max(0, position - 200), position)
    .join('')
    .trimEnd()
  if (before === '') return true
  return /[(,=:[!&|?{};+\-*%<>~^]$/.test(before) || WORDS_BEFORE_REGEX.test(before)
}

const STATEMENT = /(?<![\w$.])(import|export)(\s+type\b(?!\s+from\b))?\s*([\w\s{},*$]*?\bfrom\s*)?(['"])/g
const CALL = /(?<![\w$.])import\s*\(\s*(['"])/g
const WORKER = /\bnew\s+URL\(\s*(['"])(?=[^'"]*\1\s*,\s*import\.meta\.url)/g

function findImports(path: string, text: string, code: string): Import[] {
  const found: Import[] = []
  const add = (quote: number, isTypeOnly: boolean): void => {
    const specifier = text.slice(quote + 1, endOfString(text, quote + 1, text.charAt(quote)))
    found.push({ specifier, isTypeOnly, line: lineAt(text, quote), target: resolveImport(path, specifier) })
  }
  for (const match of code.matchAll(STATEMENT)) {
    const [whole, word, typeWord, clause] = match
    if (word === 'export' && clause === undefined) continue
    const names = clause?.match(/\{([\s\S]*)\}/)?.[1]?.split(',')
    const onlyTypes = names !== undefined && /^\s*\{/.test(clause ?? '') && names.every(isTypeName)
    add(match.index + whole.length - 1, typeWord !== undefined || onlyTypes)
  }
  for (const match of code.matchAll(CALL)) {
    add(match.index + match[0].length - 1, isTypeQuery(code.slice(match.index)))
  }
  for (const match of code.matchAll(WORKER)) {
    const quote = match.index + match[0].length - 1
    const specifier = text.slice(quote + 1, endOfString(text, quote + 1, text.charAt(quote)))
    if (specifier.endsWith('.ts')) add(quote, false)
  }
  return found.sort((a, b) => a.line - b.line)
}

function isTypeName(name: string): boolean {
  return name.trim() === '' || /^\s*type\s+\w/.test(name)
}

/** Whether `import('x')` names a type, as in `import('x').Name`; a promise has no member in capitals. */
function isTypeQuery(code: string): boolean {
  return /^import\s*\([^)]*\)\s*\.\s*[A-Z]/.test(code)
}

function resolveImport(path: string, specifier: string): string | undefined {
  if (specifier.startsWith(CORE.prefix)) return CORE.folder + specifier.slice(CORE.prefix.length)
  if (specifier.startsWith('.')) return posix.normalize(posix.join(dirname(path).split(sep).join('/'), specifier))
  return undefined
}
