/** The JSON Schemas of events, held against the parser: what one refuses for its shape, the other refuses. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { formatEventStatement, parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { CustodyStatement } from '@fiducial/core/domain/log/event-details.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { formatCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import { CUSTODY_TYPES, toyDigests, toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { damagesAt, placesIn, readSchema } from '../testing/json-schema.ts'
import { repositoryRoot } from '../testing/peers.ts'

const folder = join(repositoryRoot, 'docs/reference/events')
const schemaOf = (type: string) => readSchema(join(folder, `${type}.schema.json`))
const jsonOf = (statement: CustodyStatement): JsonValue =>
  JSON.parse(new TextDecoder().decode(formatEventStatement(statement))) as JsonValue

function isParsed(value: JsonValue): boolean {
  try {
    parseEventStatement(encodeUtf8(formatCanonicalJson(value)))
    return true
  } catch (error) {
    assert.ok(error instanceof FormatError)
    return false
  }
}

describe('the schemas of events', () => {
  it('are there for each event, and for nothing else', () => {
    const names = readdirSync(folder).map((name) => name.replace('.schema.json', ''))
    assert.deepEqual(names.sort(), [...CUSTODY_TYPES, 'common'].sort())
  })

  for (const type of CUSTODY_TYPES) {
    const schema = schemaOf(type)
    const good = jsonOf(toyEvent(type))

    it(`accept ${type}, and no other event`, () => {
      assert.ok(schema.isValid(good))
      for (const other of CUSTODY_TYPES) assert.equal(schemaOf(other).isValid(good), other === type, other)
    })

    it(`refuse with the parser every field of ${type} that is missing or of another type, and every one too many`, () => {
      let places = 0
      for (const path of placesIn(good)) {
        for (const value of damagesAt(good, path)) {
          // What the schema refuses, the parser refuses: the schema says nothing that does not hold.
          if (!schema.isValid(value)) assert.equal(isParsed(value), false, path.join('.'))
          // What the parser refuses for other reasons than the shape stands in the document.
          else if (!isParsed(value)) assert.ok(isBeyondSchema(path), path.join('.'))
          places++
        }
      }
      assert.ok(places > 300, `${places} edits`)
    })
  }

  it('accept what is unknown, and the weaker digests as subjects', () => {
    const { file: _, ...rest } = toyDigests
    const events = [
      toyEvent('received', { instance: null, checkpoint: null }),
      toyEvent('received', { digests: { file: null, ...rest } }),
      toyEvent('received', { digests: { file: null, ...rest, dataset: null } }),
      toyEvent('received', { digests: { file: null, ...rest, dataset: null, pixels: null } }),
    ]
    for (const event of events) assert.ok(schemaOf('received').isValid(jsonOf(event)))
  })
})

/**
 * Rules that the schemas leave to the text: the subject follows from the predicate, so that neither changes alone;
 * reasons stand in order; a note is one.
 */
function isBeyondSchema([first, second, third]: readonly string[]): boolean {
  if (first !== 'predicate') return first === 'subject'
  if (second !== 'details') return second === 'digests' || second === 'instance'
  return ['leafHash', 'certificates', 'reasons', 'note'].includes(third ?? '')
}
