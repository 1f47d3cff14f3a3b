import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import * as foreign from '../../testing/foreign-notes.ts'
import { seeded } from '../../testing/seeded.ts'
import {
  formatNote,
  formatSignatureLine,
  NOTE_LIMIT,
  NOTE_SIGNATURES_LIMIT,
  parseNote,
  parseSignatureLines,
} from './note.ts'
import { parseVerifierKey, spkiOfVerifierKey } from './verifier-key.ts'

const { PETER_TEXT: text, PETER_LINE: peter, ENOCH_LINE: enoch } = foreign
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'note_malformed'
const line = (name: string, base64: string): string => `— ${name} ${base64}\n`

describe('parseNote', () => {
  const vectors = [
    { name: 'a note of Go', note: `${text}\n${peter}`, names: ['PeterNeumann'] },
    {
      name: 'a note of Go with two signatures',
      note: `${text}\n${peter}${enoch}`,
      names: ['PeterNeumann', 'EnochRoot'],
    },
    { name: 'the note of the standard', note: foreign.FOO_NOTE, names: ['example.com/foo'] },
    { name: 'the shortest text', note: `\n\n${peter}`, names: ['PeterNeumann'] },
    { name: 'a text with empty lines', note: `a\n\n\nb\n\n${peter}`, names: ['PeterNeumann'] },
    { name: 'a text that ends in an empty line', note: `a\n\n\n${peter}`, names: ['PeterNeumann'] },
    { name: 'a text that looks like a signature', note: `${peter}\n${enoch}`, names: ['EnochRoot'] },
    { name: 'the shortest signature', note: `a\n\n${line('n', 'AAAAAAA=')}`, names: ['n'] },
    { name: 'the same signature twice', note: `a\n\n${peter}${peter}`, names: ['PeterNeumann', 'PeterNeumann'] },
    { name: 'a note with a DEL and a BOM', note: `\ufeffa\u007f\n\n${peter}`, names: ['PeterNeumann'] },
  ]
  for (const { name, note, names } of vectors) {
    it(`reads ${name}, as text and as bytes, and writes it back to the letter`, () => {
      const parsed = parseNote(note)
      assert.deepEqual(
        parsed.signatures.map((signature) => signature.name),
        names,
      )
      assert.equal(formatNote(parsed), note)
      assert.deepEqual(parseNote(encodeUtf8(note)), parsed)
    })
  }

  it('gives the text that the signatures are about', () => {
    for (const [keyText, note] of [
      [foreign.PETER_KEY, `${text}\n${peter}`],
      [foreign.FOO_KEY, foreign.FOO_NOTE],
    ] as const) {
      const key = parseVerifierKey(keyText, portableCrypto.hash)
      const { text: signed, signatures } = parseNote(note)
      const [signature] = signatures
      assert.ok(signature)
      assert.deepEqual(signature.keyId, key.keyId)
      assert.ok(portableCrypto.verifyMessage(spkiOfVerifierKey(key), encodeUtf8(signed), signature.signature))
    }
  })

  it('takes as many signatures as the limit, and not one more', () => {
    assert.equal(parseNote(`a\n\n${peter.repeat(NOTE_SIGNATURES_LIMIT)}`).signatures.length, NOTE_SIGNATURES_LIMIT)
    assert.throws(() => parseNote(`a\n\n${peter.repeat(NOTE_SIGNATURES_LIMIT + 1)}`), isMalformed)
  })

  it('counts bytes, not characters, up to the limit', () => {
    const rest = encodeUtf8(`\n\n${peter}`).length
    assert.ok(parseNote(`${'a'.repeat(NOTE_LIMIT - rest)}\n\n${peter}`))
    assert.throws(() => parseNote(`${'a'.repeat(NOTE_LIMIT - rest + 1)}\n\n${peter}`), isMalformed)
    assert.throws(() => parseNote(`${'ü'.repeat((NOTE_LIMIT - rest) / 2 + 1)}\n\n${peter}`), isMalformed)
    assert.throws(() => parseNote(new Uint8Array(NOTE_LIMIT + 1).fill(0x0a)), isMalformed)
  })

  const refusals: readonly { readonly name: string; readonly note: string | Uint8Array }[] = [
    { name: 'nothing', note: '' },
    { name: 'a text alone', note: text },
    { name: 'a text and an empty line', note: `${text}\n` },
    { name: 'signatures alone', note: peter },
    { name: 'an empty text', note: `\n${peter}` },
    { name: 'a text without a newline before the empty line', note: `a\n${peter}` },
    { name: 'a signature without a newline', note: `${text}\n${peter.slice(0, -1)}` },
    { name: 'a line behind the signatures', note: `${text}\n${peter}Unexpected line.\n` },
    { name: 'a line between the signatures', note: `${text}\n${peter}x\n${enoch}` },
    { name: 'an empty line behind the signatures', note: `${text}\n${peter}\n` },
    { name: 'a carriage return', note: `${text}\n${peter.slice(0, -1)}\r\n` },
    { name: 'a tab in the text', note: `a\tb\n\n${peter}` },
    { name: 'a zero in the text', note: `a\0b\n\n${peter}` },
    { name: 'a control character in front', note: `\u0001${text}\n${peter}` },
    { name: 'a lone surrogate', note: `\ud800\n\n${peter}` },
    { name: 'bytes that are no UTF-8', note: Uint8Array.of(0xff, ...encodeUtf8(`${text}\n${peter}`)) },
    { name: 'an overlong encoding', note: Uint8Array.of(0xc0, 0x8a, ...encodeUtf8(`\n\n${peter}`)) },
    { name: 'a hyphen for the dash', note: `${text}\n${peter.replace('—', '-')}` },
    { name: 'an en dash for the dash', note: `${text}\n${peter.replace('—', '–')}` },
    { name: 'two spaces behind the dash', note: `${text}\n${peter.replace('— ', '—  ')}` },
    { name: 'no space behind the dash', note: `${text}\n${peter.replace('— ', '—')}` },
    { name: 'a space in front of the dash', note: `${text}\n ${peter}` },
    { name: 'a name with a space', note: `${text}\n${peter.replace('Neumann', ' Neumann')}` },
    { name: 'a name with a no-break space', note: `${text}\n${peter.replace('Neumann', '\u00a0Neumann')}` },
    { name: 'a name with a plus', note: `${text}\n${peter.replace('Neumann', '+')}` },
    { name: 'no name', note: `${text}\n${line('', 'AAAAAAA=')}` },
    { name: 'no signature', note: `${text}\n— PeterNeumann\n` },
    { name: 'an empty signature', note: `${text}\n${line('n', '')}` },
    { name: 'a key ID alone', note: `${text}\n${line('n', 'AAAAAA==')}` },
    { name: 'base64 without padding', note: `${text}\n${line('n', 'AAAAAAA')}` },
    { name: 'base64 with loose final bits', note: `${text}\n${line('n', 'AAAAAAB=')}` },
    { name: 'base64 of the URL alphabet', note: `${text}\n${line('n', 'AAAAAA-_')}` },
    { name: 'a space behind the signature', note: `${text}\n${line('n', 'AAAAAAA= ')}` },
  ]
  for (const { name, note } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parseNote(note), isMalformed))
  }

  it('reads or refuses damaged notes, and reads none in a second spelling', () => {
    const next = seeded(42)
    const pieces = ['\n', '\n\n', '— ', ' ', '+', '=', 'A', 'é', '\ud800', '\u00a0', '\r', '\0', peter, '']
    const good = `${text}\n${peter}${enoch}`
    let accepted = 0
    for (let i = 0; i < 4000; i++) {
      const at = next(good.length)
      const note = good.slice(0, at) + pieces[next(pieces.length)] + good.slice(at + next(4))
      try {
        assert.equal(formatNote(parseNote(note)), note)
        accepted++
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
    assert.ok(accepted > 100 && accepted < 3900)
  })

  it('refuses random bytes with its own error', () => {
    const next = seeded(43)
    for (let i = 0; i < 2000; i++) {
      const bytes = Uint8Array.from({ length: next(80) }, () => (next(3) === 0 ? 0x0a : next(256)))
      assert.throws(() => parseNote(bytes), isMalformed)
    }
  })
})

