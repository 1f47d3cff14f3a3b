import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeCanonicalJson } from '../../formats/json/canonical.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import { seeded } from '../../testing/seeded.ts'
import { ToyLog, toySigner } from '../../testing/toy-log.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { cosign } from './sign-checkpoint.ts'
import {
  findEquivocators,
  findPrefixRoot,
  formatSplitView,
  judgeSplitView,
  parseSplitView,
  type SplitView,
  splitViewId,
} from './split-view.ts'

const honest = new ToyLog(20)
const fork = honest.fork(4)
const foundAt = new Date('2026-03-03T10:14:00.123Z')
const hashes = portableCrypto.hash

/** What somebody has who saw `honest` at one size and `fork` at another. */
async function viewOf(first: number, second: number, parts: Partial<SplitView> = {}): Promise<SplitView> {
  return {
    origin: honest.origin,
    foundAt,
    smaller: { source: 'https://one.example/log', note: await honest.checkpoint(first) },
    larger: { source: 'https://two.example/log', note: await fork.checkpoint(second) },
    proof: [],
    ...parts,
  }
}

const judge = (view: SplitView, keys = honest.keys) => judgeSplitView(view, keys, portableCrypto)
const malformed = (error: unknown) => error instanceof FormatError && error.code === 'split_view_malformed'

describe('judgeSplitView', () => {
  it('finds two trees of one size proven', async () => {
    assert.equal(judge(await viewOf(9, 9)), 'proven')
  })

  it('finds a tree that begins with another proven, for each pair of sizes', async () => {
    for (let first = 5; first < 20; first++) {
      for (let second = first + 1; second <= 20; second++) {
        const proof = fork.prove(first, second)
        const view = await viewOf(first, second, { proof, prefixRoot: fork.root(first) })
        assert.equal(judge(view), 'proven')
      }
    }
  })

  it('finds what fits consistent, with a proof or of one size', async () => {
    assert.equal(judge(await viewOf(3, 3)), 'consistent')
    assert.equal(judge(await viewOf(3, 12, { proof: fork.prove(3, 12) })), 'consistent')
    // Even where somebody claims the contrary.
    const claimed = await viewOf(3, 12, { proof: fork.prove(3, 12), prefixRoot: sha256() })
    assert.equal(judge(claimed), 'consistent')
  })

  it('takes no root for proven that the proof does not start from', async () => {
    const proof = fork.prove(9, 12)
    assert.equal(judge(await viewOf(9, 12, { proof })), 'unproven')
    assert.equal(judge(await viewOf(9, 12, { proof, prefixRoot: sha256() })), 'unproven')
    assert.equal(judge(await viewOf(9, 12, { prefixRoot: fork.root(9) })), 'unproven')
    const short = await viewOf(9, 12, { proof: proof.slice(1), prefixRoot: fork.root(9) })
    assert.equal(judge(short), 'unproven')
    assert.equal(judge(await viewOf(12, 9, { proof, prefixRoot: fork.root(12) })), 'unproven')
  })

  it('accuses nobody on the word of others', async () => {
    const stranger = new ToyLog(9, { origin: 'stranger.example/log' })
    const good = await viewOf(9, 9)
    assert.equal(judge(good, stranger.keys), 'unsigned')
    assert.equal(judge(good, []), 'unsigned')
    assert.equal(judge({ ...good, origin: stranger.origin }), 'unsigned')
    const forged = { source: 'x', note: good.larger.note.replace('\n9\n', '\n8\n') }
    assert.equal(judge({ ...good, larger: forged }), 'unsigned')
    assert.equal(judge({ ...good, smaller: { source: 'x', note: 'no note' } }), 'unsigned')
    const theirs = { source: 'x', note: await stranger.checkpoint(9) }
    assert.equal(judge({ ...good, larger: theirs }, [...honest.keys, ...stranger.keys]), 'unsigned')
  })
})

describe('findEquivocators', () => {
  it('finds the log, and the witness that has cosigned both, and not the one that has cosigned one', async () => {
    const liar = toySigner('liar.example/w', 'cosignature-ed25519')
    const victim = toySigner('victim.example/w', 'cosignature-ed25519')
    const view = await viewOf(9, 12)
    const smaller = { source: 'a', note: view.smaller.note + (await cosign(view.smaller.note, [liar, victim], 5n)) }
    const larger = { source: 'b', note: view.larger.note + (await cosign(view.larger.note, [liar], 6n)) }
    const keys = [victim.key, liar.key, ...honest.keys]
    const found = findEquivocators({ ...view, smaller, larger }, keys, portableCrypto)
    assert.deepEqual(found, [liar.key, ...honest.keys])
    assert.deepEqual(findEquivocators({ ...view, smaller, larger }, [victim.key], portableCrypto), [])
    const forged = { source: 'b', note: larger.note.replace('\n12\n', '\n13\n') }
    assert.deepEqual(findEquivocators({ ...view, smaller, larger: forged }, keys, portableCrypto), [])
  })
})

