/** What a key ring makes, read and used by others: openssl, node:crypto and dcmsign. */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { verifyPath } from '@fiducial/core/domain/trust/path.ts'
import { initKeyRing, type KeyRing } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { CA_EXTENSIONS, openssl, opensslRoot } from '../testing/openssl-ca.ts'
import { peer, run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

const dcmsign = peer('dcmsign')
const passphrase = 'open sesame'
const dicomKeys = ['rsa-2048', 'rsa-3072', 'p-256', 'p-384'] as const

describe('a key ring among others', { skip: openssl.skip }, () => {
  const folder = temporaryFolder()
  const publicFolder = join(folder, 'public')
  const file = (name: string): string => join(publicFolder, name)
  let ring: KeyRing
  before(async () => {
    ring = await initKeyRing(folder, { site: 'Site', passphrase })
    for (const dicomKey of dicomKeys)
      await ring.enrolDevice({ name: dicomKey, dicomKey, serial: 'SN 1', manufacturer: 'Größe & Söhne' })
    await ring.enrolPerson({ name: 'Jane Roe', staffId: 'RT-4711', dicomKey: 'p-256' })
    await ring.enrolGateway({ name: 'Front Door' })
    ring.exportPublic(publicFolder)
  })

  const verify = (name: string, ...more: string[]) =>
    run(openssl.path, [
      'verify',
      '-x509_strict',
      '-CAfile',
      file('ca.pem'),
      '-CRLfile',
      file('crl.pem'),
      '-crl_check',
      ...more,
      file(name),
    ])

  it('has certificates that openssl verifies, each for its own purpose', async () => {
    const names = [
      ...dicomKeys.map((key) => `device-${key}.dicom.pem`),
      'person-jane-roe.dicom.pem',
      'person-jane-roe.statement.pem',
      'gateway-front-door.dicom.pem',
      'gateway-front-door.statement.pem',
    ]
    for (const name of names) {
      const outcome = await verify(name)
      assert.equal(outcome.code, 0, outcome.stderr)
    }
    assert.equal((await verify('timestamp.pem', '-purpose', 'timestampsign')).code, 0)
    assert.notEqual((await verify('person-jane-roe.dicom.pem', '-purpose', 'timestampsign')).code, 0)
    assert.notEqual((await verify('person-jane-roe.dicom.pem', '-purpose', 'sslserver')).code, 0)
  })

  it('has certificates that node:crypto verifies, with the keys beside them', () => {
    const ca = new X509Certificate(readFileSync(file('ca.pem')))
    assert.ok(ca.verify(ca.publicKey))
    for (const { id, certificates } of ring.list()) {
      for (const [use, { bytes }] of Object.entries(certificates)) {
        const certificate = new X509Certificate(bytes)
        assert.ok(certificate.checkIssued(ca) && certificate.verify(ca.publicKey), `${id} ${use}`)
        const key = readFileSync(join(folder, 'keys', 'holders', id, `${use}.key.pem`), 'utf8')
        assert.ok(certificate.checkPrivateKey(createPrivateKey({ key, passphrase })), `${id} ${use}`)
      }
    }
  })

  it('has keys that openssl opens with the passphrase and not without', async () => {
    const key = join(folder, 'keys', 'ca', 'key.pem')
    assert.equal(
      (await run(openssl.path, ['pkey', '-in', key, '-passin', `pass:${passphrase}`, '-noout', '-check'])).code,
      0,
    )
    assert.notEqual((await run(openssl.path, ['pkey', '-in', key, '-passin', 'pass:wrong', '-noout'])).code, 0)
  })

  it('writes a list that openssl reads as it was meant', async () => {
    await ring.revoke('device-p-384', 'keyCompromise', { invalidSince: new Date('2026-01-02T03:04:05Z') })
    await ring.revoke('device-p-256', 'unspecified')
    ring.exportPublic(publicFolder)
    const text = (
      await run(openssl.path, ['crl', '-in', file('crl.pem'), '-CAfile', file('ca.pem'), '-noout', '-text'])
    ).stdout
    assert.match(text, /Version 2/)
    assert.match(text, /Key Compromise/)
    assert.match(text, /Jan {2}2 03:04:05 2026 GMT/)
    assert.equal(text.match(/Serial Number/g)?.length, 6)
    const revoked = await verify('device-p-384.dicom.pem')
    assert.match(revoked.stderr, /certificate revoked/)
    assert.equal((await verify('device-rsa-3072.dicom.pem')).code, 0)
  })

  it('is not trusted by the ring of another site of the same name', async (t) => {
    const other = await initKeyRing(temporaryFolder(t), { site: 'Site' })
    const leaf = ring.find('device-rsa-3072').certificates.dicom
    assert.ok(leaf)
    const result = verifyPath({
      leaf,
      candidates: [...ring.trust().roots],
      anchors: other.trust(),
      at: new Date(),
      crypto: nativeCrypto,
    })
    assert.equal(result.outcome, 'untrusted')
  })

  it('has keys with which dcmsign signs, and certificates that it trusts', {
    skip: dcmsign.skip || sharedSkip,
  }, async () => {
    for (const dicomKey of ['rsa-2048', 'rsa-3072', 'p-256'] as const) {
      const holder = join(folder, 'keys', 'holders', `device-${dicomKey}`)
      const key = createPrivateKey({ key: readFileSync(join(holder, 'dicom.key.pem'), 'utf8'), passphrase })
      const keyPath = join(folder, 'plain.pem')
      writeFileSync(keyPath, key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
      const signed = join(folder, 'signed.dcm')
      const source = sharedPath('vectors/signatures/src/CT_small.dcm')
      const sign = await run(dcmsign.path, ['--sign', keyPath, join(holder, 'dicom.pem'), source, signed])
      assert.equal(sign.code, 0, sign.stderr)
      const verified = await run(dcmsign.path, ['--verify', '+cf', file('ca.pem'), '+rg', signed])
      assert.equal(verified.code, 0, verified.stderr + verified.stdout)
      const stranger = await opensslRoot(folder, { name: `stranger ${dicomKey}`, extensions: CA_EXTENSIONS })
      const refused = await run(dcmsign.path, ['--verify', '+cf', stranger.certificatePath, '+rg', signed])
      assert.notEqual(refused.code, 0)
    }
  })
})
