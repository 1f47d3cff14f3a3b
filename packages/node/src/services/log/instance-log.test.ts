import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { makeEntry } from '@fiducial/core/domain/log/entry.ts'
import type {
  ConsultedLog,
  InstanceDigests,
  InstanceQuestion,
  LogEvidence,
  SealLeaf,
} from '@fiducial/core/domain/log/logged-instance.ts'
import { signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { encodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import type { QuotedCheckpoint } from '@fiducial/core/formats/tlog/quoted-checkpoint.ts'
import { toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { sha256 } from '@fiducial/core/testing/toy-pki.ts'
import { toyMarkClaim } from '@fiducial/core/testing/toy-seal.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { makeLogSigner, ORIGIN } from '../../testing/log-site.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import { ConsultedInstanceLog, type InstanceLogOptions } from './instance-log.ts'
import type { LogTimes } from './log-times.ts'
import type { RecordQuery } from './ports.ts'
import { formatReceipt } from './receipt.ts'
import { leafOfSeal } from './seal-entry.ts'
import type { SiteLog } from './site-log.ts'

const code = (expected: string) => (error: unknown) => error instanceof StoreError && error.code === expected

const NO_TIMES: LogTimes = { notAfter: async () => undefined, notBefore: async () => undefined }

function consult(site: MemorySite, options: Partial<InstanceLogOptions> = {}): ConsultedInstanceLog {
  return new ConsultedInstanceLog({
    crypto: nativeCrypto,
    view: () => site.view(),
    records: site.ports.records,
    times: () => NO_TIMES,
    origin: ORIGIN,
    isOurs: () => true,
    ...options,
  })
}

const digestsOf = ({ statement: { file, dataset, pixels } }: Seal): InstanceDigests => ({
  file,
  dataset,
  ...(pixels && { frames: pixels.root }),
})

/** What one asks about an image that has its seal. */
const askOfSeal = (seal: Seal, more: Partial<InstanceQuestion> = {}): InstanceQuestion => ({
  ...(seal.statement.instance.sopInstanceUid !== null && { sopInstanceUid: seal.statement.instance.sopInstanceUid }),
  digests: digestsOf(seal),
  seal: leafOfSeal(seal, nativeCrypto),
  ...more,
})

/** The same image with nothing beside it, and nothing left that only the seal could say. */
const askOfFile = (seal: Seal): InstanceQuestion => {
  const { seal: _, ...bare } = askOfSeal(seal)
  return { ...bare, digests: { ...bare.digests, file: sha256(seal.statement.file) } }
}

function consulted(evidence: LogEvidence): ConsultedLog {
  assert.equal(evidence.state, 'consulted')
  return evidence as ConsultedLog
}

const typesOf = (evidence: LogEvidence): readonly string[] => consulted(evidence).records.map(({ type }) => type)

/** Something that happened to an image of this name, with other pixels unless it is said. */
const received = (site: SiteLog, sopInstanceUid: string, at: Date, digests = toyEvent('received').digests) =>
  site.recorder.record({
    ...(toyEvent('received') as Extract<ReturnType<typeof toyEvent>, { type: 'received' }>),
    at,
    instance: {
      ...(toyEvent('received').instance as NonNullable<ReturnType<typeof toyEvent>['instance']>),
      sopInstanceUid,
    },
    digests,
  })

describe('ConsultedInstanceLog', () => {
  let site: MemorySite
  let seal: Seal
  let other: Seal
  before(async () => {
    site = new MemorySite()
    seal = await makeToySeal({ uid: '2.25.10' })
    other = await makeToySeal({ uid: '2.25.11' })
    await site.fill(async ({ recorder }) => {
      await recorder.record({ ...(toyEvent('flagged') as never as Parameters<typeof recorder.record>[0]) })
      await recorder.recordSeal(seal)
      await recorder.recordSeal(other)
    })
  })

  it('tells which mark a device has put into the pixels, and of what an image was derived', async () => {
    const marking = new MemorySite()
    const marked = await makeToySeal({ uid: '2.25.12', mark: toyMarkClaim })
    const derived = toyEvent('derived') as Extract<ReturnType<typeof toyEvent>, { type: 'derived' }>
    await marking.fill(async ({ recorder }) => {
      await recorder.recordSeal(marked)
      await recorder.record(derived)
    })
    const [first] = consulted(await consult(marking).lookUp(askOfSeal(marked))).records
    assert.deepEqual(first?.mark, { recordId: toyMarkClaim.recordId, publicKey: toyMarkClaim.publicKey })
    const { sopInstanceUid = null } = derived.instance ?? {}
    assert.ok(sopInstanceUid !== null)
    const [copy] = consulted(await consult(marking).lookUp({ sopInstanceUid, digests: {} })).records
    assert.equal(copy?.sourceInstanceUid, derived.details.source.sopInstanceUid)
  })

  it('finds the entry of a sealed image, proven', async () => {
    const { entry, records, origin, size, isWitnessed } = consulted(await consult(site).lookUp(askOfSeal(seal)))
    assert.deepEqual(entry, { index: 1n, inclusion: 'holds' })
    assert.deepEqual([origin, size, isWitnessed], [ORIGIN, 3n, true])
    const own = records.filter(({ sopInstanceUid }) => sopInstanceUid === '2.25.10')
    assert.equal(own.length, 1)
    assert.deepEqual(own[0], {
      index: 1n,
      type: 'acquired',
      at: seal.statement.sealedAt,
      sopInstanceUid: '2.25.10',
      studyInstanceUid: '2.25.1',
      digests: digestsOf(seal),
      deviceCertificate: seal.statement.device.certificates.dicom[0],
      statementSha256: digestOf(nativeCrypto.hash, 'sha256', seal.envelope.payload),
    })
  })

  it('states the times of the entry', async () => {
    const asked: bigint[] = []
    const times: LogTimes = {
      notAfter: async (index) => {
        asked.push(index)
        return new Date(2000)
      },
      notBefore: async (index) => {
        asked.push(index)
        return new Date(1000)
      },
    }
    const { entry } = consulted(await consult(site, { times: () => times }).lookUp(askOfSeal(seal)))
    assert.deepEqual(entry, { index: 1n, inclusion: 'holds', notAfter: new Date(2000), notBefore: new Date(1000) })
    assert.deepEqual(asked, [1n, 1n])
  })

  it('knows an image from which everything was stripped, by its identifier and by its pixels', async () => {
    const evidence = consulted(await consult(site).lookUp(askOfFile(seal)))
    assert.equal(evidence.entry, undefined)
    assert.ok(evidence.records.some(({ index, sopInstanceUid }) => index === 1n && sopInstanceUid === '2.25.10'))
    const renamed = consulted(await consult(site).lookUp({ ...askOfFile(seal), sopInstanceUid: '2.25.99' }))
    assert.ok(renamed.records.some(({ index }) => index === 1n))
  })

  it('knows nothing of an image that was never logged', async () => {
    const digest = sha256(Uint8Array.of(1))
    const question = { sopInstanceUid: '2.25.404', digests: { file: digest, dataset: digest, frames: digest } }
    const evidence = consulted(await consult(site).lookUp(question))
    assert.deepEqual([evidence.records, evidence.entry, evidence.quoted], [[], undefined, undefined])
  })

  it('answers a question in which nothing is known', async () => {
    assert.deepEqual(consulted(await consult(site).lookUp({ digests: {} })).records, [])
  })

  it('has no entry for a seal that was not recorded, though the image is known', async () => {
    const again = await makeToySeal({ uid: '2.25.10' })
    const evidence = consulted(await consult(site).lookUp(askOfSeal(again)))
    assert.equal(evidence.entry, undefined)
    assert.ok(evidence.records.some(({ index }) => index === 1n))
  })

  it('has no entry for the same statement with another signature', async () => {
    const leaf = leafOfSeal(seal, nativeCrypto)
    const forged: SealLeaf = { ...leaf, signature: leaf.signature.map((byte) => byte ^ 1) }
    const evidence = consulted(await consult(site).lookUp(askOfSeal(seal, { seal: forged })))
    assert.equal(evidence.entry, undefined)
    assert.ok(evidence.records.some(({ index }) => index === 1n))
  })

  it('says nothing of the seal of another site that it never saw', async () => {
    const foreign = await makeToySeal({
      uid: '2.25.12',
      dataset: sha256(Uint8Array.of(2)),
      pixels: null,
    })
    const log = consult(site, { isOurs: () => false })
    assert.deepEqual(await log.lookUp(askOfSeal(foreign)), { state: 'not_consulted' })
    // What it does know, it says, whoever sealed what lies there now.
    assert.ok(consulted(await log.lookUp(askOfSeal(foreign, { sopInstanceUid: '2.25.10' }))).records.length > 0)
    assert.equal(consulted(await log.lookUp(askOfSeal(seal))).entry?.index, 1n)
  })

  describe('before its first checkpoint', () => {
    const empty = (isOurs: boolean) => consult(site, { view: async () => undefined, isOurs: () => isOurs })

    it('is consulted, knows nothing, and nobody has witnessed that', async () => {
      const expected = { state: 'consulted', origin: ORIGIN, size: 0n, isWitnessed: false, records: [] }
      assert.deepEqual(await empty(true).lookUp(askOfSeal(seal)), expected)
      assert.deepEqual(await empty(false).lookUp(askOfFile(seal)), expected)
    })

    it('says nothing of the seal of another site', async () => {
      assert.deepEqual(await empty(false).lookUp(askOfSeal(seal)), { state: 'not_consulted' })
    })
  })

  describe('whose question comes with a seal that no log takes', () => {
    /** Seals that lie beside an image are the sender's: he must not be able to silence the log with one. */
    const unusable: Readonly<Record<string, Partial<SealLeaf>>> = {
      'an empty signature': { signature: new Uint8Array(0) },
      'a signature of another length': { signature: new Uint8Array(10) },
      'a long signature': { signature: new Uint8Array(60_000) },
      'a key that is none': { spki: Uint8Array.of(0x30, 0x00) },
      'no key': { spki: new Uint8Array(0) },
      'no statement': { payload: new Uint8Array(0) },
    }
    for (const [name, change] of Object.entries(unusable)) {
      it(`still says what it knows of the image: ${name}`, async () => {
        const junk = { ...leafOfSeal(seal, nativeCrypto), ...change }
        const evidence = consulted(await consult(site).lookUp({ ...askOfFile(seal), seal: junk }))
        assert.equal(evidence.entry, undefined)
        assert.ok(evidence.records.some(({ index, type }) => index === 1n && type === 'acquired'))
      })
    }
  })
})

describe('ConsultedInstanceLog, of an image with very many events', () => {
  it('finds the seal, and what says that it is gone, among any number of others', async () => {
    const site = new MemorySite()
    const seal = await makeToySeal({ uid: '2.25.10' })
    await site.fill(async (open) => {
      const at = (i: number): Date => new Date(site.now.getTime() - 1_000_000 + i)
      const flood = (from: number, count: number) =>
        Promise.all(Array.from({ length: count }, (_, i) => received(open, '2.25.10', at(from + i))))
      await flood(0, 1200)
      await open.recorder.recordSeal(seal)
      const withdrawn = toyEvent('drill-withdrawn') as Extract<ReturnType<typeof toyEvent>, { type: 'drill-withdrawn' }>
      const { instance } = withdrawn
      assert.ok(instance)
      await open.recorder.record({ ...withdrawn, instance: { ...instance, sopInstanceUid: '2.25.10' } })
      await flood(2000, 1200)
    })
    const types = typesOf(await consult(site).lookUp(askOfFile(seal)))
    assert.equal(types.filter((type) => type === 'acquired').length, 1)
    assert.equal(types.filter((type) => type === 'drill-withdrawn').length, 1)
  })

  it('finds its own events among very many images that share a digest', async () => {
    const site = new MemorySite()
    const black = await makeToySeal({ uid: '2.25.10' })
    const digests = { ...(toyEvent('received').digests as NonNullable<ReturnType<typeof toyEvent>['digests']>) }
    const shared = { ...digests, frames: { count: 2n, root: black.statement.pixels?.root as Uint8Array } }
    await site.fill(async (open) => {
      const flood = (from: number) =>
        Promise.all(
          Array.from({ length: 600 }, (_, i) =>
            received(open, `2.25.9${from + i}`, new Date(site.now.getTime() - i), shared),
          ),
        )
      await flood(1000)
      await open.recorder.recordSeal(black)
      await flood(3000)
    })
    const evidence = consulted(await consult(site).lookUp(askOfFile(black)))
    assert.ok(evidence.records.some(({ sopInstanceUid, type }) => type === 'acquired' && sopInstanceUid === '2.25.10'))
    // The others say no more each than that there are some.
    assert.ok(evidence.records.length <= 300, `${evidence.records.length} records`)
  })

  it('refuses to answer where there are more than it looks at, rather than to miss some', async () => {
    const site = new MemorySite()
    await site.fill(async ({ recorder }) => recorder.recordSeal(await makeToySeal({ uid: '2.25.10' })))
    let pages = 0
    const records = {
      find: async ({ from = 0n, limit }: RecordQuery) => {
        pages++
        return Array.from({ length: limit }, (_, i) => from + BigInt(i))
      },
      payload: site.ports.records.payload.bind(site.ports.records),
    }
    const question = { sopInstanceUid: '2.25.10', digests: {} }
    await assert.rejects(consult(site, { records }).lookUp(question), code('log_overloaded'))
    assert.ok(pages < 1000, 'the search ends')
  })

  it('finds a seal that the index does not know yet where its proof says', async () => {
    const site = new MemorySite()
    const seal = await makeToySeal({ uid: '2.25.10' })
    const receipt = await site.fill(({ recorder }) => recorder.recordSeal(seal))
    const records = { find: async () => [], payload: async () => undefined }
    const proof = encodeUtf8(formatReceipt(receipt))
    const log = consult(site, { records })
    assert.deepEqual(consulted(await log.lookUp(askOfSeal(seal, { proof }))).entry, { index: 0n, inclusion: 'holds' })
    const other = await makeToySeal({ uid: '2.25.10' })
    assert.equal(consulted(await log.lookUp(askOfSeal(other, { proof }))).entry, undefined)
    for (const junk of [new Uint8Array(0), encodeUtf8('c2sp.org/tlog-proof@v1\nindex 7\n\nx'), proof.subarray(1)]) {
      assert.equal(consulted(await log.lookUp(askOfSeal(seal, { proof: junk }))).entry, undefined)
    }
  })

  it('gives its records in the order of the log, each once', async () => {
    const site = new MemorySite()
    const seal = await makeToySeal({ uid: '2.25.10' })
    await site.fill(async (open) => {
      await open.recorder.recordSeal(seal)
      for (let i = 0; i < 20; i++) await received(open, '2.25.10', new Date(i))
    })
    const { records } = consulted(await consult(site).lookUp(askOfSeal(seal)))
    assert.deepEqual(
      records.map(({ index }) => index),
      Array.from({ length: 21 }, (_, i) => BigInt(i)),
    )
  })
})

describe('ConsultedInstanceLog, of a log whose parts contradict each other', () => {
  const damaged = async (): Promise<{ site: MemorySite; seal: Seal; other: Seal }> => {
    const site = new MemorySite()
    const seal = await makeToySeal({ uid: '2.25.10' })
    const other = await makeToySeal({ uid: '2.25.11' })
    await site.fill(async ({ recorder }) => {
      await recorder.recordSeal(seal)
      await recorder.recordSeal(other)
    })
    return { site, seal, other }
  }

  it('never believes a statement that was put in the place of another', async () => {
    const { site, seal, other } = await damaged()
    const records = {
      find: site.ports.records.find.bind(site.ports.records),
      payload: async () => other.envelope.payload,
    }
    await assert.rejects(consult(site, { records }).lookUp(askOfFile(seal)), code('log_corrupted'))
  })

  it('never believes one that has a byte more or another one', async () => {
    const { site, seal } = await damaged()
    const { payload } = seal.envelope
    for (const changed of [
      payload.subarray(1),
      Uint8Array.of(...payload, 0x20),
      payload.map((byte, i) => (i === 40 ? byte ^ 1 : byte)),
      new Uint8Array(0),
    ]) {
      const records = {
        find: site.ports.records.find.bind(site.ports.records),
        payload: async (index: bigint) => (index === 0n ? changed : site.ports.records.payload(index)),
      }
      await assert.rejects(consult(site, { records }).lookUp(askOfFile(seal)), code('log_corrupted'))
    }
  })

  it('does not find an image under an entry that the index names wrongly', async () => {
    const { site, seal } = await damaged()
    const records = {
      find: async () => [1n],
      payload: site.ports.records.payload.bind(site.ports.records),
    }
    const { entry, records: found } = consulted(await consult(site, { records }).lookUp(askOfSeal(seal)))
    assert.equal(entry, undefined)
    assert.deepEqual(
      found.map(({ sopInstanceUid }) => sopInstanceUid),
      ['2.25.11'],
    )
  })

  it('says so where the entries were exchanged on the disk', async () => {
    const { site, seal } = await damaged()
    const leaves = [site.state.entries[1]?.entry.leaf, site.state.entries[0]?.entry.leaf] as Uint8Array[]
    site.state.objects.set('tile/entries/000.p/2', encodeBundle(leaves))
    await assert.rejects(consult(site).lookUp(askOfSeal(seal)), code('log_corrupted'))
  })

  it('looks again at what could not be read once', async () => {
    const { site, seal } = await damaged()
    let isDown = true
    const records = {
      find: site.ports.records.find.bind(site.ports.records),
      payload: async (index: bigint) => {
        if (isDown) throw new StoreError('service_unreachable', 'no answer')
        return site.ports.records.payload(index)
      },
    }
    const log = consult(site, { records })
    await assert.rejects(log.lookUp(askOfFile(seal)), code('service_unreachable'))
    isDown = false
    assert.equal(consulted(await log.lookUp(askOfFile(seal))).records[0]?.index, 0n)
  })

  it('passes over what is durable and not published yet', async () => {
    const site = new MemorySite()
    const first = await makeToySeal({ uid: '2.25.10' })
    const second = await makeToySeal({ uid: '2.25.10' })
    await site.fill(({ recorder }) => recorder.recordSeal(first))
    const published = await site.ports.published.read()
    await site.fill(({ recorder }) => recorder.recordSeal(second))
    site.state.cells.set('published', published as string)
    const evidence = consulted(await consult(site).lookUp(askOfSeal(second)))
    assert.equal(evidence.size, 1n)
    assert.equal(evidence.entry, undefined)
    assert.deepEqual(
      evidence.records.map(({ index }) => index),
      [0n],
    )
  })
})

describe('ConsultedInstanceLog, of statements that were erased', () => {
  const by = { erasedBy: { id: 'u1', name: 'Somebody' }, legalBasis: 'GDPR Art. 17' }

  it('finds the entry of a seal by its tombstone', async () => {
    const site = new MemorySite()
    const seal = await makeToySeal({ uid: '2.25.10' })
    await site.fill(async (open) => {
      await open.recorder.recordSeal(await makeToySeal({ uid: '2.25.11' }))
      const { index } = await open.recorder.recordSeal(seal)
      await open.erase(index, by)
    })
    const { entry, records } = consulted(await consult(site).lookUp(askOfSeal(seal)))
    assert.deepEqual(entry, { index: 1n, inclusion: 'holds' })
    assert.equal(
      records.some(({ index }) => index === 1n),
      false,
      'what was erased is not told again',
    )
  })

  it('is not led astray by a tombstone that names another entry', async () => {
    const site = new MemorySite()
    const seal = await makeToySeal({ uid: '2.25.10' })
    const leaf = leafOfSeal(seal, nativeCrypto)
    await site.fill(async (open) => {
      await open.recorder.recordSeal(await makeToySeal({ uid: '2.25.11' }))
      const leafHash = sha256(Uint8Array.of(0), makeEntry(leaf, nativeCrypto.hash))
      for (const index of [0n, 40n, (1n << 63n) - 1n]) {
        await open.recorder.record({
          type: 'erased',
          instance: null,
          digests: null,
          details: { index, leafHash, ...by },
        })
      }
    })
    assert.equal(consulted(await consult(site).lookUp(askOfSeal(seal))).entry, undefined)
  })
})

describe('ConsultedInstanceLog, of a checkpoint that a statement quotes', () => {
  const grown = async (): Promise<{ site: MemorySite; first: QuotedCheckpoint }> => {
    const site = new MemorySite()
    await site.fill(async ({ recorder }) => recorder.recordSeal(await makeToySeal({ uid: '2.25.1' })))
    const { size, root, origin } = (await site.view()).checkpoint.checkpoint
    await site.fill(async ({ recorder }) => recorder.recordSeal(await makeToySeal({ uid: '2.25.2' })))
    return { site, first: { origin, size, root } }
  }
  const quotedBy = async (site: MemorySite, checkpoint: QuotedCheckpoint | null, times: LogTimes = NO_TIMES) =>
    consulted(await consult(site, { times: () => times }).lookUp(askOfSeal(await makeToySeal({ checkpoint })))).quoted

  it('holds where the log had it, and is as young as what came before', async () => {
    const { site, first } = await grown()
    assert.deepEqual(await quotedBy(site, first), { consistency: 'holds' })
    const times: LogTimes = { ...NO_TIMES, notBefore: async (size) => new Date(Number(size)) }
    assert.deepEqual(await quotedBy(site, first, times), { consistency: 'holds', notBefore: new Date(1) })
    const { size, root, origin } = (await site.view()).checkpoint.checkpoint
    assert.deepEqual(await quotedBy(site, { size, root, origin }), { consistency: 'holds' }, 'the newest one, too')
  })

  it('fails where the log had another one: of a history that it shows to others', async () => {
    const { site, first } = await grown()
    const forked = new MemorySite(site.signer)
    await forked.fill(async ({ recorder }) => recorder.recordSeal(await makeToySeal({ uid: '2.25.3' })))
    const { size, root, origin } = (await forked.view()).checkpoint.checkpoint
    assert.equal(size, first.size)
    assert.deepEqual(await quotedBy(site, { size, root, origin }), { consistency: 'fails' })
    assert.deepEqual(await quotedBy(site, { ...first, size: 2n }), { consistency: 'fails' })
  })

  it('is unknown where it is larger than the log at hand, or of another log', async () => {
    const { site, first } = await grown()
    assert.deepEqual(await quotedBy(site, { ...first, size: 3n }), { consistency: 'unknown' })
    assert.deepEqual(await quotedBy(site, { ...first, size: (1n << 63n) - 1n }), { consistency: 'unknown' })
    assert.deepEqual(await quotedBy(site, { ...first, origin: 'log.example/other' }), { consistency: 'unknown' })
  })

  it('is not mentioned where there is none', async () => {
    const { site } = await grown()
    assert.equal(await quotedBy(site, null), undefined)
  })

  it('says log_corrupted, and never that it fails, where the tiles are damaged', async () => {
    const { site, first } = await grown()
    const tile = site.state.objects.get('tile/0/000.p/2') as Uint8Array
    site.state.objects.set(
      'tile/0/000.p/2',
      tile.map((byte, i) => (i === 3 ? byte ^ 1 : byte)),
    )
    await assert.rejects(quotedBy(site, first), code('log_corrupted'))
  })
})

describe('ConsultedInstanceLog, of a checkpoint that a stranger signed', () => {
  it('refuses the log', async () => {
    const site = new MemorySite()
    await site.fill(async ({ recorder }) => recorder.recordSeal(await makeToySeal()))
    const stranger = makeLogSigner()
    const { size, root } = (await site.view()).checkpoint.checkpoint
    const note = await signCheckpoint({ origin: ORIGIN, size, root, extensions: [] }, stranger, 1n)
    site.state.cells.set('published', note)
    await assert.rejects(consult(site).lookUp(askOfSeal(await makeToySeal())), code('log_corrupted'))
  })
})
