import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { schemas, withSettings } from './generate-reference.ts'

const read = (name: string): string => readFileSync(new URL(`../docs/reference/${name}`, import.meta.url), 'utf8')

describe('the reference of the gateway', () => {
  for (const [name, schema] of Object.entries(schemas())) {
    it(`has the ${name} that the code reads by`, () =>
      assert.deepEqual(JSON.parse(read(name)), structuredClone(schema)))
  }
  it('has the settings that the code has', () => {
    const page = read('gateway-settings.md')
    assert.equal(withSettings(page), page)
  })
})
