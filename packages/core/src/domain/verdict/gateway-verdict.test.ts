/** What the seal of a gateway adds up to: levels, verdicts under each policy, and the words for people. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import { sq, text } from '../../formats/dicom/values.ts'
import { toyGatewaySeal, toyGatewayStatement } from '../../testing/toy-gateway.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { sealedAt, toyDescription, toyElements, toyFile, toySeal, verifyOptions } from '../../testing/toy-seal.ts'
import type { ConsultedLog, InstanceRecord, LogEvidence } from '../log/logged-instance.ts'
import type { GatewayStatement } from '../seal/gateway-statement.ts'
import { formatGatewaySeal, formatSeal } from '../seal/seal.ts'
import type { Check, Subject } from './check.ts'
import { type Evidence, gatherEvidence } from './evidence.ts'
import { type Judgement, judge } from './judge.ts'
import { ACQUISITION_POLICY, GATEWAY_POLICY, type Policy, SIGNATURES_POLICY } from './policy.ts'

const original = sha256(encodeUtf8('original'))
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** The toy image as it came to the gateway, which has no signature in it, with the seal that the gateway made. */
async function seal(overrides: Partial<GatewayStatement> = {}, file = toyFile()): Promise<Evidence> {
  const description = toyDescription(file)
  const { source } = file
  const statement = toyGatewayStatement(description, {
    original: sha256(source.view(0, source.length)),
    ...overrides,
  })
  const sealed = await toyGatewaySeal({ statement, frames: description.frames })
  return gatherEvidence(file, formatGatewaySeal(sealed), verifyOptions)
}

const answersOf = (judgement: Judgement, subject: Subject): readonly string[] =>
  judgement.checks
    .filter((check) => check.subject === subject)
    .map((check: Check) => (check.outcome === 'holds' ? 'holds' : `${check.outcome}: ${check.reason}`))

const consulted = (records: readonly InstanceRecord[], more: Partial<ConsultedLog> = {}): ConsultedLog => ({
  state: 'consulted',
  origin: 'example.org/log',
  size: 1000n,
  isWitnessed: true,
  records,
  ...more,
})

const lines = ({ verdict, level, content }: Judgement): readonly string[] => [verdict, level, content]
const withLog = (evidence: Evidence, log: LogEvidence): Evidence => ({ ...evidence, log })

