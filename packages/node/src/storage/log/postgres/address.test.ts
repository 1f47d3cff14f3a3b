import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { settingsOf } from './address.ts'

describe('address of a PostgreSQL database', () => {
  it('asks other machines for TLS with a checked certificate', () => {
    for (const host of ['db.example', '10.0.0.1:5433', '127.0.0.1.example', 'localhost.example']) {
      assert.equal(settingsOf(`postgresql://user:word@${host}/log`).ssl, true, host)
    }
  })

  it('speaks to this machine as it is', () => {
    for (const url of [
      'postgresql://user@localhost/log',
      'postgres://user@127.0.0.1:5433/log',
      'postgresql://user@localhost/log?host=/run/postgresql',
    ]) {
      assert.equal(settingsOf(url).ssl, undefined, url)
    }
  })

  it('leaves the choice to an address that makes one', () => {
    for (const mode of ['disable', 'no-verify', 'verify-full']) {
      assert.equal(settingsOf(`postgresql://user@db.example/log?sslmode=${mode}`).ssl, undefined)
    }
  })

  it('refuses what is no address, and quotes nothing of it', () => {
    for (const url of [
      '',
      'hidden',
      'mysql://user:hidden@db.example/log',
      'https://hidden@db.example',
      '/run/hidden',
      'postgresql://user:hidden@db.example:port/log',
      'postgresql://user:hidden@[db.example/log',
      'postgresql://user@db.example/log?sslmode=verify-full&sslrootcert=/none/hidden',
    ]) {
      assert.throws(
        () => settingsOf(url),
        (error) => error instanceof RangeError && !`${error.stack}${error.cause}`.includes('hidden'),
        url,
      )
    }
  })
})
