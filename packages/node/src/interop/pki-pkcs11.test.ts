/** Keys in a token: SoftHSM2 as the token, openssl and our own crypto as those who check its signatures. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { verifyPath } from '@fiducial/core/domain/trust/path.ts'
import { KeyError } from '@fiducial/core/errors.ts'
import { initKeyRing, type KeyRing, openKeyRing } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { loadNative } from '../keys/pkcs11-native.ts'
import { openSession } from '../keys/pkcs11-session.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'

const PIN = '4711'
const softhsm = peer('softhsm2-util')
const nativeSkip = await loadNative().then(
  () => false as const,
  (cause: Error) => {
    if (process.env.CI === 'true') throw cause
    return cause.message
  },
)
const library =
  [
    '/usr/lib/softhsm/libsofthsm2.so',
    '/usr/lib64/softhsm/libsofthsm2.so',
    '/usr/local/lib/softhsm/libsofthsm2.so',
  ].find(existsSync) ?? ''
const digest = new Uint8Array(createHash('sha256').update('what is signed').digest())
const fails = (code: string) => (error: unknown) =>
  error instanceof KeyError && error.code === code && !error.message.includes(PIN)

describe('keys in a token', { skip: softhsm.skip || nativeSkip }, () => {
  const folder = temporaryFolder()
  const home = join(folder, 'home')
  let ring: KeyRing
  let pkcs11: { readonly module: string; readonly slot: number }
  before(async () => {
    assert.notEqual(library, '', 'the library of SoftHSM2 is missing')
    mkdirSync(join(folder, 'tokens'))
    // Read by the library when it is loaded into this process, and by the programs that are run.
    process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf')
    writeFileSync(
      process.env.SOFTHSM2_CONF,
      `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    )
    const slots: number[] = []
    for (const label of ['first', 'second']) {
      const made = await run(softhsm.path, [
        '--init-token',
        '--free',
        '--label',
        label,
        '--so-pin',
        '1234',
        '--pin',
        PIN,
      ])
      assert.equal(made.code, 0, made.stderr)
      slots.push(Number(/reassigned to slot (\d+)/.exec(made.stdout)?.[1]))
    }
    pkcs11 = { module: library, slot: slots[0] ?? 0 }
    ring = await initKeyRing(home, { site: 'Site', pin: PIN })
  })

  // The login is shared by all sessions of a process, so what a missing or wrong PIN does comes first.
  it('are not made without a PIN or with a wrong one', async () => {
    const closed = await openKeyRing(home)
    await assert.rejects(closed.enrolDevice({ name: 'Room', pkcs11 }), fails('key_passphrase_missing'))
    for (const pin of ['0000', '1', '']) {
      await assert.rejects(
        closed.enrolDevice({ name: 'Room', pkcs11: { ...pkcs11, pin } }),
        fails('key_passphrase_wrong'),
      )
    }
    assert.equal(ring.list().length, 1)
  })

  it('need the library and the token', async () => {
    const enrol = (change: object) => ring.enrolDevice({ name: 'Room', pkcs11: { ...pkcs11, ...change } })
    await assert.rejects(enrol({ module: join(folder, 'none.so') }), fails('token_unavailable'))
    await assert.rejects(enrol({ module: join(folder, 'softhsm2.conf') }), fails('token_unavailable'))
    await assert.rejects(enrol({ slot: 12_345 }), fails('token_unavailable'))
    const { module } = pkcs11
    await assert.rejects(
      ring.enrolDevice({ name: 'Room', pkcs11: { module } }),
      fails('token_unavailable'),
      'of two tokens',
    )
  })

  it('are RSA or on a curve', async () => {
    await assert.rejects(ring.enrolDevice({ name: 'Room', pkcs11, statementKey: 'ed25519' }), RangeError)
  })

  for (const dicomKey of ['rsa-2048', 'rsa-3072', 'p-256', 'p-384'] as const) {
    it(`sign digests by ${dicomKey} and messages by P-256`, async () => {
      const device = await ring.enrolDevice({ name: `Room ${dicomKey}`, dicomKey, pkcs11 })
      const { dicom, statement, 'post-quantum': postQuantum } = device.certificates
      const signers = await ring.signers(device.id)
      assert.deepEqual([statement?.key.algorithm, postQuantum?.key.algorithm], ['ecdsa-p256', 'ml-dsa-44'])
      for (const name of ['sha256', 'sha384', 'sha512'] as const) {
        const wide = new Uint8Array(createHash(name).update('what is signed').digest())
        const signature = await signers.dicom.signDigest(name, wide)
        assert.ok(nativeCrypto.verifyDigest(dicom?.spki ?? wide, name, wide, signature), name)
      }
      for (const [signer, certificate] of [
        [signers.dicom, dicom],
        [signers.statement, statement],
        [signers.postQuantum, postQuantum],
      ] as const) {
        assert.ok(nativeCrypto.verifyMessage(certificate?.spki ?? digest, digest, await signer.signMessage(digest)))
        assert.ok(certificate)
        const path = verifyPath({
          leaf: certificate,
          candidates: [],
          anchors: ring.trust(),
          at: new Date(),
          crypto: nativeCrypto,
        })
        assert.deepEqual([path.outcome, path.revocation], ['trusted', 'good'])
      }
    })
  }

  it('make many signatures at once, each right', async () => {
    const { dicom } = await ring.signers('device-room-rsa-2048')
    const spki = ring.find('device-room-rsa-2048').certificates.dicom?.spki ?? digest
    const digests = Array.from(
      { length: 20 },
      (_, i) => new Uint8Array(createHash('sha256').update(`message ${i}`).digest()),
    )
    const signatures = await Promise.all(digests.map((one) => dicom.signDigest('sha256', one)))
    for (const [i, signature] of signatures.entries()) {
      assert.ok(nativeCrypto.verifyDigest(spki, 'sha256', digests[i] ?? digest, signature))
    }
  })

  it('go on signing after a digest of another length, and after the session was lost', async () => {
    const { dicom } = await ring.signers('device-room-p-256')
    await assert.rejects(dicom.signDigest('sha256', new Uint8Array()), RangeError)
    assert.ok(await dicom.signDigest('sha256', digest))
    await closeAllSessions()
    await assert.rejects(dicom.signDigest('sha256', digest), fails('token_refused'))
    assert.ok(await dicom.signDigest('sha256', digest))
  })

  /** What happens when somebody pulls the token: all sessions with it are gone, and so is the login. */
  async function closeAllSessions(): Promise<void> {
    const { library: loaded } = await openSession(library, PIN, ({ number }) => number === pkcs11.slot)
    for (const slot of loaded.C_GetSlotList(true)) loaded.C_CloseAllSessions(slot)
  }

  it('stay in the token: no file of the ring holds them', () => {
    const files = readdirSync(join(home, 'keys', 'holders', 'device-room-p-256')).sort()
    assert.deepEqual(files, [
      'dicom.pem',
      'dicom.pkcs11.json',
      'post-quantum.key.pem',
      'post-quantum.pem',
      'statement.pem',
      'statement.pkcs11.json',
    ])
    const text = readFileSync(join(home, 'keys', 'holders', 'device-room-p-256', 'dicom.pkcs11.json'), 'utf8')
    assert.ok(!text.includes(PIN))
    assert.deepEqual(Object.keys(JSON.parse(text)), ['module', 'tokenSerial', 'keyId'])
  })

  it('sign from a worker thread', async () => {
    const material = await ring.material('device-room-p-256')
    const source = `
      import { parentPort, workerData } from 'node:worker_threads'
      const { createSigner } = await import(workerData.module)
      parentPort.postMessage(await (await createSigner(workerData.material)).signDigest('sha256', workerData.digest))`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: { module: new URL('../keys/signer.ts', import.meta.url).href, material: material.dicom, digest },
    })
    const signature = await new Promise<Uint8Array>((resolve, reject) =>
      worker.once('message', resolve).once('error', reject),
    )
    const spki = ring.find('device-room-p-256').certificates.dicom?.spki ?? digest
    assert.ok(nativeCrypto.verifyDigest(spki, 'sha256', digest, signature))
  })

  it('are missed where the token has lost them, or the description is damaged', async () => {
    const path = join(home, 'keys', 'holders', 'device-room-p-384', 'dicom.pkcs11.json')
    const good = JSON.parse(readFileSync(path, 'utf8'))
    const cases: readonly [unknown, string][] = [
      [{ ...good, keyId: '00' }, 'key_missing'],
      [{ ...good, tokenSerial: '0' }, 'token_unavailable'],
      [{ ...good, module: join(folder, 'none.so') }, 'token_unavailable'],
      [
        { ...good, keyId: JSON.parse(readFileSync(path.replace('dicom', 'statement'), 'utf8')).keyId },
        'key_unreadable',
      ],
      [{ ...good, keyId: 'x' }, 'key_unreadable'],
      [[], 'key_unreadable'],
    ]
    for (const [value, code] of cases) {
      writeFileSync(path, JSON.stringify(value))
      await assert.rejects((await openKeyRing(home, { pin: PIN })).signers('device-room-p-384'), fails(code))
    }
  })
})
