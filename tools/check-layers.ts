/**
 * Layers: keeps the imports of packages/ pointing down, and core free of its surroundings.
 *
 * The table below says, for every folder, what it may import; type-only imports count too. The program shows each
 * arrow that is not in the table, each circle of imports, each package that is imported without being a dependency or
 * the reverse, and each use of a clock, of randomness or of the network in core. Tests may import what they like,
 * except that core's tests know nothing of the other packages.
 *
 *   node tools/check-layers.ts [ROOT]
 *
 * Exit code 1 if anything is shown.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isTestFile, lineAt, readTree, type SourceFile, type SourceTree } from './source.ts'

/** A folder or file with a rule of its own. */
export interface Zone {
  readonly name: string
  /** What its paths start with; a folder ends in a slash. `*` stands for one name. */
  readonly path: string
  /** Zones it may import besides itself, by path or by the beginning of their paths. */
  readonly may: readonly string[]
  /** Built-in modules (`node:fs` and the like). */
  readonly mayUseNode?: boolean
  /** Packages from the registry that its package.json lists; false forbids all. Default: true. */
  readonly mayUsePackages?: boolean
}

const ERRORS = 'packages/core/src/errors.ts'
const BYTES = 'packages/core/src/bytes/'
const FORMATS = 'packages/core/src/formats/'
const DOMAIN = 'packages/core/src/domain/'
const CORE = 'packages/core/src/'
const SERVICES = 'packages/node/src/services/'
const PORTS = 'packages/node/src/services/ports.ts'
const LOG_PORTS = 'packages/node/src/services/log/ports.ts'
const GATEWAY_PORTS = 'packages/node/src/services/gateway/ports.ts'
const ARCHIVE_PORTS = 'packages/node/src/services/archive/ports.ts'
const AUDIT_PORTS = 'packages/node/src/services/audit/ports.ts'
const WATCH_PORTS = 'packages/node/src/services/watch/ports.ts'
const MARK_PORTS = 'packages/node/src/services/mark/ports.ts'

/** The floors of one format: the ground below it, and such siblings as are named. */
function format(name: string, siblings: readonly string[] = []): Zone {
  return {
    name: `formats/${name}`,
    path: `${FORMATS}${name}/`,
    may: [BYTES, ERRORS, ...siblings.map((sibling) => `${FORMATS}${sibling}/`)],
  }
}

function domain(name: string, siblings: readonly string[] = []): Zone {
  return {
    name: `domain/${name}`,
    path: `${DOMAIN}${name}/`,
    may: [FORMATS, BYTES, ERRORS, ...siblings.map((sibling) => `${DOMAIN}${sibling}/`)],
    mayUsePackages: false,
  }
}

