import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeCanonicalJson } from '../../formats/json/canonical.ts'
import { type JsonObject, parseJson } from '../../formats/json/parse.ts'
import { seeded } from '../../testing/seeded.ts'
import { toyStudyFile } from '../../testing/toy-study.ts'
import { formatStudyFile, parseStudyFile, STUDY_FILE_TYPE } from './study-file.ts'

const file = await toyStudyFile()
const bytes = formatStudyFile(file)
const value = parseJson(bytes) as JsonObject
const spell = (changes: JsonObject, without: readonly string[] = []): Uint8Array => {
  const members = Object.entries({ ...value, ...changes }).filter(([name]) => !without.includes(name))
  return encodeUtf8(`${decodeUtf8(encodeCanonicalJson(Object.fromEntries(members)))}\n`)
}
const isRefused = (error: unknown): boolean => error instanceof FormatError && error.code === 'map_proof_malformed'

describe('a study file', () => {
  it('comes back as it was written', () => {
    assert.deepEqual(parseStudyFile(bytes), file)
    assert.deepEqual(formatStudyFile(parseStudyFile(bytes)), bytes)
  })

  it('is one object of canonical JSON and a newline', () => {
    assert.deepEqual(spell({}), bytes)
    assert.deepEqual(Object.keys(value).sort(), [
      'completeness',
      'inclusion',
      'leaf',
      'mediaType',
      'statement',
      'studyInstanceUid',
    ])
    assert.equal(value.mediaType, STUDY_FILE_TYPE)
  })

  it('says of a study without images that it is not there', async () => {
    const empty = await toyStudyFile({ studyInstanceUid: '2.25.78' })
    assert.equal(parseStudyFile(formatStudyFile(empty)).completeness.study, null)
  })

  it('is refused without one of its fields, and with one more', () => {
    for (const name of Object.keys(value)) assert.throws(() => parseStudyFile(spell({}, [name])), isRefused, name)
    assert.throws(() => parseStudyFile(spell({ extra: null })), isRefused)
  })

  it('is refused with a field of another kind', () => {
    const wrong: readonly JsonObject[] = [
      { mediaType: 'application/vnd.fiducial.study-file.v2+json' },
      { studyInstanceUid: '' },
      { studyInstanceUid: '1.2 ' },
      { studyInstanceUid: 12 },
      { statement: '' },
      { statement: 'A' },
      { statement: null },
      { leaf: 'QUI' },
      { leaf: Buffer.alloc(5000).toString('base64') },
      { inclusion: 'c2sp.org/tlog-proof@v1\n' },
      { inclusion: `${String(value.inclusion).replace('index 9\n', 'extra QQ==\nindex 9\n')}` },
      { inclusion: String(value.inclusion).replace('index 9', 'index 09') },
      { inclusion: {} },
      { completeness: null },
      { completeness: {} },
      { completeness: { ...(value.completeness as JsonObject), map: null } },
    ]
    for (const changes of wrong) assert.throws(() => parseStudyFile(spell(changes)), isRefused, JSON.stringify(changes))
  })

  it('is refused in any other spelling', () => {
    const text = decodeUtf8(bytes)
    const spellings = [
      text.trimEnd(),
      `${text}\n`,
      ` ${text}`,
      text.replace('":', '": '),
      text.replace('{"completeness"', '{"mediaType":"x","completeness"'),
      JSON.stringify(JSON.parse(text), null, 1),
      '',
      '\n',
      '[]\n',
      'null\n',
      '{}\n',
    ]
    for (const spelling of spellings) assert.throws(() => parseStudyFile(encodeUtf8(spelling)), isRefused)
  })

  it('lets no other error out, whatever the bytes are', () => {
    const below = seeded(4711)
    for (let round = 0; round < 400; round++) {
      const damaged = bytes.slice(0, round % 4 === 0 ? below(bytes.length) : bytes.length)
      for (let i = 0; i < 1 + (round % 3); i++) damaged[below(damaged.length || 1)] = below(256)
      try {
        // What is still a file is spelled in the one way.
        assert.deepEqual(formatStudyFile(parseStudyFile(damaged)), damaged)
      } catch (error) {
        if (!isRefused(error)) throw error
      }
    }
  })
})
