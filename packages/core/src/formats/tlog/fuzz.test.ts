/** Random and outsized input for every parser of C2SP texts: each answers, or throws its own error, and nothing else. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { decodeLatin1 } from '../../bytes/text.ts'
import { type FormatCode, FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { parseNote, parseSignatureLines } from '../note/note.ts'
import { parseVerifierKey } from '../note/verifier-key.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { parseTimestamped } from './cosignature.ts'
import { decodeBundle } from './entry-bundle.ts'
import { parseWitnessPolicy } from './policy.ts'
import { parseTlogProof } from './proof.ts'
import { parseTilePath } from './tile.ts'
import { parseAddCheckpoint, parseTreeSize } from './witness-request.ts'

const hashes = portableCrypto.hash

interface Subject {
  readonly name: string
  readonly code: FormatCode
  readonly read: (bytes: Uint8Array) => unknown
}

const SUBJECTS: readonly Subject[] = [
  { name: 'parseNote', code: 'note_malformed', read: parseNote },
  { name: 'parseNote of text', code: 'note_malformed', read: (bytes) => parseNote(decodeLatin1(bytes)) },
  { name: 'parseSignatureLines', code: 'note_malformed', read: parseSignatureLines },
  { name: 'parseTimestamped', code: 'note_malformed', read: (bytes) => parseTimestamped(bytes, 'cosignature-ed25519') },
  {
    name: 'parseVerifierKey',
    code: 'verifier_key_malformed',
    read: (bytes) => parseVerifierKey(decodeLatin1(bytes), hashes),
  },
  { name: 'parseCheckpoint', code: 'checkpoint_malformed', read: (bytes) => parseCheckpoint(decodeLatin1(bytes)) },
  { name: 'decodeBundle', code: 'tile_malformed', read: (bytes) => decodeBundle(bytes, 3) },
  { name: 'parseTilePath', code: 'tile_malformed', read: (bytes) => parseTilePath(decodeLatin1(bytes)) },
  { name: 'parseTlogProof', code: 'tlog_proof_malformed', read: parseTlogProof },
  {
    name: 'parseTlogProof of text',
    code: 'tlog_proof_malformed',
    read: (bytes) => parseTlogProof(decodeLatin1(bytes)),
  },
  { name: 'parseAddCheckpoint', code: 'witness_request_malformed', read: parseAddCheckpoint },
  { name: 'parseTreeSize', code: 'witness_request_malformed', read: (bytes) => parseTreeSize(decodeLatin1(bytes)) },
  {
    name: 'parseWitnessPolicy',
    code: 'witness_policy_malformed',
    read: (bytes) => parseWitnessPolicy(bytes, hashes),
  },
]

/** Words that lead a parser further in than chance would. */
const WORDS = [
  '\n',
  '\n\n',
  ' ',
  '— ',
  'log',
  'witness a ',
  'group g any ',
  'quorum none\n',
  'old 0\n',
  'index 1\n',
  'extra AAEC\n',
  'c2sp.org/tlog-proof@v1\n',
  'tile/0/',
  'x001/',
  '000',
  '.p/1',
  '7\n',
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n',
  'n AAAAAAA=\n',
  '+00000000+AQ==',
]

/** What a parser makes of bytes: undefined for its own error, and a failure of the test for any other. */
function attempt({ read, code }: Subject, bytes: Uint8Array): unknown {
  try {
    return read(bytes) ?? null
  } catch (error) {
    assert.ok(error instanceof FormatError && error.code === code, String(error))
    return undefined
  }
}

describe('parsers of C2SP texts', () => {
  for (const subject of SUBJECTS) {
    it(`${subject.name} reads or refuses random bytes and words`, () => {
      const next = seeded(101)
      let refused = 0
      for (let i = 0; i < 1500; i++) {
        const length = next(60)
        const random = Uint8Array.from({ length }, () => next(256))
        if (attempt(subject, random) === undefined) refused++
        const words = Array.from({ length: next(9) }, () => WORDS[next(WORDS.length)]).join('')
        if (attempt(subject, new TextEncoder().encode(words)) === undefined) refused++
      }
      assert.ok(refused > 1500, String(refused))
    })

    it(`${subject.name} is done with megabytes of one character`, () => {
      for (const character of ['\n', ' ', '+', 'x', '0', '—', '\u0000', 'a b\n', '\n\n']) {
        const bytes = new TextEncoder().encode(character.repeat(Math.ceil((1 << 20) / character.length)))
        attempt(subject, bytes)
        attempt(subject, bytes.subarray(0, 300_000))
      }
    })
  }
})
