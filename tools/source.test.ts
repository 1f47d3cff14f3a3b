import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { maskSource, readSource } from './source.ts'

/** The imports of a text, as pairs of specifier and type-only. */
function importsOf(text: string): (readonly [string, boolean])[] {
  return readSource('packages/core/src/domain/seal/a.ts', text).imports.map((i) => [i.specifier, i.isTypeOnly])
}

describe('imports of a source text', () => {
  const cases: readonly { name: string; text: string; expected: readonly (readonly [string, boolean])[] }[] = [
    { name: 'a named import', text: `import { a } from './b.ts'`, expected: [['./b.ts', false]] },
    { name: 'an import over many lines', text: `import {\n  a,\n  b,\n} from "./b.ts"`, expected: [['./b.ts', false]] },
    { name: 'a default and a namespace', text: `import a, * as b from 'b'`, expected: [['b', false]] },
    { name: 'a default import called type', text: `import type from 'b'`, expected: [['b', false]] },
    { name: 'a side effect', text: `import './b.ts'`, expected: [['./b.ts', false]] },
    { name: 'a type import', text: `import type { A } from './b.ts'`, expected: [['./b.ts', true]] },
    { name: 'types in braces', text: `import { type A, type B } from './b.ts'`, expected: [['./b.ts', true]] },
    { name: 'a type beside a value', text: `import { type A, b } from './b.ts'`, expected: [['./b.ts', false]] },
    { name: 'a re-export', text: `export { a } from './b.ts'`, expected: [['./b.ts', false]] },
    { name: 'a re-export of all', text: `export * from './b.ts'`, expected: [['./b.ts', false]] },
    { name: 'a re-export of types', text: `export type { A } from './b.ts'`, expected: [['./b.ts', true]] },
    { name: 'a dynamic import', text: `const a = await import('./b.ts')`, expected: [['./b.ts', false]] },
    { name: 'a dynamic import that is returned', text: `f(import('./b.ts').then(g))`, expected: [['./b.ts', false]] },
    { name: 'a type query', text: `type A = import('./b.ts').B`, expected: [['./b.ts', true]] },
    {
      name: 'a worker',
      text: `new Worker(new URL('./worker.ts', import.meta.url))`,
      expected: [['./worker.ts', false]],
    },
    { name: 'a URL of a page', text: `new URL('./page.ts', base)`, expected: [] },
    { name: 'a comment', text: `// import './b.ts'\n/* import './c.ts' */`, expected: [] },
    { name: 'a string', text: `const a = "import './b.ts'"`, expected: [] },
    { name: 'a template', text: '`${`import "./b.ts"`} import "./c.ts"`', expected: [] },
    {
      name: 'an import after a regular expression with a quote',
      text: `x = /'/\nimport './b.ts'`,
      expected: [['./b.ts', false]],
    },
    { name: 'an import after a division', text: `x = a / b\nimport './b.ts' // '/`, expected: [['./b.ts', false]] },
    { name: 'exports of our own', text: `export const from = 'a'\nexport type B = 'b'\nexport {}`, expected: [] },
  ]
  for (const { name, text, expected } of cases) {
    it(`reads ${name}`, () => assert.deepEqual(importsOf(text), expected))
  }

  it('resolves relative paths and paths of core, and leaves packages', () => {
    const text = `import '../../errors.ts'\nimport '@fiducial/core/bytes/hex.ts'\nimport 'node:fs'\nimport 'pako'`
    const targets = readSource('packages/core/src/domain/seal/a.ts', text).imports.map((i) => [i.line, i.target])
    assert.deepEqual(targets, [
      [1, 'packages/core/src/errors.ts'],
      [2, 'packages/core/src/bytes/hex.ts'],
      [3, undefined],
      [4, undefined],
    ])
  })
})

describe('masking a source text', () => {
  const cases: readonly { name: string; text: string; expected: string }[] = [
    { name: 'strings', text: `f('a\\'b', "c")`, expected: `f('    ', " ")` },
    { name: 'comments', text: 'a // b\nc /* d\ne */ f', expected: 'a     \nc     \n     f' },
    { name: 'templates with code inside', text: '`a${b({ c: `d` })}e` + f', expected: '` ${b({ c: ` ` })} ` + f' },
    { name: 'regular expressions', text: `x.split(/[/']"/g)`, expected: `x.split(/     /g)` },
    { name: 'divisions', text: `(a) / b / 'c'`, expected: `(a) / b / ' '` },
    { name: 'an unclosed comment', text: 'a /* b', expected: 'a     ' },
    { name: 'an unclosed string', text: `a 'b`, expected: `a ' ` },
  ]
  for (const { name, text, expected } of cases) {
    it(`blanks ${name}`, () => assert.equal(maskSource(text), expected))
  }
})
