import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { Signer } from '@fiducial/core/bytes/crypto.ts'
import type { HashName } from '@fiducial/core/bytes/hash.ts'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { KeyError } from '@fiducial/core/errors.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { encodePem } from '@fiducial/core/formats/x509/pem.ts'
import { createFileSigner, createKeySigner, type KeyMaterial, signerFromPem, spkiOf } from './file-signer.ts'
import { issueCertificate, issueRoot } from './issue.ts'
import { formatPrivateKey } from './key-file.ts'
import { generateKey, type KeyKind } from './key-kind.ts'
import { nativeCrypto } from './native-crypto.ts'

const message = new TextEncoder().encode('what is signed')
const digestBy = (name: HashName): Uint8Array => createHash(name).update(message).digest()
const validity = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2030-01-01T00:00:00Z') }
const fails = (code: string) => (error: unknown) => error instanceof KeyError && error.code === code
const pemOf = (bytes: Uint8Array): string => encodePem({ label: 'CERTIFICATE', bytes })

const caKey = await generateKey('p-384')
const ca: Signer = createFileSigner({
  key: caKey,
  certificate: await issueRoot(createKeySigner(caKey), {
    ...validity,
    subject: { commonName: 'CA' },
    spki: spkiOf(caKey),
    extensions: { basicConstraints: { isCa: true } },
  }),
  chain: [],
})

async function makeMaterial(kind: KeyKind): Promise<KeyMaterial> {
  const key = await generateKey(kind)
  const order = { ...validity, subject: { commonName: kind }, spki: spkiOf(key), extensions: {} }
  return { key, certificate: await issueCertificate(ca, order), chain: [ca.certificate] }
}

describe('file signer', () => {
  for (const kind of ['rsa-2048', 'rsa-3072', 'p-256', 'p-384'] as const) {
    it(`signs digests and messages by ${kind}`, async () => {
      const material = await makeMaterial(kind)
      const signer = createFileSigner(material)
      const spki = spkiOf(material.key)
      for (const name of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
        const signature = await signer.signDigest(name, digestBy(name))
        for (const crypto of [nativeCrypto, portableCrypto]) {
          assert.ok(crypto.verifyDigest(spki, name, digestBy(name), signature), name)
          assert.ok(!crypto.verifyDigest(spki, name, createHash(name).digest(), signature), name)
        }
        assert.ok(verify(name, message, material.key, signature), `${name} by node:crypto`)
      }
      const signature = await signer.signMessage(message)
      assert.ok(nativeCrypto.verifyMessage(spki, message, signature))
      assert.ok(nativeCrypto.verifyDigest(spki, 'sha256', digestBy('sha256'), signature))
    })
  }

  for (const kind of ['ed25519', 'ml-dsa-44'] as const) {
    it(`signs messages, and no digests, by ${kind}`, async () => {
      const material = await makeMaterial(kind)
      const signer = createFileSigner(material)
      assert.equal(signer.algorithm, kind)
      const signature = await signer.signMessage(message)
      for (const crypto of [nativeCrypto, portableCrypto])
        assert.ok(crypto.verifyMessage(spkiOf(material.key), message, signature))
      await assert.rejects(signer.signDigest('sha256', digestBy('sha256')), TypeError)
    })
  }

  it('never makes the same ECDSA signature twice', async () => {
    const signer = createFileSigner(await makeMaterial('p-256'))
    const [one, other] = await Promise.all([1, 2].map(() => signer.signDigest('sha256', digestBy('sha256'))))
    assert.notDeepEqual(one, other)
  })

  it('refuses a digest of another length', async () => {
    for (const kind of ['rsa-2048', 'p-256'] as const) {
      const signer = createFileSigner(await makeMaterial(kind))
      await assert.rejects(signer.signDigest('sha256', digestBy('sha384')), RangeError)
    }
  })

  it('refuses a key of another certificate, and one of a kind that is not in use', async () => {
    const [one, other] = [await makeMaterial('p-256'), await makeMaterial('p-256')]
    assert.throws(() => createFileSigner({ ...one, key: other.key }), fails('key_unreadable'))
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-521' })
    assert.throws(() => createKeySigner(privateKey), fails('key_unreadable'))
  })

  it('works in a worker thread from what was posted to it', async () => {
    const material = await makeMaterial('p-256')
    const source = `
      import { parentPort, workerData } from 'node:worker_threads'
      const { createFileSigner } = await import(workerData.module)
      parentPort.postMessage(await createFileSigner(workerData.material).signMessage(workerData.message))`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: { module: new URL('./file-signer.ts', import.meta.url).href, material, message },
    })
    const signature = await new Promise<Uint8Array>((resolve, reject) =>
      worker.once('message', resolve).once('error', reject),
    )
    assert.ok(nativeCrypto.verifyMessage(spkiOf(material.key), message, signature))
  })
})

describe('signer from PEM', () => {
  it('takes key, certificate and chain of any origin, in any order', async () => {
    const { key, certificate } = await makeMaterial('p-256')
    const stranger = await makeMaterial('p-256')
    const signer = signerFromPem({
      key: formatPrivateKey(key, 'pass'),
      certificate: pemOf(certificate),
      chain: pemOf(stranger.certificate) + pemOf(ca.certificate),
      passphrase: 'pass',
    })
    assert.deepEqual(signer.certificate, certificate)
    assert.deepEqual(signer.chain, [ca.certificate])
    const together = signerFromPem({
      key: formatPrivateKey(key),
      certificate: pemOf(certificate) + pemOf(ca.certificate),
    })
    assert.deepEqual(together.chain, [ca.certificate])
    assert.equal(parseCertificate(signer.certificate).subject.commonName, 'p-256')
  })

  it('refuses a wrong passphrase and a key of another certificate', async () => {
    const [one, other] = [await makeMaterial('p-256'), await makeMaterial('p-256')]
    const files = { key: formatPrivateKey(one.key, 'pass'), certificate: pemOf(one.certificate) }
    assert.throws(() => signerFromPem({ ...files, passphrase: 'other' }), fails('key_passphrase_wrong'))
    assert.throws(() => signerFromPem(files), fails('key_passphrase_missing'))
    assert.throws(() => signerFromPem({ ...files, key: formatPrivateKey(other.key) }), fails('key_unreadable'))
  })
})