/** The first zone whose path fits a file is the file's zone. */
export const ZONES: readonly Zone[] = [
  { name: 'errors', path: ERRORS, may: [], mayUsePackages: false },
  { name: 'bytes', path: BYTES, may: [ERRORS] },
  format('x509', ['der']),
  format('cms', ['x509', 'der']),
  format('config', ['json']),
  format('dsse', ['json']),
  format('dimse', ['dicom', 'dul']),
  format('dicom-json', ['dicom', 'json']),
  format('tlog', ['json', 'merkle', 'note']),
  format('sigstore', ['dsse', 'json', 'note', 'tlog']),
  format('*'),
  domain('trust'),
  domain('log', ['trust']),
  domain('signature', ['trust']),
  domain('seal', ['trust', 'signature']),
  domain('transcode', ['signature', 'trust']),
  // Only to cut encapsulated pixel data into frames.
  domain('pixels', ['signature']),
  domain('mark', ['pixels']),
  // Pictures are attacked, and images are forged, with the same tools.
  domain('forge', ['attack', 'pixels']),
  domain('watch', ['attack', 'pixels']),
  // On the way through, an instance is judged, recorded and routed: the one idea that speaks of all of those.
  domain('gateway', ['log', 'verdict', 'seal', 'signature', 'trust', 'deidentify', 'transcode']),
  // What a sweep of an archive found, over all that is known of each image.
  domain('audit', ['log', 'verdict', 'seal', 'signature', 'trust']),
  { name: 'domain/verdict', path: `${DOMAIN}verdict/`, may: [DOMAIN, FORMATS, BYTES, ERRORS], mayUsePackages: false },
  domain('*'),
  { name: 'api', path: 'packages/core/src/api/', may: [DOMAIN], mayUsePackages: false },
  { name: 'services', path: SERVICES, may: [CORE], mayUsePackages: false },
  {
    name: 'storage',
    path: 'packages/node/src/storage/',
    may: [PORTS, LOG_PORTS, GATEWAY_PORTS, ARCHIVE_PORTS, AUDIT_PORTS, MARK_PORTS, WATCH_PORTS, CORE],
    mayUseNode: true,
  },
  { name: 'keys', path: 'packages/node/src/keys/', may: [PORTS, CORE], mayUseNode: true },
  { name: 'cli', path: 'packages/node/src/cli/', may: [SERVICES, CORE], mayUseNode: true },
  { name: 'http', path: 'packages/node/src/http/', may: [SERVICES, CORE], mayUseNode: true },
  { name: 'dimse', path: 'packages/node/src/dimse/', may: [SERVICES, CORE], mayUseNode: true },
  { name: 'dicomweb', path: 'packages/node/src/dicomweb/', may: [SERVICES, CORE], mayUseNode: true },
  { name: 'telemetry', path: 'packages/node/src/telemetry/', may: [SERVICES, CORE], mayUseNode: true },
  { name: 'watchers', path: 'packages/node/src/watchers/', may: [SERVICES, CORE], mayUseNode: true },
  // Other people's picture generators; what they send is read as any picture file is.
  {
    name: 'generators',
    path: 'packages/node/src/generators/',
    may: ['packages/node/src/storage/mark/png-file.ts', SERVICES, CORE],
    mayUseNode: true,
  },
  // Archives on the network as the auditor sees them: its port over the clients of their protocols.
  {
    name: 'archives',
    path: 'packages/node/src/archives/',
    may: ['packages/node/src/dicomweb/', 'packages/node/src/dimse/', SERVICES, CORE],
    mayUseNode: true,
  },
  // What several programs of ours put together in the same way: adapters and faces of a custody log.
  {
    name: 'wiring',
    path: 'packages/node/src/wiring/',
    may: [
      'packages/node/src/archives/',
      'packages/node/src/dicomweb/',
      'packages/node/src/dimse/',
      'packages/node/src/generators/',
      'packages/node/src/http/',
      'packages/node/src/keys/',
      'packages/node/src/storage/',
      'packages/node/src/telemetry/',
      'packages/node/src/watchers/',
      SERVICES,
      CORE,
    ],
    mayUseNode: true,
  },
  // A thread is a program of its own, with its own wiring; it works for the command line and speaks its types.
  {
    name: 'workers',
    path: 'packages/node/src/workers/',
    may: [
      'packages/node/src/cli/',
      'packages/node/src/keys/',
      'packages/node/src/storage/',
      'packages/node/src/wiring/',
      SERVICES,
      CORE,
    ],
    mayUseNode: true,
  },
  {
    name: 'testing',
    path: 'packages/node/src/testing/',
    may: [LOG_PORTS, GATEWAY_PORTS, AUDIT_PORTS, MARK_PORTS, CORE],
    mayUseNode: true,
  },
  // What is simulated around a gateway: rooms that send.
  {
    name: 'demo',
    path: 'packages/node/src/demo/',
    may: [
      'packages/node/src/dimse/',
      'packages/node/src/storage/',
      'packages/node/src/telemetry/',
      'packages/node/src/workers/',
      SERVICES,
      CORE,
    ],
    mayUseNode: true,
  },
  // Wiring: the entry points of the program and of its workers choose adapters and start faces.
  { name: 'main', path: 'packages/node/src/*.ts', may: ['packages/'], mayUseNode: true },
  { name: 'web', path: 'packages/web/src/', may: [CORE] },
  { name: 'kernel', path: 'packages/kernel/', may: [] },
]

