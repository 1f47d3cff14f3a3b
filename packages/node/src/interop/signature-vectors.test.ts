/**
 * Signature vectors: files signed and forged by others, with the verdicts that their README asks for.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { macStreamBytes } from '@fiducial/core/domain/signature/digest.ts'
import { readSignatures } from '@fiducial/core/domain/signature/read.ts'
import { isSignable } from '@fiducial/core/domain/signature/signable.ts'
import type { SignatureReport, SignatureState } from '@fiducial/core/domain/signature/verify.ts'
import { anchorsFrom } from '@fiducial/core/domain/trust/anchors.ts'
import { formatTag } from '@fiducial/core/formats/dicom/element.ts'
import { parseCertificates } from '@fiducial/core/formats/x509/pem.ts'
import { sharedPath, sharedSkip } from '../testing/peers.ts'
import { parse, verify } from './signature-subjects.ts'

const FOLDER = 'vectors/signatures'
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(sharedPath(`${FOLDER}/${path}`)))

/** The certificates of the vectors are good for a while from this week on. */
const NOW = new Date('2026-11-25T12:00:00Z')

interface Vector {
  readonly file: string
  /** One for each signature: the main data set's first, then those of items. */
  readonly states: readonly SignatureState[]
  readonly mac?: SignatureReport['mac']['outcome']
  /** Concerns of the attributes that the first signature leaves open. */
  readonly open?: readonly string[]
}

const VECTORS: readonly Vector[] = [
  { file: 'signed/ct_none_sha256', states: ['valid'] },
  { file: 'signed/ct_creator', states: ['valid'] },
  { file: 'signed/ct_creator_ts', states: ['valid'] },
  { file: 'signed/ct_creator_ts_plus_auth', states: ['valid', 'valid'] },
  { file: 'signed/ct_rle_creator', states: ['valid'] },
  { file: 'signed/mr_implicit_creator', states: ['valid'] },
  { file: 'signed/mr_be_creator', states: ['valid'] },
  { file: 'signed/mr_small_creator', states: ['valid'] },
  { file: 'signed/us_jpeg_multiframe_creator', states: ['valid'] },
  { file: 'signed/ct_private_unknown_creator', states: ['valid'] },
  { file: 'signed/sr_item_signed', states: ['valid'] },
  { file: 'signed/sr_item_then_main', states: ['valid', 'valid'] },
  {
    file: 'signed/ct_partial_patientname_only',
    states: ['insufficient_coverage'],
    open: ['date', 'device', 'display', 'geometry', 'identity', 'other', 'patient', 'pixels'],
  },
  {
    file: 'signed/ct_creator_minimal',
    states: ['insufficient_coverage'],
    open: ['date', 'geometry', 'identity', 'other', 'patient'],
  },
  { file: 'signed/ct_signed_2025_cert_expired_2026', states: ['time_unproven'] },
  { file: 'forged/ct_creator_pixelflip', states: ['tampered'], mac: 'fails' },
  { file: 'forged/ct_creator_patid', states: ['tampered'], mac: 'fails' },
  { file: 'forged/ct_creator_removed', states: ['tampered'], mac: 'fails' },
  { file: 'forged/ct_creator_sigdate', states: ['tampered'], mac: 'fails' },
  { file: 'forged/ct_creator_stripped', states: [] },
  { file: 'forged/ct_creator_added_windowcenter', states: ['insufficient_coverage'], open: ['display'] },
  { file: 'forged/ct_creator_added_overlay6000', states: ['insufficient_coverage'], open: ['overlay'] },
  { file: 'forged/ct_dup_patientid', states: ['ambiguous_encoding'], mac: 'fails' },
  { file: 'forged/ct_private_through_implicit_pacs', states: ['unverifiable_transcoded'], mac: 'unknown' },
]

