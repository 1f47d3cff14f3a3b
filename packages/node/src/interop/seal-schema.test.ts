/** The JSON Schema of the documents, held against the parser: what one refuses for its shape, the other refuses. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { formatStatement, parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { formatCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import {
  toyDescription,
  toyElements,
  toyFile,
  toySeriesStatement,
  toyStatement,
  without,
} from '@fiducial/core/testing/toy-seal.ts'
import { damagesAt, placesIn, readSchema, valueAt } from '../testing/json-schema.ts'
import { repositoryRoot } from '../testing/peers.ts'

const schema = readSchema(join(repositoryRoot, 'docs/reference/statement-acquisition.schema.json'))

function isParsed(value: JsonValue): boolean {
  try {
    parseStatement(encodeUtf8(formatCanonicalJson(value)))
    return true
  } catch (error) {
    assert.ok(error instanceof FormatError)
    return false
  }
}

const jpeg = {
  tag: 0x7fe00010,
  vr: 'OB',
  fragments: [new Uint8Array(0), Uint8Array.of(0xff, 0xd8), Uint8Array.of(0xff, 0xd9)],
} as const
const statements = {
  'a native image': toyStatement(),
  'a compressed image': toyStatement(toyDescription(toyFile(toyElements([jpeg]), '1.2.840.10008.1.2.4.50'))),
  'an object without pixels': toyStatement(
    toyDescription(toyFile(without(toyElements(), 0x7fe00010, 0x00080022, 0x00080020))),
  ),
  'an image of a series': toySeriesStatement(),
  'an image that was sealed beside a custody log': toyStatement(undefined, {
    checkpoint: { origin: 'example-hospital.example/log', size: 123_456n, root: new Uint8Array(32).fill(7) },
  }),
}

describe('the schema of acquisition statements', () => {
  for (const [name, statement] of Object.entries(statements)) {
    const good = JSON.parse(new TextDecoder().decode(formatStatement(statement))) as JsonValue

    it(`accepts ${name}`, () => assert.ok(schema.isValid(good)))

    it(`refuses with the parser every field of ${name} that is missing or of another type, and every one too many`, () => {
      let places = 0
      for (const path of placesIn(good)) {
        for (const value of damagesAt(good, path)) {
          // What the schema refuses, the parser refuses: the schema says nothing that does not hold.
          if (!schema.isValid(value)) assert.equal(isParsed(value), false, path.join('.'))
          // What the parser refuses for other reasons than the shape stands in the description of the schema.
          else if (!isParsed(value)) assert.ok(isBeyondSchema(path, value), path.join('.'))
          places++
        }
      }
      assert.ok(places > 1000, `${places} edits`)
    })
  }
})

/** Rules that the schema leaves to the text: the subject's name, the order of tags, characters of names. */
function isBeyondSchema(path: readonly string[], value: JsonValue): boolean {
  const field = path.at(-1) ?? ''
  const at = valueAt(value, path)
  if (['id', 'name', 'manufacturer', 'model', 'serial'].includes(field)) return at === '\u0000' || path[0] === 'subject'
  return field === 'sopInstanceUid' || field === 'tag'
}
