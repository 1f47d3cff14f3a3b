/** Chains made by openssl, judged by us and by `openssl verify`; the keys of the shared vectors. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { anchorsFrom } from '@fiducial/core/domain/trust/anchors.ts'
import { type PathQuestion, type PathReason, verifyPath } from '@fiducial/core/domain/trust/path.ts'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { Crl } from '@fiducial/core/formats/x509/crl.ts'
import { parseCertificates } from '@fiducial/core/formats/x509/pem.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import {
  CA_EXTENSIONS,
  LEAF_EXTENSIONS,
  type OpensslHolder,
  type Order,
  openssl,
  opensslRoot,
} from '../testing/openssl-ca.ts'
import { run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

const at = new Date('2030-01-01T00:00:00Z')

/** Our outcome by both kinds of crypto, which must agree. */
function judge(question: Omit<PathQuestion, 'crypto'>): string {
  const [one, other] = [nativeCrypto, portableCrypto].map((crypto) => {
    const result = verifyPath({ ...question, crypto })
    return 'reason' in result ? `${result.outcome}: ${result.reason}` : result.outcome
  })
  assert.equal(one, other)
  return one ?? ''
}

describe('chains of openssl', { skip: openssl.skip }, () => {
  const folder = temporaryFolder()
  let root: OpensslHolder
  let middle: OpensslHolder
  let stranger: OpensslHolder
  before(async () => {
    root = await opensslRoot(folder, { name: 'root', key: 'rsa-2048' })
    middle = await root.issue({ name: 'middle', extensions: CA_EXTENSIONS })
    stranger = await opensslRoot(folder, { name: 'stranger' })
  })

  /** Asks both; `openssl verify` by its exit code. */
  async function ask(
    leaf: OpensslHolder,
    candidates: readonly OpensslHolder[],
    crls: readonly (Crl & { path: string })[] = [],
  ) {
    const ours = judge({
      leaf: leaf.certificate,
      candidates: candidates.map(({ certificate }) => certificate),
      anchors: anchorsFrom([root.certificate]),
      crls,
      at,
    })
    const untrusted = join(folder, 'untrusted.pem')
    writeFileSync(untrusted, candidates.map(({ certificatePath }) => readFileSync(certificatePath, 'utf8')).join(''))
    const lists = crls.flatMap(({ path }) => ['-CRLfile', path])
    const theirs = await run(openssl.path, [
      ...[
        'verify',
        '-attime',
        String(at.getTime() / 1000),
        '-CAfile',
        root.certificatePath,
        '-x509_strict',
        '-auth_level',
        '2',
      ],
      ...(candidates.length > 0 ? ['-untrusted', untrusted] : []),
      ...(lists.length > 0 ? [...lists, '-crl_check_all'] : []),
      leaf.certificatePath,
    ])
    return { ours, theirs: theirs.code === 0 ? 'trusted' : theirs.stderr }
  }

  const authority = ['authorityKeyIdentifier=keyid']
  const cases: Record<
    string,
    { leaf?: Partial<Order>; middle?: Partial<Order>; expected: 'trusted' | `${string}: ${PathReason}` }
  > = {
    'a good chain': { expected: 'trusted' },
    'a leaf over SHA-384': { leaf: { digest: 'sha384' }, expected: 'trusted' },
    'a leaf with a P-384 key': { leaf: { key: 'p-384' }, expected: 'trusted' },
    'a leaf with an Ed25519 key': { leaf: { key: 'ed25519' }, expected: 'trusted' },
    'a step with an RSA key': { middle: { key: 'rsa-3072' }, expected: 'trusted' },
    'an expired leaf': { leaf: { to: '20291231235959Z' }, expected: 'expired: expired' },
    'a leaf of the future': { leaf: { from: '20300101000001Z' }, expected: 'not_yet_valid: not_yet_valid' },
    'an expired step': { middle: { to: '20291231235959Z' }, expected: 'expired: expired' },
    'a step that is no CA': {
      middle: { extensions: [...LEAF_EXTENSIONS, 'subjectKeyIdentifier=hash'] },
      expected: 'untrusted: issuer_not_ca',
    },
    'a step that may sign lists only': {
      middle: {
        extensions: [
          'basicConstraints=critical,CA:TRUE',
          'keyUsage=critical,cRLSign',
          'subjectKeyIdentifier=hash',
          ...authority,
        ],
      },
      expected: 'untrusted: issuer_not_ca',
    },
    'a leaf over SHA-1': { leaf: { digest: 'sha1' }, expected: 'weak: weak_digest' },
    'a leaf with RSA-1024': { leaf: { key: 'rsa-1024' }, expected: 'weak: weak_key' },
    'a step with RSA-1024': { middle: { key: 'rsa-1024' }, expected: 'weak: weak_key' },
    'a critical extension that nobody knows': {
      leaf: { extensions: [...LEAF_EXTENSIONS, '1.2.3.4=critical,ASN1:NULL'] },
      expected: 'untrusted: critical_extension_unknown',
    },
  }
  for (const [name, { leaf, middle: step, expected }] of Object.entries(cases)) {
    it(`agrees with openssl on ${name}`, async () => {
      const prefix = name.replace(/\W/g, '-')
      const issuer = step
        ? await root.issue({ name: `${prefix}-ca`, extensions: [...CA_EXTENSIONS, ...authority], ...step })
        : middle
      const end = await issuer.issue({ name: `${prefix}-leaf`, ...leaf })
      const { ours, theirs } = await ask(end, [issuer])
      assert.equal(ours, expected)
      assert.equal(theirs === 'trusted', expected === 'trusted', theirs)
    })
  }

  it('agrees with openssl on path lengths', async () => {
    const extensions = ['basicConstraints=critical,CA:TRUE,pathlen:0', ...CA_EXTENSIONS.slice(1), ...authority]
    const short = await root.issue({ name: 'short', extensions })
    const direct = await short.issue({ name: 'below short' })
    assert.deepEqual(await ask(direct, [short]), { ours: 'trusted', theirs: 'trusted' })
    const under = await short.issue({ name: 'ca below short', extensions: [...CA_EXTENSIONS, ...authority] })
    const far = await under.issue({ name: 'far below short' })
    const { ours, theirs } = await ask(far, [under, short])
    assert.equal(ours, 'untrusted: path_length_exceeded')
    assert.match(theirs, /path length/)
  })

  it('agrees with openssl on a missing step, a strange root and a name without its key', async () => {
    const leaf = await middle.issue({ name: 'without step' })
    const alone = await ask(leaf, [])
    assert.deepEqual([alone.ours, alone.theirs === 'trusted'], ['untrusted: issuer_unknown', false])
    const foreign = await ask(await stranger.issue({ name: 'foreign' }), [stranger])
    assert.deepEqual([foreign.ours, foreign.theirs === 'trusted'], ['untrusted: issuer_unknown', false])
    const twinFolder = temporaryFolder()
    const nameless = ['subjectKeyIdentifier=none', 'authorityKeyIdentifier=none']
    const twin = await opensslRoot(twinFolder, {
      name: 'root',
      extensions: [...CA_EXTENSIONS.slice(0, 2), ...nameless],
    })
    const forged = await ask(
      await twin.issue({ name: 'forged', extensions: [...LEAF_EXTENSIONS.slice(0, 2), ...nameless] }),
      [],
    )
    assert.deepEqual([forged.ours, forged.theirs === 'trusted'], ['untrusted: signature_wrong', false])
  })

  it('agrees with openssl on revoked leaves and steps', async () => {
    const issuer = await root.issue({ name: 'list issuer', extensions: [...CA_EXTENSIONS, ...authority] })
    const good = await issuer.issue({ name: 'good leaf' })
    const bad = await issuer.issue({ name: 'bad leaf' })
    await issuer.revoke(bad, 'keyCompromise')
    const days = 5 * 365
    const lists = [await root.crl(days), await issuer.crl(days)]
    assert.deepEqual(await ask(good, [issuer], lists), { ours: 'trusted', theirs: 'trusted' })
    const revoked = await ask(bad, [issuer], lists)
    assert.equal(revoked.ours, 'revoked: revoked')
    assert.match(revoked.theirs, /certificate revoked/)
    await root.revoke(issuer)
    const below = await ask(good, [issuer], [await root.crl(days), ...lists.slice(1)])
    assert.equal(below.ours, 'revoked: revoked')
    assert.match(below.theirs, /certificate revoked/)
  })
})

