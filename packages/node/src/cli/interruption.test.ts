import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'
import { makeKeys, takeImage } from '../testing/transcript-stage.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')
const IMAGES = 60

describe('an interruption', () => {
  it('leaves whole files only, and the next run goes on from there', async (t) => {
    const folder = temporaryFolder(t)
    await makeKeys(join(folder, 'home'))
    mkdirSync(join(folder, 'in'))
    const image = takeImage('chest')
    for (let i = 0; i < IMAGES; i++) writeFileSync(join(folder, 'in', `${i}.dcm`), image)

    const env = { ...process.env, FIDUCIAL_HOME: join(folder, 'home') }
    const args = [MAIN, 'seal', join(folder, 'in'), '--out', join(folder, 'out')]
    const child = spawn(process.execPath, args, { env })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.stdout.once('data', () => child.kill('SIGINT'))
    const code = await new Promise((resolve) => child.on('close', resolve))
    assert.equal(code, 130, stderr)
    assert.match(stderr, /interrupted/)

    const names = readdirSync(join(folder, 'out'))
    const images = names.filter((name) => name.endsWith('.dcm'))
    assert.deepEqual(
      names.filter((name) => name.startsWith('.')),
      [],
    )
    assert.equal(names.length, 2 * images.length)
    assert.ok(images.length > 0 && images.length < IMAGES, `${images.length} sealed`)

    const again = await run(process.execPath, args, { env })
    assert.equal(again.code, 0, again.stderr)
    assert.match(
      again.stdout,
      new RegExp(`^${IMAGES - images.length} images sealed, ${images.length} already sealed and intact;`, 'm'),
    )
  })

  it('of the reader, as by head, ends the command without a word', async (t) => {
    const folder = temporaryFolder(t)
    for (let i = 0; i < 30; i++) writeFileSync(join(folder, `${i}.dcm`), takeImage('hand'))
    const command = `'${process.execPath}' '${MAIN}' inspect '${folder}' | head -1`
    const { stdout, stderr } = await run('sh', ['-c', command], { env: { FIDUCIAL_HOME: join(folder, 'none') } })
    assert.match(stdout, /0\.dcm/)
    assert.equal(stderr.replace(/^.*ExperimentalWarning.*\n.*\n/, ''), '')
  })
})
