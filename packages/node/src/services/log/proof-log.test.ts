import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { before, describe, it } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import type { ConsultedLog, InstanceQuestion, LogEvidence } from '@fiducial/core/domain/log/logged-instance.ts'
import { cosign, signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { formatTlogProof, parseTlogProof, type TlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import { createNoteSigner } from '../../keys/log-signer.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { makeLogSigner, ORIGIN } from '../../testing/log-site.ts'
import { MemorySite, makeToySeal, policyOf } from '../../testing/memory-site.ts'
import type { InstanceLog } from '../ports.ts'
import { JoinedLogs, ProofLog } from './proof-log.ts'
import { formatReceipt } from './receipt.ts'
import { leafOfSeal } from './seal-entry.ts'

const hasCode = (code: string) => (error: unknown) =>
  (error instanceof StoreError || error instanceof FormatError) && error.code === code
const NOT_CONSULTED: LogEvidence = { state: 'not_consulted' }

const question = (seal: Seal, proof: string | Uint8Array): InstanceQuestion => ({
  digests: {},
  seal: leafOfSeal(seal, nativeCrypto),
  proof: typeof proof === 'string' ? encodeUtf8(proof) : proof,
})

const changed = (proof: string, change: (parts: TlogProof) => Partial<TlogProof>): string => {
  const parts = parseTlogProof(proof)
  return formatTlogProof({ ...parts, ...change(parts) })
}

describe('ProofLog', () => {
  let site: MemorySite
  let seals: readonly Seal[]
  let proofs: readonly string[]
  let log: ProofLog
  before(async () => {
    site = new MemorySite()
    seals = await Promise.all(Array.from({ length: 5 }, (_, i) => makeToySeal({ uid: `2.25.${i}` })))
    proofs = await site.fill(async (open) => {
      for (const seal of seals) await open.recorder.recordSeal(seal)
      return Promise.all(seals.map(async (_, i) => formatReceipt(await open.log.prove(BigInt(i)))))
    })
    log = new ProofLog([site.policy], nativeCrypto)
  })
  const ask = (seal: number, proof: string | Uint8Array, by = log): Promise<LogEvidence> =>
    by.lookUp(question(seals[seal] as Seal, proof))

  it('holds for the seal that the proof is of', async () => {
    for (const [i, proof] of proofs.entries()) {
      assert.deepEqual(await ask(i, proof), {
        state: 'proof',
        origin: ORIGIN,
        size: 5n,
        isWitnessed: true,
        entry: { index: BigInt(i), inclusion: 'holds' },
      })
    }
  })

  it('fails for every other seal', async () => {
    for (const i of seals.keys()) {
      for (const [j, proof] of proofs.entries()) {
        const evidence = await ask(i, proof)
        assert.ok(evidence.state === 'proof')
        assert.equal(evidence.entry.inclusion, i === j ? 'holds' : 'fails')
      }
    }
  })

  it('fails with another index, another path, or a path that is longer or shorter', async () => {
    const [, proof = ''] = proofs
    const zeros = new Uint8Array(32)
    const changes: readonly ((parts: TlogProof) => Partial<TlogProof>)[] = [
      () => ({ index: 0n }),
      () => ({ index: 4n }),
      () => ({ index: 5n }),
      () => ({ index: (1n << 63n) - 1n }),
      () => ({ hashes: [] }),
      ({ hashes }) => ({ hashes: hashes.slice(1) }),
      ({ hashes }) => ({ hashes: [...hashes, zeros] }),
      ({ hashes }) => ({ hashes: hashes.map(() => zeros) }),
      ({ hashes }) => ({ hashes: hashes.toReversed() }),
      () => ({ hashes: Array.from({ length: 63 }, () => zeros) }),
    ]
    for (const change of changes) {
      const evidence = await ask(1, changed(proof, change))
      assert.ok(evidence.state === 'proof')
      assert.equal(evidence.entry.inclusion, 'fails')
    }
  })

  it('fails for a seal of which no entry can be made', async () => {
    const leaf = leafOfSeal(seals[0] as Seal, nativeCrypto)
    for (const change of [{ signature: new Uint8Array(3) }, { spki: new Uint8Array(5) }]) {
      const evidence = await log.lookUp({
        ...question(seals[0] as Seal, proofs[0] ?? ''),
        seal: { ...leaf, ...change },
      })
      assert.ok(evidence.state === 'proof')
      assert.equal(evidence.entry.inclusion, 'fails')
    }
  })

  it('has nothing to say without a seal, without a proof, and without a policy', async () => {
    const { seal: _, ...unsealed } = question(seals[0] as Seal, proofs[0] ?? '')
    const { proof: __, ...unproven } = question(seals[0] as Seal, '')
    assert.deepEqual(await log.lookUp(unsealed), NOT_CONSULTED)
    assert.deepEqual(await log.lookUp(unproven), NOT_CONSULTED)
    assert.deepEqual(await ask(0, proofs[0] ?? '', new ProofLog([], nativeCrypto)), NOT_CONSULTED)
  })

  it('believes no log but those of its policies, whatever name it has', async () => {
    const stranger = new MemorySite(makeLogSigner())
    const receipt = await stranger.fill(({ recorder }) => recorder.recordSeal(seals[0] as Seal))
    const proof = formatReceipt(receipt)
    assert.deepEqual(await ask(0, proof), NOT_CONSULTED)
    const evidence = await ask(0, proof, new ProofLog([site.policy, stranger.policy], nativeCrypto))
    assert.ok(evidence.state === 'proof' && evidence.entry.inclusion === 'holds')
  })

  it('does not take the signature of one log for the checkpoint of another', async () => {
    const other = new MemorySite(makeLogSigner('log.example/other'))
    await other.fill(({ recorder }) => recorder.recordSeal(seals[0] as Seal))
    const { checkpoint } = (await other.view()).checkpoint
    const note = await signCheckpoint(checkpoint, other.signer, 1n)
    const renamed = note.replace(/^log\.example\/other/, ORIGIN)
    const both = new ProofLog([site.policy, other.policy], nativeCrypto)
    await assert.rejects(
      ask(0, formatTlogProof({ index: 0n, hashes: [], checkpoint: renamed }), both),
      hasCode('log_corrupted'),
    )
  })

  it('says log_corrupted where a key that is believed has not signed what it is said to', async () => {
    const forged = changed(proofs[0] ?? '', ({ checkpoint }) => ({ checkpoint: checkpoint.replace('\n5\n', '\n6\n') }))
    await assert.rejects(ask(0, forged), hasCode('log_corrupted'))
  })

  it('refuses what is no proof', async () => {
    const [proof = ''] = proofs
    for (const junk of [
      '',
      'c2sp.org/tlog-proof@v1\n',
      proof.slice(1),
      proof.replace('index 0', 'index 00'),
      proof.replace('index 0', 'index -1'),
      proof.replace('index 0', 'index 9223372036854775808'),
      proof.replace('v1', 'v2'),
      `\ufeff${proof}`,
    ]) {
      await assert.rejects(ask(0, junk), hasCode('tlog_proof_malformed'), JSON.stringify(junk.slice(0, 40)))
    }
    await assert.rejects(ask(0, Uint8Array.of(0xff, 0xfe)), hasCode('tlog_proof_malformed'))
    await assert.rejects(ask(0, new Uint8Array(4 * 1024 * 1024)), hasCode('tlog_proof_malformed'))
  })

  it('never holds after a byte of the proof was changed, and throws nothing but its own errors', async () => {
    const [, proof = ''] = proofs
    const bytes = encodeUtf8(proof)
    const random = seeded(7)
    // Post-quantum signatures take most of a proof: the places are drawn.
    const places = new Set(Array.from({ length: 150 }, () => random(bytes.length)))
    for (let i = 0; i < proof.indexOf('\n\n') + 60; i++) places.add(i)
    for (const place of places) {
      const damaged = bytes.map((byte, i) => (i === place ? byte ^ (1 << random(7)) : byte))
      const evidence = await ask(1, damaged).catch((error: unknown) => {
        assert.ok(error instanceof FormatError || error instanceof StoreError, String(error))
        return NOT_CONSULTED
      })
      if (evidence.state !== 'proof' || evidence.entry.inclusion === 'fails') continue
      // The name in front of a signature may be somebody else's then; another signature still stands.
      const { text } = parseNote(parseTlogProof(damaged).checkpoint)
      assert.equal(
        text,
        parseNote(parseTlogProof(proof).checkpoint).text,
        `byte ${place}: ${decodeUtf8(damaged).slice(0, 30)}`,
      )
      assert.equal(parseTlogProof(damaged).index, 1n)
    }
  })

  it('cannot say whether the checkpoint that a statement quotes was the log’s', async () => {
    const own = new MemorySite()
    const quoting = await makeToySeal({ checkpoint: { origin: ORIGIN, size: 3n, root: new Uint8Array(32) } })
    const proof = formatReceipt(await own.fill(({ recorder }) => recorder.recordSeal(quoting)))
    const evidence = await new ProofLog([own.policy], nativeCrypto).lookUp(question(quoting, proof))
    assert.ok(evidence.state === 'proof')
    assert.deepEqual(evidence.quoted, { consistency: 'unknown' })
  })

  describe('of a policy with witnesses', () => {
    const makeWitness = (name: string) =>
      createNoteSigner(name, 'cosignature-ed25519', generateKeyPairSync('ed25519').privateKey, nativeCrypto.hash)
    const witnesses = ['w1.example', 'w2.example', 'w3.example'].map(makeWitness)
    const quorumOf = (threshold: number): WitnessPolicy => ({
      ...site.policy,
      witnesses: witnesses.map(({ key }) => ({ name: key.name, key })),
      groups: [{ name: 'all', threshold, members: witnesses.map(({ key }) => key.name) }],
      quorum: 'all',
    })
    const cosigned = async (...times: readonly bigint[]): Promise<string> => {
      const { checkpoint } = parseTlogProof(proofs[0] ?? '')
      const lines = await Promise.all(times.map((time, i) => cosign(checkpoint, witnesses.slice(i, i + 1), time)))
      return changed(proofs[0] ?? '', () => ({ checkpoint: checkpoint + lines.join('') }))
    }
    const witnessed = async (proof: string, threshold: number) => {
      const evidence = await ask(0, proof, new ProofLog([quorumOf(threshold)], nativeCrypto))
      assert.ok(evidence.state === 'proof')
      assert.equal(evidence.entry.inclusion, 'holds')
      return [evidence.isWitnessed, evidence.entry.notAfter?.getTime()]
    }

    it('is witnessed with the quorum, and states since when', async () => {
      assert.deepEqual(await witnessed(await cosigned(1000n, 2000n), 2), [true, 2_000_000])
      assert.deepEqual(await witnessed(await cosigned(3000n, 2000n, 1000n), 2), [true, 2_000_000])
    })

    it('is not witnessed without it, and states no time', async () => {
      assert.deepEqual(await witnessed(proofs[0] ?? '', 1), [false, undefined])
      assert.deepEqual(await witnessed(await cosigned(1000n), 2), [false, undefined])
      assert.deepEqual(await witnessed(await cosigned(1000n, 2000n), 3), [false, undefined])
    })

    it('does not count one witness twice, nor one that the policy does not name', async () => {
      const { checkpoint } = parseTlogProof(proofs[0] ?? '')
      const [first] = witnesses
      const twice = (await cosign(checkpoint, [first as (typeof witnesses)[0]], 1000n)).repeat(2)
      const stranger = await cosign(checkpoint, [makeWitness('w2.example')], 1000n)
      const proof = changed(proofs[0] ?? '', () => ({ checkpoint: checkpoint + twice + stranger }))
      assert.deepEqual(await witnessed(proof, 2), [false, undefined])
    })

    it('is judged by the first policy that knows the log', async () => {
      const strict = new ProofLog([quorumOf(1), site.policy], nativeCrypto)
      const strictly = await ask(0, proofs[0] ?? '', strict)
      assert.ok(strictly.state === 'proof' && !strictly.isWitnessed)
      const loosely = await ask(0, proofs[0] ?? '', new ProofLog([site.policy, quorumOf(1)], nativeCrypto))
      assert.ok(loosely.state === 'proof' && loosely.isWitnessed)
    })
  })
})

describe('JoinedLogs', () => {
  const consulted = (more: Partial<ConsultedLog> = {}): ConsultedLog => ({
    state: 'consulted',
    origin: ORIGIN,
    size: 10n,
    isWitnessed: true,
    records: [],
    ...more,
  })
  const proof = (more: Partial<Extract<LogEvidence, { state: 'proof' }>> = {}): LogEvidence => ({
    state: 'proof',
    origin: 'log.example/other',
    size: 20n,
    isWitnessed: true,
    entry: { index: 3n, inclusion: 'holds' },
    ...more,
  })
  const record = { index: 1n, type: 'received', at: new Date(0), digests: {} } as const
  const entry = { index: 1n, inclusion: 'holds' } as const
  const asked: number[] = []
  const answers = (...evidence: readonly (LogEvidence | Error)[]): JoinedLogs => {
    asked.length = 0
    return new JoinedLogs(
      evidence.map(
        (answer, i): InstanceLog => ({
          async lookUp() {
            asked.push(i)
            if (answer instanceof Error) throw answer
            return answer
          },
        }),
      ),
    )
  }
  const lookUp = (...evidence: readonly (LogEvidence | Error)[]): Promise<LogEvidence> =>
    answers(...evidence).lookUp({ digests: {} })

  it('has nothing to say where nobody was asked, or has', async () => {
    assert.deepEqual(await lookUp(), NOT_CONSULTED)
    assert.deepEqual(await lookUp(NOT_CONSULTED, NOT_CONSULTED), NOT_CONSULTED)
  })

  it('asks nobody else once one knows the image', async () => {
    for (const first of [consulted({ records: [record] }), consulted({ entry }), proof()]) {
      assert.deepEqual(await lookUp(first, consulted({ entry, size: 99n })), first)
      assert.deepEqual(asked, [0])
    }
  })

  it('asks on where one does not know the image', async () => {
    assert.deepEqual(await lookUp(NOT_CONSULTED, proof()), proof())
    assert.deepEqual(await lookUp(consulted(), proof()), proof())
    assert.deepEqual(await lookUp(consulted(), consulted({ entry, size: 99n })), consulted({ entry, size: 99n }))
    assert.deepEqual(asked, [0, 1])
  })

  it('says that the image is not known where all others have nothing to say', async () => {
    assert.deepEqual(await lookUp(consulted(), NOT_CONSULTED), consulted())
    assert.deepEqual(await lookUp(NOT_CONSULTED, consulted(), consulted({ size: 11n })), consulted())
  })

  it('does not let a proof take away what the log at hand says of the checkpoint that was quoted', async () => {
    const late = { consistency: 'holds', notBefore: new Date(5) } as const
    const forked = { consistency: 'fails' } as const
    for (const quoted of [late, forked]) {
      const evidence = await lookUp(consulted({ quoted }), proof({ quoted: { consistency: 'unknown' } }))
      assert.deepEqual(evidence, proof({ quoted }))
      assert.deepEqual(await lookUp(consulted({ quoted }), proof()), proof({ quoted }))
    }
    const open = { consistency: 'unknown' } as const
    assert.deepEqual(await lookUp(consulted({ quoted: open }), proof()), proof({ quoted: open }))
  })

  it('does not let a proof speak for the same log where that has been asked', async () => {
    assert.deepEqual(await lookUp(consulted(), proof({ origin: ORIGIN, size: 10n })), consulted())
    assert.deepEqual(await lookUp(consulted(), proof({ origin: ORIGIN, size: 4n })), consulted())
    // Of a longer log than the copy at hand, it may know more.
    assert.deepEqual(
      await lookUp(consulted(), proof({ origin: ORIGIN, size: 11n })),
      proof({ origin: ORIGIN, size: 11n }),
    )
  })

  it('does not let a proof that cannot be read take away what a log said', async () => {
    for (const error of [new FormatError('tlog_proof_malformed', ''), new StoreError('log_corrupted', '')]) {
      assert.deepEqual(await lookUp(consulted(), error), consulted())
      await assert.rejects(lookUp(NOT_CONSULTED, error), hasCode(error.code))
    }
    await assert.rejects(lookUp(consulted(), new TypeError('a mistake')), TypeError)
  })

  it('does not ask on where the log at hand cannot be asked', async () => {
    await assert.rejects(lookUp(new StoreError('log_corrupted', ''), proof()), hasCode('log_corrupted'))
    assert.deepEqual(asked, [0])
  })
})

describe('ProofLog and checkpoints', () => {
  it('reads the size from the checkpoint that was signed, and from nothing else', async () => {
    const site = new MemorySite()
    const seal = await makeToySeal()
    const receipt = await site.fill(({ recorder }) => recorder.recordSeal(seal))
    const { size } = parseCheckpoint(parseNote(receipt.checkpoint).text)
    const proof = formatTlogProof({
      extra: encodeUtf8('size 4000'),
      index: receipt.index,
      hashes: receipt.proof,
      checkpoint: receipt.checkpoint,
    })
    const evidence = await new ProofLog([policyOf(site.signer)], nativeCrypto).lookUp(question(seal, proof))
    assert.ok(evidence.state === 'proof')
    assert.deepEqual([evidence.size, evidence.entry.inclusion], [size, 'holds'])
  })
})
