import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type SignatureAlgorithm, signatureByOid } from '../../formats/x509/algorithm.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import type { CrlReason } from '../../formats/x509/crl.ts'
import { CA, createToyCrypto, LEAF, type ToyOrder, toyCertificate, toyCrl } from '../../testing/toy-pki.ts'
import { anchorsFrom, joinAnchors, NO_ANCHORS } from './anchors.ts'
import { type PathOutcome, type PathQuestion, type PathReason, type PathResult, verifyPath } from './path.ts'

const at = new Date('2025-06-01T00:00:00Z')
const root = toyCertificate({ name: 'root' })
const middle = toyCertificate({ name: 'middle', issuer: root, extensions: CA })
const leaf = toyCertificate({ name: 'leaf', issuer: middle })
const anchors = anchorsFrom([root])

function judge(question: Partial<PathQuestion>): PathResult {
  return verifyPath({ leaf, candidates: [middle], anchors, at, crypto: createToyCrypto(), ...question })
}

function assertFails(result: PathResult, outcome: PathOutcome, reason: PathReason, where?: Certificate): void {
  assert.deepEqual({ outcome: result.outcome, reason: 'reason' in result && result.reason }, { outcome, reason })
  if (where) assert.equal('where' in result && result.where.subject.text, where.subject.text)
}

/** The usual chain with one certificate made anew. */
function chain(change: {
  leaf?: Partial<ToyOrder>
  middle?: Partial<ToyOrder>
  root?: Partial<ToyOrder>
}): Partial<PathQuestion> {
  const top = toyCertificate({ name: 'root', ...change.root })
  const step = toyCertificate({ name: 'middle', issuer: top, extensions: CA, ...change.middle })
  const end = toyCertificate({ name: 'leaf', issuer: step, ...change.leaf })
  return { leaf: end, candidates: [step], anchors: anchorsFrom([top]) }
}