/** What core must be handed instead of taking it, as it would be spelled in its code. */
const SURROUNDINGS: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /(?<![\w$])Date\.now\b/g, what: 'the clock (Date.now)' },
  { pattern: /(?<![\w$.])new\s+Date\s*(?:\(\s*\)|(?![\w$\s(.<]))/g, what: 'the clock (new Date without argument)' },
  { pattern: /(?<![\w$.]|new\s)Date\s*\(/g, what: 'the clock (Date called as a function)' },
  { pattern: /(?<![\w$])performance\.(?:now|timeOrigin)\b/g, what: 'the clock (performance)' },
  { pattern: /(?<![\w$])Math\.random\b/g, what: 'randomness (Math.random)' },
  { pattern: /(?<![\w$])(?:getRandomValues|randomUUID|randomSecretKey|generateKey)\b/g, what: 'randomness' },
  {
    pattern: /(?<![\w$.])fetch\s*\(|globalThis\.fetch\b|(?<![\w$.])fetch\b(?=\s*[,;)\n])/g,
    what: 'the network (fetch)',
  },
  { pattern: /(?<![\w$.])(?:XMLHttpRequest|WebSocket|EventSource)\b/g, what: 'the network' },
  { pattern: /(?<![\w$.])set(?:Timeout|Interval|Immediate)\s*\(/g, what: 'a timer' },
  { pattern: /(?<![\w$.])(?:process|Buffer|__dirname)\b(?=\s*[.([])/g, what: 'Node' },
  { pattern: /(?<![\w$.])(?:document|localStorage|navigator)\s*\./g, what: 'the page' },
]

/** Shows everything that breaks the rules, one line each, as `path:line  what`. */
export function checkLayers(tree: SourceTree, packagesOf: (path: string) => ReadonlySet<string>): string[] {
  const findings: string[] = []
  for (const file of tree.values()) {
    const zone = ZONES.find((candidate) => fits(candidate.path, file.path))
    if (isTestFile(file.path)) findings.push(...checkTest(file))
    else if (zone === undefined) findings.push(`${file.path}:1  lies in no folder that the table of layers names`)
    else findings.push(...checkFile(file, zone, packagesOf(file.path)))
    if (file.path.startsWith(CORE) && !isTestFile(file.path)) findings.push(...checkSurroundings(file))
    findings.push(...checkTargets(file, tree))
  }
  return [...findings, ...findCircles(tree)]
}

/** Packages that a workspace lists for use at run time, and that none of its sources names. */
export function findIdlePackages(tree: SourceTree, packages: Readonly<Record<string, Iterable<string>>>): string[] {
  return Object.entries(packages).flatMap(([folder, names]) => {
    const files = [...tree.values()].filter((file) => file.path.startsWith(`${folder}/src/`) && !isTestFile(file.path))
    const named = new Set(files.flatMap((file) => file.imports.map(({ specifier }) => packageName(specifier))))
    return [...names]
      .filter((name) => !named.has(name))
      .map((name) => `${folder}/package.json:1  lists ${name}, which nothing imports`)
  })
}

/** Core's tests may use the test runner, and stay in core; all tests of the node package may go anywhere. */
function checkTest(file: SourceFile): string[] {
  if (!file.path.startsWith(CORE)) return []
  return file.imports
    .filter(({ specifier, target }) => specifier === 'fiducial' || (target !== undefined && !target.startsWith(CORE)))
    .map(({ line, specifier }) => `${file.path}:${line}  a test of core imports ${specifier} from outside core`)
}

function checkFile(file: SourceFile, zone: Zone, packages: ReadonlySet<string>): string[] {
  return file.imports.flatMap(({ specifier, target, line }) => {
    const at = `${file.path}:${line}  ${zone.name}`
    if (target !== undefined) {
      if (isTestFile(target)) return [`${at} imports ${target}, which is for tests only`]
      const isOwn = fits(zone.path, target) && sameFolder(zone.path, file.path, target)
      return isOwn || zone.may.some((path) => fits(path, target)) ? [] : [`${at} may not import ${target}`]
    }
    if (specifier.startsWith('node:')) return zone.mayUseNode === true ? [] : [`${at} may not import ${specifier}`]
    if (zone.mayUsePackages === false) return [`${at} may not import the package ${specifier}`]
    const name = packageName(specifier)
    return packages.has(name) ? [] : [`${at} imports ${name}, which its package.json does not list`]
  })
}

/** Imports that leave their package sideways, or name a file that is not there. */
function checkTargets(file: SourceFile, tree: SourceTree): string[] {
  return file.imports.flatMap(({ specifier, target, line }) => {
    if (target === undefined) return []
    const isRelative = specifier.startsWith('.')
    if (isRelative && packageFolder(target) !== packageFolder(file.path)) {
      return [`${file.path}:${line}  reaches into another package by path: write @fiducial/core/…`]
    }
    return tree.has(target) || !target.endsWith('.ts')
      ? []
      : [`${file.path}:${line}  imports ${target}, which does not exist`]
  })
}

function checkSurroundings(file: SourceFile): string[] {
  return SURROUNDINGS.flatMap(({ pattern, what }) =>
    [...file.code.matchAll(pattern)].map(
      (match) => `${file.path}:${lineAt(file.code, match.index)}  core takes ${what} instead of being handed it`,
    ),
  )
}

/** Each circle once, as the path that closes it. */
export function findCircles(tree: SourceTree): string[] {
  const circles: string[] = []
  const done = new Set<string>()
  const trail: string[] = []
  const visit = (path: string): void => {
    if (done.has(path)) return
    const start = trail.indexOf(path)
    if (start >= 0) {
      circles.push(`${path}:1  circle: ${[...trail.slice(start), path].join(' -> ')}`)
      return
    }
    trail.push(path)
    for (const { target } of tree.get(path)?.imports ?? []) if (target !== undefined) visit(target)
    trail.pop()
    done.add(path)
  }
  for (const path of tree.keys()) visit(path)
  return circles
}

function fits(pattern: string, path: string): boolean {
  if (!pattern.includes('*')) return pattern.endsWith('/') ? path.startsWith(pattern) : path === pattern
  const source = pattern.replace(/[.]/g, '\\.').replace('*', '[^/]+')
  return new RegExp(`^${source}${pattern.endsWith('/') ? '' : '$'}`).test(path)
}

/** For a pattern with a star: both files lie in the same folder that the star stands for. */
function sameFolder(pattern: string, path: string, target: string): boolean {
  const star = pattern.indexOf('*')
  if (star < 0 || !pattern.endsWith('/')) return true
  return path.slice(star).split('/')[0] === target.slice(star).split('/')[0]
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function packageFolder(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}

/** Names of the packages that a file's own package.json lists for use at run time. */
export function readPackageLists(root: string): (path: string) => ReadonlySet<string> {
  const lists = new Map<string, ReadonlySet<string>>()
  return (path) => {
    const folder = packageFolder(path)
    const known = lists.get(folder)
    if (known !== undefined) return known
    const manifest = join(root, folder, 'package.json')
    const { dependencies, optionalDependencies } = existsSync(manifest)
      ? JSON.parse(readFileSync(manifest, 'utf8'))
      : {}
    const list = new Set(Object.keys({ ...dependencies, ...optionalDependencies }))
    lists.set(folder, list)
    return list
  }
}

if (import.meta.main) {
  const root = process.argv[2] ?? join(import.meta.dirname, '..')
  const tree = readTree(root, ['packages'])
  const packagesOf = readPackageLists(root)
  const workspaces = ['packages/core', 'packages/node']
  const lists = Object.fromEntries(workspaces.map((folder) => [folder, packagesOf(`${folder}/`)]))
  const findings = [...checkLayers(tree, packagesOf), ...findIdlePackages(tree, lists)]
  for (const finding of findings) process.stdout.write(`${finding}\n`)
  const imports = [...tree.values()].reduce((sum, file) => sum + file.imports.length, 0)
  process.stdout.write(`${tree.size} files, ${imports} imports, ${findings.length} against the rules\n`)
  process.exitCode = findings.length === 0 && tree.size > 0 ? 0 : 1
}