describe('an image that a gateway sealed', () => {
  let good: Evidence
  before(async () => {
    good = await seal()
  })

  it('is authentic under the policy of gateways, at level P2', () => {
    const judged = judge(good, GATEWAY_POLICY)
    assert.deepEqual(lines(judged), ['authentic', 'P2', 'unchanged'])
    assert.deepEqual(answersOf(judged, 'gateway_signature'), ['holds'])
    assert.deepEqual(answersOf(judged, 'binding'), ['holds'])
  })

  it('is undetermined under policies that ask who made it', () => {
    for (const policy of [ACQUISITION_POLICY, SIGNATURES_POLICY]) {
      const judged = judge(good, policy)
      assert.deepEqual(lines(judged), ['undetermined', 'P2', 'unchanged'])
      assert.deepEqual(answersOf(judged, 'device_signature'), ['unknown: signature_absent'])
      assert.deepEqual(answersOf(judged, 'operator_signature'), ['unknown: signature_absent'])
    }
  })

  it('is told of as unchanged since it came, and no more', () => {
    const { sentence } = judge(good, GATEWAY_POLICY)
    assert.match(
      sentence,
      /^Unchanged since the gateway Front Door received it from AE CT1, by its own clock on 3 March 2026 at 10:13 UTC\. What happened before that, nobody can show\./,
    )
  })

  it('never comes above P2, whatever log and time say', () => {
    const entry = { index: 7n, inclusion: 'holds', notAfter: new Date(sealedAt.getTime() + MINUTE) } as const
    const judged = judge(withLog(good, consulted([], { entry })), GATEWAY_POLICY)
    assert.deepEqual(lines(judged), ['authentic', 'P2', 'unchanged'])
    assert.deepEqual(answersOf(judged, 'log'), ['holds'])
    assert.deepEqual(answersOf(judged, 'time'), ['holds'])
    assert.match(judged.sentence, /from AE CT1 on 3 March 2026 at 10:13 UTC\..*The custody log has a record of it\./)
  })

  it('is told of with the time of its arrival by the clock of the gateway where that lies long before the seal', async () => {
    const received = { ...toyGatewayStatement().received, receivedAt: new Date(sealedAt.getTime() - 3 * DAY) }
    const entry = { index: 7n, inclusion: 'holds', notAfter: new Date(sealedAt.getTime() + MINUTE) } as const
    const judged = judge(withLog(await seal({ received }), consulted([], { entry })), GATEWAY_POLICY)
    assert.deepEqual(answersOf(judged, 'time'), ['holds'])
    assert.match(judged.sentence, /from AE CT1, by its own clock on 28 February 2026 at 10:14 UTC\./)
  })

  it('has no proven time by a log that knew it late, or does not say when', () => {
    for (const notAfter of [undefined, new Date(sealedAt.getTime() + 2 * DAY)]) {
      const entry = { index: 7n, inclusion: 'holds', ...(notAfter && { notAfter }) } as const
      assert.deepEqual(answersOf(judge(withLog(good, consulted([], { entry })), GATEWAY_POLICY), 'time'), [
        'unknown: time_unproven',
      ])
    }
  })

  it('fails where the log contradicts its time', () => {
    const entry = { index: 7n, inclusion: 'holds', notAfter: new Date(sealedAt.getTime() - DAY) } as const
    const judged = judge(withLog(good, consulted([], { entry })), GATEWAY_POLICY)
    assert.deepEqual(answersOf(judged, 'time'), ['unknown: time_unproven', 'fails: time_contradicted'])
    assert.deepEqual(lines(judged), ['not_authentic', 'P0', 'unchanged'])
  })

  describe('beside the file, since it goes on as it came', () => {
    const beside = { signatures: { gateway: null }, file: original, original }

    it('says the same as one that signed in it, also of the data set in the file of an archive', async () => {
      const judged = judge(await seal(beside), GATEWAY_POLICY)
      assert.deepEqual(lines(judged), ['authentic', 'P2', 'unchanged'])
      assert.deepEqual(answersOf(judged, 'gateway_signature'), ['holds'])
      assert.equal(judged.sentence, judge(good, GATEWAY_POLICY).sentence)
    })

    it('fails for another data set', async () => {
      const changed = toyFile(toyElements([text(0x00100010, 'PN', 'Other')]))
      const description = toyDescription()
      const statement = toyGatewayStatement(description, beside)
      const bytes = formatGatewaySeal(await toyGatewaySeal({ statement, frames: description.frames }))
      const judged = judge(gatherEvidence(changed, bytes, verifyOptions), GATEWAY_POLICY)
      assert.deepEqual(lines(judged), ['not_authentic', 'P0', 'altered'])
    })

    it('leaves a signature that somebody adds to others', async () => {
      const judged = judge(await seal(beside), SIGNATURES_POLICY)
      assert.deepEqual(lines(judged), ['undetermined', 'P2', 'unchanged'])
    })
  })

  for (const [name, overrides, missing] of [
    ['an order', { order: null }, 'no order'],
    ['a technologist', { technologist: null }, 'no technologist'],
    [
      'a name of the sender',
      { received: { ...toyGatewayStatement().received, callingAet: null, certificate: null } },
      'no name of the sender',
    ],
  ] as const) {
    it(`comes to P1 without ${name}`, async () => {
      const judged = judge(await seal(overrides), GATEWAY_POLICY)
      assert.deepEqual(lines(judged), ['authentic', 'P1', 'unchanged'])
      const [binding] = judged.checks.filter(({ subject }) => subject === 'binding')
      assert.deepEqual(binding, {
        subject: 'binding',
        outcome: 'unknown',
        reason: 'binding_incomplete',
        where: [missing],
      })
    })
  }

  it('stays at P2 where the sender is named by a certificate or a token alone', async () => {
    const { received } = toyGatewayStatement()
    for (const named of [
      { certificate: original, token: null },
      { certificate: null, token: 'CT in room 4' },
    ]) {
      const judged = judge(await seal({ received: { ...received, callingAet: null, ...named } }), GATEWAY_POLICY)
      assert.deepEqual(lines(judged), ['authentic', 'P2', 'unchanged'])
      assert.match(judged.sentence, /^Unchanged since the gateway Front Door received it, by its own clock on /)
    }
  })

  it('comes to P1 where it names another order itself', async () => {
    for (const element of [
      text(0x00080050, 'SH', 'A-18'),
      sq(0x00400275, [text(0x00400009, 'SH', 'SPS-2')]),
      sq(0x00400275, [text(0x00401001, 'SH', 'RP-2')]),
    ]) {
      const judged = judge(await seal({}, toyFile(toyElements([element]))), GATEWAY_POLICY)
      assert.deepEqual(lines(judged), ['authentic', 'P1', 'unchanged'])
      assert.deepEqual(answersOf(judged, 'binding'), ['unknown: binding_contradicted'])
    }
  })

  it('stays at P2 where it names the same order, among others', async () => {
    const elements = toyElements([
      text(0x00080050, 'SH', 'A-17'),
      sq(0x00400275, [text(0x00400009, 'SH', 'SPS-0')], [text(0x00400009, 'SH', 'SPS-1')]),
    ])
    assert.deepEqual(lines(judge(await seal({}, toyFile(elements)), GATEWAY_POLICY)), ['authentic', 'P2', 'unchanged'])
  })

  it('fails where its signature is gone from a file that is not the one that came', async () => {
    const judged = judge(await seal({ original }), GATEWAY_POLICY)
    assert.deepEqual(answersOf(judged, 'gateway_signature'), ['fails: signature_removed'])
    assert.deepEqual(lines(judged), ['not_authentic', 'P0', 'unchanged'])
  })

  it('fails where it was changed since', async () => {
    const sealed = await toyGatewaySeal()
    const changed = toyFile(toyElements([text(0x00100020, 'LO', 'P-2')]))
    const judged = judge(gatherEvidence(changed, formatGatewaySeal(sealed), verifyOptions), GATEWAY_POLICY)
    assert.deepEqual(answersOf(judged, 'content'), ['fails: patient_changed'])
    assert.deepEqual(lines(judged), ['not_authentic', 'P0', 'altered'])
  })
})

