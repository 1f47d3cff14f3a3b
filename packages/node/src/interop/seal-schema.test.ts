/** The JSON Schemas of the documents, held against the parsers: what one refuses for its shape, the other refuses. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import {
  formatGatewayStatement,
  type GatewayStatement,
  parseGatewayStatement,
} from '@fiducial/core/domain/seal/gateway-statement.ts'
import { type AcquisitionStatement, formatStatement, parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { formatCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import { toyGatewayStatement } from '@fiducial/core/testing/toy-gateway.ts'
import {
  toyDescription,
  toyElements,
  toyFile,
  toyMarkClaim,
  toySeriesStatement,
  toyStatement,
  without,
} from '@fiducial/core/testing/toy-seal.ts'
import { damagesAt, placesIn, readSchema, type Schema, valueAt } from '../testing/json-schema.ts'
import { repositoryRoot } from '../testing/peers.ts'

interface Kind<Statement> {
  readonly schema: Schema
  readonly parse: (payload: Uint8Array) => Statement
  readonly format: (statement: Statement) => Uint8Array
}

const schemaOf = (kind: string): Schema =>
  readSchema(join(repositoryRoot, `docs/reference/statement-${kind}.schema.json`))
const ACQUISITION: Kind<AcquisitionStatement> = {
  schema: schemaOf('acquisition'),
  parse: parseStatement,
  format: formatStatement,
}
const GATEWAY: Kind<GatewayStatement> = {
  schema: schemaOf('gateway'),
  parse: parseGatewayStatement,
  format: formatGatewayStatement,
}

function isParsed(value: JsonValue, parse: (payload: Uint8Array) => unknown): boolean {
  try {
    parse(encodeUtf8(formatCanonicalJson(value)))
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
  'an image that was marked': toyStatement(undefined, { mark: toyMarkClaim }),
}

const arrivals = {
  'an image that came for an order': toyGatewayStatement(),
  'an image that went on as it came': toyGatewayStatement(undefined, {
    signatures: { gateway: null },
    original: toyGatewayStatement().file,
  }),
  'an image of which nothing is known': toyGatewayStatement(undefined, {
    order: null,
    technologist: null,
    received: {
      protocol: 'file',
      callingAet: null,
      calledAet: null,
      address: null,
      certificate: null,
      token: null,
      receivedAt: new Date(0),
    },
  }),
}

/** Holds a schema against its parser, with every edit of some statements. */
function itAgrees<Statement>(
  { schema, parse, format }: Kind<Statement>,
  statements: Readonly<Record<string, Statement>>,
): void {
  for (const [name, statement] of Object.entries(statements)) {
    const good = JSON.parse(new TextDecoder().decode(format(statement))) as JsonValue

    it(`accepts ${name}`, () => assert.ok(schema.isValid(good)))

    it(`refuses with the parser every field of ${name} that is missing or of another type, and every one too many`, () => {
      let places = 0
      for (const path of placesIn(good)) {
        for (const value of damagesAt(good, path)) {
          // What the schema refuses, the parser refuses: the schema says nothing that does not hold.
          if (!schema.isValid(value)) assert.equal(isParsed(value, parse), false, path.join('.'))
          // What the parser refuses for other reasons than the shape stands in the description of the schema.
          else if (!isParsed(value, parse)) assert.ok(isBeyondSchema(path, value), path.join('.'))
          places++
        }
      }
      assert.ok(places > 1000, `${places} edits`)
    })
  }
}

describe('the schema of acquisition statements', () => itAgrees(ACQUISITION, statements))

describe('the schema of gateway statements', () => {
  itAgrees(GATEWAY, arrivals)

  it('refuses what the other one accepts', () => {
    const spell = (payload: Uint8Array): JsonValue => JSON.parse(new TextDecoder().decode(payload)) as JsonValue
    assert.equal(GATEWAY.schema.isValid(spell(formatStatement(toyStatement()))), false)
    assert.equal(ACQUISITION.schema.isValid(spell(formatGatewayStatement(toyGatewayStatement()))), false)
  })
})

/** What is written as it was told, within a length. */
const TOLD = [
  'id',
  'name',
  'manufacturer',
  'model',
  'serial',
  'address',
  'token',
  'accessionNumber',
  'requestedProcedureId',
  'scheduledProcedureStepId',
]

/**
 * Rules that the schema leaves to the text: the subject's name, the order of tags, characters of names, unsigned files,
 * places in a volume.
 */
function isBeyondSchema(path: readonly string[], value: JsonValue): boolean {
  const field = path.at(-1) ?? ''
  const at = valueAt(value, path)
  if (TOLD.includes(field)) return at === '\u0000' || path[0] === 'subject'
  if (path.join('.') === 'predicate.signatures.gateway') return at === null
  if (path.slice(0, 3).join('.') === 'predicate.mark.volume') return field === 'index' || field === 'count'
  return field === 'sopInstanceUid' || field === 'tag'
}
