/**
 * Log and Go: writes logs as others would find them, and lets Go's golang.org/x/mod/sumdb judge them.
 *
 * The program in go/main.go is built anew for each test file, without a network: from Debian's sources, by whichever Go
 * comes first on PATH.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import type { ReadTile } from '@fiducial/core/domain/log/tile-proofs.ts'
import { TileTree } from '@fiducial/core/domain/log/tile-tree.ts'
import { createWasmHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { encodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { entriesPath, TILE_WIDTH, tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import { makeLogSigner, ORIGIN } from '../testing/log-site.ts'
import { peer, peerPath, run } from '../testing/peers.ts'

/** Where Debian's golang-golang-x-mod-dev puts the sources. */
const GOPATH = '/usr/share/gocode'
const PROGRAM = join(import.meta.dirname, 'go/main.go')
const NOW = 1_772_532_840n

const go = peer('go')
/** For the `skip` option of tests: why Go cannot judge here, else `false`. */
export const goSkip: string | false = go.skip || peerPath(join(GOPATH, 'src/golang.org/x/mod')).skip

/** A log in the layout of C2SP tlog-tiles, with what is needed to prove and damage it. */
export interface GoLog {
  readonly folder: string
  readonly size: number
  readonly root: string
  /** Signed note, in the file `checkpoint` of the folder. */
  readonly checkpoint: string
  readonly verifierKey: string
  readonly leafHashes: readonly Uint8Array[]
  /** Files by path below the folder: tiles and entry bundles, partial ones of the last size only. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** The tile, or the narrowest wider one. */
  readonly readTile: ReadTile
  /** Paths of entries in the tree of their batch: the batch's size and root, and the proof. */
  readonly acknowledged: readonly Acknowledged[]
}

export interface Acknowledged {
  readonly index: number
  readonly size: bigint
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** Writes a log, appended in batches of the sizes that `nextBatch` gives. */
export async function writeGoLog(folder: string, size: number, nextBatch: () => number): Promise<GoLog> {
  const hasher = createWasmHasher()
  const tree = TileTree.empty(hasher)
  const entries = Array.from({ length: size }, (_, i) => makeEntry(i))
  const files = new Map<string, Uint8Array>()
  const leafHashes: Uint8Array[] = []
  const acknowledged: Acknowledged[] = []
  for (let first = 0; first < size; ) {
    const digests = hasher.hashLeaves(entries.slice(first, first + nextBatch()))
    const count = digests.length / 32
    for (let i = 0; i < count; i++) leafHashes.push(digests.slice(32 * i, 32 * i + 32))
    const batch = tree.append(digests)
    for (const { level, index, bytes } of batch.tiles) files.set(tilePath({ level, index, width: TILE_WIDTH }), bytes)
    for (const index of new Set([first, first + (count >> 1), first + count - 1])) {
      acknowledged.push({ index, size: batch.size, root: batch.root, proof: batch.prove(BigInt(index)) })
    }
    first += count
  }
  for (const tile of tree.edge()) files.set(tilePath(tile), tile.bytes)
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const bundle = entries.slice(first, first + TILE_WIDTH)
    files.set(entriesPath(BigInt(first / TILE_WIDTH), bundle.length), encodeBundle(bundle))
  }
  for (const [path, bytes] of files) writeBelow(folder, path, bytes)

  const signer = makeLogSigner()
  const head = { origin: ORIGIN, size: tree.size, root: tree.root(), extensions: [] }
  const checkpoint = await signCheckpoint(head, signer, NOW)
  writeBelow(folder, 'checkpoint', Buffer.from(checkpoint))
  return {
    folder,
    size,
    root: Buffer.from(head.root).toString('hex'),
    checkpoint,
    verifierKey: formatVerifierKey(signer.ed25519.key),
    leafHashes,
    files,
    readTile: async (tile) => {
      for (let width = tile.width; width <= TILE_WIDTH; width++) {
        const bytes = files.get(tilePath({ ...tile, width }))
        if (bytes !== undefined) return bytes
      }
      throw new RangeError(`no ${tilePath(tile)}`)
    },
    acknowledged,
  }
}

/** Builds the program, or another one. @returns its path */
export function buildJudge(folder: string, source = PROGRAM): string {
  const program = join(folder, 'logcheck')
  // The folder of sources is no module: Debian's way to build.
  const settings = { GO111MODULE: 'off', GOPATH, GOFLAGS: '', GOPROXY: 'off', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' }
  const { status, stderr } = spawnSync(go.path, ['build', '-o', program, source], {
    cwd: folder,
    env: { ...process.env, ...settings },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`go build: ${stderr}`)
  return program
}

/** Puts requests to the program; the answers in their order. */
export async function askJudge(program: string, requests: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await run(program, [], { input: `${requests.join('\n')}\n` })
  if (code !== 0) throw new Error(`logcheck ended with ${code}: ${stderr}`)
  const answers = stdout.split('\n').slice(0, -1)
  if (answers.length !== requests.length) throw new Error(`${answers.length} answers to ${requests.length} requests`)
  return answers
}

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The request whether an entry stands in a tree. */
export function recordRequest(claim: Acknowledged & { readonly leafHash: Uint8Array }): string {
  return `record ${claim.size} ${hexOf(claim.root)} ${claim.index} ${hexOf(claim.leafHash)} ${proofText(claim.proof)}`
}

/** A proof in a request. */
export const proofText = (proof: readonly Uint8Array[]): string => proof.map(hexOf).join(',') || '-'

/** An entry of 1 to 400 bytes; a few are long. */
function makeEntry(i: number): Uint8Array {
  const text = `{"entry":${i},"note":"${'x'.repeat((i * 37) % 380)}"}`
  return new TextEncoder().encode(i % 4999 === 17 ? text.padEnd(65_535) : text)
}

function writeBelow(folder: string, path: string, bytes: Uint8Array): void {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
}
