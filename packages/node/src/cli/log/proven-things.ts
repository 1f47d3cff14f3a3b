/** Proven things: what a proof file is of: it says only where in a log, and a file beside it says what. */
import type { Adapters } from '../adapters.ts'
import { PROOF_SUFFIX, SEAL_SUFFIX } from '../adapters.ts'

/** A seal, whose entry can be rebuilt; a bundle, which holds it; or the entry itself. */
export interface Proven {
  readonly kind: 'seal' | 'bundle' | 'leaf'
  readonly path: string
  readonly bytes: Uint8Array
}

const BESIDE = [
  ['seal', SEAL_SUFFIX],
  ['bundle', '.sigstore.json'],
  ['leaf', '.leaf'],
] as const

/**
 * What lies beside a proof, by name: `X.tlog-proof` is of `X.fiducial.json`, `X.sigstore.json` or `X.leaf`.
 * @throws {StoreError} for a file that cannot be read
 */
export async function findBeside(
  proofPath: string,
  { readFile }: Pick<Adapters, 'readFile'>,
): Promise<Proven | undefined> {
  if (!proofPath.endsWith(PROOF_SUFFIX)) return undefined
  const stem = proofPath.slice(0, -PROOF_SUFFIX.length)
  for (const [kind, suffix] of BESIDE) {
    const bytes = await readFile(stem + suffix)
    if (bytes !== undefined) return { kind, path: stem + suffix, bytes }
  }
  return undefined
}
