import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { ask, choose } from './prompt.ts'
import { canAsk, type Terminal } from './terminal.ts'

/** A terminal at which somebody types. */
function sit(): { terminal: Terminal; type: (text: string) => void; seen: () => string; stop: () => void } {
  const controller = new AbortController()
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  const stderr = Object.assign(new PassThrough(), { isTTY: true })
  let seen = ''
  stderr.on('data', (chunk) => {
    seen += chunk
  })
  return {
    terminal: { stdin, stdout: new PassThrough(), stderr, env: {}, interruption: controller.signal },
    type: (text) => void stdin.write(text),
    seen: () => seen,
    stop: () => controller.abort(),
  }
}

describe('ask', () => {
  it('gives the line that is typed, and echoes it', async () => {
    const { terminal, type, seen } = sit()
    const answer = ask('Name? ', terminal)
    type('room 1\n')
    assert.equal(await answer, 'room 1')
    assert.match(seen(), /^Name\? .*room 1/s)
  })

  it('does not show what is secret', async () => {
    const { terminal, type, seen } = sit()
    const answer = ask('Passphrase: ', terminal, true)
    type('correct horse\n')
    assert.equal(await answer, 'correct horse')
    assert.equal(seen(), 'Passphrase: \n')
  })

  it('takes back what is rubbed out', async () => {
    const { terminal, type } = sit()
    const answer = ask('', terminal, true)
    type('abX\x7fc\n')
    assert.equal(await answer, 'abc')
  })

  it('ends as interrupted at Ctrl-C, at the end of input and at the signal', async () => {
    const isInterrupted = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'
    for (const end of ['\x03', '\x04']) {
      const { terminal, type } = sit()
      const answer = ask('? ', terminal, true)
      type(end)
      await assert.rejects(answer, isInterrupted)
    }
    const { terminal, stop } = sit()
    const answer = ask('? ', terminal)
    stop()
    await assert.rejects(answer, isInterrupted)
  })
})

describe('choose', () => {
  it('asks until a number of the list is given', async () => {
    const { terminal, type, seen } = sit()
    const chosen = choose('Which?', ['a', 'b'], terminal)
    for (const line of ['x\n', '0\n', '3\n', '2\n']) {
      await new Promise((resolve) => setImmediate(resolve))
      type(line)
    }
    assert.equal(await chosen, 1)
    assert.match(seen(), /^ {2}1 {2}a\n {2}2 {2}b\nWhich\? \[1-2\] /)
    assert.equal(seen().match(/Which\?/g)?.length, 4)
  })
})

describe('canAsk', () => {
  it('takes somebody on both sides', () => {
    const { terminal } = sit()
    assert.ok(canAsk(terminal))
    assert.ok(!canAsk({ ...terminal, stdin: new PassThrough() }))
    assert.ok(!canAsk({ ...terminal, stderr: new PassThrough() }))
  })
})
