import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { decodeUtf8, encodeLatin1, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { formatCanonicalJson } from '../../formats/json/canonical.ts'
import { type JsonValue, parseJson } from '../../formats/json/parse.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import {
  deviceFacts,
  operatorFacts,
  toyDescription,
  toyElements,
  toyFile,
  toyMarkClaim,
  toySeriesStatement,
  toyStatement,
  without,
} from '../../testing/toy-seal.ts'
import { type AcquisitionStatement, formatStatement, parseStatement } from './statement.ts'

type Json = { [name: string]: JsonValue }
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'statement_malformed'

const checkpoint = { origin: 'example-hospital.example/log', size: 123_456n, root: sha256(encodeLatin1('root')) }
const good = toyStatement(undefined, { checkpoint, mark: toyMarkClaim })
const goodJson = (): Json => JSON.parse(decodeUtf8(formatStatement(good)))
const parse = (value: JsonValue): AcquisitionStatement => parseStatement(encodeUtf8(formatCanonicalJson(value)))

/** Every place in a value: the names and indices that lead to it. */
function* placesIn(value: JsonValue, path: readonly (string | number)[] = []): Generator<readonly (string | number)[]> {
  yield path
  if (value === null || typeof value !== 'object') return
  for (const [name, inner] of Object.entries(value))
    yield* placesIn(inner, [...path, Array.isArray(value) ? Number(name) : name])
}

function at(value: JsonValue, path: readonly (string | number)[]): JsonValue {
  return path.reduce<JsonValue>((inner, name) => (inner as Json)[name] as JsonValue, value)
}

function change(path: readonly (string | number)[], edit: (parent: Json, name: string) => void): Json {
  const value = goodJson()
  edit(at(value, path.slice(0, -1)) as Json, String(path.at(-1)))
  return value
}

describe('a statement', () => {
  it('survives formatting and parsing', () => {
    assert.deepEqual(parseStatement(formatStatement(good)), good)
    const bare = toyStatement(toyDescription(toyFile(without(toyElements(), 0x7fe00010, 0x00080020, 0x00080022))))
    assert.deepEqual(parseStatement(formatStatement(bare)), bare)
    assert.deepEqual(parseStatement(formatStatement(toySeriesStatement())), toySeriesStatement())
    const unlogged = toyStatement(undefined, { checkpoint: null, mark: null })
    assert.deepEqual(parseStatement(formatStatement(unlogged)), unlogged)
  })

  it('quotes a checkpoint as text that no reader rounds', () => {
    const { predicate } = goodJson() as { predicate: Json }
    assert.deepEqual(predicate.checkpoint, {
      origin: 'example-hospital.example/log',
      size: '123456',
      root: encodeHex(checkpoint.root),
    })
  })

  it('names the record of the mark that the pixels carry, and its place in the volume', () => {
    const { predicate } = goodJson() as { predicate: Json }
    assert.deepEqual(predicate.mark, {
      version: 1,
      recordId: encodeHex(toyMarkClaim.recordId),
      volume: { nonce: encodeHex(toyMarkClaim.volume.nonce), index: 1, count: 3 },
      publicKey: encodeHex(toyMarkClaim.publicKey),
      hasChips: true,
      planes: 2,
      record: { sha256: encodeHex(toyMarkClaim.recordDigest) },
    })
  })

  it('is an in-toto statement about one subject', () => {
    const { _type, subject, predicateType } = goodJson()
    assert.equal(_type, 'https://in-toto.io/Statement/v1')
    assert.equal(predicateType, 'https://fiducial.dev/acquisition/v1')
    assert.deepEqual(subject, [{ digest: { sha256: encodeHex(good.file) }, name: '2.25.1001' }])
  })

  it('calls an image without SOP Instance UID unnamed', () => {
    const unnamed = toyStatement(
      toyDescription(toyFile(toyElements([{ tag: 0x00080018, vr: 'UI', value: new Uint8Array(0) }]))),
    )
    assert.equal(unnamed.instance.sopInstanceUid, null)
    assert.deepEqual(parseStatement(formatStatement(unnamed)), unnamed)
  })

  it('says that it is a demonstration where it is one', () => {
    assert.equal(parseStatement(formatStatement({ ...good, isDemo: true })).isDemo, true)
    assert.equal(parseStatement(formatStatement({ ...good, isDemo: false })).isDemo, false)
  })
})

