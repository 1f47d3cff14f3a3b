/**
 * Documents: keeps what they say true where a program can tell.
 *
 * Links lead to files and headings that exist; so do paths of this repository in `inline code`, and documents that
 * sources point to; docs/README.md leads to every document. Every error code, and every subject and reason of a check,
 * is used somewhere and has its row in the reference, and every row its name. Every dependency has its row, with its
 * version, in docs/decisions/dependencies.md. Commands in `sh` blocks are commands of the command line, with options that
 * it knows.
 *
 * A block marked `sh run` is run, all such blocks of a document in turn in one empty folder, with `./fiducial` in it and
 * its state below it. The last command of a block marked `exit=1` ends with that code. For a document with a block
 * marked `demo`, the demo has left its images there before. One marked `needs=NAME` is left out where that program is
 * missing, but with CI=true.
 *
 *   node tools/check-docs.ts
 *
 * Exit code 1 if anything is shown.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix, relative, sep } from 'node:path'
import { type CodeBlock, type Document, readDocument } from './markdown.ts'
import { isTestFile, lineAt, listFiles, readTree, type SourceTree } from './source.ts'

const NAME_LISTS: readonly NameList[] = [
  { sources: ['packages/core/src/errors.ts'], types: /Code$/, page: 'docs/reference/errors.md' },
  {
    sources: ['check', 'policy', 'judge'].map((name) => `packages/core/src/domain/verdict/${name}.ts`),
    types: /^(?:Subject|FailureReason|GapReason|Verdict|Content)$/,
    page: 'docs/reference/verdicts.md',
  },
]
const DEPENDENCIES_PAGE = 'docs/decisions/dependencies.md'
const MANIFESTS = ['package.json', 'packages/core/package.json', 'packages/node/package.json']
const RUN_TIMEOUT_MS = 120_000

/** Beginnings that mark inline code as a path below the root. */
const OUR_PATH = /^(?:packages|docs|tools|bench|vectors|\.ci)\/[\w./@*-]*$/

/** Dead links, dead headings and dead paths. */
export function checkLinks(documents: readonly Document[], exists: (path: string) => boolean): string[] {
  const byPath = new Map(documents.map((document) => [document.path, document]))
  return documents.flatMap((document) => [
    ...document.links.flatMap(({ text, line }) => {
      if (/^[a-z][a-z+.-]*:/i.test(text)) return []
      const [file = '', anchor] = text.split('#')
      const target = file === '' ? document.path : posix.normalize(posix.join(dirname(document.path), file))
      if (!exists(target)) return [`${document.path}:${line}  links to ${text}, which does not exist`]
      const isDead = anchor !== undefined && byPath.get(target)?.anchors.has(anchor) === false
      return isDead ? [`${document.path}:${line}  links to ${text}: no such heading`] : []
    }),
    ...document.inlineCode
      .filter(({ text }) => OUR_PATH.test(text) && !text.includes('*') && !exists(text))
      .map(({ text, line }) => `${document.path}:${line}  names ${text}, which does not exist`),
  ])
}

/** Documents of docs/ that no index leads to. */
export function checkIndex(documents: readonly Document[]): string[] {
  const indexes = documents.filter(({ path }) => path.startsWith('docs/') && path.endsWith('README.md'))
  const linked = new Set(
    indexes.flatMap(({ path, links }) => links.map(({ text }) => posix.normalize(posix.join(dirname(path), text)))),
  )
  return documents
    .filter(({ path }) => path.startsWith('docs/') && !indexes.some((index) => index.path === path))
    .filter(({ path }) => !linked.has(path))
    .map(({ path }) => `${path}:1  is in no index: link to it from docs/README.md`)
}

/** Documents that comments of the sources point to and that do not exist. */
export function checkPointers(tree: SourceTree, exists: (path: string) => boolean): string[] {
  return [...tree.values()].flatMap(({ path, text }) =>
    [...text.matchAll(/\bdocs\/[\w./-]+\.md\b/g)]
      .filter(([document]) => !isTestFile(path) && !exists(document))
      .map((match) => `${path}:${lineAt(text, match.index)}  points to ${match[0]}, which does not exist`),
  )
}

/** Names in the sources that a page explains, a row each. */
export interface NameList {
  /** Paths of the sources, which spell the names as unions of string literals. */
  readonly sources: readonly string[]
  /** Names of the union types. */
  readonly types: RegExp
  readonly page: string
  /** Names that nothing uses yet. */
  readonly reserved?: readonly string[]
}

