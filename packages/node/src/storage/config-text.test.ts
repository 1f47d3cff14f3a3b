import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRoutes } from '@fiducial/core/domain/gateway/routes.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseConfigText } from './config-text.ts'

const read = (text: string) => parseConfigText(text, 'routes_malformed')

describe('parseConfigText', () => {
  it('reads YAML and JSON, and takes an empty text for an empty object', () => {
    assert.deepEqual(read('a: 1\nb: [x, "2"]\n').value, { a: 1, b: ['x', '2'] })
    assert.deepEqual(read('{"a": {"b": null}}').value, { a: { b: null } })
    assert.deepEqual(read('# nothing\n').value, {})
  })

  it('knows where values stand, and where their neighbours would', () => {
    const { locate } = read('destinations:\n  pacs: A@b:1\nroutes:\n  - name: x\n    to: [pasc]\n')
    assert.deepEqual(locate(['destinations', 'pacs']), { line: 2, column: 3 })
    assert.deepEqual(locate(['routes', 0, 'to', 0]), { line: 5, column: 10 })
    assert.deepEqual(locate(['routes', 0, 'when', 3]), { line: 4, column: 5 })
    assert.deepEqual(locate([]), { line: 1, column: 1 })
  })

  it('gives the line of what the routes refuse', () => {
    const { value, locate } = read('destinations:\n  pacs: A@b:1\nroutes:\n  - name: x\n    to: [pasc]\n')
    assert.throws(
      () => parseRoutes(value, locate),
      (error) => error instanceof FormatError && error.message.startsWith('routes[0].to[0] (line 5, column 10) '),
    )
  })

  for (const [name, text] of [
    ['a name twice', 'a: 1\na: 2\n'],
    ['an alias', 'a: &x [1]\nb: *x\n'],
    ['a tag of its own', 'a: !ruby/object {}\n'],
    ['a number as a name', '1: a\n'],
    ['infinity', 'a: .inf\n'],
    ['no number', 'a: .nan\n'],
    ['a broken list', 'a: [1\n'],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['a tab for indentation', 'a:\n\tb: 1\n'],
    ['aliases that grow', 'a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n'],
  ] as const) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => read(text),
        (error) => error instanceof FormatError && error.code === 'routes_malformed',
      )
    })
  }

  it('throws its own class only, whatever the text is', () => {
    const good = 'destinations:\n  pacs: {aet: A, host: "b", port: 1}\nroutes:\n  - {name: x, to: [pacs]}\n'
    for (let i = 0; i < good.length; i++) {
      for (const damage of [':', '"', '{', '- ', '&', '*', '!', '\t', '\u0000', '%', '|', '?']) {
        try {
          const { value, locate } = read(good.slice(0, i) + damage + good.slice(i + 1))
          parseRoutes(value, locate)
        } catch (error) {
          assert.ok(error instanceof FormatError, String(error))
        }
      }
    }
  })
})
