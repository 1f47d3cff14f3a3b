import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkErrorCodes, checkLinks, findCalls } from './check-docs.ts'
import { readDocument } from './markdown.ts'

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

describe('error codes of the reference', () => {
  const source = `export type ACode =\n  | 'one'\n  | 'two_2'\n\nexport type BCode = 'three'\n`
  it('accepts a page with a row for each', () => {
    const page = readDocument('p.md', '| code |\n|---|\n| `one` | x |\n| `two_2` | y |\n\n| `three` | z |')
    assert.deepEqual(checkErrorCodes(source, page), [])
  })
  it('shows a code without a row and a row without a code', () => {
    const page = readDocument('p.md', '| `one` | x |\n| `three` | x |\n| `four` | x |')
    assert.deepEqual(checkErrorCodes(source, page), [
      'p.md:1  lacks the code two_2',
      'p.md:1  has four, which is no code',
    ])
  })
  it('says so when the source cannot be read', () => {
    assert.equal(checkErrorCodes('', readDocument('p.md', '')).length, 1)
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
