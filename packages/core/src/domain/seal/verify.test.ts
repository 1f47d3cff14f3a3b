import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { encodePae } from '../../formats/dsse/envelope.ts'
import { parseCertificate } from '../../formats/x509/certificate.ts'
import { sha256, toyCertificate, toyCrl, toyKey } from '../../testing/toy-pki.ts'
import {
  anchors,
  device,
  deviceFacts,
  hashes,
  now,
  operator,
  operatorFacts,
  sealedAt,
  site,
  toyCrypto,
  toyDescription,
  toyElements,
  toyFile,
  toyHolder,
  toyHolderCertificate,
  toyLatticeKey,
  toySeal,
  toySigner,
  toyStatement,
  toyTimestamp,
  verifyOptions,
  without,
} from '../../testing/toy-seal.ts'
import { anchorsFrom, NO_ANCHORS } from '../trust/anchors.ts'
import { PAYLOAD_TYPE } from './namespace.ts'
import { type Seal, timestampImprint } from './seal.ts'
import { certificatesOf, type HolderSigners, signSeal, type Timestamp } from './sign.ts'
import { formatStatement } from './statement.ts'
import { type SealVerifyOptions, verifySeal } from './verify.ts'

const good = await toySeal()

/** `subject outcome reason` of all checks that do not hold. */
function flawsOf(seal: Seal, options: Partial<SealVerifyOptions> = {}): readonly string[] {
  const { checks } = verifySeal(seal, { ...verifyOptions, ...options })
  return checks.flatMap((check) =>
    check.outcome === 'holds' ? [] : [`${check.subject} ${check.outcome} ${check.reason}`],
  )
}

const outcomeOf = (seal: Seal, options: Partial<SealVerifyOptions> = {}): string =>
  verifySeal(seal, { ...verifyOptions, ...options }).outcome

/** A seal made with other keys, their certificates named as a statement must. */
async function sealBy(
  given: { device?: HolderSigners; operator?: HolderSigners },
  timestamp?: Timestamp,
): Promise<Seal> {
  const signers = { device, operator, ...given }
  const statement = toyStatement(undefined, {
    device: { ...deviceFacts, certificates: certificatesOf(signers.device, hashes) },
    operator: { ...operatorFacts, certificates: certificatesOf(signers.operator, hashes) },
  })
  return toySeal({ statement, signers, ...(timestamp && { timestamp }) })
}

/** The seal with another envelope and a token over it. */
async function stamped(seal: Seal, signatures: Seal['envelope']['signatures']): Promise<Seal> {
  const envelope = { ...seal.envelope, signatures }
  return { ...seal, envelope, timestamps: [await toyTimestamp(sealedAt)('sha256', timestampImprint(envelope, hashes))] }
}

