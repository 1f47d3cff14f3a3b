import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { spawnBound } from './bound-process.ts'

const hasSetpriv = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0

/** One that has ended may stay in the list of processes until somebody asks how. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \([^)]*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

it('gives the program its own process, and its exit code', async () => {
  const child = spawnBound('sh', ['-c', 'echo $$; exit 3'], { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout?.on('data', (text: Buffer) => {
    output += text.toString()
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(code, 3)
  assert.equal(Number(output), child.pid)
})

it('ends a program whose starter is killed', { skip: hasSetpriv ? false : 'setpriv is missing' }, async () => {
  const source = `
    const { spawnBound } = await import(${JSON.stringify(new URL('./bound-process.ts', import.meta.url).href)})
    console.log(spawnBound('sleep', ['600'], { stdio: 'ignore' }).pid)
    setInterval(() => undefined, 1000)`
  const starter = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = await new Promise<number>((resolve) => starter.stdout.once('data', (text) => resolve(Number(text))))
  assert.equal(isAlive(pid), true)
  starter.kill('SIGKILL')
  for (let i = 0; i < 1000 && isAlive(pid); i++) await pause(10)
  assert.equal(isAlive(pid), false)
})