describe('certificates of the shared vectors', { skip: sharedSkip }, () => {
  const read = (name: string): Certificate =>
    parseCertificates(readFileSync(join(sharedPath('vectors/signatures/keys'), `${name}.pem`)))[0] as Certificate
  const expected: Record<string, string> = {
    device: 'trusted',
    tech: 'trusted',
    ec256: 'trusted',
    ec384: 'trusted',
    tsa: 'trusted',
    expired: 'expired: expired',
    self: 'untrusted: issuer_unknown',
    int: 'untrusted: usage_not_allowed',
  }
  for (const [name, outcome] of Object.entries(expected)) {
    it(`says ${outcome} of ${name}`, () => {
      const anchors = anchorsFrom([read('root'), read('int')])
      assert.equal(judge({ leaf: read(name), candidates: [], anchors, at: new Date('2027-01-01T00:00:00Z') }), outcome)
    })
  }

  it('says which it was at the moment of the signature', () => {
    const question = { leaf: read('expired'), candidates: [read('int')], anchors: anchorsFrom([read('root')]) }
    // The issuing CA is younger than the certificate that it issued.
    assert.equal(judge({ ...question, at: new Date('2025-06-01T00:00:00Z') }), 'not_yet_valid: not_yet_valid')
    assert.equal(
      judge({ ...question, leaf: read('device'), at: new Date('2026-01-01T00:00:00Z') }),
      'not_yet_valid: not_yet_valid',
    )
  })

  it('trusts the self-signed certificate where it is pinned', () => {
    const self = read('self')
    assert.equal(
      judge({ leaf: self, candidates: [], anchors: anchorsFrom([self]), at: new Date('2027-01-01T00:00:00Z') }),
      'trusted',
    )
  })
})
