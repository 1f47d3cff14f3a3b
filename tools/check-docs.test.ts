import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkDependencies, checkErrorCodes, checkLinks, checkPointers, findCalls } from './check-docs.ts'
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

describe('pointers of sources', () => {
  it('lead to documents that exist', () => {
    const path = 'packages/core/src/bytes/a.ts'
    const text = '/**\n * See docs/a.md.\n * Format: docs/reference/gone.md\n */'
    const findings = checkPointers(new Map([[path, readSource(path, text)]]), exists)
    assert.deepEqual(findings, [`${path}:3  points to docs/reference/gone.md, which does not exist`])
  })
})

describe('error codes of the reference', () => {
  const source = `export type ACode =\n  | 'one'\n  | 'two_2'\n\nexport type BCode = 'three'\n`
  const thrown = `throw new FormatError('one', 'x'); 'two_2' 'three'`
  it('accepts a page with a row for each', () => {
    const page = readDocument('p.md', '| code |\n|---|\n| `one` | x |\n| `two_2` | y |\n\n| `three` | z |')
    assert.deepEqual(checkErrorCodes(source, page, thrown), [])
  })
  it('shows a code without a row and a row without a code', () => {
    const page = readDocument('p.md', '| `one` | x |\n| `three` | x |\n| `four` | x |')
    assert.deepEqual(checkErrorCodes(source, page, thrown), [
      'p.md:1  lacks the code two_2',
      'p.md:1  has four, which is no code',
    ])
  })
  it('shows a code that nothing throws', () => {
    const page = readDocument('p.md', '| `one` | x |\n| `two_2` | y |\n| `three` | z |')
    const findings = checkErrorCodes(source, page, `'one' 'three'`)
    assert.deepEqual(findings, ['packages/core/src/errors.ts:1  has two_2, which nothing throws'])
  })
  it('says so when the source cannot be read', () => {
    assert.equal(checkErrorCodes('', readDocument('p.md', ''), '').length, 1)
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
