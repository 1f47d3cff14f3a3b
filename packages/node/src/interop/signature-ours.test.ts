/**
 * Signatures that we make, as another implementation sees them: `dcmsign` of DCMTK on every file of the shared data.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { equalBytes, joinBytes } from '@fiducial/core/bytes/text.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { readSignatures } from '@fiducial/core/domain/signature/read.ts'
import { type SignatureRequest, signItem } from '@fiducial/core/domain/signature/sign.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type Element, findElement } from '@fiducial/core/formats/dicom/element.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { peer, run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { createSite, type Identity, type SigningSite } from '../testing/signing-site.ts'
import {
  assemble,
  dcmsign,
  dcmsignVerify,
  fitsProfiles,
  fitsReportProfile,
  forEachInPairs,
  nowAsDateTime,
  parse,
  SUBJECTS,
  sign,
  signatureSubjects,
  strip,
  subjectAt,
  UNKNOWN_TO_DCMSIGN,
  verify,
} from './signature-subjects.ts'

/** Exit codes of `dcmsign --verify`. */
const VERIFIED = 0
const NOT_VERIFIED = 101
const POLICY_NOT_MET = 102

const UIDS = ['2.25.1001', '2.25.1002'] as const

const CONTENT_SEQUENCE = 0x0040a730

const dcmconv = peer('dcmconv')

const HANDFUL = [
  'data/dicom/pydicom/test_files/CT_small.dcm',
  'data/dicom/pydicom/test_files/MR_small_implicit.dcm',
  'data/dicom/pydicom/test_files/MR_small_bigendian.dcm',
  'data/dicom/pydicom/test_files/image_dfl.dcm',
  'data/dicom/pydicom/test_files/JPEG2000.dcm',
  'data/dicom/pydicom/test_files/reportsi.dcm',
]