describe('path of a certificate', () => {
  it('leads from the leaf to the root', () => {
    const result = judge({})
    assert.equal(result.outcome, 'trusted')
    assert.deepEqual(
      result.path.map(({ subject }) => subject.commonName),
      ['leaf', 'middle', 'root'],
    )
  })

  it('takes the step from the anchors where the signature does not bring it', () => {
    assert.equal(judge({ candidates: [], anchors: anchorsFrom([middle, root]) }).outcome, 'trusted')
  })

  it('ends at a pinned leaf and at a pinned step', () => {
    assert.deepEqual(judge({ anchors: anchorsFrom([leaf]) }).path, [leaf])
    assert.deepEqual(judge({ anchors: anchorsFrom([middle]) }).path, [leaf, middle])
  })

  it('fails without anchors, and without the step', () => {
    assertFails(judge({ anchors: NO_ANCHORS }), 'untrusted', 'issuer_unknown', middle)
    assertFails(judge({ candidates: [] }), 'untrusted', 'issuer_unknown', leaf)
  })

  it('does not believe a root that comes with the signature', () => {
    assertFails(judge({ candidates: [middle, root], anchors: NO_ANCHORS }), 'untrusted', 'issuer_unknown', root)
  })

  it('refuses a leaf that another key signed in the name of the issuer', () => {
    const rogue = toyCertificate({ name: 'rogue' })
    assertFails(judge(chain({ leaf: { signedBy: rogue } })), 'untrusted', 'signature_wrong')
  })

  it('refuses a leaf that a leaf has issued', () => {
    const below = toyCertificate({ name: 'below', issuer: leaf })
    assertFails(judge({ leaf: below, candidates: [leaf, middle] }), 'untrusted', 'issuer_not_ca', leaf)
  })

  const structural: Record<string, readonly [Parameters<typeof chain>[0], PathOutcome, PathReason]> = {
    'an issuer without basic constraints': [
      { middle: { extensions: { keyUsage: ['keyCertSign'] } } },
      'untrusted',
      'issuer_not_ca',
    ],
    'an issuer whose key may not sign certificates': [
      { middle: { extensions: { ...CA, keyUsage: ['crlSign'] } } },
      'untrusted',
      'issuer_not_ca',
    ],
    'a root that is no CA': [{ root: { extensions: LEAF } }, 'untrusted', 'issuer_not_ca'],
    'a root that allows no CA below it': [
      { root: { extensions: { ...CA, basicConstraints: { isCa: true, pathLength: 0 } } } },
      'untrusted',
      'path_length_exceeded',
    ],
    'a leaf whose key may not sign': [
      { leaf: { extensions: { ...LEAF, keyUsage: ['keyEncipherment'] } } },
      'untrusted',
      'usage_not_allowed',
    ],
    'a leaf of last year': [{ leaf: { notAfter: new Date('2024-12-31T23:59:59Z') } }, 'expired', 'expired'],
    'a leaf of next year': [
      { leaf: { notBefore: new Date('2026-01-01T00:00:00Z') } },
      'not_yet_valid',
      'not_yet_valid',
    ],
    'an expired step': [{ middle: { notAfter: new Date('2024-12-31T23:59:59Z') } }, 'expired', 'expired'],
    'an expired root': [{ root: { notAfter: new Date('2024-12-31T23:59:59Z') } }, 'expired', 'expired'],
    'a signature over SHA-1': [
      { leaf: { signatureAlgorithm: signatureByOid('1.2.840.113549.1.1.5') as SignatureAlgorithm } },
      'weak',
      'weak_digest',
    ],
    'a signature over MD5': [
      { middle: { signatureAlgorithm: signatureByOid('1.2.840.113549.1.1.4') as SignatureAlgorithm } },
      'weak',
      'weak_digest',
    ],
  }
  for (const [name, [change, outcome, reason]] of Object.entries(structural)) {
    it(`refuses ${name}`, () => assertFails(judge(chain(change)), outcome, reason))
  }

  it('takes an anchor for a CA that cannot say so, in version 1, and not one that could', () => {
    const silent = chain({ root: { extensions: { keyUsage: ['keyCertSign'] } } })
    assertFails(judge(silent), 'untrusted', 'issuer_not_ca')
    const [root] = silent.anchors?.roots ?? []
    assert.ok(root)
    assert.equal(judge({ ...silent, anchors: anchorsFrom([{ ...root, version: 1 }]) }).outcome, 'trusted')
  })

  it('takes no issuer of the right name and another key identifier', () => {
    const extensions = { ...CA, subjectKeyIdentifier: Uint8Array.of(1) }
    const pointing = (id: number) =>
      judge(
        chain({ middle: { extensions }, leaf: { extensions: { ...LEAF, authorityKeyIdentifier: Uint8Array.of(id) } } }),
      )
    assert.equal(pointing(1).outcome, 'trusted')
    assertFails(pointing(2), 'untrusted', 'issuer_unknown')
  })

  it('says so where an anchor has the name of the issuer and another key', () => {
    const anchor = toyCertificate({ name: 'a CA', extensions: { ...CA, subjectKeyIdentifier: Uint8Array.of(1) } })
    const issuer = toyCertificate({ name: 'a CA', extensions: { ...CA, subjectKeyIdentifier: Uint8Array.of(2) } })
    const extensions = { ...LEAF, authorityKeyIdentifier: Uint8Array.of(2) }
    const leaf = toyCertificate({ name: 'a device', issuer, extensions })
    const question = { leaf, candidates: [], anchors: anchorsFrom([anchor]) }
    assertFails(judge(question), 'untrusted', 'issuer_other_key', leaf)
    const stranger = toyCertificate({ name: 'another CA', extensions: CA })
    assertFails(judge({ ...question, anchors: anchorsFrom([stranger]) }), 'untrusted', 'issuer_unknown', leaf)
  })

  it('accepts a path length that is just enough', () => {
    const extensions = { ...CA, basicConstraints: { isCa: true, pathLength: 1 } }
    assert.equal(judge(chain({ root: { extensions } })).outcome, 'trusted')
  })

  it('accepts the first and the last second of validity', () => {
    const notBefore = new Date('2025-06-01T00:00:00Z')
    assert.equal(judge({ ...chain({ leaf: { notBefore } }), at: notBefore }).outcome, 'trusted')
    assert.equal(judge({ ...chain({ leaf: { notAfter: notBefore } }), at: notBefore }).outcome, 'trusted')
  })

  it('says that an algorithm is not supported rather than that a signature is wrong', () => {
    const pss: SignatureAlgorithm = { kind: 'other', oid: '1.2.840.113549.1.1.10' }
    assertFails(judge(chain({ leaf: { signatureAlgorithm: pss } })), 'untrusted', 'algorithm_unsupported')
  })

  it('names the worst of several flaws', () => {
    const question = chain({
      leaf: { notAfter: new Date('2024-01-01T00:00:00Z'), extensions: { ...LEAF, keyUsage: ['crlSign'] } },
    })
    assertFails(judge(question), 'untrusted', 'usage_not_allowed')
  })

  it('prefers a good path to a bad one, whatever the order', () => {
    const old = toyCertificate({
      name: 'middle',
      issuer: root,
      extensions: CA,
      notAfter: new Date('2021-01-01T00:00:00Z'),
    })
    for (const candidates of [
      [old, middle],
      [middle, old],
    ])
      assert.equal(judge({ candidates }).outcome, 'trusted')
  })

  it('does not care about the order or number of candidates', () => {
    const strangers = Array.from({ length: 20 }, (_, i) => toyCertificate({ name: `stranger ${i}` }))
    assert.equal(judge({ candidates: [...strangers, middle, leaf, root, middle] }).outcome, 'trusted')
  })

  it('ends in bounded work where two CAs certify each other', () => {
    const a = toyCertificate({ name: 'a', extensions: CA })
    const b = toyCertificate({ name: 'b', extensions: CA })
    const ab = toyCertificate({ name: 'a', issuer: b, extensions: CA })
    const ba = toyCertificate({ name: 'b', issuer: a, extensions: CA })
    const crypto = createToyCrypto()
    const end = toyCertificate({ name: 'end', issuer: a })
    assertFails(judge({ leaf: end, candidates: [a, b, ab, ba], crypto }), 'untrusted', 'issuer_unknown')
    assert.ok(crypto.count() <= 48, String(crypto.count()))
  })

  it('gives up where many certificates of one name multiply the ways', () => {
    const make = (level: number, i: number, issuer?: Certificate): Certificate =>
      toyCertificate({
        name: `level ${level}`,
        extensions: CA,
        serial: `40${String(level * 10 + i).padStart(2, '0')}`,
        ...(issuer && { issuer }),
      })
    const levels = Array.from({ length: 8 }, (_, level) => level)
    const names = levels.map((level) => make(level, 0))
    const candidates = levels.flatMap((level) => Array.from({ length: 6 }, (_, i) => make(level, i, names[level + 1])))
    const crypto = createToyCrypto()
    const end = toyCertificate({ name: 'end', issuer: names[0] as Certificate })
    assertFails(judge({ leaf: end, candidates, crypto }), 'untrusted', 'path_too_long')
    assert.ok(crypto.count() <= 48, String(crypto.count()))
  })

  it('refuses a path of nine certificates', () => {
    const path = [root]
    for (let i = 0; i < 7; i++)
      path.unshift(toyCertificate({ name: `ca ${i}`, issuer: path[0] as Certificate, extensions: CA }))
    const long = toyCertificate({ name: 'end', issuer: path[0] as Certificate })
    assertFails(judge({ leaf: long, candidates: path }), 'untrusted', 'path_too_long')
    const short = toyCertificate({ name: 'end', issuer: path[1] as Certificate })
    assert.equal(judge({ leaf: short, candidates: path }).outcome, 'trusted')
  })
})

