/** Appending to a log by the command line: cut off, beside another process, and without the witnesses that it needs. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { before, describe, it, type TestContext } from 'node:test'
import { LogHomes, MAIN, records, statements } from './cli-log-homes.ts'

const homes = new LogHomes()
before(() => homes.prepare())

describe('appending', () => {
  it('that is interrupted keeps what it has said, and goes on from there', async () => {
    await homes.make('interrupted')
    const input = statements(0, 6_000)
    const words = ['log', 'append', '-', '--json']
    const { code, stdout } = await homes.interrupt('interrupted', words, (said) => said.length > 0, input)
    assert.equal(code, 130)
    const said = records(stdout)
    assert.ok(said.length > 0 && said.length < 6_000, String(said.length))
    const again = records(await homes.must('interrupted', words, statements(0, said.length + 10)))
    assert.equal(again.filter(({ state }) => state === 'already').length, said.length)
    assert.deepEqual(
      said.map(({ index, leafHash }) => [index, leafHash]),
      again.slice(0, said.length).map(({ index, leafHash }) => [index, leafHash]),
    )
    await homes.must('interrupted', ['log', 'check'])
  })

  it('waits for another process that does, which the status shows', async (t: TestContext) => {
    await homes.make('shared')
    const first = spawn(process.execPath, [MAIN, 'log', 'append', '-'], {
      cwd: homes.folder,
      env: homes.envOf('shared'),
    })
    t.after(() => first.kill('SIGKILL'))
    const ended = new Promise((resolve) => first.on('close', resolve))
    const isInUse = async (): Promise<boolean> =>
      records(await homes.must('shared', ['log', 'status', '--json']))[0]?.isAppending === true
    // It waits for its input with the log open.
    while (!(await isInUse()));
    const second = homes.must('shared', ['log', 'append', '-', '--json'], statements(0, 1))
    // It has tried at least once by the time that as slow a command has come to its end.
    await homes.run('shared', ['log', 'check'])
    await homes.run('shared', ['log', 'status'])
    first.stdin.end(statements(1, 2))
    assert.equal(await ended, 0)
    assert.equal(records(await second)[0]?.state, 'appended')
    assert.equal(await isInUse(), false)
    await homes.must('shared', ['log', 'check'])
  })

  it('without the witnesses that it needs is durable, shown to nobody, and says so', async () => {
    writeFileSync(homes.at('witnesses'), await witnessPolicy())
    await homes.make('alone', '--policy', 'witnesses')
    const { code, stdout, stderr } = await homes.run('alone', ['log', 'append', '-'], statements(0, 3))
    assert.equal(code, 69, stdout + stderr)
    assert.match(stderr, /\(witness_quorum_missing\)/)
    assert.match(stdout, /^3 events recorded/m)
    const status = await homes.run('alone', ['log', 'status', '--json'])
    const [seen] = records(status.stdout)
    assert.ok(Number(seen?.size) >= 3)
    assert.equal(seen?.publishedSize, '0')
    const show = await homes.run('alone', ['log', 'show'])
    assert.equal(show.code, 65)
    assert.match(show.stderr, /entry_missing/)
  })

  /** A policy with a witness that nobody runs. */
  async function witnessPolicy(): Promise<string> {
    cpSync(homes.at('keys'), homes.at('nobody'), { recursive: true })
    await homes.must('nobody', ['log', 'init', '--origin', 'witness.example/w'])
    const lines = readFileSync(homes.at('nobody/log/policy'), 'utf8').split('\n')
    const key = lines.map((line) => line.split(/\s+/)[1]).find((word) => word !== undefined && word.length > 500)
    return `witness w ${key ?? assert.fail()} http://127.0.0.1:9/\nquorum w\n`
  }
})
