/** Certificates and revocation lists of openssl, read by us; ours, read by openssl and by node:crypto. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { verifySigned } from '@fiducial/core/formats/x509/algorithm.ts'
import { type Certificate, parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { parseCertificates } from '@fiducial/core/formats/x509/pem.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { LEAF_EXTENSIONS, type OpensslHolder, openssl, opensslRoot, runOpenssl } from '../testing/openssl-ca.ts'
import { sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

/** Compares our reading with that of node:crypto, which is OpenSSL's. */
function assertAgrees(certificate: Certificate): void {
  const theirs = new X509Certificate(certificate.bytes)
  assert.equal(BigInt(`0x${certificate.serial}`), BigInt(`0x${theirs.serialNumber}`))
  assert.deepEqual(certificate.notBefore, theirs.validFromDate)
  assert.deepEqual(certificate.notAfter, theirs.validToDate)
  assert.equal(certificate.basicConstraints?.isCa ?? false, theirs.ca)
  assert.deepEqual(certificate.spki, new Uint8Array(theirs.publicKey.export({ format: 'der', type: 'spki' })))
  const lines = (name: string | undefined): string[] => (name ?? '').split('\n').sort()
  assert.deepEqual(certificate.subject.text.split(', ').sort(), lines(theirs.subject))
  assert.deepEqual(certificate.issuer.text.split(', ').sort(), lines(theirs.issuer))
  assert.deepEqual(certificate.extendedKeyUsage?.purposes, theirs.keyUsage)
  if (certificate.key.algorithm === 'rsa')
    assert.equal(certificate.key.bits, theirs.publicKey.asymmetricKeyDetails?.modulusLength)
}

const isSignedBy = (certificate: Certificate, issuer: Certificate): boolean[] =>
  [nativeCrypto, portableCrypto].map((crypto) =>
    verifySigned(crypto, issuer.spki, certificate.signatureAlgorithm, {
      message: certificate.tbs,
      signature: certificate.signature,
    }),
  )

describe('certificates of the shared vectors', { skip: sharedSkip }, () => {
  it('read as OpenSSL reads them, with signatures that hold', () => {
    const folder = sharedPath('vectors/signatures/keys')
    const named = Object.fromEntries(
      readdirSync(folder).map((name) => [
        name.replace('.pem', ''),
        parseCertificates(readFileSync(join(folder, name)))[0] as Certificate,
      ]),
    )
    assert.equal(Object.keys(named).length, 9)
    for (const [name, certificate] of Object.entries(named)) {
      assertAgrees(certificate)
      const issuer = { root: 'root', int: 'root', self: 'self' }[name] ?? 'int'
      assert.deepEqual(isSignedBy(certificate, named[issuer] as Certificate), [true, true], name)
      assert.deepEqual(isSignedBy(certificate, named.device as Certificate), [false, false], name)
    }
  })
})