describe('critical extensions', () => {
  it('refuses one that is not understood', () => {
    // The writer knows no such extension; one made by openssl is judged in pki-path.test.ts of the node package.
    const strange = { ...leaf, unknownCritical: ['1.2.3.4'] }
    assertFails(judge({ leaf: strange }), 'untrusted', 'critical_extension_unknown')
  })
})

describe('revocation', () => {
  const entry = (
    certificate: Certificate,
    revokedAt: string,
    reason: CrlReason = 'superseded',
    invalidSince?: string,
  ) => ({
    serial: certificate.serial,
    revokedAt: new Date(revokedAt),
    reason,
    ...(invalidSince !== undefined && { invalidSince: new Date(invalidSince) }),
  })
  const clean = [toyCrl(root, []), toyCrl(middle, [])]

  it('is unknown without lists, and good with a list for each step', () => {
    const revocationOf = (crls: PathQuestion['crls']) => judge({ crls: crls ?? [] }).revocation
    assert.equal(revocationOf([]), 'unknown')
    assert.equal(revocationOf(clean.slice(0, 1)), 'unknown')
    assert.equal(revocationOf(clean.slice(1)), 'unknown')
    assert.equal(revocationOf(clean), 'good')
  })

  it('takes lists from the anchors, too', () => {
    assert.equal(judge({ anchors: anchorsFrom([root], clean) }).revocation, 'good')
  })

  it('counts from its own moment on', () => {
    const crls = [toyCrl(root, []), toyCrl(middle, [entry(leaf, '2025-03-01T00:00:00Z')])]
    assertFails(judge({ crls }), 'revoked', 'revoked', leaf)
    assert.equal(judge({ crls, at: new Date('2025-02-28T23:59:59Z') }).outcome, 'trusted')
    assert.equal(judge({ crls, at: new Date('2025-03-01T00:00:00Z') }).outcome, 'revoked')
  })

  for (const reason of ['keyCompromise', 'cACompromise', 'aACompromise'] as const) {
    it(`counts for all time where the reason is ${reason}`, () => {
      const crls = [toyCrl(middle, [entry(leaf, '2025-03-01T00:00:00Z', reason)])]
      const result = judge({ crls, at: new Date('2024-01-01T00:00:00Z') })
      assertFails(result, 'revoked', 'revoked', leaf)
      assert.equal('entry' in result && result.entry?.reason, reason)
    })
  }

  it('counts from the moment of doubt where the issuer names one', () => {
    const crls = [toyCrl(middle, [entry(leaf, '2025-03-01T00:00:00Z', 'superseded', '2024-06-01T00:00:00Z')])]
    assert.equal(judge({ crls, at: new Date('2024-06-01T00:00:00Z') }).outcome, 'revoked')
    assert.equal(judge({ crls, at: new Date('2024-05-31T00:00:00Z') }).outcome, 'trusted')
  })

  it('of a step counts as well', () => {
    assertFails(judge({ crls: [toyCrl(root, [entry(middle, '2025-03-01T00:00:00Z')])] }), 'revoked', 'revoked', middle)
  })

  it('outweighs that a certificate has expired', () => {
    const crls = [toyCrl(middle, [entry(leaf, '2025-03-01T00:00:00Z')])]
    assertFails(judge({ crls, at: new Date('2031-01-01T00:00:00Z') }), 'revoked', 'revoked')
  })

  it('is unknown where a list is out of date or younger than the certificate', () => {
    const stale = [toyCrl(root, []), toyCrl(middle, [], { nextUpdate: new Date('2025-05-31T00:00:00Z') })]
    assert.equal(judge({ crls: stale }).revocation, 'unknown')
    const late = [
      toyCrl(root, []),
      toyCrl(middle, [], {
        thisUpdate: new Date('2030-01-02T00:00:00Z'),
        nextUpdate: new Date('2031-01-01T00:00:00Z'),
      }),
    ]
    assert.equal(judge({ crls: late }).revocation, 'unknown')
  })

  it('is good where a later list still speaks of the certificate', () => {
    const later = [root, middle].map((issuer) =>
      toyCrl(issuer, [], {
        thisUpdate: new Date('2027-01-01T00:00:00Z'),
        nextUpdate: new Date('2028-01-01T00:00:00Z'),
      }),
    )
    assert.equal(judge({ crls: later }).revocation, 'good')
  })

  it('still counts in a list that is out of date', () => {
    const crls = [
      toyCrl(middle, [entry(leaf, '2025-03-01T00:00:00Z')], { nextUpdate: new Date('2025-04-01T00:00:00Z') }),
    ]
    assertFails(judge({ crls }), 'revoked', 'revoked')
  })

  it('does not count in a list that the issuer did not sign, of another issuer, or of a key without the right', () => {
    const rogue = toyCertificate({ name: 'rogue' })
    const revoking = [entry(leaf, '2025-03-01T00:00:00Z')]
    assert.equal(judge({ crls: [toyCrl(middle, revoking, { signedBy: rogue })] }).outcome, 'trusted')
    assert.equal(judge({ crls: [toyCrl(rogue, revoking)] }).outcome, 'trusted')
    const question = chain({ middle: { extensions: { ...CA, keyUsage: ['keyCertSign'] } } })
    const result = judge({ ...question, crls: [toyCrl(middle, [entry(leaf, '2025-03-01T00:00:00Z')])] })
    assert.deepEqual([result.outcome, result.revocation], ['trusted', 'unknown'])
  })

  it('does not count, and does not clear, in a list over SHA-1', () => {
    const signatureAlgorithm = signatureByOid('1.2.840.113549.1.1.5') as SignatureAlgorithm
    const weak = (entries: Parameters<typeof toyCrl>[1]) =>
      judge({ crls: [toyCrl(root, []), toyCrl(middle, entries, { signatureAlgorithm })] })
    assert.deepEqual([weak([]).outcome, weak([]).revocation], ['trusted', 'unknown'])
    assert.equal(weak([entry(leaf, '2025-03-01T00:00:00Z')]).outcome, 'trusted')
  })

  it('does not count where the entry was taken back', () => {
    const crls = [toyCrl(root, []), toyCrl(middle, [entry(leaf, '2025-03-01T00:00:00Z', 'removeFromCRL')])]
    assert.deepEqual([judge({ crls }).outcome, judge({ crls }).revocation], ['trusted', 'good'])
  })

  it('does not count in a list with a critical extension that is not understood, such as a delta', () => {
    const delta = { ...toyCrl(middle, [entry(leaf, '2025-03-01T00:00:00Z')]), unknownCritical: ['2.5.29.27'] }
    assert.deepEqual([judge({ crls: [delta] }).outcome, judge({ crls: [delta] }).revocation], ['trusted', 'unknown'])
  })
})

describe('anchors', () => {
  it('takes the issued for steps and all others for roots', () => {
    const sorted = anchorsFrom([leaf, middle, root])
    assert.deepEqual([sorted.roots, sorted.intermediates], [[root], [leaf, middle]])
  })

  it('joins sets', () => {
    const crl = toyCrl(root, [])
    const joined = joinAnchors(anchorsFrom([root], [crl]), NO_ANCHORS, anchorsFrom([leaf]))
    assert.deepEqual(joined, { roots: [root, leaf], intermediates: [], crls: [crl] })
  })
})
