import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeBase64 } from '../../bytes/base64.ts'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { concatBytes, encodeUtf8 } from '../../bytes/text.ts'
import { parseNote } from '../../formats/note/note.ts'
import { formatAddCheckpoint } from '../../formats/tlog/witness-request.ts'
import { seeded } from '../../testing/seeded.ts'
import { ToyLog, toySigner } from '../../testing/toy-log.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { cosign } from './sign-checkpoint.ts'
import { judgeSplitView } from './split-view.ts'
import {
  decideAddCheckpoint,
  readSubmission,
  type Submission,
  type WitnessDecision,
  type WitnessedTree,
} from './witness.ts'
import { addSignatures, selectSignatures } from './witness-note.ts'

const honest = new ToyLog(20)
const watched = [{ origin: honest.origin, keys: honest.keys }]

const request = async (log: ToyLog, oldSize: number, size: number, proof = log.prove(oldSize, size)): Promise<string> =>
  formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint: await log.checkpoint(size) })

const recordOf = async (log: ToyLog, size: number): Promise<WitnessedTree> => ({
  size: BigInt(size),
  root: log.root(size),
  note: await log.checkpoint(size),
})

function submit(body: string | Uint8Array): Submission {
  const submission = readSubmission(body, watched, portableCrypto)
  assert.equal(submission.outcome, 'submitted')
  return submission as Submission
}

const decide = (body: string, record: WitnessedTree | undefined): WitnessDecision =>
  decideAddCheckpoint(submit(body), record, portableCrypto.hash)

const judge = (decision: WitnessDecision): string | undefined => {
  const evidence = 'evidence' in decision ? decision.evidence : undefined
  if (evidence === undefined) return undefined
  return judgeSplitView({ origin: honest.origin, foundAt: new Date(0), ...evidence }, honest.keys, portableCrypto)
}

describe('readSubmission', () => {
  it('takes a checkpoint that a key of the log has signed, and leaves other lines out', async () => {
    const witness = toySigner('other.example/witness', 'cosignature-ed25519')
    const checkpoint = await honest.checkpoint()
    const cosigned = checkpoint + (await cosign(checkpoint, [witness], 5n))
    const { verified, note } = submit(formatAddCheckpoint({ oldSize: 0n, proof: [], checkpoint: cosigned }))
    assert.equal(verified.checkpoint.size, 20n)
    assert.equal(note, checkpoint)
  })

  it('takes a checkpoint that only the ML-DSA-44 key of the log has signed', async () => {
    const log = new ToyLog(3, { isHybrid: true })
    const keys = log.keys.slice(1)
    const submission = readSubmission(await request(log, 0, 3), [{ origin: log.origin, keys }], portableCrypto)
    assert.equal(submission.outcome, 'submitted')
    assert.equal(parseNote((submission as Submission).note).signatures.length, 1)
  })

  it('does not know other logs', async () => {
    const other = new ToyLog(3, { origin: 'elsewhere.example/log' })
    assert.deepEqual(readSubmission(await request(other, 0, 3), watched, portableCrypto), { outcome: 'log_unknown' })
  })

  it('refuses what nobody, or somebody else, has signed in the name of the log', async () => {
    const stranger = toySigner('stranger.example', 'ed25519')
    const checkpoint = await honest.checkpoint()
    const [text = ''] = checkpoint.split('\n\n')
    const line = `— stranger.example ${encodeBase64(concatBytes(stranger.key.keyId, new Uint8Array(64)))}\n`
    const bodies = [
      `old 0\n\n${text}\n\n${line}`,
      await request(honest, 0, 20).then((body) => body.replace(/\n20\n/, '\n21\n')),
      `old 0\n\n${text}\n\n${(await new ToyLog(20).append(1).checkpoint()).split('\n\n')[1]}`,
    ]
    for (const body of bodies) {
      assert.deepEqual(readSubmission(body, watched, portableCrypto), { outcome: 'signature_missing' })
    }
  })

  it('refuses a note with one right and one wrong signature of the log', async () => {
    const log = new ToyLog(3, { isHybrid: true })
    const logs = [{ origin: log.origin, keys: log.keys }]
    const other = new ToyLog(4, { isHybrid: true })
    const [, second = ''] = (await other.checkpoint()).split('\n\n')
    const [body = '', lines = ''] = (await log.checkpoint()).split('\n\n')
    const mixed = `${body}\n\n${lines.split('\n')[0]}\n${second.split('\n')[1]}\n`
    const submission = readSubmission(`old 0\n\n${mixed}`, logs, portableCrypto)
    assert.deepEqual(submission, { outcome: 'signature_missing' })
  })

  it('refuses what is no request', async () => {
    const good = await request(honest, 5, 20)
    const bodies = [
      '',
      '\n',
      'old\n\n',
      good.replace('old 5', 'old 05'),
      good.replace('old 5', 'old -5'),
      good.replace('old 5', 'old 21'),
      good.replace('old 5', 'size 5'),
      good.replace('\n\n', '\n'),
      good.slice(0, -1),
      `${good}\n`,
      good.replace('\n20\n', '\n020\n'),
    ]
    for (const body of bodies) {
      assert.deepEqual(readSubmission(body, watched, portableCrypto), { outcome: 'malformed' })
    }
    assert.deepEqual(readSubmission(Uint8Array.of(0xff, 0xfe), watched, portableCrypto), { outcome: 'malformed' })
  })

  it('answers whatever is sent, and takes nothing that differs by one byte from what was signed', async () => {
    const good = encodeUtf8(await request(honest, 5, 20))
    const start = good.length - encodeUtf8(await honest.checkpoint()).length
    const random = seeded(7)
    for (let round = 0; round < 400; round++) {
      const bytes = good.slice()
      const at = random(bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 + random(255))
      const { outcome } = readSubmission(bytes, watched, portableCrypto)
      if (at >= start) assert.notEqual(outcome, 'submitted')
    }
    for (let round = 0; round < 200; round++) {
      const bytes = Uint8Array.from({ length: random(300) }, () => random(256))
      assert.equal(readSubmission(bytes, watched, portableCrypto).outcome, 'malformed')
    }
  })
})