describe('signatures that we make', { skip: sharedSkip || dcmsign.skip }, () => {
  const folder = temporaryFolder()
  let site: SigningSite
  let device: Identity
  let technologist: Identity
  before(async () => {
    site = await createSite(folder)
    device = await site.enrol({ name: 'device', role: 'device' })
    technologist = await site.enrol({ name: 'technologist', role: 'person' })
  })

  const both = (): readonly SignatureRequest[] => [
    { signer: device.signer, hash: 'sha256', purpose: '14', uid: UIDS[0], dateTime: nowAsDateTime() },
    { signer: technologist.signer, hash: 'sha256', purpose: '1', uid: UIDS[1], dateTime: nowAsDateTime() },
  ]
  const dcmsignSays = async (bytes: Uint8Array, ...options: readonly string[]): Promise<number> =>
    (await dcmsignVerify(folder, site.root.certificatePath, bytes, ...options)).code

  it('satisfy dcmsign on every file, under every profile that the file has the attributes for', async () => {
    const subjects = signatureSubjects()
    const wrong: string[] = []
    const counts = { all: 0, profiles: 0, reports: 0, unknown: 0 }
    await forEachInPairs(subjects, async ({ name, file }) => {
      const signed = await sign(file, both())
      const isKnown = !UNKNOWN_TO_DCMSIGN.includes(name)
      const isProfiled = isKnown && fitsProfiles(file)
      const isReport = isKnown && fitsReportProfile(file)
      // Each option asks for what those before it ask for: a signature, then one of the profile.
      const asked = isProfiled ? ['+rc', '+ru', ...(isReport ? ['+rs'] : [])] : ['+rg', '+rc', '+ru']
      const refused = [isKnown ? VERIFIED : NOT_VERIFIED, POLICY_NOT_MET, POLICY_NOT_MET]
      const expected = isProfiled ? asked.map(() => VERIFIED) : refused
      const codes: number[] = []
      for (const option of asked) codes.push(await dcmsignSays(signed, option))
      if (codes.join() !== expected.join()) wrong.push(`${name}: ${codes.join()} and not ${expected.join()}`)
      counts.all++
      if (isProfiled) counts.profiles++
      if (isReport) counts.reports++
      if (!isKnown) counts.unknown++
    })
    assert.deepEqual(wrong, [])
    assert.deepEqual(counts, { all: SUBJECTS, profiles: 197, reports: 3, unknown: UNKNOWN_TO_DCMSIGN.length })
  })

  it('are valid to ourselves on every file, and leave open what cannot be signed only', async () => {
    const wrong: string[] = []
    for (const { name, file } of signatureSubjects()) {
      const report = verify(parse(await sign(file, both())), site.anchors)
      const states = report.signatures.map(({ state, signer, purpose }) => `${state} ${signer.role} ${purpose}`)
      if (states.join() !== 'valid device 14,valid person 1') wrong.push(`${name}: ${states.join()}`)
      if (report.malformed.length > 0) wrong.push(`${name}: malformed`)
    }
    assert.deepEqual(wrong, [])
  })

  it('come off again without a trace', async () => {
    const wrong: string[] = []
    const deflated: string[] = []
    for (const { name, bytes, file } of signatureSubjects()) {
      const signed = parse(await sign(file, both()))
      const whole = strip(signed)
      const picked = strip(signed, new Set(UIDS))
      if (!equalBytes(whole, picked)) wrong.push(`${name}: stripping by UID differs`)
      if (!file.isDeflated && !equalBytes(whole, bytes)) wrong.push(name)
      if (!file.isDeflated) continue
      // A compressor's choices cannot be repeated, and its input can.
      deflated.push(name)
      const [before, after] = [dataSetOf(file), dataSetOf(parse(whole))]
      if (!equalBytes(before, after)) wrong.push(`${name}: inflated`)
      if (!equalBytes(bytes.subarray(0, file.dataSetStart), whole.subarray(0, file.dataSetStart)))
        wrong.push(`${name}: head`)
    }
    assert.deepEqual(wrong, [])
    assert.deepEqual(deflated, [
      'CTImage.dcm_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm',
      'image_dfl.dcm',
    ])
  })

  it('come off one by one', async () => {
    const subject = subjectAt(HANDFUL[0] as string)
    const [first, second] = both()
    const onlySecond = strip(parse(await sign(subject.file, both())), new Set([UIDS[0]]))
    assert.deepEqual(uidsIn(onlySecond), [UIDS[1]])
    assert.equal(verify(parse(onlySecond), site.anchors).signatures[0]?.state, 'valid')
    assert.equal(await dcmsignSays(onlySecond, '+rg'), VERIFIED)
    // What was there before stays, with its own bytes.
    assert.ok(first && second)
    const inSteps = await sign(parse(await sign(subject.file, [first])), [second])
    assert.deepEqual(strip(parse(inSteps), new Set([UIDS[1]])), await sign(subject.file, [first]))
  })

  it('satisfy dcmsign with every key and digest that we offer', async () => {
    const digests = ['sha256', 'sha384', 'sha512'] as const
    const keys = ['rsa-2048', 'rsa-4096', 'p-256', 'p-384'] as const
    const wrong: string[] = []
    const holders = await Promise.all(keys.map((key) => site.enrol({ name: key, key, role: 'device' })))
    const cases = holders.flatMap((holder) =>
      digests.flatMap((hash) => HANDFUL.map((path) => ({ holder, hash, path }))),
    )
    await forEachInPairs(cases, async ({ holder: { signer }, hash, path }) => {
      const { file } = subjectAt(path)
      const uid = '2.25.77'
      const signed = await sign(file, [{ signer, hash, purpose: '14', uid, dateTime: nowAsDateTime() }])
      const code = await dcmsignSays(signed, '+rg')
      const [report] = verify(parse(signed), site.anchors).signatures
      if (code !== VERIFIED || report?.state !== 'valid')
        wrong.push(`${path} ${signer.algorithm} ${hash}: ${code} ${report?.state}`)
    })
    assert.deepEqual(wrong, [])
    assert.equal(cases.length, 72)
  })

  it('satisfy dcmsign where a file has signatures of hers already', async () => {
    const wrong: string[] = []
    for (const name of [
      'ct_creator_ts_plus_auth',
      'sr_item_then_main',
      'mr_be_creator',
      'mr_implicit_creator',
      'us_jpeg_multiframe_creator',
    ]) {
      const path = `vectors/signatures/signed/${name}.dcm`
      const { file, bytes } = subjectAt(path)
      const signed = await sign(file, both())
      const theirs = [
        '+cf',
        sharedPath('vectors/signatures/keys/root.pem'),
        '+uf',
        sharedPath('vectors/signatures/keys/int.pem'),
      ]
      const outcome = await dcmsignVerify(folder, site.root.certificatePath, signed, '+rg', ...theirs)
      if (outcome.code !== VERIFIED) wrong.push(`${name}: ${outcome.code}`)
      if (!equalBytes(strip(parse(signed), new Set(UIDS)), bytes)) wrong.push(`${name}: stripped`)
    }
    assert.deepEqual(wrong, [])
  })

  it('of an item satisfy dcmsign and ourselves, in every syntax and form of sequences', async () => {
    const report = sharedPath('data/dicom/pydicom/test_files/reportsi.dcm')
    const wrong: string[] = []
    for (const options of [['+te'], ['+ti'], ['+tb'], ['+td'], ['+te', '-e'], ['+ti', '-e']]) {
      const path = join(folder, `report${options.join('')}.dcm`)
      assert.equal((await run(dcmconv.path, [...options, report, path])).code, 0)
      const plain = new Uint8Array(readFileSync(path))
      const file = parse(plain)
      const places = [
        [{ tag: CONTENT_SEQUENCE, item: 2 }],
        [
          { tag: CONTENT_SEQUENCE, item: 1 },
          { tag: 0x0040a168, item: 1 },
        ],
      ]
      for (const [i, place] of places.entries()) {
        const [first, second] = both()
        assert.ok(first && second)
        const digests = new Digests(file.dataSet, nativeCrypto.hash)
        const { changes } = await signItem(file, place, { digests, crypto: nativeCrypto, requests: [first, second] })
        const signed = assemble(file, changes)
        const whole = await sign(parse(signed), [{ ...first, uid: '2.25.1003' }])
        const codes = [await dcmsignSays(signed, '+rg'), await dcmsignSays(whole, '+rg')]
        const states = verify(parse(whole), site.anchors).signatures.map(({ state }) => state)
        const name = `${options.join(' ')} place ${i}`
        if (codes.join() !== '0,0' || states.join() !== 'valid,valid,valid')
          wrong.push(`${name}: ${codes.join()} ${states.join()}`)
        // A signature of the whole covers those in it; a change beside the signed item breaks only that.
        const edited = parse(alter(whole, CONTENT_SEQUENCE, 3))
        const after = verify(edited, site.anchors).signatures.map(({ state }) => state)
        if (after.join() !== 'tampered,valid,valid') wrong.push(`${name} edited: ${after.join()}`)
      }
    }
    assert.deepEqual(wrong, [])
  })

  it('cover the tags of a list, as far as they are there', async () => {
    const { file } = subjectAt(HANDFUL[0] as string)
    const [request] = both()
    assert.ok(request)
    const signed = await sign(file, [{ ...request, tags: [0x00100010, 0x00100020, 0x00109999] }])
    assert.equal(await dcmsignSays(signed, '+rg'), VERIFIED)
    const [signature] = readSignatures(parse(signed).dataSet).signatures
    assert.deepEqual(signature?.signedTags, [0x00100010, 0x00100020])
    assert.equal(verify(parse(signed), site.anchors).signatures[0]?.state, 'insufficient_coverage')
  })

  it('are refused for an element that nobody can sign, and for a data set without any that can be', async () => {
    const { file } = subjectAt(HANDFUL[0] as string)
    const [request] = both()
    assert.ok(request)
    const malformed = (error: unknown): boolean =>
      error instanceof FormatError && error.code === 'dicom_signature_malformed'
    const directory = parse(
      new Uint8Array(readFileSync(sharedPath('data/dicom/pydicom/test_files/dicomdirtests/DICOMDIR'))),
    )
    await assert.rejects(sign(directory, [request]), malformed)
    await assert.rejects(sign(file, [{ ...request, tags: [0xfffcfffc] }]), malformed)
  })
})

