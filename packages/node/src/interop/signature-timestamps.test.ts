/**
 * Certified timestamps of signatures (RFC 3161, PS3.15 section C.3): those that `dcmsign` inserts from an answer of
 * `openssl ts`, and those that we insert, to both sides.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { createAuthority } from '../keys/embedded-authority.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { createSite, type Identity, replyTo, type SigningSite, stamp } from '../testing/signing-site.ts'
import {
  dcmsign,
  dcmsignVerify,
  forEachInPairs,
  nowAsDateTime,
  parse,
  runDcmsign,
  sign,
  signatureAt,
  subjectAt,
  verify,
} from './signature-subjects.ts'

const TEST_FILES = 'data/dicom/pydicom/test_files'
const FILES = ['CT_small.dcm', 'MR_small_implicit.dcm', 'MR_small_bigendian.dcm', 'JPEG2000.dcm', 'reportsi.dcm']

/** A signature so recent, and an authority on the same machine: no more lies between than a slow test. */
const RECENT_MS = 120_000

describe('certified timestamps', { skip: sharedSkip || dcmsign.skip }, () => {
  const folder = temporaryFolder()
  let site: SigningSite
  let device: Identity
  let clock: Identity
  before(async () => {
    site = await createSite(folder)
    device = await site.enrol({ name: 'device', role: 'device' })
    clock = await site.enrol({ name: 'clock', role: 'timestamp' })
  })

  it('that dcmsign inserts from an answer of openssl prove the time to us', async () => {
    const wrong: string[] = []
    const digests = ['+tm2', '+tm3', '+tm5', '+tms']
    const keys = [device, await site.enrol({ name: 'curve', key: 'p-256' })]
    const cases = keys.flatMap((key) => FILES.flatMap((file) => digests.map((digest) => ({ key, file, digest }))))
    await forEachInPairs(cases, async ({ key, file, digest }, index) => {
      const path = (suffix: string): string => join(folder, `theirs${index}.${suffix}`)
      const source = subjectAt(`${TEST_FILES}/${file}`).path
      const signing = [
        '+s',
        key.keyPath,
        key.certificatePath,
        '+m2',
        '+ts',
        path('tsq'),
        path('uid'),
        digest,
        source,
        path('dcm'),
      ]
      const made = await runDcmsign(...signing)
      writeFileSync(path('tsr'), await replyTo(folder, clock, readFileSync(path('tsq'))))
      const stamped = await runDcmsign('+t', path('tsq'), path('tsr'), path('uid'), path('dcm'), path('stamped.dcm'))
      const [report] = verify(parse(new Uint8Array(readFileSync(path('stamped.dcm')))), site.anchors).signatures
      const isRecent = report?.time.outcome === 'holds' && Math.abs(Date.now() - report.time.time.getTime()) < RECENT_MS
      const isWeak = report?.time.outcome === 'holds' && report.time.timestamp.isWeak
      if (
        made.code !== 0 ||
        stamped.code !== 0 ||
        report?.state !== 'valid' ||
        !isRecent ||
        isWeak !== (digest === '+tms')
      ) {
        wrong.push(
          `${file} ${key.name} ${digest}: ${made.code} ${stamped.code} ${report?.state} ${report?.time.outcome}`,
        )
      }
    })
    assert.deepEqual(wrong, [])
    assert.equal(cases.length, 40)
  })

  it('that we insert prove the time to dcmsign, whoever the authority is', async () => {
    const embedded = createAuthority(clock.signer)
    const authorities = {
      openssl: (name: string, digest: Uint8Array) => stamp(folder, clock, name, digest),
      embedded: embedded.timestamp.bind(embedded),
    }
    const wrong: string[] = []
    for (const [authority, timestamp] of Object.entries(authorities)) {
      for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
        for (const file of FILES) {
          const request = {
            signer: device.signer,
            hash,
            purpose: '14',
            uid: '2.25.1',
            dateTime: nowAsDateTime(),
            timestamp,
          } as const
          const signed = await sign(subjectAt(`${TEST_FILES}/${file}`).file, [request])
          const { code, stderr } = await dcmsignVerify(folder, site.root.certificatePath, signed, '+tr', '+rg')
          const [report] = verify(parse(signed), site.anchors).signatures
          if (code !== 0 || report?.state !== 'valid' || report.time.outcome !== 'holds') {
            wrong.push(`${authority} ${hash} ${file}: ${code} ${report?.state} ${report?.time.outcome} ${stderr}`)
          }
        }
      }
    }
    assert.deepEqual(wrong, [])
  })

  const stamped = (
    token: (digest: Uint8Array) => Promise<Uint8Array>,
    dateTime = nowAsDateTime(),
  ): Promise<Uint8Array> =>
    sign(subjectAt(`${TEST_FILES}/CT_small.dcm`).file, [
      {
        signer: device.signer,
        hash: 'sha256',
        purpose: '14',
        uid: '2.25.1',
        dateTime,
        timestamp: (_, digest) => token(digest),
      },
    ])

  it('prove nothing over another value, and the signature stays what it is', async () => {
    const bytes = await stamped(() => stamp(folder, clock, 'sha256', new Uint8Array(32)))
    const [report] = verify(parse(bytes), site.anchors).signatures
    assert.ok(report?.time.outcome === 'fails')
    assert.equal(report.time.reason, 'imprint_wrong')
    assert.equal(report.mac.outcome, 'holds')
    assert.equal(report.state, 'time_unproven')
    assert.notEqual((await dcmsignVerify(folder, site.root.certificatePath, bytes, '+tr')).code, 0)
  })

  it('prove nothing when an authority is not known, or its certificate serves anything else', async () => {
    const other = await createSite(join(folder, 'other'))
    const stranger = await other.enrol({ name: 'stranger', role: 'timestamp' })
    const [unknown] = verify(
      parse(await stamped((digest) => stamp(folder, stranger, 'sha256', digest))),
      site.anchors,
    ).signatures
    assert.deepEqual(unknown?.time, { outcome: 'unknown', reason: 'authority_untrusted' })
    const impostor = createAuthority(device.signer)
    const [wrong] = verify(
      parse(await stamped((digest) => impostor.timestamp('sha256', digest))),
      site.anchors,
    ).signatures
    assert.ok(wrong?.time.outcome === 'fails')
    assert.equal(wrong.time.reason, 'authority_not_timestamping')
  })

  it('contradict a signature that claims to be younger than they are', async () => {
    const later = new Date(Date.now() + 3_600_000).toISOString().replace(/[-:T]/g, '').replace('Z', '')
    const bytes = await stamped((digest) => stamp(folder, clock, 'sha256', digest), `${later}000+0000`)
    const [report] = verify(parse(bytes), site.anchors).signatures
    assert.ok(report?.time.outcome === 'fails')
    assert.equal(report.time.reason, 'claimed_after_proven')
    assert.equal(report.state, 'tampered')
  })

  it('fail, and never throw, for every damaged byte of a token but two hints that CMS does not sign', async () => {
    const bytes = await stamped((digest) => stamp(folder, clock, 'sha256', digest))
    const token = signatureAt(parse(bytes)).timestamp
    assert.ok(token)
    const at = Buffer.from(bytes).indexOf(token)
    const holding: number[] = []
    for (let offset = 0; offset < token.length; offset += 5) {
      const damaged = bytes.slice()
      damaged[at + offset] = (damaged[at + offset] as number) ^ 0x10
      const [report] = verify(parse(damaged), site.anchors).signatures
      assert.equal(report?.mac.outcome, 'holds', `the token is no part of what is signed (${offset})`)
      if (report?.time.outcome === 'holds') holding.push(offset)
    }
    // SignedData starts with version and digestAlgorithms, hints for readers in one pass (RFC 5652 section 5.1).
    const start = Buffer.from(token).indexOf(Uint8Array.of(2, 1, 3, 0x31))
    const end = start + 5 + (token[start + 4] as number)
    assert.ok(
      holding.every((offset) => offset >= start && offset < end),
      `${holding} beyond ${start}..${end}`,
    )
  })
})