describe('parseStatement', () => {
  it('misses every field that is taken away', () => {
    let fields = 0
    for (const path of placesIn(goodJson())) {
      if (typeof path.at(-1) !== 'string') continue
      const value = change(path, (parent, name) => delete parent[name])
      assert.throws(() => parse(value), isMalformed, path.join('.'))
      fields++
    }
    assert.ok(fields > 100, `${fields} fields`)
  })

  it('refuses a field too many in every object', () => {
    for (const path of placesIn(goodJson())) {
      const inner = at(goodJson(), path)
      if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) continue
      const value =
        path.length === 0
          ? { ...goodJson(), extra: 1 }
          : change(path, (parent, name) => {
              parent[name] = { ...(parent[name] as Json), extra: 1 }
            })
      assert.throws(() => parse(value), isMalformed, path.join('.'))
    }
  })

  it('refuses a value of another type in every place', () => {
    for (const path of placesIn(goodJson())) {
      if (path.length === 0) continue
      for (const other of [7.5, 'not <it>', [], {}, true, null]) {
        const before = at(goodJson(), path)
        const text = typeof other === 'string' && FREE_TEXT.has(String(path.at(-1)))
        const isSameKind =
          before === null
            ? other === null
            : typeof before === typeof other && Array.isArray(before) === Array.isArray(other)
        if (isSameKind || text || (other === null && NULLABLE.has(String(path.at(-1))))) continue
        const value = change(path, (parent, name) => {
          parent[name] = other
        })
        assert.throws(() => parse(value), isMalformed, `${path.join('.')} as ${JSON.stringify(other)}`)
      }
    }
  })

  it('shows every change of every value', () => {
    let changed = 0
    for (const path of placesIn(goodJson())) {
      const before = at(goodJson(), path)
      const other = another(before)
      if (path.length === 0 || other === undefined) continue
      const value = change(path, (parent, name) => {
        parent[name] = other
      })
      let parsed: AcquisitionStatement | undefined
      try {
        parsed = parse(value)
      } catch (error) {
        assert.ok(isMalformed(error), path.join('.'))
      }
      assert.notDeepEqual(parsed, good, path.join('.'))
      changed++
    }
    assert.ok(changed > 100, `${changed} values`)
  })

  const refusals: readonly {
    readonly name: string
    readonly path: readonly (string | number)[]
    readonly value: JsonValue
  }[] = [
    { name: 'another statement type', path: ['_type'], value: 'https://in-toto.io/Statement/v0.1' },
    { name: 'another predicate', path: ['predicateType'], value: 'https://fiducial.dev/acquisition/v2' },
    { name: 'another version', path: ['predicate', 'version'], value: 2 },
    { name: 'no subject', path: ['subject'], value: [] },
    { name: 'a subject that is not the instance', path: ['subject', 0, 'name'], value: '2.25.9' },
    { name: 'a digest in capitals', path: ['predicate', 'dataset', 'sha256'], value: 'AB'.repeat(32) },
    { name: 'a short salt', path: ['predicate', 'salt'], value: '00'.repeat(15) },
    { name: 'elements out of order', path: ['predicate', 'elements', 0, 'tag'], value: '7fe00011' },
    { name: 'an element twice', path: ['predicate', 'elements', 1, 'tag'], value: '00080008' },
    { name: 'a VR in lower case', path: ['predicate', 'elements', 0, 'vr'], value: 'cs' },
    { name: 'a count with a leading zero', path: ['predicate', 'pixels', 'frames', 'count'], value: '02' },
    { name: 'a negative count', path: ['predicate', 'pixels', 'frames', 'count'], value: '-1' },
    { name: 'a name with a newline', path: ['predicate', 'device', 'name'], value: 'Room\n2' },
    { name: 'a name that turns the direction of text', path: ['predicate', 'operator', 'name'], value: 'a\u202eb' },
    { name: 'an empty name', path: ['predicate', 'operator', 'name'], value: '' },
    { name: 'a name of 257 characters', path: ['predicate', 'operator', 'name'], value: 'a'.repeat(257) },
    { name: 'a holder without a certificate', path: ['predicate', 'device', 'certificates', 'statement'], value: [] },
    {
      name: 'a holder without a post-quantum certificate',
      path: ['predicate', 'operator', 'certificates', 'postQuantum'],
      value: [],
    },
    { name: 'a time without milliseconds', path: ['predicate', 'sealedAt'], value: '2026-03-03T10:14:00Z' },
    { name: 'a time of another zone', path: ['predicate', 'sealedAt'], value: '2026-03-03T10:14:00.000+01:00' },
    { name: 'a day that there is not', path: ['predicate', 'sealedAt'], value: '2026-02-30T10:14:00.000Z' },
    { name: 'a checkpoint of an empty log', path: ['predicate', 'checkpoint', 'size'], value: '0' },
    { name: 'a checkpoint that is a text', path: ['predicate', 'checkpoint'], value: 'x' },
    { name: 'a mark of another version', path: ['predicate', 'mark', 'version'], value: 2 },
    { name: 'a record id of 7 bytes', path: ['predicate', 'mark', 'recordId'], value: '00'.repeat(7) },
    { name: 'a place outside the volume', path: ['predicate', 'mark', 'volume', 'index'], value: 3 },
    { name: 'a volume of nothing', path: ['predicate', 'mark', 'volume', 'count'], value: 0 },
    { name: 'a mark without a plane', path: ['predicate', 'mark', 'planes'], value: 0 },
    { name: 'a UID with letters', path: ['predicate', 'signatures', 'device', 'uid'], value: '2.25.x' },
  ]
  for (const { name, path, value } of refusals) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () =>
          parse(
            change(path, (parent, field) => {
              parent[field] = value
            }),
          ),
        isMalformed,
      )
    })
  }

  it('refuses every other spelling of the same statement', () => {
    const text = decodeUtf8(formatStatement(good))
    for (const other of [
      ` ${text}`,
      `${text}\n`,
      text.replace(',', ', '),
      JSON.stringify(JSON.parse(text), null, 1),
      text.replace('"CS"', '"\\u0043S"'),
    ]) {
      assert.deepEqual(JSON.parse(other), JSON.parse(text))
      assert.throws(
        () => parseStatement(encodeUtf8(other)),
        (error) => error instanceof FormatError && error.code === 'json_malformed',
      )
    }
  })
})

