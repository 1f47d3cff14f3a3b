import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { verifyPath } from '@fiducial/core/domain/trust/path.ts'
import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { initKeyRing, type KeyRing, openKeyRing } from './key-ring.ts'
import { nativeCrypto } from './native-crypto.ts'

const DAY_MS = 86_400_000
const start = new Date('2026-03-01T12:00:00Z')
const fails = (code: string) => (error: unknown) => error instanceof KeyError && error.code === code
/** Small keys where the kind does not matter: they are made in a tenth of the time. */
const quick = { dicomKey: 'p-256' } as const
const hasModes = process.platform !== 'win32'

/** Every file below a folder, by its path inside it. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

function judge(ring: KeyRing, leaf: Certificate | undefined, at: Date) {
  assert.ok(leaf)
  return verifyPath({ leaf, candidates: [], anchors: ring.trust(), at, crypto: nativeCrypto })
}

describe('a new key ring', () => {
  const home = temporaryFolder()
  let ring: KeyRing
  let now = start
  before(async () => {
    ring = await initKeyRing(home, { site: 'St. Mary', now: () => now })
  })

  it('has a CA that certifies, with a list of nothing', () => {
    const { roots, crls } = ring.trust()
    const [root] = roots
    assert.equal(root?.subject.text, 'O=St. Mary, CN=St. Mary CA')
    assert.deepEqual([root?.key.algorithm, root?.key.bits], ['rsa', 3072])
    assert.deepEqual(root?.basicConstraints, { isCa: true, pathLength: 0 })
    assert.deepEqual(root?.keyUsage, ['keyCertSign', 'crlSign'])
    assert.equal(crls[0]?.entries.size, 0)
  })

  it('has a timestamp authority', () => {
    const authority = ring.find('timestamp')
    assert.deepEqual([authority.role, authority.status], ['timestamp', 'active'])
    const result = judge(ring, authority.certificates.timestamp, start)
    assert.deepEqual([result.outcome, result.revocation], ['trusted', 'good'])
  })

  it('keeps secrets from others', { skip: !hasModes && 'no file modes' }, () => {
    const keys = filesOf(home).filter((path) => path.includes('key.pem'))
    assert.equal(keys.length, 2)
    for (const path of keys) assert.equal(statSync(join(home, path)).mode & 0o777, 0o600, path)
    for (const path of ['keys', 'keys/ca', 'keys/holders', 'keys/holders/timestamp']) {
      assert.equal(statSync(join(home, path)).mode & 0o777, 0o700, path)
    }
  })

  it('leaves nothing temporary behind', () => {
    assert.deepEqual(
      filesOf(home).filter((path) => path.includes('tmp')),
      [],
    )
    assert.deepEqual(readdirSync(home), ['keys'])
  })

  it('is not made twice', async () => {
    const before = filesOf(home)
    await assert.rejects(initKeyRing(home, { site: 'Another' }), fails('key_exists'))
    assert.deepEqual(filesOf(home), before)
    assert.equal((await openKeyRing(home)).site, 'St. Mary')
  })

  it('enrols a device with three keys of one subject', async () => {
    const device = await ring.enrolDevice({ name: 'Room 2', manufacturer: 'ACME', model: 'X1', serial: 'SN-7' })
    assert.deepEqual(
      [device.id, device.role, device.name, device.status],
      ['device-room-2', 'device', 'Room 2', 'active'],
    )
    const { dicom, statement, 'post-quantum': postQuantum } = device.certificates
    const subject = 'O=St. Mary, OU=ACME X1, CN=Room 2, serialNumber=SN-7'
    for (const certificate of [dicom, statement, postQuantum]) {
      assert.equal(certificate?.subject.text, subject)
      const result = judge(ring, certificate, start)
      assert.deepEqual([result.outcome, result.revocation], ['trusted', 'good'])
    }
    assert.deepEqual(
      [dicom, statement, postQuantum].map((one) => one?.key.algorithm),
      ['rsa', 'ed25519', 'ml-dsa-44'],
    )
    assert.equal(dicom?.key.bits, 3072)
    assert.deepEqual(dicom?.notAfter, new Date(start.getTime() - 5 * 60_000 + 1095 * DAY_MS))
  })

  it('enrols a person and a log in their own roles', async () => {
    const person = await ring.enrolPerson({
      ...quick,
      name: 'Jörg Müller',
      staffId: '4711',
      department: 'CT',
      statementKey: 'p-256',
    })
    assert.deepEqual([person.id, person.role], ['person-jorg-muller', 'person'])
    assert.equal(person.certificates.dicom?.subject.text, 'O=St. Mary, OU=CT, CN=Jörg Müller, serialNumber=4711')
    assert.equal(person.certificates.statement?.key.algorithm, 'ecdsa-p256')
    const log = await ring.enrolLog({ name: 'Custody' })
    assert.deepEqual([log.id, log.role], ['log-custody', 'log'])
    const { statement, postQuantum } = await ring.logSigners(log.id)
    assert.deepEqual([statement.algorithm, postQuantum.algorithm], ['ed25519', 'ml-dsa-44'])
    assert.deepEqual(
      ring.list().map(({ id }) => id),
      ['device-room-2', 'log-custody', 'person-jorg-muller', 'timestamp'],
    )
  })

  it('enrols a gateway in a role of its own, with keys for many images', async () => {
    const gateway = await ring.enrolGateway({ name: 'Front Door' })
    assert.deepEqual([gateway.id, gateway.role], ['gateway-front-door', 'gateway'])
    assert.equal(gateway.certificates.dicom?.subject.text, 'O=St. Mary, CN=Front Door')
    assert.deepEqual([gateway.certificates.dicom?.key.algorithm, gateway.certificates.dicom?.key.bits], ['rsa', 2048])
    const { dicom, statement, postQuantum } = await ring.gatewaySigners(gateway.id)
    assert.deepEqual([dicom.algorithm, statement.algorithm, postQuantum.algorithm], ['rsa', 'ed25519', 'ml-dsa-44'])
    const material = await ring.gatewayMaterial(gateway.id)
    assert.deepEqual(material.statement.certificate, statement.certificate)
    await ring.revoke(gateway.id, 'superseded')
    await assert.rejects(ring.gatewaySigners(gateway.id), fails('key_revoked'))
  })

  it('signs by each of the three keys', async () => {
    const signers = await ring.signers('device-room-2')
    const { certificates } = ring.find('device-room-2')
    const message = Uint8Array.of(1, 2, 3)
    for (const [signer, certificate] of [
      [signers.dicom, certificates.dicom],
      [signers.statement, certificates.statement],
      [signers.postQuantum, certificates['post-quantum']],
    ] as const) {
      assert.deepEqual(signer.certificate, certificate?.bytes)
      assert.deepEqual(
        signer.chain,
        ring.trust().roots.map(({ bytes }) => bytes),
      )
      assert.ok(nativeCrypto.verifyMessage(certificate?.spki ?? message, message, await signer.signMessage(message)))
    }
    assert.equal(await (await openKeyRing(home)).signers('device-room-2').then(({ dicom }) => dicom.algorithm), 'rsa')
  })

  it('hands out no key of another role, of nobody, or of what is no id', async () => {
    await assert.rejects(ring.signers('timestamp'), fails('key_role_mismatch'))
    await assert.rejects(ring.logSigners('device-room-2'), fails('key_role_mismatch'))
    await assert.rejects(ring.gatewaySigners('device-room-2'), fails('key_role_mismatch'))
    await assert.rejects(ring.gatewayMaterial('person-jorg-muller'), fails('key_role_mismatch'))
    await assert.rejects(ring.signers('gateway-front-door'), fails('key_role_mismatch'))
    await assert.rejects(ring.material('gateway-front-door'), fails('key_role_mismatch'))
    for (const id of ['device-room-3', '../ca', '', 'holders/../../ca', 'DEVICE-ROOM-2']) {
      await assert.rejects(ring.signers(id), fails('key_missing'))
    }
  })

  it('gives a name once as long as its holder can sign', async () => {
    await assert.rejects(ring.enrolDevice({ ...quick, name: 'Room 2' }), fails('key_exists'))
    await assert.rejects(ring.enrolDevice({ ...quick, name: 'room-2!' }), fails('key_exists'))
    const short = await ring.enrolDevice({ ...quick, name: 'Mobile', validityDays: 1 })
    now = new Date(start.getTime() + 2 * DAY_MS)
    assert.equal(ring.find(short.id).status, 'expired')
    await assert.rejects(ring.signers(short.id), fails('key_outside_validity'))
    assert.ok(await ring.signers(short.id, { isStatusIgnored: true }))
    const next = await ring.enrolDevice({ ...quick, name: 'Mobile' })
    assert.deepEqual([next.id, next.status], ['device-mobile-2', 'active'])
    now = start
  })

  it('makes certificates that begin later', async () => {
    const later = await ring.enrolDevice({ ...quick, name: 'Later', notBefore: new Date(start.getTime() + DAY_MS) })
    assert.equal(later.status, 'not_yet_valid')
    await assert.rejects(ring.signers(later.id), fails('key_outside_validity'))
  })

  it('names a holder without Latin letters by a digest', async () => {
    const person = await ring.enrolPerson({ ...quick, name: '田中 太郎' })
    assert.match(person.id, /^person-[0-9a-f]{8}$/)
    assert.equal(ring.find(person.id).name, '田中 太郎')
  })

  it('refuses names that do not fit, and validities of no days', async () => {
    const before = filesOf(home)
    await assert.rejects(ring.enrolDevice({ ...quick, name: 'x'.repeat(65) }), RangeError)
    await assert.rejects(ring.enrolDevice({ ...quick, name: '' }), RangeError)
    await assert.rejects(ring.enrolDevice({ ...quick, name: 'Room 9', validityDays: 0 }), RangeError)
    await assert.rejects(ring.enrolDevice({ ...quick, name: 'Room 9', validityDays: Number.NaN }), RangeError)
    assert.deepEqual(filesOf(home), before)
  })

  it('exports what is public and nothing else', (t) => {
    const folder = join(temporaryFolder(t), 'new', 'folder')
    const names = ring.exportPublic(folder)
    assert.deepEqual(readdirSync(folder).sort(), [...names].sort())
    assert.ok(['ca.pem', 'crl.pem', 'timestamp.pem', 'device-room-2.dicom.pem'].every((name) => names.includes(name)))
    for (const name of names)
      assert.match(readFileSync(join(folder, name), 'utf8'), /^-----BEGIN (CERTIFICATE|X509 CRL)-----/)
  })
})

describe('revoking', () => {
  const home = temporaryFolder()
  let ring: KeyRing
  let now = start
  before(async () => {
    ring = await initKeyRing(home, { site: 'Site', now: () => now })
    for (const name of ['A', 'B', 'C']) await ring.enrolDevice({ ...quick, name })
    now = new Date(start.getTime() + 10 * DAY_MS)
  })

  it('takes all certificates of a holder back from now on', async () => {
    const revoked = await ring.revoke('device-a', 'cessationOfOperation')
    assert.deepEqual(
      [revoked.status, revoked.revocation?.reason, revoked.revocation?.revokedAt],
      ['revoked', 'cessationOfOperation', now],
    )
    for (const certificate of Object.values(revoked.certificates)) {
      assert.equal(judge(ring, certificate, now).outcome, 'revoked')
      assert.equal(judge(ring, certificate, new Date(start.getTime() + 9 * DAY_MS)).outcome, 'trusted')
    }
    await assert.rejects(ring.signers('device-a'), fails('key_revoked'))
    assert.equal(ring.find('device-b').status, 'active')
  })

  it('writes a list with a higher number, keeping the entries before', async () => {
    await ring.revoke('device-b', 'keyCompromise', { invalidSince: start })
    const [crl] = ring.trust().crls
    assert.deepEqual([crl?.number, crl?.entries.size], ['03', 6])
    assert.deepEqual(ring.find('device-b').revocation?.invalidSince, start)
    assert.equal(judge(ring, ring.find('device-b').certificates.dicom, start).outcome, 'revoked')
  })

  it('can make the reason worse, from the moment that was first said', async () => {
    const before = ring.find('device-a').revocation
    now = new Date(start.getTime() + 20 * DAY_MS)
    const worse = await ring.revoke('device-a', 'keyCompromise')
    assert.deepEqual([worse.revocation?.reason, worse.revocation?.revokedAt], ['keyCompromise', before?.revokedAt])
  })

  it('loses no entry when several write at once', async () => {
    const others = await Promise.all([1, 2, 3].map(() => openKeyRing(home, { now: () => now })))
    await Promise.all(others.map((other, i) => (i === 0 ? other.revoke('device-c', 'superseded') : other.renewCrl())))
    assert.equal(ring.find('device-c').status, 'revoked')
    assert.equal(ring.trust().crls[0]?.entries.size, 9)
    assert.equal(ring.trust().crls[0]?.number, '07')
  })

  it('is known for a year after the last list, and again after the next', async () => {
    const leaf = ring.find('timestamp').certificates.timestamp
    const later = new Date(now.getTime() + 366 * DAY_MS)
    assert.equal(judge(ring, leaf, later).revocation, 'unknown')
    now = later
    await ring.renewCrl()
    assert.equal(judge(ring, leaf, later).revocation, 'good')
  })

  it('knows nobody else', async () => {
    await assert.rejects(ring.revoke('device-z', 'superseded'), fails('key_missing'))
  })

  it('of the timestamp authority makes room for the next', async () => {
    await ring.revoke('timestamp', 'superseded')
    await assert.rejects(ring.timestampSigner(), fails('key_revoked'))
    assert.equal((await ring.enrolTimestampAuthority()).id, 'timestamp-2')
    assert.equal((await ring.timestampSigner()).algorithm, 'rsa')
  })
})

describe('a ring with a passphrase', () => {
  const home = temporaryFolder()
  before(async () => {
    const ring = await initKeyRing(home, { site: 'Site', passphrase: 'open sesame' })
    await ring.enrolDevice({ ...quick, name: 'Room' })
  })

  it('encrypts every private key', () => {
    const keys = filesOf(home).filter((path) => path.endsWith('key.pem'))
    assert.equal(keys.length, 5)
    for (const path of keys)
      assert.match(readFileSync(join(home, path), 'utf8'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
  })

  it('lists and exports without the passphrase, and signs with it alone', async () => {
    const closed = await openKeyRing(home)
    assert.equal(closed.list().length, 2)
    await assert.rejects(closed.signers('device-room'), fails('key_passphrase_missing'))
    await assert.rejects(closed.enrolDevice({ ...quick, name: 'Next' }), fails('key_passphrase_missing'))
    await assert.rejects(closed.revoke('device-room', 'superseded'), fails('key_passphrase_missing'))
    const wrong = await openKeyRing(home, { passphrase: 'open barley' })
    await assert.rejects(wrong.signers('device-room'), fails('key_passphrase_wrong'))
    const open = await openKeyRing(home, { passphrase: 'open sesame' })
    assert.equal((await open.signers('device-room')).dicom.algorithm, 'ecdsa-p256')
  })
})

describe('a demo ring', () => {
  it('says so in every name', async (t) => {
    const ring = await initKeyRing(temporaryFolder(t), { site: 'Site', isDemo: true })
    const device = await ring.enrolDevice({ ...quick, name: 'Room' })
    assert.equal(device.id, 'device-room')
    const certificates = [...ring.trust().roots, ...ring.list().flatMap((holder) => Object.values(holder.certificates))]
    assert.equal(certificates.length, 5)
    for (const { subject, issuer } of certificates) {
      for (const name of [subject, issuer]) {
        assert.match(name.commonName ?? '', /^DEMO /)
        assert.match(name.organisation ?? '', /^DEMO /)
      }
    }
  })
})

describe('a folder without a ring, or with a damaged one', () => {
  it('has no ring yet', async (t) => {
    const home = temporaryFolder(t)
    await assert.rejects(openKeyRing(home), fails('key_missing'))
    await assert.rejects(openKeyRing(join(home, 'none')), fails('key_missing'))
  })

  it('is unreadable where a file of it is damaged', async (t) => {
    const home = temporaryFolder(t)
    const ring = await initKeyRing(home, { site: 'Site' })
    const damage = async (path: string, text: string, read: () => unknown): Promise<void> => {
      const before = readFileSync(join(home, 'keys', path))
      writeFileSync(join(home, 'keys', path), text)
      await assert.rejects(async () => read(), fails('key_unreadable'), path)
      writeFileSync(join(home, 'keys', path), before)
    }
    for (const text of [
      '',
      '{}',
      '[]',
      '{"version":2,"site":"Site","isDemo":false}',
      '{"version":1,"site":1,"isDemo":false}',
    ]) {
      await damage('ring.json', text, () => openKeyRing(home))
    }
    await damage('ca/certificate.pem', 'nothing', () => ring.trust())
    await damage('crls/00000001.pem', '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n', () => ring.trust())
    await damage('holders/timestamp/timestamp.pem', '', () => ring.list())
    assert.equal(ring.list().length, 1)
  })

  it('is unreadable where others can read a key', { skip: !hasModes && 'no file modes' }, async (t) => {
    const home = temporaryFolder(t)
    const ring = await initKeyRing(home, { site: 'Site' })
    chmodSync(join(home, 'keys', 'ca', 'key.pem'), 0o644)
    const again = await openKeyRing(home)
    await assert.rejects(again.renewCrl(), fails('key_unreadable'))
    assert.ok(ring)
  })

  it('cannot be written where the home is a file', async (t) => {
    const home = join(temporaryFolder(t), 'file')
    writeFileSync(home, '')
    const isUnwritable = (error: unknown) => error instanceof StoreError && error.code === 'output_unwritable'
    await assert.rejects(initKeyRing(home, { site: 'Site' }), isUnwritable)
  })

  it('skips what is not a holder', async (t) => {
    const home = temporaryFolder(t)
    const ring = await initKeyRing(home, { site: 'Site' })
    mkdirSync(join(home, 'keys', 'holders', 'device-x.tmp-0123'))
    assert.deepEqual(
      ring.list().map(({ id }) => id),
      ['timestamp'],
    )
    assert.ok(existsSync(join(home, 'keys', 'holders', 'device-x.tmp-0123')))
  })
})
