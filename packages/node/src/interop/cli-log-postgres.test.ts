/** A site whose log lies in PostgreSQL, with its objects in S3: the commands that seal, verify and check are the same. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'
import { postgres, startPostgres } from '../testing/postgres.ts'
import { startS3Double } from '../testing/s3-double.ts'
import { makeKeys, takeImage } from '../testing/transcript-stage.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')

describe('a log in PostgreSQL and S3', { skip: postgres.skip }, () => {
  const folder = temporaryFolder()
  const starting = postgres.skip === false ? startPostgres(["listen_addresses = '127.0.0.1'"]) : undefined
  const home = join(folder, 'home')
  let env: Record<string, string> = {}
  let places: readonly string[] = []

  before(async () => {
    const cluster = await starting
    if (cluster === undefined) return
    const bucket = await startS3Double()
    env = {
      FIDUCIAL_HOME: home,
      PGPASSWORD: cluster.password,
      AWS_ACCESS_KEY_ID: bucket.accessKeyId,
      AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
    }
    places = [
      '--database',
      `postgresql://fiducial@127.0.0.1:${cluster.port}/postgres`,
      '--objects',
      `${bucket.endpoint}/${bucket.bucket}/site?region=${bucket.region}`,
    ]
    await makeKeys(home)
    mkdirSync(join(folder, 'in'))
    writeFileSync(join(folder, 'in', 'chest.dcm'), takeImage('chest'))
    writeFileSync(join(folder, 'in', 'unsealed.dcm'), takeImage('hand', 'never sealed'))
  })

  const fiducial = (...words: readonly string[]) =>
    run(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...words], { env, cwd: folder })

  it('is made, sealed into and asked', async () => {
    const made = await fiducial('log', 'init', '--origin', 'hospital.example/log', ...places)
    assert.equal(made.code, 0, made.stderr)
    const sealed = await fiducial('seal', 'in/chest.dcm', '--out', 'sealed')
    assert.equal(sealed.code, 0, sealed.stderr + sealed.stdout)
    assert.match(sealed.stdout, /1 recorded in the custody log hospital\.example\/log/)
    const verified = await fiducial('verify', 'sealed')
    assert.equal(verified.code, 0, verified.stdout)
    assert.match(verified.stdout, /P3/)
    const stripped = await fiducial('verify', 'in/chest.dcm', '--json')
    assert.equal(stripped.code, 1)
    assert.match(stripped.stdout, /"stripped"/)
    const unknown = await fiducial('verify', 'in/unsealed.dcm', '--json')
    assert.equal(unknown.code, 2)
    assert.match(unknown.stdout, /"unrecorded"/)
  })

  it('knows a seal again that it has', async () => {
    const again = await fiducial('seal', 'in/chest.dcm', '--out', 'sealed')
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stdout, /1 recorded before in the custody log/)
  })

  it('is served, kept up and watched from there', async () => {
    const words = [MAIN, 'log', 'serve', '--work', '--port', '0', '--json']
    const server = spawn(process.execPath, words, { env: { ...process.env, ...env }, cwd: folder })
    const ended = new Promise((resolve) => server.once('close', resolve))
    const line = await new Promise<Buffer>((resolve) => server.stdout.once('data', resolve))
    const { url, origin } = JSON.parse(line.toString('utf8')) as { url: string; origin: string }
    assert.equal(origin, 'hospital.example/log')
    assert.match(await (await fetch(`${url}/`)).text(), /Signed by the log/)
    const seen = await fiducial('log', 'monitor', url, '--policy', join(home, 'log', 'policy'), '--json')
    server.kill('SIGTERM')
    assert.equal(await ended, 0)
    assert.equal(seen.code, 0, seen.stdout + seen.stderr)
  })

  it('says so where the database cannot be reached, and seals all the same', async () => {
    const port = '1'
    const elsewhere = join(folder, 'elsewhere')
    await makeKeys(elsewhere)
    const there = { ...env, FIDUCIAL_HOME: elsewhere }
    const words = ['log', 'init', '--database', `postgresql://nobody@127.0.0.1:${port}/none`]
    const init = await run(process.execPath, [MAIN, ...words], { env: there, cwd: folder })
    assert.equal(init.code, 0, init.stderr)
    const sealed = await run(process.execPath, [MAIN, 'seal', 'in/chest.dcm', '--out', 'other'], {
      env: there,
      cwd: folder,
    })
    assert.equal(sealed.code, 69, sealed.stderr)
    assert.match(sealed.stdout, /1 image sealed/)
    assert.match(sealed.stderr, /service_unreachable/)
  })

  it('takes no password on the command line', async () => {
    const { code, stderr } = await fiducial('log', 'init', '--database', 'postgresql://a:secret@127.0.0.1/x')
    assert.equal(code, 64)
    assert.doesNotMatch(stderr, /secret/)
  })
})