describe('verifySeal', () => {
  it('finds that all of a good seal holds', () => {
    const report = verifySeal(good, verifyOptions)
    assert.equal(report.outcome, 'holds')
    assert.deepEqual(
      report.checks.map(({ subject }) => subject),
      [
        'certificates',
        'frames',
        'envelope',
        'device_time',
        'device_statement',
        'device_post_quantum',
        'operator_statement',
        'operator_post_quantum',
      ],
    )
    assert.equal(report.provenAt?.toISOString(), '2026-03-03T10:14:02.123Z')
    assert.deepEqual(report.operatorProvenAt, report.provenAt)
  })

  it('holds without frames, and without a list of them where they are too many', async () => {
    const bare = toyDescription(toyFile(without(toyElements(), 0x7fe00010)))
    assert.equal(outcomeOf(await toySeal({ statement: toyStatement(bare), frames: [] })), 'holds')
    const many = toyStatement()
    const pixels = { ...(many.pixels as NonNullable<typeof many.pixels>), count: 300_000n, root: sha256() }
    assert.equal(outcomeOf(await toySeal({ statement: { ...many, pixels }, frames: [] })), 'holds')
  })

  const subjects = ['device_statement', 'device_post_quantum', 'operator_statement', 'operator_post_quantum'] as const
  for (const [i, subject] of subjects.entries()) {
    it(`misses the signature ${subject}`, async () => {
      const seal = await stamped(good, good.envelope.signatures.toSpliced(i, 1))
      assert.deepEqual(flawsOf(seal), [`${subject} fails signature_missing`])
    })

    it(`refuses another signature for ${subject}`, async () => {
      const signatures = good.envelope.signatures.with(i, {
        ...(good.envelope.signatures[i] as { keyid: string; sig: Uint8Array }),
        sig: sha256(),
      })
      assert.deepEqual(flawsOf(await stamped(good, signatures)), [`${subject} fails signature_wrong`])
    })
  }

  it('refuses a seal stripped of its post-quantum signatures', async () => {
    const seal = await stamped(
      good,
      good.envelope.signatures.filter((_, i) => i % 2 === 0),
    )
    assert.deepEqual(flawsOf(seal), [
      'device_post_quantum fails signature_missing',
      'operator_post_quantum fails signature_missing',
    ])
    assert.equal(outcomeOf(seal), 'fails')
  })

  it('refuses a signature too many, and one under a keyid that is taken', async () => {
    const [first] = good.envelope.signatures as [{ keyid: string; sig: Uint8Array }]
    const stranger = await stamped(good, [...good.envelope.signatures, { keyid: 'x', sig: sha256() }])
    assert.deepEqual(flawsOf(stranger), ['envelope fails signature_unexpected'])
    assert.ok(
      flawsOf(await stamped(good, [...good.envelope.signatures, first])).includes(
        'envelope fails signature_unexpected',
      ),
    )
    const shadowed = await stamped(good, [{ keyid: first.keyid, sig: sha256() }, ...good.envelope.signatures])
    assert.equal(outcomeOf(shadowed), 'fails')
  })

  it('refuses signatures over another statement', async () => {
    const other = toyStatement(undefined, { original: sha256() })
    const payload = formatStatement(other)
    const seal = await stamped(
      { ...good, statement: other, envelope: { ...good.envelope, payload } },
      good.envelope.signatures,
    )
    assert.deepEqual(
      flawsOf(seal),
      subjects.map((subject) => `${subject} fails signature_wrong`),
    )
  })

  it('signs the pre-authentication encoding and not the payload', () => {
    const [signature] = good.envelope.signatures
    const pae = encodePae(PAYLOAD_TYPE, good.envelope.payload)
    const { spki } = good.certificates.find(({ bytes }) => encodeHex(sha256(bytes)) === signature?.keyid) as {
      spki: Uint8Array
    }
    assert.deepEqual(signature?.sig, sha256(spki, pae))
  })
})