/** Names that their page lacks, and the reverse; names that the code uses nowhere but in the list itself. */
export function checkNames(list: NameList, tree: SourceTree, page: Document): string[] {
  const { sources, types, page: path, reserved = [] } = list
  const texts = [...tree.values()].flatMap(({ path, text }) => (isTestFile(path) ? [] : [{ path, text }]))
  const union = /^export type (\w+) =([\s\S]*?\n)\n/gm
  const unions = texts
    .filter((file) => sources.includes(file.path))
    .flatMap(({ text }) => [...text.matchAll(union)].flatMap(([whole, name = '']) => (types.test(name) ? [whole] : [])))
  const names = new Set(unions.flatMap((whole) => whole.match(/(?<=[=|] ')[a-z0-9_]+(?=')/g) ?? []))
  const rows = new Set(page.rows.flatMap(([first = '']) => first.match(/^`([a-z0-9_]+)`$/)?.[1] ?? []))
  if (names.size === 0) return [`${sources[0]}:1  holds no name that could be read`]
  const elsewhere = unions.reduce((text, whole) => text.replace(whole, ''), texts.map(({ text }) => text).join('\n'))
  return [
    ...[...names].filter((name) => !rows.has(name)).map((name) => `${path}:1  lacks ${name}`),
    ...[...rows].filter((name) => !names.has(name)).map((name) => `${path}:1  has ${name}, which the code has not`),
    ...[...names]
      .filter((name) => !reserved.includes(name) && !elsewhere.includes(`'${name}'`))
      .map((name) => `${sources[0]}:1  has ${name}, which nothing uses`),
  ]
}

/** The dependency lists of a package.json: exact versions by name. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** Dependencies without a row of name and version, and rows without a dependency. Our own packages need none. */
export function checkDependencies(manifests: readonly Manifest[], page: Document): string[] {
  const lists = manifests.map((m) => ({ ...m.dependencies, ...m.optionalDependencies, ...m.devDependencies }))
  const wanted = new Set(lists.flatMap((list) => Object.entries(list).map(([name, version]) => `${name} ${version}`)))
  const rows = new Set(
    page.rows.flatMap(([name, version]) => (name?.startsWith('`') ? [`${name.slice(1, -1)} ${version}`] : [])),
  )
  return [
    ...[...wanted]
      .filter((entry) => !entry.startsWith('@fiducial/') && !rows.has(entry))
      .map((entry) => `${page.path}:1  lacks ${entry}`),
    ...[...rows]
      .filter((entry) => !wanted.has(entry))
      .map((entry) => `${page.path}:1  has ${entry}, which is not used`),
  ]
}

/** One call of the command line in a document. */
export interface Call {
  /** Words before the first option, such as `keys enrol device X`. */
  readonly words: readonly string[]
  /** Long options, without values. */
  readonly options: readonly string[]
  readonly line: number
}

