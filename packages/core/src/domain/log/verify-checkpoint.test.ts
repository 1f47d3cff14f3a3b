import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { encodeUtf8 } from '../../bytes/text.ts'
import { formatNote, formatSignatureLine, parseNote } from '../../formats/note/note.ts'
import { parseVerifierKey, type VerifierKey } from '../../formats/note/verifier-key.ts'
import { formatCheckpoint } from '../../formats/tlog/checkpoint.ts'
import * as foreign from '../../testing/foreign-notes.ts'
import { toyLogSigner, toyNoteCrypto, toyNoteKey, toyNoteSigner } from '../../testing/toy-notes.ts'
import { cosign, keysOfSigner, signCheckpoint } from './sign-checkpoint.ts'
import { type CheckpointResult, isSignedBy, type VerifiedCheckpoint, verifyCheckpoint } from './verify-checkpoint.ts'

const checkpoint = { origin: 'log.example', size: 7n, root: new Uint8Array(32).fill(5), extensions: [] }
const log = toyLogSigner('log.example')
const witness = toyNoteSigner('w.example', 'cosignature-ed25519')
const lattice = toyNoteSigner('pq.example', 'cosignature-ml-dsa-44')
const now = 1_700_000_000n
const signed = await signCheckpoint(checkpoint, log, now)
const cosigned = signed + (await cosign(signed, [witness, lattice], now + 5n))
const keys = [...keysOfSigner(log), witness.key, lattice.key]

const verify = (note: string | Uint8Array, known: readonly VerifierKey[] = keys): CheckpointResult =>
  verifyCheckpoint(note, known, toyNoteCrypto)

function valid(result: CheckpointResult): VerifiedCheckpoint {
  assert.equal(result.state, 'valid')
  return result as VerifiedCheckpoint
}

const parseKey = (text: string): VerifierKey => parseVerifierKey(text, portableCrypto.hash)

describe('verifyCheckpoint, of notes that others made', () => {
  it('verifies a log and witnesses of the public network, and ignores those it does not know', () => {
    const known = [foreign.ARCHE_KEY, foreign.REMORA_KEY, foreign.STAGEMOLE_KEY].map(parseKey)
    const result = valid(verifyCheckpoint(foreign.ARCHE_NOTE, known, portableCrypto))
    assert.equal(result.checkpoint.size, 1432088532n)
    assert.deepEqual(
      result.valid.map(({ key, timestamp }) => [key.name, timestamp]),
      [
        ['arche2025h1.staging.ct.transparency.dev', undefined],
        ['remora.n621.de', 1779573024n],
        ['witness.stagemole.eu', 1779573024n],
      ],
    )
  })

  it('refuses that note once its size is another, for each of the keys', () => {
    const changed = foreign.ARCHE_NOTE.replace('1432088532', '1432088533')
    for (const text of [foreign.ARCHE_KEY, foreign.REMORA_KEY, foreign.STAGEMOLE_KEY]) {
      const result = verifyCheckpoint(changed, [parseKey(text)], portableCrypto)
      assert.equal(result.state, 'signature_wrong')
    }
  })

  it('refuses that note once a witness claims another time', () => {
    const { text, signatures } = parseNote(foreign.ARCHE_NOTE)
    const moved = signatures.map((signature) => {
      if (signature.name !== 'remora.n621.de') return signature
      const bytes = new Uint8Array(signature.signature)
      bytes[7] = (bytes[7] ?? 0) ^ 1
      return { ...signature, signature: bytes }
    })
    const result = verifyCheckpoint(
      formatNote({ text, signatures: moved }),
      [parseKey(foreign.REMORA_KEY)],
      portableCrypto,
    )
    assert.equal(result.state, 'signature_wrong')
  })

  it('verifies a log that signs with ML-DSA-44 and states no time', () => {
    const key = parseKey(foreign.LATTICE_KEY)
    const result = valid(verifyCheckpoint(foreign.LATTICE_NOTE, [key], portableCrypto))
    assert.deepEqual(result.valid, [{ key }])
    assert.equal(result.isTextSigned, false)
    const changed = foreign.LATTICE_NOTE.replace('mldsa-log\n1\n', 'mldsa-log\n2\n')
    assert.equal(verifyCheckpoint(changed, [key], portableCrypto).state, 'signature_wrong')
  })

  it('verifies a key of Go over a note of Go, which is no checkpoint', () => {
    const note = `${foreign.PETER_TEXT}\n${foreign.PETER_LINE}`
    assert.equal(verifyCheckpoint(note, [parseKey(foreign.PETER_KEY)], portableCrypto).state, 'malformed')
  })
})

