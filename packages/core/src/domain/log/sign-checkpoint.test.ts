import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ed25519 } from '@noble/curves/ed25519.js'
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { parseNote } from '../../formats/note/note.ts'
import { makeVerifierKey } from '../../formats/note/verifier-key.ts'
import { formatCheckpoint } from '../../formats/tlog/checkpoint.ts'
import { cosignatureMessage, parseTimestamped, subtreeMessage } from '../../formats/tlog/cosignature.ts'
import { SOFA_LOG_LINE, SOFA_TEXT } from '../../testing/foreign-notes.ts'
import { toyLogSigner, toyNoteSigner } from '../../testing/toy-notes.ts'
import { cosign, keysOfSigner, type LogSigner, type NoteSigner, signCheckpoint } from './sign-checkpoint.ts'
import { verifyCheckpoint } from './verify-checkpoint.ts'

const checkpoint = { origin: 'log.example', size: 7n, root: new Uint8Array(32).fill(5), extensions: [] }
const now = 1_700_000_000n
const hashes = portableCrypto.hash

/** A signer that keeps what it was shown. */
function watched(signer: NoteSigner): NoteSigner & { readonly seen: Uint8Array[] } {
  const seen: Uint8Array[] = []
  return {
    key: signer.key,
    seen,
    sign(message) {
      seen.push(message)
      return signer.sign(message)
    },
  }
}

describe('signCheckpoint', () => {
  it('signs with real keys so that both signatures verify', async () => {
    const seed = new Uint8Array(32).fill(3)
    const pair = ml_dsa44.keygen(seed)
    const origin = 'log.example'
    const signer: LogSigner = {
      origin,
      ed25519: {
        key: makeVerifierKey(origin, 'ed25519', ed25519.getPublicKey(seed), hashes),
        sign: async (message) => ed25519.sign(message, seed),
      },
      mlDsa44: {
        key: makeVerifierKey(origin, 'cosignature-ml-dsa-44', pair.publicKey, hashes),
        sign: async (message) => ml_dsa44.sign(message, pair.secretKey),
      },
    }
    const note = await signCheckpoint(checkpoint, signer, now)
    const result = verifyCheckpoint(note, keysOfSigner(signer), portableCrypto)
    assert.equal(result.state, 'valid')
    assert.deepEqual(result.state === 'valid' && result.valid.map(({ key }) => key), keysOfSigner(signer))
  })

  it('shows each key the message of its type', async () => {
    const toy = toyLogSigner('log.example')
    const signer = { origin: 'log.example', ed25519: watched(toy.ed25519), mlDsa44: watched(toy.mlDsa44) }
    const note = await signCheckpoint({ ...checkpoint, extensions: ['more'] }, signer, now)
    const { text, signatures } = parseNote(note)
    assert.equal(text, formatCheckpoint({ ...checkpoint, extensions: ['more'] }))
    assert.deepEqual(signer.ed25519.seen, [encodeUtf8(text)])
    const { origin, size, root } = checkpoint
    const subtree = { cosigner: origin, timestamp: now, origin, start: 0n, end: size, hash: root }
    assert.deepEqual(signer.mlDsa44.seen, [subtreeMessage(subtree)])
    assert.deepEqual(
      signatures.map(({ name, signature }) => [name, signature.length]),
      [
        ['log.example', 64],
        ['log.example', 8 + 2420],
      ],
    )
    assert.equal(parseTimestamped(signatures[1]?.signature ?? new Uint8Array(), 'cosignature-ml-dsa-44').timestamp, now)
  })

  it('signs with Ed25519 alone where there is no other key', async () => {
    const { origin, ed25519: only } = toyLogSigner('log.example')
    const note = await signCheckpoint(checkpoint, { origin, ed25519: only }, now)
    assert.deepEqual(
      parseNote(note).signatures.map(({ keyId }) => keyId),
      [only.key.keyId],
    )
    assert.deepEqual(keysOfSigner({ origin, ed25519: only }), [only.key])
  })

  it('refuses to sign for another log, or with keys that are not of this one', async () => {
    const good = toyLogSigner('log.example')
    const other = toyLogSigner('other.example')
    const refusals: readonly [LogSigner, typeof checkpoint, bigint][] = [
      [good, { ...checkpoint, origin: 'other.example' }, now],
      [{ ...good, ed25519: other.ed25519 }, checkpoint, now],
      [{ ...good, mlDsa44: other.mlDsa44 }, checkpoint, now],
      [{ ...good, ed25519: good.mlDsa44 }, checkpoint, now],
      [{ ...good, mlDsa44: toyNoteSigner('log.example', 'cosignature-ed25519') }, checkpoint, now],
      [good, { ...checkpoint, size: -1n }, now],
      [good, checkpoint, -1n],
      [good, checkpoint, 1n << 63n],
    ]
    for (const [signer, subject, time] of refusals) {
      await assert.rejects(signCheckpoint(subject, signer, time), RangeError)
    }
  })

  it('refuses a signature of the wrong length, and lets out what a signer throws', async () => {
    const good = toyLogSigner('log.example')
    const broken = { key: good.ed25519.key, sign: async () => new Uint8Array(63) }
    await assert.rejects(signCheckpoint(checkpoint, { ...good, ed25519: broken }, now), RangeError)
    const failing = { key: good.ed25519.key, sign: () => Promise.reject(new TypeError('no token')) }
    await assert.rejects(signCheckpoint(checkpoint, { ...good, ed25519: failing }, now), TypeError)
  })
})

describe('cosign', () => {
  const note = `${SOFA_TEXT}\n${SOFA_LOG_LINE}`
  const witness = toyNoteSigner('w.example', 'cosignature-ed25519')
  const lattice = toyNoteSigner('w.example', 'cosignature-ml-dsa-44')

  it('gives a line for each key, over the message of its type', async () => {
    const watchedKeys = [watched(witness), watched(lattice)] as const
    const lines = await cosign(note, watchedKeys, 1679315147n)
    assert.deepEqual(watchedKeys[0].seen, [cosignatureMessage(SOFA_TEXT, 1679315147n)])
    const [message] = watchedKeys[1].seen
    assert.ok(message)
    assert.equal(decodeUtf8(message.subarray(0, 22)), 'subtree/v1\n\0\u0009w.example')
    const { signatures } = parseNote(note + lines)
    assert.deepEqual(
      signatures.slice(1).map(({ name, keyId }) => [name, keyId]),
      [
        ['w.example', witness.key.keyId],
        ['w.example', lattice.key.keyId],
      ],
    )
  })

  it('refuses what a witness does not sign', async () => {
    await assert.rejects(cosign(note, [witness], 0n), RangeError)
    await assert.rejects(cosign(note, [witness], 1n << 63n), RangeError)
    await assert.rejects(cosign(note, [toyNoteSigner('w.example', 'ed25519')], now), RangeError)
    const long = `${'o'.repeat(256)}\n${SOFA_TEXT.split('\n').slice(1).join('\n')}\n${SOFA_LOG_LINE}`
    await assert.rejects(cosign(long, [lattice], now), RangeError)
    assert.ok(await cosign(long, [witness], now))
  })

  it('refuses notes and checkpoints that are none', async () => {
    const hasCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code
    await assert.rejects(cosign(SOFA_TEXT, [witness], now), hasCode('note_malformed'))
    await assert.rejects(cosign(`a\n\n${SOFA_LOG_LINE}`, [witness], now), hasCode('checkpoint_malformed'))
  })
})
