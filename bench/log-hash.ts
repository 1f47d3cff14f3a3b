/** How many nodes and leaves of a Merkle tree are hashed by second of processor time, by the kernel and by others? */
import { createHash, hash } from 'node:crypto'
import { createWasmHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { sha256 } from '@noble/hashes/sha2.js'
import { LEAF_BYTES } from './log-load.ts'
import { median, publishReport, spread } from './log-report.ts'

const ROUNDS = 7
const FOR_MS = 500
const NODES = 256
const LEAVES = 512

type Digest = (message: Uint8Array) => Uint8Array

const kernel = createWasmHasher()
const pairs = Uint8Array.from({ length: NODES * 64 }, (_, i) => (i * 31) & 0xff)
const leaves = Array.from({ length: LEAVES }, (_, i) => new Uint8Array(LEAF_BYTES).fill(i))

const digests: Readonly<Record<string, Digest>> = {
  'crypto.hash': (message) => hash('sha256', message, 'buffer'),
  createHash: (message) => createHash('sha256').update(message).digest(),
  '@noble/hashes': sha256,
}

const contestants: Readonly<Record<string, { nodes(): unknown; leaves(): unknown }>> = {
  'the kernel, in batches': { nodes: () => kernel.hashNodes(pairs), leaves: () => kernel.hashLeaves(leaves) },
  ...Object.fromEntries(Object.entries(digests).map(([name, digest]) => [name, oneByOne(digest)])),
}

/** Each message put behind its prefix and digested by itself. */
function oneByOne(digest: Digest): { nodes(): unknown; leaves(): unknown } {
  const node = new Uint8Array(65).fill(1, 0, 1)
  const leafMessage = new Uint8Array(1 + LEAF_BYTES)
  return {
    nodes: () => {
      for (let at = 0; at < pairs.length; at += 64) {
        node.set(pairs.subarray(at, at + 64), 1)
        digest(node)
      }
    },
    leaves: () => {
      for (const leaf of leaves) {
        leafMessage.set(leaf, 1)
        digest(leafMessage)
      }
    },
  }
}

/** By second of processor time of this thread. */
function rate(of: number, step: () => unknown): number {
  const start = process.threadCpuUsage()
  const end = performance.now() + FOR_MS
  let count = 0
  for (; performance.now() < end; count++) step()
  const { user, system } = process.threadCpuUsage(start)
  return (count * of * 1e6) / (user + system)
}

const names = Object.keys(contestants)
const measurements: Record<string, { nodes: number[]; leaves: number[] }> = {}
for (const name of names) measurements[name] = { nodes: [], leaves: [] }
for (let round = -1; round < ROUNDS; round++) {
  for (const [name, { nodes, leaves: leafStep }] of Object.entries(contestants)) {
    const found = { nodes: rate(NODES, nodes), leaves: rate(LEAVES, leafStep) }
    if (round < 0) continue
    measurements[name]?.nodes.push(found.nodes)
    measurements[name]?.leaves.push(found.leaves)
  }
}

const millions = (values: readonly number[]): string => spread(values.map((value) => value / 1e6))
const first = measurements[names[0] as string] as { nodes: number[]; leaves: number[] }
publishReport({
  name: 'log-hash',
  question: 'How many nodes and leaves of a Merkle tree are hashed by second of processor time?',
  input: `nodes of 65 bytes, ${NODES} a call; leaves of 1 KiB, ${LEAVES} a call; ${ROUNDS} rounds, in turn; median (lowest–highest)`,
  tables: [
    {
      title: 'SHA-256',
      columns: ['', 'million nodes/s', 'kernel / it', 'million leaves/s', 'kernel / it'],
      rows: names.map((name) => {
        const { nodes, leaves: leafRates } = measurements[name] as { nodes: number[]; leaves: number[] }
        const times = (a: readonly number[], b: readonly number[]): number => median(a.map((x, i) => x / (b[i] ?? 1)))
        return [name, millions(nodes), times(first.nodes, nodes), millions(leafRates), times(first.leaves, leafRates)]
      }),
    },
  ],
  measurements,
})
