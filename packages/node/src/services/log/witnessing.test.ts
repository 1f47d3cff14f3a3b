import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { cosign } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { judgeSplitView } from '@fiducial/core/domain/log/split-view.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseWitnessPolicy, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { parseAddCheckpoint } from '@fiducial/core/formats/tlog/witness-request.ts'
import { ToyLog, toySigner } from '@fiducial/core/testing/toy-log.ts'
import { startServer } from '../../http/server.ts'
import { witnessFace } from '../../http/witness-face.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { createMemoryWitnessStore } from '../../storage/log/memory-witness-store.ts'
import type { WitnessStore } from './ports.ts'
import type { Fetch } from './remote.ts'
import { createWitness } from './witness-service.ts'
import { createWitnessing, type WitnessingError, type WitnessingOptions, type WitnessingRequest } from './witnessing.ts'

const log = new ToyLog(50, { isHybrid: true })
const fork = log.fork(10)
const now = () => new Date(1_800_000_000_000)
const names = ['one', 'two', 'three'] as const
const signerOf = (name: string) => toySigner(`${name}.example/w`, 'cosignature-ed25519')
const never = new AbortController().signal

/** A policy over witnesses by name, each with its address. */
function policyOf(addresses: Readonly<Record<string, string>>, quorum: string): WitnessPolicy {
  const lines = [
    ...log.keys.slice(0, 1).map((key) => `log ${formatVerifierKey(key)}`),
    ...Object.entries(addresses).map(
      ([name, url]) => `witness ${name} ${formatVerifierKey(signerOf(name).key)} ${url}`,
    ),
    ...(quorum === 'none' ? [] : [`group enough ${quorum} ${Object.keys(addresses).join(' ')}`]),
    `quorum ${quorum === 'none' ? 'none' : 'enough'}`,
  ]
  return parseWitnessPolicy(`${lines.join('\n')}\n`, nativeCrypto.hash)
}

/** A witness of ours behind HTTP. */
async function startWitness(t: TestContext, name: string): Promise<{ url: string; store: WitnessStore }> {
  const store = createMemoryWitnessStore()
  const logs = [{ origin: log.origin, keys: log.keys }]
  const witness = createWitness({ logs, signers: [signerOf(name)], store, crypto: nativeCrypto, now })
  const server = await startServer([witnessFace(witness)])
  t.after(() => server.close())
  return { url: server.url, store }
}

const witnessing = (policy: WitnessPolicy, parts: Partial<WitnessingOptions> = {}) =>
  createWitnessing({ policy, crypto: nativeCrypto, fetch, now, deadline: () => never, ...parts })

async function requestOf(
  from: ToyLog,
  size: number,
  parts: Partial<WitnessingRequest> = {},
): Promise<WitnessingRequest> {
  return {
    checkpoint: await from.checkpoint(size),
    prove: async (first, second) => from.prove(Number(first), Number(second)),
    rootAt: async (at) => from.root(Number(at)),
    ...parts,
  }
}

/** Answers for each path of a host that does not exist. */
type Script = (url: URL, body: string, count: number) => Response | Promise<Response>

/** A fetch of which some hosts are played by a script, and the others are asked. */
function scripted(hosts: Readonly<Record<string, Script>>): { fetch: Fetch; bodies: string[] } {
  const bodies: string[] = []
  let count = 0
  return {
    bodies,
    async fetch(address, init) {
      const url = new URL(address)
      const script = hosts[url.hostname]
      if (script === undefined) return fetch(address, init)
      const body = String(init.body ?? '')
      bodies.push(body)
      return script(url, body, count++)
    },
  }
}

const sizeAnswer = (size: number | string) =>
  new Response(`${size}\n`, { status: 409, headers: { 'content-type': 'text/x.tlog.size' } })

const linesFor = async (body: string, name = 'one') => cosign(parseAddCheckpoint(body).checkpoint, [signerOf(name)], 5n)

const one = { one: 'http://one.invalid' }

/** What the only witness of a policy is reported with, and how it was asked. */
async function askScripted(script: Script, size = 30, parts: Partial<WitnessingRequest> = {}) {
  const { fetch: stand, bodies } = scripted({ 'one.invalid': script })
  const result = await witnessing(policyOf(one, '1'), { fetch: stand }).ask(await requestOf(log, size, parts))
  const [report] = result.reports
  assert.ok(report)
  return { ...result, report, bodies }
}

