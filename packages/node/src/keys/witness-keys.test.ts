import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { cosign } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { ToyLog } from '@fiducial/core/testing/toy-log.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { nativeCrypto } from './native-crypto.ts'
import { createWitnessFolder, readWitnessName, readWitnessSigners } from './witness-keys.ts'

const NAME = 'insurer.example/witness'
const hashes = nativeCrypto.hash
const nothing = async () => undefined

async function make(t: TestContext, passphrase?: string): Promise<string> {
  const folder = join(temporaryFolder(t), 'a', 'witness')
  await createWitnessFolder(folder, { name: NAME, passphrase }, nothing)
  return folder
}

describe('The keys of a witness', () => {
  it('cosign as two keys of one name', async (t) => {
    const folder = await make(t)
    assert.equal(readWitnessName(folder), NAME)
    const signers = readWitnessSigners(folder, NAME, { hashes })
    assert.deepEqual(
      signers.map(({ key }) => [key.name, key.type]),
      [
        [NAME, 'cosignature-ed25519'],
        [NAME, 'cosignature-ml-dsa-44'],
      ],
    )
    const note = await new ToyLog(5).checkpoint()
    const result = verifyCheckpoint(
      note + (await cosign(note, signers, 1_800_000_000n)),
      signers.map(({ key }) => key),
      nativeCrypto,
    )
    assert.ok(result.state === 'valid')
    assert.equal(result.valid.length, 2)
  })

  it('are the same each time they are read, and others in each witness', async (t) => {
    const [one, other] = [await make(t), await make(t)]
    const read = (folder: string) =>
      readWitnessSigners(folder, NAME, { hashes }).map(({ key }) => formatVerifierKey(key))
    assert.deepEqual(read(one), read(one))
    assert.notDeepEqual(read(one), read(other))
  })

  it('lie in files for their owner only, in a folder for him only', async (t) => {
    const folder = await make(t)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    for (const name of ['ed25519.key.pem', 'ml-dsa-44.key.pem']) {
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600)
      chmodSync(join(folder, name), 0o644)
      assert.throws(() => readWitnessSigners(folder, NAME, { hashes }), { code: 'key_unreadable' })
      chmodSync(join(folder, name), 0o600)
    }
  })

  it('open with their passphrase only', async (t) => {
    const folder = await make(t, 'correct horse')
    assert.throws(() => readWitnessSigners(folder, NAME, { hashes }), { code: 'key_passphrase_missing' })
    const read = (passphrase: string) => readWitnessSigners(folder, NAME, { hashes, passphrase })
    assert.throws(() => read('wrong'), { code: 'key_passphrase_wrong' })
    assert.equal(read('correct horse').length, 2)
  })

  it('are missed by name', async (t) => {
    const folder = await make(t)
    rmSync(join(folder, 'ml-dsa-44.key.pem'))
    assert.throws(() => readWitnessSigners(folder, NAME, { hashes }), { code: 'key_missing', message: /ml-dsa-44/ })
  })

  it('are refused in each other’s place', async (t) => {
    const folder = await make(t)
    const other = await make(t)
    copyFileSync(join(other, 'ml-dsa-44.key.pem'), join(folder, 'ed25519.key.pem'))
    assert.throws(() => readWitnessSigners(folder, NAME, { hashes }), { code: 'key_unreadable' })
  })

  it('are never written over', async (t) => {
    const folder = await make(t)
    await assert.rejects(createWitnessFolder(folder, { name: 'other' }, nothing), { code: 'key_exists' })
    assert.equal(readWitnessName(folder), NAME)
    const taken = join(temporaryFolder(t), 'taken')
    mkdirSync(taken)
    writeFileSync(join(taken, 'mine.txt'), 'mine')
    await assert.rejects(createWitnessFolder(taken, { name: NAME }, nothing), { code: 'key_exists' })
    assert.deepEqual(readdirSync(taken), ['mine.txt'])
  })

  it('may go into a folder that is empty', async (t) => {
    const folder = temporaryFolder(t)
    await createWitnessFolder(folder, { name: NAME }, nothing)
    assert.equal(readWitnessName(folder), NAME)
  })

  it('appear together with the rest, or not at all', async (t) => {
    const folder = join(temporaryFolder(t), 'witness')
    await assert.rejects(
      createWitnessFolder(folder, { name: NAME }, () => Promise.reject(new RangeError('the rest failed'))),
      RangeError,
    )
    assert.equal(existsSync(folder), false)
    assert.deepEqual(readdirSync(join(folder, '..')), [])
  })

  it('cannot be made where nothing can be written', async (t) => {
    const file = join(temporaryFolder(t), 'file')
    writeFileSync(file, '')
    await assert.rejects(createWitnessFolder(join(file, 'witness'), { name: NAME }, nothing), {
      code: 'output_unwritable',
    })
  })
})

describe('The name of a witness', () => {
  it('is missing where there is no witness', (t) => {
    assert.equal(readWitnessName(join(temporaryFolder(t), 'none')), undefined)
    assert.equal(readWitnessName(temporaryFolder(t)), undefined)
  })

  const damaged = [
    '',
    'null',
    '[]',
    '{}',
    '{"version":1}',
    '{"version":2,"name":"a"}',
    '{"version":1,"name":7}',
    '{"version":1,"name":""}',
    '{"version":1,"name":"a b"}',
    '{"version":1,"name":"a+b"}',
    '{"version":1,"name":"a"',
  ]
  for (const text of damaged) {
    it(`is refused in ${text === '' ? 'an empty file' : text}`, (t) => {
      const folder = temporaryFolder(t)
      writeFileSync(join(folder, 'witness.json'), text)
      assert.throws(() => readWitnessName(folder), { code: 'key_unreadable' })
    })
  }

  it('is refused in what is no file', (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'witness.json'))
    assert.throws(() => readWitnessName(folder), { code: 'key_unreadable' })
  })
})