/** Finds the calls of `fiducial` in the lines of a block. */
export function findCalls(block: CodeBlock): Call[] {
  const lines = block.text.replace(/\\\n/g, '  ').split('\n')
  return lines.flatMap((text, index) => {
    const command = text
      .replace(/(?:^|\s)#.*$/, '')
      .match(/^\s*(?:\$ )?(?:[A-Z_]+=\S*\s+)*(?:npx )?(?:\.\/)?fiducial\s+([^|;&>]*)/)?.[1]
    if (command === undefined) return []
    const tokens = command.match(/"[^"]*"|'[^']*'|\S+/g) ?? []
    const firstOption = tokens.findIndex((token) => token.startsWith('-') && token !== '-')
    return [
      {
        words: tokens.slice(0, firstOption < 0 ? tokens.length : firstOption),
        options: tokens.flatMap((token) => token.match(/^--[a-z0-9-]+/)?.[0] ?? []),
        line: block.line + index,
      },
    ]
  })
}

/** First words that other commands follow. */
const GROUPS: readonly string[] = ['keys', 'log', 'token', 'gateway', 'route', 'mark', 'forge', 'watch']

/** Asks the command line for its help on each call, and looks for the options there. */
async function checkCalls(root: string, documents: readonly Document[]): Promise<string[]> {
  const helps = new Map<string, Promise<Ran>>()
  const help = (words: readonly string[]): Promise<Ran> => {
    const key = words.join(' ')
    const known = helps.get(key) ?? runCommand(join(root, 'fiducial'), [...words, '--help'], root)
    helps.set(key, known)
    return known
  }
  const findings: string[] = []
  for (const document of documents) {
    for (const block of document.blocks.filter(({ language }) => language === 'sh')) {
      for (const { words, options, line } of findCalls(block)) {
        const names = words.slice(
          0,
          words[0] === 'keys' && words[1] === 'enrol' ? 3 : GROUPS.includes(words[0] ?? '') ? 2 : 1,
        )
        const { code, output } = await help(names)
        const at = `${document.path}:${line}  fiducial ${names.join(' ')}`
        if (code !== 0) findings.push(`${at} is no command`)
        else for (const option of options) if (!output.includes(option)) findings.push(`${at} has no option ${option}`)
      }
    }
  }
  return findings
}

const runnableBlocks = ({ blocks }: Document): readonly CodeBlock[] =>
  blocks.filter(({ language, marks }) => language === 'sh' && marks.includes('run'))

const needsDemo = (document: Document): boolean => runnableBlocks(document).some(({ marks }) => marks.includes('demo'))

/** Runs the blocks of all documents; the demo only once. */
async function runDocuments(root: string, documents: readonly Document[]): Promise<string[]> {
  const demo = mkdtempSync(join(tmpdir(), 'fiducial-docs-demo-'))
  try {
    if (documents.some(needsDemo)) {
      const { code, output } = await runCommand(join(root, 'fiducial'), ['demo'], demo)
      if (code !== 0) return [`fiducial demo ends with exit code ${code}:\n${output.trimEnd()}`]
    }
    const findings: string[] = []
    for (const document of documents) findings.push(...(await runBlocks(root, document, demo)))
    return findings
  } finally {
    rmSync(demo, { recursive: true, force: true })
  }
}

/** Runs the marked blocks of one document, in turn, in one empty folder. */
async function runBlocks(root: string, document: Document, demo: string): Promise<string[]> {
  const blocks = runnableBlocks(document)
  if (blocks.length === 0) return []
  const folder = mkdtempSync(join(tmpdir(), 'fiducial-docs-'))
  try {
    symlinkSync(join(root, 'fiducial'), join(folder, 'fiducial'))
    if (needsDemo(document)) cpSync(join(demo, 'demo'), join(folder, 'demo'), { recursive: true })
    for (const { marks, text, line } of blocks) {
      if (await lacksProgram(marks)) continue
      const expected = Number(marks.find((mark) => mark.startsWith('exit='))?.slice(5) ?? 0)
      const { code, output } = await runCommand('sh', ['-euc', text], folder)
      if (code === expected) continue
      return [`${document.path}:${line}  ends with exit code ${code}, not ${expected}:\n${output.trimEnd()}`]
    }
    return []
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Whether a program that a block needs is missing, and may be. */
async function lacksProgram(marks: readonly string[]): Promise<boolean> {
  const program = marks.find((mark) => mark.startsWith('needs='))?.slice('needs='.length)
  if (program === undefined || process.env.CI === 'true') return false
  const isMissing = (await runCommand('sh', ['-c', `command -v ${program}`], tmpdir())).code !== 0
  if (isMissing) process.stdout.write(`blocks that need ${program} were left out: run tools/install-peers\n`)
  return isMissing
}

interface Ran {
  readonly code: number
  readonly output: string
}

function runCommand(command: string, args: readonly string[], cwd: string): Promise<Ran> {
  const env = { ...process.env, FIDUCIAL_HOME: join(cwd, '.fiducial') }
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_TIMEOUT_MS })
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', (cause) => resolve({ code: -1, output: String(cause) }))
    child.on('close', (code) => resolve({ code: code ?? -1, output: Buffer.concat(chunks).toString('utf8') }))
  })
}

function readDocuments(root: string): Document[] {
  return listFiles(root, '.md').map((path) =>
    readDocument(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8')),
  )
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const documents = readDocuments(root)
  const page = (path: string): Document =>
    documents.find((document) => document.path === path) ?? readDocument(path, '')
  const manifests = MANIFESTS.map((path): Manifest => JSON.parse(readFileSync(join(root, path), 'utf8')))
  const tree = readTree(root, ['packages'])
  const exists = (path: string): boolean => existsSync(join(root, path))
  const findings = [
    ...checkLinks(documents, exists),
    ...checkPointers(tree, exists),
    ...checkIndex(documents),
    ...NAME_LISTS.flatMap((list) => checkNames(list, tree, page(list.page))),
    ...checkDependencies(manifests, page(DEPENDENCIES_PAGE)),
    ...(await checkCalls(root, documents)),
  ]
  findings.push(...(await runDocuments(root, documents)))
  for (const finding of findings) process.stdout.write(`${finding}\n`)
  const ran = documents.flatMap(runnableBlocks).length
  process.stdout.write(`${documents.length} documents, ${ran} blocks run, ${findings.length} findings\n`)
  process.exitCode = findings.length === 0 ? 0 : 1
}
