import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { temporaryFolder } from './peers.ts'
import { matchesLines, parseTranscript, runStep } from './transcript.ts'

const TEXT = `Prose.

$ echo out; echo err >&2; exit 3
out
2> err
[3]
More prose.
$ true
[0]
`

describe('a transcript', () => {
  it('is read as commands with output, errors and exit code', () => {
    assert.deepEqual(parseTranscript(TEXT), [
      { command: 'echo out; echo err >&2; exit 3', stdout: ['out'], stderr: ['err'], code: 3, line: 3 },
      { command: 'true', stdout: [], stderr: [], code: 0, line: 8 },
    ])
  })

  it('is refused without an exit code', () => {
    assert.throws(() => parseTranscript('$ true\n'), SyntaxError)
    assert.throws(() => parseTranscript('$ true\n$ true\n[0]\n'), SyntaxError)
  })

  it('lets placeholders stand for characters and dots for lines', () => {
    assert.ok(matchesLines(['a {n} c', 'd'], ['a 12 c', 'd']))
    assert.ok(matchesLines(['(x) {any}'], ['(x) y']))
    assert.ok(!matchesLines(['(x)'], ['x']))
    assert.ok(matchesLines(['a', '...', 'z'], ['a', 'b', 'c', 'z']))
    assert.ok(matchesLines(['a', '...', 'z'], ['a', 'z']))
    assert.ok(matchesLines(['...'], []))
    assert.ok(!matchesLines(['a', '...', 'z'], ['a', 'b']))
    assert.ok(!matchesLines([], ['a']))
  })

  it('runs, and tells what differs', async (t) => {
    const folder = temporaryFolder(t)
    const steps = parseTranscript(TEXT)
    for (const step of steps) assert.equal(await runStep(step, { folder }), undefined)
    const [first] = steps
    assert.ok(first)
    assert.match(
      (await runStep({ ...first, stdout: ['other'] }, { folder })) ?? '',
      /standard output differs; expected: other/,
    )
    assert.match((await runStep({ ...first, stderr: [] }, { folder })) ?? '', /standard error differs/)
    assert.match((await runStep({ ...first, code: 0 }, { folder })) ?? '', /exit code 3, not 0/)
  })

  it('runs this repository’s command line', async (t) => {
    const step = { command: 'fiducial --version', stdout: ['{version}'], stderr: [], code: 0, line: 1 }
    assert.equal(await runStep(step, { folder: temporaryFolder(t) }), undefined)
  })
})
