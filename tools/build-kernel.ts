/**
 * Writes the kernels of `core`, and the C of the mark's, from the AssemblyScript in packages/kernel.
 *
 * The results are committed, so that whoever runs or bundles `core` needs no compiler; a test compiles again and compares.
 * The C is made by wasm2c of the WebAssembly Binary Toolkit, and is left alone where that is not installed.
 *
 *   node tools/build-kernel.ts
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'

const root = join(import.meta.dirname, '..')
const ASSEMBLY = 'packages/kernel/assembly'

/** A kernel: from what it is compiled, and to where. */
export interface KernelBuild {
  /** What it is for, in words. */
  readonly purpose: string
  /** File names in packages/kernel/assembly; the first is the one that exports. */
  readonly sources: readonly string[]
  /** With the vectors of WebAssembly. */
  readonly hasVectors: boolean
  /** Below the root. */
  readonly file: string
  /** Name of the constant in it. */
  readonly constant: string
}

const MARK_SOURCES = ['mark.ts', 'mark-carriers.ts', 'mark-state.ts', 'mark-tag.ts', 'mark-tile.ts', 'mark-walk.ts']

/** All that there are. */
export const KERNELS: readonly KernelBuild[] = [
  {
    purpose: 'SHA-256',
    sources: ['sha256.ts'],
    hasVectors: true,
    file: 'packages/core/src/formats/merkle/sha256-kernel.ts',
    constant: 'SHA256_KERNEL',
  },
  {
    purpose: 'the mark, with vectors',
    sources: MARK_SOURCES,
    hasVectors: true,
    file: 'packages/core/src/domain/mark/kernel/mark-simd.ts',
    constant: 'MARK_SIMD_KERNEL',
  },
  {
    purpose: 'the mark, without vectors',
    sources: MARK_SOURCES,
    hasVectors: false,
    file: 'packages/core/src/domain/mark/kernel/mark-scalar.ts',
    constant: 'MARK_SCALAR_KERNEL',
  },
]

/** Without a runtime, an allocator or imports: a kernel is arithmetic on memory. */
const OPTIONS = ['--runtime', 'stub', '--use', 'abort=', '-O3', '--noAssert']

/** Compiles a kernel; the same sources give the same bytes. @throws {TypeError} with what the compiler says */
export async function compileKernel({ sources, hasVectors }: KernelBuild): Promise<Uint8Array> {
  const entry = sources[0] as string
  const options = ['--outFile', 'kernel.wasm', ...OPTIONS, ...(hasVectors ? ['--enable', 'simd'] : [])]
  let binary: Uint8Array | undefined
  const { error, stderr } = await asc.main([entry, ...options], {
    readFile: (name) => (sources.includes(name) ? readSource(name) : null),
    writeFile: (_, contents) => {
      if (typeof contents !== 'string') binary = contents
    },
    listFiles: () => [],
  })
  if (error !== null || binary === undefined) throw new TypeError(`kernel does not compile: ${stderr.toString()}`)
  return binary
}

/** The text of the generated file. */
export function formatKernel({ purpose, sources, constant }: KernelBuild, binary: Uint8Array): string {
  const lines =
    Buffer.from(binary)
      .toString('base64')
      .match(/.{1,110}/g) ?? []
  const digest = createHash('sha256')
  for (const source of sources) digest.update(readSource(source))
  const from = sources.length === 1 ? `${ASSEMBLY}/${sources[0]}` : `${ASSEMBLY}, ${sources.join(', ')}`
  return `/**
 * Kernel for ${purpose}, compiled: written by tools/build-kernel.ts, not by hand.
 * Source: ${from}, SHA-256 ${digest.digest('hex')}.
 */
export const ${constant} = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('')
`
}

const readSource = (name: string): string => readFileSync(join(root, ASSEMBLY, name), 'utf8')

if (import.meta.main) {
  for (const build of KERNELS) writeFileSync(join(root, build.file), formatKernel(build, await compileKernel(build)))
}