describe('verifyCheckpoint', () => {
  it('says who signed, in the order of the note, and when cosigners did', () => {
    const result = valid(verify(cosigned))
    assert.deepEqual(result.checkpoint, checkpoint)
    assert.equal(result.text, formatCheckpoint(checkpoint))
    assert.equal(result.note, cosigned)
    assert.deepEqual(result.valid, [
      { key: log.ed25519.key },
      { key: log.mlDsa44.key, timestamp: now },
      { key: witness.key, timestamp: now + 5n },
      { key: lattice.key, timestamp: now + 5n },
    ])
    assert.ok(keys.every((key) => isSignedBy(result, key)))
    assert.ok(!isSignedBy(result, toyNoteKey('w.example', 'cosignature-ed25519', 'another')))
    assert.deepEqual(verify(encodeUtf8(cosigned)), result)
  })

  it('ignores the signatures of keys that it does not know', () => {
    const result = valid(verify(cosigned, [witness.key]))
    assert.deepEqual(
      result.valid.map(({ key }) => key.name),
      ['w.example'],
    )
    assert.ok(!isSignedBy(result, log.ed25519.key))
  })

  it('says so where none of the keys has signed', () => {
    assert.deepEqual(verify(cosigned, []), { state: 'unsigned' })
    assert.deepEqual(verify(signed, [witness.key]), { state: 'unsigned' })
  })

  it('ignores a name without its key ID, and a key ID without its name', () => {
    const { text, signatures } = parseNote(signed)
    const [first] = signatures
    assert.ok(first)
    for (const other of [
      { ...first, keyId: new Uint8Array(4) },
      { ...first, name: 'other.example' },
    ]) {
      assert.deepEqual(verify(formatNote({ text, signatures: [other] })), { state: 'unsigned' })
    }
  })

  it('refuses the whole note for one wrong signature of a known key, whoever else signed', () => {
    const { text, signatures } = parseNote(cosigned)
    for (const [i, key] of keys.entries()) {
      const wrong = signatures.map((signature, j) =>
        j === i ? { ...signature, signature: flip(signature.signature, -1) } : signature,
      )
      assert.deepEqual(verify(formatNote({ text, signatures: wrong })), { state: 'signature_wrong', key })
    }
  })

  it('refuses a right signature beside a wrong one of the same key', () => {
    const [first] = parseNote(signed).signatures
    assert.ok(first)
    const wrong = formatSignatureLine({ ...first, signature: flip(first.signature, 0) })
    assert.equal(verify(signed + wrong).state, 'signature_wrong')
  })

  it('refuses signatures that have not the length of their key', () => {
    const { text, signatures } = parseNote(cosigned)
    for (const [i, key] of keys.entries()) {
      const short = signatures.map((signature, j) =>
        j === i ? { ...signature, signature: signature.signature.subarray(1) } : signature,
      )
      assert.deepEqual(verify(formatNote({ text, signatures: short })), { state: 'signature_wrong', key })
    }
  })

  it('refuses a cosignature whose time does not fit a signed number', () => {
    const line = parseNote(cosigned).signatures[2]
    assert.ok(line)
    const bytes = new Uint8Array(line.signature)
    bytes[0] = 0xff
    assert.equal(verify(signed + formatSignatureLine({ ...line, signature: bytes })).state, 'signature_wrong')
  })

  it('refuses a signature moved to another type of the same key', () => {
    // The same name and bytes, once as a key of a log and once as one of a witness: messages differ, so no one passes for the other.
    const asLog = toyNoteSigner('twin.example', 'ed25519')
    const asWitness = toyNoteKey('twin.example', 'cosignature-ed25519')
    const message = encodeUtf8(formatCheckpoint(checkpoint))
    return asLog.sign(message).then((bare) => {
      const stamped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, ...bare)
      const line = formatSignatureLine({ name: 'twin.example', keyId: asWitness.keyId, signature: stamped })
      assert.equal(verify(`${formatCheckpoint(checkpoint)}\n${line}`, [asWitness]).state, 'signature_wrong')
    })
  })

  it('believes either of two keys that share name and key ID', async () => {
    const real = witness.key
    const twin = { ...toyNoteKey('w.example', 'cosignature-ed25519', 'twin'), keyId: real.keyId }
    const result = valid(verify(cosigned, [twin, real]))
    assert.deepEqual(
      result.valid.map(({ key }) => key),
      [real],
    )
    assert.equal(verify(cosigned, [twin]).state, 'signature_wrong')
  })

  it('lists each cosignature of a key that signed twice', async () => {
    const again = await cosign(signed, [witness], now + 9n)
    const times = valid(verify(cosigned + again, [witness.key])).valid.map(({ timestamp }) => timestamp)
    assert.deepEqual(times, [now + 5n, now + 9n])
  })

  it('says whether a signature covers the extension lines', async () => {
    const extended = await signCheckpoint({ ...checkpoint, extensions: ['one'] }, log, now)
    const changed = extended.replace('\none\n', '\ntwo\n')
    const [ed25519, mlDsa44] = keysOfSigner(log)
    assert.ok(ed25519 && mlDsa44)
    assert.equal(valid(verify(extended)).isTextSigned, true)
    assert.equal(verify(changed).state, 'signature_wrong')
    const result = valid(verify(changed, [mlDsa44]))
    assert.deepEqual([result.isTextSigned, result.checkpoint.extensions], [false, ['two']])
    assert.equal(valid(verify(cosigned, [witness.key])).isTextSigned, true)
  })

  it('takes an origin that no ML-DSA-44 message holds for one that no such key signed', async () => {
    const origin = 'o'.repeat(256)
    const signer = { origin, ed25519: toyNoteSigner(origin, 'ed25519') }
    const note = await signCheckpoint({ ...checkpoint, origin }, signer, now)
    const line = parseNote(cosigned).signatures[3]
    assert.ok(line)
    assert.equal(verify(note, [signer.ed25519.key]).state, 'valid')
    assert.equal(verify(note + formatSignatureLine(line), [lattice.key]).state, 'signature_wrong')
  })

  it('says what is malformed', () => {
    const codeOf = (note: string | Uint8Array): string | undefined => {
      const result = verify(note)
      return result.state === 'malformed' ? result.error.code : undefined
    }
    assert.equal(codeOf(''), 'note_malformed')
    assert.equal(codeOf(signed.slice(0, -1)), 'note_malformed')
    assert.equal(codeOf(Uint8Array.of(0xff)), 'note_malformed')
    assert.equal(codeOf(signed.replace('\n7\n', '\n07\n')), 'checkpoint_malformed')
    assert.equal(codeOf(`a\n\n${foreign.PETER_LINE}`), 'checkpoint_malformed')
  })

  it('accepts no note in which one byte is flipped, unless the line of its signature is lost', async () => {
    const small = signed.slice(0, signed.indexOf('—')) + (await cosign(signed, [witness], now))
    const bytes = encodeUtf8(small)
    for (let i = 0; i < bytes.length; i++) {
      for (const mask of [0x01, 0x80]) {
        const changed = new Uint8Array(bytes)
        changed[i] = (changed[i] ?? 0) ^ mask
        assert.notEqual(verify(changed, [witness.key]).state, 'valid', `byte ${i}`)
      }
    }
  })
})

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = new Uint8Array(bytes)
  const index = at < 0 ? bytes.length + at : at
  flipped[index] = (flipped[index] ?? 0) ^ 1
  return flipped
}
