import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { formatSignatureLine } from '../../formats/note/note.ts'
import { formatVerifierKey } from '../../formats/note/verifier-key.ts'
import { formatCheckpoint } from '../../formats/tlog/checkpoint.ts'
import { formatTimestamped } from '../../formats/tlog/cosignature.ts'
import { parseWitnessPolicy, type WitnessPolicy } from '../../formats/tlog/policy.ts'
import * as foreign from '../../testing/foreign-notes.ts'
import { toyLogSigner, toyNoteCrypto, toyNoteSigner } from '../../testing/toy-notes.ts'
import { checkpointMessage } from './checkpoint-message.ts'
import { judgeQuorum, keysOfPolicy, type QuorumResult } from './quorum.ts'
import { cosign, type NoteSigner, signCheckpoint } from './sign-checkpoint.ts'
import { verifyCheckpoint } from './verify-checkpoint.ts'

const checkpoint = { origin: 'log.example', size: 7n, root: new Uint8Array(32).fill(5), extensions: [] }
const log = toyLogSigner('log.example')
const stranger = toyLogSigner('stranger.example')
const [a, b, c] = ['a', 'b', 'c'].map((name) => toyNoteSigner(name, 'cosignature-ed25519')) as [
  NoteSigner,
  NoteSigner,
  NoteSigner,
]
const pq = toyNoteSigner('pq', 'cosignature-ml-dsa-44')
const signed = await signCheckpoint(checkpoint, log, 1000n)

const line = (keyword: string, { key }: NoteSigner): string => `${keyword} ${formatVerifierKey(key)}\n`
const POLICY = `${line('log', log.ed25519)}${line('log', log.mlDsa44)}${line('witness A', a)}${line('witness B', b)}${line('witness C', c)}`
const parse = (text: string): WitnessPolicy => parseWitnessPolicy(text, portableCrypto.hash)
const twoOfThree = parse(`${POLICY}group G 2 A B C\nquorum G\n`)

async function judge(
  policy: WitnessPolicy,
  times: readonly (readonly [NoteSigner, bigint])[],
  note = signed,
): Promise<QuorumResult> {
  let whole = note
  for (const [signer, time] of times) whole += await cosign(note, [signer], time)
  const result = verifyCheckpoint(whole, keysOfPolicy(policy), toyNoteCrypto)
  assert.equal(result.state, 'valid')
  return judgeQuorum(policy, result.state === 'valid' ? result : assert.fail())
}
const namesOf = ({ witnesses }: QuorumResult): readonly string[] => witnesses.map(({ witness }) => witness.name)

