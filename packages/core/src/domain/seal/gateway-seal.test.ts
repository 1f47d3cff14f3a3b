import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { decodeUtf8, encodeUtf8, equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { formatCanonicalJson } from '../../formats/json/canonical.ts'
import { seeded } from '../../testing/seeded.ts'
import { gateway, gatewayFacts, toyGatewaySeal, toyGatewayStatement } from '../../testing/toy-gateway.ts'
import { sha256, toyCertificate } from '../../testing/toy-pki.ts'
import {
  device,
  hashes,
  operator,
  sealedAt,
  toyHolder,
  toySeal,
  toyTimestamp,
  verifyOptions,
} from '../../testing/toy-seal.ts'
import { formatGatewayStatement } from './gateway-statement.ts'
import {
  formatGatewaySeal,
  formatSeal,
  type GatewaySeal,
  parseGatewaySeal,
  parseImageSeal,
  parseSeal,
  type Seal,
} from './seal.ts'
import { certificatesOf, type HolderSigners } from './sign.ts'
import { verifyGatewaySeal, verifyImageSeal } from './verify.ts'

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof FormatError && error.code === code

const flawsOf = (seal: GatewaySeal): readonly string[] =>
  verifyGatewaySeal(seal, verifyOptions).checks.flatMap((check) =>
    check.outcome === 'holds' ? [] : [`${check.subject} ${check.outcome} ${check.reason}`],
  )

/** Signed by somebody else, whom the statement calls the gateway. */
const sealedBy = (signers: HolderSigners): Promise<GatewaySeal> =>
  toyGatewaySeal({
    signers,
    statement: toyGatewayStatement(undefined, {
      gateway: { ...gatewayFacts, certificates: certificatesOf(signers, hashes) },
    }),
  })

describe('the seal of a gateway', () => {
  let good: GatewaySeal
  let acquisition: Seal
  before(async () => {
    good = await toyGatewaySeal()
    acquisition = await toySeal()
  })

  it('survives formatting and parsing', () => {
    const bytes = formatGatewaySeal(good)
    assert.deepEqual(formatGatewaySeal(parseGatewaySeal(bytes)), bytes)
    assert.deepEqual(parseGatewaySeal(bytes).statement, good.statement)
  })

  it('is told from the seal of those who made the image by its first bytes', () => {
    assert.throws(() => parseSeal(formatGatewaySeal(good)), hasCode('seal_malformed'))
    assert.throws(() => parseGatewaySeal(formatSeal(acquisition)), hasCode('seal_malformed'))
    assert.deepEqual(parseImageSeal(formatGatewaySeal(good)), parseGatewaySeal(formatGatewaySeal(good)))
    assert.deepEqual(parseImageSeal(formatSeal(acquisition)), parseSeal(formatSeal(acquisition)))
  })

  it('is refused under the name of the other kind', () => {
    const rename = (bytes: Uint8Array, from: string, to: string): Uint8Array =>
      encodeUtf8(
        decodeUtf8(bytes).replace(
          `"application/vnd.fiducial.${from}.v1+json"`,
          `"application/vnd.fiducial.${to}.v1+json"`,
        ),
      )
    assert.throws(
      () => parseImageSeal(rename(formatGatewaySeal(good), 'gateway-seal', 'seal')),
      hasCode('statement_malformed'),
    )
    assert.throws(
      () => parseImageSeal(rename(formatSeal(acquisition), 'seal', 'gateway-seal')),
      hasCode('statement_malformed'),
    )
  })

  it('is refused with a field of the other kind', () => {
    const value = { ...JSON.parse(decodeUtf8(formatGatewaySeal(good))), series: null }
    const file = encodeUtf8(`${formatCanonicalJson(value)}\n`)
    assert.throws(() => parseGatewaySeal(file), hasCode('seal_malformed'))
    assert.throws(() => parseImageSeal(file), hasCode('seal_malformed'))
  })

  it('is refused by nothing but errors of its own, whatever the bytes are', () => {
    const whole = formatGatewaySeal(good)
    const roll = seeded(1)
    for (let i = 0; i < 1500; i++) {
      const cut = i % 3 === 0 ? whole.slice(0, roll(whole.length)) : whole.slice()
      for (let k = 0; k <= roll(4); k++) cut[roll(cut.length || 1)] = roll(256)
      const bytes = i % 5 === 0 ? Uint8Array.from({ length: roll(300) }, () => roll(256)) : cut
      try {
        const outcome = verifyImageSeal(parseImageSeal(bytes), verifyOptions).outcome
        assert.ok(outcome === 'fails' || equalBytes(bytes, whole), `round ${i}`)
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }
  })

  it('holds without a timestamp, and proves no time', () => {
    const report = verifyImageSeal(parseImageSeal(formatGatewaySeal(good)), verifyOptions)
    assert.equal(report.outcome, 'holds')
    assert.equal(report.provenAt, undefined)
    assert.deepEqual(
      report.checks.map(({ subject }) => subject),
      ['certificates', 'frames', 'envelope', 'gateway_statement', 'gateway_post_quantum'],
    )
  })

  it('holds with a timestamp, and proves its time', async () => {
    const seal = await toyGatewaySeal({ timestamp: toyTimestamp(new Date(sealedAt.getTime() + 2000)) })
    const report = verifyGatewaySeal(seal, verifyOptions)
    assert.equal(report.outcome, 'holds')
    assert.equal(report.provenAt?.toISOString(), '2026-03-03T10:14:02.123Z')
  })

  it('fails with a timestamp over something else', async () => {
    const { timestamps } = await toyGatewaySeal({ timestamp: async (name) => toyTimestamp(sealedAt)(name, sha256()) })
    assert.deepEqual(flawsOf({ ...good, timestamps }), ['gateway_time fails timestamp_imprint_wrong'])
  })

  for (const [name, holder] of [
    ['device', device],
    ['person', operator],
    ['log', toyHolder('log', 'Front Door')],
  ] as const) {
    it(`fails by the keys of a ${name}`, async () => {
      assert.deepEqual(flawsOf(await sealedBy(holder)), [
        'gateway_statement fails role_wrong',
        'gateway_post_quantum fails role_wrong',
      ])
    })
  }

  it('fails by a gateway of another name', async () => {
    assert.deepEqual(flawsOf(await sealedBy(toyHolder('gateway', 'Back Door'))), [
      'gateway_statement fails name_wrong',
      'gateway_post_quantum fails name_wrong',
    ])
  })

  it('is open by a gateway whose authority nobody knows', async () => {
    const issuer = toyCertificate({ name: 'Other Hospital CA' })
    assert.deepEqual(flawsOf(await sealedBy(toyHolder('gateway', 'Front Door', { issuer }))), [
      'gateway_statement unknown signer_unknown',
      'gateway_post_quantum unknown signer_unknown',
    ])
  })

  it('fails over other facts than those that were signed', () => {
    const { statement } = good
    const received = { ...statement.received, callingAet: 'CT2' }
    const order = statement.order && { ...statement.order, accessionNumber: 'A-18' }
    for (const changed of [
      { ...statement, received },
      { ...statement, order },
      { ...statement, technologist: null },
    ]) {
      const envelope = { ...good.envelope, payload: formatGatewayStatement(changed) }
      assert.deepEqual(flawsOf({ ...good, statement: changed, envelope }), [
        'gateway_statement fails signature_wrong',
        'gateway_post_quantum fails signature_wrong',
      ])
    }
  })

  it('fails without one of its signatures, and with one by somebody else besides', () => {
    const [statement, postQuantum] = good.envelope.signatures
    const withSignatures = (...signatures: (typeof statement)[]): GatewaySeal => ({
      ...good,
      envelope: { ...good.envelope, signatures: signatures.filter((one) => one !== undefined) },
    })
    assert.deepEqual(flawsOf(withSignatures(statement)), ['gateway_post_quantum fails signature_missing'])
    assert.deepEqual(flawsOf(withSignatures(postQuantum)), ['gateway_statement fails signature_missing'])
    assert.deepEqual(flawsOf(withSignatures(postQuantum, statement)), ['envelope fails signature_unexpected'])
    assert.deepEqual(flawsOf(withSignatures(statement, postQuantum, acquisition.envelope.signatures[0])), [
      'envelope fails signature_unexpected',
    ])
  })

  it('does not make a seal of an acquisition by its keys', async () => {
    const forged = await toySeal({
      signers: { device: gateway, operator },
      statement: {
        ...acquisition.statement,
        device: { ...acquisition.statement.device, name: 'Front Door', certificates: certificatesOf(gateway, hashes) },
      },
    })
    assert.deepEqual(
      verifyImageSeal(forged, verifyOptions).checks.flatMap((check) =>
        check.outcome === 'fails' ? [`${check.subject} ${check.reason}`] : [],
      ),
      ['device_statement role_wrong', 'device_post_quantum role_wrong'],
    )
  })
})
