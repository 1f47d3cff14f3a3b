/** The JSON Schemas of routes and settings, held against their readers: what one refuses for its shape, the other refuses. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { resolveSettings } from '@fiducial/core/domain/gateway/resolve-settings.ts'
import { parseRoutes } from '@fiducial/core/domain/gateway/routes.ts'
import { SETTINGS } from '@fiducial/core/domain/gateway/settings.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import { parseConfigText } from '../storage/config-text.ts'
import { damagesAt, placesIn, readSchema } from '../testing/json-schema.ts'
import { repositoryRoot } from '../testing/peers.ts'

const reference = join(repositoryRoot, 'docs/reference')

/** The YAML blocks of a page that are whole files. */
function examplesOf(page: string): readonly JsonValue[] {
  const text = readFileSync(join(reference, page), 'utf8')
  return [...text.matchAll(/^```yaml\n((?:.*\n)*?)```$/gm)].map(
    ([, block = '']) => parseConfigText(block, 'settings_malformed').value,
  )
}

function isRead(read: (value: JsonValue) => unknown, value: JsonValue): boolean {
  try {
    read(value)
    return true
  } catch (error) {
    assert.ok(error instanceof FormatError)
    return false
  }
}

const files = [
  { name: 'routes', page: 'routes.md', schema: 'routes.schema.json', read: parseRoutes, least: 1000 },
  {
    name: 'settings',
    page: 'gateway-settings.md',
    schema: 'gateway-settings.schema.json',
    read: (file: JsonValue) => resolveSettings({ file }),
    least: 20,
  },
] as const

for (const { name, page, schema: file, read, least } of files) {
  describe(`the schema of ${name}`, () => {
    const schema = readSchema(join(reference, file))
    const examples = examplesOf(page)

    it('accepts the examples of its page', () => {
      assert.ok(examples.length > 0)
      for (const example of examples) {
        assert.ok(schema.isValid(example))
        assert.ok(isRead(read, example))
      }
    })

    it('refuses nothing that the reader takes', () => {
      let places = 0
      for (const example of examples) {
        for (const path of placesIn(example)) {
          for (const value of damagesAt(example, path)) {
            if (!schema.isValid(value)) assert.equal(isRead(read, value), false, path.join('.'))
            places++
          }
        }
      }
      assert.ok(places > least, `${places} edits`)
    })

    it('refuses what has a member too many', () => {
      for (const example of examples) assert.equal(schema.isValid({ ...(example as object), extra: 1 }), false)
    })
  })
}

describe('the schema of settings', () => {
  const schema = readSchema(join(reference, 'gateway-settings.schema.json'))
  it('knows every setting, and takes its default', () => {
    for (const { name, fallback } of SETTINGS) {
      const [group = '', key] = name.split('.')
      assert.ok(schema.isValid(key === undefined ? { [group]: fallback } : { [group]: { [key]: fallback } }), name)
    }
  })
})
