import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { formatSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { ProofLog } from '../../services/log/proof-log.ts'
import { leafOfSeal } from '../../services/log/seal-entry.ts'
import { CommandContext, type CommandOptions } from '../../testing/command-context.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import type { SealedImage } from '../work.ts'
import { SealLog } from './seal-log.ts'

const hasCode = (code: string) => (error: unknown) =>
  (error instanceof StoreError || error instanceof FormatError) && error.code === code

const imageAt = (target: string): SealedImage => ({
  state: 'sealed',
  target,
  sopInstanceUid: null,
  seriesInstanceUid: null,
  sealedAt: '',
  isSignedByOperator: true,
  markRecordId: null,
})

/** A context in which these seals lie beside their images. */
function contextWith(seals: Readonly<Record<string, Seal | Uint8Array>>, options: CommandOptions = {}): CommandContext {
  const context = new CommandContext(options)
  for (const [target, seal] of Object.entries(seals))
    context.files.set(`${target}.fiducial.json`, seal instanceof Uint8Array ? seal : formatSeal(seal))
  return context
}

/** One run over some images. */
async function run(context: CommandContext, ...targets: readonly string[]) {
  await using log = new SealLog({}, context)
  for (const target of targets) await log.record(imageAt(target))
  return await log.finish()
}

async function holds(context: CommandContext, target: string, seal: Seal): Promise<boolean> {
  const proof = context.files.get(`${target}.tlog-proof`)
  assert.ok(proof, `${target} has a proof`)
  const log = new ProofLog([context.site.policy], nativeCrypto)
  const evidence = await log.lookUp({ digests: {}, seal: leafOfSeal(seal, nativeCrypto), proof })
  return evidence.state === 'proof' && evidence.entry.inclusion === 'holds'
}

describe('SealLog', () => {
  it('records images, and puts a proof beside each that holds', async () => {
    const seals = { 'a.dcm': await makeToySeal({ uid: '2.25.1' }), 'b.dcm': await makeToySeal({ uid: '2.25.2' }) }
    const context = contextWith(seals)
    assert.deepEqual(await run(context, 'a.dcm', 'b.dcm'), { origin: 'log.example/test', recorded: 2, already: 0 })
    for (const [target, seal] of Object.entries(seals)) assert.ok(await holds(context, target, seal))
    assert.deepEqual(
      context.records.map(({ state, output }) => [state, output]),
      [
        ['recorded', 'a.dcm'],
        ['recorded', 'b.dcm'],
      ],
    )
    assert.deepEqual(context.counts, { opened: 1, closed: 1, made: 0 })
  })

  it('keeps the places and proofs of an earlier run', async () => {
    const context = contextWith({ 'a.dcm': await makeToySeal() })
    await run(context, 'a.dcm')
    const proof = context.files.get('a.dcm.tlog-proof')
    const size = context.site.state.size
    assert.deepEqual(await run(context, 'a.dcm'), { origin: 'log.example/test', recorded: 0, already: 1 })
    assert.equal(context.files.get('a.dcm.tlog-proof'), proof)
    assert.equal(context.site.state.size, size, 'nothing more is logged')
  })

  it('writes the proof that an earlier run did not come to', async () => {
    const seal = await makeToySeal()
    const context = contextWith({ 'a.dcm': seal })
    await run(context, 'a.dcm')
    for (const left of [undefined, new Uint8Array(0), encodeUtf8('junk')]) {
      if (left === undefined) context.files.delete('a.dcm.tlog-proof')
      else context.files.set('a.dcm.tlog-proof', left)
      await run(context, 'a.dcm')
      assert.ok(await holds(context, 'a.dcm', seal))
    }
  })

  it('does not leave the proof of a seal that is there no more', async () => {
    const [before, after] = [await makeToySeal(), await makeToySeal()]
    const context = contextWith({ 'a.dcm': before })
    await run(context, 'a.dcm')
    // Sealed anew and recorded by a run that was cut off before it wrote the proof.
    context.files.set('a.dcm.fiducial.json', formatSeal(after))
    await context.site.fill(({ recorder }) => recorder.recordSeal(after))
    assert.deepEqual((await run(context, 'a.dcm')).already, 1)
    assert.ok(await holds(context, 'a.dcm', after))
  })

  it('puts all proofs of a run under one checkpoint', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `${i}.dcm`)
    const seals = await Promise.all(names.map((_, i) => makeToySeal({ uid: `2.25.${i}` })))
    const context = contextWith(Object.fromEntries(names.map((name, i) => [name, seals[i] as Seal])))
    await run(context, ...names)
    const notes = names.map((name) => parseTlogProof(context.files.get(`${name}.tlog-proof`) as Uint8Array).checkpoint)
    assert.equal(new Set(notes).size, 1)
  })

  it('makes the log for the first image of a site that has none, and records who is certified', async () => {
    const context = contextWith({ 'a.dcm': await makeToySeal() }, { hasLog: false })
    await run(context, 'a.dcm')
    assert.deepEqual(context.counts, { opened: 1, closed: 1, made: 1 })
    assert.match(context.notes, /made the custody log/)
  })

  it('takes the log that another run has made meanwhile', async () => {
    for (const code of ['log_exists', 'log_locked'] as const) {
      const seal = await makeToySeal()
      let isMade = false
      const site = new MemorySite()
      const other = new CommandContext({ site })
      const context = contextWith(
        { 'a.dcm': seal },
        {
          site,
          log: {
            find: async () => (isMade ? other.facts : undefined),
            create: async () => {
              isMade = true
              throw new StoreError(code, 'another run was faster')
            },
            open: other.adapters.log.open,
          },
        },
      )
      assert.equal((await run(context, 'a.dcm')).recorded, 1)
      assert.ok(await holds(context, 'a.dcm', seal))
    }
  })

  it('lets the log go where the keys of the site cannot be recorded in it', async () => {
    const context = contextWith({ 'a.dcm': await makeToySeal() }, { hasLog: false })
    const broken = { ...context.adapters, openRing: () => Promise.reject(new StoreError('input_unreadable', 'x')) }
    const log = new SealLog({}, Object.assign(Object.create(context), { adapters: broken }) as CommandContext)
    await log.record(imageAt('a.dcm'))
    await assert.rejects(log.finish(), hasCode('input_unreadable'))
    await log[Symbol.asyncDispose]()
    assert.deepEqual(context.counts, { opened: 1, closed: 1, made: 1 })
  })

  it('records all others where no log takes one seal, and says which', async () => {
    const good = await makeToySeal({ uid: '2.25.1' })
    const last = await makeToySeal({ uid: '2.25.2' })
    const { envelope } = good
    const unsigned = {
      ...good,
      envelope: { ...envelope, signatures: envelope.signatures.map((one) => ({ ...one, sig: new Uint8Array(64) })) },
    }
    const context = contextWith({
      'unsigned.dcm': unsigned,
      'good.dcm': good,
      'junk.dcm': encodeUtf8('no seal\n'),
      'last.dcm': last,
    })
    await assert.rejects(run(context, 'unsigned.dcm', 'good.dcm', 'junk.dcm', 'last.dcm'), FormatError)
    assert.ok(await holds(context, 'good.dcm', good))
    assert.ok(await holds(context, 'last.dcm', last))
    assert.equal(context.files.has('unsigned.dcm.tlog-proof'), false)
    assert.match(context.notes, /not recorded: unsigned\.dcm: .*\(seal_malformed\)/)
    assert.match(context.notes, /not recorded: junk\.dcm: /)
  })

  it('touches neither image nor seal, whatever the log says', async () => {
    const seal = formatSeal(await makeToySeal())
    for (const error of [
      new StoreError('log_locked', 'another process'),
      new StoreError('log_corrupted', 'damaged'),
      new StoreError('log_unwritable', 'full'),
    ]) {
      const context = contextWith({ 'a.dcm': seal }, { log: { open: () => Promise.reject(error) } })
      context.files.set('a.dcm', Uint8Array.of(1))
      await assert.rejects(run(context, 'a.dcm'), hasCode(error.code))
      assert.deepEqual([...context.files.keys()].toSorted(), ['a.dcm', 'a.dcm.fiducial.json'])
      assert.equal(context.files.get('a.dcm.fiducial.json'), seal)
    }
  })

  it('says so where a seal is gone before it is recorded', async () => {
    const context = contextWith({})
    await assert.rejects(run(context, 'a.dcm'), hasCode('input_missing'))
  })

  it('writes no proof before the quorum of witnesses has cosigned', async () => {
    const witnessing = { cosign: () => Promise.reject(new StoreError('witness_quorum_missing', 'nobody answered')) }
    const pause = (_ms: number, signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve())
      })
    const context = contextWith({ 'a.dcm': await makeToySeal() }, { siteOptions: { witnessing, pause } })
    await assert.rejects(run(context, 'a.dcm'), hasCode('witness_quorum_missing'))
    assert.equal(context.files.has('a.dcm.tlog-proof'), false)
    assert.ok(context.site.state.size > 0n, 'it is recorded all the same')
    assert.equal(context.counts.closed, 1)
  })

  it('tells of a timestamp authority that does not answer, and writes the proofs', async () => {
    const error = new StoreError('service_unreachable', 'no answer')
    const authorities = [{ timestamp: () => Promise.reject(error) }]
    const seal = await makeToySeal()
    const context = contextWith({ 'a.dcm': seal }, { siteOptions: { authorities } })
    assert.equal((await run(context, 'a.dcm')).recorded, 1)
    assert.match(context.notes, /no timestamp for the log from one authority: no answer \(service_unreachable\)/)
    assert.ok(await holds(context, 'a.dcm', seal))
  })

  it('records more images than it has on their way at once', async () => {
    const seal = await makeToySeal()
    const names = Array.from({ length: 1100 }, (_, i) => `${i}.dcm`)
    const context = contextWith(Object.fromEntries(names.map((name) => [name, formatSeal(seal)])))
    const { recorded, already } = await run(context, ...names)
    assert.equal(recorded + already, 1100)
    assert.equal(recorded, 1, 'the same seal has one place')
  })
})
