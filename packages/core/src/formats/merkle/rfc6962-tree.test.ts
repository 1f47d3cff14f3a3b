import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { digestOf } from '../../bytes/hash.ts'
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { hashLeaf, hashTree, type Inclusion, MerkleTree, verifyInclusion, verifyInclusionOfHash } from './tree.ts'

const hashes = portableCrypto.hash
const sha256 = (...pieces: readonly Uint8Array[]): Uint8Array => digestOf(hashes, 'sha256', ...pieces)
const entriesOf = (size: number): readonly Uint8Array[] =>
  Array.from({ length: size }, (_, i) => Uint8Array.of(i & 255, i >> 8, 42))

/** The definition of RFC 6962 section 2.1, word for word. */
function plainHash(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length === 0) return sha256()
  if (entries.length === 1) return sha256(Uint8Array.of(0), entries[0] as Uint8Array)
  const k = splitOf(entries.length)
  return sha256(Uint8Array.of(1), plainHash(entries.slice(0, k)), plainHash(entries.slice(k)))
}

/** The definition of RFC 6962 section 2.1.1, word for word. */
function plainPath(index: number, entries: readonly Uint8Array[]): readonly Uint8Array[] {
  if (entries.length === 1) return []
  const k = splitOf(entries.length)
  if (index < k) return [...plainPath(index, entries.slice(0, k)), plainHash(entries.slice(k))]
  return [...plainPath(index - k, entries.slice(k)), plainHash(entries.slice(0, k))]
}

/** The largest power of two below n. */
function splitOf(n: number): number {
  let k = 1
  while (2 * k < n) k *= 2
  return k
}