describe('the certificates of a seal', () => {
  it('are those that the statement names, in that order and no others', () => {
    const { certificates } = good
    const stranger = toyCertificate({ name: 'Stranger' })
    for (const other of [
      certificates.toReversed(),
      [...certificates, stranger],
      certificates.with(0, stranger),
      certificates.slice(1),
    ]) {
      assert.ok(flawsOf({ ...good, certificates: other }).includes('certificates fails certificates_other'))
    }
    assert.ok(
      flawsOf({ ...good, certificates: certificates.slice(0, 2) }).includes(
        'operator_statement fails certificate_missing',
      ),
    )
  })

  it('of a person do not act as a device, nor the reverse', async () => {
    assert.deepEqual(flawsOf(await sealBy({ device: toyHolder('person', 'Room 2') })), [
      'device_statement fails role_wrong',
      'device_post_quantum fails role_wrong',
    ])
    assert.deepEqual(flawsOf(await sealBy({ operator: toyHolder('device', 'Müller, Änne') })), [
      'operator_statement fails role_wrong',
      'operator_post_quantum fails role_wrong',
    ])
  })

  it('without a role act as nothing', async () => {
    const signer = toySigner(toyCertificate({ name: 'Room 2', issuer: site, spki: toyKey('plain') }))
    assert.deepEqual(flawsOf(await sealBy({ device: { ...device, statement: signer } })), [
      'device_statement fails role_wrong',
    ])
  })

  it('name the holder whom the statement names', async () => {
    assert.deepEqual(flawsOf(await sealBy({ operator: toyHolder('person', 'Somebody Else') })), [
      'operator_statement fails name_wrong',
      'operator_post_quantum fails name_wrong',
    ])
  })

  it('have keys of the kinds that are called for', async () => {
    // A statement signed twice with the keys of today, or twice with the post-quantum one.
    const twice = {
      ...device,
      postQuantum: {
        ...toySigner(toyHolderCertificate('device', { name: 'Room 2', spki: toyKey('second') })),
        algorithm: 'ml-dsa-44' as const,
      },
    }
    assert.deepEqual(flawsOf(await sealBy({ device: twice })), ['device_post_quantum fails algorithm_not_allowed'])
    const lattice = {
      ...device,
      statement: {
        ...toySigner(toyHolderCertificate('device', { name: 'Room 2', spki: toyLatticeKey('second') })),
        algorithm: 'ed25519' as const,
      },
    }
    assert.deepEqual(flawsOf(await sealBy({ device: lattice })), ['device_statement fails algorithm_not_allowed'])
  })

  it('of unknown issuers leave it open who signed', () => {
    const flaws = flawsOf(good, { anchors: NO_ANCHORS })
    assert.deepEqual(flaws, [
      'device_time unknown timestamp_authority_untrusted',
      ...['device_statement', 'device_post_quantum', 'operator_statement', 'operator_post_quantum'].map(
        (s) => `${s} unknown signer_unknown`,
      ),
    ])
    assert.equal(outcomeOf(good, { anchors: NO_ANCHORS }), 'unknown')
    const namesake = toyCertificate({ name: 'Hospital CA', spki: toyKey('another CA') })
    assert.notEqual(outcomeOf(good, { anchors: anchorsFrom([namesake]) }), 'holds')
  })

  it('that were revoked for a stolen key fail whatever the time', () => {
    const { serial } = parseCertificate(device.statement.certificate)
    const stolen = toyCrl(site, [{ serial, revokedAt: new Date('2026-03-20T00:00:00Z'), reason: 'keyCompromise' }])
    assert.ok(
      flawsOf(good, { anchors: { ...anchors, crls: [stolen] } }).includes('device_statement fails signer_revoked'),
    )
  })

  it('that were replaced later still hold for what they had signed, where the time is proven', async () => {
    const { serial } = parseCertificate(device.statement.certificate)
    const replaced = toyCrl(site, [{ serial, revokedAt: new Date('2026-03-20T00:00:00Z'), reason: 'superseded' }])
    const later = { anchors: { ...anchors, crls: [replaced] } }
    assert.equal(outcomeOf(good, later), 'holds')
    const unproven = { ...good, timestamps: [] }
    assert.ok(flawsOf(unproven, later).includes('device_statement fails signer_revoked'))
  })

  it('that have ended since hold where the time is proven, and are open where it is not', async () => {
    const ended = toyHolder('device', 'Room 2', { notAfter: new Date('2026-03-10T00:00:00Z') })
    const seal = await sealBy({ device: ended })
    assert.equal(outcomeOf(seal), 'holds')
    assert.deepEqual(flawsOf({ ...seal, timestamps: [] }), [
      'device_time unknown timestamp_absent',
      'device_statement unknown time_unproven',
      'device_post_quantum unknown time_unproven',
    ])
  })

  it('that had ended before, or had not begun, fail', async () => {
    const before = toyHolder('device', 'Room 2', { notAfter: new Date('2026-03-01T00:00:00Z') })
    assert.ok(flawsOf(await sealBy({ device: before })).includes('device_statement fails signer_outside_validity'))
    const after = toyHolder('device', 'Room 2', { notBefore: new Date('2026-03-04T00:00:00Z') })
    assert.ok(flawsOf(await sealBy({ device: after })).includes('device_post_quantum fails signer_outside_validity'))
  })
})

