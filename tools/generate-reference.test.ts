import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { SETTINGS } from '../packages/core/src/domain/gateway/settings.ts'
import { schemas, withSettings } from './generate-reference.ts'
import { isTestFile, listFiles } from './source.ts'

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

  it('has no setting that nothing looks at', () => {
    const root = new URL('../packages/', import.meta.url)
    const sources = ['node/src', 'core/src/domain/gateway']
      .flatMap((folder) => listFiles(fileURLToPath(new URL(folder, root)), '.ts'))
      .filter((path) => !isTestFile(path) && !path.endsWith('/settings.ts'))
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n')
    const unused = SETTINGS.filter(({ name }) => !new RegExp(`\\b${name.replace(/^.*\./, '')}\\b`).test(sources))
    assert.deepEqual(
      unused.map(({ name }) => name),
      [],
    )
  })
})
