/** WASM files of the codecs, read from the npm packages that carry them. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { LoadWasm, WasmName } from '@fiducial/core/formats/codec/codec.ts'

const FILES = {
  charls: '@cornerstonejs/codec-charls/decodewasm',
  'charls-encode': '@cornerstonejs/codec-charls/wasm',
  openjpeg: '@cornerstonejs/codec-openjpeg/decodewasm',
  'openjpeg-encode': '@cornerstonejs/codec-openjpeg/wasm',
  openjph: '@cornerstonejs/codec-openjph/wasm',
} as const satisfies Record<WasmName, string>

/** Reads a file on its first use; the codecs keep what they compile from it. */
export const loadWasm: LoadWasm = async (name) => {
  const { resolve } = createRequire(import.meta.url)
  return new Uint8Array(await readFile(resolve(FILES[name])))
}
