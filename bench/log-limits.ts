/** Log limits: how often this machine can flush, and how fast it can hash, with nothing else to do. */
import { createHash } from 'node:crypto'
import { closeSync, fdatasyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'

const FILE_BYTES = 64 * 2 ** 20

/** Flushes by second of a file that is long enough already: each after a write of so many bytes behind the last one. */
export function flushesPerSecond(folder: string, bytes: number, forMs: number): number {
  const block = Buffer.alloc(bytes, 0x5a)
  const file = openSync(join(folder, `flushes-${bytes}`), 'w')
  try {
    ftruncateSync(file, FILE_BYTES)
    const [start, end] = [performance.now(), performance.now() + forMs]
    let count = 0
    for (let at = 0; performance.now() < end; at = (at + bytes) % (FILE_BYTES - bytes), count++) {
      writeSync(file, block, 0, bytes, at)
      fdatasyncSync(file)
    }
    return (count / (performance.now() - start)) * 1000
  } finally {
    closeSync(file)
  }
}

/** How often a step can be done in a second, times what one does. */
export function perSecond(of: number, forMs: number, step: () => unknown): number {
  const [start, end] = [performance.now(), performance.now() + forMs]
  let count = 0
  for (; performance.now() < end; count++) step()
  return ((count * of) / (performance.now() - start)) * 1000
}

/** Leaves of a length hashed in a second, in calls of 512. */
export function leavesPerSecond(hasher: NodeHasher, leafBytes: number, forMs: number): number {
  const leaves = Array.from({ length: 512 }, (_, i) => new Uint8Array(leafBytes).fill(i))
  return perSecond(leaves.length, forMs, () => hasher.hashLeaves(leaves))
}

/** Nodes, of 65 bytes each, hashed in a second, in calls of 256. */
export function nodesPerSecond(hasher: NodeHasher, forMs: number): number {
  const pairs = new Uint8Array(256 * 64).fill(7)
  return perSecond(256, forMs, () => hasher.hashNodes(pairs))
}

/** Bytes that the runtime's own SHA-256 digests in a second, from one message of 1 MiB. */
export function sha256BytesPerSecond(forMs: number): number {
  const message = Buffer.alloc(2 ** 20, 1)
  return perSecond(message.length, forMs, () => createHash('sha256').update(message).digest())
}
