import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toyEventCrypto as crypto, toyEvent, toyLogKeys, toySigned } from '../../testing/toy-events.ts'
import { toyLogSigner, toyNoteSigner } from '../../testing/toy-notes.ts'
import { hashes } from '../../testing/toy-seal.ts'
import { TOY_STUDY, type ToyStudyOptions, toyStudyFile } from '../../testing/toy-study.ts'
import { makeEntry } from './entry.ts'
import { cosign } from './sign-checkpoint.ts'
import { formatStudyFile, type StudyFile } from './study-file.ts'
import type { LogTrust } from './verify-entry.ts'
import { type StudyFileReport, verifyStudyFile } from './verify-study-file.ts'

const trust: LogTrust = { keys: [toyLogKeys.ed25519.key, toyLogKeys.mlDsa44.key], policy: null }
const file = await toyStudyFile()
const verify = (part: Partial<StudyFile> = {}, whom = trust): StudyFileReport =>
  verifyStudyFile(formatStudyFile({ ...file, ...part }), whom, crypto)
const verifyToy = async (options: ToyStudyOptions): Promise<StudyFileReport> =>
  verifyStudyFile(formatStudyFile(await toyStudyFile(options)), trust, crypto)
const opens = ({ checks }: StudyFileReport): readonly string[] =>
  checks.flatMap((check) => (check.outcome === 'holds' ? [] : `${check.subject} ${check.reason}`))

describe('verification of a study file', () => {
  it('says how many images there are, as of which entry, and what it looked at', () => {
    const report = verify()
    assert.equal(report.outcome, 'holds')
    assert.deepEqual(
      report.checks.map(({ subject }) => subject),
      ['encoding', 'event', 'entry', 'statement', 'signature', 'checkpoint', 'inclusion', 'signer', 'completeness'],
    )
    const { study } = report
    assert.equal(study?.finding.outcome === 'complete' && study.finding.present, 3)
    assert.equal(study?.studyInstanceUid, TOY_STUDY)
    assert.equal(study?.index, 9n)
    assert.equal(study?.size, 9n)
    assert.equal(report.notAfter, undefined)
  })

  it('says that a study is not there', async () => {
    const report = await verifyToy({ studyInstanceUid: '2.25.78' })
    assert.equal(report.outcome, 'holds')
    assert.equal(report.study?.finding.outcome, 'absent')
  })

  it('fails for another study than it is about', () => {
    assert.deepEqual(opens(verify({ studyInstanceUid: '2.25.76' })), ['completeness completeness_path_wrong'])
  })

  it('fails for the proof of another map', async () => {
    const other = await toyStudyFile({ studyInstanceUid: '2.25.76' })
    const moved = { ...other.completeness, map: { ...other.completeness.map, size: 10n } }
    assert.deepEqual(opens(verify({ completeness: moved })), ['completeness completeness_other_map'])
  })

  it('fails for records that were left out or changed', () => {
    const study = file.completeness.study ?? assert.fail()
    const [first, ...rest] = study.records
    assert.ok(first)
    const withRecords = (records: typeof study.records): StudyFileReport =>
      verify({ completeness: { ...file.completeness, study: { ...study, records } } })
    assert.deepEqual(opens(withRecords(rest)), ['completeness completeness_path_wrong'])
    assert.deepEqual(opens(withRecords([{ ...first, state: 'erased' }, ...rest])), [
      'completeness completeness_path_wrong',
    ])
    assert.deepEqual(opens(withRecords([])), ['completeness completeness_records_wrong'])
  })

  it('fails for a map root that claims to know what came after it', async () => {
    assert.deepEqual(opens(await verifyToy({ ahead: 2 })), ['event map_ahead'])
  })

  it('fails for a map root that somebody else signed, though it stands in the log', async () => {
    const stranger = toyNoteSigner('stranger.example/log', 'ed25519')
    assert.deepEqual(opens(await verifyToy({ signer: stranger })), ['signer signer_other'])
  })

  it('fails for another event than a map root', async () => {
    const other = await toySigned(toyEvent('received'))
    const report = verify({ statement: other.payload, leaf: makeEntry(other, hashes) })
    assert.deepEqual(opens(report), ['event event_other', 'inclusion inclusion_wrong', 'completeness entry_unread'])
    assert.equal(report.study, undefined)
  })

  it('fails at another place of the log', () => {
    for (const index of [0n, 8n, 10n, 11n]) {
      const report = verify({ inclusion: { ...file.inclusion, index } })
      assert.ok(opens(report).includes('inclusion inclusion_wrong'), String(index))
    }
  })

  it('leaves open what a log says that nobody believes', () => {
    const report = verify({}, { keys: [toyLogSigner('other.example/log').ed25519.key], policy: null })
    assert.equal(report.outcome, 'unknown')
    assert.deepEqual(opens(report), ['checkpoint log_unknown', 'inclusion log_unknown', 'signer log_unknown'])
  })

  it('asks for the witnesses of a policy, and takes their time', async () => {
    const witness = toyNoteSigner('witness.example/w', 'cosignature-ed25519')
    const policy = {
      logs: trust.keys.map((key) => ({ key })),
      witnesses: [{ name: 'w', key: witness.key }],
      groups: [],
      quorum: 'w',
    }
    const whom = { ...trust, policy }
    assert.deepEqual(opens(verify({}, whom)), ['witnesses quorum_missing'])
    const lines = await cosign(file.inclusion.checkpoint, [witness], 1_772_532_900n)
    const checkpoint = file.inclusion.checkpoint + lines
    const report = verify({ inclusion: { ...file.inclusion, checkpoint } }, whom)
    assert.equal(report.outcome, 'holds')
    assert.equal(report.notAfter, 1_772_532_900n)
  })

  it('fails for what is no study file, and throws nothing', () => {
    for (const bytes of [new Uint8Array(0), new TextEncoder().encode('{}\n'), formatStudyFile(file).subarray(1)]) {
      assert.deepEqual(opens(verifyStudyFile(bytes, trust, crypto)), ['encoding study_file_malformed'])
    }
  })

  it('notices each byte that is changed', () => {
    const bytes = formatStudyFile(file)
    const accepted = Array.from(bytes.keys()).filter((at) => {
      const flipped = bytes.with(at, (bytes[at] as number) ^ 1)
      return verifyStudyFile(flipped, trust, crypto).outcome === 'holds'
    })
    assert.deepEqual(accepted, [])
  })
})