/** The data set as it is spelled, inflated where it was deflated. */
const dataSetOf = ({ dataSet: { source } }: DicomFile): Uint8Array => joinBytes([...source.chunks(0, source.length)])

const uidsIn = (bytes: Uint8Array): readonly string[] =>
  readSignatures(parse(bytes).dataSet).signatures.map(({ uid }) => uid)

/** The file with another last letter in the text of an item of the report. */
function alter(bytes: Uint8Array, tag: number, number: number): Uint8Array {
  const file = parse(bytes)
  const sequence = findElement(file.dataSet.elements, tag)
  const value = findDeep(sequence?.items?.[number - 1]?.elements ?? [])
  if (value === undefined || sequence === undefined) throw new Error('the item has no text')
  const changed = file.dataSet.source.view(sequence.start, sequence.end).slice()
  const at = value.valueStart - sequence.start
  changed[at] = (changed[at] as number) ^ 1
  return assemble(file, [{ tag, bytes: changed }])
}

function findDeep(elements: readonly Element[]): Element | undefined {
  for (const element of elements) {
    const inner = element.items?.flatMap((item) => item.elements)
    const found = inner === undefined ? element : findDeep(inner)
    if (found !== undefined && found.valueEnd > found.valueStart) return found
  }
  return undefined
}
