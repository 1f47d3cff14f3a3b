import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import { formatNote } from '../../formats/note/note.ts'
import { formatCheckpoint } from '../../formats/tlog/checkpoint.ts'
import type { WitnessPolicy } from '../../formats/tlog/policy.ts'
import { toyEventCrypto as crypto, toyBundle, toyEvent, toyLogKeys, toySigned } from '../../testing/toy-events.ts'
import { toyLogSigner, toyNoteSigner } from '../../testing/toy-notes.ts'
import { hashes } from '../../testing/toy-seal.ts'
import { makeEntry } from './entry.ts'
import { cosign } from './sign-checkpoint.ts'
import { type EntryReport, type LoggedStatement, type LogTrust, verifyLoggedStatement } from './verify-entry.ts'

const parts = await toyBundle()
const logged: LoggedStatement = {
  payload: parts.statement.payload,
  leaf: makeEntry(parts.statement, hashes),
  index: parts.index,
  proof: parts.proof,
  checkpoint: parts.checkpoint,
}
const trust: LogTrust = { keys: [toyLogKeys.ed25519.key, toyLogKeys.mlDsa44.key], policy: null }

const verify = (part: Partial<LoggedStatement> = {}, whom: LogTrust = trust): EntryReport =>
  verifyLoggedStatement({ ...logged, ...part }, whom, crypto)

/** What does not hold, as `subject reason`. */
const opens = ({ checks }: EntryReport): readonly string[] =>
  checks.flatMap((check) => (check.outcome === 'holds' ? [] : `${check.subject} ${check.reason}`))

describe('verification of an entry', () => {
  it('holds for what the log has, and says what it looked at', () => {
    const report = verify()
    assert.equal(report.outcome, 'holds')
    assert.deepEqual(
      report.checks.map(({ subject }) => subject),
      ['entry', 'statement', 'signature', 'checkpoint', 'inclusion'],
    )
    assert.equal(report.checkpoint?.checkpoint.size, 11n)
    assert.equal(report.notAfter, undefined)
  })

  it('takes the checkpoint as bytes, too', () => {
    assert.equal(verify({ checkpoint: encodeUtf8(parts.checkpoint) }).outcome, 'holds')
  })

  it('fails for another statement', async () => {
    const other = await toySigned(toyEvent('forwarded'))
    assert.deepEqual(opens(verify({ payload: other.payload })), [
      'statement statement_other',
      'signature signature_wrong',
    ])
  })

  it('fails for another signature, and for the leaf that would fit it', async () => {
    const forged = makeEntry({ ...parts.statement, signature: new Uint8Array(64) }, hashes)
    assert.deepEqual(opens(verify({ leaf: forged })), ['signature signature_wrong', 'inclusion inclusion_wrong'])
  })

  it('fails for a leaf that is none', () => {
    const report = verify({ leaf: encodeUtf8('{}') })
    assert.equal(report.outcome, 'fails')
    assert.deepEqual(opens(report), [
      'entry entry_malformed',
      'statement entry_unread',
      'signature entry_unread',
      'inclusion inclusion_wrong',
    ])
  })

  it('leaves open what an erased statement said, and shows that its entry is there', () => {
    const report = verify({ payload: null })
    assert.equal(report.outcome, 'unknown')
    assert.deepEqual(opens(report), ['statement statement_absent', 'signature statement_absent'])
  })

  it('fails at every other place, and for every damaged proof', () => {
    for (let index = -1n; index <= 12n; index++) {
      if (index !== 5n) assert.deepEqual(opens(verify({ index })), ['inclusion inclusion_wrong'], String(index))
    }
    for (const [i, hash] of parts.proof.entries()) {
      const damaged = parts.proof.with(
        i,
        Uint8Array.from(hash, (byte, at) => (at === 7 ? byte ^ 1 : byte)),
      )
      for (const proof of [damaged, parts.proof.toSpliced(i, 1), [...parts.proof, hash]]) {
        assert.deepEqual(opens(verify({ proof })), ['inclusion inclusion_wrong'])
      }
    }
  })
})

