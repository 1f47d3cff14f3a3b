import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEntryOf, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { verifyCompleteness } from '@fiducial/core/domain/log/map/verify.ts'
import { keysOfSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import { hashLeaf, verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import type { TimestampAuthority } from '../ports.ts'
import type { ProvenStudy, SiteLog } from './site-log.ts'

const { hash } = nativeCrypto
const code = (expected: string) => (error: unknown) => error instanceof StoreError && error.code === expected
const BY = { erasedBy: { id: 'u1', name: 'Somebody' }, legalBasis: 'GDPR Art. 17' } as const
const HOUR = 3_600_000

const seal = async ({ recorder }: SiteLog, uid: string, study = '2.25.1'): Promise<bigint> =>
  (await recorder.recordSeal(await makeToySeal({ uid, study }))).index

/** Names of the events of a log, in order. */
async function typesOf(site: MemorySite): Promise<readonly string[]> {
  const types: string[] = []
  for (let index = 0n; index < site.state.size; index++) {
    const payload = await site.ports.records.payload(index)
    types.push(payload instanceof Uint8Array ? parseEventStatement(payload).type : String(payload))
  }
  return types
}

const authority = (): TimestampAuthority & { asked: number } => ({
  asked: 0,
  async timestamp() {
    this.asked++
    return Uint8Array.of(0x30, 0x00)
  },
})
const failing = (error: Error): TimestampAuthority => ({ timestamp: () => Promise.reject(error) })

/** What somebody sees who is handed a proof, and knows the keys of the log. */
function check(site: MemorySite, { mapRoot, details, proof }: ProvenStudy, studyInstanceUid: string) {
  const { index, leaf, proof: path, checkpoint } = mapRoot
  const verified = verifyCheckpoint(checkpoint, keysOfSigner(site.signer), nativeCrypto)
  assert.ok(verified.state === 'valid')
  const { size, root } = verified.checkpoint
  assert.ok(verifyInclusion(hash, { entry: leaf, index, size, proof: path, root }), 'the map root is in the log')
  const payload = site.state.entries[Number(index)]?.entry.payload as Uint8Array
  assert.ok(isEntryOf(readEntry(leaf), payload, hash))
  const event = parseEventStatement(payload)
  assert.ok(event.type === 'map-root')
  assert.deepEqual(event.details, details, 'it says what is handed over')
  assert.ok(details.size <= index, 'the map is of entries before it')
  return verifyCompleteness(hash, { mapRoot: details, proof, studyInstanceUid })
}

describe('SiteLog, settling', () => {
  it('logs the root of the map once, and nothing more however often it is asked', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open, '2.25.10')
      const first = await open.settle()
      assert.equal(first.mapRoot?.index, 1n)
      for (let i = 0; i < 5; i++) assert.deepEqual(await open.settle(), { failures: [] })
    })
    for (let i = 0; i < 3; i++) assert.deepEqual(await site.fill((open) => open.settle()), { failures: [] })
    assert.deepEqual(await typesOf(site), ['acquired', 'map-root'])
  })

  it('does nothing for an empty log', async () => {
    const site = new MemorySite()
    const clock = authority()
    assert.deepEqual(await site.fill((open) => open.settle(), { authorities: [clock] }), { failures: [] })
    assert.equal(site.state.size, 0n)
    assert.equal(clock.asked, 0)
  })

  it('logs no root for events that change no study', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      const { recorder } = open
      const party = { id: 'u1', name: 'Somebody' }
      const details = { holder: party, role: 'person', certificates: [new Uint8Array(32)], reason: 'enrolled' } as const
      await recorder.record({ type: 'key-enrolled', instance: null, digests: null, details })
      assert.deepEqual(await open.settle(), { failures: [] })
      await seal(open, '2.25.10')
      assert.ok((await open.settle()).mapRoot)
      await recorder.record({ type: 'key-revoked', instance: null, digests: null, details })
      assert.deepEqual(await open.settle(), { failures: [] })
    })
    assert.deepEqual(await typesOf(site), ['key-enrolled', 'acquired', 'map-root', 'key-revoked'])
  })

  it('has everything published when it is done', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open, '2.25.10')
      await open.settle()
      assert.equal(open.log.state.publishedSize, open.log.state.size)
    })
  })

  it('takes timestamps when it is time, and only then', async () => {
    const site = new MemorySite()
    const clock = authority()
    const options = { authorities: [clock], timestampIntervalMs: HOUR }
    const settle = () => site.fill((open) => open.settle(), options)
    await site.fill((open) => seal(open, '2.25.10'))
    assert.equal((await settle()).tokens, 1)
    site.now = new Date(site.now.getTime() + 2 * HOUR)
    for (let i = 0; i < 3; i++) assert.deepEqual(await settle(), { failures: [] }, 'the log has not grown')
    await site.fill((open) => seal(open, '2.25.11'))
    assert.equal((await settle()).tokens, 1)
    await site.fill((open) => seal(open, '2.25.12'))
    const early = await settle()
    assert.deepEqual([early.tokens, early.mapRoot !== undefined], [undefined, true])
    assert.equal(clock.asked, 2)
    assert.deepEqual(await typesOf(site), [
      ...['acquired', 'map-root', 'timestamped'],
      ...['acquired', 'map-root', 'timestamped'],
      ...['acquired', 'map-root'],
    ])
  })

  it('is whole without authorities that fail, says so, and asks them again', async () => {
    const site = new MemorySite()
    for (const error of [
      new StoreError('service_unreachable', 'no answer'),
      new StoreError('service_refused', 'no'),
      new KeyError('token_unavailable', 'the token is gone'),
    ]) {
      await site.fill(
        async (open) => {
          await seal(open, '2.25.10')
          const { tokens, failures } = await open.settle()
          assert.deepEqual([tokens, failures], [undefined, [error, error]])
          assert.equal(open.log.state.publishedSize, open.log.state.size)
        },
        { authorities: [failing(error), failing(error)] },
      )
    }
    const clock = authority()
    assert.equal((await site.fill((open) => open.settle(), { authorities: [clock] })).tokens, 1)
  })

  it('keeps the token of one of two, and says what the other said', async () => {
    const site = new MemorySite()
    const error = new StoreError('service_unreachable', 'no answer')
    await site.fill(
      async (open) => {
        await seal(open, '2.25.10')
        const { tokens, failures } = await open.settle()
        assert.deepEqual([tokens, failures], [1, [error]])
      },
      { authorities: [failing(error), authority()] },
    )
  })

  it('throws what is no failure of an authority', async () => {
    const site = new MemorySite()
    const open = await site.open({ authorities: [failing(new TypeError('a mistake'))] })
    await seal(open, '2.25.10')
    await assert.rejects(open.settle(), TypeError)
    await open.close()
  })

  it('logs one root and one round where it is asked many times at once', async () => {
    const site = new MemorySite()
    await site.fill(
      async (open) => {
        await seal(open, '2.25.10')
        await Promise.all(Array.from({ length: 8 }, () => open.settle()))
      },
      { authorities: [authority()] },
    )
    assert.deepEqual(await typesOf(site), ['acquired', 'map-root', 'timestamped'])
  })
})

