/** The forge by the command line with a generator elsewhere: both languages, and what is refused before a picture leaves. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { findSyntheticMarks } from '@fiducial/core/domain/audit/synthetic.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { type Outcome, repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'
import { startPictureGenerator } from '../testing/picture-generator-server.ts'
import { takeImage } from '../testing/transcript-stage.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')
const TOKEN = 'a secret of tests'
const server = await startPictureGenerator({ token: TOKEN })

describe('forge make generator', () => {
  const folder = temporaryFolder()
  const make = (...more: readonly string[]): Promise<Outcome> =>
    run(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, 'forge', 'make', 'generator', 'chest.dcm', ...more],
      { cwd: folder, env: { FIDUCIAL_HOME: join(folder, 'home'), FIDUCIAL_GENERATOR_TOKEN: undefined } },
    )
  before(() => {
    writeFileSync(join(folder, 'chest.dcm'), takeImage('chest'))
    writeFileSync(join(folder, 'token'), `${TOKEN}\n`)
  })

  for (const api of ['openai', 'sdapi']) {
    it(`draws anew with ${api}, labels what comes back, and writes what was asked beside it`, async () => {
      const words = ['--generator', api, '--url', server.url, '--prompt', 'chest radiograph', '--token-file', 'token']
      const { code, stdout, stderr } = await make(...words, '--out', api, '--json', '--strength', '0.4')
      assert.equal(code, 0, stdout + stderr)
      assert.equal(stderr, '')
      const truth = JSON.parse(readFileSync(join(folder, api, 'chest.dcm.forge.json'), 'utf8'))
      assert.equal(truth.technique.id, 'generator')
      assert.equal(truth.generator.prompt, 'chest radiograph')
      assert.equal(truth.images[0].frames[0].parameters.strength, 0.4)
      assert.ok(truth.images[0].frames[0].changedShare > 0)
      const bytes = readFileSync(join(folder, api, 'chest.dcm'))
      assert.ok(findSyntheticMarks(parseDicom(memorySource(bytes)).dataSet, false).includes('synthesizing_equipment'))
      assert.ok(!bytes.includes(TOKEN) && !bytes.includes('chest radiograph'))
    })
  }

  it('sends no picture to another machine unasked, nor in the open', async () => {
    const words = ['--generator', 'openai', '--prompt', 'x', '--out', 'no', '--url']
    for (const more of [
      ['https://images.example'],
      ['http://images.example', '--allow-upload'],
      ['ftp://127.0.0.1'],
      ['127.0.0.1:80'],
      ['http://127.0.0.1.images.example'],
    ]) {
      const { code, stderr } = await make(...words, ...more)
      assert.equal(code, 64, `${more} ${stderr}`)
    }
    assert.ok(!readdirSync(folder).includes('no'))
  })

  it('needs to be told whom to ask for what', async () => {
    for (const words of [[], ['--generator', 'openai'], ['--generator', 'openai', '--url', server.url]])
      assert.equal((await make('--out', 'no', ...words)).code, 64)
    const { code } = await make('--out', 'no', '--generator', 'magic', '--url', server.url, '--prompt', 'x')
    assert.equal(code, 64)
  })

  it('leaves nothing behind where the generator refuses or is not there', async () => {
    const words = ['--generator', 'sdapi', '--prompt', 'x', '--out', 'no', '--url']
    assert.equal((await make(...words, server.url)).code, 69)
    assert.equal((await make(...words, 'http://127.0.0.1:9')).code, 69)
    assert.ok(!readdirSync(folder).includes('no'))
  })
})