describe('checkpoints under an entry', () => {
  const lines = parts.checkpoint.split('\n')
  const keep = (...kept: readonly number[]): string =>
    [...lines.slice(0, 4), ...kept.map((i) => lines[4 + i]), ''].join('\n')

  it('fail without the signature of a kind that the log is known to make', () => {
    for (const line of [0, 1]) {
      assert.deepEqual(opens(verify({ checkpoint: keep(line) })), ['checkpoint checkpoint_signature_missing'])
    }
  })

  it('are enough with one signature for whoever knows one key', () => {
    const whom = { keys: [toyLogKeys.ed25519.key], policy: null }
    assert.equal(verify({ checkpoint: keep(0) }, whom).outcome, 'holds')
    assert.equal(verify({ checkpoint: keep(0, 1) }, whom).outcome, 'holds')
    assert.deepEqual(opens(verify({ checkpoint: keep(1) }, whom)), ['checkpoint log_unknown', 'inclusion log_unknown'])
  })

  it('fail with a wrong signature, or another root', () => {
    const zeros = 'A'.repeat(43)
    for (const checkpoint of [
      parts.checkpoint.replace('\n11\n', '\n12\n'),
      parts.checkpoint.replace(lines[2] ?? '', `${zeros}=`),
    ]) {
      assert.deepEqual(opens(verify({ checkpoint })), [
        'checkpoint checkpoint_signature_wrong',
        'inclusion log_unknown',
      ])
    }
  })

  it('fail where there is no note', () => {
    assert.deepEqual(opens(verify({ checkpoint: 'x' })), ['checkpoint checkpoint_malformed', 'inclusion log_unknown'])
  })

  it('are open where the log is unknown, or signs for another', async () => {
    const stranger = toyLogSigner('elsewhere.example/log')
    assert.deepEqual(opens(verify({}, { keys: [stranger.ed25519.key], policy: null })), [
      'checkpoint log_unknown',
      'inclusion log_unknown',
    ])
  })

  it('are open where a known log signs under the name of another: it speaks for itself alone', async () => {
    const { checkpoint } = verify().checkpoint ?? assert.fail()
    const text = formatCheckpoint({ ...checkpoint, origin: 'elsewhere.example/log' })
    const { key, sign } = toyLogKeys.ed25519
    const note = formatNote({ text, signatures: [{ ...key, signature: await sign(encodeUtf8(text)) }] })
    const report = verify({ checkpoint: note }, { keys: [key], policy: null })
    assert.deepEqual(opens(report), ['checkpoint log_unknown'])
    assert.equal(report.outcome, 'unknown')
  })

  it('fail with extension lines that only ML-DSA-44 could have signed', async () => {
    const { checkpoint } = verify().checkpoint ?? assert.fail()
    const { mlDsa44 } = toyLogKeys
    const line = await cosign(`${lines.slice(0, 3).join('\n')}\nadded by anybody\n\n${lines[4]}\n`, [mlDsa44], 9n)
    const note = `${lines.slice(0, 3).join('\n')}\nadded by anybody\n\n${line}`
    assert.equal(checkpoint.extensions.length, 0)
    assert.deepEqual(opens(verify({ checkpoint: note }, { keys: [mlDsa44.key], policy: null })), [
      'checkpoint checkpoint_signature_missing',
    ])
  })
})

describe('witnesses of an entry', () => {
  const witnesses = ['a', 'b', 'c'].map((name) => toyNoteSigner(`witness.example/${name}`, 'cosignature-ed25519'))
  const policy: WitnessPolicy = {
    logs: [{ key: toyLogKeys.ed25519.key }],
    witnesses: witnesses.map(({ key }, i) => ({ name: `w${i}`, key })),
    groups: [{ name: 'two', threshold: 2, members: ['w0', 'w1', 'w2'] }],
    quorum: 'two',
  }
  const whom: LogTrust = { ...trust, policy }
  const seenBy = async (...by: readonly number[]): Promise<string> => {
    const lines = by.map((i, order) => cosign(parts.checkpoint, witnesses.slice(i, i + 1), BigInt(1000 + order)))
    return parts.checkpoint + (await Promise.all(lines)).join('')
  }

  it('hold with a quorum, and bound the time from above', async () => {
    const report = verify({ checkpoint: await seenBy(2, 0) }, whom)
    assert.equal(report.outcome, 'holds')
    assert.equal(report.notAfter, 1001n)
  })

  it('fail without one', async () => {
    for (const checkpoint of [parts.checkpoint, await seenBy(1)]) {
      assert.deepEqual(opens(verify({ checkpoint }, whom)), ['witnesses quorum_missing'])
    }
  })

  it('are open under a policy for another log', async () => {
    const other = { ...policy, logs: [{ key: toyLogSigner('elsewhere.example/log').ed25519.key }] }
    const checkpoint = await seenBy(0, 1)
    assert.deepEqual(opens(verify({ checkpoint }, { ...trust, policy: other })), ['witnesses log_unknown'])
    assert.deepEqual(opens(verify({ checkpoint: 'x' }, whom)).at(-1), 'witnesses log_unknown')
  })
})