describe('the policy of gateways', () => {
  const judgeBy = (evidence: Evidence, policy: Policy = GATEWAY_POLICY): Judgement => judge(evidence, policy)

  it('asks for device and person in the place of a gateway where none sealed', async () => {
    const evidence = gatherEvidence(toyFile(), formatSeal(await toySeal()), verifyOptions)
    const judged = judgeBy(evidence)
    // The toy image lacks the signatures that the toy seal names.
    assert.equal(judged.verdict, 'not_authentic')
    assert.deepEqual(answersOf(judged, 'gateway_signature'), [])
    assert.match(judged.sentence, /a signature was taken out of it/)
  })

  it('takes silence for no answer', () => {
    const judged = judgeBy(gatherEvidence(toyFile(), undefined, verifyOptions))
    assert.deepEqual(lines(judged), ['undetermined', 'P0', 'not_shown'])
    assert.match(judged.sentence, /^Nobody can show where this picture came from\./)
  })
})

describe('a log that knows an image as sealed at a gateway', () => {
  const evidenceOf = async (records: (file: Uint8Array, dataset: Uint8Array) => readonly InstanceRecord[]) => {
    const file = toyFile()
    const description = toyDescription(file)
    const digest = sha256(file.source.view(0, file.source.length))
    const bare = gatherEvidence(file, undefined, verifyOptions)
    const frames = description.pixels?.root as Uint8Array
    const marks = { digests: { file: digest, dataset: description.dataset, frames }, signers: [] }
    return { ...bare, marks, log: consulted(records(digest, description.dataset)) }
  }
  const record = (
    index: bigint,
    type: string,
    digests: InstanceRecord['digests'],
    more: Partial<InstanceRecord> = {},
  ): InstanceRecord => ({ index, type, at: sealedAt, sopInstanceUid: '2.25.1001', digests, ...more })
  const other = sha256(encodeUtf8('other'))

  it('says that one without seal and signature was stripped', async () => {
    const evidence = await evidenceOf((_, dataset) => [record(7n, 'sealed-at-gateway', { file: other, dataset })])
    const judged = judge(evidence, GATEWAY_POLICY)
    assert.deepEqual(answersOf(judged, 'log'), ['fails: stripped'])
    assert.deepEqual(lines(judged), ['not_authentic', 'P0', 'not_shown'])
  })

  it('says so even where the attributes were changed besides', async () => {
    const evidence = await evidenceOf(() => [record(7n, 'sealed-at-gateway', { file: other, dataset: other })])
    assert.deepEqual(answersOf(judge(evidence, GATEWAY_POLICY), 'log'), ['fails: stripped'])
  })

  it('knows the very file that came to the gateway, before it sealed it', async () => {
    const evidence = await evidenceOf((file, dataset) => [
      record(6n, 'received', { file, dataset }),
      record(7n, 'sealed-at-gateway', { file: other, dataset }),
    ])
    const judged = judge(evidence, GATEWAY_POLICY)
    assert.deepEqual(answersOf(judged, 'log'), ['holds'])
    assert.deepEqual(lines(judged), ['undetermined', 'P1', 'unchanged'])
  })

  it('forgives no device that sealed it besides', async () => {
    const evidence = await evidenceOf((file, dataset) => [
      record(5n, 'acquired', { file: other, dataset }),
      record(6n, 'received', { file, dataset }),
    ])
    assert.deepEqual(answersOf(judge(evidence, GATEWAY_POLICY), 'log'), ['fails: stripped'])
  })

  it('does not miss the signature of the gateway where it is', async () => {
    const signer = sha256(encodeUtf8('the gateway'))
    const evidence = await evidenceOf((_, dataset) => [
      record(7n, 'sealed-at-gateway', { file: other, dataset }, { deviceCertificate: signer }),
    ])
    const judged = judge({ ...evidence, marks: { ...evidence.marks, signers: [signer] } }, GATEWAY_POLICY)
    assert.deepEqual(answersOf(judged, 'log'), ['unknown: recorded_otherwise'])
  })
})
