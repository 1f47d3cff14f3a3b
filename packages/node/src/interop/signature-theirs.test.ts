/**
 * Signatures that another implementation makes, as we see them: `dcmsign` of DCMTK signs every file of the shared
 * data, and says which bytes it fed to the digest.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { macStreamBytes } from '@fiducial/core/domain/signature/digest.ts'
import { type DigitalSignature, readSignatures } from '@fiducial/core/domain/signature/read.ts'
import { isSignable } from '@fiducial/core/domain/signature/signable.ts'
import type { SignatureReport } from '@fiducial/core/domain/signature/verify.ts'
import { formatTag } from '@fiducial/core/formats/dicom/element.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { createSite, type Identity, type SigningSite } from '../testing/signing-site.ts'
import {
  dcmsign,
  fitsProfiles,
  fitsReportProfile,
  forEachInPairs,
  parse,
  runDcmsign,
  type SignatureSubject,
  SUBJECTS,
  signatureSubjects,
  UNKNOWN_TO_DCMSIGN,
  verify,
} from './signature-subjects.ts'

/** Exit code where `dcmsign` cannot sign as asked. */
const CANNOT_SIGN = 85

type Mac = 'sha256' | 'sha384' | 'sha512' | 'ripemd160' | 'sha1' | 'md5'
const MAC_OPTIONS: Readonly<Record<Mac, string>> = {
  sha256: '+m2',
  sha384: '+m3',
  sha512: '+m5',
  ripemd160: '+mr',
  sha1: '+ms',
  md5: '+mm',
}
const WEAK: ReadonlySet<string> = new Set(['ripemd160', 'sha1', 'md5'])

