/**
 * Writes the kernels of `core`, and the C of the mark's, from the AssemblyScript in packages/kernel.
 *
 * The results are committed, so that whoever runs or bundles `core` needs no compiler; a test compiles again and compares.
 * The C is made by wasm2c of the WebAssembly Binary Toolkit, and is left alone where that is not installed.
 *
 *   node tools/build-kernel.ts
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
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

/** What both entries of the mark import. */
const MARK_PARTS = ['mark-carriers.ts', 'mark-lanes.ts', 'mark-state.ts', 'mark-tag.ts', 'mark-tile.ts', 'mark-walk.ts']

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
    sources: ['mark.ts', ...MARK_PARTS, 'mark-pixels.ts'],
    hasVectors: true,
    file: 'packages/core/src/domain/mark/kernel/mark-simd.ts',
    constant: 'MARK_SIMD_KERNEL',
  },
  {
    purpose: 'the mark, without vectors',
    sources: ['mark.ts', ...MARK_PARTS, 'mark-pixels.ts'],
    hasVectors: false,
    file: 'packages/core/src/domain/mark/kernel/mark-scalar.ts',
    constant: 'MARK_SCALAR_KERNEL',
  },
]

/** The one that firmware gets; wasm2c knows no vectors. */
export const FIRMWARE: Pick<KernelBuild, 'sources' | 'hasVectors'> = {
  sources: ['mark-firmware.ts', ...MARK_PARTS, 'mark-keys.ts', 'mark-parity.ts'],
  hasVectors: false,
}
/** Where its C goes, below the root; the header stands beside it. */
export const FIRMWARE_FILES = ['packages/kernel/c/mark-kernel.c', 'packages/kernel/c/mark-kernel.h'] as const
/** Other versions write other C. */
export const WASM2C_VERSION = '1.0.32'

/** Without a runtime, an allocator or imports: a kernel is arithmetic on memory. */
const OPTIONS = ['--runtime', 'stub', '--use', 'abort=', '-O3', '--noAssert']

/** Compiles a kernel; the same sources give the same bytes. @throws {TypeError} with what the compiler says */
export async function compileKernel({
  sources,
  hasVectors,
}: Pick<KernelBuild, 'sources' | 'hasVectors'>): Promise<Uint8Array> {
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

/**
 * Translates the kernel of firmware to C.
 * @returns the texts of {@link FIRMWARE_FILES}, or undefined where wasm2c is missing or has another version
 * @throws {TypeError} with what wasm2c says
 */
export async function translateFirmware(): Promise<readonly string[] | undefined> {
  const version = spawnSync('wasm2c', ['--version'], { encoding: 'utf8' })
  if (version.error !== undefined || version.stdout.trim() !== WASM2C_VERSION) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'fiducial-kernel-'))
  try {
    writeFileSync(join(folder, 'mark.wasm'), await compileKernel(FIRMWARE))
    const { status, stderr } = spawnSync('wasm2c', ['-n', 'mark', '-o', 'mark-kernel.c', 'mark.wasm'], {
      cwd: folder,
      encoding: 'utf8',
    })
    if (status !== 0) throw new TypeError(`wasm2c fails: ${stderr}`)
    return FIRMWARE_FILES.map((file) => CREDIT + readFileSync(join(folder, basename(file)), 'utf8'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The frame around the kernel's own functions is text of the toolkit. */
const CREDIT = `/*
 * The mark's kernel in C: written by tools/build-kernel.ts from packages/kernel/assembly/mark-firmware.ts, not by hand.
 * By wasm2c of the WebAssembly Binary Toolkit ${WASM2C_VERSION}, whose templates are
 * Copyright 2016-2023 WebAssembly Community Group participants, under the Apache License, Version 2.0.
 * SPDX-License-Identifier: Apache-2.0
 */
`

const readSource = (name: string): string => readFileSync(join(root, ASSEMBLY, name), 'utf8')

if (import.meta.main) {
  for (const build of KERNELS) writeFileSync(join(root, build.file), formatKernel(build, await compileKernel(build)))
  const texts = await translateFirmware()
  if (texts === undefined) process.stderr.write(`build-kernel: no wasm2c ${WASM2C_VERSION}: the C stays as it is\n`)
  for (const [i, text] of (texts ?? []).entries()) writeFileSync(join(root, FIRMWARE_FILES[i] as string), text)
}