describe('signature vectors', { skip: sharedSkip }, () => {
  const anchors = anchorsFrom(['root', 'int'].flatMap((name) => parseCertificates(read(`keys/${name}.pem`))))

  for (const { file, states, mac = 'holds', open = [] } of VECTORS) {
    it(`gives ${file} the states ${states.join(', ') || 'of no signature'}`, () => {
      const report = verify(parse(read(`${file}.dcm`)), anchors, { now: NOW })
      assert.deepEqual(report.malformed, [])
      assert.deepEqual(
        report.signatures.map(({ state }) => state),
        states,
      )
      for (const signature of report.signatures) assert.equal(signature.mac.outcome, mac)
      const concerns = new Set(report.signatures[0]?.unsigned.map(({ concern }) => concern))
      assert.deepEqual([...concerns].sort(), open)
    })
  }

  it('says why a certificate that has run out proves no time', () => {
    const [report] = verify(parse(read('signed/ct_signed_2025_cert_expired_2026.dcm')), anchors, {
      now: NOW,
    }).signatures
    assert.equal(report?.signer.path.outcome, 'expired')
    assert.deepEqual(report?.time, { outcome: 'unknown', reason: 'timestamp_absent' })
  })

  it('names the private attribute whose VR was lost', () => {
    const [report] = verify(parse(read('forged/ct_private_through_implicit_pacs.dcm')), anchors, {
      now: NOW,
    }).signatures
    assert.ok(report?.mac.outcome === 'unknown')
    assert.equal(report.mac.reason, 'vr_lost')
    assert.equal(formatTag(report.mac.where ?? 0), '(0051,1001)')
  })

  it('names the attributes that were added', () => {
    const added = (file: string): readonly string[] | undefined =>
      verify(parse(read(file)), anchors, { now: NOW }).signatures[0]?.unsigned.map(({ tag }) => formatTag(tag))
    assert.deepEqual(added('forged/ct_creator_added_windowcenter.dcm'), ['(0028,1050)', '(0028,1051)'])
    assert.deepEqual(added('forged/ct_creator_added_overlay6000.dcm'), ['(6000,0010)', '(6000,0011)'])
  })

  it('names the duplicate', () => {
    const { findings } = parse(read('forged/ct_dup_patientid.dcm'))
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['dicom_duplicate_tag'],
    )
    assert.match(findings[0]?.message ?? '', /\(0010,0020\)/)
  })

  it('believes nobody without an anchor, and no certificate that signed itself', () => {
    const self = anchorsFrom(parseCertificates(read('keys/self.pem')))
    for (const others of [anchorsFrom([]), self]) {
      const [report] = verify(parse(read('signed/ct_creator.dcm')), others, { now: NOW }).signatures
      assert.equal(report?.state, 'untrusted_signer')
      assert.equal(report?.mac.outcome, 'holds')
    }
  })

  it('proves the time of the token that dcmsign stored, to the authority of the vectors', () => {
    const file = parse(read('signed/ct_creator_ts.dcm'))
    const [report] = verify(file, anchors, { now: NOW }).signatures
    assert.ok(report?.time.outcome === 'holds')
    assert.match(report.time.timestamp.authority.subject.text, /tsa/i)
    // A proven time outlives the certificate.
    const [later] = verify(file, anchors, { now: new Date('2126-01-01T00:00:00Z') }).signatures
    assert.equal(later?.state, 'valid')
    const [without] = verify(parse(read('signed/ct_creator.dcm')), anchors, {
      now: new Date('2126-01-01T00:00:00Z'),
    }).signatures
    assert.equal(without?.state, 'time_unproven')
  })

  const DUMPS: readonly (readonly [dump: string, file: string])[] = [
    ['ct_creator', 'ct_creator'],
    ['ct_none_sha256', 'ct_none_sha256'],
    ['ct_rle', 'ct_rle_creator'],
    ['mr_bigendian', 'mr_be_creator'],
    ['mr_implicit', 'mr_implicit_creator'],
    ['sr_sr_profile', 'sr_item_then_main'],
  ]
  for (const [dump, file] of DUMPS) {
    it(`digests the bytes of dumps/${dump}.mac`, () => {
      const { dataSet } = parse(read(`signed/${file}.dcm`))
      const [signature] = readSignatures(dataSet).signatures
      assert.ok(signature)
      const ours = joinBytes(macStreamBytes(dataSet.source, dataSet, signature, 'as_stored'))
      assert.equal(Buffer.compare(ours, read(`dumps/${dump}.mac`)), 0)
    })
  }

  it('finds each signature where it stands', () => {
    const { signatures } = readSignatures(parse(read('signed/sr_item_then_main.dcm')).dataSet)
    assert.deepEqual(
      signatures.map(({ path }) => path),
      ['', '(0040,a730)[1]'],
    )
    const { dataSet } = parse(read('signed/ct_creator.dcm'))
    const [signature] = readSignatures(dataSet).signatures
    assert.equal(signature?.purpose, '14')
    assert.equal(signature?.hash, 'sha256')
    const signable = dataSet.elements.filter(isSignable).map(({ tag }) => tag)
    assert.deepEqual(signature?.signedTags, signable)
    assert.equal(signable.length, 257)
  })
})
