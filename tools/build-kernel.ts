/**
 * Writes packages/core/src/formats/merkle/sha256-kernel.ts from the AssemblyScript in packages/kernel.
 *
 * The result is committed, so that whoever runs or bundles `core` needs no compiler; a test compiles again and compares.
 *
 *   node tools/build-kernel.ts
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'

const root = join(import.meta.dirname, '..')
const SOURCE = 'packages/kernel/assembly/sha256.ts'

/** Where the compiled kernel goes, below the root. */
export const KERNEL_FILE = 'packages/core/src/formats/merkle/sha256-kernel.ts'

/** Without a runtime, an allocator or imports: the kernel is arithmetic on memory. */
const OPTIONS = ['--runtime', 'stub', '--use', 'abort=', '-O3', '--noAssert', '--enable', 'simd']

/** Compiles the kernel; the same source gives the same bytes. @throws {TypeError} with what the compiler says */
export async function compileKernel(): Promise<Uint8Array> {
  const source = readFileSync(join(root, SOURCE), 'utf8')
  let binary: Uint8Array | undefined
  const { error, stderr } = await asc.main(['kernel.ts', '--outFile', 'kernel.wasm', ...OPTIONS], {
    readFile: (name) => (name === 'kernel.ts' ? source : null),
    writeFile: (_, contents) => {
      if (typeof contents !== 'string') binary = contents
    },
    listFiles: () => [],
  })
  if (error !== null || binary === undefined) throw new TypeError(`kernel does not compile: ${stderr.toString()}`)
  return binary
}

/** The text of the generated file. */
export function formatKernel(binary: Uint8Array): string {
  const lines =
    Buffer.from(binary)
      .toString('base64')
      .match(/.{1,110}/g) ?? []
  const digest = createHash('sha256')
    .update(readFileSync(join(root, SOURCE)))
    .digest('hex')
  return `/**
 * Kernel for SHA-256, compiled: written by tools/build-kernel.ts, not by hand.
 * Source: ${SOURCE}, SHA-256 ${digest}.
 */
export const SHA256_KERNEL = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('')
`
}

if (import.meta.main) writeFileSync(join(root, KERNEL_FILE), formatKernel(await compileKernel()))