describe('SiteLog, timestamps that are asked for', () => {
  it('are taken at any time, over all that was appended', async () => {
    const site = new MemorySite()
    await site.fill(
      async (open) => {
        await seal(open, '2.25.10')
        const first = await open.timestamp()
        assert.deepEqual([first.receipt.index, first.tokens, first.failures], [1n, 1, []])
        assert.equal((await open.timestamp()).receipt.index, 2n)
      },
      { authorities: [authority()] },
    )
  })

  it('have nothing to be over in an empty log', async () => {
    const site = new MemorySite()
    await site.fill((open) => assert.rejects(open.timestamp(), code('entry_missing')), { authorities: [authority()] })
  })

  it('tell what the first authority said where none answers', async () => {
    const site = new MemorySite()
    const errors = [new StoreError('service_refused', 'no'), new StoreError('service_unreachable', 'no answer')]
    await site.fill(
      async (open) => {
        await seal(open, '2.25.10')
        await assert.rejects(open.timestamp(), code('service_refused'))
        assert.equal(open.log.state.size, 1n)
      },
      { authorities: errors.map(failing) },
    )
    await site.fill((open) => assert.rejects(open.timestamp(), code('service_unreachable')), { authorities: [] })
  })
})

describe('SiteLog, proofs of a study', () => {
  it('show exactly what was logged', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      for (const uid of ['2.25.10', '2.25.11', '2.25.12']) await seal(open, uid)
      await seal(open, '2.25.20', '2.25.2')
      const proven = await open.proveStudy('2.25.1')
      assert.equal(proven.details.size, proven.mapRoot.index, 'the map is of all entries before it')
      const finding = check(site, proven, '2.25.1')
      assert.ok(finding.outcome === 'complete')
      assert.deepEqual([finding.present, finding.records.length], [3, 3])
    })
  })

  it('show that a study is not there, and prove nothing of another one', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open, '2.25.10')
      const proven = await open.proveStudy('2.25.404')
      assert.equal(check(site, proven, '2.25.404').outcome, 'absent')
      assert.equal(check(site, proven, '2.25.1').outcome, 'refused')
    })
  })

  it('are of the newest entry, and log nothing more where nothing came', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      await seal(open, '2.25.10')
      const first = await open.proveStudy('2.25.1')
      assert.deepEqual((await open.proveStudy('2.25.1')).mapRoot.index, first.mapRoot.index)
      await seal(open, '2.25.11')
      const second = await open.proveStudy('2.25.1')
      assert.ok(second.mapRoot.index > first.mapRoot.index)
      const finding = check(site, second, '2.25.1')
      assert.ok(finding.outcome === 'complete' && finding.present === 2)
      // The older proof is as good as it was, for the log as it was.
      assert.equal(check(site, first, '2.25.1').outcome, 'complete')
    })
    const size = site.state.size
    await site.fill((open) => open.proveStudy('2.25.1'))
    assert.equal(site.state.size, size, 'nor after a restart')
  })

  it('have nothing to show of an empty log', async () => {
    await new MemorySite().fill((open) => assert.rejects(open.proveStudy('2.25.1'), code('entry_missing')))
  })

  it('hold while others append, settle and erase', async () => {
    const site = new MemorySite()
    await site.fill(
      async (open) => {
        await seal(open, '2.25.10')
        const steps = Array.from({ length: 30 }, async (_, i) => {
          const index = await seal(open, `2.25.1${i}`, i % 2 === 0 ? '2.25.1' : '2.25.2')
          if (i % 3 === 0) await open.settle()
          if (i % 5 === 0) await open.erase(index, BY)
          const proven = await open.proveStudy('2.25.1')
          assert.equal(check(site, proven, '2.25.1').outcome, 'complete', `step ${i}`)
        })
        await Promise.all(steps)
      },
      { authorities: [authority()] },
    )
  })
})

