import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { FileLock } from './file-lock.ts'
import { privateFolder } from './file-log.ts'
import {
  createLogFolder,
  type LogConfig,
  policyPath,
  readLogConfig,
  readMapSecret,
  readPolicyFile,
} from './log-config.ts'

const code = (expected: string) => (error: unknown) => error instanceof StoreError && error.code === expected
const modeOf = (path: string): number => statSync(path).mode & 0o777
const CONFIG: LogConfig = {
  origin: 'hospital.example/log',
  holder: 'log-hospital-example',
  archive: 'main',
  isDemo: false,
  timestampMinutes: 60,
  timestampUrls: ['https://tsa.example/a?b=c'],
}
const POLICY = encodeUtf8('quorum none\n')

describe('the config of a log', () => {
  const folder = join(temporaryFolder(), 'log')
  const configFile = join(privateFolder(folder), 'config.json')
  const secretFile = join(privateFolder(folder), 'map.secret')
  beforeEach(() => rmSync(folder, { recursive: true, force: true }))

  it('comes back as it was written', () => {
    for (const config of [
      CONFIG,
      { ...CONFIG, isDemo: true, timestampMinutes: 0, timestampUrls: [] },
      { ...CONFIG, database: 'postgresql://fiducial@db.example/log', objects: 'https://s3.example/bucket/log' },
    ]) {
      createLogFolder(folder, config, POLICY)
      assert.deepEqual(readLogConfig(folder), config)
      assert.deepEqual(readPolicyFile(folder), POLICY)
      rmSync(folder, { recursive: true })
    }
  })

  it('is none where there is no log', () => {
    assert.equal(readLogConfig(folder), undefined)
    mkdirSync(folder)
    assert.equal(readLogConfig(folder), undefined)
    assert.throws(() => readPolicyFile(folder), code('log_missing'))
    assert.throws(() => readMapSecret(folder), code('log_corrupted'))
  })

  it('is for its owner only, and the policy for everybody', () => {
    const before = process.umask(0)
    try {
      createLogFolder(folder, CONFIG, POLICY)
    } finally {
      process.umask(before)
    }
    assert.equal(modeOf(privateFolder(folder)), 0o700)
    assert.equal(modeOf(configFile), 0o600)
    assert.equal(modeOf(secretFile), 0o600)
    assert.equal(modeOf(policyPath(folder)) & 0o444, 0o444)
  })

  it('is for its owner only where the folder was there before, and open', () => {
    mkdirSync(privateFolder(folder), { recursive: true, mode: 0o777 })
    chmodSync(privateFolder(folder), 0o777)
    createLogFolder(folder, CONFIG, POLICY)
    assert.equal(modeOf(privateFolder(folder)), 0o700)
  })

  it('comes with a secret of its own, which is in no other file', () => {
    createLogFolder(folder, CONFIG, POLICY)
    const first = readMapSecret(folder)
    assert.equal(first.length, 32)
    for (const file of [configFile, policyPath(folder)]) {
      assert.equal(readFileSync(file).includes(Buffer.from(first)), false)
      assert.equal(readFileSync(file, 'utf8').includes(Buffer.from(first).toString('hex')), false)
    }
    rmSync(folder, { recursive: true })
    createLogFolder(folder, CONFIG, POLICY)
    assert.notDeepEqual(readMapSecret(folder), first)
  })

  it('is not made twice, and the first stays as it is', () => {
    createLogFolder(folder, CONFIG, POLICY)
    const secret = readMapSecret(folder)
    assert.throws(
      () => createLogFolder(folder, { ...CONFIG, origin: 'other.example/log' }, encodeUtf8('other')),
      code('log_exists'),
    )
    assert.deepEqual(readLogConfig(folder), CONFIG)
    assert.deepEqual(readMapSecret(folder), secret)
    assert.deepEqual(readPolicyFile(folder), POLICY)
  })

  it('is made over what a run left that was cut off before the log was there', () => {
    createLogFolder(folder, CONFIG, POLICY)
    rmSync(configFile)
    createLogFolder(folder, { ...CONFIG, origin: 'other.example/log' }, encodeUtf8('# other\nquorum none\n'))
    assert.equal(readLogConfig(folder)?.origin, 'other.example/log')
    assert.match(readFileSync(policyPath(folder), 'utf8'), /other/)
    assert.deepEqual(
      readdirSync(privateFolder(folder)).filter((name) => name.endsWith('.tmp')),
      [],
    )
  })

  it('is made by one of two processes that do so at once', () => {
    mkdirSync(privateFolder(folder), { recursive: true })
    const other = FileLock.acquire(join(privateFolder(folder), 'config.lock'))
    assert.throws(() => createLogFolder(folder, CONFIG, POLICY), code('log_locked'))
    assert.equal(existsSync(secretFile), false, 'and nothing is written')
    other.release()
    createLogFolder(folder, CONFIG, POLICY)
  })

  it('is not made where the folder cannot be', () => {
    writeFileSync(folder, 'a file')
    assert.throws(() => createLogFolder(folder, CONFIG, POLICY), code('output_unwritable'))
    assert.equal(readFileSync(folder, 'utf8'), 'a file')
  })

  describe('that is damaged', () => {
    const good = JSON.stringify({ version: 1, ...CONFIG })
    const changed = (change: Readonly<Record<string, unknown>>): string =>
      JSON.stringify({ version: 1, ...CONFIG, ...change })
    const bad: Readonly<Record<string, string>> = {
      'is empty': '',
      'is no JSON': '{',
      'ends early': good.slice(0, -5),
      'is no object': '[]',
      'holds null': 'null',
      'holds a name twice': good.replace('{', '{"origin":"a/b",'),
      'holds an unknown name': changed({ more: 1 }),
      'lacks a name': JSON.stringify({ version: 1, ...CONFIG, origin: undefined }),
      'is of another version': changed({ version: 2 }),
      'has an origin with a space': changed({ origin: 'a b' }),
      'has an origin with a plus': changed({ origin: 'a+b' }),
      'has an origin with a line end': changed({ origin: 'a\nb' }),
      'has no origin': changed({ origin: '' }),
      'has a long origin': changed({ origin: 'a'.repeat(256) }),
      'has a holder that leads elsewhere': changed({ holder: '../../etc' }),
      'has a holder in capitals': changed({ holder: 'LOG' }),
      'has no archive': changed({ archive: '' }),
      'has an archive with a control character': changed({ archive: 'a\u0007' }),
      'says demo in words': changed({ isDemo: 'no' }),
      'has a negative interval': changed({ timestampMinutes: -1 }),
      'has half a minute': changed({ timestampMinutes: 0.5 }),
      'has an interval of years': changed({ timestampMinutes: 60 * 24 * 366 + 1 }),
      'has four authorities': changed({ timestampUrls: Array(4).fill('http://a.example') }),
      'has an authority of another protocol': changed({ timestampUrls: ['file:///etc/passwd'] }),
      'has an authority with a space': changed({ timestampUrls: ['http://a.example/ b'] }),
      'has a database of another protocol': changed({ database: 'mysql://a' }),
      'has a bucket of another protocol': changed({ objects: 's3://bucket' }),
      'has a bucket that is no text': changed({ objects: 7 }),
    }
    for (const [name, text] of Object.entries(bad)) {
      it(`${name}: refused`, () => {
        createLogFolder(folder, CONFIG, POLICY)
        writeFileSync(configFile, text)
        assert.throws(() => readLogConfig(folder), code('log_corrupted'))
        assert.throws(
          () => createLogFolder(folder, CONFIG, POLICY),
          code('log_corrupted'),
          'and nothing is made over it',
        )
      })
    }

    it('is not read as another one after any byte was lost', () => {
      createLogFolder(folder, CONFIG, POLICY)
      for (let i = 0; i < good.length; i++) {
        writeFileSync(configFile, good.slice(0, i) + good.slice(i + 1))
        try {
          assert.notEqual(readLogConfig(folder), undefined)
        } catch (error) {
          assert.ok(code('log_corrupted')(error), String(error))
        }
      }
    })

    it('names none of its values in what it says', () => {
      createLogFolder(folder, CONFIG, POLICY)
      writeFileSync(configFile, changed({ database: 'mysql://user:password@db' }))
      assert.throws(
        () => readLogConfig(folder),
        (error) => !String((error as Error).message).includes('password'),
      )
    })
  })

  describe('whose secret is damaged', () => {
    for (const length of [0, 31, 33]) {
      it(`is refused with ${length} bytes of it`, () => {
        createLogFolder(folder, CONFIG, POLICY)
        writeFileSync(secretFile, new Uint8Array(length))
        assert.throws(() => readMapSecret(folder), code('log_corrupted'))
      })
    }
  })

  it('is refused where a file of it is a folder', () => {
    createLogFolder(folder, CONFIG, POLICY)
    for (const file of [configFile, secretFile, policyPath(folder)]) {
      rmSync(file)
      mkdirSync(file)
    }
    assert.throws(() => readLogConfig(folder), code('log_corrupted'))
    assert.throws(() => readMapSecret(folder), code('log_corrupted'))
    assert.throws(() => readPolicyFile(folder), code('log_corrupted'))
    assert.ok(existsSync(folder))
  })
})