describe('decideAddCheckpoint', () => {
  it('cosigns the first checkpoint of a log, of whatever size', async () => {
    for (const size of [0, 1, 2, 7, 20]) {
      assert.deepEqual(decide(await request(honest, 0, size), undefined), { outcome: 'consistent' })
    }
  })

  it('cosigns each larger tree that the record is the beginning of, and the same again', async () => {
    for (let old = 0; old <= 20; old++) {
      const record = await recordOf(honest, old)
      for (let size = old; size <= 20; size++) {
        assert.deepEqual(decide(await request(honest, old, size), record), { outcome: 'consistent' })
      }
    }
  })

  it('tells its size to a log that believes in another', async () => {
    const record = await recordOf(honest, 9)
    for (const old of [0, 8, 10, 20]) {
      assert.deepEqual(decide(await request(honest, old, 20), record), { outcome: 'size_moved', size: 9n })
    }
    assert.deepEqual(decide(await request(honest, 5, 5), record), { outcome: 'size_moved', size: 9n })
    assert.deepEqual(decide(await request(honest, 3, 9), record), { outcome: 'size_moved', size: 9n })
    assert.deepEqual(decide(await request(honest, 3, 9), undefined), { outcome: 'size_moved', size: 0n })
  })

  it('refuses a proof for a first checkpoint, and one between equal trees', async () => {
    const proof = [honest.root(3)]
    assert.deepEqual(decide(await request(honest, 0, 9, proof), undefined), { outcome: 'proof_wrong' })
    assert.deepEqual(decide(await request(honest, 9, 9, proof), await recordOf(honest, 9)), { outcome: 'proof_wrong' })
  })

  it('refuses a tree of no entries with a root', async () => {
    const liar = Object.assign(new ToyLog(0), { root: () => honest.root(3) })
    const decision = decide(await request(liar, 0, 0, []), undefined)
    assert.deepEqual(decision, { outcome: 'root_differs', size: 0n })
  })

  it('refuses a proof that is missing, cut, long, swapped or changed in any byte', async () => {
    const record = await recordOf(honest, 6)
    const proof = honest.prove(6, 19)
    const wrong = [[], proof.slice(1), proof.slice(0, -1), [...proof, sha256()], proof.toReversed()]
    for (const [i, hash] of proof.entries()) {
      const changed = hash.slice()
      changed[i] = (changed[i] as number) ^ 1
      wrong.push(proof.with(i, changed))
    }
    for (const tried of wrong) {
      const decision = decide(await request(honest, 6, 19, tried), record)
      assert.equal(decision.outcome, 'proof_wrong')
      assert.equal(judge(decision), 'unproven')
    }
  })

  it('has proof when a log signs two trees of one size', async () => {
    const fork = honest.fork(4)
    const record = await recordOf(honest, 9)
    const same = decide(await request(fork, 9, 9), record)
    assert.equal(same.outcome, 'root_differs')
    assert.equal(judge(same), 'proven')
    const other = decide(await request(fork, 2, 9), record)
    assert.equal(other.outcome, 'size_moved')
    assert.equal(judge(other), 'proven')
  })

  it('has proof when a log proves that it grew out of another tree', async () => {
    const fork = honest.fork(4)
    for (let old = 5; old < 20; old++) {
      const decision = decide(await request(fork, old, 20), await recordOf(honest, old))
      assert.equal(decision.outcome, 'proof_wrong')
      // The proof from a complete tree does not hold its root: the two checkpoints alone show nothing then.
      assert.equal(judge(decision), [8, 16].includes(old) ? 'unproven' : 'proven')
    }
  })

  it('has no evidence against a log whose proof somebody else has spoilt', async () => {
    const record = await recordOf(honest, 6)
    const decision = decide(await request(honest, 6, 19, honest.prove(7, 19)), record)
    assert.equal(judge(decision), 'unproven')
  })
})

describe('selectSignatures and addSignatures', () => {
  it('give back what was put under a note, once for each key', async () => {
    const witnesses = ['a.example', 'b.example'].map((name) => toySigner(name, 'cosignature-ed25519'))
    const checkpoint = await honest.checkpoint()
    const lines = await Promise.all([1n, 2n].map((now) => cosign(checkpoint, witnesses, now)))
    const signatures = lines.flatMap((block) => parseNote(`${checkpoint}${block}`).signatures.slice(1))
    const all = addSignatures(checkpoint, signatures)
    assert.equal(all, `${checkpoint}${lines[0]}`)
    assert.equal(selectSignatures(all, honest.keys), checkpoint)
    assert.equal(
      selectSignatures(
        checkpoint,
        witnesses.map(({ key }) => key),
      ),
      undefined,
    )
  })

  it('put no more lines under a note than it can have', async () => {
    const checkpoint = await honest.checkpoint()
    const signatures = Array.from({ length: 64 }, (_, i) => ({
      name: `w${i}.example`,
      keyId: new Uint8Array(4),
      signature: Uint8Array.of(1),
    }))
    assert.throws(() => addSignatures(checkpoint, signatures), RangeError)
    assert.equal(parseNote(addSignatures(checkpoint, signatures.slice(1))).signatures.length, 64)
  })
})
