import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { formatTrustedRoot, parseTrustedRoot } from '../../formats/sigstore/trusted-root.ts'
import {
  toyEventCrypto as crypto,
  toyAuthority,
  toyBundle,
  toyBundleTrust,
  toyLogKeys,
} from '../../testing/toy-events.ts'
import { toyCertificate } from '../../testing/toy-pki.ts'
import { exportBundle } from './bundle.ts'
import { exportTrustedRoot, logKeyIdOf, readTrustedRoot } from './bundle-trust.ts'
import { verifyBundle } from './bundle-verify.ts'

const { ed25519, mlDsa44 } = toyLogKeys
const root = toyCertificate({ name: 'Root' })
const leaf = toyCertificate({ name: 'Leaf', issuer: root })
const parts = {
  keys: [ed25519.key, mlDsa44.key],
  authorities: [[leaf, root], [toyAuthority('Clock')]],
  validFrom: new Date('2026-01-01T00:00:00.000Z'),
}

describe('the trusted root of bundles', () => {
  it('names the log by the digest of which its key ID is the beginning', () => {
    const keyId = logKeyIdOf(ed25519.key, crypto.hash)
    assert.deepEqual(keyId.subarray(0, 4), ed25519.key.keyId)
    const [log, ...others] = parseTrustedRoot(exportTrustedRoot(parts, crypto.hash)).logs
    assert.deepEqual([log?.origin, log?.keyId, others.length], ['hospital.example/log', keyId, 0])
  })

  it('comes back as the keys of the log and the roots of the authorities', () => {
    const trust = readTrustedRoot(exportTrustedRoot(parts, crypto.hash), crypto.hash)
    assert.deepEqual(trust.keys, [ed25519.key])
    assert.deepEqual(
      trust.anchors.roots.map(({ subject }) => subject.commonName),
      ['Root', 'Clock'],
    )
    assert.deepEqual(trust.anchors.intermediates, [])
  })

  it('is enough to verify a bundle of one signature', async () => {
    const trust = readTrustedRoot(exportTrustedRoot(parts, crypto.hash), crypto.hash)
    const bundle = exportBundle({ ...(await toyBundle()), cosigners: [] }, crypto.hash)
    assert.equal(verifyBundle(bundle, { ...toyBundleTrust, ...trust }, crypto).outcome, 'holds')
  })

  it('refuses the ID of another name or key', () => {
    const whole = parseTrustedRoot(exportTrustedRoot(parts, crypto.hash))
    const renamed = formatTrustedRoot({
      ...whole,
      logs: whole.logs.map((log) => ({ ...log, origin: 'other.example' })),
    })
    const isMalformed = (error: unknown): boolean =>
      error instanceof FormatError && error.code === 'trusted_root_malformed'
    assert.throws(() => readTrustedRoot(renamed, crypto.hash), isMalformed)
  })

  it('refuses a chain that ends in no certificate', () => {
    const whole = parseTrustedRoot(exportTrustedRoot(parts, crypto.hash))
    const authorities = whole.authorities.map((one) => ({ ...one, certificates: [leaf.bytes, Uint8Array.of(1)] }))
    assert.throws(
      () => readTrustedRoot(formatTrustedRoot({ ...whole, authorities }), crypto.hash),
      (error) => error instanceof FormatError && error.code === 'certificate_malformed',
    )
    assert.throws(() => exportTrustedRoot({ ...parts, authorities: [[]] }, crypto.hash), RangeError)
  })

  it('keeps the chain whole, for verifiers that start at its other end', () => {
    const [authority] = parseTrustedRoot(exportTrustedRoot(parts, crypto.hash)).authorities
    assert.ok(
      authority?.certificates.every((bytes, i) => equalBytes(bytes, [leaf, root][i]?.bytes ?? bytes.subarray(1))),
    )
  })
})
