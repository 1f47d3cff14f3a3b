/** A check of whole logs: each way in which one can be wrong is done to a copy of a good one, and told with its place. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { encodeUtf8, equalBytes } from '@fiducial/core/bytes/text.ts'
import { makeEntry } from '@fiducial/core/domain/log/entry.ts'
import { formatEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { CustodyStatement } from '@fiducial/core/domain/log/event-details.ts'
import { identityOf } from '@fiducial/core/domain/log/identity.ts'
import { signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { termsOfEvent } from '@fiducial/core/domain/log/terms.ts'
import { TIMESTAMP_POLICY } from '@fiducial/core/domain/trust/roles.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { createWasmHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { spkiOfVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { encodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { toyAuthority, toyClock, toyEvent, toyEventCrypto, toyHeader } from '@fiducial/core/testing/toy-events.ts'
import { toyToken } from '@fiducial/core/testing/toy-pki.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { type MemoryState, openMemoryLog } from '../../storage/log/memory.ts'
import { makeLogSigner, ORIGIN } from '../../testing/log-site.ts'
import { makeStatementEntry } from '../../testing/log-statements.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import type { TimestampAuthority } from '../ports.ts'
import type { EntryReader } from './check-bundle.ts'
import { type CheckOptions, type CheckPorts, checkLog, type LogReport } from './check-log.ts'
import { CompletenessMap } from './completeness.ts'
import { factsOfStatement } from './completeness-facts.ts'
import type { NewEntry } from './ports.ts'
import type { SiteLog } from './site-log.ts'

/** Real keys of the log, and those of toys: their seals have a digest in place of a signature. */
const crypto: Crypto = {
  hash: nativeCrypto.hash,
  verifyDigest: toyEventCrypto.verifyDigest,
  verifyMessage: (spki, message, signature) =>
    nativeCrypto.verifyMessage(spki, message, signature) ||
    toyEventCrypto.verifyMessage(spki, message, signature) ||
    equalBytes(signature, digestOf(nativeCrypto.hash, 'sha512', message)),
}
const anchors = { roots: [toyClock], intermediates: [], crls: [] }
const clockOf = (certificate = toyClock): TimestampAuthority => ({
  timestamp: async (name, digest) =>
    toyToken(
      { policy: TIMESTAMP_POLICY, imprint: { name, digest }, serial: '07', time: toyHeader.at, accuracyMs: 1 },
      certificate,
    ),
})

const toyMapOf = (state: MemoryState): CompletenessMap =>
  new CompletenessMap({
    archive: 'main',
    store: openMemoryLog(state).map,
    entries: async function* () {},
    factsOf: factsOfStatement,
    secret: new Uint8Array(32).fill(7),
    hashes: nativeCrypto.hash,
  })

function readerOf({ entries, identities }: MemoryState): EntryReader {
  return {
    entries: async (from, count) =>
      entries.slice(Number(from), Number(from) + count).map(({ entry: { payload, identity, terms }, isErased }) => ({
        payload: isErased ? 'erased' : payload,
        identity,
        terms,
      })),
    areFound: async (from, given) =>
      given.map((identity, i) => identities.get(encodeHex(identity)) === from + BigInt(i)),
  }
}

/** Everything of a log that a check can look at. */
function portsOf(state: MemoryState): CheckPorts {
  const { objects, published, head } = openMemoryLog(state)
  return {
    objects,
    published,
    reader: readerOf(state),
    own: { head, indexedSize: async () => BigInt(state.entries.length), map: toyMapOf(state) },
  }
}

/** What was found, as `flaw where`. */
const told = ({ findings }: LogReport): readonly string[] => findings.map(({ flaw, where }) => `${flaw} ${where}`)

