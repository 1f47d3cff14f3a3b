import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { InstanceRecord, LogEvidence } from '../log/logged-instance.ts'
import { type Check, fails, holds, unknown } from '../verdict/check.ts'
import { ACQUISITION_POLICY, decide } from '../verdict/policy.ts'
import { type AuditEvidence, classify, mergeFindings } from './classify.ts'
import { compareFindings, FINDING_CODES, FINDINGS, finding, SEVERITIES } from './finding.ts'

const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const DIGESTS = { file: digest(1), dataset: digest(2), frames: digest(3) }
const HOLDING = ACQUISITION_POLICY.requires.map((subject) => holds(subject))

/** A bare image of which nobody knows anything, but for what is said. */
function evidenceOf(checks: readonly Check[], more: Partial<AuditEvidence> = {}): AuditEvidence {
  return {
    judgement: { verdict: decide(checks, ACQUISITION_POLICY), level: 'P0', content: 'not_shown', checks },
    policy: ACQUISITION_POLICY,
    log: { state: 'not_consulted' },
    sopInstanceUid: '1.2.3',
    studyInstanceUid: '1.2',
    digests: DIGESTS,
    isPlain: false,
    signatures: 0,
    hasSeal: false,
    staleness: { reasons: [], nextLookAt: null },
    oddities: [],
    marks: [],
    ...more,
  }
}

const codesOf = (evidence: AuditEvidence): readonly string[] => classify(evidence).findings.map(({ code }) => code)

const BARE = [unknown('device_signature', 'signature_absent'), unknown('seal', 'seal_absent')]

function logOf(...records: readonly Partial<InstanceRecord>[]): LogEvidence {
  return {
    state: 'consulted',
    origin: 'log',
    size: 100n,
    isWitnessed: true,
    records: records.map((record, i) => ({
      index: BigInt(i),
      type: 'received',
      at: new Date(0),
      sopInstanceUid: '1.2.3',
      studyInstanceUid: '1.2',
      digests: DIGESTS,
      ...record,
    })),
  }
}

