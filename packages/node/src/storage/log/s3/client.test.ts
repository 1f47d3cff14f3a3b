import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeAnswer, S3Client, type S3Options } from './client.ts'

const OPTIONS: S3Options = {
  endpoint: 'https://s3.example',
  region: 'eu-test-1',
  bucket: 'custody-log',
  credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
}

describe('S3 client', () => {
  it('takes HTTPS to anybody, and plain HTTP to this machine', () => {
    for (const endpoint of [
      'https://s3.example',
      'https://s3.example:9000/',
      'https://s3.example/below/',
      'http://localhost:9000',
      'http://127.0.0.1:9000',
      'http://127.1.2.3',
      'http://[::1]:9000',
    ]) {
      assert.doesNotThrow(() => new S3Client({ ...OPTIONS, endpoint }))
    }
  })

  it('refuses plain HTTP to another machine unless it is allowed', () => {
    for (const endpoint of [
      'http://s3.example',
      'http://10.0.0.1:9000',
      'http://127.0.0.1.example',
      'http://localhost.example',
      'http://[::2]',
    ]) {
      assert.throws(() => new S3Client({ ...OPTIONS, endpoint }), RangeError)
      assert.doesNotThrow(() => new S3Client({ ...OPTIONS, endpoint, allowsPlainHttp: true }))
    }
  })

  it('refuses addresses that are none, and quotes none of them', () => {
    for (const endpoint of [
      '',
      's3.example',
      'ftp://s3.example',
      'https://user:hidden@s3.example',
      'https://hidden@s3.example',
      'https://s3.example/?hidden=1',
      'https://s3.example/#hidden',
      'file:///hidden',
    ]) {
      assert.throws(
        () => new S3Client({ ...OPTIONS, endpoint, allowsPlainHttp: true }),
        (error) => error instanceof RangeError && !error.message.includes('hidden'),
      )
    }
  })

  it('refuses buckets and prefixes that would change the address', () => {
    for (const bucket of ['', 'ab', 'Upper', 'a/b', '../x', 'a..b', '-ab', 'ab-', 'a'.repeat(64), 'a b', 'a?b']) {
      assert.throws(() => new S3Client({ ...OPTIONS, bucket }), RangeError)
    }
    for (const prefix of [
      'a',
      '/',
      '/a/',
      'a//',
      '../',
      'a/../',
      './',
      '.a/',
      'a b/',
      'a?/',
      'a#/',
      '%2e/',
      'ä/',
      'a/\n',
    ]) {
      assert.throws(() => new S3Client({ ...OPTIONS, prefix }), RangeError)
    }
    for (const prefix of ['', 'a/', 'hospital.example/log-1/x_y/']) new S3Client({ ...OPTIONS, prefix })
  })

  it('tells of an answer by status and code', () => {
    const none = { etag: undefined, body: new Uint8Array(0) }
    assert.equal(describeAnswer({ ...none, status: 403, code: 'AccessDenied' }), '403 AccessDenied')
    assert.equal(describeAnswer({ ...none, status: 503, code: '' }), '503')
    assert.equal(describeAnswer({ ...none, status: undefined, code: 'ECONNRESET' }), 'no answer ECONNRESET')
  })
})
