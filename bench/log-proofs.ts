/**
 * How long does a proof from a log of ten million entries take?
 *
 * The log is made once and kept in a folder of the system's temporary folder: leaves of 400 bytes, as the log's own, and
 * tiles as any log has them. Cold: the files are out of the page cache, and nothing was read by this process before.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { keysOfSigner, type LogSigner, signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { TileTree } from '@fiducial/core/domain/log/tile-tree.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { encodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { entriesPath, TILE_WIDTH, tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { type LogView, openLogView } from '../packages/node/src/services/log/log-view.ts'
import { FileObjects } from '../packages/node/src/storage/log/file-objects.ts'
import { makeLogSigner, ORIGIN } from '../packages/node/src/testing/log-site.ts'
import { type Outcome, outcomeOf } from './log-load.ts'
import { publishReport } from './log-report.ts'
import { buildTessera } from './log-tessera.ts'

const SIZE = Number(process.argv[2] ?? 10_000_000)
const LEAF_BYTES = 400
const PROOFS = 2000
const COLD_PROOFS = 300
const AIM_MS = 5

const hasher = createHasher(nativeCrypto.hash)
const signer: LogSigner = makeLogSigner()
const folder = join(tmpdir(), `fiducial-bench-log-of-${SIZE}`)

/** Writes the log, without flushing: it can be made again. @returns root */
function build(): void {
  const made = new Set<string>()
  const put = (path: string, bytes: Uint8Array): void => {
    const target = join(folder, path)
    if (!made.has(dirname(target))) made.add(mkdirSync(dirname(target), { recursive: true }) ?? dirname(target))
    writeFileSync(target, bytes)
  }
  const tree = TileTree.empty(hasher)
  const leaves = Array.from({ length: TILE_WIDTH }, () => new Uint8Array(LEAF_BYTES))
  for (let first = 0; first < SIZE; first += TILE_WIDTH) {
    const some = leaves.slice(0, SIZE - first)
    for (const [i, leaf] of some.entries()) new DataView(leaf.buffer).setUint32(0, first + i)
    for (const tile of tree.append(hasher.hashLeaves(some)).tiles)
      put(tilePath({ ...tile, width: TILE_WIDTH }), tile.bytes)
    put(entriesPath(BigInt(first / TILE_WIDTH), some.length), encodeBundle(some))
  }
  for (const tile of tree.edge()) put(tilePath(tile), tile.bytes)
  writeFileSync(join(folder, 'root'), tree.root())
}

async function openView(): Promise<LogView> {
  const root = new Uint8Array(readFileSync(join(folder, 'root')))
  const checkpoint = { origin: ORIGIN, size: BigInt(SIZE), root, extensions: [] }
  const note = await signCheckpoint(checkpoint, signer, BigInt(Math.floor(Date.now() / 1000)))
  const ports = { objects: new FileObjects(folder), published: { read: async () => note } }
  const policy = { logs: keysOfSigner(signer).map((key) => ({ key })), witnesses: [], groups: [], quorum: 'none' }
  const view = await openLogView(ports, { crypto: nativeCrypto, hasher, policy })
  if (view === undefined) throw new TypeError('the log has no checkpoint')
  return view
}

/** Takes every file of the log out of the page cache. */
function forget(): void {
  const script = `import os,sys
for base,_,names in os.walk(sys.argv[1]):
    for name in names:
        f=os.open(os.path.join(base,name),os.O_RDONLY)
        os.fdatasync(f)
        os.posix_fadvise(f,0,0,os.POSIX_FADV_DONTNEED)
        os.close(f)`
  const { status, stderr } = spawnSync('python3', ['-c', script, folder], { encoding: 'utf8' })
  if (status !== 0) throw new TypeError(`python3 ended with ${status}: ${stderr}`)
}

/** Evenly spread and never twice the same place soon: multiples of a prime. */
const somewhere = (i: number): bigint => (BigInt(i + 1) * 7_368_787n) % BigInt(SIZE)

async function time(count: number, step: (place: bigint) => Promise<unknown>): Promise<Outcome> {
  const waits = new Float64Array(count)
  const begin = performance.now()
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    await step(somewhere(i))
    waits[i] = performance.now() - start
  }
  return outcomeOf(waits, performance.now() - begin)
}

const steps: Readonly<Record<string, (view: LogView) => (place: bigint) => Promise<unknown>>> = {
  'inclusion, with the entry': (view) => (place) => view.prove(place),
  consistency: (view) => (place) => view.proveConsistency(place + 1n),
}

if (!existsSync(join(folder, 'root'))) build()
const tessera = buildTessera()
const outcomes: Record<string, Outcome> = {}
for (const [name, step] of Object.entries(steps)) {
  forget()
  outcomes[`ours, ${name}, cold files`] = await time(COLD_PROOFS, step(await openView()))
  outcomes[`ours, ${name}, a new view each time`] = await time(PROOFS, async (place) => step(await openView())(place))
  const view = await openView()
  await time(PROOFS, step(view))
  outcomes[`ours, ${name}, one view`] = await time(PROOFS, step(view))
}
for (const kind of ['inclusion', 'consistency']) {
  forget()
  for (const [files, count] of Object.entries({ cold: COLD_PROOFS, cached: PROOFS })) {
    const { status, stdout, stderr } = spawnSync(tessera, ['prove', folder, String(SIZE), String(count), kind], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new TypeError(`tessera ended with ${status}: ${stderr}`)
    outcomes[`Tessera's proof builder, ${kind}, ${files} files`] = JSON.parse(stdout) as Outcome
  }
}

const worst = Math.max(
  ...Object.entries(outcomes).flatMap(([name, { p99Ms }]) => (name.startsWith('ours') ? [p99Ms] : [])),
)
const worstMedian = Math.max(
  ...Object.entries(outcomes).flatMap(([name, { p50Ms }]) => (name.startsWith('ours') ? [p50Ms] : [])),
)
const rounded = (ms: number): string => ms.toPrecision(3)
publishReport({
  name: 'log-proofs',
  question: `How long does a proof from a log of ${SIZE / 1e6} million entries take?`,
  input: `leaves of ${LEAF_BYTES} bytes; ${PROOFS} proofs of entries spread over the log, one after the other, each checked against the signed root; ${COLD_PROOFS} where files are cold`,
  tables: [
    {
      title: 'Proofs',
      columns: ['', 'p50, ms', 'p99, ms', 'longest, ms'],
      rows: Object.entries(outcomes).map(([name, { p50Ms, p99Ms, maxMs }]) => [
        name,
        rounded(p50Ms),
        rounded(p99Ms),
        rounded(maxMs),
      ]),
    },
  ],
  aims: [
    { aim: 'median under 5 ms', found: `${rounded(worstMedian)} ms at worst`, isMet: worstMedian < AIM_MS },
    { aim: 'p99 under 5 ms', found: `${rounded(worst)} ms at worst`, isMet: worst < AIM_MS },
  ],
  remarks: [
    "A new view each time also checks both signatures of the checkpoint. Tessera's builder makes the proof alone: it reads no entry and checks nothing.",
  ],
  measurements: outcomes,
})
