import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { KeyError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { initKeyRing, openKeyRing } from './key-ring.ts'

const withCode = (code: string) => (error: unknown) => error instanceof KeyError && error.code === code
const PASSPHRASE = 'correct horse'

describe('the mark key of a device', () => {
  const home = temporaryFolder()
  const path = join(home, 'keys', 'holders', 'device-room-1', 'mark.key.pem')
  before(async () => {
    const ring = await initKeyRing(home, { site: 'Test Hospital', passphrase: PASSPHRASE })
    await ring.enrolDevice({ name: 'Room 1', dicomKey: 'p-256' })
    await ring.enrolDevice({ name: 'Room 2', dicomKey: 'p-256' })
    await ring.enrolPerson({ name: 'J. Doe', dicomKey: 'p-256' })
  })
  const open = (passphrase?: string) => openKeyRing(home, passphrase === undefined ? {} : { passphrase })

  it('is made only under the passphrase of the other keys', async () => {
    const locked = await open()
    assert.throws(() => locked.markKey('device-room-1'), withCode('key_passphrase_missing'))
    const wrong = await open('wrong')
    assert.throws(() => wrong.markKey('device-room-1'), withCode('key_passphrase_wrong'))
    assert.ok(!existsSync(path))
  })

  it('is 32 bytes, the same each time, encrypted, and for its owner alone', async () => {
    const ring = await open(PASSPHRASE)
    const key = ring.markKey('device-room-1')
    assert.equal(key.length, 32)
    assert.deepEqual(ring.markKey('device-room-1'), key)
    assert.deepEqual((await open(PASSPHRASE)).markKeys(), [{ id: 'device-room-1', markKey: key }])
    assert.match(readFileSync(path, 'latin1'), /ENCRYPTED PRIVATE KEY/)
    if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.notDeepEqual(ring.markKey('device-room-2'), key)
  })

  it('does not open under another passphrase, nor if others can read it', async () => {
    const locked = await open()
    assert.throws(() => locked.markKeys(), withCode('key_passphrase_missing'))
    const ring = await open(PASSPHRASE)
    if (process.platform === 'win32') return
    chmodSync(path, 0o640)
    assert.throws(() => ring.markKey('device-room-1'), withCode('key_unreadable'))
    chmodSync(path, 0o600)
  })

  it('is for active devices alone; those that are revoked keep theirs for reading', async () => {
    const ring = await open(PASSPHRASE)
    assert.throws(() => ring.markKey('person-j-doe'), withCode('key_role_mismatch'))
    assert.throws(() => ring.markKey('device-of-nobody'), withCode('key_missing'))
    await ring.revoke('device-room-2', 'keyCompromise')
    assert.throws(() => ring.markKey('device-room-2'), withCode('key_revoked'))
    assert.equal(ring.markKeys().length, 2)
  })

  it('is refused where its file holds another kind of key', async () => {
    const other = readFileSync(join(home, 'keys', 'holders', 'device-room-1', 'dicom.key.pem'))
    writeFileSync(path, other)
    const ring = await open(PASSPHRASE)
    assert.throws(() => ring.markKey('device-room-1'), withCode('key_unreadable'))
  })
})