describe('findPrefixRoot', () => {
  it('finds the other root in the proof, but for a first tree that is complete', () => {
    for (let first = 5; first < 20; first++) {
      const claim = {
        firstSize: BigInt(first),
        firstRoot: honest.root(first),
        secondSize: 20n,
        secondRoot: fork.root(),
        proof: fork.prove(first),
      }
      const expected = [8, 16].includes(first) ? undefined : fork.root(first)
      assert.deepEqual(findPrefixRoot(hashes, claim), expected)
      assert.equal(findPrefixRoot(hashes, { ...claim, firstRoot: fork.root(first) }), undefined)
      assert.equal(findPrefixRoot(hashes, { ...claim, secondRoot: honest.root() }), undefined)
      assert.equal(findPrefixRoot(hashes, { ...claim, proof: claim.proof.slice(1) }), undefined)
    }
  })

  it('finds none where there is nothing to prove', () => {
    const claim = { firstRoot: honest.root(3), secondSize: 3n, secondRoot: fork.root(3), proof: [] }
    for (const firstSize of [-1n, 0n, 3n, 4n]) assert.equal(findPrefixRoot(hashes, { ...claim, firstSize }), undefined)
  })
})

describe('splitViewId', () => {
  it('depends on what was seen, not on who saw it when', async () => {
    const view = await viewOf(9, 12)
    const id = splitViewId(view, hashes)
    assert.match(id, /^[0-9a-f]{64}$/)
    const elsewhere = { ...view, foundAt: new Date(0), larger: { ...view.larger, source: 'elsewhere' } }
    assert.equal(splitViewId(elsewhere, hashes), id)
    assert.notEqual(splitViewId({ ...view, prefixRoot: fork.root(9) }, hashes), id)
    assert.notEqual(splitViewId(await viewOf(9, 11), hashes), id)
    assert.notEqual(splitViewId({ ...view, smaller: view.larger, larger: view.smaller }, hashes), id)
  })
})

describe('parseSplitView', () => {
  it('reads what formatSplitView writes', async () => {
    for (const parts of [{}, { proof: fork.prove(9, 12) }, { proof: fork.prove(9, 12), prefixRoot: fork.root(9) }]) {
      const view = await viewOf(9, 12, parts)
      assert.deepEqual(parseSplitView(formatSplitView(view)), view)
    }
  })

  it('refuses fields that are missing, unknown, or of another kind', async () => {
    const good = JSON.parse(decodeUtf8(formatSplitView(await viewOf(9, 12, { prefixRoot: fork.root(9) }))))
    parseSplitView(encodeCanonicalJson(good))
    const wrong = [
      ...Object.keys(good).map((name) => ({ ...good, [name]: undefined })),
      { ...good, more: 1 },
      { ...good, format: 'fiducial.dev/split-view/v2' },
      { ...good, origin: '' },
      { ...good, origin: 'a\nb' },
      { ...good, foundAt: '2026-03-03' },
      { ...good, foundAt: '2026-02-30T10:14:00.123Z' },
      { ...good, smaller: null },
      { ...good, smaller: { source: 's' } },
      { ...good, larger: { ...good.larger, extra: true } },
      { ...good, larger: { source: '', note: 'n' } },
      { ...good, proof: [''] },
      { ...good, proof: ['AAAA'] },
      { ...good, proof: Array(64).fill(good.prefixRoot) },
      { ...good, prefixRoot: 'AAAA' },
      { ...good, prefixRoot: `${good.prefixRoot}A` },
    ]
    for (const value of wrong) {
      const members = Object.entries<JsonValue | undefined>(value).filter(([, member]) => member !== undefined)
      assert.throws(() => parseSplitView(encodeCanonicalJson(Object.fromEntries(members) as JsonObject)), malformed)
    }
    for (const value of [null, [], 'text', 3])
      assert.throws(() => parseSplitView(encodeCanonicalJson(value)), malformed)
  })

  it('refuses every other spelling, and whatever is no JSON', async () => {
    const good = decodeUtf8(formatSplitView(await viewOf(9, 12)))
    for (const text of [`${good}\n`, ` ${good}`, good.slice(0, -1), '', good.replace('"proof"', '"pro\\u006ff"')]) {
      assert.throws(() => parseSplitView(encodeUtf8(text)), malformed)
    }
  })

  it('lets only its own error out, and proves nothing from a document that was changed', async () => {
    const view = await viewOf(9, 12, { proof: fork.prove(9, 12), prefixRoot: fork.root(9) })
    const good = formatSplitView(view)
    const random = seeded(3)
    let read = 0
    for (let round = 0; round < 500; round++) {
      const bytes = good.slice()
      const at = random(bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 << random(8))
      try {
        const changed = parseSplitView(bytes)
        read++
        const isSame = splitViewId(changed, hashes) === splitViewId(view, hashes)
        if (judge(changed) === 'proven') assert.ok(isSame, 'what is proven is what was seen')
      } catch (error) {
        assert.ok(error instanceof FormatError)
      }
    }
    assert.ok(read > 0)
  })
})
