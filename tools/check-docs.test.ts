import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkDependencies, checkIndex, checkLinks, checkNames, checkPointers, findCalls } from './check-docs.ts'
import { readDocument } from './markdown.ts'
import { readSource } from './source.ts'

const exists = (path: string): boolean => ['README.md', 'docs/a.md', 'packages/core/src/errors.ts'].includes(path)

function linkFindings(text: string): string[] {
  return checkLinks([readDocument('docs/a.md', text), readDocument('README.md', '# Top\n## Known limits\n')], exists)
}

describe('links of documents', () => {
  const dead = [
    '[x](b.md)',
    '[x](../README.md#nothing)',
    '![x](x.png)',
    '[x](#nowhere)',
    'see `packages/core/src/gone.ts`',
    'two [x](a.md) and [y](gone.md "title")',
  ]
  for (const text of dead) {
    it(`refuses ${text}`, () => assert.equal(linkFindings(text).length, 1))
  }
  const alive = [
    '[x](a.md)',
    '[x](../README.md#known-limits)',
    '# Here\n[x](#here)',
    '[x](https://example.org/nothing)',
    'see `packages/core/src/errors.ts`',
    'see `packages/*/src/gone.ts`',
    '```\n[x](gone.md)\n```',
    '`[x](gone.md)`',
  ]
  for (const text of alive) {
    it(`accepts ${text}`, () => assert.deepEqual(linkFindings(text), []))
  }
})

describe('the index of documents', () => {
  it('leads to every document', () => {
    const documents = [
      readDocument('docs/README.md', '[a](how-to/a.md)'),
      readDocument('docs/decisions/README.md', '[b](b.md)'),
      ...['docs/how-to/a.md', 'docs/decisions/b.md', 'docs/lost.md', 'README.md'].map((path) => readDocument(path, '')),
    ]
    assert.deepEqual(checkIndex(documents), ['docs/lost.md:1  is in no index: link to it from docs/README.md'])
  })
})

describe('pointers of sources', () => {
  it('lead to documents that exist', () => {
    const path = 'packages/core/src/bytes/a.ts'
    const text = '/**\n * See docs/a.md.\n * Format: docs/reference/gone.md\n */'
    const findings = checkPointers(new Map([[path, readSource(path, text)]]), exists)
    assert.deepEqual(findings, [`${path}:3  points to docs/reference/gone.md, which does not exist`])
  })
})

describe('names of the reference', () => {
  const list = { sources: ['packages/a.ts'], types: /Code$/, page: 'p.md' }
  const lists = [
    "export type ACode =\n  | 'one'\n  /** It's second. */\n  | 'two_2'\n",
    "export type BCode = 'three'\n",
    "export type Other =\n  | 'four'\n\n",
  ]
  const treeOf = (text: string, users: string) =>
    new Map([
      ['packages/a.ts', readSource('packages/a.ts', text)],
      ['packages/b.ts', readSource('packages/b.ts', users)],
      ['packages/c.test.ts', readSource('packages/c.test.ts', "'one' 'two_2' 'three'")],
    ])
  const tree = treeOf(lists.join('\n'), `throw new FormatError('one', 'x'); f('two_2'); f('three')`)
  const full = readDocument('p.md', '| code |\n|---|\n| `one` | x |\n| `two_2` | y |\n\n| `three` | z |')
  it('accepts a page with a row for each', () => assert.deepEqual(checkNames(list, tree, full), []))
  it('shows a name without a row and a row without a name', () => {
    const page = readDocument('p.md', '| `one` | x |\n| `three` | x |\n| `four` | x |')
    assert.deepEqual(checkNames(list, tree, page), ['p.md:1  lacks two_2', 'p.md:1  has four, which the code has not'])
  })
  it('shows a name that nothing uses but tests', () => {
    const findings = checkNames(list, treeOf(lists.join('\n'), `'one' 'three'`), full)
    assert.deepEqual(findings, ['packages/a.ts:1  has two_2, which nothing uses'])
  })
  it('says so when the source cannot be read', () => {
    assert.equal(checkNames(list, treeOf('', ''), full).length, 1)
  })
})

describe('dependencies of the table', () => {
  const page = readDocument('p.md', '| package | version |\n|---|---|\n| `a` | 1.0.0 | MIT |\n| `@b/c` | 2.0.0 | MIT |')
  it('accepts a table with a row for each, and needs none for our own', () => {
    const manifests = [
      { dependencies: { a: '1.0.0', '@fiducial/core': '0.1.0' } },
      { devDependencies: { '@b/c': '2.0.0' } },
    ]
    assert.deepEqual(checkDependencies(manifests, page), [])
  })
  it('shows a dependency without a row, one of another version, and a row without a dependency', () => {
    const manifests = [{ dependencies: { a: '1.0.1' } }, { optionalDependencies: { d: '1.0.0' } }]
    assert.equal(checkDependencies(manifests, page).length, 4)
  })
})

describe('calls of the command line', () => {
  it('reads commands, words and options, over continued lines', () => {
    const text =
      '$ ./fiducial keys enrol device "Room 1" --json\n./fiducial seal \\\n  a.dcm --out=dir  # why --not\nls --all\n'
    assert.deepEqual(findCalls({ language: 'sh', marks: [], text, line: 5 }), [
      { words: ['keys', 'enrol', 'device', '"Room 1"'], options: ['--json'], line: 5 },
      { words: ['seal', 'a.dcm'], options: ['--out'], line: 6 },
    ])
  })
  it('reads a call behind an environment variable and before a pipe', () => {
    const block = {
      language: 'sh',
      marks: [],
      text: 'FIDUCIAL_HOME=x fiducial verify - --json | jq --raw-output .',
      line: 1,
    }
    assert.deepEqual(findCalls(block), [{ words: ['verify', '-'], options: ['--json'], line: 1 }])
  })
})

describe('a document', () => {
  it('gives blocks with language, marks and line', () => {
    const [first, second] = readDocument('a.md', 'x\n```sh run exit=1\na\nb\n```\n\n~~~\nc\n~~~\n').blocks
    assert.deepEqual(first, { language: 'sh', marks: ['run', 'exit=1'], text: 'a\nb\n', line: 3 })
    assert.deepEqual(second, { language: '', marks: [], text: 'c\n', line: 8 })
  })
  it('numbers headings that repeat', () => {
    assert.deepEqual([...readDocument('a.md', '# A `b`, c!\n# A b c\n').anchors], ['a-b-c', 'a-b-c-1'])
  })
})