describe('formatStatement', () => {
  const outside: readonly Partial<AcquisitionStatement>[] = [
    { device: { ...deviceFacts, name: '' } },
    { operator: { ...operatorFacts, id: 'a\u0000b' } },
    { salt: new Uint8Array(3) },
    { file: sha256().subarray(1) },
    { elements: [...good.elements].reverse() },
    { checkpoint: { ...checkpoint, size: 0n } },
    { checkpoint: { ...checkpoint, origin: 'a log' } },
    { mark: { ...toyMarkClaim, recordId: new Uint8Array(9) } },
    { mark: { ...toyMarkClaim, volume: { ...toyMarkClaim.volume, index: 3 } } },
  ]
  for (const [i, overrides] of outside.entries()) {
    it(`refuses to write what nobody could read, ${i + 1}`, () => {
      assert.throws(() => formatStatement({ ...good, ...overrides }), isMalformed)
    })
  }
})

/** Fields that may hold any text that can be shown. */
const FREE_TEXT = new Set(['id', 'name', 'manufacturer', 'model', 'serial'])

/** Fields that may be null in a good statement. */
const NULLABLE = new Set([
  'datasetAsStored',
  'preamble',
  'sopClassUid',
  'sopInstanceUid',
  'studyInstanceUid',
  'seriesInstanceUid',
  'transferSyntaxUid',
  'image',
  'digest',
  'pixels',
  'encapsulated',
  'manufacturer',
  'model',
  'serial',
  'operator',
  'checkpoint',
  'mark',
  'acquiredAt',
  'time',
  'zone',
])

/** A value of the same type. */
function another(value: JsonValue): JsonValue | undefined {
  if (typeof value === 'boolean') return !value
  if (typeof value === 'number') return value + 1
  if (typeof value !== 'string') return undefined
  const last = value.at(-1) ?? ''
  return value.slice(0, -1) + (last === '1' ? '2' : '1')
}

describe('the parser of statements', () => {
  it('refuses damage of every byte, or shows it', () => {
    const payload = formatStatement(good)
    for (let i = 0; i < payload.length; i += 3) {
      const damaged = payload.slice()
      damaged[i] = (damaged[i] as number) ^ (1 << (i % 8))
      let parsed: AcquisitionStatement | undefined
      try {
        parsed = parseStatement(damaged)
      } catch (error) {
        assert.ok(error instanceof FormatError)
        continue
      }
      assert.notDeepEqual(parsed, good, `byte ${i}`)
    }
  })

  it('gives one reading of __proto__', () => {
    const text = decodeUtf8(formatStatement(good)).replace(
      '"predicate":{',
      '"predicate":{"__proto__":{"isDemo":false},',
    )
    assert.throws(() => parseStatement(encodeUtf8(formatCanonicalJson(parseJson(text)))), isMalformed)
  })
})