describe('a check of a log', () => {
  const site = new MemorySite()
  const check = (ports: CheckPorts, options: Partial<CheckOptions> = {}): Promise<LogReport> =>
    checkLog(ports, { crypto, hasher: createWasmHasher(), policy: site.policy, anchors, ...options })
  /** A copy of the log with something done to it. */
  async function checkAfter(
    damage: (state: MemoryState) => unknown,
    options: Partial<CheckOptions> = {},
  ): Promise<readonly string[]> {
    const state = structuredClone(site.state)
    const result = damage(state)
    const ports = isPorts(result) ? result : portsOf(state)
    return told(await check(ports, options))
  }
  const isPorts = (value: unknown): value is CheckPorts =>
    typeof value === 'object' && value !== null && 'objects' in value
  const entryAt = ({ entries }: MemoryState, index: number): NewEntry => entries[index]?.entry ?? assert.fail()
  const change = (state: MemoryState, index: number, changes: Partial<NewEntry>): void => {
    state.entries[index] = { entry: { ...entryAt(state, index), ...changes }, isErased: false }
  }

  before(async () => {
    const authorities = [clockOf(), clockOf(toyAuthority('Stranger'))]
    await site.fill(
      async (log) => {
        await log.recorder.recordSeal(await makeToySeal({ uid: '2.25.501', study: '2.25.50' }))
        await log.recorder.recordSeal(await makeToySeal({ uid: '2.25.502', study: '2.25.50' }))
        await log.settle()
        // More than one bundle, and as many quotes of the checkpoint.
        for (let i = 0; i < 300; i++) await log.recorder.record({ ...toyEvent('forwarded'), at: new Date(i) })
        await log.erase(1n, { erasedBy: { id: 'u1', name: 'U' }, legalBasis: 'law' })
        await log.settle()
      },
      { authorities },
    )
  })

  it('finds nothing in a good one, and says what it looked at', async () => {
    const report = await check(portsOf(site.state))
    assert.deepEqual(told(report), [])
    assert.equal(report.origin, ORIGIN)
    assert.equal(report.entries, report.size)
    assert.equal(report.size, BigInt(site.state.entries.length))
    assert.equal(report.erased, 1)
    assert.equal(report.statements, site.state.entries.length - 1)
    // The toys that sealed have signatures of their own kind.
    assert.equal(report.signatures, report.statements)
    assert.equal(report.mapRoots, 2)
    assert.deepEqual([report.tokens, report.unknownTokens], [1, 1])
    assert.ok(report.quotes > 0)
  })

  it('tells how far it is', async () => {
    const seen: bigint[] = []
    const report = await check(portsOf(site.state), { onProgress: (entries) => seen.push(entries) })
    assert.deepEqual(seen, [256n, report.size])
  })

  it('looks at the public part alone, and at statements without what is said of them', async () => {
    const { objects, published, records } = openMemoryLog(site.state)
    const bare = await check({ objects, published })
    assert.deepEqual([told(bare), bare.statements, bare.signatures], [[], 0, 0])
    const stated = await check({ objects, published, records })
    assert.deepEqual([told(stated), stated.statements, stated.signatures], [[], site.state.entries.length - 1, 0])
  })

  it('leaves signatures out where it is told to', async () => {
    assert.equal((await check(portsOf(site.state), { checksSignatures: false })).signatures, 0)
  })

  it('takes bundles that were checked elsewhere', async () => {
    const numbers: bigint[] = []
    const report = await check(portsOf(site.state), {
      async *checkBundles(asked) {
        for (const number of asked) {
          numbers.push(number)
          yield {
            hashes: undefined,
            statements: 0,
            erased: 0,
            signatures: 0,
            findings: [],
            flaws: 2,
            quotes: [],
            own: [],
          }
        }
      },
    })
    // After one that cannot be read, no other makes sense.
    assert.deepEqual([numbers, report.entries, report.flaws], [[0n], 0n, 2])
  })

  it('ends when it is asked to', async () => {
    await assert.rejects(check(portsOf(site.state), { signal: AbortSignal.abort() }), { name: 'AbortError' })
  })

  describe('finds in the public part', () => {
    const publish = (state: MemoryState, note: string): void => void state.cells.set('published', note)
    const first = 'tile/entries/000'

    it('no checkpoint, or none that is signed', async () => {
      const { size, root } = (await site.view()).checkpoint.checkpoint
      const checkpoint = { origin: ORIGIN, size, root, extensions: [] }
      const foreign = await signCheckpoint(checkpoint, makeLogSigner(), 1n)
      assert.deepEqual(await checkAfter((state) => void state.cells.delete('published')), [
        'checkpoint_missing checkpoint',
      ])
      assert.deepEqual(await checkAfter((state) => publish(state, 'x\n')), ['checkpoint_malformed checkpoint'])
      assert.deepEqual(await checkAfter((state) => publish(state, foreign)), ['checkpoint_unsigned checkpoint'])
      const wrong = (await signCheckpoint(checkpoint, site.signer, 1n)).replace(`\n${size}\n`, `\n${size - 1n}\n`)
      assert.deepEqual(await checkAfter((state) => publish(state, wrong)), ['checkpoint_signature_wrong checkpoint'])
    })

    it('a checkpoint that no witness signed, where the policy asks for one', async () => {
      const { key } = makeLogSigner('witness.example/w').ed25519
      const policy = { ...site.policy, witnesses: [{ name: 'w', key }], quorum: 'w' }
      assert.deepEqual(await checkAfter(() => undefined, { policy }), ['quorum_missing checkpoint'])
    })

    it('another root', async () => {
      const { size } = (await site.view()).checkpoint.checkpoint
      const checkpoint = { origin: ORIGIN, size, root: new Uint8Array(32), extensions: [] }
      const note = await signCheckpoint(checkpoint, site.signer, 1n)
      assert.deepEqual(await checkAfter((state) => publish(state, note)), ['root_wrong checkpoint'])
    })

    it('a bundle that is missing or damaged, after which nothing can be said', async () => {
      assert.deepEqual(await checkAfter((state) => void state.objects.delete(first)), [`bundle_missing ${first}`])
      const path = `tile/entries/001.p/${site.state.entries.length - 256}`
      assert.deepEqual(await checkAfter((state) => void state.objects.delete(path)), [`bundle_missing ${path}`])
      assert.deepEqual(await checkAfter((state) => void state.objects.set(first, Uint8Array.of(0, 9))), [
        `bundle_malformed ${first}`,
      ])
    })

    it('an entry that is none, or another one', async () => {
      const leaves = site.state.entries.slice(0, 256).map(({ entry }) => entry.leaf)
      const other = leaves.with(7, makeStatementEntry('x').leaf)
      const report = await checkAfter((state) => void state.objects.set(first, encodeBundle(other)))
      assert.deepEqual(report.slice(0, 2), ['statement_wrong entry 7', 'tile_wrong tile/0/000'])
      assert.equal(report.at(-1), 'root_wrong checkpoint')
      const none = leaves.with(7, encodeUtf8('{}'))
      const second = await checkAfter((state) => void state.objects.set(first, encodeBundle(none)))
      assert.equal(second[0], 'entry_malformed entry 7')
    })

    it('tiles that are missing or damaged', async () => {
      const path = `tile/0/001.p/${site.state.entries.length - 256}`
      assert.deepEqual(await checkAfter((state) => void state.objects.delete('tile/0/000')), [
        'tile_missing tile/0/000',
      ])
      assert.deepEqual(await checkAfter((state) => void state.objects.delete(path)), [`tile_missing ${path}`])
      const damaged = (state: MemoryState): void => {
        const tile = state.objects.get('tile/0/000') ?? assert.fail()
        tile[40] = (tile[40] as number) ^ 1
      }
      assert.deepEqual(await checkAfter(damaged), ['tile_wrong tile/0/000'])
      const longer = (state: MemoryState): void => {
        const tile = state.objects.get(path) ?? assert.fail()
        state.objects.set(path, Uint8Array.of(...tile, ...tile.subarray(0, 32)))
      }
      assert.deepEqual(await checkAfter(longer), [`tile_wrong ${path}`], 'a partial tile with more than its own')
    })
  })

  describe('finds beside the entries', () => {
    it('another statement, or none', async () => {
      assert.deepEqual(await checkAfter((state) => change(state, 9, { payload: encodeUtf8('{}') })), [
        'statement_wrong entry 9',
      ])
      const removed = (state: MemoryState): void => {
        const { payload: _, ...rest } = entryAt(state, 9)
        state.entries[9] = { entry: rest, isErased: false }
      }
      assert.deepEqual(await checkAfter(removed), ['statement_missing entry 9'])
      assert.deepEqual(await checkAfter((state) => void state.entries.pop()), [
        `statement_missing entry ${site.state.entries.length - 1}`,
        `index_behind index of ${site.state.entries.length - 1} entries`,
      ])
    })

    it('an index that cannot be read, and goes on', async () => {
      const broken = await checkAfter((state) => ({
        ...portsOf(state),
        reader: {
          async entries(from: bigint, count: number) {
            if (from > 0n) throw new StoreError('log_corrupted', 'a row')
            return (await readerOf(state).entries(from, count)) ?? []
          },
        },
      }))
      assert.deepEqual(broken, [`index_damaged entries 256 to ${site.state.entries.length - 1}`])
    })

    it('an identity by which another entry is found, or none', async () => {
      const { identity } = entryAt(site.state, 9)
      assert.deepEqual(await checkAfter((state) => void state.identities.set(encodeHex(identity), 8n)), [
        'identity_wrong entry 9',
      ])
      const other = new Uint8Array(32).fill(1)
      const renamed = (state: MemoryState): void => {
        change(state, 9, { identity: other })
        state.identities.set(encodeHex(other), 9n)
      }
      assert.deepEqual(await checkAfter(renamed), ['identity_wrong entry 9'])
    })

    it('terms by which it would not be found, or that are not its own', async () => {
      const { terms } = entryAt(site.state, 9)
      const further = [...terms, { kind: 'person', value: 'u7' } as const]
      for (const wrong of [[], terms.slice(1), further, terms.with(0, { kind: 'type', value: 'received' })]) {
        assert.deepEqual(await checkAfter((state) => change(state, 9, { terms: wrong })), ['terms_wrong entry 9'])
      }
      assert.deepEqual(await checkAfter((state) => change(state, 9, { terms: terms.toReversed() })), [])
    })
  })

  describe('finds in what was logged', () => {
    /** A log with some more entries; the first of them is the one after the last. */
    async function checkWith(more: (log: SiteLog) => Promise<unknown>): Promise<readonly string[]> {
      const other = new MemorySite(site.signer)
      await other.fill(async (log) => {
        for (let i = 0; i < 3; i++) await log.recorder.record({ ...toyEvent('forwarded'), at: new Date(i) })
        await more(log)
      })
      return told(await check({ ...portsOf(other.state), own: undefined }))
    }
    const sign = async (statement: CustodyStatement, signature?: Uint8Array): Promise<NewEntry> => {
      const payload = formatEventStatement(statement)
      const spki = spkiOfVerifierKey(site.signer.ed25519.key)
      return {
        leaf: makeEntry({ payload, signature: signature ?? new Uint8Array(64), spki }, nativeCrypto.hash),
        identity: identityOf(payload, nativeCrypto.hash),
        payload,
        terms: termsOfEvent(statement),
      }
    }
    const stated = (type: Parameters<typeof toyEvent>[0], changes: object): CustodyStatement => {
      const event = toyEvent(type, { checkpoint: null })
      return { ...event, details: { ...event.details, ...changes } } as CustodyStatement
    }

    it('a signature that is not right', async () => {
      const entry = await sign(toyEvent('received', { checkpoint: null }))
      assert.deepEqual(await checkWith((log) => log.log.append(entry)), ['signature_wrong entry 3'])
    })

    it('a statement that is no event', async () => {
      const found = await checkWith((log) => log.log.append(makeStatementEntry('x')))
      assert.deepEqual(found, ['signature_wrong entry 3', 'event_malformed entry 3'])
    })

    it('a quoted checkpoint that the log never had, or one of later', async () => {
      const quote = (size: bigint, origin = ORIGIN) => ({ origin, size, root: new Uint8Array(32).fill(5) })
      const record = (size: bigint, origin?: string) =>
        checkWith((log) => log.recorder.recordStatement(toyEvent('received', { checkpoint: quote(size, origin) })))
      assert.deepEqual(await record(2n), ['quote_wrong entry 3'])
      assert.deepEqual(await record(5n), ['quote_wrong entry 3'])
      // Nobody here knows what another log was like.
      assert.deepEqual(await record(2n, 'other.example/log'), [])
    })

    it('a timestamp of a checkpoint that is not of this log, and a token of another one', async () => {
      const root = new Uint8Array(32).fill(5)
      const note = await signCheckpoint({ origin: ORIGIN, size: 2n, root, extensions: [] }, site.signer, 1n)
      const tokens = [await clockOf().timestamp('sha256', new Uint8Array(32))]
      const statement = stated('timestamped', { note, root, tokens })
      assert.deepEqual(await checkWith((log) => log.recorder.recordStatement(statement)), [
        'token_wrong entry 3',
        'stamp_wrong entry 3',
      ])
    })

    it('map roots that take something back, or know what came after them', async () => {
      const root = { archive: 'main', size: 2n, studies: 2n, instances: 2n }
      const both = (changes: object) =>
        checkWith(async (log) => {
          await log.recorder.recordStatement(stated('map-root', root))
          await log.recorder.recordStatement(stated('map-root', { ...root, size: 3n, ...changes }))
        })
      assert.deepEqual(await both({}), [])
      for (const changes of [
        { studies: 1n },
        { size: 1n },
        { archive: 'other' },
        { blinding: root && new Uint8Array(32) },
        { size: 5n },
      ])
        assert.deepEqual(await both(changes), ['map_root_wrong entry 4'])
    })
  })

  describe('finds in what only its keeper has', () => {
    it('a head that is missing, forged, or older than what is published', async () => {
      const head = (note?: string) =>
        checkAfter((state) => void (note === undefined ? state.cells.delete('head') : state.cells.set('head', note)))
      const at = (size: bigint, root: Uint8Array = new Uint8Array(32)) => ({
        origin: ORIGIN,
        size,
        root,
        extensions: [],
      })
      const { size, root } = (await site.view()).checkpoint.checkpoint
      for (const note of [
        undefined,
        'x',
        await signCheckpoint(at(size, root), makeLogSigner(), 1n),
        await signCheckpoint(at(size), site.signer, 1n),
        await signCheckpoint(at(size + 1n), site.signer, 1n),
        await signCheckpoint(at(1n), site.signer, 1n),
      ])
        assert.deepEqual(await head(note), ['head_wrong head'])
      assert.deepEqual(await head(await signCheckpoint(at(size, root), site.signer, 5n)), [])
    })

    it('segments with another history, or damaged ones', async () => {
      const withSegments = (state: MemoryState, root: Uint8Array | 'damaged'): CheckPorts => ({
        ...portsOf(state),
        own: {
          async *segments() {
            if (root === 'damaged') throw new StoreError('log_corrupted', 'segment 0')
            yield { next: 200n, root }
          },
        },
      })
      const view = await site.view()
      const rootOf200 = await rootAt(view.size)
      assert.deepEqual(await checkAfter((state) => withSegments(state, rootOf200)), [])
      assert.deepEqual(await checkAfter((state) => withSegments(state, new Uint8Array(32))), [
        'segment_damaged batch before entry 200',
      ])
      assert.deepEqual(await checkAfter((state) => withSegments(state, 'damaged')), ['segment_damaged segment 0'])
    })

    /** Root over the first 200 entries. */
    async function rootAt(size: bigint): Promise<Uint8Array> {
      const proofs = await import('@fiducial/core/domain/log/tile-proofs.ts')
      const { tilesOf } = await import('./tiles-of.ts')
      return proofs.rootAt(200n, tilesOf(openMemoryLog(site.state).objects, size), createWasmHasher())
    }

    it('a map that is damaged, or not the one that the log speaks of', async () => {
      const [page] = [...site.state.nodes.keys()].filter((name) => name.startsWith('s'))
      const damaged = await checkAfter((state) => void state.nodes.delete(page ?? assert.fail()))
      assert.deepEqual(damaged, [`map_damaged study_damaged ${page}`])
      const emptied = await checkAfter((state) => {
        state.nodes.clear()
        state.head = undefined
      })
      assert.equal(emptied.length, 1)
      assert.match(emptied[0] ?? '', /^map_damaged it knows 0 entries/)
    })
  })
})