const witnessingError = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code

describe('Witnessing', () => {
  it('has a log cosigned by all witnesses as it grows', async (t) => {
    const servers = await Promise.all(names.map((name) => startWitness(t, name)))
    const policy = policyOf(Object.fromEntries(names.map((name, i) => [name, servers[i]?.url ?? ''])), 'all')
    const { require } = witnessing(policy)
    for (const size of [0, 3, 3, 17, 50]) {
      const note = await require(await requestOf(log, size))
      const keys = [...log.keys, ...names.map((name) => signerOf(name).key)]
      const result = verifyCheckpoint(note, keys, nativeCrypto)
      assert.ok(result.state === 'valid')
      assert.equal(result.valid.length, 5)
      assert.equal(result.checkpoint.size, BigInt(size))
    }
  })

  it('asks a witness that is further or less far than was thought once more', async (t) => {
    const { url, store } = await startWitness(t, 'one')
    await witnessing(policyOf({ one: url }, '1')).require(await requestOf(log, 20))
    // Another process, which does not know how far the witness is.
    const note = await witnessing(policyOf({ one: url }, '1')).require(await requestOf(log, 30))
    assert.equal(parseNote(note).signatures.length, 3)
    assert.equal((await store.read(log.origin))?.size, 30n)
  })

  it('sends a witness no more than the signatures of the log', async () => {
    const first = await log.checkpoint(30)
    const foreign = await cosign(first, [signerOf('stranger')], 5n)
    const { bodies } = await askScripted(async (_url, body) => new Response(await linesFor(body)), 30, {
      checkpoint: first + foreign,
    })
    assert.equal(parseAddCheckpoint(bodies[0] ?? '').checkpoint, first)
  })

  it('does not ask again a witness whose cosignature is there, and keeps it', async () => {
    const first = await log.checkpoint(30)
    const checkpoint = first + (await cosign(first, [signerOf('one')], 5n))
    const { fetch: stand, bodies } = scripted({ 'one.invalid': () => new Response('', { status: 500 }) })
    const result = await witnessing(policyOf(one, '1'), { fetch: stand }).ask(await requestOf(log, 30, { checkpoint }))
    assert.deepEqual({ ...result, bodies }, { note: checkpoint, isQuorum: true, reports: [], bodies: [] })
  })

  it('asks once where one witness has two keys', async () => {
    const pq = toySigner('one.example/w', 'cosignature-ml-dsa-44')
    const policy = parseWitnessPolicy(
      [
        `log ${formatVerifierKey(log.signer.ed25519.key)}`,
        `witness a ${formatVerifierKey(signerOf('one').key)} http://one.invalid/`,
        `witness b ${formatVerifierKey(pq.key)} http://one.invalid/`,
        'group both all a b',
        'quorum both',
        '',
      ].join('\n'),
      nativeCrypto.hash,
    )
    const { fetch: stand, bodies } = scripted({
      'one.invalid': async (_url, body) =>
        new Response(await cosign(parseAddCheckpoint(body).checkpoint, [signerOf('one'), pq], 5n)),
    })
    const result = await witnessing(policy, { fetch: stand }).ask(await requestOf(log, 30))
    assert.equal(result.isQuorum, true)
    assert.equal(bodies.length, 1)
    assert.deepEqual(result.reports, [{ url: 'http://one.invalid/', outcome: 'cosigned', names: ['a', 'b'] }])
  })

  it('does not wait for the others once there are enough', async (t) => {
    const { url } = await startWitness(t, 'one')
    const hanging: Fetch = (address, init) =>
      address.startsWith(url)
        ? fetch(address, init)
        : new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(new TypeError('gone'))))
    const policy = policyOf({ one: url, two: 'http://two.invalid' }, 'any')
    const result = await witnessing(policy, { fetch: hanging }).ask(await requestOf(log, 30))
    assert.equal(result.isQuorum, true)
    assert.deepEqual(result.reports.map(({ outcome }) => outcome).sort(), ['aborted', 'cosigned'])
  })

  it('waits for all where it is told to, or no quorum is asked for', async (t) => {
    const servers = await Promise.all(names.map((name) => startWitness(t, name)))
    const addresses = Object.fromEntries(names.map((name, i) => [name, servers[i]?.url ?? '']))
    const all = await witnessing(policyOf(addresses, 'any'), { waitFor: 'all' }).ask(await requestOf(log, 30))
    assert.equal(parseNote(all.note).signatures.length, 5)
    const none = await witnessing(policyOf(addresses, 'none')).ask(await requestOf(log, 40))
    assert.equal(none.isQuorum, true)
    assert.equal(parseNote(none.note).signatures.length, 5)
  })

  it('fails closed below the quorum, and keeps what there is', async (t) => {
    const { url } = await startWitness(t, 'one')
    const policy = policyOf({ one: url, two: 'http://127.0.0.1:1' }, '2')
    await assert.rejects(witnessing(policy).require(await requestOf(log, 30)), (error: WitnessingError) => {
      assert.equal(error.code, 'witness_quorum_missing')
      assert.equal(error.result.isQuorum, false)
      assert.equal(parseNote(error.result.note).signatures.length, 3)
      assert.deepEqual(error.result.reports.map(({ outcome }) => outcome).sort(), ['cosigned', 'unreachable'])
      return true
    })
  })

  it('gives a witness so long and no longer', async () => {
    const asked: number[] = []
    const hanging: Fetch = (_address, init) =>
      new Promise((_resolve, reject) => {
        if (init.signal?.aborted) reject(new TypeError('gone'))
      })
    const deadline = (ms: number) => {
      asked.push(ms)
      return AbortSignal.abort()
    }
    const options = { fetch: hanging, timeoutMs: 1234, deadline }
    const { reports } = await witnessing(policyOf(one, '1'), options).ask(await requestOf(log, 30))
    assert.deepEqual(reports, [{ url: 'http://one.invalid', outcome: 'aborted' }])
    assert.deepEqual(asked, [1234])
  })

  it('takes no cosignature that does not hold', async () => {
    const good = await cosign(await log.checkpoint(30), [signerOf('one')], 5n)
    const other = await cosign(await log.checkpoint(29), [signerOf('one')], 5n)
    const late = good.replace(/.{4}\n$/, 'AAA=\n')
    for (const [answer, outcome] of [
      [other, 'cosignature_wrong'],
      [late, 'cosignature_wrong'],
      [good + other, 'cosignature_wrong'],
      [await cosign(await log.checkpoint(30), [signerOf('stranger')], 5n), 'cosignature_missing'],
      ['', 'answer_malformed'],
      ['rubbish', 'answer_malformed'],
      [`\n${good}`, 'answer_malformed'],
      ['x'.repeat(70_000), 'answer_malformed'],
    ] as const) {
      const { report, isQuorum, note } = await askScripted(() => new Response(answer))
      assert.equal(report.outcome, outcome)
      assert.equal(isQuorum, false)
      assert.equal(parseNote(note).signatures.length, 2)
    }
  })

  it('ignores lines of strangers beside a good one', async () => {
    const { isQuorum, note } = await askScripted(
      async (_url, body) => new Response((await linesFor(body, 'stranger')) + (await linesFor(body))),
    )
    assert.equal(isQuorum, true)
    assert.equal(parseNote(note).signatures.length, 3)
  })

  it('tells a refusal by its status', async () => {
    for (const status of [400, 403, 404, 429, 500, 503]) {
      const { report } = await askScripted(() => new Response('', { status }))
      assert.deepEqual(report, { url: 'http://one.invalid', outcome: 'refused', status })
    }
  })

  it('does not follow a witness elsewhere', async (t) => {
    const { url } = await startWitness(t, 'one')
    const server = await startServer([
      (app) => app.post('/add-checkpoint', (_request, reply) => reply.redirect(`${url}/add-checkpoint`, 307)),
    ])
    t.after(() => server.close())
    const { reports } = await witnessing(policyOf({ one: server.url }, '1')).ask(await requestOf(log, 30))
    assert.notEqual(reports[0]?.outcome, 'cosigned')
  })

  it('does not understand a size that is none, is not said to be one, or is the one that was sent', async () => {
    const plain = new Response('20\n', { status: 409, headers: { 'content-type': 'text/plain' } })
    for (const answer of [sizeAnswer('-1'), sizeAnswer('020'), sizeAnswer(''), sizeAnswer(0), plain]) {
      const { report } = await askScripted(() => answer)
      assert.equal(report.outcome, 'answer_malformed')
    }
  })

  it('gives up on a witness whose size does not stand still', async () => {
    const { report, bodies } = await askScripted((_url, _body, count) => sizeAnswer(count + 1))
    assert.equal(report.outcome, 'size_unsteady')
    assert.deepEqual(
      bodies.map((body) => body.split('\n', 1)[0]),
      ['old 0', 'old 1', 'old 2', 'old 3'],
    )
  })

  it('leaves a larger checkpoint alone that the log has signed', async () => {
    const { report } = await askScripted(() => sizeAnswer(40), 30, { largestSize: 40n })
    assert.deepEqual(report, { url: 'http://one.invalid', outcome: 'ahead', size: 40n })
  })

  it('passes on why the log cannot prove', async () => {
    const prove = async () => Promise.reject(new StoreError('log_corrupted', 'a tile is missing'))
    await assert.rejects(
      askScripted(() => sizeAnswer(40), 30, { prove }),
      witnessingError('log_corrupted'),
    )
  })

  it('asks for nothing that no log of the policy has signed', async () => {
    const stranger = new ToyLog(30, { origin: 'stranger.example/log' })
    const forged = (await log.checkpoint(30)).replace('\n30\n', '\n31\n')
    const { ask } = witnessing(policyOf(one, '1'))
    await assert.rejects(ask(await requestOf(stranger, 30)), RangeError)
    await assert.rejects(ask(await requestOf(log, 30, { checkpoint: forged })), RangeError)
    await assert.rejects(ask(await requestOf(log, 30, { checkpoint: 'no note' })), RangeError)
  })
})