/** Source: the entries and roots of the test vectors of certificate-transparency-go, testonly/testdata. */
const vectors: readonly { readonly entries: readonly string[]; readonly root: string }[] = [
  { entries: [], root: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
  { entries: [''], root: '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d' },
  { entries: ['', '00'], root: 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125' },
  { entries: ['', '00', '10'], root: 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77' },
]

describe('MerkleTree', () => {
  for (const { entries, root } of vectors) {
    it(`gives the published root over ${entries.length} entries`, () => {
      assert.equal(encodeHex(new MerkleTree(hashes, entries.map(decodeHex)).root), root)
    })
  }

  it('gives the root of the definition for every size from 0 to 300, kept or streamed', () => {
    for (let size = 0; size <= 300; size++) {
      const entries = entriesOf(size)
      const expected = encodeHex(plainHash(entries))
      const tree = new MerkleTree(hashes, entries)
      assert.equal(encodeHex(tree.root), expected, `size ${size}`)
      assert.equal(tree.size, BigInt(size))
      assert.equal(encodeHex(hashTree(hashes, entries)), expected, `size ${size}, streamed`)
    }
  })

  it('gives the paths of the definition', () => {
    for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 31, 33]) {
      const entries = entriesOf(size)
      const tree = new MerkleTree(hashes, entries)
      for (let i = 0; i < size; i++) {
        assert.deepEqual(tree.prove(BigInt(i)).map(encodeHex), plainPath(i, entries).map(encodeHex), `${i} of ${size}`)
      }
    }
  })

  it('refuses to prove what it does not hold', () => {
    const tree = new MerkleTree(hashes, entriesOf(3))
    for (const index of [-1n, 3n, 1n << 40n]) assert.throws(() => tree.prove(index), RangeError)
    assert.throws(() => new MerkleTree(hashes, []).prove(0n), RangeError)
  })
})

describe('verifyInclusion', () => {
  it('accepts every entry of every size up to 70, and some of sizes up to 300', () => {
    const sizes = [...Array.from({ length: 70 }, (_, i) => i + 1), 127, 128, 129, 255, 256, 257, 300]
    for (const size of sizes) {
      const entries = entriesOf(size)
      const tree = new MerkleTree(hashes, entries)
      for (let i = 0; i < size; i += size > 70 ? 7 : 1) {
        assert.ok(verifyInclusion(hashes, claim(tree, entries, i)), `${i} of ${size}`)
      }
    }
  })

  it('refuses every other entry, place, size, path and root', () => {
    for (const size of [1, 2, 3, 5, 6, 8, 11]) {
      const entries = entriesOf(size)
      const tree = new MerkleTree(hashes, entries)
      for (let i = 0; i < size; i++) {
        const good = claim(tree, entries, i)
        const others: readonly Partial<Inclusion>[] = [
          ...entries.filter((_, k) => k !== i).map((entry) => ({ entry })),
          ...entries.map((_, k) => ({ index: BigInt(k) })).filter(({ index }) => index !== good.index),
          { index: -1n },
          { index: good.size },
          { size: 0n },
          { root: sha256() },
          { root: good.root.subarray(1) },
          { proof: [...good.proof, sha256()] },
          ...good.proof.map((_, k) => ({ proof: good.proof.toSpliced(k, 1) })),
          ...good.proof.map((_, k) => ({ proof: good.proof.toSpliced(k, 1, sha256()) })),
          { proof: Array.from({ length: 64 }, () => sha256()) },
        ]
        for (const other of others) assert.equal(verifyInclusion(hashes, { ...good, ...other }), false)
      }
    }
  })

  it('tells an entry from a node', () => {
    // An attacker hands in two digests of the tree as if they were one entry.
    const entries = entriesOf(4)
    const tree = new MerkleTree(hashes, entries)
    const [left, right] = [plainHash(entries.slice(0, 2)), plainHash(entries.slice(2))]
    const entry = Uint8Array.from([...left, ...right])
    assert.equal(verifyInclusion(hashes, { entry, index: 0n, size: 1n, proof: [], root: tree.root }), false)
  })

  it('takes sizes beyond 2^53', () => {
    const entry = Uint8Array.of(1)
    const leaf = sha256(Uint8Array.of(0), entry)
    const left = sha256()
    const root = sha256(Uint8Array.of(1), left, leaf)
    const size = (1n << 60n) + 1n
    assert.ok(verifyInclusion(hashes, { entry, index: size - 1n, size, proof: [left], root }))
    assert.equal(verifyInclusion(hashes, { entry, index: size - 2n, size, proof: [left], root }), false)
  })
})

describe('verifyInclusionOfHash', () => {
  const entries = entriesOf(11)
  const tree = new MerkleTree(hashes, entries)

  it('accepts the leaf hash where the entry is accepted', () => {
    for (let i = 0; i < entries.length; i++) {
      const { entry, ...good } = claim(tree, entries, i)
      assert.ok(verifyInclusionOfHash(hashes, { ...good, leafHash: hashLeaf(hashes, entry) }))
    }
  })

  it('refuses every other leaf hash, a flipped byte among them', () => {
    for (let i = 0; i < entries.length; i++) {
      const { entry, ...good } = claim(tree, entries, i)
      const others = entries.filter((_, k) => k !== i).map((other) => hashLeaf(hashes, other))
      for (let byte = 0; byte < 32; byte++) {
        const flipped = hashLeaf(hashes, entry)
        flipped[byte] = (flipped[byte] as number) ^ 0x80
        others.push(flipped)
      }
      for (const leafHash of others) assert.equal(verifyInclusionOfHash(hashes, { ...good, leafHash }), false)
    }
  })

  it('refuses digests that have not 32 bytes, even if their bytes are the right ones', () => {
    // A byte moved from the neighbour to the leaf hash: the node is made of the same 64 bytes.
    const { entry, proof, ...good } = claim(tree, entries, 0)
    const [neighbour, ...rest] = proof as [Uint8Array, ...Uint8Array[]]
    const longer = Uint8Array.of(...hashLeaf(hashes, entry), neighbour[0] as number)
    const moved = { ...good, leafHash: longer, proof: [neighbour.subarray(1), ...rest] }
    assert.equal(verifyInclusionOfHash(hashes, moved), false)
    assert.equal(verifyInclusionOfHash(hashes, { ...good, leafHash: new Uint8Array(0), proof }), false)
    assert.equal(
      verifyInclusionOfHash(hashes, { ...good, index: 0n, size: 1n, leafHash: longer, proof: [], root: longer }),
      false,
    )
  })
})

const claim = (tree: MerkleTree, entries: readonly Uint8Array[], i: number): Inclusion => ({
  entry: entries[i] as Uint8Array,
  index: BigInt(i),
  size: tree.size,
  proof: tree.prove(BigInt(i)),
  root: tree.root,
})
