import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { equalBytes } from '../../../bytes/text.ts'
import { FormatError, StoreError } from '../../../errors.ts'
import { JsonFields } from '../../../formats/json/fields.ts'
import { type JsonValue, parseJson } from '../../../formats/json/parse.ts'
import { bitAt, commonBits, emptyMapRoot, hashMapLeaf, hashMapNode, prefixOf } from './map-hash.ts'
import { type MapEnd, type MapProof, readMapProof, verifyMapProof, writeMapProof } from './proof.ts'
import { proveKey } from './prove.ts'
import { hashes, keyOfBits, MemoryMap, type Pair, pairsFor, plainRoot, sha256 } from './testing/plain-map.ts'

const value = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

async function mapOf(pairs: readonly Pair[]): Promise<MemoryMap> {
  const map = new MemoryMap()
  if (pairs.length > 0) await map.apply(pairs)
  return map
}

/** Keys that a map does not have: some random, some that part from a key of the map at its last bits. */
function strangers(pairs: readonly Pair[], seed: number): readonly Uint8Array[] {
  const close = pairs.flatMap(({ key }, i) => {
    const bit = (i * 7) % 256
    return [key.with(bit >> 3, (key[bit >> 3] as number) ^ (0x80 >> (bit & 7)))]
  })
  const known = (key: Uint8Array): boolean => pairs.some((pair) => equalBytes(pair.key, key))
  return [...close, ...pairsFor(seed, 40).map(({ key }) => key)].filter((key) => !known(key))
}

describe('bits of a key', () => {
  const key = keyOfBits('10110')
  it('counts them from the highest of the first byte', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5].map((bit) => bitAt(key, bit)),
      [1, 0, 1, 1, 0, 0],
    )
    assert.equal(bitAt(value(1), 255), 1)
  })
  it('cuts a beginning off', () => {
    assert.deepEqual(prefixOf(value(0xff), 0), value(0))
    assert.deepEqual(prefixOf(value(0xff), 11), keyOfBits('1'.repeat(11)))
    assert.deepEqual(prefixOf(value(0xff), 256), value(0xff))
  })
  it('counts those in common', () => {
    assert.equal(commonBits(key, key), 256)
    for (let bit = 0; bit < 256; bit++) assert.equal(commonBits(value(0), keyOfBits(`${'0'.repeat(bit)}1`)), bit)
  })
})