describe('signatures that dcmsign makes', { skip: sharedSkip || dcmsign.skip }, () => {
  const folder = temporaryFolder()
  let site: SigningSite
  let rsa: readonly Identity[]
  let all: readonly Identity[]
  before(async () => {
    site = await createSite(folder)
    rsa = [
      await site.enrol({ name: 'rsa-2048', key: 'rsa-2048' }),
      await site.enrol({ name: 'rsa-3072', key: 'rsa-3072' }),
    ]
    const curves = [
      await site.enrol({ name: 'p-256', key: 'p-256' }),
      await site.enrol({ name: 'p-384', key: 'p-384' }),
    ]
    all = [...rsa, ...curves]
  })

  const ANY_KEY: readonly Mac[] = ['sha256', 'sha512', 'sha384', 'ripemd160', 'sha1', 'md5']
  const RSA_ONLY: readonly Mac[] = ['sha256', 'sha512']
  /** Every file is signed once by each pair: a profile decides what is asked for, and not how it is spelled. */
  const PAIRS = [
    { name: 'no profile or the Base profile', options: ['-pf', '+pb'], asksForUids: false },
    { name: 'the Creator or the Authorization profile', options: ['+pc', '+pa'], asksForUids: true },
  ] as const

  for (const { name, options, asksForUids } of PAIRS) {
    it(`are valid under ${name}, and digest the bytes that we digest, on every file`, async () => {
      const wrong: string[] = []
      const counts = { signed: 0, refused: 0 }
      const seen = new Set<string>()
      await forEachInPairs(signatureSubjects(), async (subject, index) => {
        const option = options[index % 2] as string
        const turn = Math.floor(index / 2)
        const [keys, macs] = option === '-pf' ? [all, ANY_KEY] : [rsa, RSA_ONLY]
        const key = keys[turn % keys.length] as Identity
        const mac = macs[Math.floor(turn / keys.length) % macs.length] as Mac
        const made = await signByDcmsign(subject, key, option, MAC_OPTIONS[mac])
        const isRefusal = UNKNOWN_TO_DCMSIGN.includes(subject.name) || (asksForUids && !fitsProfiles(subject.file))
        if (isRefusal || made.code !== 0) {
          if (!isRefusal || made.code !== CANNOT_SIGN) wrong.push(`${subject.name}: dcmsign exits with ${made.code}`)
          counts.refused++
          return
        }
        counts.signed++
        seen.add(`${option} ${key.name} ${mac}`)
        const problem = judge(parse(made.bytes), made.dump, mac)
        if (problem !== undefined) wrong.push(`${subject.name} ${key.name} ${mac}: ${problem}`)
      })
      assert.deepEqual(wrong, [])
      assert.equal(counts.signed + counts.refused, SUBJECTS)
      assert.equal(counts.refused, asksForUids ? SUBJECTS - 197 : UNKNOWN_TO_DCMSIGN.length)
      // Four keys and six digests, or two and two: each with each.
      assert.equal(seen.size, asksForUids ? 2 * 4 : 24 + 4)
    })
  }

  it('of a sequence item hold in it, and digest the bytes that we digest, on every file with such an item', async () => {
    const wrong: string[] = []
    let count = 0
    await forEachInPairs(signatureSubjects(), async ({ name, path, file }, index) => {
      const sequence = file.dataSet.elements.find(
        (element) => element.vr === 'SQ' && isSignable(element) && element.items?.[0]?.elements.some(isSignable),
      )
      if (sequence === undefined || UNKNOWN_TO_DCMSIGN.includes(name)) return
      const key = all[index % all.length] as Identity
      const place = `${formatTag(sequence.tag)}[0]`
      const made = await runSigning('+si', key.keyPath, key.certificatePath, place, '-pf', '+m2', path)
      count++
      const signed = parse(made.bytes)
      const [report] = verify(signed, site.anchors).signatures
      const [signature] = readSignatures(signed.dataSet).signatures
      if (made.code !== 0 || report?.state !== 'valid' || report.path !== `${formatTag(sequence.tag)}[1]`) {
        wrong.push(`${name} ${place}: dcmsign exits with ${made.code}, we say ${report?.state} at ${report?.path}`)
      } else if (signature === undefined || Buffer.compare(streamOf(signed, signature, report), made.dump) !== 0) {
        wrong.push(`${name} ${place}: the stream differs`)
      }
    })
    assert.deepEqual(wrong, [])
    assert.equal(count, 110)
  })

  it('are valid under the Structured Report profiles, on every report', async () => {
    const reports = signatureSubjects().filter(({ file }) => fitsReportProfile(file))
    assert.equal(reports.length, 3)
    const seen: string[] = []
    for (const report of reports) {
      for (const option of ['+pr', '+pv']) {
        const made = await signByDcmsign(report, all[1] as Identity, option, '+m2')
        // Only a report that says it is verified takes a verification signature.
        if (made.code === CANNOT_SIGN) continue
        const file = parse(made.bytes)
        assert.equal(judge(file, made.dump, 'sha256'), undefined, `${report.name} ${option}`)
        seen.push(`${report.name} ${option} ${verify(file, site.anchors).signatures[0]?.purpose ?? 'no purpose'}`)
      }
    }
    assert.deepEqual(seen, [
      'reportsi.dcm +pr no purpose',
      'reportsi_with_empty_number_tags.dcm +pr no purpose',
      'test-SR.dcm +pr no purpose',
      'test-SR.dcm +pv 5',
    ])
  })

  const signByDcmsign = (
    { path }: SignatureSubject,
    { keyPath, certificatePath }: Identity,
    ...options: readonly string[]
  ): Promise<Made> => runSigning('+s', keyPath, certificatePath, ...options, path)

  interface Made {
    readonly code: number
    readonly bytes: Uint8Array
    readonly dump: Uint8Array
  }

  async function runSigning(...args: readonly string[]): Promise<Made> {
    const [out, dump] = [join(folder, `theirs${++counter}.dcm`), join(folder, `theirs${counter}.mac`)]
    const { code } = await runDcmsign('+d', dump, ...args, out)
    const take = (file: string): Uint8Array => {
      if (!existsSync(file)) return new Uint8Array(0)
      const bytes = new Uint8Array(readFileSync(file))
      rmSync(file)
      return bytes
    }
    return { code, bytes: take(out), dump: take(dump) }
  }
  let counter = 0

  /** What is wrong with the only signature of a file, if anything. */
  function judge(file: DicomFile, dump: Uint8Array, mac: Mac): string | undefined {
    const { signatures, malformed } = verify(file, site.anchors)
    const [report] = signatures
    if (report === undefined || signatures.length !== 1 || malformed.length > 0)
      return 'there is no signature, or more than one'
    if (report.mac.outcome !== 'holds' || report.state !== 'valid') return `${report.mac.outcome} ${report.state}`
    if (report.hash !== mac || report.isWeakHash !== WEAK.has(mac)) return `digest ${report.hash}`
    const [signature] = readSignatures(file.dataSet).signatures
    assert.ok(signature)
    const ours = streamOf(file, signature, report)
    return Buffer.compare(ours, dump) === 0
      ? undefined
      : `the stream differs: ${ours.length} bytes against ${dump.length}`
  }
})

/** The bytes that were digested, read as they had to be for the signature to hold. */
function streamOf({ dataSet }: DicomFile, signature: DigitalSignature, { mac }: SignatureReport): Uint8Array {
  const isNormalised = mac.outcome === 'holds' && mac.by === 'normalised_padding'
  return joinBytes(macStreamBytes(dataSet.source, dataSet, signature, isNormalised ? 'normalised' : 'as_stored'))
}
