import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { Output } from './output.ts'
import { styleFor } from './style.ts'
import type { Screen } from './terminal.ts'

class Recorder extends Writable {
  text = ''
  readonly isTTY: boolean
  readonly columns = 60

  constructor(isTTY = false) {
    super()
    this.isTTY = isTTY
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

const open = (isJson: boolean, isTTY = false): { output: Output; stdout: Recorder; stderr: Recorder } => {
  const [stdout, stderr] = [new Recorder(isTTY), new Recorder(isTTY)]
  return { output: new Output({ stdout, stderr, env: {} }, isJson), stdout, stderr }
}

describe('Output', () => {
  it('writes records with --json and lines without', () => {
    const prose = open(false)
    prose.output.record({ a: 1 })
    prose.output.line('words')
    assert.equal(prose.stdout.text, 'words\n')
    const json = open(true)
    json.output.record({ a: 1 })
    json.output.line('words')
    json.output.note('aside')
    assert.equal(json.stdout.text, '{"a":1}\n')
    assert.equal(json.stderr.text, 'aside\n')
  })

  it('draws no progress into a pipe', () => {
    const { output, stderr } = open(false)
    output.progress(() => '50 %')
    output.line('x')
    output.endProgress()
    assert.equal(stderr.text, '')
  })

  it('keeps progress below what is said, and takes it away at the end', () => {
    const { output, stdout, stderr } = open(false, true)
    output.progress(() => '50 %')
    assert.equal(stderr.text, '\r\x1b[2K50 %')
    output.line('x')
    assert.equal(stdout.text, 'x\n')
    assert.equal(stderr.text, '\r\x1b[2K50 %\r\x1b[2K50 %')
    output.endProgress()
    output.endProgress()
    assert.equal(stderr.text, '\r\x1b[2K50 %\r\x1b[2K50 %\r\x1b[2K')
  })

  it('draws often called progress seldom, and never over two lines', () => {
    const { output, stderr } = open(false, true)
    output.progress(() => 'x'.repeat(200))
    output.progress(() => 'y')
    assert.equal(stderr.text, `\r\x1b[2K${'x'.repeat(58)}…`)
  })
})

describe('styleFor', () => {
  const paint = (isTTY: boolean, env: Record<string, string>): string =>
    styleFor(new Recorder(isTTY) as Screen, env).red('x')

  it('colours on a terminal only, and never with NO_COLOR or on a dumb one', () => {
    assert.equal(paint(true, {}), '\x1b[31mx\x1b[39m')
    assert.equal(paint(true, { NO_COLOR: '' }), '\x1b[31mx\x1b[39m')
    assert.equal(paint(true, { NO_COLOR: '1' }), 'x')
    assert.equal(paint(true, { TERM: 'dumb' }), 'x')
    assert.equal(paint(false, { FORCE_COLOR: '1' }), 'x')
  })
})