describe('formatNote', () => {
  const signatures = parseNote(foreign.FOO_NOTE).signatures
  it('refuses texts that no note has', () => {
    for (const bad of ['', 'a', 'a\tb\n', 'a\r\n', '\ud800\n']) {
      assert.throws(() => formatNote({ text: bad, signatures }), RangeError)
    }
  })

  it('refuses no signatures, and more than are read', () => {
    const [signature] = signatures
    assert.ok(signature)
    assert.throws(() => formatNote({ text: 'a\n', signatures: [] }), RangeError)
    const many = Array.from({ length: NOTE_SIGNATURES_LIMIT + 1 }, () => signature)
    assert.throws(() => formatNote({ text: 'a\n', signatures: many }), RangeError)
  })
})

describe('signature lines', () => {
  it('are read and written alone, as witnesses answer with them', () => {
    const lines = parseSignatureLines(`${peter}${enoch}`)
    assert.equal(lines.map(formatSignatureLine).join(''), `${peter}${enoch}`)
    assert.deepEqual(parseSignatureLines(encodeUtf8(peter + enoch)), lines)
  })

  it('are refused where they are none', () => {
    for (const lines of ['', '\n', 'x\n', peter.slice(0, -1), `\n${peter}`, `${peter}\n`, `${peter}\n${enoch}`]) {
      assert.throws(() => parseSignatureLines(lines), isMalformed)
    }
    assert.throws(() => parseSignatureLines(peter.repeat(NOTE_SIGNATURES_LIMIT + 1)), isMalformed)
  })

  it('are not written of parts that none has', () => {
    const good = { name: 'n', keyId: new Uint8Array(4), signature: new Uint8Array(1) }
    assert.equal(formatSignatureLine(good), line('n', 'AAAAAAA='))
    assert.throws(() => formatSignatureLine({ ...good, name: 'a b' }), RangeError)
    assert.throws(() => formatSignatureLine({ ...good, keyId: new Uint8Array(5) }), RangeError)
    assert.throws(() => formatSignatureLine({ ...good, signature: new Uint8Array(0) }), RangeError)
  })
})
