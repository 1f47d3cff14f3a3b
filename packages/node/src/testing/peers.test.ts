import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, test } from 'node:test'
import { peer, peerPath, repositoryRoot, run, sharedPath, temporaryFolder } from './peers.ts'

/** Runs `body` with other environment variables. */
function withEnvironment(values: Record<string, string>, body: () => void): void {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, values)
  try {
    body()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

describe('peers', () => {
  it('knows the root of the repository', () => {
    const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
    assert.equal(manifest.name, 'fiducial-workspace')
  })

  it('finds a program on PATH, and not a file that cannot be run', (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'tool'), '#!/bin/sh\n')
    writeFileSync(join(folder, 'text'), '')
    chmodSync(join(folder, 'tool'), 0o755)
    withEnvironment({ PATH: folder, CI: '' }, () => {
      assert.deepEqual(peer('tool'), { path: join(folder, 'tool'), skip: false })
      assert.match(String(peer('text').skip), /text is not installed/)
      assert.match(String(peer('.').skip), /not installed/)
    })
  })

  it('finds what lies at a path, and says what is missing', (t) => {
    const folder = temporaryFolder(t)
    const absent = join(folder, 'absent')
    withEnvironment({ CI: '' }, () => {
      assert.deepEqual(peerPath(folder), { path: folder, skip: false })
      assert.match(String(peerPath(absent).skip), /absent is missing/)
    })
    withEnvironment({ CI: 'true' }, () => {
      assert.deepEqual(peerPath(folder), { path: folder, skip: false })
      assert.throws(() => peerPath(absent), /absent is missing.*CI=true/)
    })
  })

  it('throws for a missing program or missing shared data when CI=true', (t) => {
    const folder = temporaryFolder(t)
    withEnvironment({ PATH: folder, CI: 'true' }, () => {
      assert.throws(() => peer('tool'), /tool is not installed/)
      assert.throws(() => sharedPath('no/such/file'), /no\/such\/file is missing/)
    })
  })

  it('gives the path of missing shared data when not in continuous integration', () => {
    withEnvironment({ CI: '' }, () => {
      assert.equal(sharedPath('a/b'), join(repositoryRoot, '..', 'shared', 'a', 'b'))
    })
  })

  it('runs a command with input, and reports code, both outputs and a signal', async () => {
    const script = 'process.stdin.pipe(process.stdout); process.stderr.write(process.env.WORD); process.exitCode = 3'
    const went = await run(process.execPath, ['-e', script], {
      input: new Uint8Array([0x61, 0x62]),
      env: { WORD: 'w' },
    })
    assert.deepEqual([went.code, went.stdout, went.stderr, went.signal], [3, 'ab', 'w', undefined])
    assert.deepEqual(went.output, new Uint8Array([0x61, 0x62]))

    const killed = await run(process.execPath, [
      '-e',
      'process.kill(process.pid, "SIGTERM"); setInterval(() => 0, 1000)',
    ])
    assert.deepEqual([killed.code, killed.signal], [-1, 'SIGTERM'])
  })

  it('kills a command that takes too long', async () => {
    const went = await run(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { timeoutMs: 50 })
    assert.deepEqual([went.code, went.signal], [-1, 'SIGKILL'])
  })

  it('rejects when a command cannot be started', async () => {
    await assert.rejects(run(join(repositoryRoot, 'no-such-program')), { code: 'ENOENT' })
  })

  it('ends when a command quits before reading its input', async () => {
    const went = await run(process.execPath, ['-e', 'process.exit(5)'], { input: 'x'.repeat(1_000_000) })
    assert.equal(went.code, 5)
  })

  it('removes a temporary folder when its owner has ended', async (t) => {
    let folder = ''
    await t.test('owner', (owner) => {
      folder = temporaryFolder(owner)
      writeFileSync(join(folder, 'file'), 'x')
    })
    assert.equal(existsSync(folder), false)
  })
})

test('a temporary folder without a test context goes with the file', () => {
  const folder = temporaryFolder({ after: (cleanUp) => cleanUp() })
  assert.equal(existsSync(folder), false)
})