describe('Witnessing of a log with two histories', () => {
  /** A witness that has cosigned `size` of the fork, and what the honest log is told when it asks for `asked`. */
  async function meet(t: TestContext, size: number, asked: number) {
    const { url } = await startWitness(t, 'one')
    const policy = policyOf({ one: url }, '1')
    await witnessing(policy).require(await requestOf(fork, size))
    const { ask, require } = witnessing(policy)
    const request = await requestOf(log, asked)
    const { reports } = await ask(request)
    await assert.rejects(require(request), witnessingError('witness_conflict'))
    const [report] = reports
    assert.ok(report?.outcome === 'conflict')
    assert.ok(report.evidence)
    return { size: report.size, finding: judgeSplitView(report.evidence, log.keys, nativeCrypto) }
  }

  it('is stopped by a witness that knows the other at the same size', async (t) => {
    assert.deepEqual(await meet(t, 30, 30), { size: 30n, finding: 'proven' })
  })

  it('is stopped by a witness that knows a smaller tree of the other', async (t) => {
    assert.deepEqual(await meet(t, 20, 30), { size: 20n, finding: 'proven' })
    assert.deepEqual(await meet(t, 16, 30), { size: 16n, finding: 'proven' })
  })

  it('is stopped by a witness that knows a larger tree than the log has ever had', async (t) => {
    assert.deepEqual(await meet(t, 40, 30), { size: 40n, finding: 'unproven' })
  })

  it('is stopped though all other witnesses cosign', async (t) => {
    const servers = await Promise.all(names.map((name) => startWitness(t, name)))
    const addresses = Object.fromEntries(names.map((name, i) => [name, servers[i]?.url ?? '']))
    await witnessing(policyOf({ one: addresses.one ?? '' }, '1')).require(await requestOf(fork, 20))
    const { require } = witnessing(policyOf(addresses, '2'), { waitFor: 'all' })
    await assert.rejects(require(await requestOf(log, 30)), witnessingError('witness_conflict'))
  })

  it('is stopped by a witness that shows nothing, or something else, without evidence', async () => {
    const stranger = new ToyLog(5, { origin: 'stranger.example/log' })
    for (const shown of ['', 'rubbish', await stranger.checkpoint(), await log.checkpoint(30)]) {
      const { report } = await askScripted((url) =>
        url.pathname.startsWith('/checkpoints/') ? new Response(shown) : sizeAnswer(31),
      )
      assert.deepEqual(report, { url: 'http://one.invalid', outcome: 'conflict', size: 31n })
    }
  })

  it('finds a witness out that refuses a proof which holds', async () => {
    const { report } = await askScripted((url, _body, count) =>
      url.pathname !== '/add-checkpoint'
        ? new Response('', { status: 404 })
        : count === 0
          ? sizeAnswer(20)
          : new Response('', { status: 422 }),
    )
    assert.deepEqual(report, { url: 'http://one.invalid', outcome: 'conflict', size: 20n })
  })
})
