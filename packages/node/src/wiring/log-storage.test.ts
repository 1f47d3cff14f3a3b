import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import type { LogFacts } from '../services/log/log-access.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { openLogStorage, parseBucket } from './log-storage.ts'

describe('parseBucket', () => {
  const accepted: readonly (readonly [string, ReturnType<typeof parseBucket>])[] = [
    ['https://s3.example/logs', { endpoint: 'https://s3.example', region: 'us-east-1', bucket: 'logs', prefix: '' }],
    ['https://s3.example/logs/', { endpoint: 'https://s3.example', region: 'us-east-1', bucket: 'logs', prefix: '' }],
    [
      'http://localhost:9000/logs/site/one?region=eu-central-1',
      { endpoint: 'http://localhost:9000', region: 'eu-central-1', bucket: 'logs', prefix: 'site/one/' },
    ],
    [
      'https://s3.example//logs//a/',
      { endpoint: 'https://s3.example', region: 'us-east-1', bucket: 'logs', prefix: 'a/' },
    ],
    // A path cannot lead out of its bucket: addresses are resolved when they are read.
    [
      'https://s3.example/logs/../other',
      { endpoint: 'https://s3.example', region: 'us-east-1', bucket: 'other', prefix: '' },
    ],
  ]
  for (const [address, expected] of accepted) {
    it(`takes ${address} apart`, () => assert.deepEqual(parseBucket(address), expected))
  }

  const refused: readonly string[] = [
    '',
    'bucket',
    's3://bucket/a',
    'ftp://s3.example/logs',
    'file:///logs',
    'https://s3.example',
    'https://s3.example/',
    'https:///',
    'https://key@s3.example/logs',
    'https://key:secret@s3.example/logs',
    'https://:secret@s3.example/logs',
    'https://s3 example/logs',
    '//s3.example/logs',
  ]
  for (const address of refused) {
    it(`refuses ${JSON.stringify(address)}, and does not repeat it`, () => {
      assert.throws(
        () => parseBucket(address),
        (error) => {
          assert.ok(error instanceof RangeError)
          assert.equal(error.message.includes('secret'), false)
          return true
        },
      )
    })
  }
})

describe('openLogStorage', () => {
  const facts = (folder: string): LogFacts => ({
    ...{ folder, origin: 'a/b', holder: 'log', archive: 'main', isDemo: true },
    ...{ timestampMinutes: 60, timestampUrls: [], keys: [] },
  })

  it('opens a log in files where no database is named, and claims nothing', async () => {
    const folder = join(temporaryFolder(), 'log')
    const first = await openLogStorage(facts(folder))
    const second = await openLogStorage(facts(folder))
    await first.sequencer.claim()
    await assert.rejects(
      second.sequencer.claim(),
      (error) => error instanceof StoreError && error.code === 'log_locked',
    )
    await second.close()
    await first.close()
    assert.ok(existsSync(join(folder, '.private')))
  })

  it('says so where the database does not answer, and names no part of its address', async () => {
    // A port that nobody listens at.
    const database = 'postgresql://somebody@127.0.0.1:1/log'
    await assert.rejects(openLogStorage({ ...facts(temporaryFolder()), database }), (error) => {
      assert.ok(error instanceof StoreError)
      assert.equal(error.code, 'service_unreachable')
      assert.equal(error.message.includes('somebody'), false)
      return true
    })
  })
})
