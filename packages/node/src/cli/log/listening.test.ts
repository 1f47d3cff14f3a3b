import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Context } from '../context.ts'
import { Output } from '../output.ts'
import { UsageError } from '../usage-error.ts'
import { isLoopback, type ListenOptions, readListening } from './listening.ts'

function read(options: ListenOptions) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const output = new Output({ stdout, stderr, env: {} }, false)
  const listening = readListening(options, 8470, { output } as Context)
  const said = () => [stdout, stderr].map((stream) => String(stream.read() ?? ''))
  return { listening, said }
}

describe('Where to listen', () => {
  it('is this machine, at the port of the command', () => {
    const { listening, said } = read({})
    assert.deepEqual([listening.host, listening.port], ['127.0.0.1', 8470])
    assert.deepEqual(said(), ['', ''])
  })

  it('may be any port that is free, and no port that is none', () => {
    assert.equal(read({ port: 0 }).listening.port, 0)
    assert.equal(read({ port: 65_535 }).listening.port, 65_535)
    assert.throws(() => read({ port: 65_536 }), UsageError)
  })

  it('warns of each address that others can reach', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.1', '127.0.0.1.example.org', 'example.org', '1.127.0.0']) {
      const { listening, said } = read({ host })
      assert.equal(listening.host, host)
      assert.match(said()[1] ?? '', /^warning: .* can be reached by others/, host)
      assert.equal(isLoopback(host), false)
    }
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) assert.equal(read({ host }).said()[1], '')
  })

  it('shows what hides in an address', () => {
    assert.match(read({ host: 'evil\x1b[2K' }).said()[1] ?? '', /evil\\u\{1b\}/)
  })
})

describe('What a server tells', () => {
  const access = { method: 'GET', path: '/tile/\x1b[2J', status: 404, durationMs: 1.234 }

  it('is nothing of requests unless asked', () => {
    const { listening, said } = read({})
    listening.onAccess(access)
    assert.deepEqual(said(), ['', ''])
  })

  it('is a line a request, on standard error, with nothing that acts on a terminal', () => {
    const { listening, said } = read({ verbose: true })
    listening.onAccess(access)
    assert.deepEqual(said(), ['', 'GET /tile/\\u{1b}[2J 404 1.2 ms\n'])
  })

  it('is each failure of ours, asked or not', () => {
    const { listening, said } = read({})
    listening.onFailure({ method: 'GET', path: '/checkpoint', error: new StoreError('log_corrupted', 'damaged') })
    assert.deepEqual(said(), ['', 'failed: GET /checkpoint: damaged (log_corrupted)\n'])
  })
})