describe('proveKey and verifyMapProof', () => {
  for (const [size, mask] of [
    [0, 255],
    [1, 255],
    [2, 255],
    [3, 255],
    [17, 255],
    [300, 255],
    [150, 0x11],
    [60, 1],
  ] as const) {
    it(`shows each of ${size} keys of mask ${mask}, and that others are missing`, async () => {
      const pairs = pairsFor(size, size, mask)
      const map = await mapOf(pairs)
      for (const pair of pairs) {
        const { value: found, proof } = await proveKey(hashes, map.read, map.root, pair.key)
        assert.deepEqual(found, pair.value)
        const claim = { root: map.root, key: pair.key, proof }
        assert.ok(verifyMapProof(hashes, { ...claim, value: pair.value }))
        assert.ok(!verifyMapProof(hashes, { ...claim, value: undefined }))
        assert.ok(!verifyMapProof(hashes, { ...claim, value: value(1) }))
      }
      for (const key of strangers(pairs, size + 1)) {
        const { value: found, proof } = await proveKey(hashes, map.read, map.root, key)
        assert.equal(found, undefined)
        assert.ok(verifyMapProof(hashes, { root: map.root, key, value: undefined, proof }))
        assert.ok(!verifyMapProof(hashes, { root: map.root, key, value: value(1), proof }))
      }
    })
  }

  it('shows with one proof the absence of no key that the map has', async () => {
    const pairs = pairsFor(40, 60)
    const map = await mapOf(pairs)
    for (const key of strangers(pairs, 41)) {
      const { proof } = await proveKey(hashes, map.read, map.root, key)
      for (const pair of pairs) {
        assert.ok(!verifyMapProof(hashes, { root: map.root, key: pair.key, value: undefined, proof }))
        assert.ok(!verifyMapProof(hashes, { root: map.root, key: pair.key, value: pair.value, proof }))
      }
    }
  })

  it('shows with the proof of one key nothing about another', async () => {
    const pairs = pairsFor(42, 40)
    const map = await mapOf(pairs)
    for (const { key } of pairs) {
      const { proof } = await proveKey(hashes, map.read, map.root, key)
      for (const other of pairs) {
        if (other.key === key) continue
        assert.ok(!verifyMapProof(hashes, { root: map.root, key: other.key, value: other.value, proof }))
        assert.ok(!verifyMapProof(hashes, { root: map.root, key: other.key, value: undefined, proof }))
      }
    }
  })

  it('shows nothing under a root of another map', async () => {
    const pairs = pairsFor(43, 30)
    const [map, other] = [await mapOf(pairs), await mapOf(pairs.slice(1))]
    for (const { key, value } of pairs) {
      const { proof } = await proveKey(hashes, map.read, map.root, key)
      assert.ok(!verifyMapProof(hashes, { root: other.root, key, value, proof }))
    }
  })

  it('refuses a proof with any bit of it changed', async () => {
    const pairs = pairsFor(44, 24)
    const map = await mapOf(pairs)
    let kinds = new Set<string>()
    for (const key of [...pairs.map((pair) => pair.key), ...strangers(pairs, 45)]) {
      const { value, proof } = await proveKey(hashes, map.read, map.root, key)
      kinds = kinds.add(proof.end.kind)
      for (const changed of mutationsOf(proof)) {
        assert.ok(!verifyMapProof(hashes, { root: map.root, key, value, proof: changed }), proof.end.kind)
      }
    }
    assert.deepEqual(kinds, new Set(['key', 'other', 'fork']))
  })

  it('answers false for malformed evidence and throws nothing', () => {
    const [{ key }] = pairsFor(46, 1) as [Pair]
    const short = new Uint8Array(31)
    const step = { bit: 3, hash: value(1) }
    const node = { bit: 9, prefix: value(0), left: value(1), right: value(2) }
    const ends: readonly MapEnd[] = [
      { kind: 'key' },
      { kind: 'empty' },
      { kind: 'other', key: short, value: value(1) },
      { kind: 'other', key: value(1), value: short },
      { kind: 'other', key, value: value(1) },
      { kind: 'fork', ...node, bit: -1 },
      { kind: 'fork', ...node, bit: 256 },
      { kind: 'fork', ...node, bit: 1.5 },
      { kind: 'fork', ...node, prefix: value(0xff) },
      { kind: 'fork', ...node, left: short },
    ]
    const steps = [
      [],
      [step],
      [step, step],
      [{ ...step, bit: 300 }],
      [{ ...step, bit: Number.NaN }],
      [{ ...step, hash: short }],
    ]
    for (const end of ends) {
      for (const some of steps) {
        for (const claimed of [undefined, value(1), short]) {
          const claim = { key, value: claimed, proof: { end, steps: some } }
          assert.equal(verifyMapProof(hashes, { ...claim, root: value(9) }), false)
          assert.equal(verifyMapProof(hashes, { ...claim, root: short }), false)
          assert.equal(verifyMapProof(hashes, { ...claim, key: short, root: value(9) }), false)
        }
      }
    }
  })

  it('throws log_corrupted for a stored page that is not what its digest says', async () => {
    const pairs = pairsFor(47, 40)
    const map = await mapOf(pairs)
    const [{ key }] = pairs as [Pair]
    for (const bytes of map.nodes.values()) bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
    const isCorrupted = (error: unknown): boolean => error instanceof StoreError && error.code === 'log_corrupted'
    await assert.rejects(proveKey(hashes, map.read, map.root, key), isCorrupted)
    map.nodes.clear()
    await assert.rejects(proveKey(hashes, map.read, map.root, key), isCorrupted)
  })
})

describe('a root made to deceive', () => {
  const key = keyOfBits('0101')
  const leaf = hashMapLeaf(hashes, key, value(1))
  const other = hashMapLeaf(hashes, keyOfBits('1'), value(2))

  it('has no room for a second path to a key', () => {
    // Without the prefix in its digest, this inner node could pass for one of another place, and the key be denied.
    const inner = { bit: 2, prefix: keyOfBits('01'), left: leaf, right: other }
    const root = hashMapNode(hashes, { bit: 0, prefix: value(0), left: hashMapNode(hashes, inner), right: other })
    const up = { bit: 0, hash: other }
    for (let bit = 1; bit < 256; bit++) {
      for (const prefix of [keyOfBits('00'), keyOfBits('001'), keyOfBits('01'), prefixOf(key, bit)]) {
        const proof: MapProof = { end: { kind: 'fork', ...inner, bit, prefix }, steps: [up] }
        assert.ok(!verifyMapProof(hashes, { root, key, value: undefined, proof }))
      }
    }
  })

  it('cannot put a key where it does not belong, and then show it there', () => {
    const wrongSide = hashMapNode(hashes, { bit: 0, prefix: value(0), left: other, right: leaf })
    const wrongPrefix = hashMapNode(hashes, { bit: 2, prefix: keyOfBits('11'), left: leaf, right: other })
    for (const root of [wrongSide, wrongPrefix]) {
      for (let bit = 0; bit < 256; bit++) {
        const proof: MapProof = { end: { kind: 'key' }, steps: [{ bit, hash: other }] }
        assert.ok(!verifyMapProof(hashes, { root, key, value: value(1), proof }))
      }
    }
  })

  it('shows no absence by a key or node from another part of the map', () => {
    const stranger = keyOfBits('11')
    const root = hashMapNode(hashes, {
      bit: 0,
      prefix: value(0),
      left: hashMapLeaf(hashes, stranger, value(3)),
      right: other,
    })
    const proof: MapProof = { end: { kind: 'other', key: stranger, value: value(3) }, steps: [{ bit: 0, hash: other }] }
    assert.ok(!verifyMapProof(hashes, { root, key, value: undefined, proof }))
  })

  it('shows no absence in an empty map above which something stands', () => {
    const empty = emptyMapRoot(hashes)
    const root = hashMapNode(hashes, { bit: 0, prefix: value(0), left: empty, right: other })
    const proof: MapProof = { end: { kind: 'empty' }, steps: [{ bit: 0, hash: other }] }
    assert.ok(!verifyMapProof(hashes, { root, key, value: undefined, proof }))
    assert.ok(verifyMapProof(hashes, { root: empty, key, value: undefined, proof: { ...proof, steps: [] } }))
    assert.deepEqual(empty, plainRoot([]))
  })
})

