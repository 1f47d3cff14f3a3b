/**
 * Build: makes packages/node/dist, the folder that is published as the package `fiducial`.
 *
 * The sources run as written; the build exists because npm does not install workspaces, and Node does not strip types
 * below node_modules. It bundles core into the program, keeps every other package a dependency (the codecs find their
 * WASM files beside them), writes each worker as a file of its own, and derives package.json from those of the two
 * workspaces.
 *
 *   node tools/build.ts
 */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { isTestFile, listFiles } from './source.ts'

const root = join(import.meta.dirname, '..')
const source = join(root, 'packages/node/src')
const core = '@fiducial/core'

/** What package.json holds and is used here. */
interface Manifest {
  readonly version: string
  readonly description: string
  readonly license: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * Builds into a folder, which is emptied first.
 *
 * @returns paths of the written files, relative to the folder
 */
export async function buildPackage(folder: string): Promise<string[]> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const workspace = readManifest('package.json')
  const node = readManifest('packages/node/package.json')
  const { [core]: _bundled, ...dependencies } = {
    ...readManifest('packages/core/package.json').dependencies,
    ...node.dependencies,
  }
  const { node: runtime = '' } = workspace.dependencies ?? {}
  // The runtime comes along for machines whose own Node is too old, and may be left out with --omit=optional.
  const optionalDependencies = { ...node.optionalDependencies, node: runtime }

  const entryPoints = [join(source, 'main.ts'), ...listFiles(source, '.ts').filter(isWorker)]
  await build({
    entryPoints,
    outdir: folder,
    // All in one folder, so that a worker's address is the same wherever the code that names it ends up.
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    sourcemap: false,
    legalComments: 'inline',
    external: Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((name) => [name, `${name}/*`]),
    plugins: [relocateUrls(entryPoints)],
    absWorkingDir: root,
    logLevel: 'error',
  })
  const manifest = {
    name: 'fiducial',
    version: node.version,
    description: node.description,
    license: node.license,
    type: 'module',
    bin: { fiducial: 'fiducial.cjs' },
    engines: { node: '>=20' },
    dependencies,
    optionalDependencies,
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  copyFileSync(join(root, 'tools/bin.cjs'), join(folder, 'fiducial.cjs'))
  chmodSync(join(folder, 'fiducial.cjs'), 0o755)
  for (const name of ['LICENSE', 'NOTICE', 'README.md']) copyFileSync(join(root, name), join(folder, name))
  return listFiles(folder, '').map((path) => relative(folder, path))
}

/** A module that is started as a thread: its name is `worker.ts`, or ends in `-worker.ts`. */
function isWorker(path: string): boolean {
  return /(?:^|-)worker\.ts$/.test(basename(path)) && !isTestFile(path.split(sep).join('/'))
}

/** Points `new URL('./x.ts', import.meta.url)` to the built file, and our package.json to the published one. */
function relocateUrls(entryPoints: readonly string[]): Plugin {
  return {
    name: 'relocate-urls',
    setup({ onLoad }) {
      onLoad({ filter: /\/packages\/[^/]+\/src\/.*\.ts$/ }, ({ path }) => {
        const contents = readFileSync(path, 'utf8').replace(
          /new URL\((['"])(\.[^'"]*)\1, import\.meta\.url\)/g,
          (whole, _quote, specifier: string) => {
            const target = join(dirname(path), specifier)
            if (entryPoints.includes(target)) {
              return `new URL('./${basename(target, '.ts')}.js', import.meta.url)`
            }
            if (target === join(root, 'packages/node/package.json')) return `new URL('./package.json', import.meta.url)`
            throw new TypeError(`${path}: ${whole} names no file of the published package`)
          },
        )
        return { contents, loader: 'ts' }
      })
    },
  }
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}

if (import.meta.main) {
  const files = await buildPackage(join(root, 'packages/node/dist'))
  process.stdout.write(`${files.length} files in packages/node/dist\n`)
}