describe('classify', () => {
  it('finds nothing of an image that is authentic', () => {
    assert.deepEqual(classify(evidenceOf(HOLDING, { signatures: 2, hasSeal: true })), {
      standing: 'authentic',
      findings: [],
    })
  })

  it('calls an image unknown that nobody signed or recorded', () => {
    assert.deepEqual(codesOf(evidenceOf(BARE)), ['unknown'])
    assert.equal(classify(evidenceOf(BARE)).standing, 'undetermined')
  })

  it('takes a record of exactly this content for enough', () => {
    const same = evidenceOf([...BARE, holds('log')], { log: logOf({}) })
    assert.deepEqual(classify(same), { standing: 'recorded', findings: [] })
    const otherFile = { ...same, log: logOf({ digests: { file: digest(9), dataset: digest(2) } }) }
    assert.equal(classify(otherFile).standing, 'recorded')
  })

  it('does not take a record for enough that too few witnesses have seen', () => {
    const evidence = evidenceOf([...BARE, unknown('log', 'unwitnessed')], { log: logOf({}) })
    assert.deepEqual(codesOf(evidence), ['log_unavailable'])
  })

  it('tells apart what the log has otherwise, and what it does not have', () => {
    const other = logOf({ digests: { dataset: digest(8), frames: digest(3) } })
    assert.deepEqual(codesOf(evidenceOf([...BARE, unknown('log', 'record_differs')], { log: other })), ['changed'])
    assert.deepEqual(codesOf(evidenceOf([...BARE, unknown('log', 'record_erased')])), ['erased'])
  })

  const failures = [
    [['content', 'pixels_changed'], 'altered'],
    [['content', 'overlay_changed'], 'altered'],
    [['content', 'other_instance'], 'wrong_seal'],
    [['seal', 'seal_malformed'], 'wrong_seal'],
    [['device_signature', 'signature_removed'], 'stripped'],
    [['device_signature', 'signer_impersonated'], 'wrong_signer'],
    [['device_signature', 'role_mismatch'], 'wrong_signer'],
    [['device_signature', 'revoked'], 'revoked'],
    [['encoding', 'encoding_ambiguous'], 'ambiguous'],
    [['encoding', 'preamble_executable'], 'ambiguous'],
    [['fragments', 'fragments_ambiguous'], 'ambiguous'],
    [['time', 'back_dated'], 'back_dated'],
    [['log', 'replaced'], 'replaced'],
    [['log', 'stripped'], 'stripped'],
    [['log', 'withdrawn'], 'withdrawn'],
    [['log', 'log_forked'], 'log_contradicted'],
  ] as const
  for (const [[subject, reason], code] of failures) {
    it(`draws ${code} from ${subject}: ${reason}, as an alarm`, () => {
      const { findings } = classify(evidenceOf([fails(subject, reason, ['here'])], { signatures: 1 }))
      assert.deepEqual(findings, [{ code, severity: 'alarm', reasons: [reason], where: ['here'] }])
    })
  }

  it('calls it a replay where nothing but the date and what is signed over it changed', () => {
    const checks = [fails('device_signature', 'tampered'), fails('content', 'date_changed')]
    assert.deepEqual(codesOf(evidenceOf(checks)), ['replayed'])
    assert.deepEqual(codesOf(evidenceOf([...checks, fails('content', 'pixels_changed')])), ['altered'])
  })

  it('calls another name a change, since corrections do that, too', () => {
    assert.deepEqual(codesOf(evidenceOf([fails('content', 'patient_changed')])), ['altered'])
  })

  it('leaves out what the policy does not ask for', () => {
    assert.deepEqual(codesOf(evidenceOf([...HOLDING, fails('revocation', 'revoked')])), [])
  })

  it('calls a file that is cut off damaged, and not another picture', () => {
    const checks = [fails('encoding', 'encoding_ambiguous', ['offset 558']), fails('log', 'replaced')]
    assert.deepEqual(codesOf(evidenceOf(checks, { oddities: ['dicom_length_past_end'] })), ['damaged'])
    assert.deepEqual(codesOf(evidenceOf(checks, { oddities: ['dicom_length_past_end', 'dicom_duplicate_tag'] })), [
      'replaced',
      'ambiguous',
    ])
  })

  it('finds an image in the archive that the log has in quarantine, until it is released', () => {
    const held = logOf({}, { type: 'quarantined' })
    const released = logOf({}, { type: 'quarantined' }, { type: 'released' })
    const again = logOf({}, { type: 'quarantined' }, { type: 'released' }, { type: 'quarantined' })
    assert.deepEqual(codesOf(evidenceOf([...BARE, holds('log')], { log: held })), ['quarantined'])
    assert.deepEqual(codesOf(evidenceOf([...BARE, holds('log')], { log: released })), [])
    assert.deepEqual(codesOf(evidenceOf([...BARE, holds('log')], { log: again })), ['quarantined'])
  })

  it('does not take an image for quarantined because another one came under its identifier', () => {
    const other = { file: digest(8), dataset: digest(9) }
    const log = logOf({}, { type: 'received', digests: other }, { type: 'quarantined', digests: other })
    assert.deepEqual(codesOf(evidenceOf([...BARE, holds('log')], { log })), [])
  })

  describe('of a picture that the log knows under another identifier', () => {
    const checks = [...BARE, unknown('log', 'other_identifier')]
    const other = { sopInstanceUid: '9.9', digests: { file: digest(7), dataset: digest(8), frames: digest(3) } }

    it('calls it replayed in another study, and a duplicate in the same one', () => {
      const elsewhere = classify(evidenceOf(checks, { log: logOf({ ...other, studyInstanceUid: '7.7' }) }))
      assert.deepEqual(
        elsewhere.findings.map(({ code, severity }) => [code, severity]),
        [
          ['replayed', 'alarm'],
          ['unknown', 'warning'],
        ],
      )
      assert.ok(elsewhere.findings[0]?.where.includes('9.9'))
      assert.deepEqual(codesOf(evidenceOf(checks, { log: logOf(other) })), ['unknown', 'duplicate'])
    })

    it('says nothing where the picture is a plain one: two may be black', () => {
      const log = logOf({ ...other, studyInstanceUid: '7.7' })
      assert.deepEqual(codesOf(evidenceOf(checks, { log, isPlain: true })), ['unknown'])
    })
  })

  const gaps = [
    ['untrusted_signer', 'untrusted'],
    ['transcoded', 're_encoded'],
    ['vr_lost', 're_encoded'],
    ['time_unproven', 'stale'],
    ['unsigned_attribute', 'unproven'],
    ['signed_by_operator_in_series', 'unproven'],
  ] as const
  for (const [reason, code] of gaps) {
    it(`draws ${code} from a gap: ${reason}`, () => {
      const [found] = classify(evidenceOf([unknown('seal', reason)], { signatures: 2, hasSeal: true })).findings
      assert.equal(found?.code, code)
      assert.equal(found?.severity, 'warning')
    })
  }

  it('calls a sealed image unrecorded that the log of its own site does not have', () => {
    const checks = [...HOLDING, unknown('log', 'seal_unrecorded')]
    assert.deepEqual(codesOf(evidenceOf(checks, { signatures: 2, hasSeal: true })), ['unrecorded'])
  })

  it('does not call it a change where signatures show that only the encoding is another one', () => {
    const evidence = evidenceOf([unknown('log', 'record_differs'), unknown('seal', 'seal_absent')], { signatures: 2 })
    const derived = { ...evidence, judgement: { ...evidence.judgement, content: 'derived' as const } }
    assert.deepEqual(codesOf(derived), ['re_encoded'])
  })

  it('warns of what has ended, and gives notice of what will', () => {
    const staleness = (reason: 'timestamp_ended' | 'timestamp_ending') => ({ reasons: [reason], nextLookAt: null })
    const severityOf = (reason: 'timestamp_ended' | 'timestamp_ending') =>
      classify(evidenceOf(HOLDING, { staleness: staleness(reason) })).findings[0]?.severity
    assert.deepEqual([severityOf('timestamp_ended'), severityOf('timestamp_ending')], ['warning', 'notice'])
  })

  it('gives notice of what was not made from a patient, whatever else is said', () => {
    const { findings } = classify(evidenceOf(HOLDING, { marks: ['synthetic_data'] }))
    assert.deepEqual(findings, [finding('synthetic', ['synthetic_data'])])
  })
})

describe('mergeFindings', () => {
  it('keeps one of each code, with all reasons and the worst severity, worst first', () => {
    const merged = mergeFindings([
      finding('unknown'),
      finding('duplicate', ['a'], ['x'], 'notice'),
      finding('duplicate', ['b', 'a'], ['x', 'y']),
      finding('altered', ['c']),
    ])
    assert.deepEqual(merged, [
      { code: 'altered', severity: 'alarm', reasons: ['c'], where: [] },
      { code: 'unknown', severity: 'warning', reasons: [], where: [] },
      { code: 'duplicate', severity: 'warning', reasons: ['a', 'b'], where: ['x', 'y'] },
    ])
  })
})

describe('FINDINGS', () => {
  it('stand in the order of their severity, and say what to do', () => {
    const sorted = FINDING_CODES.map((code) => finding(code)).toSorted(compareFindings)
    assert.deepEqual(
      sorted.map(({ severity }) => severity),
      sorted.map(({ severity }) => severity).toSorted((a, b) => SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b)),
    )
    for (const { title, explanation, advice } of Object.values(FINDINGS)) {
      for (const text of [explanation, advice]) assert.match(text, /^[A-Z].*\.$|`$/)
      assert.ok(title.length < 60)
    }
  })
})
