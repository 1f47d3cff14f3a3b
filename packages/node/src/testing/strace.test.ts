import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { countCalls, injecting, parseTrace, tracing } from './strace.ts'

const TRACE = [
  '101  fsync(20</log>)                   = 0',
  '102  pwrite64(21, "x", 1, 0 <unfinished ...>',
  '101  fsync(20</log>)                   = -1 EIO (Input/output error) (INJECTED)',
  '102  <... pwrite64 resumed>)           = 1',
  '102  fsync(22</log>)                   = 0',
  '102  +++ exited with 0 +++',
  '',
].join('\n')

describe('strace', () => {
  it('reads calls with their threads, each once', () => {
    const calls = parseTrace(TRACE)
    assert.deepEqual(
      calls.map(({ thread, name }) => `${thread} ${name}`),
      ['101 fsync', '102 pwrite64', '101 fsync', '102 fsync'],
    )
    assert.match(calls[0]?.text ?? '', /<\/log>/)
    assert.deepEqual(parseTrace(''), [])
  })

  it('counts the calls of the busiest thread', () => {
    const calls = parseTrace(TRACE)
    assert.equal(countCalls(calls, 'fsync'), 2)
    assert.equal(countCalls(calls, 'write'), 1)
    assert.equal(countCalls(calls, 'rename'), 0)
  })

  it('writes commands that end before that of the process', () => {
    const paths = ['/log/a']
    const command = injecting({ kind: 'link', action: 'ENOSPC', call: 3, isLasting: true, paths })
    assert.deepEqual(command.slice(-4), ['-P', '/log/a', '-e', 'inject=?link,?linkat:error=ENOSPC:when=3+'])
    const kill = injecting({ kind: 'fsync', action: 'SIGKILL', call: 2 })
    assert.equal(kill.at(-1), 'inject=fsync:signal=SIGKILL:when=2')
    assert.ok(!kill.includes('--seccomp-bpf'), 'behind the filter no signal is injected')
    assert.equal(tracing('/out', ['fsync', 'mkdir']).at(-1), 'trace=fsync,?mkdir,?mkdirat')
  })
})
