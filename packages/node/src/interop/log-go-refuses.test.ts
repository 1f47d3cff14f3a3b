/** What is wrong with a log, seen by golang.org/x/mod/sumdb as well: every kind of damage to files, notes and proofs. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { proveConsistency, proveInclusion, rootAt } from '@fiducial/core/domain/log/tile-proofs.ts'
import { createWasmHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { askJudge, buildJudge, type GoLog, goSkip, hexOf, proofText, recordRequest, writeGoLog } from './log-go.ts'

const SIZE = 1_100

describe('Go refuses', { skip: goSkip }, () => {
  const folder = temporaryFolder()
  const hasher = createWasmHasher()
  const below = seeded(11)
  let log: GoLog
  let program: string
  before(async () => {
    program = buildJudge(folder)
    log = await writeGoLog(folder, SIZE, () => 1 + below(300))
  })
  const root = async (size: number): Promise<Uint8Array> => rootAt(BigInt(size), log.readTile, hasher)
  /** Asks the first request as a check that the others differ from it by their damage only. */
  const onlyFirstHolds = async (requests: readonly string[]): Promise<void> => {
    const [first, ...others] = await askJudge(program, requests)
    assert.match(first as string, /^ok/, requests[0])
    for (const [i, answer] of others.entries()) assert.match(answer, /^refused /, requests[i + 1])
  }

  it('a log with one bit of any file changed', async () => {
    const whole = `tree ${log.folder} ${SIZE} ${log.root}`
    const requests = [whole]
    for (const [path, { length }] of log.files) {
      const step = path.includes('entries') ? 409 : 37
      for (let byte = below(step); byte < length; byte += step) requests.push(`${whole} ${path} ${byte}`)
      requests.push(`${whole} ${path} 0`, `${whole} ${path} ${length - 1}`)
    }
    assert.ok(requests.length > 1000)
    await onlyFirstHolds(requests)
  })

  it('a log under the root of another size, or as one of another size', async () => {
    await onlyFirstHolds([
      `tree ${log.folder} ${SIZE} ${log.root}`,
      `tree ${log.folder} ${SIZE} ${hexOf(await root(SIZE - 1))}`,
      `tree ${log.folder} ${SIZE - 1} ${log.root}`,
      `tree ${log.folder} ${SIZE + 1} ${log.root}`,
    ])
  })

  it('a checkpoint with any byte of its text or of the signature changed, and one of another key', async () => {
    const signed = Buffer.from(log.checkpoint)
    const firstLine = signed.indexOf('—')
    const end = signed.indexOf('\n', firstLine)
    // Go's base64 does not look at the two bits behind the last byte; ours does, and refuses them.
    const looseBits = signed.lastIndexOf('=', end) - 1
    assert.equal(signed[looseBits + 1], '='.charCodeAt(0))
    const requests = [`checkpoint ${log.folder}/checkpoint ${log.verifierKey}`]
    for (let byte = 0; byte <= end; byte++) {
      if (byte === looseBits) continue
      const damaged = Buffer.from(signed)
      damaged[byte] = (damaged[byte] as number) ^ 1
      const file = join(folder, `checkpoint-${byte}`)
      writeFileSync(file, damaged)
      requests.push(`checkpoint ${file} ${log.verifierKey}`)
    }
    const [name, , key] = log.verifierKey.split('+')
    requests.push(`checkpoint ${log.folder}/checkpoint ${name}+00000000+${key}`)
    requests.push(
      `checkpoint ${log.folder}/checkpoint ${(await writeGoLog(join(folder, 'other'), 1, () => 1)).verifierKey}`,
    )
    await onlyFirstHolds(requests)
  })

  it('a proof of an entry with any byte changed, or for another entry, place, size or root', async () => {
    for (const [index, size] of [
      [0, 2],
      [700, SIZE],
      [SIZE - 1, SIZE],
      [255, 256],
      [300, 1024],
    ] as const) {
      const proof = await proveInclusion(BigInt(index), BigInt(size), log.readTile, hasher)
      const leafHash = log.leafHashes[index] as Uint8Array
      const good = { index, size: BigInt(size), root: await root(size), proof, leafHash }
      const other = index === 0 ? 1 : index - 1
      const changes: readonly Partial<typeof good>[] = [
        ...proof.flatMap((digest, i) => flips(digest).map((flipped) => ({ proof: proof.with(i, flipped) }))),
        ...flips(leafHash).map((flipped) => ({ leafHash: flipped })),
        ...flips(good.root).map((flipped) => ({ root: flipped })),
        ...proof.map((_, i) => ({ proof: proof.toSpliced(i, 1) })),
        ...proof.map((digest, i) => ({ proof: proof.toSpliced(i, 0, digest) })),
        { index: other },
        { leafHash: log.leafHashes[other] as Uint8Array },
        { root: await root(size - 1) },
        { size: BigInt(size - 1), root: await root(size - 1) },
      ]
      await onlyFirstHolds([good, ...changes.map((change) => ({ ...good, ...change }))].map(recordRequest))
    }
  })

  it('a proof of growth with any byte changed, or between other sizes or roots', async () => {
    for (const [first, second] of [
      [1, 2],
      [256, 300],
      [300, SIZE],
      [1024, SIZE],
      [1000, 1001],
    ] as const) {
      const proof = await proveConsistency(BigInt(first), BigInt(second), log.readTile, hasher)
      const [before, after] = [await root(first), await root(second)]
      const request = (m: number, old: Uint8Array, n: number, now: Uint8Array, path: readonly Uint8Array[]): string =>
        `grown ${m} ${hexOf(old)} ${n} ${hexOf(now)} ${proofText(path)}`
      await onlyFirstHolds([
        request(first, before, second, after, proof),
        ...proof.flatMap((digest, i) =>
          flips(digest).map((flipped) => request(first, before, second, after, proof.with(i, flipped))),
        ),
        ...flips(before).map((flipped) => request(first, flipped, second, after, proof)),
        ...flips(after).map((flipped) => request(first, before, second, flipped, proof)),
        ...proof.map((_, i) => request(first, before, second, after, proof.toSpliced(i, 1))),
        request(first, before, second, after, [...proof, before]),
        request(first + 1, await root(first + 1), second, after, [...proof, before]),
        request(first, before, second - 1, await root(second - 1), [...proof, after]),
      ])
    }
  })
})

/** A digest with one bit changed, of each byte in turn. */
const flips = (digest: Uint8Array): readonly Uint8Array[] =>
  Array.from(digest, (byte, i) => digest.slice().with(i, byte ^ (1 << (i % 8))))