describe('SiteLog, erasing', () => {
  it('takes the statement out, and logs a tombstone; every proof holds', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      const index = await seal(open, '2.25.10')
      await seal(open, '2.25.11')
      const before = await open.log.prove(index)
      const receipt = await open.erase(index, BY)
      assert.equal(await site.ports.records.payload(index), 'erased')
      assert.deepEqual(await site.ports.records.find({ term: { kind: 'instance', value: '2.25.10' }, limit: 10 }), [])
      const payload = await site.ports.records.payload(receipt.index)
      assert.ok(payload instanceof Uint8Array)
      const event = parseEventStatement(payload)
      assert.ok(event.type === 'erased')
      assert.deepEqual(event.details, { index, leafHash: hashLeaf(hash, before.leaf), ...BY })
      assert.equal(event.instance, null, 'it does not say who it was')
      const after = await open.log.prove(index)
      assert.deepEqual(after.leaf, before.leaf)
      const verified = verifyCheckpoint(after.checkpoint, keysOfSigner(site.signer), nativeCrypto)
      assert.ok(verified.state === 'valid')
      const { size, root } = verified.checkpoint
      assert.ok(verifyInclusion(hash, { entry: after.leaf, index, size, proof: after.proof, root }))
    })
  })

  it('has the map say so', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      const index = await seal(open, '2.25.10')
      await seal(open, '2.25.11')
      await open.erase(index, BY)
      const finding = check(site, await open.proveStudy('2.25.1'), '2.25.1')
      assert.ok(finding.outcome === 'complete')
      assert.equal(finding.present, 1)
      assert.deepEqual(finding.records.map(({ state }) => state).toSorted(), ['erased', 'present'])
    })
  })

  it('erases once', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      const index = await seal(open, '2.25.10')
      await open.erase(index, BY)
      const { size } = open.log.state
      await assert.rejects(open.erase(index, BY), code('payload_erased'))
      assert.equal(open.log.state.size, size, 'and logs that once')
    })
    await site.fill((open) => assert.rejects(open.erase(0n, BY), code('payload_erased')))
  })

  it('erases once where it is asked twice at the same time', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      const index = await seal(open, '2.25.10')
      const answers = await Promise.allSettled([open.erase(index, BY), open.erase(index, BY)])
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
    })
    assert.equal((await typesOf(site)).filter((type) => type === 'erased').length, 2, 'the entry, and one tombstone')
  })

  it('has no entry to erase beyond the log, and nothing of one that has no statement', async () => {
    const site = new MemorySite()
    await site.fill(async (open) => {
      const index = await seal(open, '2.25.10')
      for (const missing of [-1n, index + 1n, 1n << 40n]) {
        await assert.rejects(open.erase(missing, BY), code('entry_missing'))
      }
      const bare = { leaf: Uint8Array.of(1), identity: new Uint8Array(32).fill(9), terms: [] }
      const receipt = await open.log.append(bare)
      await assert.rejects(open.erase(receipt.index, BY), code('entry_missing'))
    })
  })

  it('erases nothing whose tombstone cannot be logged', async () => {
    const site = new MemorySite()
    const open = await site.open()
    const index = await seal(open, '2.25.10')
    await open.settle()
    await site.ports.sequencer.claim()
    await assert.rejects(open.erase(index, BY), code('fence_lost'))
    assert.ok((await site.ports.records.payload(index)) instanceof Uint8Array)
    await open.close().catch(() => undefined)
  })

  it('can be asked for again after a crash between the tombstone and the erasure', async () => {
    const site = new MemorySite()
    const open = await site.open()
    const index = await seal(open, '2.25.10')
    const { leaf } = await open.log.prove(index)
    await open.recorder.record({
      type: 'erased',
      instance: null,
      digests: null,
      details: { index, leafHash: hashLeaf(hash, leaf), ...BY },
    })
    await open.close()
    site.now = new Date(site.now.getTime() + 1000)
    await site.fill((again) => again.erase(index, BY))
    assert.equal(await site.ports.records.payload(index), 'erased')
  })
})

describe('SiteLog, closing', () => {
  it('publishes all that was appended', async () => {
    const site = new MemorySite()
    const open = await site.open()
    await Promise.all(Array.from({ length: 300 }, (_, i) => seal(open, `2.25.${i}`)))
    await open.close()
    assert.equal((await site.view()).size, 300n)
    await assert.rejects(seal(open, '2.25.999'), code('log_stopped'))
  })

  it('does not open over a log that somebody else signed', async () => {
    const site = new MemorySite()
    await site.fill((open) => seal(open, '2.25.10'))
    const stranger = new MemorySite()
    await assert.rejects(site.open({ signer: stranger.signer }), code('log_corrupted'))
    await site.fill((open) => seal(open, '2.25.11'))
  })
})