describe('readMapProof', () => {
  const digest = 'ab'.repeat(32)
  const read = (value: JsonValue): MapProof => {
    const fields = new JsonFields(value, 'map_proof_malformed')
    const proof = readMapProof(fields)
    fields.finish()
    return proof
  }

  it('reads what writeMapProof writes', async () => {
    const pairs = pairsFor(50, 30)
    const map = await mapOf(pairs)
    for (const key of [...pairs.map((pair) => pair.key), ...strangers(pairs, 51)]) {
      const { proof } = await proveKey(hashes, map.read, map.root, key)
      assert.deepEqual(read(writeMapProof(proof)), proof)
    }
  })

  const refusals: readonly { readonly name: string; readonly text: string }[] = [
    { name: 'a proof without an end', text: '{"steps":[]}' },
    { name: 'an unknown end', text: '{"end":{"kind":"none"},"steps":[]}' },
    { name: 'an end with more than it needs', text: '{"end":{"kind":"key","bit":1},"steps":[]}' },
    { name: 'another key without its value', text: `{"end":{"kind":"other","key":"${digest}"},"steps":[]}` },
    { name: 'a short digest', text: `{"end":{"kind":"other","key":"${digest}","value":"ab"},"steps":[]}` },
    {
      name: 'a node without a side',
      text: `{"end":{"bit":1,"kind":"fork","left":"${digest}","prefix":"${digest}"},"steps":[]}`,
    },
    { name: 'a step past the last bit', text: `{"end":{"kind":"key"},"steps":[{"bit":256,"hash":"${digest}"}]}` },
    { name: 'a step before the first bit', text: `{"end":{"kind":"key"},"steps":[{"bit":-1,"hash":"${digest}"}]}` },
    { name: 'a bit as text', text: `{"end":{"kind":"key"},"steps":[{"bit":"1","hash":"${digest}"}]}` },
    { name: 'a step without a digest', text: '{"end":{"kind":"key"},"steps":[{"bit":1}]}' },
    {
      name: 'more steps than a key has bits',
      text: `{"end":{"kind":"key"},"steps":[${Array(257).fill(`{"bit":1,"hash":"${digest}"}`).join(',')}]}`,
    },
  ]
  for (const { name, text } of refusals) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => read(parseJson(text)),
        (error) => error instanceof FormatError && error.code === 'map_proof_malformed',
      )
    })
  }
})

/** A proof with one bit of one of its values changed, with a step more or less, or with steps changed over. */
function* mutationsOf(proof: MapProof): Iterable<MapProof> {
  const { end, steps } = proof
  for (const [i, step] of steps.entries()) {
    yield { end, steps: steps.toSpliced(i, 1) }
    yield { end, steps: steps.toSpliced(i, 0, step) }
    if (i > 0) yield { end, steps: steps.with(i, steps[i - 1] as typeof step).with(i - 1, step) }
    for (let bit = 0; bit < 8; bit++) yield { end, steps: steps.with(i, { ...step, bit: step.bit ^ (1 << bit) }) }
    for (let byte = 0; byte < 32; byte++) {
      yield { end, steps: steps.with(i, { ...step, hash: flip(step.hash, byte) }) }
    }
  }
  yield { end, steps: [...steps, { bit: 0, hash: sha256() }] }
  for (const kind of ['key', 'empty'] as const) if (end.kind !== kind) yield { end: { kind }, steps }
  if (end.kind === 'fork') for (let bit = 0; bit < 8; bit++) yield { steps, end: { ...end, bit: end.bit ^ (1 << bit) } }
  for (const [name, bytes] of Object.entries(end)) {
    if (!(bytes instanceof Uint8Array)) continue
    for (let byte = 0; byte < 32; byte++) yield { steps, end: { ...end, [name]: flip(bytes, byte) } }
  }
}

const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, (bytes[at] as number) ^ (1 << (at % 8)))