describe('judgeQuorum', () => {
  it('finds a quorum, its log, its witnesses and their times', async () => {
    const result = await judge(twoOfThree, [
      [c, 1005n],
      [a, 1003n],
    ])
    assert.equal(result.state, 'witnessed')
    assert.deepEqual(
      result.logs.map(({ key }) => key),
      [log.ed25519.key, log.mlDsa44.key],
    )
    assert.deepEqual(
      result.witnesses.map(({ witness, timestamp }) => [witness.name, timestamp]),
      [
        ['A', 1003n],
        ['C', 1005n],
      ],
    )
    assert.equal(result.notAfter, 1005n)
  })

  it('bounds the time by the first moment that a quorum stood for', async () => {
    const late = await judge(twoOfThree, [
      [a, 9000n],
      [b, 1002n],
      [c, 1004n],
    ])
    assert.equal(late.notAfter, 1004n)
    const same = await judge(twoOfThree, [
      [a, 1004n],
      [b, 1004n],
    ])
    assert.equal(same.notAfter, 1004n)
    // One witness that lies about the past moves nothing while two are asked for.
    const liar = await judge(twoOfThree, [
      [a, 1n],
      [b, 1004n],
      [c, 1006n],
    ])
    assert.equal(liar.notAfter, 1004n)
  })

  it('takes the earliest time of a witness that cosigned twice, and counts it once', async () => {
    const twice = await judge(twoOfThree, [
      [a, 1009n],
      [a, 1003n],
    ])
    assert.deepEqual([twice.state, namesOf(twice)], ['quorum_missing', ['A']])
    assert.equal(twice.witnesses[0]?.timestamp, 1003n)
    const three = await judge(twoOfThree, [
      [a, 1009n],
      [a, 1003n],
      [b, 1005n],
    ])
    assert.equal(three.notAfter, 1005n)
  })

  it('misses a quorum without enough witnesses, and then bounds nothing', async () => {
    const none = await judge(twoOfThree, [])
    assert.deepEqual([none.state, none.witnesses, none.notAfter], ['quorum_missing', [], undefined])
    const one = await judge(twoOfThree, [[b, 1001n]])
    assert.deepEqual([one.state, namesOf(one), one.notAfter], ['quorum_missing', ['B'], undefined])
  })

  it('passes over witnesses that the policy does not name', async () => {
    const outside = toyNoteSigner('d', 'cosignature-ed25519')
    const result = await judge(twoOfThree, [
      [a, 1001n],
      [outside, 1001n],
    ])
    assert.deepEqual([result.state, namesOf(result)], ['quorum_missing', ['A']])
  })

  it('does not take the name of a witness for its key, even of a key that is known for something else', async () => {
    const impostor = toyNoteSigner('b', 'cosignature-ed25519', 'another')
    const note = signed + (await cosign(signed, [a, impostor], 1001n))
    for (const known of [keysOfPolicy(twoOfThree), [...keysOfPolicy(twoOfThree), impostor.key]]) {
      const result = verifyCheckpoint(note, known, toyNoteCrypto)
      const judged = judgeQuorum(twoOfThree, result.state === 'valid' ? result : assert.fail(result.state))
      assert.deepEqual([judged.state, namesOf(judged)], ['quorum_missing', ['A']])
    }
  })

  it('does not take one key of a name for the other', async () => {
    // A witness with two keys, of which the policy names one.
    const second = toyNoteSigner('a', 'cosignature-ml-dsa-44')
    const note = signed + (await cosign(signed, [second], 1001n))
    const result = verifyCheckpoint(note, [...keysOfPolicy(twoOfThree), second.key], toyNoteCrypto)
    const judged = judgeQuorum(twoOfThree, result.state === 'valid' ? result : assert.fail(result.state))
    assert.deepEqual(namesOf(judged), [])
  })

  it('knows no log where none of the policy has signed, whoever witnesses', async () => {
    const policy = parse(`${line('log', stranger.ed25519)}${line('witness A', a)}quorum A\n`)
    const result = await judge(policy, [[a, 1001n]])
    assert.deepEqual([result.state, result.logs, namesOf(result)], ['log_unknown', [], ['A']])
    assert.equal(result.notAfter, undefined)
  })

  it('knows no log where the key of a log signed a checkpoint of another origin', async () => {
    const other = { ...checkpoint, origin: 'other.example' }
    // Written by hand: our own signer refuses to do it.
    const { key } = log.ed25519
    const forged = await signCheckpoint(
      other,
      { origin: 'other.example', ed25519: { key: { ...key, name: 'other.example' }, sign: log.ed25519.sign } },
      1n,
    )
    const note = forged.replace('— other.example', '— log.example')
    const result = await judge(
      twoOfThree,
      [
        [a, 1n],
        [b, 1n],
      ],
      note,
    )
    assert.equal(result.state, 'log_unknown')
  })

  it('is content with one of the two keys of a log', async () => {
    const policy = parse(`${line('log', log.mlDsa44)}${line('witness A', a)}quorum A\n`)
    assert.equal((await judge(policy, [[a, 1001n]])).state, 'witnessed')
  })

  it('asks for no witness where the policy does not, and then bounds nothing', async () => {
    const policy = parse(`${POLICY}quorum none\n`)
    const alone = await judge(policy, [])
    assert.deepEqual([alone.state, alone.notAfter], ['witnessed', undefined])
    const witnessed = await judge(policy, [[a, 1001n]])
    assert.deepEqual([witnessed.state, namesOf(witnessed), witnessed.notAfter], ['witnessed', ['A'], undefined])
  })

  it('knows no log where the policy lists none', async () => {
    const policy = parse(`${line('witness A', a)}quorum A\n`)
    assert.equal((await judge(policy, [[a, 1001n]])).state, 'log_unknown')
  })

  it('counts an ML-DSA-44 witness that states no time, and takes no time from it', async () => {
    const policy = parse(`${POLICY}${line('witness P', pq)}group G 2 A P\nquorum G\n`)
    const result = verifyCheckpoint(
      `${signed}${await cosign(signed, [a], 1001n)}${await timelessLine(pq)}`,
      keysOfPolicy(policy),
      toyNoteCrypto,
    )
    const judged = judgeQuorum(policy, result.state === 'valid' ? result : assert.fail(result.state))
    assert.deepEqual([judged.state, namesOf(judged), judged.notAfter], ['witnessed', ['A', 'P'], undefined])
    const timed = await judge(policy, [
      [a, 1001n],
      [pq, 1002n],
    ])
    assert.equal(timed.notAfter, 1002n)
  })

  it('judges a checkpoint of the public network', () => {
    const text = `log ${foreign.ARCHE_KEY}\nwitness remora ${foreign.REMORA_KEY}\nwitness mole ${foreign.STAGEMOLE_KEY}\n`
    const policy = parse(`${text}group both all remora mole\nquorum both\n`)
    const result = verifyCheckpoint(foreign.ARCHE_NOTE, keysOfPolicy(policy), portableCrypto)
    const judged = judgeQuorum(policy, result.state === 'valid' ? result : assert.fail(result.state))
    assert.deepEqual([judged.state, judged.notAfter], ['witnessed', 1779573024n])
  })
})

/** A cosignature with time zero, which ours do not write. */
async function timelessLine({ key, sign }: NoteSigner): Promise<string> {
  const message = checkpointMessage(key, { checkpoint, text: formatCheckpoint(checkpoint) }, 0n)
  const signature = formatTimestamped({ timestamp: 0n, signature: await sign(message ?? assert.fail()) })
  return formatSignatureLine({ name: key.name, keyId: key.keyId, signature })
}
