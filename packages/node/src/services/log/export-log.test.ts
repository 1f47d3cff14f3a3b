import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { decodeUtf8, encodeUtf8, joinBytes } from '@fiducial/core/bytes/text.ts'
import { readTrustedRoot } from '@fiducial/core/domain/log/bundle-trust.ts'
import { type BundleTrust, verifyBundle } from '@fiducial/core/domain/log/bundle-verify.ts'
import { makeEntry, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { identityOf } from '@fiducial/core/domain/log/identity.ts'
import { keysOfSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { TIMESTAMP_POLICY } from '@fiducial/core/domain/trust/roles.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import { createWasmHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseWitnessPolicy, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import { toyClock, toyEvent, toyEventCrypto, toySigned } from '@fiducial/core/testing/toy-events.ts'
import { toyToken } from '@fiducial/core/testing/toy-pki.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { createMemoryState, type MemoryLog, openMemoryLog } from '../../storage/log/memory.ts'
import { makeLogEntry, makeLogOptions, makeLogSigner, ORIGIN } from '../../testing/log-site.ts'
import type { TimestampAuthority } from '../ports.ts'
import { openCustodyLog } from './custody-log.ts'
import {
  type ExportCounts,
  type ExportedFile,
  type ExportOptions,
  type ExportPorts,
  type ExportSelection,
  exportLog,
} from './export-log.ts'
import { openLogView } from './log-view.ts'
import type { NewEntry } from './ports.ts'
import { Recorder } from './recorder.ts'

const { hash } = nativeCrypto
const hasher = createWasmHasher()
const signer = makeLogSigner()
const keys = keysOfSigner(signer)
const policy: WitnessPolicy = { logs: keys.map((key) => ({ key })), witnesses: [], groups: [], quorum: 'none' }
const NOW = new Date('2026-03-03T10:14:00Z')
/** Real keys of the log, and toys for timestamps. */
const crypto: Crypto = { ...nativeCrypto, verifyDigest: toyEventCrypto.verifyDigest }
const verifying: Crypto = {
  ...crypto,
  verifyMessage: (spki, message, signature) =>
    nativeCrypto.verifyMessage(spki, message, signature) || toyEventCrypto.verifyMessage(spki, message, signature),
}

/** A toy authority; `times` are the ones that it reads off its clock, the last one for ever. */
function toyAuthority(...times: readonly Date[]): TimestampAuthority & { asked: number } {
  return {
    asked: 0,
    async timestamp(name, digest) {
      const time = times[Math.min(this.asked++, times.length - 1)] ?? new Date(NOW.getTime() + 2123)
      return toyToken(
        { policy: TIMESTAMP_POLICY, imprint: { name, digest }, serial: '07', time, accuracyMs: 1 },
        toyClock,
      )
    },
  }
}

/** A log with these entries, a recorder's events among them, that is closed again. */
async function makeLog(fill: (log: LogUnderTest) => Promise<void>): Promise<MemoryLog> {
  const ports = openMemoryLog(createMemoryState())
  const log = await openCustodyLog(ports, makeLogOptions(signer))
  const recorder = new Recorder(log, {
    crypto: nativeCrypto,
    random: (length) => new Uint8Array(length),
    now: () => NOW,
    signer: signer.ed25519,
    recorder: { id: 'gateway-1', name: 'Gateway' },
    isDemo: true,
  })
  await fill({ recorder, append: async (entry) => void (await log.append(entry)) })
  await log.close()
  return ports
}

interface LogUnderTest {
  readonly recorder: Recorder
  append(entry: NewEntry): Promise<void>
}

interface Surroundings {
  readonly ports?: Partial<ExportPorts>
  readonly options?: Partial<ExportOptions>
}

async function start(
  log: MemoryLog,
  selection: ExportSelection = {},
  { ports, options }: Surroundings = {},
  trusted = policy,
) {
  const view = await openLogView(log, { crypto: nativeCrypto, hasher, policy: trusted })
  return exportLog({ view: view ?? assert.fail(), records: log.records, authorities: [], ...ports }, selection, {
    crypto,
    policy: trusted,
    validFrom: new Date(0),
    ...options,
  })
}

/** An export as a folder would hold it. */
async function collect(files: AsyncIterable<ExportedFile>): Promise<Map<string, Uint8Array>> {
  const folder = new Map<string, Uint8Array>()
  for await (const { name, bytes, isContinued } of files) {
    const there = folder.get(name)
    assert.equal(there !== undefined, isContinued, name)
    folder.set(name, joinBytes([...(there === undefined ? [] : [there]), bytes]))
  }
  return folder
}

const run = async (...args: Parameters<typeof start>): Promise<Map<string, Uint8Array>> => collect(await start(...args))
const textOf = (folder: Map<string, Uint8Array>, name: string): string =>
  decodeUtf8(folder.get(name) ?? assert.fail(`no ${name}`))
const indexOf = (folder: Map<string, Uint8Array>): readonly Record<string, unknown>[] =>
  textOf(folder, 'index.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
const endings = (folder: Map<string, Uint8Array>): readonly string[] =>
  [...folder.keys()].flatMap((name) =>
    name.startsWith('events/') ? name.slice('events/'.length).replace(/^0*(?=\d)/, '') : [],
  )
const hasCode = (code: string) => (error: unknown) =>
  (error instanceof StoreError || error instanceof FormatError) && error.code === code

const images = (['received', 'verified', 'forwarded', 'flagged'] as const).map((type) => toyEvent(type))

describe('an export of a log', () => {
  let log: MemoryLog
  before(async () => {
    log = await makeLog(async ({ recorder }) => {
      for (const event of images) await recorder.record(event)
    })
    await log.records.erase(2n)
  })

  it('holds trust, a bundle and a proof of each event, and an index', async () => {
    const folder = await run(log)
    assert.deepEqual(
      [...folder.keys()],
      [
        'checkpoint',
        'log-keys.txt',
        'policy',
        'trusted_root.json',
        'events/00000000000000000000.sigstore.json',
        'events/00000000000000000000.tlog-proof',
        'events/00000000000000000001.sigstore.json',
        'events/00000000000000000001.tlog-proof',
        'events/00000000000000000002.tlog-proof',
        'events/00000000000000000002.leaf',
        'events/00000000000000000003.sigstore.json',
        'events/00000000000000000003.tlog-proof',
        'index.jsonl',
      ],
    )
    assert.equal(textOf(folder, 'checkpoint'), await log.published.read())
    assert.equal(textOf(folder, 'log-keys.txt'), keys.map((key) => `${formatVerifierKey(key)}\n`).join(''))
    assert.deepEqual(parseWitnessPolicy(folder.get('policy') ?? assert.fail(), hash), policy)
  })

  it('is verified with nothing but what it holds', async () => {
    const authorities = [toyAuthority(), toyAuthority()].map((authority) => ({ authority, chain: [toyClock] }))
    const folder = await run(log, {}, { ports: { authorities } })
    const { keys: named, anchors } = readTrustedRoot(folder.get('trusted_root.json') ?? assert.fail(), hash)
    assert.deepEqual(named, [signer.ed25519.key])
    const trust: BundleTrust = { keys, policy, anchors, signers: [], wantsTime: true }
    for (const index of [0, 1, 3]) {
      const report = verifyBundle(
        folder.get(`events/${`${index}`.padStart(20, '0')}.sigstore.json`) ?? assert.fail(),
        trust,
        verifying,
      )
      assert.equal(report.outcome, 'holds', JSON.stringify(report.checks))
      assert.equal(report.index, BigInt(index))
      assert.equal(report.checks.filter(({ subject }) => subject === 'time').length, 2)
      assert.equal(report.statement?.type, images[index]?.type)
    }
  })

  it('proves each event, the erased one by its leaf', async () => {
    const folder = await run(log)
    const { root, size } = await open()
    for (let index = 0n; index < 4n; index++) {
      const name = `events/${String(index).padStart(20, '0')}`
      const proof = parseTlogProof(folder.get(`${name}.tlog-proof`) ?? assert.fail())
      const entry = folder.get(`${name}.leaf`) ?? leafOfBundle(textOf(folder, `${name}.sigstore.json`))
      assert.equal(proof.index, index)
      assert.equal(proof.checkpoint, textOf(folder, 'checkpoint'))
      assert.ok(verifyInclusion(hash, { entry, index, size, proof: proof.hashes, root }))
    }
    assert.equal(readEntry(folder.get('events/00000000000000000002.leaf') ?? assert.fail()).payloadSha256.length, 32)
  })

  const open = async () => {
    const view = await openLogView(log, { crypto: nativeCrypto, hasher, policy })
    return view?.checkpoint.checkpoint ?? assert.fail()
  }
  const leafOfBundle = (json: string): Uint8Array => {
    const { verificationMaterial } = JSON.parse(json) as {
      verificationMaterial: { tlogEntries: [{ canonicalizedBody: string }] }
    }
    return new Uint8Array(Buffer.from(verificationMaterial.tlogEntries[0].canonicalizedBody, 'base64'))
  }

  it('lists what it holds, by digest, and ends with what it is', async () => {
    const folder = await run(log)
    const lines = indexOf(folder)
    const { root } = await open()
    assert.deepEqual(
      lines.slice(0, -1).map(({ index, type, at, state }) => [index, type, at, state]),
      [
        ['0', 'received', '2026-03-03T10:14:00.123Z', 'stated'],
        ['1', 'verified', '2026-03-03T10:14:00.123Z', 'stated'],
        ['2', null, null, 'erased'],
        ['3', 'flagged', '2026-03-03T10:14:00.123Z', 'stated'],
      ],
    )
    for (const { files } of lines.slice(0, -1)) {
      for (const { name, sha256 } of files as readonly { name: string; sha256: string }[]) {
        const digest = digestOf(hash, 'sha256', folder.get(name) ?? assert.fail(name))
        assert.equal(Buffer.from(digest).toString('hex'), sha256)
      }
    }
    assert.equal(
      new Set(lines.slice(0, -1).map(({ signer: key }) => key)).size,
      1,
      'the erased one, too, has its signer',
    )
    assert.deepEqual(lines.at(-1), {
      origin: ORIGIN,
      size: '4',
      root: Buffer.from(root).toString('hex'),
      from: '0',
      to: '4',
      events: '4',
      erased: '1',
    })
  })

  it('is the same each time, but for tokens', async () => {
    assert.deepEqual(await run(log), await run(log))
  })

  it('keeps the bundles of an earlier one that are right, tokens and all', async () => {
    const authority = toyAuthority(NOW, new Date(NOW.getTime() + 5001), new Date(NOW.getTime() + 9001))
    const authorities = [{ authority, chain: [toyClock] }]
    const options = { crypto: verifying }
    const first = await run(log, {}, { ports: { authorities }, options })
    const asked = authority.asked
    const name = 'events/00000000000000000001.sigstore.json'
    const again = (left: Map<string, Uint8Array>, changes: Partial<ExportPorts> = {}) =>
      run(log, {}, { ports: { authorities, earlier: async (path) => left.get(path), ...changes }, options })
    assert.deepEqual(await again(first), first)
    assert.equal(authority.asked, asked, 'no token is asked for')
    // What is damaged, of another event, or without a token is made anew.
    const bundle = first.get(name) ?? assert.fail()
    const other = first.get('events/00000000000000000000.sigstore.json') ?? assert.fail()
    const untimed = (await run(log)).get(name) ?? assert.fail()
    for (const left of [bundle.with(900, (bundle[900] as number) ^ 1), other, untimed, new Uint8Array(0)]) {
      const mended = await again(new Map(first).set(name, left))
      assert.notDeepEqual(mended.get(name), left)
      assert.deepEqual([...mended.keys()], [...first.keys()])
    }
    assert.deepEqual((await again(first, { authorities: [] })).get(name), untimed)
  })

  it('tells how far it is, and in the end how much there was', async () => {
    const seen: ExportCounts[] = []
    const files = await start(log, {}, { options: { onProgress: (counts) => seen.push(counts) } })
    let step = await files.next()
    while (step.done !== true) step = await files.next()
    assert.deepEqual(step.value, { events: 4n, erased: 1n })
    assert.deepEqual(
      seen.map(({ events, erased }) => `${events} ${erased}`),
      ['1 0', '2 0', '3 1', '4 1'],
    )
  })
})

describe('a selection', () => {
  let log: MemoryLog
  before(async () => {
    log = await makeLog(async ({ recorder }) => {
      for (const event of images) await recorder.record(event)
    })
  })

  it('is a range of entries', async () => {
    assert.deepEqual(endings(await run(log, { from: 1n, to: 2n })), ['1.sigstore.json', '1.tlog-proof'])
    assert.deepEqual(endings(await run(log, { from: 4n })), [])
    assert.deepEqual(
      indexOf(await run(log, { from: 2n, to: 2n })).map(({ events }) => events),
      ['0'],
    )
  })

  it('is a term, within a range', async () => {
    const terms = [{ kind: 'type', value: 'forwarded' }] as const
    assert.deepEqual(endings(await run(log, { terms })), ['2.sigstore.json', '2.tlog-proof'])
    assert.deepEqual(endings(await run(log, { terms, from: 3n })), [])
    assert.deepEqual(endings(await run(log, { terms: [{ kind: 'study', value: '2.25.1' }], from: 1n, to: 3n })), [
      '1.sigstore.json',
      '1.tlog-proof',
      '2.sigstore.json',
      '2.tlog-proof',
    ])
  })

  it('is refused where it is none, before anything is handed out', async () => {
    for (const [selection, expected] of [
      [{ from: -1n }, RangeError],
      [{ from: 3n, to: 2n }, RangeError],
      [{ from: 5n }, RangeError],
      [{ to: 5n }, hasCode('entry_missing')],
    ] as const) {
      await assert.rejects((await start(log, selection)).next(), expected)
    }
    const terms = [{ kind: 'type', value: 'received' }] as const
    await assert.rejects((await start(log, { terms }, { ports: { records: undefined } })).next(), RangeError)
  })

  it('is refused where no Ed25519 key of the log has signed', async () => {
    const logs = policy.logs.filter(({ key }) => key.type !== 'ed25519')
    await assert.rejects((await start(log, {}, {}, { ...policy, logs })).next(), RangeError)
  })
})

describe('entries without a bundle', () => {
  it('are those of a copy that has no statements', async () => {
    const log = await makeLog(async ({ recorder }) => void (await recorder.record(images[0] ?? assert.fail())))
    const folder = await run(log, {}, { ports: { records: undefined } })
    assert.deepEqual(endings(folder), ['0.tlog-proof', '0.leaf'])
    assert.equal(indexOf(folder)[0]?.state, 'absent')
  })

  it('are exported as they are: of other leaves, without statements, with statements that are no event', async () => {
    const other = encodeUtf8('{"a":1}')
    const large = encodeUtf8(`"${'a'.repeat(1024 * 1024)}"`)
    const log = await makeLog(async ({ append }) => {
      await append(makeLogEntry('no entry'))
      await append({ ...makeLogEntry('no entry either'), payload: other })
      for (const payload of [other, large]) {
        const { signature, spki } = await toySigned(toyEvent('received'))
        const leaf = makeEntry({ payload, signature, spki }, hash)
        await append({ leaf, payload, identity: identityOf(payload, hash), terms: [] })
      }
      const { leaf, identity } = await entryOf(encodeUtf8('[]'))
      await append({ leaf, identity, terms: [] })
    })
    const folder = await run(log)
    assert.deepEqual(
      indexOf(folder).map(({ state, type }) => [state, type]),
      [
        ['absent', null],
        ['absent', null],
        ['stated', null],
        ['large', null],
        ['absent', null],
        [undefined, undefined],
      ],
    )
    assert.deepEqual(folder.get('events/00000000000000000003.statement.json'), large)
    assert.deepEqual(
      endings(folder).filter((name) => name.startsWith('3.')),
      ['3.tlog-proof', '3.leaf', '3.statement.json'],
    )
  })
})

async function entryOf(payload: Uint8Array): Promise<NewEntry> {
  const { signature, spki } = await toySigned(toyEvent('received'))
  return {
    leaf: makeEntry({ payload, signature, spki }, hash),
    identity: identityOf(payload, hash),
    payload,
    terms: [],
  }
}

describe('timestamps of an export', () => {
  let log: MemoryLog
  before(async () => {
    log = await makeLog(async ({ recorder }) => {
      for (const event of images) await recorder.record(event)
    })
  })

  it('are asked for again where other verifiers could not read the time', async () => {
    const clumsy = [new Date('2026-03-03T10:14:01.120Z'), new Date('2026-03-03T10:14:01.500Z')]
    const counts = [
      [toyAuthority(...clumsy, new Date('2026-03-03T10:14:01.501Z')), 3],
      [toyAuthority(new Date('2026-03-03T10:14:02.000Z')), 1],
      // A clock that only knows such times gives the last one.
      [toyAuthority(...clumsy), 4],
    ] as const
    for (const [authority, asked] of counts) {
      const folder = await run(log, { to: 1n }, { ports: { authorities: [{ authority, chain: [toyClock] }] } })
      assert.equal(authority.asked, asked)
      assert.ok(folder.has('events/00000000000000000000.sigstore.json'))
    }
  })

  it('that cannot be had end the export, and the index says so by its missing end', async () => {
    const good = toyAuthority()
    let left = 2
    const authority: TimestampAuthority = {
      timestamp(name, digest) {
        if (left-- > 0) return good.timestamp(name, digest)
        throw new StoreError('service_unreachable', 'no answer')
      },
    }
    const files = await start(log, {}, { ports: { authorities: [{ authority, chain: [toyClock] }] } })
    const names: string[] = []
    await assert.rejects(async () => {
      for await (const { name } of files) names.push(name)
    }, hasCode('service_unreachable'))
    assert.ok(names.includes('events/00000000000000000001.sigstore.json'))
    assert.ok(!names.includes('events/00000000000000000002.tlog-proof') && !names.includes('index.jsonl'))
  })
})

describe('an export that cannot go on', () => {
  const fill = async ({ recorder }: LogUnderTest): Promise<void> => {
    for (const event of images) await recorder.record(event)
  }

  it('refuses a statement that is another one', async () => {
    const log = await makeLog(fill)
    const records = { ...bound(log), payload: async () => encodeUtf8('{}') }
    await assert.rejects(run(log, {}, { ports: { records } }), hasCode('log_corrupted'))
  })

  it('refuses tiles that do not come to the root', async () => {
    const state = createMemoryState()
    const ports = openMemoryLog(state)
    const log = await openCustodyLog(ports, makeLogOptions(signer))
    for (const name of ['a', 'b', 'c']) await log.append(makeLogEntry(name))
    await log.close()
    for (const [path, bytes] of state.objects) {
      if (path.startsWith('tile/0/'))
        state.objects.set(
          path,
          bytes.map((byte) => byte ^ 1),
        )
    }
    await assert.rejects(run(ports), hasCode('log_corrupted'))
  })

  it('stops when it is told to', async () => {
    const log = await makeLog(fill)
    const controller = new AbortController()
    const onProgress = ({ events }: ExportCounts): void => {
      if (events === 2n) controller.abort()
    }
    const files = await start(log, {}, { options: { signal: controller.signal, onProgress } })
    const names: string[] = []
    await assert.rejects(
      async () => {
        for await (const { name } of files) names.push(name)
      },
      { name: 'AbortError' },
    )
    assert.deepEqual(
      names.filter((name) => name.endsWith('.sigstore.json')).map((name) => name.slice(7, 27)),
      ['00000000000000000000', '00000000000000000001'],
    )
  })
})

const bound = ({ records }: MemoryLog): NonNullable<ExportPorts['records']> => ({
  payload: (index) => records.payload(index),
  find: (query) => records.find(query),
})

describe('a long export', () => {
  const SIZE = 2100
  let log: MemoryLog
  before(async () => {
    log = await makeLog(async ({ append }) => {
      await Promise.all(Array.from({ length: SIZE }, (_, i) => append(makeLogEntry(`${i}`))))
    })
  })

  it('has all of it, page by page, found by a term or not', async () => {
    for (const selection of [{}, { terms: [{ kind: 'type', value: 'test' } as const] }]) {
      const pages: number[] = []
      const lines: string[] = []
      for await (const { name, bytes } of await start(log, selection)) {
        if (name !== 'index.jsonl') continue
        const page = decodeUtf8(bytes).trimEnd().split('\n')
        pages.push(page.length)
        lines.push(...page)
      }
      assert.equal(lines.length, SIZE + 1)
      assert.ok(pages.length >= 3 && pages.every((length) => length <= 1000), `${pages}`)
      assert.deepEqual(
        lines.slice(0, -1).map((line) => (JSON.parse(line) as { index: string }).index),
        Array.from({ length: SIZE }, (_, i) => `${i}`),
      )
    }
  })

  it('reads a few events ahead and no more, however slowly it is taken', async () => {
    let read = 0
    let running = 0
    let most = 0
    const records: ExportPorts['records'] = {
      ...bound(log),
      async payload(index) {
        read++
        running++
        most = Math.max(most, running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return log.records.payload(index)
      },
    }
    const files = await start(log, {}, { ports: { records } })
    let taken = 0
    for await (const { name } of files) {
      if (!name.endsWith('.leaf')) continue
      taken++
      assert.ok(read - taken < 10, `${read} read, ${taken} taken`)
      if (taken === 100) break
    }
    assert.ok(most > 1 && most <= 8, `${most} at once`)
    assert.equal(running, 0, 'nothing is left running')
  })

  it('leaves no failure unseen when it is left early', async () => {
    const records: ExportPorts['records'] = {
      ...bound(log),
      async payload(index) {
        if (index > 2n) throw new StoreError('log_corrupted', 'unreadable')
        return log.records.payload(index)
      },
    }
    const files = await start(log, {}, { ports: { records } })
    for await (const { name } of files) if (name.endsWith('.leaf')) break
    // A rejection that nobody saw would have ended this test process.
    await new Promise((resolve) => setImmediate(resolve))
  })
})