describe('certificates of openssl', { skip: openssl.skip }, () => {
  const folder = temporaryFolder()
  const roots: OpensslHolder[] = []
  before(async () => {
    for (const key of ['rsa-2048', 'p-256', 'p-384', 'ed25519'] as const) {
      roots.push(
        await opensslRoot(folder, { name: `root ${key}`, key, ...(key === 'ed25519' && { digest: 'default' }) }),
      )
    }
  })

  it('read as OpenSSL reads them, by every kind of key and digest', async () => {
    for (const [index, root] of roots.entries()) {
      assertAgrees(root.certificate)
      assert.deepEqual(isSignedBy(root.certificate, root.certificate), [true, true])
      for (const digest of root.certificate.key.algorithm === 'ed25519'
        ? ['default']
        : ['sha1', 'sha256', 'sha384', 'sha512']) {
        const leaf = await root.issue({ name: `leaf ${index} ${digest}`, digest })
        assertAgrees(leaf.certificate)
        assert.deepEqual(isSignedBy(leaf.certificate, root.certificate), [true, true], leaf.certificate.subject.text)
        const { signatureAlgorithm } = leaf.certificate
        assert.equal('hash' in signatureAlgorithm ? signatureAlgorithm.hash : 'default', digest)
      }
    }
  })

  it('read every extension in use', async () => {
    const [root] = roots
    const leaf = await root?.issue({
      name: 'Röntgen, "Raum" 2',
      from: '19991231235959Z',
      to: '20510101000000Z',
      extensions: [
        ...LEAF_EXTENSIONS,
        'subjectKeyIdentifier=hash',
        'extendedKeyUsage=emailProtection,1.2.3.4',
        'certificatePolicies=1.2.3.4.5,2.5.29.32.0',
        'subjectAltName=email:a@example.org,DNS:example.org,URI:urn:uuid:1,dirName:dir,IP:127.0.0.1',
        'nameConstraints=critical,permitted;DNS:example.org',
        '1.2.3.4=ASN1:NULL',
        '[dir]',
        'CN=somebody',
      ],
    })
    const { certificate } = leaf as OpensslHolder
    assert.equal(certificate.subject.commonName, 'Röntgen, "Raum" 2')
    assert.deepEqual([certificate.notBefore.getUTCFullYear(), certificate.notAfter.getUTCFullYear()], [1999, 2051])
    assert.deepEqual(certificate.keyUsage, ['digitalSignature'])
    assert.deepEqual(certificate.extendedKeyUsage, { purposes: ['1.3.6.1.5.5.7.3.4', '1.2.3.4'], isCritical: false })
    assert.deepEqual(certificate.policies, ['1.2.3.4.5', '2.5.29.32.0'])
    assert.deepEqual(certificate.alternativeNames, [
      { kind: 'email', value: 'a@example.org' },
      { kind: 'dns', value: 'example.org' },
      { kind: 'uri', value: 'urn:uuid:1' },
      { kind: 'directory', value: 'CN=somebody' },
      { kind: 'other', value: '7f000001' },
    ])
    assert.deepEqual(certificate.unknownCritical, ['2.5.29.30'])
    assert.deepEqual(certificate.authorityKeyIdentifier, root?.certificate.subjectKeyIdentifier)
    const theirs = await runOpenssl([
      'x509',
      '-in',
      leaf?.certificatePath ?? '',
      '-noout',
      '-ext',
      'subjectKeyIdentifier',
    ])
    const identifier = theirs.stdout.replace(/\s|:/g, '').toLowerCase()
    assert.ok(identifier.endsWith(encodeHex(certificate.subjectKeyIdentifier ?? new Uint8Array())))
  })

  it('describe keys that cannot be used', async () => {
    const [root] = roots
    for (const [key, bits] of [
      ['rsa-1024', 1024],
      ['p-521', 521],
    ] as const) {
      const leaf = await root?.issue({ name: key, key })
      assert.deepEqual([leaf?.certificate.key.bits, leaf?.certificate.key.isSupported], [bits, false])
    }
  })

  it('read revocation lists with their reasons', async () => {
    const root = await opensslRoot(folder, { name: 'revoker' })
    const reasons = [
      'unspecified',
      'keyCompromise',
      'CACompromise',
      'affiliationChanged',
      'superseded',
      'cessationOfOperation',
      'certificateHold',
    ]
    const leaves: OpensslHolder[] = []
    for (const reason of reasons) {
      const leaf = await root.issue({ name: `revoked ${reason}` })
      await root.revoke(leaf, reason)
      leaves.push(leaf)
    }
    const crl = await root.crl(7)
    assert.equal(crl.entries.size, reasons.length)
    for (const [index, reason] of reasons.entries()) {
      const entry = crl.entries.get(leaves[index]?.certificate.serial ?? '')
      assert.equal(entry?.reason, reason.replace('CAC', 'cAC'))
      assert.ok(Math.abs(Date.now() - (entry?.revokedAt.getTime() ?? 0)) < 60_000)
    }
    assert.equal((crl.nextUpdate?.getTime() ?? 0) - crl.thisUpdate.getTime(), 7 * 86_400_000)
    assert.equal(crl.number, '01')
    const { tbs: message, signature, signatureAlgorithm } = crl
    assert.ok(verifySigned(nativeCrypto, root.certificate.spki, signatureAlgorithm, { message, signature }))
    assert.ok(
      !verifySigned(nativeCrypto, root.certificate.spki, signatureAlgorithm, {
        message: message.subarray(1),
        signature,
      }),
    )
  })

  it('are never read where OpenSSL refuses them, whatever byte is damaged', async () => {
    const leaf = await roots[1]?.issue({ name: 'damaged' })
    const bytes = leaf?.certificate.bytes ?? new Uint8Array()
    let accepted = 0
    for (let i = 0; i < bytes.length * 3; i++) {
      const at = Math.floor(i / 3)
      const damaged = Uint8Array.from(bytes)
      damaged[at] = (damaged[at] ?? 0) ^ ([0x01, 0x20, 0x80][i % 3] ?? 0)
      // A key that we only describe may be of any shape.
      if (!isReadable(() => assert.ok(parseCertificate(damaged).key.isSupported))) continue
      accepted++
      assert.ok(
        isReadable(() => new X509Certificate(damaged)),
        `byte ${at}`,
      )
    }
    assert.ok(accepted > 0 && accepted < bytes.length * 3)
  })
})

function isReadable(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}