describe('the time of a seal', () => {
  const stampedAt = (time: string): Promise<Seal> => toySeal({ timestamp: toyTimestamp(new Date(time)) })

  it('is open without a token', async () => {
    assert.deepEqual(flawsOf({ ...good, timestamps: [] }), ['device_time unknown timestamp_absent'])
    assert.equal(verifySeal({ ...good, timestamps: [] }, verifyOptions).provenAt, undefined)
  })

  it('is that of the earliest of several tokens', async () => {
    const imprint = timestampImprint(good.envelope, hashes)
    const later = await toyTimestamp(new Date('2026-03-03T12:00:00Z'))('sha256', imprint)
    assert.equal(
      verifySeal({ ...good, timestamps: [later, ...good.timestamps] }, verifyOptions).provenAt?.toISOString(),
      '2026-03-03T10:14:02.123Z',
    )
  })

  it('fails with one token that is wrong among good ones', async () => {
    const token = await toyTimestamp(sealedAt)('sha256', sha256())
    assert.deepEqual(flawsOf({ ...good, timestamps: [...good.timestamps, token] }), [
      'device_time fails timestamp_imprint_wrong',
    ])
    assert.deepEqual(flawsOf({ ...good, timestamps: [Uint8Array.of(1)] }), ['device_time fails timestamp_malformed'])
  })

  it('takes the signatures in, so that none can be made later under an old token', async () => {
    const pae = encodePae(good.envelope.payloadType, good.envelope.payload)
    const overPayload = await toyTimestamp(sealedAt)('sha256', sha256(pae))
    assert.deepEqual(flawsOf({ ...good, timestamps: [overPayload] }), ['device_time fails timestamp_imprint_wrong'])
    const signatures = good.envelope.signatures.toReversed()
    assert.deepEqual(flawsOf({ ...good, envelope: { ...good.envelope, signatures } }), [
      'device_time fails timestamp_imprint_wrong',
    ])
  })

  it('contradicts a statement that claims a later moment', async () => {
    assert.equal(outcomeOf(await stampedAt('2026-03-03T10:10:00Z')), 'holds')
    assert.deepEqual(flawsOf(await stampedAt('2026-03-03T10:08:00Z')), ['device_time fails claimed_after_proven'])
  })

  it('leaves a claim open that was stamped days later', async () => {
    assert.equal(outcomeOf(await stampedAt('2026-03-04T10:00:00Z')), 'holds')
    assert.deepEqual(flawsOf(await stampedAt('2026-03-05T10:14:00Z')), ['device_time unknown timestamp_late'])
  })

  it('is not for other certificates to tell', async () => {
    const impostor = toyHolderCertificate('device', { name: 'Room 2', spki: toyKey('impostor') })
    const seal = await toySeal({ timestamp: toyTimestamp(sealedAt, impostor) })
    assert.deepEqual(flawsOf(seal), ['device_time fails timestamp_authority_not_timestamping'])
  })
})

describe('the frames of a seal', () => {
  it('are those whose root is signed', () => {
    for (const frames of [[], good.frames.toReversed(), good.frames.slice(1), [...good.frames, sha256()], [sha256()]]) {
      assert.deepEqual(flawsOf({ ...good, frames }), ['frames fails frames_other'])
    }
  })
})

describe('a seal in which every field of the statement is another', () => {
  it('never holds under the old signatures', async () => {
    const { statement } = good
    const others: readonly Partial<typeof statement>[] = [
      { file: sha256() },
      { original: sha256() },
      { dataset: sha256() },
      { salt: new Uint8Array(16) },
      { isDemo: !statement.isDemo },
      { instance: { ...statement.instance, sopInstanceUid: '2.25.9' } },
      { elements: statement.elements.slice(1) },
      { pixels: null },
      { acquiredAt: null },
      { sealedAt: new Date(sealedAt.getTime() + 1) },
      { operator: { ...statement.operator, id: 'u18' } },
      { device: { ...statement.device, serial: '4712' } },
      { signatures: { ...statement.signatures, operator: null } },
    ]
    for (const overrides of others) {
      const changed = { ...statement, ...overrides }
      const envelope = { ...good.envelope, payload: formatStatement(changed) }
      const report = verifySeal({ ...good, statement: changed, envelope }, verifyOptions)
      assert.equal(report.outcome, 'fails', Object.keys(overrides).join())
      assert.ok(report.checks.some(({ subject, outcome }) => subject === 'device_statement' && outcome === 'fails'))
    }
  })
})

describe('the cost of verifying', () => {
  it('is a bounded number of public-key operations', async () => {
    const before = toyCrypto.count()
    verifySeal(await toySeal(), { ...verifyOptions, now })
    // Four signatures, one step to the root for each, and three for the token.
    assert.ok(toyCrypto.count() - before <= 12, `${toyCrypto.count() - before} operations`)
  })

  it('signs and verifies with what the signers gave', async () => {
    assert.equal(
      (await signSeal({ statement: toyStatement(), frames: good.frames, signers: { device, operator }, hashes }))
        .timestamps.length,
      0,
    )
  })
})
