/** What our logs say, judged by golang.org/x/mod/sumdb: checkpoints, whole trees, and proofs. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { proveConsistency, proveInclusion, rootAt } from '@fiducial/core/domain/log/tile-proofs.ts'
import { createWasmHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { askJudge, buildJudge, type GoLog, goSkip, hexOf, proofText, recordRequest, writeGoLog } from './log-go.ts'

const SIZE = 100_000
/** Around the borders of tiles, and anywhere. */
const SIZES = [1, 2, 3, 255, 256, 257, 511, 513, 65_279, 65_535, 65_536, 65_537, 65_792, 99_840, 99_999, SIZE]

describe('a log of 100,000 entries', { skip: goSkip }, () => {
  const folder = temporaryFolder()
  const below = seeded(100)
  const hasher = createWasmHasher()
  let log: GoLog
  let program: string
  before(async () => {
    program = buildJudge(folder)
    log = await writeGoLog(folder, SIZE, () => 1 + below(700))
  })
  const root = async (size: number): Promise<Uint8Array> => rootAt(BigInt(size), log.readTile, hasher)
  const allAccept = async (requests: readonly string[]): Promise<void> => {
    const answers = await askJudge(program, requests)
    for (const [i, answer] of answers.entries()) assert.equal(answer, 'ok', requests[i])
  }

  it('has a checkpoint that opens as a signed note', async () => {
    const answers = await askJudge(program, [`checkpoint ${log.folder}/checkpoint ${log.verifierKey}`])
    assert.deepEqual(answers, [`ok ${SIZE} ${log.root}`])
  })

  it('is one whole tree: entries, tiles of all levels, and proofs from tiles', async () => {
    await allAccept([`tree ${log.folder} ${SIZE} ${log.root}`])
  })

  it('holds whole trees of smaller sizes, once the partial tiles of then are full', async () => {
    const requests = SIZES.filter((size) => size <= 65_537).map(
      async (size) => `tree ${log.folder} ${size} ${hexOf(await root(size))}`,
    )
    await allAccept(await Promise.all(requests))
  })

  it('acknowledges entries with proofs that hold', async () => {
    const requests = log.acknowledged.map((claim) =>
      recordRequest({ ...claim, leafHash: log.leafHashes[claim.index] as Uint8Array }),
    )
    assert.ok(requests.length > 500)
    await allAccept(requests)
  })

  it('proves entries from tiles, in trees of many sizes', async () => {
    const requests: string[] = []
    for (let i = 0; i < 1000; i++) {
      const size = i < 500 ? (SIZES[i % SIZES.length] as number) : 1 + below(SIZE)
      const index = i % 7 === 0 ? size - 1 : below(size)
      const proof = await proveInclusion(BigInt(index), BigInt(size), log.readTile, hasher)
      const leafHash = log.leafHashes[index] as Uint8Array
      requests.push(recordRequest({ index, size: BigInt(size), root: await root(size), proof, leafHash }))
    }
    await allAccept(requests)
  })

  it('proves that it only grew, between many sizes', async () => {
    const pairs = SIZES.flatMap((second) => SIZES.map((first) => [first, second] as const))
    for (let i = 0; i < 300; i++) {
      const second = 1 + below(SIZE)
      pairs.push([1 + below(second), second])
    }
    const requests: string[] = []
    for (const [first, second] of pairs.filter(([first, second]) => first <= second)) {
      const proof = await proveConsistency(BigInt(first), BigInt(second), log.readTile, hasher)
      const sizes = `${first} ${hexOf(await root(first))} ${second} ${hexOf(await root(second))}`
      requests.push(`grown ${sizes} ${proofText(proof)}`)
    }
    assert.ok(requests.length > 400)
    await allAccept(requests)
  })
})
